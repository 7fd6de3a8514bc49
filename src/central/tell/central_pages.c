/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: pages
 *
 * Owns the port and the table of its sources: the files of the page, what it fetches, the stream of
 * events, and /metrics.
 */
#include "central/tell/central_pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "central/config/central_config.h"
#include "central/tell/central_access.h"
#include "central/tell/central_live.h"
#include "central/tell/central_tell.h"
#include "serve/http_port.h"
#include "web/web.h"

struct central_pages {
	const struct central_tell *t;
	struct http_file files[HTTP_SOURCES_MAX];
	struct http_source sources[HTTP_SOURCES_MAX];
	size_t n;
	struct http_port *port;
};

static const struct http_source *const central_pages_data[] = {
	&central_metrics_source,       &central_json_hosts_source,
	&central_json_status_source,   &central_json_mesh_source,
	&central_json_incidents_source, &central_json_links_source,
	&central_json_evidence_source,  &central_post_source,
	&central_json_mesh_times_source, &central_json_pair_source,
	&central_json_coverage_source, &central_json_paths_source,
	&central_json_switches_source, &central_json_tors_source,
	&central_plain_source,
};
#define CENTRAL_PAGES_DATA (sizeof(central_pages_data) / sizeof(central_pages_data[0]))

static void
central_pages_collect(struct central_pages *pages, struct central_tell *t)
{
	for (size_t i = 0; i < web_files_n; i++) {
		pages->files[i] = (struct http_file){web_files[i].type, web_files[i].data,
						     web_files[i].len};
		pages->sources[pages->n++] = (struct http_source){.path = web_files[i].path,
								  .file = &pages->files[i]};
	}
	for (size_t i = 0; i < CENTRAL_PAGES_DATA; i++) {
		pages->sources[pages->n] = *central_pages_data[i];
		pages->sources[pages->n++].arg = t;
	}
	pages->sources[pages->n++] = (struct http_source){
		.path = "/api/1/events", .events = central_live_events(t->live)};
}

int
central_pages_new(struct central_tell *t, struct central_pages **out)
{
	struct central_pages *pages = calloc(1, sizeof(*pages));
	struct http_port_config port = {.loop = t->loop, .key = "listen",
				   .guard = central_access_guard(t->access)};
	int rc;

	if (!pages)
		return -ENOMEM;
	pages->t = t;
	central_pages_collect(pages, t);
	port.n_sources = pages->n;
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
	central_access_sync(pages->t->access, pages->t->config);
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
