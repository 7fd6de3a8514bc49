/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the history of the mesh
 *
 * Keeps how the mesh was, switch by switch, for each minute: in an SQLite file beside that of the
 * incidents, whose name has HISTORY_MESH_SUFFIX more. All of SQLite runs in a worker thread, and so
 * does packing; the loop waits for nothing. If the file does not work, or there is none, the last
 * hour is kept in memory.
 *
 * A minute is the sum of three pictures, of 20 s each. The minute that is not over yet is lost when
 * the program ends.
 */
#ifndef RPINGMESH_CENTRAL_HISTORY_HISTORY_MESH_H
#define RPINGMESH_CENTRAL_HISTORY_HISTORY_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_MESH_SUFFIX ".mesh"
#define HISTORY_MESH_STEP_S 60

struct history_mesh;
struct history_mesh_ask;
struct loop;
struct picture_view;

struct history_mesh_config {
	struct loop *loop;       /* borrowed */
	const char *database;    /* that of the incidents, only used by new(); history_is_off() */
	bool optional;
	uint32_t days;
	uint64_t size_max;       /* bytes */
};

/* Returns 0 and sets *out, which the caller owns, or -errno. Opens the file in the background. */
int history_mesh_new(const struct history_mesh_config *config, struct history_mesh **out);
/* All questions must have ended. NULL is allowed. */
void history_mesh_free(struct history_mesh *mesh);

/* There is a new picture of the mesh, which the caller holds. */
void history_mesh_add(struct history_mesh *mesh, struct picture_view *view);

/*
 * Asks for the last minute that is kept and begins at at_ns or before, by the wall clock. Returns 0
 * and sets *out, or -ENOMEM. The answer comes from the background.
 */
int history_mesh_ask(struct history_mesh *mesh, uint64_t at_ns, struct history_mesh_ask **out);
/*
 * Returns -EAGAIN if there is no answer yet; 0, and the caller takes over *out; -ENOENT if no such
 * minute is kept; or -errno.
 */
int history_mesh_answer(struct history_mesh_ask *ask, struct picture_view **out);
/* Ends the question. NULL is allowed. */
void history_mesh_forget(struct history_mesh_ask *ask);

/* Minutes without a gap: the begin of the first and of the last one. */
struct history_mesh_run {
	uint64_t first_ns, last_ns;
};
struct history_mesh_info {
	uint32_t days;
	uint64_t size_max, size; /* bytes */
	bool on_disk;
	const char *reason;      /* why it is in memory only; "": it is not, or there is no file */
	size_t n_runs;
};
void history_mesh_info(const struct history_mesh *mesh, struct history_mesh_info *out);
/* i < n_runs; oldest first. */
struct history_mesh_run history_mesh_run(const struct history_mesh *mesh, size_t i);

/* Why only the last hour is kept, in a sentence. Returns false if there is no such trouble. */
bool history_mesh_sentence(const struct history_mesh *mesh, char *text, size_t room);

#endif
