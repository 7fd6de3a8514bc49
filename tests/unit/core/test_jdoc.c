/* SPDX-License-Identifier: Apache-2.0 */
/* Expected values: RFC 8259 (sections 7, 13) and RFC 3629. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/jdoc.h"

/* Parses exactly the bytes of the text, so that a sanitizer sees a read beyond them. */
static int
parse(const char *text, struct jdoc **out)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = jdoc_parse(copy, len, out);
	free(copy);
	return rc;
}

/* Section 13. */
static void
test_object(void **state)
{
	static const char text[] =
		"{\"Image\": {\"Width\": 800, \"Title\": \"View from 15th Floor\","
		"\"Thumbnail\": {\"Url\": \"http://www.example.com/image/481989943\"},"
		"\"Animated\" : false, \"IDs\": [116, 943, 234, 38793], \"Empty\": [ ]}}";
	const struct jdoc_value *image, *ids, *url;
	uint32_t n, sum = 0, count = 0;
	struct jdoc *json;

	(void)state;
	assert_int_equal(parse(text, &json), 0);
	image = jdoc_find(json, jdoc_root(json), "Image");
	assert_non_null(image);
	assert_true(jdoc_u32(jdoc_find(json, image, "Width"), &n));
	assert_int_equal(n, 800);
	assert_string_equal(jdoc_string(jdoc_find(json, image, "Title")), "View from 15th Floor");
	url = jdoc_find(json, jdoc_find(json, image, "Thumbnail"), "Url");
	assert_string_equal(jdoc_string(url), "http://www.example.com/image/481989943");
	assert_int_equal(jdoc_find(json, image, "Animated")->type, JDOC_FALSE);
	ids = jdoc_find(json, image, "IDs");
	for (const struct jdoc_value *i = jdoc_first(json, ids); i; i = jdoc_next(json, i)) {
		assert_true(jdoc_u32(i, &n));
		sum += n;
		count++;
	}
	assert_int_equal(count, 4);
	assert_int_equal(sum, 116 + 943 + 234 + 38793);
	assert_null(jdoc_first(json, jdoc_find(json, image, "Empty")));
	assert_null(jdoc_find(json, image, "Height"));
	assert_null(jdoc_find(json, jdoc_find(json, image, "Height"), "Width"));
	assert_null(jdoc_string(image));
	jdoc_free(json);
}

static void
test_strings(void **state)
{
	static const struct {
		const char *text, *is;
	} cases[] = {
		{"\"\"", ""},
		{" \"a\" ", "a"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u00E9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
		{"\"\\uD834\\uDD1E\"", "\xf0\x9d\x84\x9e"}, /* the G clef of section 7 */
		{"\"\xc3\xa9\"", "\xc3\xa9"},
	};
	struct jdoc *json;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &json), 0);
		assert_string_equal(jdoc_string(jdoc_root(json)), cases[i].is);
		jdoc_free(json);
	}
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is;
		uint32_t n;
	} cases[] = {
		{"0", true, 0},		     {"4294967295", true, UINT32_MAX},
		{"4294967296", false, 0},    {"-1", false, 0},
		{"1.5", false, 0},	     {"1e3", false, 0},
		{"99999999999999999999", false, 0}, {"\"1\"", false, 0},
	};
	struct jdoc *json;
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &json), 0);
		n = 0;
		assert_int_equal(jdoc_u32(jdoc_root(json), &n), cases[i].is);
		assert_int_equal(n, cases[i].n);
		jdoc_free(json);
	}
	assert_false(jdoc_u32(NULL, &n));
}

static void
test_wrong(void **state)
{
	static const char *const cases[] = {
		"", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "{\"a\" 1}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\\u\x10\x11\x12\x13\"", "\"\\ud834\"", "\"\\ud834\\u0041\"",
		"\"\\udd1e\"", "\"\\u0000\"", "\"a\nb\"", "01", "-", "1.", ".5", "1e", "+1", "tru",
		"nul", "1 2", "[1 2]", "true false", "\\", "'a'",
	};
	char deep[2 * (JDOC_DEPTH_MAX + 1) + 1];
	struct jdoc *json = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse(cases[i], &json) != -EINVAL)
			fail_msg("%s is no JSON", cases[i]);
	memset(deep, '[', JDOC_DEPTH_MAX + 1);
	memset(deep + JDOC_DEPTH_MAX + 1, ']', JDOC_DEPTH_MAX + 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(parse(deep, &json), -E2BIG);
	deep[sizeof(deep) - 2] = '\0';
	assert_int_equal(parse(deep + 1, &json), 0);
	jdoc_free(json);
	assert_int_equal(jdoc_parse("1\0", 2, &json), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
