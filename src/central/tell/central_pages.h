/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rpingmesh-central shows over HTTP on `listen`: the page for browsers (web.h), /metrics for
 * Prometheus, and /api/1/… with records as JSON. rpingmesh-central(8) lists them.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_PAGES_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/http.h"

struct central_pages;
struct central_tell;

/* Serves nothing before central_pages_sync(). Returns 0 and sets *out, or -ENOMEM. */
int central_pages_new(struct central_tell *t, struct central_pages **out);
/* NULL is allowed. */
void central_pages_free(struct central_pages *pages);

/* Makes the address match the configuration. If that fails, central_pages_retry() tries again. */
void central_pages_sync(struct central_pages *pages);
void central_pages_retry(struct central_pages *pages);

/* A sentence about why there are no pages. Returns false if there is no such problem. */
bool central_pages_sentence(const struct central_pages *pages, char *text, size_t room);
void central_pages_stats(const struct central_pages *pages, struct http_stats *out);

/* The sources of central_metrics.c and central_json*.c, whose arg is the struct central_tell. */
extern const struct http_source central_metrics_source;
extern const struct http_source central_json_coverage_source;
extern const struct http_source central_json_evidence_source;
extern const struct http_source central_json_pair_source;
extern const struct http_source central_json_hosts_source;
extern const struct http_source central_json_links_source;
extern const struct http_source central_json_incidents_source;
extern const struct http_source central_json_mesh_source;
extern const struct http_source central_json_mesh_times_source;
extern const struct http_source central_json_paths_source;
extern const struct http_source central_json_status_source;
extern const struct http_source central_json_switches_source;
extern const struct http_source central_json_tors_source;
extern const struct http_source central_plain_source;
extern const struct http_source central_post_source;

#endif
