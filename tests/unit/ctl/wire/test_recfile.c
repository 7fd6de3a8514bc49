/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/wire/recfile.h"
#include "record/read.h"

static char path[] = "/tmp/rpingmesh-recfile-XXXXXX";
static const char *const kinds[] = {"probe", "window"};
static const struct recfile_header header = {.start_ns = 5,
					     .host = "a",
					     .daemon_version = "1",
					     .kinds = kinds,
					     .n_kinds = 2};
static uint64_t seed;

/* xorshift64 */
static uint64_t
dice(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* An object of any type, as msgpack-c packs it. */
static void
pack_any(msgpack_packer *pk, unsigned int depth)
{
	char text[300];
	size_t n = dice(dice(4) ? 8 : sizeof(text));

	for (size_t i = 0; i < n; i++)
		text[i] = (char)dice(256);
	switch (dice(depth < 4 ? 9 : 7)) {
	case 0:
		msgpack_pack_nil(pk);
		break;
	case 1:
		msgpack_pack_uint64(pk, dice(2) ? dice(300) : seed);
		break;
	case 2:
		msgpack_pack_int64(pk, -(int64_t)(dice(2) ? dice(300) : seed >> 1));
		break;
	case 3:
		msgpack_pack_double(pk, (double)seed / 3);
		break;
	case 4:
		msgpack_pack_true(pk);
		break;
	case 5:
		msgpack_pack_str(pk, n);
		msgpack_pack_str_body(pk, text, n);
		break;
	case 6:
		msgpack_pack_bin(pk, n);
		msgpack_pack_bin_body(pk, text, n);
		break;
	case 7:
		n %= 20;
		msgpack_pack_array(pk, n);
		for (size_t i = 0; i < n; i++)
			pack_any(pk, depth + 1);
		break;
	default:
		n %= 20;
		msgpack_pack_map(pk, n);
		for (size_t i = 0; i < 2 * n; i++)
			pack_any(pk, depth + 1);
	}
}

struct written {
	msgpack_sbuffer bytes;
	msgpack_unpacked object;
};

static void
written_new(struct written *w)
{
	msgpack_packer pk;
	size_t off = 0;

	msgpack_sbuffer_init(&w->bytes);
	msgpack_unpacked_init(&w->object);
	msgpack_packer_init(&pk, &w->bytes, msgpack_sbuffer_write);
	pack_any(&pk, 0);
	assert_int_equal(msgpack_unpack_next(&w->object, w->bytes.data, w->bytes.size, &off),
			 MSGPACK_UNPACK_SUCCESS);
}

static void
written_free(struct written *w)
{
	msgpack_unpacked_destroy(&w->object);
	msgpack_sbuffer_destroy(&w->bytes);
}

static void
assert_same_bytes(const msgpack_object *o, const msgpack_sbuffer *bytes)
{
	msgpack_sbuffer again;
	msgpack_packer pk;

	msgpack_sbuffer_init(&again);
	msgpack_packer_init(&pk, &again, msgpack_sbuffer_write);
	msgpack_pack_object(&pk, *o);
	assert_int_equal(again.size, bytes->size);
	assert_memory_equal(again.data, bytes->data, bytes->size);
	msgpack_sbuffer_destroy(&again);
}

static struct recfile_reader *
open_read(void)
{
	struct recfile_reader *r;

	assert_int_equal(recfile_open(path, &r), 0);
	return r;
}

/* Whatever the daemon sends comes back byte for byte, with its time and kind. */
static void
test_round_trip(void **state)
{
	enum { N = 40 };

	(void)state;
	for (seed = 1; seed < 4000; seed += 37) {
		struct written w[N];
		struct recfile_writer *file;
		struct recfile_reader *r;
		struct recfile_entry e;
		uint64_t first = seed, offset;

		assert_int_equal(recfile_create(path, true, &header, &file), 0);
		for (int i = 0; i < N; i++) {
			written_new(&w[i]);
			assert_int_equal(recfile_add(file, (uint64_t)i * 1000, kinds[i % 2],
						     &w[i].object.data),
					 0);
			if (dice(5) == 0)
				assert_int_equal(recfile_flush(file), 0);
		}
		assert_int_equal(recfile_end(file, 99999, 7, 3, "stopped"), 0);
		r = open_read();
		assert_non_null(recfile_read_header(r));
		for (int i = 0; i < N; i++) {
			assert_int_equal(recfile_next(r, &e), RECFILE_ENTRY);
			assert_int_equal(e.after_ns, i * 1000);
			assert_true(read_str_is(e.kind, kinds[i % 2]));
			assert_same_bytes(e.record, &w[i].bytes);
			written_free(&w[i]);
		}
		assert_int_equal(recfile_next(r, &e), RECFILE_ENTRY);
		assert_true(read_str_is(e.kind, "end"));
		assert_true(read_u64(e.record, "records", &offset) && offset == N);
		assert_true(read_u64(e.record, "dropped", &offset) && offset == 3);
		assert_int_equal(recfile_next(r, &e), RECFILE_END);
		assert_false(recfile_cut(r, &offset));
		recfile_close(r);
		seed = first;
	}
}

/* n records of a few bytes; returns the file's size. */
static uint64_t
write_some(int n, bool end)
{
	struct recfile_writer *file;
	struct written w;
	uint64_t size;

	seed = 17;
	written_new(&w);
	assert_int_equal(recfile_create(path, true, &header, &file), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(recfile_add(file, 1, "probe", &w.object.data), 0);
	assert_int_equal(recfile_flush(file), 0);
	size = recfile_size(file);
	assert_int_equal(recfile_written(file), n);
	assert_int_equal(recfile_end(file, 1, 1, 0, "count"), 0);
	if (!end)
		assert_int_equal(truncate(path, (off_t)size), 0);
	written_free(&w);
	return size;
}

/*
 * A file that is cut anywhere gives all that is whole before the cut, and tells where it was cut.
 */
static void
test_cut(void **state)
{
	uint64_t size = write_some(9, false), ends[16] = {0}, n = 0, offset;
	struct recfile_reader *r = open_read();
	struct recfile_entry e;

	(void)state;
	assert_non_null(recfile_read_header(r));
	while (recfile_next(r, &e) == RECFILE_ENTRY)
		ends[n++] = e.offset;
	recfile_close(r);
	assert_int_equal(n, 9);
	ends[n] = size;
	for (uint64_t cut = size; cut-- > 0;) {
		uint64_t whole = 0, got = 0;

		assert_int_equal(truncate(path, (off_t)cut), 0);
		r = open_read();
		if (cut < ends[0]) {
			assert_null(recfile_read_header(r));
			assert_non_null(strstr(recfile_error(r), "byte "));
			recfile_close(r);
			continue;
		}
		while (whole < n && ends[whole + 1] <= cut)
			whole++;
		assert_non_null(recfile_read_header(r));
		while (recfile_next(r, &e) == RECFILE_ENTRY)
			got++;
		assert_int_equal(got, whole);
		assert_int_equal(recfile_cut(r, &offset), cut != ends[whole]);
		assert_int_equal(offset, ends[whole]);
		recfile_close(r);
	}
}

static void
test_damaged(void **state)
{
	uint64_t size = write_some(3, true);
	struct recfile_reader *r;
	struct recfile_entry e;
	char want[32];
	int fd = open(path, O_RDWR);

	(void)state;
	assert_int_equal(pwrite(fd, "\xc1", 1, (off_t)size), 1); /* the array of the end */
	snprintf(want, sizeof(want), "byte %llu: ", (unsigned long long)size);
	r = open_read();
	assert_non_null(recfile_read_header(r));
	for (int i = 0; i < 3; i++)
		assert_int_equal(recfile_next(r, &e), RECFILE_ENTRY);
	assert_int_equal(recfile_next(r, &e), RECFILE_BAD);
	assert_non_null(strstr(recfile_error(r), want));
	recfile_close(r);
	assert_int_equal(pwrite(fd, "\xc0", 1, (off_t)size), 1); /* MessagePack, and no entry */
	r = open_read();
	assert_non_null(recfile_read_header(r));
	for (int i = 0; i < 3; i++)
		assert_int_equal(recfile_next(r, &e), RECFILE_ENTRY);
	assert_int_equal(recfile_next(r, &e), RECFILE_BAD);
	recfile_close(r);
	assert_int_equal(pwrite(fd, "\xdf\xff\xff\xff\xff", 5, (off_t)size),
			 5); /* a map of 4 G entries */
	r = open_read();
	assert_non_null(recfile_read_header(r));
	for (int i = 0; i < 3; i++)
		assert_int_equal(recfile_next(r, &e), RECFILE_ENTRY);
	assert_int_equal(recfile_next(r, &e), RECFILE_BAD);
	recfile_close(r);
	assert_int_equal(pwrite(fd, "R", 1, 1), 1);
	r = open_read();
	assert_null(recfile_read_header(r));
	assert_non_null(strstr(recfile_error(r), "byte 0: it does not begin like a recording"));
	recfile_close(r);
	close(fd);
}

static void
test_exists(void **state)
{
	struct recfile_writer *file;

	(void)state;
	write_some(1, true);
	assert_int_equal(recfile_create(path, false, &header, &file), -EEXIST);
	assert_int_equal(recfile_create("/nonexistent/x", false, &header, &file), -ENOENT);
}

/* What a host does is not for all of its users to read, whatever the umask is. */
static void
test_mode(void **state)
{
	struct recfile_writer *file;
	mode_t old = umask(0);
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(recfile_create(path, false, &header, &file), 0);
	umask(old);
	assert_int_equal(recfile_end(file, 0, 0, 0, "stopped"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* A reader would refuse it, so it is not written, and the recording stays readable. */
static void
test_too_long(void **state)
{
	static char text[RECFILE_RECORD_MAX];
	const msgpack_object record = {.type = MSGPACK_OBJECT_STR,
				       .via.str = {.ptr = text, .size = sizeof(text)}};
	struct recfile_writer *file;
	struct recfile_reader *reader;
	struct recfile_entry entry;

	(void)state;
	unlink(path);
	assert_int_equal(recfile_create(path, false, &header, &file), 0);
	assert_int_equal(recfile_add(file, 1, "probe", &record), -EMSGSIZE);
	assert_int_equal(recfile_end(file, 2, 0, 0, "stopped"), 0);
	assert_int_equal(recfile_open(path, &reader), 0);
	assert_non_null(recfile_read_header(reader));
	assert_int_equal(recfile_next(reader, &entry), RECFILE_ENTRY);
	assert_true(read_str_is(entry.kind, "end"));
	recfile_close(reader);
}

/* Whatever room there is: the file is whole records, and an end where that still fits. */
static void
test_full_disk(void **state)
{
	uint64_t size = write_some(20, true);
	struct rlimit old, limit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (uint64_t room = 200; room <= size; room += 7) {
		struct recfile_writer *file;
		struct recfile_reader *r;
		struct recfile_entry e;
		struct written w;
		uint64_t offset, n = 0, told = 0;
		bool ended = false;

		limit = (struct rlimit){.rlim_cur = room, .rlim_max = old.rlim_max};
		setrlimit(RLIMIT_FSIZE, &limit);
		seed = 17;
		written_new(&w);
		assert_int_equal(recfile_create(path, true, &header, &file), 0);
		for (int i = 0; i < 200; i++) {
			recfile_add(file, 1, "probe", &w.object.data);
			if (i % 3 == 0)
				recfile_flush(file);
		}
		assert_int_equal(recfile_end(file, 1, 1, 0, "count"), -EFBIG);
		written_free(&w);
		setrlimit(RLIMIT_FSIZE, &old);
		r = open_read();
		assert_non_null(recfile_read_header(r));
		while (recfile_next(r, &e) == RECFILE_ENTRY) {
			ended = read_str_is(e.kind, "end");
			if (ended)
				assert_true(read_is(e.record, "reason", "disk") &&
					    read_u64(e.record, "records", &told));
			else
				n++;
		}
		assert_false(recfile_cut(r, &offset));
		assert_true(offset <= room);
		assert_true(!ended || told == n);
		recfile_close(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),	   cmocka_unit_test(test_exists),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_full_disk),
	};
	int fd = mkstemp(path), rc;

	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
