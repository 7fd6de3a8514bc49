/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"

/* The JSON of packed bytes; valid until the next call. */
static const char *
json_of(const char *bytes, size_t len)
{
	static char buf[4096];
	FILE *out = fmemopen(buf, sizeof(buf), "w");
	msgpack_unpacked u;
	size_t off = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, len, &off), MSGPACK_UNPACK_SUCCESS);
	json_write(out, &u.data);
	fputc('\0', out);
	fclose(out);
	msgpack_unpacked_destroy(&u);
	return buf;
}

#define JSON(bytes) json_of(bytes, sizeof(bytes) - 1)

static void
test_scalars(void **state)
{
	(void)state;
	assert_string_equal(JSON("\xc0"), "null");
	assert_string_equal(JSON("\xc2"), "false");
	assert_string_equal(JSON("\xc3"), "true");
	assert_string_equal(JSON("\x05"), "5");
	assert_string_equal(JSON("\xff"), "-1");
	assert_string_equal(JSON("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
	assert_string_equal(JSON("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808");
	assert_string_equal(JSON("\xcf\x00\x20\x00\x00\x00\x00\x00\x01"),
			    "9007199254740993"); /* 2^53 + 1 */
}

static void
test_doubles(void **state)
{
	(void)state;
	assert_string_equal(JSON("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1");
	assert_string_equal(JSON("\xcb\x3f\xd5\x55\x55\x55\x55\x55\x55"), "0.3333333333333333");
	assert_string_equal(JSON("\xcb\x3f\xd3\x33\x33\x33\x33\x33\x34"), "0.30000000000000004");
	assert_string_equal(JSON("\xca\x3f\x00\x00\x00"), "0.5");
	assert_string_equal(JSON("\xcb\x00\x00\x00\x00\x00\x00\x00\x00"), "0");
	assert_string_equal(JSON("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "null"); /* NaN */
	assert_string_equal(JSON("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), "null"); /* infinity */
	assert_string_equal(JSON("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"), "null");
}

static void
test_strings(void **state)
{
	(void)state;
	assert_string_equal(JSON("\xa0"), "\"\"");
	assert_string_equal(JSON("\xa7" "a\"\\\n\t/z"), "\"a\\\"\\\\\\n\\t/z\"");
	assert_string_equal(JSON("\xa3" "\x00\x1b\x7f"), "\"\\u0000\\u001b\\u007f\"");
	assert_string_equal(JSON("\xa5" "\xc2\xb5\xe2\x82\xac"), "\"\xc2\xb5\xe2\x82\xac\"");
	assert_string_equal(JSON("\xa4" "\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
	assert_string_equal(JSON("\xa3" "a\xff" "b"), "\"a\\ufffdb\"");
	assert_string_equal(JSON("\xa2"
				 "\xc0\x80"),
			    "\"\\ufffd\\ufffd\""); /* overlong */
	assert_string_equal(JSON("\xa3"
				 "\xed\xa0\x80"),
			    "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
	assert_string_equal(JSON("\xa2"
				 "a\xe2"),
			    "\"a\\ufffd\""); /* cut off */
	/*
	 * what a terminal would obey: U+009B begins a sequence, U+202E turns text around; U+00A0
	 * does nothing
	 */
	assert_string_equal(JSON("\xa7"
				 "\xc2\x9b"
				 "\xe2\x80\xae"
				 "\xc2\xa0"),
			    "\"\\u009b\\u202e\xc2\xa0\"");
	assert_string_equal(JSON("\xc4\x02\x0a\xff"), "\"0aff\"");
	assert_string_equal(JSON("\xd4\x05\xab"), "\"ab\"");
}

static void
test_containers(void **state)
{
	(void)state;
	assert_string_equal(JSON("\x90"), "[]");
	assert_string_equal(JSON("\x80"), "{}");
	assert_string_equal(JSON("\x93\x01\xc0\x91\x02"), "[1,null,[2]]");
	assert_string_equal(JSON("\x82\xa1"
				 "a\x01\xa1"
				 "b\x81\xa1"
				 "c\xc0"),
			    "{\"a\":1,\"b\":{\"c\":null}}");
	assert_string_equal(JSON("\x84\x05\x01\xc3\x02\xc0\x03\x90\x04"),
			    "{\"5\":1,\"true\":2,\"null\":3,\"?\":4}");
	assert_string_equal(JSON("\x82\xc4\x01\xab\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x02"),
			    "{\"ab\":1,\"null\":2}");
}

static void
check_line(const char *bytes, size_t len, const char *type, const char *expected)
{
	char buf[256];
	FILE *out = fmemopen(buf, sizeof(buf), "w");
	msgpack_unpacked u;
	size_t off = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, len, &off), MSGPACK_UNPACK_SUCCESS);
	json_line(out, &u.data, type);
	fputc('\0', out);
	fclose(out);
	msgpack_unpacked_destroy(&u);
	assert_string_equal(buf, expected);
}

static void
test_type_is_added_once(void **state)
{
	(void)state;
	check_line("\x81\xa5" "count\x03", 8, "dropped", "{\"type\":\"dropped\",\"count\":3}\n");
	check_line("\x80", 1, "dropped", "{\"type\":\"dropped\"}\n");
	check_line("\x81\xa4" "type\xa1" "x", 8, "dropped", "{\"type\":\"x\"}\n");
	check_line("\x80", 1, NULL, "{}\n");
	check_line("\x05", 1, "dropped", "5\n");
}

static void
check_text(const char *bytes, size_t len, const char *expected, size_t size)
{
	msgpack_unpacked u;
	size_t off = 0;
	char buf[64];

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, len, &off), MSGPACK_UNPACK_SUCCESS);
	view_clean(&u.data, buf, size);
	msgpack_unpacked_destroy(&u);
	assert_string_equal(buf, expected);
}

/* What came over the network must not control the terminal. */
static void
test_text_for_people(void **state)
{
	(void)state;
	check_text("\xa6" "a\x1b[2Jb", 7, "a?[2Jb", 64);
	check_text("\xa3" "\xc2\x9b" "x", 4, "?x", 64); /* CSI as one character */
	check_text("\xa3" "\xff\x7f\n", 4, "???", 64);
	check_text("\xa3" "\xc2\xb5s", 4, "\xc2\xb5s", 64);
	check_text("\xa4" "ab\xc2\xb5", 5, "ab", 4); /* never half a character */
	check_text("\xa3" "abc", 4, "abc", 4);
	check_text("\x05", 1, "5", 64);
	check_text("\xc0", 1, "-", 64);
	check_text("\x90", 1, "-", 64);
}

static void
test_look_ups(void **state)
{
	/* {"n": 5, "neg": -1, "f": 0.5, "nil": nil, "m": {"t": true}, 7: 7} */
	static const char bytes[] = "\x86\xa1"
				    "n\x05\xa3"
				    "neg\xff\xa1"
				    "f\xca\x3f\x00\x00\x00\xa3"
				    "nil\xc0\xa1"
				    "m\x81\xa1"
				    "t\xc3\x07\x07";
	msgpack_unpacked u;
	uint64_t n = 99;
	double d = 99;
	bool b = false;
	size_t off = 0;

	(void)state;
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, sizeof(bytes) - 1, &off),
			 MSGPACK_UNPACK_SUCCESS);
	assert_false(read_u64(&u.data, "neg", &n));
	assert_false(read_u64(&u.data, "f", &n));
	assert_false(read_u64(&u.data, "nil", &n));
	assert_false(read_u64(&u.data, "none", &n));
	assert_false(read_u64(NULL, "n", &n));
	assert_int_equal(n, 99);
	assert_true(read_u64(&u.data, "n", &n));
	assert_int_equal(n, 5);
	assert_true(read_double(&u.data, "n", &d) && d > 4.9 && d < 5.1);
	assert_true(read_double(&u.data, "f", &d) && d > 0.4 && d < 0.6);
	assert_null(read_map(&u.data, "n"));
	assert_true(read_bool(read_map(&u.data, "m"), "t", &b) && b);
	assert_false(read_bool(&u.data, "n", &b));
	assert_false(read_is(&u.data, "n", "5"));
	msgpack_unpacked_destroy(&u);
}

#define OWNER(bytes) owner_of(bytes, sizeof(bytes) - 1)

/* Whose it is, of a packed map; valid until the next call. */
static const char *
owner_of(const char *bytes, size_t len)
{
	static char buf[64];
	msgpack_unpacked u;
	size_t off = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, len, &off), MSGPACK_UNPACK_SUCCESS);
	view_owner(&u.data, buf, sizeof(buf));
	msgpack_unpacked_destroy(&u);
	return buf;
}

static void
test_owner(void **state)
{
	(void)state;
	assert_string_equal(OWNER("\x82\xa4" "comm" "\xa2" "ab" "\xa3" "pid" "\x07"), "ab(7)");
	assert_string_equal(OWNER("\x83\xa4"
				  "comm"
				  "\xa2"
				  "ab"
				  "\xa3"
				  "pid"
				  "\xc0"
				  "\xa6"
				  "kernel"
				  "\xc3"),
			    "[ab]");
	assert_string_equal(OWNER("\x82\xa4" "comm" "\xa2" "ab" "\xa3" "pid" "\xc0"), "ab(?)");
	assert_string_equal(OWNER("\x82\xa4" "comm" "\xa0" "\xa3" "pid" "\x07"), "?(7)");
	assert_string_equal(OWNER("\x80"), "?(?)");
	/* U+00E9 stays; U+202E, which turns text around, U+200B and escape do not. */
	assert_string_equal(OWNER("\x81\xa4"
				  "comm"
				  "\xa9\xc3\xa9\xe2\x80\xae\xe2\x80\x8b\x1b"),
			    "\xc3\xa9"
			    "??"
			    "?(?)");
}

static void
test_nan_is_unknown(void **state)
{
	static const char bytes[] = "\x81\xa1" "x" "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00";
	msgpack_unpacked u;
	double d = -1;
	size_t off = 0;

	(void)state;
	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, bytes, sizeof(bytes) - 1, &off),
			 MSGPACK_UNPACK_SUCCESS);
	assert_false(read_double(&u.data, "x", &d));
	assert_true(d <= -1 && d >= -1);
	msgpack_unpacked_destroy(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner), cmocka_unit_test(test_nan_is_unknown),
		cmocka_unit_test(test_scalars),    cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_strings),    cmocka_unit_test(test_containers),
		cmocka_unit_test(test_type_is_added_once), cmocka_unit_test(test_text_for_people),
		cmocka_unit_test(test_look_ups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
