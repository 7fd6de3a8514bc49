/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the page of metrics
 *
 * The page is made family by family; families by path are made in pieces of METRICS_PIECE paths.
 * Each sample is right at the time when it is written, so later families may include later results.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/config/config.h"
#include "agent/tell/tell.h"
#include "agent/tell/metrics_impl.h"

#define METRICS_PIECE 25 /* paths with a histogram of 25 lines each; well below 1 ms */

static int
metrics_begin(void *arg, const char *accept, void **out, const char **type)
{
	struct metrics_page *page = calloc(1, sizeof(*page));

	if (!page)
		return -ENOMEM;
	page->metrics = arg;
	page->format = exposition_negotiate(accept);
	metric_paths_hold(page->metrics->paths);
	*type = exposition_content_type(page->format);
	*out = page;
	return 0;
}

static void
metrics_end(void *arg, void *state)
{
	struct metrics *metrics = arg;

	metric_paths_release(metrics->paths);
	free(state);
}

/* Writes some paths of a family. */
static void
metrics_some_paths(struct metrics_page *page, const struct metrics_family *family,
		   struct exposition *e)
{
	const struct metrics *m = page->metrics;
	const char *by = m->t->config->metrics_by_tor ? "tor" : "peer";
	size_t end = page->at + METRICS_PIECE;
	const struct metric_path *path;

	while (page->at < end && (path = metric_paths_at(m->paths, page->at))) {
		struct exposition_label labels[EXPOSITION_LABELS_MAX] = {
			{"device", path->device}, {by, path->peer}, {"kind",
			 probe_kind_name(path->kind)},
		};

		family->path(e, labels, path);
		page->at++;
	}
	/* Do this now, because the next piece would be empty. */
	if (!metric_paths_at(m->paths, page->at)) {
		page->at = 0;
		page->next++;
	}
}

/* Writes one piece: some paths of a family, or the next families without paths. */
static int
metrics_more(void *arg, void *state, struct buffer *out)
{
	const struct metrics_family *family;
	struct metrics_page *page = state;
	struct exposition e = {.out = out, .format = page->format};

	do {
		family = &metrics_families[page->next];
		if (page->at == 0)
			exposition_family(&e, &family->head);
		else
			e.family = &family->head;
		if (family->path) {
			metrics_some_paths(page, family, &e);
			break;
		}
		if (family->device)
			metrics_devices(&e, arg, family->device);
		else
			family->write(&e, arg);
		page->next++;
	} while (page->next < metrics_n_families);
	if (page->next < metrics_n_families)
		return e.failed ? -ENOMEM : 1;
	exposition_end(&e);
	return e.failed ? -ENOMEM : 0;
}

const struct http_source metrics_source = {.begin = metrics_begin,
					   .more = metrics_more,
					   .end = metrics_end};
