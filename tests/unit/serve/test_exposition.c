/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected text: written by hand from OpenMetrics 1.0 and from the description of Prometheus' text
 * format 0.0.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/exposition.h"

static struct buffer out;

static struct exposition
begin(enum exposition_format format)
{
	return (struct exposition){.out = &out, .format = format};
}

static void
expect(const struct exposition *e, const char *text)
{
	assert_false(e->failed);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.data + out.off, text, out.len);
	buffer_free(&out);
	memset(&out, 0, sizeof(out));
}

static const struct exposition_family counter = {"x_seconds_total", EXPOSITION_COUNTER, "seconds",
						 "Time."};
static const struct exposition_family gauge = {"x_now", EXPOSITION_GAUGE, NULL, "How many."};
static const struct exposition_family histogram = {"x_delay_seconds", EXPOSITION_HISTOGRAM,
						   "seconds", "Delay."};

static void
test_counter(void **state)
{
	struct exposition e = begin(EXPOSITION_PROMETHEUS);

	(void)state;
	exposition_family(&e, &counter);
	exposition_ns(&e, (struct exposition_label[]){{"a", "b"}, {"c", NULL}, {0}}, 1500000000);
	exposition_end(&e);
	expect(&e, "# HELP x_seconds_total Time.\n# TYPE x_seconds_total "
		   "counter\nx_seconds_total{a=\"b\",c=\"\"} 1.5\n");
	e = begin(EXPOSITION_OPENMETRICS);
	exposition_family(&e, &counter);
	exposition_ns(&e, NULL, 1);
	exposition_end(&e);
	expect(&e, "# HELP x_seconds Time.\n# TYPE x_seconds counter\n# UNIT x_seconds "
		   "seconds\nx_seconds_total 0.000000001\n# EOF\n");
}

static void
test_gauge(void **state)
{
	struct exposition e = begin(EXPOSITION_OPENMETRICS);

	(void)state;
	exposition_family(&e, &gauge);
	exposition_u64(&e, NULL, UINT64_MAX);
	exposition_double(&e, NULL, 0.25);
	exposition_double(&e, NULL, (double)NAN);
	exposition_double(&e, NULL, -(double)INFINITY);
	expect(&e, "# HELP x_now How many.\n# TYPE x_now gauge\nx_now 18446744073709551615\nx_now "
		   "0.25\nx_now NaN\nx_now -Inf\n");
}

static void
test_histogram(void **state)
{
	struct exposition e = begin(EXPOSITION_PROMETHEUS);
	const uint64_t bound[] = {1000, 10000000000}, n[] = {2, 3};

	(void)state;
	exposition_family(&e, &histogram);
	exposition_histogram(&e, (struct exposition_label[]){{"d", "x"}, {0}}, bound, n, 2, 6,
			     30000000000);
	exposition_histogram(&e, NULL, bound, n, 1, 2, 0);
	expect(&e, "# HELP x_delay_seconds Delay.\n# TYPE x_delay_seconds histogram\n"
		   "x_delay_seconds_bucket{d=\"x\",le=\"0.000001\"} 2\n"
		   "x_delay_seconds_bucket{d=\"x\",le=\"10.0\"} 5\n"
		   "x_delay_seconds_bucket{d=\"x\",le=\"+Inf\"} 6\n"
		   "x_delay_seconds_sum{d=\"x\"} 30.0\n"
		   "x_delay_seconds_count{d=\"x\"} 6\n"
		   "x_delay_seconds_bucket{le=\"0.000001\"} 2\n"
		   "x_delay_seconds_bucket{le=\"+Inf\"} 2\n"
		   "x_delay_seconds_sum 0.0\n"
		   "x_delay_seconds_count 2\n");
}

/* What a label may hold: anything. */
static void
test_labels(void **state)
{
	struct exposition e = begin(EXPOSITION_PROMETHEUS);

	(void)state;
	e.family = &gauge;
	exposition_u64(&e, (struct exposition_label[]){{"a", "q\"b\\n\nz"}, {0}}, 1);
	exposition_u64(&e,
		       (struct exposition_label[]){{"a", "\xc3\xa9 \xf0\x9f\x98\x80 \xff\xc3"},
						   {0}},
		       2);
	/* Overlong, a surrogate, above U+10FFFF, cut. */
	exposition_u64(&e,
		       (struct exposition_label[]){
			       {"a", "\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82"}, {0}},
		       3);
	expect(&e, "x_now{a=\"q\\\"b\\\\n\\nz\"} 1\nx_now{a=\"\xc3\xa9 \xf0\x9f\x98\x80 ??\"} 2\n"
		   "x_now{a=\"??|???|????|??\"} 3\n");
}

static void
test_long_label(void **state)
{
	struct exposition e = begin(EXPOSITION_PROMETHEUS);
	char value[4096], text[4200];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	e.family = &gauge;
	exposition_u64(&e, (struct exposition_label[]){{"a", value}, {0}}, 1);
	snprintf(text, sizeof(text), "x_now{a=\"%s\"} 1\n", value);
	expect(&e, text);
}

static void
test_negotiate(void **state)
{
	(void)state;
	assert_int_equal(exposition_negotiate(NULL), EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate("*/*"), EXPOSITION_PROMETHEUS);
	/* What Prometheus 2.42 sends. */
	assert_int_equal(exposition_negotiate(
				 "application/openmetrics-text;version=1.0.0,application/"
				 "openmetrics-text;version=0.0.1;q=0.75,"
				 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(exposition_negotiate("Application/OpenMetrics-Text"),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(
		exposition_negotiate(
			"text/html, application/openmetrics-text ; version=0.0.1 ; q=0.001"),
		EXPOSITION_OPENMETRICS);
	/* Refused, wanted less, and a version that is not ours. */
	assert_int_equal(exposition_negotiate("application/openmetrics-text;q=0"),
			 EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate("application/openmetrics-text;q=0.000,*/*"),
			 EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate(
				 "application/openmetrics-text;q=0.3,text/plain;q=0.31"),
			 EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate(
				 "text/plain;q=0.3,application/openmetrics-text;q=0.31"),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(exposition_negotiate("application/openmetrics-text;version=2.0.0"),
			 EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate("application/openmetrics-text;version=\"1.0.0\""),
			 EXPOSITION_OPENMETRICS);
	/* RFC 9110 section 12.5.1: the most specific range takes precedence, wherever it stands. */
	assert_int_equal(exposition_negotiate(
				 "application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*"),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(exposition_negotiate(
				 "*/*,application/openmetrics-text;q=0.5,text/*;q=0.1"),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(
		exposition_negotiate(
			"text/plain,application/openmetrics-text;q=0.5,text/*;q=0.1,*/*;q=0"),
		EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate("application/openmetrics-text-or-so"),
			 EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_negotiate(",;,;q=1,; ;=,application/openmetrics-text;q="),
			 EXPOSITION_OPENMETRICS);
	assert_int_equal(exposition_negotiate(""), EXPOSITION_PROMETHEUS);
	assert_non_null(strstr(exposition_content_type(EXPOSITION_OPENMETRICS), "version=1.0.0"));
	assert_non_null(strstr(exposition_content_type(EXPOSITION_PROMETHEUS), "version=0.0.4"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_gauge),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_long_label),
		cmocka_unit_test(test_negotiate),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
