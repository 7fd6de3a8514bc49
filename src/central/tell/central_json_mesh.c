/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the mesh as JSON
 *
 * A page holds a view of the picture, which does not change while the page is sent, and writes
 * CENTRAL_MESH_PIECE cells at a time. With the parameters "from" and "to", it is a view of the
 * ports under two ToRs. With "since", it has only what has changed, if that is known. With "at",
 * it is a view that the history has kept. With "pods", many switches are shown by their pods, or
 * those of two pods, which are made from the view in steps.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_topology.h"
#include "central/history/history_mesh.h"
#include "central/intake/intake.h"
#include "central/picture/picture.h"
#include "central/picture/picture_pods.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "record/report.h"
#include "serve/query.h"

#define CENTRAL_MESH_PIECE 2000
#define CENTRAL_MESH_DELAYS 500 /* names whose delays are written at a time */

struct central_mesh {
	struct picture_view *view;
	struct history_mesh_ask *ask; /* for a view that is kept; NULL: none, or answered */
	bool kept;
	struct picture_pods *pods;    /* that are being made; NULL: none, or made */
	bool by_pods;                 /* rows and columns are pods */
	enum { CENTRAL_MESH_SWITCHES, CENTRAL_MESH_PODS, CENTRAL_MESH_IN_PODS } what;
	struct picture_info info;
	char from[PICTURE_NAME], to[PICTURE_NAME]; /* switches or pods; "": the whole mesh */
	uint64_t since_ns;       /* only what has changed since; 0: everything */
	bool begun, listed, some; /* what is written: the head, all names, a cell */
	uint32_t name, delay, gone, cell; /* the next ones */
};

/* Looks at the present mesh. Returns 0, -EINVAL if a parameter is wrong, or -errno. */
static int
central_mesh_now(const struct central_tell *t, struct central_mesh *mesh)
{
	const struct picture_time now = {clock_mono_ns(), clock_wall_ns()};
	struct picture_view *whole = picture_hold(central_live_picture(t->live));
	int rc;

	if (!mesh->from[0] || mesh->what == CENTRAL_MESH_IN_PODS) {
		mesh->view = whole;
		return 0;
	}
	rc = picture_into(whole, t->intake, mesh->from, mesh->to, &now, &mesh->view);
	picture_release(whole);
	return rc == -ENOENT || rc == -E2BIG ? -EINVAL : rc;
}

/* What is above a switch, by the topology. */
static const char *
central_mesh_pod_of(void *arg, const char *name)
{
	size_t n;
	const struct central_topology_child *above = central_topology_above(arg, name, &n);

	return n ? above[0].parent : NULL;
}

/* The whole mesh is there. Returns 0, -EINVAL if there are no such pods, or -ENOMEM. */
static int
central_mesh_begin_pods(const struct central_tell *t, struct central_mesh *mesh)
{
	int rc;

	picture_info(mesh->view, &mesh->info);
	if (mesh->what == CENTRAL_MESH_SWITCHES ||
	    (mesh->what == CENTRAL_MESH_PODS && mesh->info.names <= PICTURE_MANY))
		return 0;
	mesh->by_pods = mesh->what == CENTRAL_MESH_PODS;
	rc = picture_pods_new(mesh->view, t->topology ? central_mesh_pod_of : NULL,
			      (void *)(uintptr_t)t->topology, &mesh->pods);
	if (rc == 0 && mesh->what == CENTRAL_MESH_IN_PODS)
		rc = picture_pods_into(mesh->pods, mesh->from, mesh->to);
	return rc == -ENOENT ? -EINVAL : rc;
}

/* Returns 0 if the view is there, 1 if more has to be done, or -ENOMEM. */
static int
central_mesh_step_pods(struct central_mesh *mesh)
{
	struct picture_view *made;
	int rc = picture_pods_step(mesh->pods, &made);

	if (rc != 0)
		return rc;
	picture_pods_free(mesh->pods);
	mesh->pods = NULL;
	picture_release(mesh->view);
	mesh->view = made;
	picture_info(mesh->view, &mesh->info);
	return 0;
}

/* If what has changed since then is known, that is all. The names are the same. */
static void
central_mesh_since(const char *query, struct central_mesh *mesh)
{
	char text[24];

	if (mesh->from[0] || mesh->pods ||
	    query_text(query, "since", text, sizeof(text)) < 0 || !text[0])
		return;
	mesh->since_ns = strtoull(text, NULL, 10);
	if (!picture_knows_since(mesh->view, mesh->since_ns))
		mesh->since_ns = 0;
	else
		mesh->name = mesh->info.names;
}

static int
central_mesh_then(const struct central_tell *t, const char *at, struct central_mesh *mesh)
{
	unsigned long long at_ns;
	char *end;

	errno = 0;
	at_ns = strtoull(at, &end, 10);
	if ((mesh->from[0] && mesh->what != CENTRAL_MESH_IN_PODS) || at[0] < '0' || at[0] > '9' ||
	    *end || errno)
		return -EINVAL;
	mesh->kept = true;
	return history_mesh_ask(central_live_history(t->live), at_ns, &mesh->ask);
}

static int
central_mesh_look(const struct central_tell *t, const char *query, struct central_mesh *mesh)
{
	char at[24], pods[8] = "";
	int rc = query_text(query, "from", mesh->from, sizeof(mesh->from));

	if (rc == 0)
		rc = query_text(query, "to", mesh->to, sizeof(mesh->to));
	if (rc == 0)
		rc = query_text(query, "at", at, sizeof(at));
	if (rc == 0)
		rc = query_text(query, "pods", pods, sizeof(pods));
	if (rc == 0 && !mesh->from[0] != !mesh->to[0])
		rc = -EINVAL;
	if (pods[0])
		mesh->what = mesh->from[0] ? CENTRAL_MESH_IN_PODS : CENTRAL_MESH_PODS;
	if (rc < 0)
		return rc;
	return at[0] ? central_mesh_then(t, at, mesh) : central_mesh_now(t, mesh);
}

static void
central_mesh_end(void *arg, void *page)
{
	struct central_mesh *mesh = page;

	(void)arg;
	history_mesh_forget(mesh->ask);
	picture_pods_free(mesh->pods);
	picture_release(mesh->view);
	free(mesh);
}

static int
central_mesh_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct central_mesh *mesh = calloc(1, sizeof(*mesh));
	int rc = mesh ? central_mesh_look(arg, asked->query, mesh) : -ENOMEM;

	if (rc == 0 && mesh->view)
		rc = central_mesh_begin_pods(arg, mesh);
	if (rc < 0) {
		if (mesh)
			central_mesh_end(arg, mesh);
		return rc;
	}
	if (mesh->view)
		central_mesh_since(asked->query, mesh);
	*page = mesh;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

static void
central_mesh_head(FILE *out, const struct central_mesh *mesh)
{
	fprintf(out, "{\"type\":\"mesh\",\"time_ns\":%" PRIu64 ",\"window_s\":%" PRIu64,
		mesh->info.time_ns, (uint64_t)(mesh->info.window_ns / NSEC_PER_SEC));
	if (mesh->from[0]) {
		fputs(",\"from\":", out);
		central_json_text(out, mesh->from);
		fputs(",\"to\":", out);
		central_json_text(out, mesh->to);
	}
	if (mesh->by_pods)
		fputs(",\"pods\":true", out);
	if (mesh->since_ns)
		fprintf(out, ",\"since\":%" PRIu64, mesh->since_ns);
	if (mesh->kept)
		fputs(",\"kept\":true", out);
	fprintf(out, ",\"left_out\":%" PRIu64 ",\"unknown\":%" PRIu64,
		mesh->info.left_out, mesh->info.unknown);
	fprintf(out, ",\"rows\":%" PRIu32 ",\"columns\":%" PRIu32 ",\"names\":[", mesh->info.rows,
		mesh->info.columns);
}

static void
central_mesh_ns(FILE *out, uint64_t ns)
{
	if (ns)
		fprintf(out, ",%" PRIu64, ns);
	else
		fputs(",null", out);
}

static void
central_mesh_cell(FILE *out, const struct picture_cell *cell)
{
	fprintf(out, "[%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		cell->from, cell->to, cell->sent, cell->answered, cell->lost, cell->noise);
	central_mesh_ns(out, cell->answered ? cell->rtt_us * 1000 / cell->answered : 0);
	central_mesh_ns(out, cell->rtt_p50_ns);
	central_mesh_ns(out, cell->rtt_p99_ns);
	central_mesh_ns(out, cell->baseline_ns);
	fputs("]", out);
}

/* Gets the next cell: first those that have no probes any more, since they may be back. */
static bool
central_mesh_next(struct central_mesh *mesh, struct picture_cell *out)
{
	if (mesh->since_ns && picture_gone(mesh->view, mesh->since_ns, &mesh->gone, out))
		return true;
	while (mesh->cell < mesh->info.cells && mesh->since_ns &&
	       !picture_cell_since(mesh->view, mesh->cell, mesh->since_ns))
		mesh->cell++;
	if (mesh->cell == mesh->info.cells)
		return false;
	*out = *picture_cell(mesh->view, mesh->cell++);
	return true;
}

/* Of the name, as row and as column. */
static void
central_mesh_delays(FILE *out, const struct report_delays *d)
{
	fprintf(out, "[%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]", d->prober_p50_ns,
		d->prober_p99_ns, d->responder_p50_ns, d->responder_p99_ns);
}

/* Writes what is between names and cells. Returns whether there is more of it. */
static bool
central_mesh_list(FILE *out, struct central_mesh *mesh)
{
	bool known = mesh->view && mesh->info.names && picture_delays(mesh->view, 0);
	uint32_t end = mesh->info.names - mesh->delay > CENTRAL_MESH_DELAYS ?
			       mesh->delay + CENTRAL_MESH_DELAYS : mesh->info.names;

	if (mesh->delay == 0)
		fputs(known ? "],\n\"delays\":[" : "],\n\"delays\":null", out);
	for (; known && mesh->delay < end; mesh->delay++) {
		fputs(mesh->delay ? "," : "", out);
		central_mesh_delays(out, picture_delays(mesh->view, mesh->delay));
	}
	if (known && mesh->delay < mesh->info.names)
		return true;
	fputs(known ? "],\n\"cells\":[" : ",\n\"cells\":[", out);
	mesh->listed = true;
	return false;
}

/* Writes the next names and cells. Returns whether there are more. */
static bool
central_mesh_some(FILE *out, struct central_mesh *mesh)
{
	struct picture_cell cell;
	int n = 0;

	if (!mesh->begun)
		central_mesh_head(out, mesh);
	for (; mesh->name < mesh->info.names && n < CENTRAL_MESH_PIECE; n++) {
		fputs(mesh->name ? "," : "", out);
		central_json_text(out, picture_name(mesh->view, mesh->name++));
	}
	if (mesh->name < mesh->info.names)
		return true;
	if (!mesh->listed && central_mesh_list(out, mesh))
		return true;
	while (n < CENTRAL_MESH_PIECE && central_mesh_next(mesh, &cell)) {
		fputs(mesh->some ? ",\n" : "\n", out);
		central_mesh_cell(out, &cell);
		mesh->some = true;
		n++;
	}
	if (n == CENTRAL_MESH_PIECE)
		return true;
	fputs("]}\n", out);
	return false;
}

/* There may have been no such pods at that time: then there is nothing to show. */
static int
central_mesh_then_pods(const struct central_tell *t, struct central_mesh *mesh)
{
	int rc = central_mesh_begin_pods(t, mesh);

	if (rc != -EINVAL)
		return rc;
	picture_pods_free(mesh->pods);
	mesh->pods = NULL;
	picture_release(mesh->view);
	mesh->view = NULL;
	mesh->info = (struct picture_info){0};
	return 0;
}

/* Takes the answer of the history. Returns 0, -EAGAIN if it comes later, or -errno. */
static int
central_mesh_take(const struct central_tell *t, struct central_mesh *mesh)
{
	int rc = history_mesh_answer(mesh->ask, &mesh->view);

	if (rc == 0)
		rc = central_mesh_then_pods(t, mesh);
	else if (rc == -ENOENT)
		rc = 0; /* there is nothing to show */
	if (rc != 0)
		return rc;
	history_mesh_forget(mesh->ask);
	mesh->ask = NULL;
	return 0;
}

static int
central_mesh_more(void *arg, void *page, struct buffer *out)
{
	struct central_mesh *mesh = page;
	struct central_json_piece piece;
	int rc = mesh->ask ? central_mesh_take(arg, mesh) : 0;
	bool more;

	if (rc == -EAGAIN)
		return HTTP_LATER;
	if (rc == 0 && mesh->pods)
		rc = central_mesh_step_pods(mesh);
	if (rc > 0)
		return rc;
	if (rc < 0 || central_json_open(&piece) < 0)
		return rc < 0 ? rc : -ENOMEM;
	more = central_mesh_some(piece.file, mesh);
	mesh->begun = true;
	rc = central_json_close(&piece, out);
	return rc < 0 ? rc : more;
}

const struct http_source central_json_mesh_source = {.path = "/api/1/mesh",
						     .begin = central_mesh_begin,
						     .more = central_mesh_more,
						     .end = central_mesh_end};
