/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: history
 *
 * Keeps incidents in an SQLite database. Only this room knows SQLite.
 *
 * Each change is one transaction, made on the loop. The database is in WAL mode with
 * synchronous=NORMAL: a transaction appends to the WAL and waits for no disk (sqlite.org/wal.html),
 * so that a program that is killed loses nothing. What waits for the disk is the checkpoint, which
 * moves the WAL into the database: SQLite never does that by itself here, but a worker thread
 * does, over a connection of its own. A power failure may lose the changes since the last one.
 *
 * Central works without a database, too: if the file cannot be opened, written or read, incidents
 * are kept in memory only, history_sentence() says so, and history_tick() tries again.
 */
#ifndef RPINGMESH_CENTRAL_HISTORY_HISTORY_H
#define RPINGMESH_CENTRAL_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;
struct incident;
struct loop;

/* Incidents that were closed before that are forgotten, and all but so many of these. */
#define HISTORY_KEPT_NS (90 * 86400 * 1000000000ULL)
#define HISTORY_KEPT_MAX 10000

struct history_ops {
	/*
	 * An incident of an earlier time. Takes it over. Called by history_new(), or, if the
	 * database did not work then, by history_tick().
	 */
	void (*restore)(void *arg, struct incident *incident);
	/* The database can be written again: history_keep() all incidents. */
	void (*again)(void *arg);
	void *arg;
};

/* Whether this path means no database: "", or, if `optional`, a directory that does not exist. */
bool history_is_off(const char *path, bool optional);

/*
 * Opens or makes the database and restores all incidents; blocks meanwhile. there may be none:
 * history_is_off(). Returns 0 and
 * sets *out, also if the database does not work, or -errno.
 */
int history_new(struct loop *loop, const char *path, bool optional, const struct history_ops *ops,
		struct history **out);
/* NULL is allowed. */
void history_free(struct history *history);

/* Writes an incident, which is new or has changed. */
void history_keep(struct history *history, const struct incident *incident);

/* Tries again what has failed, forgets what is too old, and lets a worker checkpoint. */
void history_tick(struct history *history, uint64_t now_ns, uint64_t wall_ns);

/* Why incidents are kept in memory only, in a sentence. Returns false if they are not. */
bool history_sentence(const struct history *history, char *text, size_t room);

struct history_stats {
	uint64_t writes, failures;
	uint64_t write_max_ns;  /* the longest time that a change has taken */
};
void history_stats(const struct history *history, struct history_stats *out);

#endif
