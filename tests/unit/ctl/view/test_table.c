/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"
#include "ctl/view/format.h"
#include "ctl/view/samples.h"
#include "ctl/view/table.h"

static const struct table_column columns[] = {
	{.title = "NAME"},
	{.title = "N", .right = true, .priority = 1},
	{.title = "NOTE", .priority = 3, .optional = true},
	{.title = "WHAT", .priority = 2},
};

static struct table *
table_of_two(void)
{
	struct table *t = table_new(columns, 4);

	assert_int_equal(table_row(t), 0);
	table_cell(t, 0, TABLE_PLAIN, "alpha");
	table_cell(t, 1, TABLE_PLAIN, "5");
	table_cell(t, 3, TABLE_RED, "\xc2\xb5s");
	assert_int_equal(table_row(t), 0);
	table_cell(t, 0, TABLE_PLAIN, "b");
	table_cell(t, 1, TABLE_GREEN, "12345");
	return t;
}

static void
check(struct table *t, size_t width, bool color, const char *expected)
{
	char buf[1024];
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	table_write(t, out, width, color);
	fputc('\0', out);
	fclose(out);
	assert_string_equal(buf, expected);
}

static void
test_alignment(void **state)
{
	struct table *t = table_of_two();

	(void)state;
	check(t, 0, false,
	      "NAME       N  WHAT\n"
	      "alpha      5  \xc2\xb5s\n"
	      "b      12345  -\n");
	table_row(t);
	table_cell(t, 2, TABLE_PLAIN, "x"); /* the optional column has something to say now */
	check(t, 0, false,
	      "NAME       N  NOTE  WHAT\n"
	      "alpha      5  -     \xc2\xb5s\n"
	      "b      12345  -     -\n"
	      "-          -  x     -\n");
	assert_int_equal(table_rows(t), 3);
	table_free(t);
}

static void
test_narrow(void **state)
{
	struct table *t = table_of_two();

	(void)state;
	check(t, 18, false,
	      "NAME       N  WHAT\n"
	      "alpha      5  \xc2\xb5s\n"
	      "b      12345  -\n");
	check(t, 17, false, /* WHAT goes first: priority 2 */
	      "NAME       N\n"
	      "alpha      5\n"
	      "b      12345\n");
	check(t, 11, false,
	      "NAME\n"
	      "alpha\n"
	      "b\n");
	check(t, 3, false, /* nothing more to leave out */
	      "NA~\n"
	      "al~\n"
	      "b\n");
	table_free(t);
}

static void
test_color(void **state)
{
	struct table *t = table_of_two();

	(void)state;
	check(t, 0, true,
	      "\033[1mNAME\033[0m       \033[1mN\033[0m  \033[1mWHAT\033[0m\n"
	      "alpha      5  \033[31m\xc2\xb5s\033[0m\n"
	      "b      \033[32m12345\033[0m  -\n");
	table_free(t);
}

static void
test_long_cells_are_cut(void **state)
{
	struct table *t = table_new(columns, 4);
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 100; i++) {
		table_row(t);
		table_cell(t, 0, TABLE_PLAIN, text);
	}
	table_fit(t, 0);
	text[TABLE_CELL_MAX - 1] = '\0';
	{
		char buf[1024];
		FILE *out = fmemopen(buf, sizeof(buf), "w");

		table_write_row(t, 99, out, false, "|");
		fputc('\0', out);
		fclose(out);
		assert_memory_equal(buf, text, strlen(text));
		assert_string_equal(buf + strlen(text), "  -  -|");
	}
	table_free(t);
}

static void
test_screen(void **state)
{
	size_t columns_n, rows;

	(void)state;
	setenv("COLUMNS", "40", 1);
	setenv("LINES", "nonsense", 1);
	table_screen(&columns_n, &rows);
	assert_int_equal(columns_n, 40);
	unsetenv("COLUMNS");
	unsetenv("LINES");
}

static void
test_ns(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"}, {999, "999 ns"}, {1000, "1.00 us"}, {1234, "1.23 us"}, {9994,
		 "9.99 us"}, {9996, "10.0 us"},
		{83100, "83.1 us"}, {99960, "100 us"}, {123456, "123 us"}, {999499, "999 us"},
		 {999500, "1.00 ms"},
		{999999, "1.00 ms"}, {1000000, "1.00 ms"}, {20400000, "20.4 ms"}, {500000000,
		 "500 ms"}, {999499999, "999 ms"},
		{999500000, "1.00 s"}, {1500000000, "1.50 s"}, {3600000000000, "3600 s"},
		 {UINT64_MAX, "18446744074 s"},
	};
	char buf[FORMAT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(format_ns(cases[i].ns, buf), cases[i].text);
}

static void
test_other_units(void **state)
{
	char buf[FORMAT_TEXT];

	(void)state;
	assert_string_equal(format_ms(1234499, buf), "1.234 ms");
	assert_string_equal(format_ms(1234500, buf), "1.235 ms");
	assert_string_equal(format_ms(499, buf), "0.000 ms");
	assert_string_equal(format_age(0, buf), "0.0 s");
	assert_string_equal(format_age(9950000000ULL, buf), "9.9 s");
	assert_string_equal(format_age(59 * 1000000000ULL, buf), "59 s");
	assert_string_equal(format_age(185 * 1000000000ULL, buf), "3 min 5 s");
	assert_string_equal(format_age(7800 * 1000000000ULL, buf), "2 h 10 min");
	assert_string_equal(format_age(97 * 3600 * 1000000000ULL, buf), "4 d 1 h");
	assert_string_equal(format_ratio(0, buf), "0%");
	assert_string_equal(format_ratio(1, buf), "100%");
	assert_string_equal(format_ratio(0.00001, buf), "<0.1%");
	assert_string_equal(format_ratio(0.9999, buf), "99.9%");
	assert_string_equal(format_ratio(0.125, buf), "12.5%");
	assert_string_equal(format_ratio(-1, buf), "-");
	assert_string_equal(format_ratio(__builtin_nan(""), buf), "-");
	assert_string_equal(format_count(0, "peer", buf), "0 peers");
	assert_string_equal(format_count(1, "peer", buf), "1 peer");
	assert_string_equal(format_count(2, "peer", buf), "2 peers");
}

static void
test_micro_sign(void **state)
{
	char buf[FORMAT_TEXT];

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_string_equal(format_ns(83100, buf), "83.1 \xc2\xb5s");
	setlocale(LC_CTYPE, "C");
	assert_string_equal(format_ns(83100, buf), "83.1 us");
}

static void
test_width(void **state)
{
	(void)state;
	assert_int_equal(utf8_width(""), 0);
	assert_int_equal(utf8_width("83.1 \xc2\xb5s"), 7);
	assert_int_equal(utf8_width("\033[31mred\033[0m"), 3);
	assert_int_equal(utf8_width("\033[31"), 0);
}

static void
test_samples(void **state)
{
	struct samples s = {0};

	(void)state;
	assert_int_equal(samples_percentile(&s, 50), 0);
	assert_int_equal(samples_mdev(&s), 0);
	for (uint64_t i = 1000; i >= 1; i--)
		samples_add(&s, i);
	assert_int_equal(s.min, 1);
	assert_int_equal(s.max, 1000);
	assert_int_equal(samples_mean(&s), 501); /* 500.5 */
	assert_int_equal(samples_mdev(&s), 289); /* sqrt((1000² - 1) / 12) */
	assert_int_equal(samples_percentile(&s, 50), 500);
	assert_int_equal(samples_percentile(&s, 99), 990);
	assert_int_equal(samples_percentile(&s, 100), 1000);
	samples_free(&s);
	samples_add(&s, 7);
	assert_int_equal(samples_percentile(&s, 99), 7);
	samples_free(&s);
	/* as near to the end as a double comes is beyond it */
	samples_add(&s, UINT64_MAX);
	assert_true(samples_mean(&s) == UINT64_MAX);
	assert_int_equal(samples_mdev(&s), 0);
	samples_free(&s);
}

/* The ring: percentiles are of the last ones, extremes of all. */
static void
test_samples_ring(void **state)
{
	struct samples s = {0};

	(void)state;
	for (uint32_t i = 0; i < SAMPLES_MAX; i++)
		samples_add(&s, 1);
	for (uint32_t i = 0; i < SAMPLES_MAX / 2 + 1; i++)
		samples_add(&s, 100);
	assert_int_equal(s.n, SAMPLES_MAX + SAMPLES_MAX / 2 + 1);
	assert_int_equal(s.min, 1);
	assert_int_equal(samples_percentile(&s, 50), 100);
	assert_int_equal(samples_percentile(&s, 1), 1);
	samples_free(&s);
}

static const struct table_column cut_columns[] = {
	{.title = "NAME"},
	{.title = "LESS", .priority = 1},
	{.title = "WHY", .priority = 2, .least = 6},
};

/*
 * The last column is cut to what is left, with a mark of it, but not below its least width: then it
 * goes.
 */
static void
test_least(void **state)
{
	struct table *t = table_new(cut_columns, 3);

	(void)state;
	assert_int_equal(table_row(t), 0);
	table_cell(t, 0, TABLE_PLAIN, "alpha");
	table_cell(t, 1, TABLE_PLAIN, "5");
	table_cell(t, 2, TABLE_PLAIN, "a long reason");
	check(t, 26, false, "NAME   LESS  WHY\nalpha  5     a long reason\n");
	check(t, 25, false, "NAME   LESS  WHY\nalpha  5     a long reas~\n");
	check(t, 19, false, "NAME   LESS  WHY\nalpha  5     a lon~\n");
	check(t, 18, false, "NAME   LESS\nalpha  5\n");
	table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment), cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_color),     cmocka_unit_test(test_long_cells_are_cut),
		cmocka_unit_test(test_screen),    cmocka_unit_test(test_ns),
		cmocka_unit_test(test_other_units), cmocka_unit_test(test_micro_sign),
		cmocka_unit_test(test_width),     cmocka_unit_test(test_samples),
		cmocka_unit_test(test_samples_ring), cmocka_unit_test(test_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
