/* SPDX-License-Identifier: Apache-2.0 */
/* The frame scanner against msgpack-c: they must agree on where an object ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "record/frame.h"

#define MAX 4096

static ssize_t
scan(const void *data, size_t len)
{
	struct frame_scan s;

	frame_scan_start(&s, MAX);
	return frame_scan_next(&s, data, len);
}

static void
test_one_of_each(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} objects[] = {
		{"\x00", 1}, {"\x7f", 1}, {"\xe0", 1}, {"\xff", 1}, {"\xc0", 1}, {"\xc2", 1},
		 {"\xc3", 1},
		{"\xcc\x01", 2}, {"\xcd\x01\x02", 3}, {"\xce\x01\x02\x03\x04", 5},
		 {"\xcf\x01\x02\x03\x04\x05\x06\x07\x08", 9},
		{"\xd0\x01", 2}, {"\xd1\x01\x02", 3}, {"\xd2\x01\x02\x03\x04", 5},
		 {"\xd3\x01\x02\x03\x04\x05\x06\x07\x08", 9},
		{"\xca\x01\x02\x03\x04", 5}, {"\xcb\x01\x02\x03\x04\x05\x06\x07\x08", 9},
		{"\xa0", 1}, {"\xa3" "abc", 4}, {"\xd9\x01" "a", 3}, {"\xda\x00\x01" "a", 4},
		 {"\xdb\x00\x00\x00\x01" "a", 6},
		{"\xc4\x01" "a", 3}, {"\xc5\x00\x01" "a", 4}, {"\xc6\x00\x00\x00\x01" "a", 6},
		{"\xd4\x05" "a", 3}, {"\xd5\x05" "ab", 4}, {"\xd6\x05" "abcd", 6},
		 {"\xd7\x05" "abcdefgh", 10},
		{"\xd8\x05" "abcdefghabcdefgh", 18},
		{"\xc7\x02\x05" "ab", 5}, {"\xc8\x00\x02\x05" "ab", 6},
		 {"\xc9\x00\x00\x00\x02\x05" "ab", 8},
		{"\x90", 1}, {"\x92\x01\x02", 3}, {"\xdc\x00\x01\x01", 4},
		 {"\xdd\x00\x00\x00\x01\x01", 6},
		{"\x80", 1}, {"\x81\x01\x02", 3}, {"\xde\x00\x01\x01\x02", 5},
		 {"\xdf\x00\x00\x00\x01\x01\x02", 7},
		{"\x93\x90\x91\x80\x81\xa1" "a" "\xc0", 8},
	};
	char two[64];

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		for (size_t n = 0; n < objects[i].len; n++)
			assert_int_equal(scan(objects[i].bytes, n), 0);
		assert_int_equal(scan(objects[i].bytes, objects[i].len), objects[i].len);
		memcpy(two, objects[i].bytes, objects[i].len);
		two[objects[i].len] = '\xc1'; /* what follows is the next one's */
		assert_int_equal(scan(two, objects[i].len + 1), objects[i].len);
	}
	assert_int_equal(scan("\xc1", 1), -EBADMSG);
	assert_int_equal(scan("\x92\x01\xc1", 3), -EBADMSG);
}

static void
test_too_long_from_the_header(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} heads[] = {
		{"\xdb\xff\xff\xff\xff", 5}, {"\xc6\xff\xff\xff\xff", 5}, {"\xc9\xff\xff\xff\xff",
		 5}, {"\xdd\xff\xff\xff\xff", 5},
		{"\xdf\xff\xff\xff\xff", 5}, {"\xdf\x80\x00\x00\x00", 5}, {"\xda\xff\xff", 3},
		 {"\xc5\xff\xff", 3}, {"\xc8\xff\xff", 3},
		{"\xdc\xff\xff", 3}, {"\xde\xff\xff", 3}, {"\x94\x00\x01\xdd\xff\xff\xff\xff", 8},
		/* each fits, both do not */
		{"\x92\xdc\x0f\x00\xdc\x0f\x00", 7}, {"\x92\xdc\x0f\x00\xda\x0f\x00", 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(scan(heads[i].bytes, heads[i].len), -EMSGSIZE);
}

static void
test_exact_limit(void **state)
{
	static char buf[MAX + 1];

	(void)state;
	memcpy(buf, "\xda\x0f\xfd", 3); /* 4093 + 3 */
	assert_int_equal(scan(buf, 3), 0);
	assert_int_equal(scan(buf, MAX), MAX);
	memcpy(buf, "\xda\x0f\xfe", 3);
	assert_int_equal(scan(buf, 3), -EMSGSIZE);
}

static void
test_depth(void **state)
{
	char buf[64];

	(void)state;
	memset(buf, '\x91', sizeof(buf));
	buf[FRAME_DEPTH_MAX] = '\xc0';
	assert_int_equal(scan(buf, FRAME_DEPTH_MAX + 1), FRAME_DEPTH_MAX + 1);
	buf[FRAME_DEPTH_MAX] = '\x91';
	assert_int_equal(scan(buf, FRAME_DEPTH_MAX + 1), -ELOOP);
	buf[FRAME_DEPTH_MAX] = '\x90'; /* empty: nothing is nested in it */
	assert_int_equal(scan(buf, FRAME_DEPTH_MAX + 1), FRAME_DEPTH_MAX + 1);
}

/* What has ended does not count: many containers side by side are not deep. */
static void
test_depth_of_siblings(void **state)
{
	char buf[3 + 3 * 100] = "\xdc\x00\x64";

	(void)state;
	for (size_t i = 3; i < sizeof(buf); i += 3)
		memcpy(buf + i, "\x91\x91\x01", 3);
	assert_int_equal(scan(buf, sizeof(buf)), sizeof(buf));
}

static unsigned int seed = 1;

static unsigned int
next(unsigned int n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* Bytes of which many are headers of containers and strings. */
static void
fill(uint8_t *buf, size_t len)
{
	static const uint8_t likely[] = {0x90, 0x91, 0x93, 0x81, 0x82, 0xa1, 0xc4, 0xc7,
					 0xd9, 0xd4, 0xdc, 0xde, 0,    1,    2};

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(next(3) ? likely[next(sizeof(likely))] : next(256));
}

static void
test_agrees_with_the_decoder(void **state)
{
	unsigned int ends = 0, bad = 0;
	uint8_t buf[96];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		msgpack_unpacked u;
		size_t off = 0, split = next(sizeof(buf));
		struct frame_scan s;
		ssize_t whole, parts;

		fill(buf, sizeof(buf));
		whole = scan(buf, sizeof(buf));
		frame_scan_start(&s, MAX);
		parts = frame_scan_next(&s, buf, split);
		if (parts == 0)
			parts = frame_scan_next(&s, buf, sizeof(buf));
		assert_int_equal(parts, whole);
		bad += whole < 0;
		if (whole <= 0)
			continue;
		ends++;
		msgpack_unpacked_init(&u);
		assert_int_equal(msgpack_unpack_next(&u, (const char *)buf, (size_t)whole, &off),
				 MSGPACK_UNPACK_SUCCESS);
		assert_int_equal(off, whole);
		msgpack_unpacked_destroy(&u);
	}
	assert_true(ends > 10000 && bad > 1000); /* else this tests nothing */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_each),
		cmocka_unit_test(test_too_long_from_the_header),
		cmocka_unit_test(test_exact_limit),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_of_siblings),
		cmocka_unit_test(test_agrees_with_the_decoder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
