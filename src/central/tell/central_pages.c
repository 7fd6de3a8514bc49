/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: pages
 *
 * Owns the port and the table of its sources. The first page is text without data, so it has no
 * state.
 */
#include "central/tell/central_pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_config.h"
#include "central/tell/central_tell.h"
#include "serve/http_port.h"

#define CENTRAL_PAGES_N 4

struct central_pages {
	const struct central_tell *t;
	struct http_source sources[CENTRAL_PAGES_N];
	struct http_port *port;
};

static const char central_pages_first[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head><meta charset=\"utf-8\"><title>rpingmesh-central</title></head>\n"
	"<body>\n"
	"<h1>rpingmesh-central</h1>\n"
	"<ul>\n"
	"<li><a href=\"/api/1/status\">/api/1/status</a>: its state, with all that is wrong\n"
	"<li><a href=\"/api/1/hosts\">/api/1/hosts</a>: the hosts of the cluster\n"
	"<li><a href=\"/metrics\">/metrics</a>: metrics for Prometheus\n"
	"</ul>\n"
	"</body>\n"
	"</html>\n";

static int
central_pages_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)asked;
	*page = arg;
	*type = "text/html; charset=utf-8";
	return 0;
}

static int
central_pages_more(void *arg, void *page, struct buffer *out)
{
	int rc = buffer_reserve(out, sizeof(central_pages_first) - 1);

	(void)arg;
	(void)page;
	if (rc == 0)
		buffer_add(out, central_pages_first, sizeof(central_pages_first) - 1);
	return rc;
}

static void
central_pages_end(void *arg, void *page)
{
	(void)arg;
	(void)page;
}

int
central_pages_new(struct central_tell *t, struct central_pages **out)
{
	static const struct http_source first = {.path = "/",
						 .begin = central_pages_begin,
						 .more = central_pages_more,
						 .end = central_pages_end};
	const struct http_source *const sources[CENTRAL_PAGES_N] = {
		&first, &central_metrics_source, &central_json_hosts_source,
		&central_json_status_source};
	struct central_pages *pages = calloc(1, sizeof(*pages));
	struct http_port_config port = {
		.loop = t->loop, .key = "listen", .n_sources = CENTRAL_PAGES_N};
	int rc;

	if (!pages)
		return -ENOMEM;
	pages->t = t;
	for (size_t i = 0; i < CENTRAL_PAGES_N; i++) {
		pages->sources[i] = *sources[i];
		pages->sources[i].arg = t;
	}
	port.sources = pages->sources;
	rc = http_port_new(&port, &pages->port);
	if (rc < 0)
		free(pages);
	else
		*out = pages;
	return rc;
}

void
central_pages_free(struct central_pages *pages)
{
	if (!pages)
		return;
	http_port_free(pages->port);
	free(pages);
}

void
central_pages_sync(struct central_pages *pages)
{
	http_port_listen(pages->port, pages->t->config->listen);
}

void
central_pages_retry(struct central_pages *pages)
{
	http_port_retry(pages->port);
}

bool
central_pages_sentence(const struct central_pages *pages, char *text, size_t room)
{
	char fault[256];

	if (!http_port_fault(pages->port, fault, sizeof(fault)))
		return false;
	snprintf(text, room, "no metrics and pages: %s; tried again every few seconds", fault);
	return true;
}

void
central_pages_stats(const struct central_pages *pages, struct http_stats *out)
{
	http_port_stats(pages->port, out);
}
