/* SPDX-License-Identifier: Apache-2.0 */
/* What `top` and `matrix` make of records: order, filter, trends, and where a matrix is folded. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "ctl/view/heatmap.h"
#include "ctl/view/toptable.h"
#include "ctl/view/trend.h"
#include "ctl/view/view.h"
#include "stat/histogram.h"

#define UNKNOWN UINT64_MAX
#define WINDOW_NS (10 * NSEC_PER_SEC)

struct sample {
	const char *address, *device, *state;
	uint64_t rtt_ns, p99_ns, prober_ns; /* UNKNOWN: nil */
	double loss;                        /* NaN: nil */
};

/* What was packed, decoded. */
struct packed {
	msgpack_sbuffer bytes;
	msgpack_unpacked decoded;
};

static void
pack_text(msgpack_packer *pk, const char *key, const char *value)
{
	msgpack_pack_str_with_body(pk, key, strlen(key));
	if (value)
		msgpack_pack_str_with_body(pk, value, strlen(value));
	else
		msgpack_pack_nil(pk);
}

static void
pack_number(msgpack_packer *pk, const char *key, uint64_t value)
{
	msgpack_pack_str_with_body(pk, key, strlen(key));
	if (value == UNKNOWN)
		msgpack_pack_nil(pk);
	else
		msgpack_pack_uint64(pk, value);
}

static void
pack_peer(msgpack_packer *pk, const struct sample *s)
{
	msgpack_pack_map(pk, 5);
	pack_text(pk, "address", s->address);
	pack_text(pk, "source", "10.0.0.1");
	pack_text(pk, "device", s->device);
	pack_text(pk, "state", s->state);
	msgpack_pack_str_with_body(pk, "recent", 6);
	msgpack_pack_map(pk, 4);
	pack_number(pk, "rtt_p50_ns", s->rtt_ns);
	pack_number(pk, "rtt_p99_ns", s->p99_ns);
	pack_number(pk, "prober_delay_p50_ns", s->prober_ns);
	msgpack_pack_str_with_body(pk, "lost_ratio", 10);
	if (isnan(s->loss))
		msgpack_pack_nil(pk);
	else
		msgpack_pack_double(pk, s->loss);
}

static const msgpack_object *
decode(struct packed *p)
{
	size_t off = 0;

	msgpack_unpacked_init(&p->decoded);
	assert_int_equal(msgpack_unpack_next(&p->decoded, p->bytes.data, p->bytes.size, &off),
			 MSGPACK_UNPACK_SUCCESS);
	return &p->decoded.data;
}

static const msgpack_object *
peers(struct packed *p, const struct sample *samples, size_t n)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(&p->bytes);
	msgpack_packer_init(&pk, &p->bytes, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		pack_peer(&pk, &samples[i]);
	return decode(p);
}

static void
packed_free(struct packed *p)
{
	msgpack_unpacked_destroy(&p->decoded);
	msgpack_sbuffer_destroy(&p->bytes);
}

/* ---- order ---- */

static const struct sample five[] = {
	{"10.0.0.10", "rxe0", "up", 300, 900, 5, 0.0},
	{"10.0.0.9", "rxe0", "down", UNKNOWN, UNKNOWN, UNKNOWN, (double)NAN},
	{"10.0.0.2", "mlx5_1", "up", 100, 2000, 7, 0.25},
	{"node1", "rxe0", "resolving", UNKNOWN, UNKNOWN, 6, 0.01},
	{"10.0.0.1", "rxe0", "self", 300, 100, UNKNOWN, (double)NAN},
};

/* The order as the last characters of the addresses: "0921" and so on. */
static void
order(const msgpack_object *list, enum toptable_sort sort, bool reverse, const char *filter,
      const char *expected)
{
	const struct toptable_query query = {.sort = sort, .reverse = reverse, .filter = filter};
	const msgpack_object **rows;
	char got[16] = "", text[32];
	size_t n;

	assert_int_equal(toptable_order(list, &query, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(view_text(rows[i], "address", text, sizeof(text)));
		strcat(got, strcmp(text, "node1") == 0 ? "n" : text + strlen(text) - 1);
	}
	assert_string_equal(got, expected);
	free(rows);
}

static void
test_order(void **state)
{
	struct packed p;
	const msgpack_object *list = peers(&p, five, 5);

	(void)state;
	order(list, TOPTABLE_WORST, false, "",
	      "9n201"); /* down, resolving, then by loss, then as they come */
	order(list, TOPTABLE_RTT, false, "", "0129n");   /* equals as they come, the unknown last */
	order(list, TOPTABLE_RTT, true, "", "2019n");    /* so in reverse */
	order(list, TOPTABLE_P99, false, "", "2019n");
	order(list, TOPTABLE_LOSS, false, "", "2n091");
	order(list, TOPTABLE_LOSS, true, "", "0n291");
	order(list, TOPTABLE_PROBER, false, "", "2n091");
	order(list, TOPTABLE_RESPONDER, false, "", "092n1"); /* nobody knows */
	order(list, TOPTABLE_NAME, false, "", "1290n");  /* 10.0.0.9 before 10.0.0.10 */
	order(list, TOPTABLE_NAME, true, "", "n0921");
	packed_free(&p);
	list = peers(&p, NULL, 0);
	order(list, TOPTABLE_RTT, false, "", "");
	packed_free(&p);
}

static void
test_filter(void **state)
{
	struct packed p;
	const msgpack_object *list = peers(&p, five, 5);

	(void)state;
	order(list, TOPTABLE_NAME, false, "MLX5", "2");
	order(list, TOPTABLE_NAME, false, "10.0.0.1", "10");
	order(list, TOPTABLE_NAME, false, "resolv", "n");
	order(list, TOPTABLE_NAME, false, "nothing", "");
	packed_free(&p);
}

/* The column that is sorted by stays when it is narrow. */
static void
test_narrow_table(void **state)
{
	static const char *const titles[TOPTABLE_SORTS] = {
		[TOPTABLE_WORST] = "PEER",    [TOPTABLE_RTT] = "RTT P50",
		[TOPTABLE_P99] = "RTT P99",   [TOPTABLE_LOSS] = "LOSS",
		[TOPTABLE_PROBER] = "PROBER", [TOPTABLE_RESPONDER] = "RESPONDER",
		[TOPTABLE_NAME] = "PEER",
	};
	struct packed p;
	const msgpack_object *list = peers(&p, five, 5);

	(void)state;
	for (int sort = 0; sort < TOPTABLE_SORTS; sort++) {
		const struct toptable_query query = {.sort = (enum toptable_sort)sort,
						     .filter = ""};
		const msgpack_object **rows;
		char buf[1024];
		struct table *table;
		FILE *out = fmemopen(buf, sizeof(buf), "w");
		size_t n;

		assert_int_equal(toptable_order(list, &query, &rows, &n), 0);
		table = toptable_make(rows, n, query.sort, NULL, 0);
		table_write(table, out, 40, false);
		fputc('\0', out);
		fclose(out);
		assert_non_null(strstr(buf, titles[sort]));
		for (const char *line = strtok(buf, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= 40);
		table_free(table);
		free(rows);
	}
	packed_free(&p);
}

/* ---- trends ---- */

struct window {
	const char *kind;
	uint64_t index, rtt_ns, n, lost,
		of; /* of the window that begins at index * WINDOW_NS; rtt n times */
	const char *source; /* NULL: 10.0.0.1 */
};

static const msgpack_object *
window(struct packed *p, const struct window *w)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(&p->bytes);
	msgpack_packer_init(&pk, &p->bytes, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 10);
	pack_text(&pk, "device", "rxe0");
	pack_text(&pk, "peer", "10.0.0.2");
	pack_text(&pk, "source", w->source ? w->source : "10.0.0.1");
	pack_text(&pk, "kind", w->kind);
	pack_number(&pk, "start_ns", w->index * WINDOW_NS);
	pack_number(&pk, "end_ns", (w->index + 1) * WINDOW_NS);
	pack_number(&pk, "start_mono_ns", w->index * WINDOW_NS + 5);
	pack_number(&pk, "loss_lost", w->lost);
	pack_number(&pk, "loss_of", w->of);
	msgpack_pack_str_with_body(&pk, "rtt", 3);
	msgpack_pack_map(&pk, 4);
	pack_number(&pk, "count", w->n);
	pack_number(&pk, "min_ns", w->n ? w->rtt_ns : UNKNOWN);
	pack_number(&pk, "max_ns", w->n ? w->rtt_ns : UNKNOWN);
	msgpack_pack_str_with_body(&pk, "buckets", 7);
	msgpack_pack_array(&pk, w->n ? 2 : 0);
	if (w->n) {
		msgpack_pack_uint64(&pk, histogram_bucket(w->rtt_ns));
		msgpack_pack_uint64(&pk, w->n);
	}
	return decode(p);
}

static void
told(struct trends *trends, const struct window *w, bool told)
{
	struct packed p;

	assert_int_equal(trends_add(trends, window(&p, w), told), 0);
	packed_free(&p);
}

/* Of the peer, at a moment within window `now`. */
static void
trend(const struct trends *trends, uint64_t now, const char *rtt, const char *loss)
{
	const struct sample peer = {"10.0.0.2", "rxe0", "up", 1, 1, 1, 0};
	char got_rtt[TREND_TEXT], got_loss[TREND_TEXT];
	struct packed p;

	assert_int_equal(trends_spark(trends, &peers(&p, &peer, 1)->via.array.ptr[0],
				      now * WINDOW_NS + 1, false, got_rtt, got_loss),
			 rtt[0] != 0);
	assert_string_equal(got_rtt, rtt);
	assert_string_equal(got_loss, loss);
	packed_free(&p);
}

static void
test_trend(void **state)
{
	struct trends *trends = trends_new();

	(void)state;
	trend(trends, 100, "", "");
	told(trends, &(struct window){"mesh", 100, 1000, 10, 0, 10, NULL}, true);
	trend(trends, 101, "_", "_");
	told(trends, &(struct window){"mesh", 101, 9000, 10, 1, 10, NULL}, true);
	trend(trends, 102, "_#", "_+");
	/* Nothing answered, nothing sent: unknown, not 0. */
	told(trends, &(struct window){"mesh", 102, 0, 0, 10, 10, NULL}, true);
	told(trends, &(struct window){"mesh", 103, 0, 0, 0, 0, NULL}, true);
	trend(trends, 104, "_#??", "_+#?");
	/*
	 * Windows that never came; and one that has to have come by now. The newest may still be on
	 * its way.
	 */
	told(trends, &(struct window){"mesh", 106, 1000, 10, 0, 10, NULL}, true);
	trend(trends, 107, "_#????_", "_+#???_");
	trend(trends, 108, "_#????_", "_+#???_");
	trend(trends, 109, "_#????_?", "_+#???_?");
	trend(trends, 200, "????????????????????????", "????????????????????????");
	trends_free(trends);
}

/* Two streams to one peer are one window of it: medians of the merge, losses of both. */
static void
test_trend_merges(void **state)
{
	struct trends *trends = trends_new();

	(void)state;
	told(trends, &(struct window){"mesh", 100, 1000, 10, 0, 10, NULL}, true);
	told(trends, &(struct window){"mesh", 101, 9000, 10, 0, 90, NULL}, true);
	told(trends, &(struct window){"service", 101, 1000, 11, 9, 10, NULL}, true);
	trend(trends, 102, "__", "_+"); /* 11 of 21 are 1000 ns; 9 of 100 are lost */
	/* One that was asked for as well counts once. */
	told(trends, &(struct window){"mesh", 101, 9000, 10, 0, 90, NULL}, false);
	trend(trends, 102, "__", "_+");
	for (uint64_t i = 102; i < 150; i++)
		told(trends, &(struct window){"mesh", i, 1000, 1, 0, 1, NULL}, true);
	trend(trends, 150, "________________________", "________________________");
	trends_free(trends);
}

/* A peer that is probed from two sources is two peers: what the other one gets is not its trend. */
static void
test_trend_by_source(void **state)
{
	struct trends *trends = trends_new();

	(void)state;
	told(trends, &(struct window){"mesh", 100, 1000, 10, 0, 10, NULL}, true);
	told(trends, &(struct window){"mesh", 100, 9000, 10, 10, 10, "10.1.0.1"}, true);
	trend(trends, 101, "_", "_");
	told(trends, &(struct window){"mesh", 101, 9000, 10, 10, 10, "10.1.0.1"}, true);
	trend(trends, 101, "_", "_");
	trends_free(trends);
}

/* ---- matrix ---- */

static void
matrix(const struct sample *samples, size_t n, enum heatmap_metric metric, size_t width,
       bool unicode, bool color, const char *expected)
{
	char *buf = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&buf, &len);
	struct packed p;
	struct heatmap *m;

	assert_int_equal(heatmap_new(peers(&p, samples, n), metric, &m), 0);
	assert_int_equal(heatmap_write(m, width, unicode, color, out), 0);
	fclose(out);
	assert_string_equal(buf, expected);
	free(buf);
	heatmap_free(m);
	packed_free(&p);
}

static const struct sample mesh[] = {
	{"10.0.0.2", "rxe0", "up", 1000, 1, 50, 0.0},        {"10.0.0.2", "rxe1", "up", 16000, 1,
	 51, 0.5},
	{"10.0.0.10", "rxe0", "down", 1, 1, 1, 0.0},         {"10.0.0.3", "rxe1", "up", UNKNOWN, 1,
	 UNKNOWN, (double)NAN},
	{"10.0.0.3", "rxe0", "up", 4000, 1, UNKNOWN, 0.01},
};

static void
test_matrix(void **state)
{
	(void)state;
	matrix(mesh, 5, HEATMAP_BOTH, 0, false, false,
	       "           rxe0            rxe1\n"
	       "10.0.0.2   a 1.00 us 0%    d 16.0 us 50.0%\n"
	       "10.0.0.3   c 4.00 us 1.0%  ? ? ?\n"
	       "10.0.0.10  down            .\n"
	       "\n"
	       "a below 2.00 us   b from 2.00 us   c from 4.00 us   d from 8.00 us\n"
	       "? not known   . not probed\n");
	matrix(mesh, 5, HEATMAP_LOSS, 0, true, false,
	       "           rxe0    rxe1\n"
	       "10.0.0.2   ░ 0%    █ 50.0%\n"
	       "10.0.0.3   ▓ 1.0%  ? ?\n"
	       "10.0.0.10  down    .\n"
	       "\n"
	       "░ no loss   ▒ below 1 %   ▓ below 5 %   █ more\n"
	       "? not known   . not probed\n");
	matrix(mesh, 3, HEATMAP_PROBER, 0, true, true,
	       "           \033[1mrxe0\033[0m     \033[1mrxe1\033[0m\n"
	       "10.0.0.2   \033[32m░ 50 ns\033[0m  \033[31m░ 51 ns\033[0m\n"
	       "10.0.0.10  \033[31mdown\033[0m     .\n"
	       "\n"
	       "░ below 60 ns   ▒ from 60 ns   ▓ from 71 ns   █ from 85 ns\n"
	       "? not known   . not probed\n");
	/* Nobody knows a responder's delay: there is no scale. */
	matrix(mesh, 1, HEATMAP_RESPONDER, 0, false, false,
	       "          rxe0\n10.0.0.2  ? ?\n\n? not known   . not probed\n");
}

static void
test_matrix_folds(void **state)
{
	static const struct sample wide[] = {
		{"a", "d0", "up", 1000, 1, 1, 0}, {"a", "d1", "up", 1000, 1, 1, 0}, {"a", "d2",
		 "up", 1000, 1, 1, 0},
		{"b", "d0", "up", 1000, 1, 1, 0}, {"c", "d0", "self", 1000, 1, 1, 0}, {"c", "d0",
		 "up", 1000, 1, 1, 0.1},
	};
	static const struct sample more_devices[] = {{"a", "d0", "up", 7, 1, 1, 0},
						     {"a", "d1", "up", 7, 1, 1, 0}};

	(void)state;
	/*
	 * As many columns side by side as fit, the rest below; in one cell two, of which the worse
	 * is shown.
	 */
	matrix(wide, 6, HEATMAP_RTT, 30, false, false,
	       "   d0           d1\n"
	       "a  a 1.00 us    a 1.00 us\n"
	       "b  a 1.00 us    .\n"
	       "c  a 1.00 us +  .\n"
	       "\n"
	       "   d2\n"
	       "a  a 1.00 us\n"
	       "b  .\n"
	       "c  .\n"
	       "\n"
	       "a below 1.19 us   b from 1.19 us   c from 1.42 us   d from 1.68 us\n"
	       "? not known   . not probed   + other peers there as well, this is the worst\n");
	matrix(more_devices, 2, HEATMAP_RTT, 0, false, false,
	       "    a\nd0  a 7 ns\nd1  a 7 ns\n\na below 9 ns   b from 9 ns   c from 10 ns   d "
	       "from 12 ns\n? not known   . not probed\n");
}

static void
test_matrix_too_large(void **state)
{
	struct sample *samples = calloc(1100, sizeof(*samples));
	char (*names)[16] = calloc(1100, sizeof(*names));
	struct packed p;
	struct heatmap *m;

	(void)state;
	for (size_t i = 0; i < 1100; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		samples[i] = (struct sample){names[i], names[i], "up", 1, 1, 1, 0};
	}
	assert_int_equal(heatmap_new(peers(&p, samples, 1100), HEATMAP_BOTH, &m), -E2BIG);
	packed_free(&p);
	free(names);
	free(samples);
}

static void
test_matrix_scale(void **state)
{
	uint64_t bounds[HEATMAP_LEVELS - 1];

	(void)state;
	heatmap_scale(0, 0, bounds);
	assert_true(bounds[0] >= 1 && bounds[2] <= 2);
	heatmap_scale(1, UINT64_MAX, bounds);
	assert_int_equal(bounds[0], 65536);
	assert_true(bounds[2] == 1ULL << 48);
	heatmap_scale(UINT64_MAX, UINT64_MAX, bounds);
	assert_true(bounds[2] == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	     cmocka_unit_test(test_filter),
		cmocka_unit_test(test_narrow_table), cmocka_unit_test(test_trend),
		cmocka_unit_test(test_trend_merges), cmocka_unit_test(test_trend_by_source),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_matrix_folds), cmocka_unit_test(test_matrix_too_large),
		cmocka_unit_test(test_matrix_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
