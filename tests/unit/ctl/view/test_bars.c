/* SPDX-License-Identifier: Apache-2.0 */
/* Sparklines, bars of histograms, and what both take of the width of characters. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"
#include "ctl/view/bars.h"
#include "ctl/view/spark.h"
#include "ctl/view/table.h"

#define U SPARK_UNKNOWN

/* ---- sparklines ---- */

static void
spark(const uint64_t *values, size_t n, const char *plain, const char *unicode)
{
	char buf[SPARK_TEXT(32)];

	spark_scaled(values, n, false, buf);
	assert_string_equal(buf, plain);
	spark_scaled(values, n, true, buf);
	assert_string_equal(buf, unicode);
	assert_int_equal(utf8_width(buf), n);
}

static void
test_spark_scale(void **state)
{
	(void)state;
	spark(NULL, 0, "", "");
	spark((uint64_t[]){0, 1, 2, 3, 4, 5, 6, 7}, 8, "_.-:=+*#", "▁▂▃▄▅▆▇█");
	spark((uint64_t[]){80, 0}, 2, "#_", "█▁");
	/* What hardly changes stays low: up to twice the least is the whole height. */
	spark((uint64_t[]){1000, 1010, 1100, 1200, 1000}, 5, "___._", "▁▁▁▂▁");
	spark((uint64_t[]){1000, 1500, 1999, 2000}, 4, "_=##", "▁▅██");
	/* All equal, also all zero. */
	spark((uint64_t[]){7, 7, 7}, 3, "___", "▁▁▁");
	spark((uint64_t[]){0, 0}, 2, "__", "▁▁");
	spark((uint64_t[]){0, UINT64_MAX - 1}, 2, "_#", "▁█");
}

static void
test_spark_unknown(void **state)
{
	(void)state;
	spark((uint64_t[]){U}, 1, "?", "?");
	spark((uint64_t[]){U, U, U}, 3, "???", "???");
	/* A gap is neither 0 nor in the scale. */
	spark((uint64_t[]){100, U, 200, U}, 4, "_?#?", "▁?█?");
	spark((uint64_t[]){U, 5}, 2, "?_", "?▁");
}

static void
test_spark_loss(void **state)
{
	const double ratios[] = {0,    1e-9, 0.001, 0.0011, 0.005, 0.01,
				 0.05, 0.1,  0.5,   0.51,   1,	   (double)NAN};
	char buf[SPARK_TEXT(12)];

	(void)state;
	spark_loss(ratios, 12, false, buf);
	assert_string_equal(buf, "_..--:=+*##?");
	spark_loss(ratios, 12, true, buf);
	assert_string_equal(buf, "▁▂▂▃▃▄▅▆▇██?");
	spark_loss(NULL, 0, true, buf);
	assert_string_equal(buf, "");
}

/* ---- bars ---- */

static struct histogram
histogram_of(const uint64_t *values, size_t n)
{
	struct histogram h = {0};

	for (size_t i = 0; i < n; i++)
		assert_int_equal(histogram_add(&h, values[i]), 0);
	return h;
}

/*
 * What must hold for any histogram: rows without gap or overlap, all counts in them, and where they
 * belong.
 */
static void
bars_check(const struct histogram *h, size_t rows_max, struct bars *bars)
{
	uint64_t sum = 0, most = 0;

	bars_make(h, rows_max, bars);
	assert_in_range(bars->n, h->n_bins ? 1 : 0, rows_max);
	for (size_t r = 0; r < bars->n; r++) {
		const struct bars_row *row = &bars->rows[r];
		uint64_t count = 0;

		assert_true(row->low_ns <= row->high_ns);
		assert_true(r == 0 || bars->rows[r - 1].high_ns + 1 == row->low_ns);
		for (uint32_t i = 0; i < h->n_bins; i++) {
			uint64_t low = histogram_low_ns(h->bins[i].bucket),
				 high = histogram_high_ns(h->bins[i].bucket);

			if (low >= row->low_ns && high <= row->high_ns)
				count += h->bins[i].count;
		}
		assert_int_equal(row->count, count);
		sum += row->count;
		most = row->count > most ? row->count : most;
	}
	assert_int_equal(sum, h->count);
	assert_int_equal(bars->most, most);
	if (h->count) {
		assert_true(bars->rows[0].low_ns <= h->min_ns &&
			    h->min_ns <= bars->rows[0].high_ns);
		assert_true(bars->rows[bars->n - 1].low_ns <= h->max_ns &&
			    h->max_ns <= bars->rows[bars->n - 1].high_ns);
	}
}

static void
bars_check_all(const struct histogram *h)
{
	struct bars bars;

	for (size_t rows = 2; rows <= BARS_ROWS_MAX; rows++)
		bars_check(h, rows, &bars);
}

static void
test_bars_rows(void **state)
{
	const uint64_t few[] = {0, 1, 5, 9}, all[] = {0, 127, 128, 1000000, UINT64_MAX},
		       edge[] = {255, 256, 65535, 65536};
	struct histogram h = {0};
	struct bars bars;

	(void)state;
	bars_check_all(&h);
	h = histogram_of(few, 4);
	bars_check_all(&h);
	/* A nanosecond a row, those without a count too. */
	bars_make(&h, 20, &bars);
	assert_int_equal(bars.n, 10);
	assert_int_equal(bars.rows[5].low_ns, 5);
	assert_int_equal(bars.rows[5].high_ns, 5);
	assert_int_equal(bars.rows[5].count, 1);
	assert_int_equal(bars.rows[6].count, 0);
	histogram_clear(&h);
	h = histogram_of(all, 5);
	bars_check_all(&h);
	bars_make(&h, 8, &bars);
	assert_true(bars.rows[bars.n - 1].high_ns == UINT64_MAX); /* the last bucket of all */
	histogram_clear(&h);
	h = histogram_of(edge, 4);
	bars_check_all(&h);
	histogram_clear(&h);
}

static void
test_bars_one_bucket(void **state)
{
	const uint64_t one[] = {20400000, 20400000, 20400001};
	struct histogram h = histogram_of(one, 3);
	struct bars bars;

	(void)state;
	bars_check_all(&h);
	bars_make(&h, 20, &bars);
	assert_int_equal(bars.n, 1);
	assert_int_equal(bars.rows[0].count, 3);
	assert_int_equal(bars.rows[0].low_ns, histogram_low_ns(histogram_bucket(20400000)));
	histogram_clear(&h);
}

static void
text(uint64_t count, uint64_t most, size_t columns, const char *plain, const char *unicode)
{
	char buf[3 * 16 + 1];

	assert_int_equal(bars_text(count, most, columns, false, buf), strlen(plain));
	assert_string_equal(buf, plain);
	assert_int_equal(bars_text(count, most, columns, true, buf), utf8_width(unicode));
	assert_string_equal(buf, unicode);
}

static void
test_bars_text(void **state)
{
	const uint64_t huge = (1ULL << 52) - 1;

	(void)state;
	text(0, 0, 8, "", "");
	text(0, 5, 8, "", "");
	text(5, 5, 8, "########", "████████");
	text(1, 2, 8, "####", "████");
	text(1, huge, 8, "#", "▏"); /* what is not 0 leaves a mark */
	text(huge, huge, 16, "################", "████████████████");
	text(7, 8, 1, "#", "▉");
	text(1, 8, 1, "#", "▏");
	text(4, 8, 1, "#", "▌");
	text(9, 5, 4, "####", "████"); /* no more than there is room for */
}

/* ---- histograms of records ---- */

static void
pack_histogram(msgpack_sbuffer *buf, const uint64_t *buckets, size_t n, uint64_t count,
	       uint64_t min_ns, uint64_t max_ns)
{
	static const char *const keys[] = {"count", "sum_ns", "min_ns", "max_ns"};
	const uint64_t values[] = {count, 5, min_ns, max_ns};
	msgpack_packer pk;

	msgpack_sbuffer_init(buf);
	msgpack_packer_init(&pk, buf, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 5);
	for (size_t i = 0; i < 4; i++) {
		msgpack_pack_str_with_body(&pk, keys[i], strlen(keys[i]));
		msgpack_pack_uint64(&pk, values[i]);
	}
	msgpack_pack_str_with_body(&pk, "buckets", 7);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint64(&pk, buckets[i]);
}

static int
read_histogram(const uint64_t *buckets, size_t n, uint64_t count, uint64_t min_ns, uint64_t max_ns,
	       struct histogram *out)
{
	msgpack_sbuffer buf;
	msgpack_unpacked decoded;
	size_t off = 0;
	int rc;

	pack_histogram(&buf, buckets, n, count, min_ns, max_ns);
	msgpack_unpacked_init(&decoded);
	assert_int_equal(msgpack_unpack_next(&decoded, buf.data, buf.size, &off),
			 MSGPACK_UNPACK_SUCCESS);
	*out = (struct histogram){0};
	rc = bars_read(&decoded.data, out);
	msgpack_unpacked_destroy(&decoded);
	msgpack_sbuffer_destroy(&buf);
	return rc;
}

static void
test_read(void **state)
{
	const uint64_t good[] = {5, 2, 100, 1, 3775, 4};
	struct histogram h;

	(void)state;
	assert_int_equal(read_histogram(good, 6, 7, 5, UINT64_MAX, &h), 0);
	assert_int_equal(h.count, 7);
	assert_int_equal(h.n_bins, 3);
	assert_int_equal(histogram_quantile(&h, 1), 5);
	assert_int_equal(histogram_quantile(&h, 400000), 100);
	bars_check_all(&h);
	histogram_clear(&h);
	assert_int_equal(read_histogram(NULL, 0, 0, 0, 0, &h), 0);
	assert_int_equal(h.count, 0);
	/* Nothing of what contradicts itself is shown. */
	assert_int_equal(read_histogram(good, 6, 8, 5, UINT64_MAX, &h),
			 -EINVAL); /* counts that do not add up */
	assert_int_equal(read_histogram(good, 5, 7, 5, UINT64_MAX, &h), -EINVAL); /* half a pair */
	assert_int_equal(read_histogram((uint64_t[]){100, 1, 5, 2}, 4, 3, 5, 100, &h), -EINVAL);
	assert_int_equal(read_histogram((uint64_t[]){5, 1, 5, 2}, 4, 3, 5, 5, &h), -EINVAL);
	assert_int_equal(read_histogram((uint64_t[]){3776, 1}, 2, 1, 5, 5, &h),
			 -EINVAL); /* no such bucket */
	assert_int_equal(read_histogram((uint64_t[]){5, 0}, 2, 0, 5, 5, &h), -EINVAL);
	assert_int_equal(read_histogram((uint64_t[]){5, 1ULL << 52}, 2, 1ULL << 52, 5, 5, &h),
			 -EINVAL);
	assert_int_equal(read_histogram((uint64_t[]){5, 1}, 2, 1, 6, 6, &h),
			 -EINVAL); /* a least value that is in none */
	assert_int_equal(read_histogram((uint64_t[]){5, 1}, 2, 1, 5, 6, &h), -EINVAL);
	assert_int_equal(bars_read(NULL, &h), -EINVAL);
	assert_null(h.bins);
}

/* ---- width ---- */

static void
test_wide_characters(void **state)
{
	static const struct table_column columns[] = {{.title = "NAME"}, {.title = "N"}};
	char buf[256];
	size_t width;
	FILE *out;
	struct table *t;

	(void)state;
	assert_int_equal(utf8_width("中文"), 4);
	assert_int_equal(utf8_width("e\u0301a"), 2);           /* a combining accent */
	assert_int_equal(utf8_width("한글 ok"), 7);
	assert_int_equal(utf8_width("\U0001f600"), 2);
	assert_int_equal(utf8_width("\xff\xfe"),
			 2); /* no UTF-8: a column a byte, as it may be shown */
	assert_int_equal(utf8_cut("中文", 3, &width), 3);      /* half a character does not fit */
	assert_int_equal(width, 2);
	assert_int_equal(utf8_cut("abc", 10, &width), 3);
	assert_int_equal(width, 3);
	assert_int_equal(utf8_cut("e\u0301a", 1, &width), 3); /* the accent stays with its letter */
	assert_int_equal(utf8_blanks("83.1 µs", 8), 1);
	assert_int_equal(utf8_blanks("83.1 us", 8), 1);
	assert_int_equal(utf8_blanks("中文", 4), 0);
	assert_int_equal(utf8_blanks("中文", 3), 0);
	t = table_new(columns, 2);
	assert_int_equal(table_row(t), 0);
	table_cell(t, 0, TABLE_PLAIN, "中文");
	table_cell(t, 1, TABLE_PLAIN, "1");
	assert_int_equal(table_row(t), 0);
	table_cell(t, 0, TABLE_PLAIN, "abcde");
	table_cell(t, 1, TABLE_PLAIN, "2");
	out = fmemopen(buf, sizeof(buf), "w");
	table_write(t, out, 0, false);
	fputc('\0', out);
	fclose(out);
	assert_string_equal(buf, "NAME   N\n中文   1\nabcde  2\n");
	out = fmemopen(buf, sizeof(buf), "w");
	table_write(t, out, 3, false);
	fputc('\0', out);
	fclose(out);
	assert_string_equal(buf, "NA~\n中~\nab~\n");
	table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spark_scale),
		cmocka_unit_test(test_spark_unknown),
		cmocka_unit_test(test_spark_loss),
		cmocka_unit_test(test_bars_rows),
		cmocka_unit_test(test_bars_one_bucket),
		cmocka_unit_test(test_bars_text),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_wide_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
