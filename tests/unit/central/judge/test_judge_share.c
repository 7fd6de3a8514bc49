/* SPDX-License-Identifier: Apache-2.0 */
/* A host has more streams of probes than a case has room for: a share of them is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"
#include "central/roads/roads.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define TUPLES 120u
#define SENT 50u /* probes of a stream */

static struct intake *intake;
static struct roads *roads;
static struct report_stream streams[2 * TUPLES]; /* of each 5-tuple: a small one, a large one */

static void
width(void *arg)
{
	(void)arg;
}

/* Every third 5-tuple loses ten probes of each size; `asked` of them were asked for. */
static void
report(unsigned int asked)
{
	const struct intake_time now = {1000 * S, WALL};
	struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	struct report_row rows[2 * TUPLES];
	uint32_t sent[2 * TUPLES], rtt_ns[2 * TUPLES] = {0}, n = 0;
	struct report r = {.host = "a", .incarnation = 1, .sequence = 1, .streams_of = 1,
			   .begin_ns = WALL - 5 * S, .end_ns = WALL, .whole = true, .ports = &port,
			   .n_ports = 1, .streams = streams, .n_streams = 2 * TUPLES, .sent = sent,
			   .rtt_ns = rtt_ns, .rows = rows};

	for (uint32_t i = 0; i < 2 * TUPLES; i++) {
		streams[i] = (struct report_stream){
			.device = "mlx5_0", .port = 1, .kind = i / 2 < asked ? REPORT_ASK :
			REPORT_FABRIC, .src_port = (uint16_t)(50000 + i / 2), .back_port = 40000,
			.size = i % 2 ? 4096 : 64, .job = ""};
		addr_parse("10.0.1.1", &streams[i].source);
		addr_parse("10.0.2.1", &streams[i].destination);
		sent[i] = SENT;
		if (i / 2 % 3 == 0)
			rows[n++] = (struct report_row){.place = i, .classes = {
								[PROBE_LOST] = 10}};
	}
	r.n_rows = n;
	assert_int_equal(intake_take(intake, "a", &r, &now), 0);
}

static void
add_nic(struct judge_case *c, uint32_t number, const char *text)
{
	struct addr addr;

	addr_parse(text, &addr);
	c->lnics[number] = (struct locate_nic){.host = number, .tor = LOCATE_NONE};
	assert_int_equal(judge_index_put(&c->nics_by_addr, &addr, sizeof(addr), number), 0);
}

/* The case of host a, whose peer is b. */
static struct judge_case *
collect(uint64_t rows_max)
{
	const struct judge_sources sources = {NULL, intake, roads, rows_max};
	struct judge_case *c;

	assert_int_equal(judge_case_new(&sources, INTAKE_SHORT, 1000 * S, &c), 0);
	c->registered = true;
	c->n_hosts = 1;
	c->n_nics = 2;
	c->hosts = calloc(2, sizeof(*c->hosts));
	c->lhosts = calloc(2, sizeof(*c->lhosts));
	c->nics = calloc(2, sizeof(*c->nics));
	c->lnics = calloc(2, sizeof(*c->lnics));
	assert_true(c->hosts && c->lhosts && c->nics && c->lnics);
	strcpy(c->hosts[0].name, "a");
	strcpy(c->hosts[1].name, "b");
	add_nic(c, 0, "10.0.1.1");
	add_nic(c, 1, "10.0.2.1");
	assert_int_equal(judge_case_more(c), 1);
	assert_int_equal(judge_case_more(c), 0);
	return c;
}

static int
begin(void **state)
{
	static const struct roads_ops ops = {.width = width};

	(void)state;
	assert_int_equal(intake_new(4, &intake), 0);
	return roads_new(&ops, 4, &roads);
}

static int
end(void **state)
{
	(void)state;
	roads_free(roads);
	intake_free(intake);
	return 0;
}

static struct judge_case_stats
stats_of(struct judge_case *c)
{
	struct judge_case_stats stats;

	judge_case_stats(c, &stats);
	return stats;
}

static void
test_room(void **state)
{
	struct judge_case *c;

	(void)state;
	report(0);
	c = collect(2 * TUPLES);
	assert_int_equal(stats_of(c).rows, 2 * TUPLES);
	assert_int_equal(stats_of(c).left_out, 0);
	judge_case_free(c);
	c = collect(0);
	assert_int_equal(stats_of(c).rows, 2 * TUPLES);
	judge_case_free(c);
}

/* Half of the 5-tuples, with both sizes, and as many of those that lose; the same each time. */
static void
test_share(void **state)
{
	struct judge_case *c, *again;
	size_t losing = 0;

	(void)state;
	report(0);
	c = collect(2 * TUPLES - 1);
	assert_int_equal(stats_of(c).rows + stats_of(c).left_out, 2 * TUPLES);
	assert_in_range(stats_of(c).rows, 2 * TUPLES / 4, 2 * TUPLES * 3 / 4);
	assert_int_equal(stats_of(c).rows % 2, 0);
	for (size_t i = 0; i < c->n_rows; i++) {
		assert_int_equal(c->rows[i].tuple, i / 2 * 2);
		losing += c->lrows[i].lost > 0;
	}
	assert_in_range(losing, 2 * TUPLES / 3 / 8, 2 * TUPLES / 3 * 7 / 8);
	again = collect(2 * TUPLES - 1);
	assert_int_equal(again->n_rows, c->n_rows);
	for (size_t i = 0; i < c->n_rows; i++)
		assert_int_equal(again->rows[i].place, c->rows[i].place);
	judge_case_free(again);
	judge_case_free(c);
}

/* What was asked for is taken, ... */
static void
test_asked(void **state)
{
	struct judge_case *c;
	size_t asked = 0;

	(void)state;
	report(10);
	c = collect(2 * TUPLES / 3);
	for (size_t i = 0; i < c->n_rows; i++)
		asked += c->rows[i].burst;
	assert_int_equal(asked, 20);
	assert_in_range(stats_of(c).rows, 21, 2 * TUPLES * 2 / 3);
	judge_case_free(c);
}

/* ... until there is no room at all. */
static void
test_all_asked(void **state)
{
	struct judge_case *c;

	(void)state;
	report(TUPLES);
	c = collect(16);
	assert_int_equal(stats_of(c).rows, 18);
	assert_int_equal(stats_of(c).left_out, 2 * TUPLES - 18);
	judge_case_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_room, begin, end),
		cmocka_unit_test_setup_teardown(test_share, begin, end),
		cmocka_unit_test_setup_teardown(test_asked, begin, end),
		cmocka_unit_test_setup_teardown(test_all_asked, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
