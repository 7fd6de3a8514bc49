/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that are kept: sums of several, a few bytes a cell, and bytes that nobody has packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "central/picture/picture_impl.h"
#include "central/picture/picture_keep.h"

#define S 1000000000ULL
#define TORS 64 /* all of which probe each other */

/* A picture of 20 s, with these switches. */
static struct picture_view *
view_of(uint64_t time_ns, const char *const *names, uint32_t n)
{
	static const uint8_t key[16] = "a key";
	struct picture_view *view = picture_view_new(key);

	assert_non_null(view);
	view->time_ns = time_ns;
	view->window_ns = 20 * S;
	view->ports.names = calloc(n, sizeof(*view->ports.names));
	for (uint32_t i = 0; i < n; i++)
		view->ports.names[view->ports.n_names++] = strdup(names[i]);
	return view;
}

static void
add(struct picture_view *view, struct picture_cell cell)
{
	assert_int_equal(picture_cells_merge(&view->cells, &cell), 0);
}

/* Packs and unpacks it. */
static struct picture_view *
again(const struct picture_view *view, size_t *bytes)
{
	struct picture_bytes names, cells;
	struct picture_packed packed;
	struct picture_view *out;

	assert_int_equal(picture_pack_names(view, &names), 0);
	assert_int_equal(picture_pack_cells(view, &cells), 0);
	packed = (struct picture_packed){names.data, cells.data, names.n, cells.n, view->time_ns};
	assert_int_equal(picture_unpack(&packed, &out), 0);
	if (bytes)
		*bytes = cells.n;
	free(names.data);
	free(cells.data);
	return out;
}

static void
near(uint32_t a, uint32_t b)
{
	assert_true(fabs((double)a - (double)b) <= 0.03 * (double)a + 1);
}

static void
same(const struct picture_cell *a, const struct picture_cell *b)
{
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->to, b->to);
	assert_int_equal(a->sent, b->sent);
	assert_int_equal(a->answered, b->answered);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->noise, b->noise);
	near(a->rtt_p50_ns, b->rtt_p50_ns);
	near(a->rtt_p99_ns, b->rtt_p99_ns);
	near(a->baseline_ns, b->baseline_ns);
	assert_true(fabs((double)a->rtt_us - (double)b->rtt_us) <= 0.03 * (double)a->rtt_us + 1);
}

/* Switches come, go and change places between the pictures of a minute. */
static void
test_merged(void **state)
{
	static const char *const first[] = {"tor1", "tor2"};
	static const char *const then[] = {"tor0", "tor1", "tor2"};
	struct picture_view *views[3] = {view_of(20 * S, first, 2), view_of(40 * S, then, 3),
					 view_of(60 * S, first, 1)};
	struct picture_view *out;
	struct picture_info info;

	(void)state;
	add(views[0], (struct picture_cell){0, 1, 10, 9, 1, 0, 90, 9, 99, 8});
	add(views[1], (struct picture_cell){1, 2, 20, 15, 3, 2, 300, 10, 50, 0});
	add(views[1], (struct picture_cell){0, 1, 5, 5, 0, 0, 50, 0, 0, 0});
	views[1]->unknown = 7;
	for (int i = 0; i < 3; i++)
		picture_cells_sort(&views[i]->cells);
	assert_int_equal(picture_merge(views, 3, &out), 0);
	picture_info(out, &info);
	assert_int_equal(info.time_ns, 60 * S);
	assert_int_equal(info.window_ns, 60 * S);
	assert_int_equal(info.unknown, 7);
	assert_int_equal(info.names, 3);
	assert_int_equal(info.cells, 2);
	assert_string_equal(picture_name(out, 0), "tor1");
	assert_string_equal(picture_name(out, 2), "tor0");
	same(picture_cell(out, 0), &(struct picture_cell){0, 1, 30, 24, 4, 2, 390, 10, 99, 8});
	same(picture_cell(out, 1), &(struct picture_cell){2, 0, 5, 5, 0, 0, 50, 0, 0, 0});
	for (int i = 0; i < 3; i++)
		picture_release(views[i]);
	picture_release(out);
}

static void
test_packed(void **state)
{
	static const char *const names[] = {"?", "tor1", "tor 2\xc3\xa4"};
	static const struct picture_cell cells[] = {
		{0, 0, 600, 600, 0, 0, 600 * 20, 19000, 52000, 0},
		{0, 2, 600, 0, 600, 0, 0, 0, 0, 0},
		{2, 0, 1, 1, 0, 0, 200000, 200000000, 200000000, 123},
		{2, 1, 1ULL << 40, 5, 6, 7, 55, 0, 0, 0},       /* most have no answer yet */
		{2, 2, 300, 0, 100, 200, 0, 0, 0, 0},
	};
	struct picture_view *view = view_of(60 * S, names, 3), *out;
	struct picture_info info;

	(void)state;
	for (int i = 0; i < 5; i++)
		add(view, cells[i]);
	view->cells.left_out = 3;
	picture_cells_sort(&view->cells);
	out = again(view, NULL);
	picture_info(out, &info);
	assert_int_equal(info.time_ns, 60 * S);
	assert_int_equal(info.window_ns, 20 * S);
	assert_int_equal(info.left_out, 3);
	assert_int_equal(info.names, 3);
	assert_int_equal(info.rows, 3);
	assert_string_equal(picture_name(out, 2), names[2]);
	assert_int_equal(info.cells, 5);
	for (uint32_t i = 0; i < 5; i++)
		same(picture_cell(out, i), &cells[i]);
	picture_release(view);
	picture_release(out);
}

/* What rpingmesh-central.conf(5) promises: a pair of switches takes about 8 bytes. */
static void
test_small(void **state)
{
	char text[TORS][8];
	const char *names[TORS];
	struct picture_view *view, *out;
	size_t bytes;

	(void)state;
	for (uint32_t i = 0; i < TORS; i++) {
		snprintf(text[i], sizeof(text[i]), "tor%u", i);
		names[i] = text[i];
	}
	view = view_of(60 * S, names, TORS);
	for (uint32_t i = 0; i < TORS * TORS; i++)
		add(view, (struct picture_cell){.from = i / TORS, .to = i % TORS,
						.sent = 590 + i % 20, .lost = !(i % 10),
						.answered = 590 + i % 20 - !(i % 10),
						.rtt_us = 600 * (15 + i % 7),
						.rtt_p50_ns = 15000, .rtt_p99_ns = 22000,
						.baseline_ns = 15000});
	picture_cells_sort(&view->cells);
	out = again(view, &bytes);
	assert_true(bytes < 33 * TORS * TORS / 4);
	picture_release(view);
	picture_release(out);
}

/* Bytes of a damaged file: an error, or a picture whose cells are within its names. */
static void
test_damaged(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct picture_view *view = view_of(60 * S, names, 3), *out;
	struct picture_bytes packed, texts;
	struct picture_packed p;
	struct picture_info info;
	unsigned int refused = 0;

	(void)state;
	add(view, (struct picture_cell){0, 1, 600, 590, 10, 0, 6000, 0, 0, 0});
	add(view, (struct picture_cell){2, 2, 700, 690, 3, 0, 6000, 0, 0, 0});
	picture_cells_sort(&view->cells);
	assert_int_equal(picture_pack_names(view, &texts), 0);
	assert_int_equal(picture_pack_cells(view, &packed), 0);
	p = (struct picture_packed){texts.data, packed.data, texts.n, packed.n, 1};
	for (p.n_cells = 0; p.n_cells < packed.n; p.n_cells++)
		assert_int_equal(picture_unpack(&p, &out), -EPROTO);
	p.n_names--; /* without the last '\0' */
	assert_int_equal(picture_unpack(&p, &out), -EPROTO);
	p.n_names++;
	for (size_t i = 0; i < 255 * packed.n; i++) {
		uint8_t *byte = &packed.data[i / 255], was = *byte;

		*byte = (uint8_t)(was + 1 + i % 255);
		if (picture_unpack(&p, &out) == 0) {
			picture_info(out, &info);
			for (uint32_t k = 0; k < info.cells; k++)
				assert_true(picture_cell(out, k)->from < info.names &&
					    picture_cell(out, k)->to < info.names);
			picture_release(out);
		} else {
			refused++;
		}
		*byte = was;
	}
	assert_true(refused > packed.n);
	free(packed.data);
	free(texts.data);
	picture_release(view);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
