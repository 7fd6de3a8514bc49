/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: recfile
 *
 * The writer owns a descriptor and the bytes that wait to be written. If a write fails, complete
 * objects stay in the file and the rest is cut off, so that a full disk costs only the records that
 * did not fit. The reader owns a descriptor and a buffer with the present object. record/frame.h
 * finds the end of an object before it is decoded.
 */
#include "ctl/wire/recfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "core/clock.h"
#include "ctl/wire/client.h"
#include "record/frame.h"
#include "record/read.h"
#include "record/record.h"
#include "rpingmesh/control.h"

#define RECFILE_READ 65536u
#define RECFILE_HEAD 2 /* objects before the entries */

/* ---- writing ---- */

struct recfile_writer {
	int fd;
	msgpack_sbuffer waiting;
	msgpack_packer pk;
	uint64_t flushed_ns; /* the last time at which nothing waited */
	off_t base; /* start of the recording in the file, which may contain other bytes before;
		       -1: the file cannot be cut */
	uint64_t bytes;      /* in the file */
	uint64_t objects;    /* complete objects in the file */
	int error;           /* -errno of the first failed write */
};

static void
recfile_pack_header(msgpack_packer *pk, const struct recfile_header *h)
{
	record_pack_str(pk, RECFILE_MAGIC);
	msgpack_pack_map(pk, 8);
	record_pack_str(pk, "version");
	msgpack_pack_uint64(pk, RECFILE_VERSION);
	record_pack_str(pk, "schema");
	msgpack_pack_uint64(pk, CONTROL_SCHEMA);
	record_pack_str(pk, "start_ns");
	msgpack_pack_uint64(pk, h->start_ns);
	record_pack_str(pk, "host");
	record_pack_str(pk, h->host);
	record_pack_str(pk, "daemon_version");
	record_pack_str(pk, h->daemon_version);
	record_pack_str(pk, "incarnation");
	msgpack_pack_uint64(pk, h->incarnation);
	record_pack_str(pk, "ctl_version");
	record_pack_str(pk, PACKAGE_VERSION);
	record_pack_str(pk, "kinds");
	msgpack_pack_array(pk, h->n_kinds);
	for (size_t i = 0; i < h->n_kinds; i++)
		record_pack_str(pk, h->kinds[i]);
}

static int
recfile_open_new(const char *path, bool force)
{
	int fd =
		strcmp(path, "-") == 0 ?
			dup(STDOUT_FILENO) :
			open(path,
			     O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (force ? O_TRUNC : O_EXCL),
			     0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	/* One that is overwritten may be open to others. Somebody else's stays as it is. */
	if (force && strcmp(path, "-") != 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    fchmod(fd, 0600) < 0 && errno != EPERM) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

/* With `record - >>FILE`, the earlier contents of FILE must survive a full disk. */
static off_t
recfile_base(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags >= 0 && flags & O_APPEND)
		return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
	return lseek(fd, 0, SEEK_CUR);
}

int
recfile_create(const char *path, bool force, const struct recfile_header *header,
	       struct recfile_writer **out)
{
	struct recfile_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = recfile_open_new(path, force);
	if (w->fd < 0) {
		int rc = w->fd;

		free(w);
		return rc;
	}
	w->base = recfile_base(w->fd);
	msgpack_sbuffer_init(&w->waiting);
	msgpack_packer_init(&w->pk, &w->waiting, msgpack_sbuffer_write);
	w->flushed_ns = clock_mono_ns();
	recfile_pack_header(&w->pk, header);
	*out = w;
	return 0;
}

/* The bytes of complete objects in the first n waiting bytes, and the number of these objects. */
static size_t
recfile_whole(const struct recfile_writer *w, size_t n, uint64_t *objects)
{
	size_t at = 0;

	*objects = 0;
	while (at < n) {
		struct frame_scan scan;
		ssize_t len;

		frame_scan_start(&scan, RECFILE_RECORD_MAX);
		len = frame_scan_next(&scan, (const uint8_t *)w->waiting.data + at, n - at);
		if (len <= 0)
			break;
		at += (size_t)len;
		(*objects)++;
	}
	return at;
}

int
recfile_flush(struct recfile_writer *w)
{
	size_t done = 0, whole;
	uint64_t objects;
	int rc = 0;

	while (rc == 0 && done < w->waiting.size) {
		ssize_t n = write(w->fd, w->waiting.data + done, w->waiting.size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	whole = recfile_whole(w, done, &objects);
	w->objects += objects;
	w->bytes += whole;
	/* Only a regular file can be cut. The reader of another sees an incomplete object. */
	if (rc < 0 && w->base >= 0 && ftruncate(w->fd, w->base + (off_t)w->bytes) == 0)
		lseek(w->fd, w->base + (off_t)w->bytes, SEEK_SET);
	w->waiting.size = 0;
	w->flushed_ns = clock_mono_ns();
	if (!w->error)
		w->error = rc;
	return rc;
}

int
recfile_add(struct recfile_writer *w, uint64_t after_ns, const char *kind,
	    const msgpack_object *record)
{
	size_t before = w->waiting.size;

	if (w->error)
		return w->error;
	msgpack_pack_array(&w->pk, 3);
	msgpack_pack_uint64(&w->pk, after_ns);
	record_pack_str(&w->pk, kind);
	if (msgpack_pack_object(&w->pk, *record) < 0)
		return w->error = -ENOMEM;
	if (w->waiting.size - before > RECFILE_RECORD_MAX) {
		w->waiting.size = before;
		return -EMSGSIZE;
	}
	if (w->waiting.size < RECFILE_FLUSH_BYTES &&
	    clock_mono_ns() - w->flushed_ns < RECFILE_FLUSH_NS)
		return 0;
	return recfile_flush(w);
}

uint64_t
recfile_size(const struct recfile_writer *w)
{
	return w->bytes + w->waiting.size;
}

uint64_t
recfile_written(const struct recfile_writer *w)
{
	return w->objects > RECFILE_HEAD ? w->objects - RECFILE_HEAD : 0;
}

static void
recfile_pack_end(struct recfile_writer *w, uint64_t after_ns, uint64_t time_ns, uint64_t dropped,
		 const char *reason)
{
	uint64_t records = recfile_written(w);

	msgpack_pack_array(&w->pk, 3);
	msgpack_pack_uint64(&w->pk, after_ns);
	record_pack_str(&w->pk, "end");
	msgpack_pack_map(&w->pk, 4);
	record_pack_str(&w->pk, "time_ns");
	msgpack_pack_uint64(&w->pk, time_ns);
	record_pack_str(&w->pk, "records");
	msgpack_pack_uint64(&w->pk, records);
	record_pack_str(&w->pk, "dropped");
	msgpack_pack_uint64(&w->pk, dropped);
	record_pack_str(&w->pk, "reason");
	record_pack_str(&w->pk, reason);
}

int
recfile_end(struct recfile_writer *w, uint64_t after_ns, uint64_t time_ns, uint64_t dropped,
	    const char *reason)
{
	int rc;

	recfile_flush(w);
	/* Without magic and header in the file, it is not a recording. */
	if (w->objects >= RECFILE_HEAD) {
		recfile_pack_end(w, after_ns, time_ns, dropped, w->error ? "disk" : reason);
		recfile_flush(w);
	}
	if (fsync(w->fd) < 0 && errno != EINVAL && errno != EROFS && !w->error)
		w->error = -errno;
	if (close(w->fd) < 0 && !w->error)
		w->error = -errno;
	rc = w->error;
	msgpack_sbuffer_destroy(&w->waiting);
	free(w);
	return rc;
}

/* ---- reading ---- */

struct recfile_reader {
	int fd;
	char *data;
	size_t off, len, cap; /* len bytes from off on are read, but not used yet */
	uint64_t at;          /* position of the byte at off in the file */
	struct frame_scan scan;
	msgpack_unpacked object;
	char error[RECFILE_ERROR];
};

int
recfile_open(const char *path, struct recfile_reader **out)
{
	struct recfile_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) :
					 open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0) {
		int rc = -errno;

		free(r);
		return rc;
	}
	frame_scan_start(&r->scan, RECFILE_RECORD_MAX);
	msgpack_unpacked_init(&r->object);
	*out = r;
	return 0;
}

void
recfile_close(struct recfile_reader *r)
{
	if (!r)
		return;
	msgpack_unpacked_destroy(&r->object);
	close(r->fd);
	free(r->data);
	free(r);
}

static enum recfile_got
recfile_bad(struct recfile_reader *r, uint64_t offset, const char *what)
{
	snprintf(r->error, sizeof(r->error), "byte %llu: %s", (unsigned long long)offset, what);
	return RECFILE_BAD;
}

/* Reads more. Returns 1, 0 at the end of the file, or -errno. */
static int
recfile_read(struct recfile_reader *r)
{
	ssize_t n;

	if (r->off > 0)
		memmove(r->data, r->data + r->off, r->len);
	r->off = 0;
	if (r->cap < r->len + RECFILE_READ) {
		size_t cap = 2 * (r->len + RECFILE_READ);
		char *data = realloc(r->data, cap);

		if (!data)
			return -ENOMEM;
		r->data = data;
		r->cap = cap;
	}
	do
		n = read(r->fd, r->data + r->len, RECFILE_READ);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		r->len += (size_t)n;
	return n < 0 ? -errno : n > 0;
}

static enum recfile_got
recfile_decode(struct recfile_reader *r, size_t len, uint64_t *offset)
{
	size_t off = 0;

	*offset = r->at;
	msgpack_unpacked_destroy(&r->object);
	msgpack_unpacked_init(&r->object);
	if (msgpack_unpack_next(&r->object, r->data + r->off, len, &off) != MSGPACK_UNPACK_SUCCESS)
		return recfile_bad(r, r->at, "this is not MessagePack: the file is damaged here");
	frame_scan_start(&r->scan, RECFILE_RECORD_MAX);
	r->off += len;
	r->len -= len;
	r->at += len;
	return RECFILE_ENTRY;
}

/* Reads the next object into r->object. */
static enum recfile_got
recfile_object(struct recfile_reader *r, uint64_t *offset)
{
	for (;;) {
		ssize_t n = r->len ? frame_scan_next(&r->scan, (const uint8_t *)r->data + r->off,
						     r->len) :
				     0;
		int rc;

		if (n > 0)
			return recfile_decode(r, (size_t)n, offset);
		if (n < 0)
			return recfile_bad(
				r, r->at,
				n == -EMSGSIZE ?
					"an object that claims to be too long: the file is damaged "
					"here" :
					"this is not MessagePack: the file is damaged here");
		rc = recfile_read(r);
		if (rc < 0)
			return recfile_bad(r, r->at + r->len, strerror(-rc));
		if (rc == 0)
			return RECFILE_END;
	}
}

const msgpack_object *
recfile_read_header(struct recfile_reader *r)
{
	static const char magic[] = "\xb1" RECFILE_MAGIC;
	uint64_t offset = 0, version = 0;
	enum recfile_got got;
	int rc = 1;

	/* Check this before decoding, because the file may be any file. */
	while (rc > 0 && r->len < strlen(magic))
		rc = recfile_read(r);
	if (rc < 0) {
		recfile_bad(r, r->len, strerror(-rc));
		return NULL;
	}
	if (r->len < strlen(magic) || memcmp(r->data, magic, strlen(magic)) != 0) {
		recfile_bad(
			r, 0,
			r->len ? "it does not begin like a recording of `rpingmesh-ctl record`" :
				 "it is empty");
		return NULL;
	}
	got = recfile_object(r, &offset);
	if (got == RECFILE_ENTRY)
		got = recfile_object(r, &offset);
	if (got == RECFILE_END)
		recfile_bad(r, r->at, "it ends within its header");
	else if (got == RECFILE_ENTRY &&
		 (!read_u64(&r->object.data, "version", &version) || version == 0))
		recfile_bad(r, offset, "the header has no version: the file is damaged here");
	else if (version > RECFILE_VERSION)
		recfile_bad(
			r, offset,
			"a later version of rpingmesh-ctl has recorded this; upgrade to replay it");
	return r->error[0] ? NULL : &r->object.data;
}

enum recfile_got
recfile_next(struct recfile_reader *r, struct recfile_entry *out)
{
	enum recfile_got got = recfile_object(r, &out->offset);
	const msgpack_object *o = &r->object.data, *a = o->via.array.ptr;

	if (got != RECFILE_ENTRY)
		return got;
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3 ||
	    a[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || a[1].type != MSGPACK_OBJECT_STR)
		return recfile_bad(r, out->offset,
				   "this is not an entry of a recording: the file is damaged here");
	out->after_ns = a[0].via.u64;
	out->kind = &a[1];
	out->record = &a[2];
	return RECFILE_ENTRY;
}

bool
recfile_cut(const struct recfile_reader *r, uint64_t *offset)
{
	*offset = r->at;
	return r->len > 0;
}

bool
recfile_may_grow(const struct recfile_reader *r)
{
	struct stat st;

	return fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode);
}

const char *
recfile_error(const struct recfile_reader *r)
{
	return r->error;
}
