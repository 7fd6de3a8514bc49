/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: files of what the daemon has told, as `rpingmesh-ctl record` writes and `replay`
 * reads them.
 *
 * A recording is MessagePack objects one after the other, with nothing between them, so that any
 * MessagePack library reads it:
 *
 *   "rpingmesh-records"                  the first object, and so the first 18 bytes: b1 and these
 *                                        17 letters
 *   {version, schema, start_ns, host, daemon_version, incarnation, ctl_version, kinds}
 *                                        the second: the version of this format (1), that of the
 *                                        records (CONTROL_SCHEMA), when the recording began (wall
 *                                        clock, ns since the Unix epoch), of which host and daemon,
 *                                        and which kinds of notifications were asked for
 *   [after_ns, kind, record]             any number: how long after the beginning it came
 *                                        (CLOCK_MONOTONIC, ns), the name of the notification
 *                                        ("probe", "window", "event", or "dropped", whose record
 *                                        {count} tells how many are missing before the next), and
 *                                        its record, byte for byte as the daemon sent it
 *                                        (include/rpingmesh/control.h, rpingmesh-records(5))
 *   [after_ns, "end", {time_ns, records, dropped, reason}]
 *                                        the last: how many records there are and were missed, and
 *                                        why it ended: "stopped", "count", "duration", "size",
 *                                        "daemon" (it went away), "disk" (it is full)
 *
 * Keys and kinds may be added; a reader passes over those that it does not know. A recording
 * without "end" was cut: its writer was killed, or its disk had no room for it. Whatever stands
 * before the cut is whole and good.
 */
#ifndef RPINGMESH_CTL_WIRE_RECFILE_H
#define RPINGMESH_CTL_WIRE_RECFILE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#define RECFILE_MAGIC "rpingmesh-records"
#define RECFILE_VERSION 1
#define RECFILE_FLUSH_BYTES \
	65536u /* so much at most waits to be written, or what came within RECFILE_FLUSH_NS */
#define RECFILE_FLUSH_NS 1000000000ULL
#define RECFILE_RECORD_MAX (16u * 1024u * 1024u)

/* ---- writing ---- */

struct recfile_writer;

struct recfile_header {
	uint64_t start_ns, incarnation;
	const char *host, *daemon_version; /* as the daemon says */
	const char *const *kinds;
	size_t n_kinds;
};

/*
 * Begins a recording in a file that must not exist, unless `force` says that it may be overwritten;
 * "-" is the standard output. 0 and *out, or -errno: -EEXIST. Nothing is written yet.
 */
int recfile_create(const char *path, bool force, const struct recfile_header *header,
		   struct recfile_writer **out);

/*
 * Adds one; it is written when enough has come, or by recfile_flush(). 0, or -errno of a write that
 * failed.
 */
int recfile_add(struct recfile_writer *w, uint64_t after_ns, const char *kind,
		const msgpack_object *record);

/*
 * Writes all that waits. -errno: some of it could not be; the file is cut behind the last record
 * that is whole in it, and nothing more is to be added but the end.
 */
int recfile_flush(struct recfile_writer *w);

/* Bytes so far, those that wait among them. */
uint64_t recfile_size(const struct recfile_writer *w);
/* Records of which the file is sure to have all bytes, and those added. */
uint64_t recfile_written(const struct recfile_writer *w);

/*
 * Adds the end, writes all, lets the disk have it and frees. 0 or -errno: the first of adding,
 * writing, fsync(2), close(2).
 */
int recfile_end(struct recfile_writer *w, uint64_t after_ns, uint64_t time_ns, uint64_t dropped,
		const char *reason);

/* ---- reading ---- */

struct recfile_reader;

struct recfile_entry {
	uint64_t offset;   /* in the file, of the entry */
	uint64_t after_ns;
	const msgpack_object *kind, *record; /* valid until the next call; kind is a string */
};

enum recfile_got {
	RECFILE_ENTRY,
	RECFILE_END,    /* end of the file; recfile_cut() tells whether within an entry */
	RECFILE_BAD,    /* no recording, or damaged: recfile_error() */
};

#define RECFILE_ERROR 256

/* Opens; "-" is the standard input. 0 and *out, or -errno. */
int recfile_open(const char *path, struct recfile_reader **out);
void recfile_close(struct recfile_reader *r);

/* The header, a map; NULL: recfile_error(). To be called first. */
const msgpack_object *recfile_read_header(struct recfile_reader *r);
enum recfile_got recfile_next(struct recfile_reader *r, struct recfile_entry *out);
/*
 * After RECFILE_END: whether the file ends within an object, and where that begins. More may have
 * been written since: recfile_next().
 */
bool recfile_cut(const struct recfile_reader *r, uint64_t *offset);
/* Whether there may be more after RECFILE_END: a pipe without a writer gets none. */
bool recfile_may_grow(const struct recfile_reader *r);
/* "byte 4711: …" */
const char *recfile_error(const struct recfile_reader *r);

#endif
