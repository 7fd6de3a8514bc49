/* SPDX-License-Identifier: Apache-2.0 */
#include "central/history/minutes.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/picture/picture.h"
#include "central/picture/picture_keep.h"

#define MINUTES_VERSION 1
#define MINUTE_S 60
#define MINUTES_DAY_S 86400
#define MINUTES_SLACK 65536      /* pages that tell where the rows are */
#define MINUTES_BUSY_MS 1000

/* A minute, packed. */
struct minutes_held {
	uint64_t begin_s;
	uint32_t bad;            /* pairs of switches with 1 % loss or more */
	struct picture_bytes names, cells;
};

struct minutes {
	char *path;
	uint32_t days;
	uint64_t size_max;
	sqlite3 *db;             /* NULL: it does not work, or there is none */
	char reason[MINUTES_REASON];
	int64_t names_id;        /* of the last names in the file; 0: none */
	struct picture_bytes names;
	uint64_t *times;         /* in the file: begins of minutes, in order */
	size_t n_times, room_times;
	struct minutes_held held[MINUTES_HELD]; /* the oldest first */
	size_t n_held, bytes_held;
};

/* ---- SQLite ---- */

static int
minutes_fail(struct minutes *m, const char *why)
{
	snprintf(m->reason, sizeof(m->reason), "%s", why);
	sqlite3_close_v2(m->db);
	m->db = NULL;
	m->n_times = 0;
	return -EIO;
}

static int
minutes_exec(struct minutes *m, const char *sql)
{
	return sqlite3_exec(m->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
		       0 : minutes_fail(m, sqlite3_errmsg(m->db));
}

/* Runs a statement with one number, and sets *out to the number of its first row, if any. */
static int
minutes_number(struct minutes *m, const char *sql, int64_t arg, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		if (sqlite3_bind_parameter_count(stmt) > 0)
			sqlite3_bind_int64(stmt, 1, arg);
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW && out)
			*out = sqlite3_column_int64(stmt, 0);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		minutes_fail(m, sqlite3_errmsg(m->db));
	sqlite3_finalize(stmt);
	return m->db ? 0 : -EIO;
}

/* ---- opening ---- */

static int
minutes_add_time(struct minutes *m, uint64_t begin_s)
{
	size_t room = m->room_times ? 2 * m->room_times : 1024, at = m->n_times;
	uint64_t *times;

	if (m->n_times == m->room_times) {
		times = reallocarray(m->times, room, sizeof(*times));
		if (!times)
			return -ENOMEM;
		m->times = times;
		m->room_times = room;
	}
	while (at > 0 && m->times[at - 1] > begin_s)
		at--;
	if (at > 0 && m->times[at - 1] == begin_s)
		return 0;
	memmove(&m->times[at + 1], &m->times[at], (m->n_times - at) * sizeof(*m->times));
	m->times[at] = begin_s;
	m->n_times++;
	return 0;
}

/* Which minutes are in the file. The index saves reading all of it. */
static int
minutes_read_times(struct minutes *m)
{
	static const char sql[] =
		"SELECT begin_s FROM minute INDEXED BY minute_times ORDER BY begin_s";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &stmt, NULL), error = 0;

	m->n_times = 0;
	while (error == 0 && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			error = minutes_add_time(m, (uint64_t)sqlite3_column_int64(stmt, 0));
	}
	if (error == 0 && rc != SQLITE_DONE)
		error = minutes_fail(m, sqlite3_errmsg(m->db));
	sqlite3_finalize(stmt);
	return error;
}

/* Copies a column. Returns 0 or -ENOMEM. */
static int
minutes_blob(sqlite3_stmt *stmt, int column, struct picture_bytes *out)
{
	size_t n = (size_t)sqlite3_column_bytes(stmt, column);
	uint8_t *data = malloc(n + 1);

	if (!data)
		return -ENOMEM;
	if (n > 0)
		memcpy(data, sqlite3_column_blob(stmt, column), n);
	*out = (struct picture_bytes){data, n, n + 1};
	return 0;
}

static int
minutes_read_names(struct minutes *m)
{
	static const char sql[] = "SELECT id, names FROM names ORDER BY id DESC LIMIT 1";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &stmt, NULL), error = 0;

	free(m->names.data);
	m->names = (struct picture_bytes){NULL, 0, 0};
	m->names_id = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		m->names_id = sqlite3_column_int64(stmt, 0);
		error = minutes_blob(stmt, 1, &m->names);
	} else if (rc != SQLITE_DONE) {
		error = minutes_fail(m, sqlite3_errmsg(m->db));
	}
	sqlite3_finalize(stmt);
	return error;
}

static int
minutes_prepare(struct minutes *m)
{
	static const char tables[] =
		"PRAGMA auto_vacuum = INCREMENTAL; BEGIN;"
		"CREATE TABLE names(id INTEGER PRIMARY KEY, names BLOB NOT NULL);"
		"CREATE TABLE minute(begin_s INTEGER PRIMARY KEY, bad INTEGER NOT NULL, "
		"names INTEGER NOT NULL, cells BLOB NOT NULL);"
		"CREATE INDEX minute_times ON minute(begin_s, bad);"
		"CREATE INDEX minute_names ON minute(names);"
		"PRAGMA user_version = 1; COMMIT";
	int64_t version = 0;
	int rc;

	sqlite3_busy_timeout(m->db, MINUTES_BUSY_MS);
	rc = minutes_number(m, "PRAGMA user_version", 0, &version);
	if (rc == 0 && version > MINUTES_VERSION)
		return minutes_fail(m, "a newer rpingmesh-central has made it");
	if (rc == 0 && version == 0)
		rc = minutes_exec(m, tables);
	if (rc == 0)
		rc = minutes_exec(m, "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = NORMAL");
	if (rc == 0)
		rc = minutes_read_names(m);
	return rc == 0 ? minutes_read_times(m) : rc;
}

void
minutes_open(struct minutes *m)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (m->db || !m->path[0])
		return;
	if (sqlite3_open_v2(m->path, &m->db, flags, NULL) != SQLITE_OK)
		minutes_fail(m, m->db ? sqlite3_errmsg(m->db) : "no memory");
	else if (minutes_prepare(m) == 0)
		m->reason[0] = '\0';
	else if (m->db)
		minutes_fail(m, "no memory");
}

/* ---- room ---- */

static int
minutes_pages(struct minutes *m, const char *sql, uint64_t *bytes)
{
	int64_t pages = 0, size = 0;
	int rc = minutes_number(m, sql, 0, &pages);

	if (rc == 0)
		rc = minutes_number(m, "PRAGMA page_size", 0, &size);
	if (rc == 0)
		*bytes = (uint64_t)(pages * size);
	return rc;
}

/* Whether so many bytes more have room. */
static int
minutes_fits(struct minutes *m, uint64_t need, bool *fits)
{
	uint64_t all = 0, free_bytes = 0;
	int rc = minutes_pages(m, "PRAGMA page_count", &all);

	if (rc == 0)
		rc = minutes_pages(m, "PRAGMA freelist_count", &free_bytes);
	*fits = all - free_bytes + need <= m->size_max;
	return rc;
}

/* Deletes minutes, and the names that no other minute has. */
static int
minutes_delete(struct minutes *m, const char *sql, int64_t number)
{
	static const char unused[] =
		"DELETE FROM names WHERE id NOT IN (SELECT names FROM minute)";
	int before = sqlite3_total_changes(m->db);
	int rc = minutes_number(m, sql, number, NULL);

	return rc == 0 && sqlite3_total_changes(m->db) != before ? minutes_exec(m, unused) : rc;
}

static int
minutes_forget(struct minutes *m, uint64_t need, uint64_t wall_s)
{
	static const char thin[] = "DELETE FROM minute WHERE begin_s < ?1 AND bad = 0 AND "
				   "begin_s % 600 <> 0";
	static const char oldest[] =
		"DELETE FROM minute WHERE begin_s IN (SELECT begin_s FROM minute ORDER BY begin_s "
		"LIMIT 1 + (SELECT count(*) FROM minute) / 50)";
	int64_t age_s = (int64_t)m->days * MINUTES_DAY_S, now_s = (int64_t)wall_s, n = 1;
	bool fits = false;
	int rc = minutes_delete(m, "DELETE FROM minute WHERE begin_s < ?1", now_s - age_s);

	if (rc == 0)
		rc = minutes_fits(m, need, &fits);
	if (rc == 0 && !fits)
		rc = minutes_delete(m, thin, now_s - MINUTES_DAY_S);
	while (rc == 0 && !fits && n > 0) {
		rc = minutes_fits(m, need, &fits);
		if (rc == 0 && !fits)
			rc = minutes_delete(m, oldest, 0);
		if (rc == 0 && !fits)
			rc = minutes_number(m, "SELECT count(*) FROM minute", 0, &n);
	}
	return rc;
}

/* Forgets what is too old or has no room. */
static int
minutes_make_room(struct minutes *m, uint64_t need, uint64_t wall_s)
{
	int before = sqlite3_total_changes(m->db);
	uint64_t size = 0;
	int rc = minutes_forget(m, need, wall_s);
	bool changed = sqlite3_total_changes(m->db) != before;

	if (rc == 0 && changed)
		rc = minutes_read_names(m);
	if (rc == 0 && changed)
		rc = minutes_read_times(m);
	if (rc == 0)
		rc = minutes_pages(m, "PRAGMA page_count", &size);
	if (rc == 0 && size > m->size_max)
		rc = minutes_exec(m, "PRAGMA incremental_vacuum");
	return rc;
}

/* ---- writing ---- */

static int
minutes_insert(struct minutes *m, const char *sql, const int64_t numbers[3],
	       const struct picture_bytes *blob)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		for (int i = 0; i < 3 && i < sqlite3_bind_parameter_count(stmt) - 1; i++)
			sqlite3_bind_int64(stmt, i + 2, numbers[i]);
		sqlite3_bind_blob64(stmt, 1, blob->data, blob->n, SQLITE_STATIC);
		rc = sqlite3_step(stmt);
	}
	if (rc != SQLITE_DONE)
		minutes_fail(m, sqlite3_errmsg(m->db));
	sqlite3_finalize(stmt);
	return m->db ? 0 : -EIO;
}

static int
minutes_write_names(struct minutes *m, const struct picture_bytes *names)
{
	static const char sql[] = "INSERT INTO names(names) VALUES(?1)";
	int rc;

	if (m->names_id && m->names.n == names->n &&
	    (names->n == 0 || memcmp(m->names.data, names->data, names->n) == 0))
		return 0;
	rc = minutes_insert(m, sql, NULL, names);
	return rc == 0 ? minutes_read_names(m) : rc;
}

static int
minutes_write_one(struct minutes *m, const struct minutes_held *held, uint64_t wall_s)
{
	static const char sql[] = "INSERT OR REPLACE INTO minute(cells, begin_s, bad, names) "
				  "VALUES(?1, ?2, ?3, ?4)";
	uint64_t need = held->names.n + held->cells.n + MINUTES_SLACK;
	int rc = minutes_exec(m, "BEGIN IMMEDIATE");

	if (rc == 0)
		rc = minutes_make_room(m, need, wall_s);
	if (rc == 0)
		rc = minutes_write_names(m, &held->names);
	if (rc == 0) {
		const int64_t numbers[3] = {(int64_t)held->begin_s, held->bad, m->names_id};

		rc = minutes_insert(m, sql, numbers, &held->cells);
	}
	return rc == 0 ? minutes_exec(m, "COMMIT") : rc;
}

static void
minutes_drop_held(struct minutes *m)
{
	free(m->held[0].names.data);
	free(m->held[0].cells.data);
	m->bytes_held -= m->held[0].names.n + m->held[0].cells.n;
	m->n_held--;
	memmove(&m->held[0], &m->held[1], m->n_held * sizeof(m->held[0]));
}

/* Writes what waits in memory. */
static void
minutes_flush(struct minutes *m, uint64_t wall_s)
{
	while (m->n_held > 0 && m->db) {
		const struct minutes_held *held = &m->held[0];

		if (held->names.n + held->cells.n + MINUTES_SLACK > m->size_max / 2) {
			minutes_fail(m, "a minute of the mesh takes more than half of history_mb");
			return;
		}
		if (minutes_write_one(m, held, wall_s) == 0 &&
		    minutes_add_time(m, held->begin_s) == 0)
			minutes_drop_held(m);
		else if (m->db)
			minutes_fail(m, "no memory");
	}
}

/* Takes the bytes over. */
static void
minutes_hold(struct minutes *m, const struct minutes_held *held)
{
	size_t n = held->names.n + held->cells.n;

	while (m->n_held == MINUTES_HELD ||
	       (m->n_held > 0 && m->bytes_held + n > MINUTES_HELD_BYTES))
		minutes_drop_held(m);
	m->held[m->n_held++] = *held;
	m->bytes_held += n;
}

static uint32_t
minutes_bad(const struct picture_view *view)
{
	struct picture_info info;
	uint32_t bad = 0;

	picture_info(view, &info);
	for (uint32_t i = 0; i < info.cells; i++) {
		const struct picture_cell *cell = picture_cell(view, i);

		bad += cell->lost * 100 >= cell->sent;
	}
	return bad;
}

int
minutes_put(struct minutes *m, const struct picture_view *view, uint64_t begin_s, uint64_t wall_s)
{
	struct minutes_held held = {.begin_s = begin_s, .bad = minutes_bad(view)};
	int rc = picture_pack_names(view, &held.names);

	if (rc == 0)
		rc = picture_pack_cells(view, &held.cells);
	if (rc < 0) {
		free(held.names.data);
		return rc;
	}
	minutes_hold(m, &held);
	minutes_open(m);
	minutes_flush(m, wall_s);
	return 0;
}

/* ---- reading ---- */

static const struct minutes_held *
minutes_find_held(const struct minutes *m, uint64_t at_s)
{
	const struct minutes_held *found = NULL;

	for (size_t i = 0; i < m->n_held; i++)
		if (m->held[i].begin_s <= at_s && (!found || m->held[i].begin_s > found->begin_s))
			found = &m->held[i];
	return found;
}

static int
minutes_unpack(const struct picture_bytes *names, const struct picture_bytes *cells,
	       uint64_t begin_s, struct picture_view **out)
{
	const struct picture_packed packed = {names->data, cells->data, names->n, cells->n,
					      begin_s * 1000000000ULL};

	return picture_unpack(&packed, out);
}

static int
minutes_read_row(sqlite3_stmt *stmt, uint64_t begin_s, struct picture_view **out)
{
	struct picture_bytes names = {NULL, 0, 0}, cells = {NULL, 0, 0};
	int rc = minutes_blob(stmt, 0, &names);

	if (rc == 0)
		rc = minutes_blob(stmt, 1, &cells);
	if (rc == 0)
		rc = minutes_unpack(&names, &cells, begin_s, out);
	free(names.data);
	free(cells.data);
	return rc;
}

static int
minutes_read(struct minutes *m, uint64_t begin_s, struct picture_view **out)
{
	static const char sql[] = "SELECT names.names, cells FROM minute JOIN names ON "
				  "names.id = minute.names WHERE begin_s = ?1";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->db, sql, -1, &stmt, NULL), error = -EPROTO;

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)begin_s);
		rc = sqlite3_step(stmt);
	}
	if (rc == SQLITE_ROW)
		error = minutes_read_row(stmt, begin_s, out);
	else if (rc != SQLITE_DONE)
		error = minutes_fail(m, sqlite3_errmsg(m->db));
	sqlite3_finalize(stmt);
	return error;
}

int
minutes_get(struct minutes *m, uint64_t at_s, struct picture_view **out)
{
	const struct minutes_held *held = minutes_find_held(m, at_s);
	size_t n = m->n_times;

	while (n > 0 && m->times[n - 1] > at_s)
		n--;
	if (n > 0 && (!held || m->times[n - 1] > held->begin_s))
		return minutes_read(m, m->times[n - 1], out);
	return held ? minutes_unpack(&held->names, &held->cells, held->begin_s, out) : -ENOENT;
}

static void
minutes_add_run(struct minutes_info *info, uint64_t begin_s)
{
	struct minutes_run *last = info->n_runs ? &info->runs[info->n_runs - 1] : NULL;

	if (last && begin_s == last->last_s + MINUTE_S)
		last->last_s = begin_s;
	else if (!last || begin_s > last->last_s)
		info->runs[info->n_runs++] = (struct minutes_run){begin_s, begin_s};
}

int
minutes_info(struct minutes *m, struct minutes_info *out)
{
	struct minutes_info info = {.size = 0};

	if (m->db)
		minutes_pages(m, "PRAGMA page_count", &info.size);
	info.on_disk = m->db;
	info.runs = calloc(m->n_times + m->n_held + 1, sizeof(*info.runs));
	if (!info.runs)
		return -ENOMEM;
	memcpy(info.reason, m->reason, sizeof(info.reason));
	for (size_t i = 0; i < m->n_times; i++)
		minutes_add_run(&info, m->times[i]);
	for (size_t i = 0; i < m->n_held; i++)
		minutes_add_run(&info, m->held[i].begin_s);
	*out = info;
	return 0;
}

/* ---- life ---- */

int
minutes_new(const struct minutes_config *config, struct minutes **out)
{
	struct minutes *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->path = strdup(config->path);
	m->days = config->days;
	m->size_max = config->size_max;
	if (!m->path) {
		free(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

void
minutes_free(struct minutes *m)
{
	if (!m)
		return;
	while (m->n_held > 0)
		minutes_drop_held(m);
	sqlite3_close_v2(m->db);
	free(m->names.data);
	free(m->times);
	free(m->path);
	free(m);
}
