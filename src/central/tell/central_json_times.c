/* SPDX-License-Identifier: Apache-2.0 */
/* Of which minutes the history has kept the mesh, as JSON, all at once: runs are few. */
#include <errno.h>
#include <inttypes.h>

#include "central/history/history_mesh.h"
#include "central/tell/central_json.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"

static int
central_times_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)arg;
	(void)asked;
	*page = NULL;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

static void
central_times_write(FILE *out, const struct history_mesh *mesh)
{
	struct history_mesh_info info;

	history_mesh_info(mesh, &info);
	fprintf(out, "{\"type\":\"mesh_times\",\"step_s\":%d,\"days\":%" PRIu32 ",\"size_max\":"
		"%" PRIu64 ",\"size\":%" PRIu64 ",\"on_disk\":%s,\"reason\":",
		HISTORY_MESH_STEP_S, info.days, info.size_max, info.size,
		info.on_disk ? "true" : "false");
	if (info.reason[0])
		central_json_text(out, info.reason);
	else
		fputs("null", out);
	fputs(",\"runs\":[", out);
	for (size_t i = 0; i < info.n_runs; i++) {
		struct history_mesh_run run = history_mesh_run(mesh, i);

		fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? ",\n" : "\n", run.first_ns,
			run.last_ns);
	}
	fputs("]}\n", out);
}

static int
central_times_more(void *arg, void *page, struct buffer *out)
{
	const struct central_tell *t = arg;
	struct central_json_piece piece;

	(void)page;
	if (central_json_open(&piece) < 0)
		return -ENOMEM;
	central_times_write(piece.file, central_live_history(t->live));
	return central_json_close(&piece, out);
}

static void
central_times_end(void *arg, void *page)
{
	(void)arg;
	(void)page;
}

const struct http_source central_json_mesh_times_source = {.path = "/api/1/mesh/times",
							   .begin = central_times_begin,
							   .more = central_times_more,
							   .end = central_times_end};
