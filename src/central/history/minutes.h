/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a picture of the mesh for each minute in an SQLite file of its own. Blocks: all calls come
 * from a worker thread, one at a time, or before and after there is one. Only for this folder.
 *
 * The file never takes more than `size_max`. If a minute finds no room, those older than a day in
 * which no pair of switches lost 1 % go first, but for each tenth minute, and then the oldest ones.
 * What cannot be written waits in memory, MINUTES_HELD minutes at most, and can be read there.
 */
#ifndef RPINGMESH_CENTRAL_HISTORY_MINUTES_H
#define RPINGMESH_CENTRAL_HISTORY_MINUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINUTES_HELD 60
#define MINUTES_HELD_BYTES (64u << 20)
#define MINUTES_REASON 256

struct minutes;
struct picture_view;

struct minutes_config {
	const char *path;        /* copied; "": there is no file */
	uint32_t days;           /* older ones are forgotten */
	uint64_t size_max;       /* bytes */
};

/* Opens nothing yet. Returns 0 and sets *out, or -ENOMEM. */
int minutes_new(const struct minutes_config *config, struct minutes **out);
/* NULL is allowed. */
void minutes_free(struct minutes *m);

/* Opens the file, if it is not open. If that fails, the next call of this or put() tries again. */
void minutes_open(struct minutes *m);
/* Keeps the picture of the minute that begins at begin_s (wall clock). Returns 0 or -ENOMEM. */
int minutes_put(struct minutes *m, const struct picture_view *view, uint64_t begin_s,
		uint64_t wall_s);
/*
 * The last picture that is kept of at_s or before. Returns 0 and sets *out, which the caller
 * releases; -ENOENT; -EIO if the file, or -EPROTO if the picture cannot be read; -ENOMEM.
 */
int minutes_get(struct minutes *m, uint64_t at_s, struct picture_view **out);

/* Minutes without a gap: the begin of the first and of the last one. */
struct minutes_run {
	uint64_t first_s, last_s;
};

struct minutes_info {
	bool on_disk;
	char reason[MINUTES_REASON]; /* why not; "": there is no file */
	uint64_t size;           /* of the file */
	struct minutes_run *runs; /* oldest first */
	size_t n_runs;
};

/* Returns 0 and sets *out; the caller frees the runs. Or -ENOMEM. */
int minutes_info(struct minutes *m, struct minutes_info *out);

#endif
