/* SPDX-License-Identifier: Apache-2.0 */
#include "central/history/history.h"

#include <errno.h>
#include <msgpack.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/work.h"
#include "record/incident.h"
#include "rpingmesh/log_subsystems.h"

#define HISTORY_VERSION 1
#define HISTORY_RETRY_NS (30 * NSEC_PER_SEC)
#define HISTORY_CHECKPOINT_NS (60 * NSEC_PER_SEC)
#define HISTORY_FORGET_NS (3600 * NSEC_PER_SEC)
#define HISTORY_REASON 256

struct history {
	struct history_ops ops;
	char *path;
	bool off;              /* there is none */
	bool restored;         /* all that it had */
	sqlite3 *db;           /* NULL: it does not work */
	sqlite3_stmt *put;
	struct work *work;     /* checkpoints */
	struct work_job *job;
	uint64_t tried_ns, checked_ns, forgot_ns;
	char reason[HISTORY_REASON]; /* why it does not work; "": it does */
	struct history_stats stats;
};

/* ---- trouble ---- */

static void
history_close(struct history *h)
{
	sqlite3_finalize(h->put);
	sqlite3_close_v2(h->db); /* also if a statement is still in use */
	h->put = NULL;
	h->db = NULL;
}

/* The database does not work: says why, once, and goes on without. */
static void
history_fail(struct history *h, const char *why)
{
	char reason[HISTORY_REASON];

	snprintf(reason, sizeof(reason), "%s", why);
	h->stats.failures++;
	if (strcmp(reason, h->reason) != 0)
		log_error(CLUSTER, "database %s: %s: incidents are kept in memory only", h->path,
			  reason);
	memcpy(h->reason, reason, sizeof(reason));
	history_close(h);
}

static int
history_exec(struct history *h, const char *sql)
{
	if (sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	history_fail(h, sqlite3_errmsg(h->db));
	return -EIO;
}

/* ---- opening ---- */

static int
history_version(struct history *h)
{
	sqlite3_stmt *stmt = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(h->db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	if (version < 0)
		history_fail(h, sqlite3_errmsg(h->db));
	sqlite3_finalize(stmt);
	return version;
}

static int
history_prepare(struct history *h)
{
	static const char tables[] =
		"CREATE TABLE IF NOT EXISTS incident(id TEXT PRIMARY KEY, closed_ns INTEGER, "
		"first_ns INTEGER, record BLOB NOT NULL) WITHOUT ROWID; PRAGMA user_version = 1";
	static const char put[] =
		"INSERT OR REPLACE INTO incident(id, closed_ns, first_ns, record) "
		"VALUES(?1, ?2, ?3, ?4)";
	int version;

	sqlite3_busy_timeout(h->db, 0);
	if (history_exec(h, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
			    "PRAGMA wal_autocheckpoint = 0") < 0)
		return -EIO;
	version = history_version(h);
	if (version < 0)
		return -EIO;
	if (version > HISTORY_VERSION) {
		history_fail(h, "a newer rpingmesh-central has made it");
		return -EPROTO;
	}
	if (version == 0 && history_exec(h, tables) < 0)
		return -EIO;
	if (sqlite3_prepare_v2(h->db, put, -1, &h->put, NULL) == SQLITE_OK)
		return 0;
	history_fail(h, sqlite3_errmsg(h->db));
	return -EIO;
}

static int
history_open(struct history *h)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(h->path, &h->db, flags, NULL) == SQLITE_OK)
		return history_prepare(h);
	history_fail(h, h->db ? sqlite3_errmsg(h->db) : "no memory");
	return -EIO;
}

static void
history_restore_row(struct history *h, sqlite3_stmt *stmt)
{
	struct incident *incident;
	char error[INCIDENT_ERROR];
	const void *data = sqlite3_column_blob(stmt, 0);
	int size = sqlite3_column_bytes(stmt, 0);

	if (data && size > 0 && incident_unpack(data, (size_t)size, &incident, error) == 0)
		h->ops.restore(h->ops.arg, incident);
	else
		log_some(5, CLUSTER, WARNING, "database %s: an incident cannot be read", h->path);
}

/* In the order in which they came. */
static int
history_restore(struct history *h)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(h->db, "SELECT record FROM incident ORDER BY first_ns, id", -1,
				    &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			history_restore_row(h, stmt);
	}
	h->restored = rc == SQLITE_DONE;
	if (!h->restored)
		history_fail(h, sqlite3_errmsg(h->db));
	sqlite3_finalize(stmt);
	return h->restored ? 0 : -EIO;
}

/* ---- writing ---- */

static int
history_put(struct history *h, const struct incident *i, const msgpack_sbuffer *body)
{
	int rc;

	sqlite3_bind_text(h->put, 1, i->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(h->put, 2, (sqlite3_int64)i->closed_ns);
	sqlite3_bind_int64(h->put, 3, (sqlite3_int64)i->first_ns);
	sqlite3_bind_blob(h->put, 4, body->data, (int)body->size, SQLITE_STATIC);
	rc = sqlite3_step(h->put);
	sqlite3_reset(h->put);
	sqlite3_clear_bindings(h->put);
	return rc;
}

void
history_keep(struct history *h, const struct incident *incident)
{
	uint64_t began_ns = clock_mono_ns(), took_ns;
	msgpack_sbuffer body;
	msgpack_packer pk;

	if (!h->db)
		return;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	incident_pack(&pk, incident, false, true);
	if (history_put(h, incident, &body) != SQLITE_DONE)
		history_fail(h, sqlite3_errmsg(h->db));
	msgpack_sbuffer_destroy(&body);
	took_ns = clock_mono_ns() - began_ns;
	h->stats.writes++;
	if (took_ns > h->stats.write_max_ns)
		h->stats.write_max_ns = took_ns;
}

static void
history_forget(struct history *h, uint64_t wall_ns)
{
	char sql[400];
	unsigned long long before = wall_ns > HISTORY_KEPT_NS ? wall_ns - HISTORY_KEPT_NS : 0;

	snprintf(sql, sizeof(sql),
		 "DELETE FROM incident WHERE closed_ns > 0 AND (closed_ns < %llu OR id IN (SELECT "
		 "id FROM incident WHERE closed_ns > 0 ORDER BY closed_ns DESC LIMIT -1 OFFSET "
		 "%d))",
		 before, HISTORY_KEPT_MAX);
	history_exec(h, sql);
}

/* ---- checkpoints, in a worker ---- */

struct history_job {
	struct history *history;
	char *path;
	int rc;
};

static void
history_job_run(void *arg)
{
	struct history_job *job = arg;
	sqlite3 *db = NULL;

	job->rc = sqlite3_open_v2(job->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				  NULL);
	if (job->rc == SQLITE_OK)
		job->rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
						    NULL);
	sqlite3_close(db);
}

static void
history_job_done(void *arg)
{
	struct history_job *job = arg;
	struct history *h = job->history;

	h->job = NULL;
	if (job->rc != SQLITE_OK && job->rc != SQLITE_BUSY && h->db)
		history_fail(h, sqlite3_errstr(job->rc));
}

static void
history_job_free(void *arg)
{
	struct history_job *job = arg;

	free(job->path);
	free(job);
}

static void
history_checkpoint(struct history *h)
{
	static const struct work_ops ops = {history_job_run, history_job_done, history_job_free};
	struct history_job *job = h->job ? NULL : calloc(1, sizeof(*job));

	if (!job)
		return;
	job->history = h;
	job->path = strdup(h->path);
	if (!job->path || work_start(h->work, &ops, job, &h->job) < 0)
		history_job_free(job);
}

void
history_tick(struct history *h, uint64_t now_ns, uint64_t wall_ns)
{
	if (h->off)
		return;
	if (!h->db && now_ns - h->tried_ns >= HISTORY_RETRY_NS) {
		h->tried_ns = now_ns;
		if (history_open(h) == 0 && (h->restored || history_restore(h) == 0)) {
			log_info(CLUSTER, "database %s: works again", h->path);
			h->reason[0] = '\0';
			h->ops.again(h->ops.arg);
		}
	}
	if (h->db && now_ns - h->forgot_ns >= HISTORY_FORGET_NS) {
		h->forgot_ns = now_ns;
		history_forget(h, wall_ns);
	}
	if (h->db && now_ns - h->checked_ns >= HISTORY_CHECKPOINT_NS) {
		h->checked_ns = now_ns;
		history_checkpoint(h);
	}
}

/* ---- life ---- */

bool
history_is_off(const char *path, bool optional)
{
	char *directory = strdup(path), *slash = directory ? strrchr(directory, '/') : NULL;
	bool has = true;

	if (optional && slash && slash > directory) {
		*slash = '\0';
		has = access(directory, F_OK) == 0 || errno != ENOENT;
	}
	free(directory);
	return !path[0] || !has;
}

int
history_new(struct loop *loop, const char *path, bool optional, const struct history_ops *ops,
	    struct history **out)
{
	struct history *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM;

	if (!h)
		return rc;
	h->ops = *ops;
	h->off = history_is_off(path, optional);
	h->tried_ns = h->checked_ns = clock_mono_ns();
	h->path = strdup(path);
	if (h->path)
		rc = work_new(loop, "history", 1, &h->work);
	if (rc < 0) {
		history_free(h);
		return rc;
	}
	if (!h->off && history_open(h) == 0)
		history_restore(h);
	*out = h;
	return 0;
}

void
history_free(struct history *h)
{
	if (!h)
		return;
	work_cancel(h->job);
	work_free(h->work);
	history_close(h);
	free(h->path);
	free(h);
}

bool
history_sentence(const struct history *h, char *text, size_t room)
{
	if (h->off || h->db)
		return false;
	snprintf(text, room,
		 "incidents are kept in memory only, and end with this program: the database %s: "
		 "%s; tried again every %d s",
		 h->path, h->reason, (int)(HISTORY_RETRY_NS / NSEC_PER_SEC));
	return true;
}

void
history_stats(const struct history *h, struct history_stats *out)
{
	*out = h->stats;
}
