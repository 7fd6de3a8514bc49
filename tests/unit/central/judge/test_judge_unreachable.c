/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which probes that nobody answered are lost. Host a sends ten of them in a second to host b, which
 * answers none from some second on. Both report every five seconds, as long as they run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define BEGIN 6000 /* a second at which a minute begins */
#define END (BEGIN + 300)

static struct intake *intake;
static uint64_t sequence[2], after_ns; /* b has reported so much after a */
static struct judge_host hosts[2];
static struct locate_nic nics[2] = {{.host = 0}, {.host = 1}};
static struct judge_case c;

static int
begin(void **state)
{
	(void)state;
	sequence[0] = sequence[1] = 0;
	after_ns = 1;
	return intake_new(4, &intake);
}

static int
end(void **state)
{
	(void)state;
	intake_free(intake);
	return 0;
}

/* A report of host a (0), with its row, or b (1). */
static void
report(int host, uint64_t at_s, uint32_t unreachable, uint32_t stalled_s)
{
	struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	struct report_stream stream = {.device = "mlx5_0", .port = 1, .src_port = 50000,
				       .back_port = 40000, .job = ""};
	struct report_row row = {.classes = {[PROBE_UNREACHABLE] = unreachable}};
	uint32_t n = 50, rtt_ns = 0;
	struct report r = {.host = host ? "b" : "a", .incarnation = 1, .ports = &port, .n_ports = 1,
			   .begin_ns = WALL + (at_s - 5) * S, .end_ns = WALL + at_s * S,
			   .whole = true, .streams = &stream, .n_streams = host ? 0 : 1,
			   .sent = &n, .rtt_ns = &rtt_ns, .rows = &row,
			   .n_rows = !host && unreachable, .stalled_s = stalled_s};
	const struct intake_time now = {at_s * S, WALL + at_s * S};

	r.sequence = r.streams_of = ++sequence[host];
	addr_parse("10.0.1.1", &stream.source);
	addr_parse("10.0.2.1", &stream.destination);
	assert_int_equal(intake_take(intake, r.host, &r, &now), 0);
}

static void
hear(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	uint32_t *lost = arg;

	(void)host;
	*lost = judge_unreachable(&c, row, 0, 1);
}

/* How many of the row are lost at END, by a window. */
static uint32_t
lost(enum intake_window window)
{
	uint32_t out = 0;

	c = (struct judge_case){.sources = {.intake = intake}, .window = window,
				.now_ns = END * S, .hosts = hosts, .lnics = nics,
				.n_hosts = 2, .n_nics = 2};
	for (int i = 0; i < 2; i++) {
		struct intake_host_info info;

		snprintf(hosts[i].name, sizeof(hosts[i].name), "%s", i ? "b" : "a");
		intake_host_info(intake_find(intake, hosts[i].name), END * S, &info);
		hosts[i].reported_ns = info.last_ns + (i ? after_ns : 0);
	}
	intake_rows(intake_find(intake, "a"), window, END * S, hear, &out);
	return out;
}

/* Its NIC is dead from BEGIN on; of every so many reports of b, one says that it stalled. */
static void
dead_nic(unsigned int of, uint32_t stalled_s)
{
	for (uint64_t s = BEGIN - 2700, i = 0; s <= END; s += 5, i++) {
		report(0, s, s > BEGIN ? 50 : 0, 0);
		report(1, s, 0, of && i % of == 0 ? stalled_s : 0);
	}
}

/* Older agents count a stall of a millisecond as a second. */
static void
test_busy(void **state)
{
	(void)state;
	dead_nic(3, 1);
	assert_in_range(lost(INTAKE_MIDDLE), 1000, 2400);
}

static void
test_calm(void **state)
{
	(void)state;
	dead_nic(0, 0);
	assert_int_equal(lost(INTAKE_MIDDLE), 2400 + 50); /* a minute of five has only begun */
	assert_int_equal(lost(INTAKE_LONG), 3000);
	assert_int_equal(lost(INTAKE_SHORT), 200);
	after_ns = 0; /* it may be b's machine that is down */
	assert_int_equal(lost(INTAKE_MIDDLE), 0);
	assert_int_equal(lost(INTAKE_SHORT), 0);
}

/* Whoever always stalls is no witness. */
static void
test_always(void **state)
{
	(void)state;
	dead_nic(1, 5);
	assert_int_equal(lost(INTAKE_MIDDLE), 0);
	assert_int_equal(lost(INTAKE_LONG), 0);
}

/* A daemon is stopped for so many seconds, by a debugger, and says so when it goes on. */
static uint32_t
stopped(uint64_t from_s, uint64_t for_s, int late_s, enum intake_window window)
{
	uint64_t to_s = from_s + for_s;

	for (uint64_t s = BEGIN - 2700; s <= END; s += 5) {
		uint64_t bad_s = s - (uint64_t)late_s;

		report(0, s, bad_s > from_s && bad_s <= to_s ? 50 : 0, 0);
		if (s <= from_s || s > to_s)
			report(1, s, 0, s > to_s && s <= to_s + 5 ? (uint32_t)for_s : 0);
	}
	return lost(window);
}

static void
test_stopped_middle(void **state)
{
	(void)state;
	for (uint64_t from_s = BEGIN + 65; from_s < BEGIN + 150; from_s += 5) {
		for (uint64_t for_s = 5; for_s <= 100; for_s += 19)
			for (int late_s = 0; late_s <= 20; late_s += 10) {
				uint64_t whole = for_s - for_s % 5;

				assert_int_equal(stopped(from_s, whole, late_s, INTAKE_MIDDLE), 0);
				end(NULL);
				begin(NULL);
			}
	}
}

static void
test_stopped_long(void **state)
{
	(void)state;
	assert_int_equal(stopped(BEGIN + 100, 120, 10, INTAKE_LONG), 0);
}

/* A row that began a moment ago: nobody knows how often it is sent. */
static void
test_young(void **state)
{
	(void)state;
	for (uint64_t s = BEGIN - 2700; s <= END; s += 5) {
		if (s > BEGIN + 250)
			report(0, s, s < BEGIN + 290 ? 50 : 0, 0);
		if (s <= BEGIN + 250 || s > BEGIN + 285)
			report(1, s, 0, s == BEGIN + 290 ? 35 : 0);
	}
	assert_int_equal(lost(INTAKE_MIDDLE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_busy, begin, end),
		cmocka_unit_test_setup_teardown(test_calm, begin, end),
		cmocka_unit_test_setup_teardown(test_always, begin, end),
		cmocka_unit_test_setup_teardown(test_stopped_middle, begin, end),
		cmocka_unit_test_setup_teardown(test_stopped_long, begin, end),
		cmocka_unit_test_setup_teardown(test_young, begin, end),
	};

	return cmocka_run_group_tests_name("judge_unreachable", tests, NULL, NULL);
}
