/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: files of the daemon's notifications. `rpingmesh-ctl record` writes them, and `replay`
 * reads them.
 *
 * A recording is a sequence of MessagePack objects with nothing between them, so any MessagePack
 * library can read it:
 *
 *   "rpingmesh-records"                  the first object; so the first 18 bytes are b1 and these
 *                                        17 letters
 *   {version, schema, start_ns, host, daemon_version, incarnation, ctl_version, kinds}
 *                                        the second: the version of this format (1), the version
 *                                        of the records (CONTROL_SCHEMA), the start of the
 *                                        recording (wall clock, ns since the Unix epoch), its host
 *                                        and daemon, and the kinds of notifications that it
 *                                        contains
 *   [after_ns, kind, record]             any number: the time since the start (CLOCK_MONOTONIC,
 *                                        ns), the name of the notification ("probe", "window",
 *                                        "event" or "dropped"), and its record, exactly as the
 *                                        daemon sent it (rpingmesh-records(5)). "dropped" has the
 *                                        record {count}: so many are missing before the next one
 *   [after_ns, "end", {time_ns, records, dropped, reason}]
 *                                        the last: the numbers of recorded and missing records, and
 *                                        why the recording ended: "stopped", "count", "duration",
 *                                        "size", "daemon" (it went away), "disk" (it is full)
 *
 * Later versions may add keys and kinds; a reader skips those that it does not know. A recording
 * without "end" was cut, because its writer was killed or its disk was full. All objects before the
 * cut are complete and valid.
 */
#ifndef RPINGMESH_CTL_WIRE_RECFILE_H
#define RPINGMESH_CTL_WIRE_RECFILE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#define RECFILE_MAGIC "rpingmesh-records"
#define RECFILE_VERSION 1
#define RECFILE_FLUSH_BYTES \
	65536u /* records are written when they have so many bytes, or after RECFILE_FLUSH_NS */
#define RECFILE_FLUSH_NS 1000000000ULL
/* The longest object. Decoded, it takes up to 24 times its size in memory. */
#define RECFILE_RECORD_MAX (1024u * 1024u)

/* ---- writing ---- */

struct recfile_writer;

struct recfile_header {
	uint64_t start_ns, incarnation;
	const char *host, *daemon_version; /* as the daemon reports them */
	const char *const *kinds;
	size_t n_kinds;
};

/*
 * Begins a recording in a new file, which only its owner may read. With `force`, an existing file
 * is overwritten and keeps its mode; without it, that is -EEXIST. "-" is the standard output.
 * Returns 0 and sets *out, or -errno. Nothing is written yet.
 */
int recfile_create(const char *path, bool force, const struct recfile_header *header,
		   struct recfile_writer **out);

/*
 * Adds a record. It is written when there are enough bytes, or by recfile_flush(). Returns 0, or
 * the -errno of a failed write, or -EMSGSIZE if the record is too long.
 */
int recfile_add(struct recfile_writer *w, uint64_t after_ns, const char *kind,
		const msgpack_object *record);

/*
 * Writes all records that wait. Blocks while the file does. Returns 0, or -errno if it could not
 * write all. Then the file is cut after its last complete record, and the caller may add nothing
 * more but the end.
 */
int recfile_flush(struct recfile_writer *w);

/* The number of bytes so far, including those that wait. */
uint64_t recfile_size(const struct recfile_writer *w);
/* The number of records that are completely in the file. */
uint64_t recfile_written(const struct recfile_writer *w);

/*
 * Adds the end, writes all, waits for the disk and frees the writer. Returns 0, or the first -errno
 * of adding, writing, fsync(2) and close(2).
 */
int recfile_end(struct recfile_writer *w, uint64_t after_ns, uint64_t time_ns, uint64_t dropped,
		const char *reason);

/* ---- reading ---- */

struct recfile_reader;

struct recfile_entry {
	uint64_t offset;   /* of the entry in the file */
	uint64_t after_ns;
	const msgpack_object *kind, *record; /* valid until the next call; kind is a string */
};

enum recfile_got {
	RECFILE_ENTRY,
	RECFILE_END,    /* the end of the file, perhaps within an entry: see recfile_cut() */
	RECFILE_BAD,    /* the file is no recording, or is damaged: see recfile_error() */
};

#define RECFILE_ERROR 256

/* Opens a recording; "-" is the standard input. Returns 0 and sets *out, or -errno. */
int recfile_open(const char *path, struct recfile_reader **out);
void recfile_close(struct recfile_reader *r);

/* Reads the header, which is a map. Call this first. NULL: see recfile_error(). */
const msgpack_object *recfile_read_header(struct recfile_reader *r);
/* Reads the next entry. Blocks while the file does. */
enum recfile_got recfile_next(struct recfile_reader *r, struct recfile_entry *out);
/*
 * After RECFILE_END: whether the file ends within an object; *offset is the start of that object.
 * If the file has grown since, recfile_next() continues.
 */
bool recfile_cut(const struct recfile_reader *r, uint64_t *offset);
/* Whether there may be more after RECFILE_END; not in a pipe without a writer. */
bool recfile_may_grow(const struct recfile_reader *r);
/* The reason of RECFILE_BAD, "byte 4711: …". Borrowed. */
const char *recfile_error(const struct recfile_reader *r);

#endif
