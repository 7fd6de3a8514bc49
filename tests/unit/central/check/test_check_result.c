/* SPDX-License-Identifier: Apache-2.0 */
/* Which of what hosts report counts for a check, and what it says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "central/intake/intake.h"
#include "check_fixture.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define STREAMS 4
#define COUNT 10u

static struct fixture f;
static struct intake *intake;
static struct intake_time now;
static uint64_t sequences[FIXTURE_HOSTS];

/* What the next report of a host says. */
static struct report_stream streams[STREAMS];
static uint32_t sent[STREAMS], rtt_ns[STREAMS];
static struct report_row rows[STREAMS];
static size_t n_streams;

static void
begin(size_t n, uint32_t src_ports)
{
	now = (struct intake_time){100 * S, WALL};
	memset(sequences, 0, sizeof(sequences));
	n_streams = 0;
	assert_int_equal(intake_new(8, &intake), 0);
	fixture_begin(&f, n, COUNT);
	for (size_t i = 0; i < n; i++)
		f.ports[i][0].src_ports = src_ports;
}

static void
end(void)
{
	fixture_end(&f);
	intake_free(intake);
}

static void
pass(uint64_t ns)
{
	now.mono_ns += ns;
	now.wall_ns += ns;
}

/* Probes that somebody has asked for. */
static void
probed(size_t from, size_t to, uint16_t src_port, uint32_t n, uint32_t lost)
{
	streams[n_streams] = (struct report_stream){
		.device = "mlx5_0", .port = 1, .kind = REPORT_ASK, .src_port = src_port, .job = "",
		.source = f.ports[from][0].addrs[0], .destination = f.ports[to][0].addrs[0]};
	sent[n_streams] = n;
	rtt_ns[n_streams] = n > lost ? 20000 : 0;
	rows[n_streams] = (struct report_row){.place = (uint32_t)n_streams};
	rows[n_streams].classes[PROBE_LOST] = lost;
	n_streams++;
}

/* A report of the 5 seconds until this long ago. */
static void
report_late(size_t host, uint64_t ago_ns)
{
	static struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	const char *name = f.check->members[host].name;
	uint64_t sequence = ++sequences[host];
	const struct report report = {
		.host = name, .incarnation = 7, .sequence = sequence, .streams_of = sequence,
		.begin_ns = now.wall_ns - ago_ns - 5 * S, .end_ns = now.wall_ns - ago_ns,
		.whole = true, .ports = &port, .n_ports = 1, .streams = streams,
		.n_streams = n_streams, .sent = sent, .rtt_ns = rtt_ns, .rows = rows,
		.n_rows = n_streams};

	assert_int_equal(intake_take(intake, name, &report, &now), 0);
	n_streams = 0;
}

static void
report(size_t host)
{
	report_late(host, 0);
}

static void
plan(void)
{
	assert_int_equal(fixture_plan(&f, now.mono_ns), 0);
}

static void
look(void)
{
	for (size_t i = 0; i < f.check->n_members; i++)
		check_read(f.check, i, intake_find(intake, f.check->members[i].name), now.mono_ns);
}

/* Hosts are asked for all rounds. */
static void
ask(void)
{
	look();
	assert_true(check_is_ready(f.check, now.mono_ns));
	f.check->based = true;
	f.check->began_ns = now.mono_ns;
	f.check->begun = f.check->rounds;
}

static uint16_t
planned(size_t from, size_t to)
{
	const struct check_member *m = &f.check->members[from];

	for (size_t i = m->first; i < m->first + m->n; i++)
		if (f.check->tuples[i].to == to)
			return f.check->tuples[i].src_port;
	fail_msg("no such tuple");
	return 0;
}

static bool
has_all(void)
{
	look();
	return check_has_all(f.check, now.mono_ns);
}

static struct check_host_info
told(size_t host)
{
	struct check_host_info out;

	check_host(f.check, host, &out);
	return out;
}

static void
finish(void)
{
	look();
	check_finish(f.check);
}

/*
 * Host a has just been asked for the same by somebody else, when all was lost. That has been
 * repaired, and now a check is made.
 */
static void
again(uint16_t src_port, uint32_t src_ports)
{
	begin(2, src_ports);
	probed(0, 1, src_port, 25, 25);
	report(0);
	report(1);
	pass(2 * S);
	plan();
	look();
	assert_false(check_is_ready(f.check, now.mono_ns));
	/* It was sent before; the report was on its way for a second. */
	pass(S / 2);
	probed(0, 1, src_port, 20, 20);
	report_late(0, S);
	look();
	assert_false(check_is_ready(f.check, now.mono_ns));
	/* Half of this time was before. */
	pass(5 * S);
	probed(0, 1, src_port, 20, 20);
	report(0);
	report(1);
	ask();
	assert_false(has_all());
	pass(6 * S);
	probed(0, 1, src_port, 15, 0);
	report(0);
	probed(1, 0, src_port, 16, 0);
	report(1);
	assert_true(has_all());
	finish();
	assert_true(told(0).well);
	assert_true(told(1).well);
	assert_int_equal(told(0).out.sent, 15);
	assert_int_equal(told(0).in.answered, 16);
	assert_int_equal(told(0).rtt_ns, 20000);
	end();
}

static void
test_again(void **state)
{
	(void)state;
	again(0, 0);
	again(50002, 1);
	again(50002, 0);
}

/* A check that follows another one; the row has gone meanwhile, because nobody probed it. */
static void
test_gone(void **state)
{
	(void)state;
	begin(2, 1);
	probed(0, 1, 50002, 25, 25);
	report(0);
	plan();
	look();
	pass(5 * S);
	report(0);
	report(1);
	ask();
	pass(5 * S);
	probed(0, 1, 50002, 12, 0);
	report(0);
	probed(1, 0, 50002, 12, 0);
	report(1);
	assert_true(has_all());
	finish();
	assert_int_equal(told(0).out.sent, 12);
	assert_true(told(0).well);
	end();
}

/* What an hour ago was reported goes, while the check runs: the rest does not count therefore. */
static void
test_slot_goes(void **state)
{
	(void)state;
	begin(2, 1);
	now.mono_ns = (900 * 10 + 10) * S;
	probed(0, 1, 50002, 1000, 1000);
	report(0);
	pass((900 * 3 + 880) * S);
	probed(0, 1, 50002, 10, 10);
	report(0);
	pass(S);
	plan();
	look();
	pass(5 * S);
	probed(0, 1, 50002, 10, 10);
	report(0);
	report(1);
	ask();
	pass(6 * S);
	probed(0, 1, 50002, 12, 0);
	report(0);
	probed(1, 0, 50002, 12, 0);
	report(1);
	assert_true(has_all());
	finish();
	assert_int_equal(told(0).out.sent, 12);
	assert_true(told(0).well);
	end();
}

/* A host that reports nothing more does not hold up the others. */
static void
test_waits(void **state)
{
	(void)state;
	begin(2, 1);
	probed(0, 1, 50002, 25, 0);
	report(0);
	plan();
	look();
	pass(16 * S);
	assert_false(check_is_ready(f.check, now.mono_ns));
	pass(2 * S);
	assert_true(check_is_ready(f.check, now.mono_ns));
	end();
}

/* Who chooses the source port need not wait, and what others ask for meanwhile is not the check. */
static void
test_planned(void **state)
{
	(void)state;
	begin(2, 0);
	report(0);
	report(1);
	plan();
	ask();
	pass(4 * S);
	probed(0, 1, (uint16_t)(planned(0, 1) + 1), 50, 50);
	report(0);
	probed(1, 0, planned(1, 0), 15, 0);
	report(1);
	assert_false(has_all());
	pass(S);
	probed(0, 1, (uint16_t)(planned(0, 1) + 1), 50, 50);
	probed(0, 1, planned(0, 1), 11, 0);
	report(0);
	assert_true(has_all());
	finish();
	assert_true(told(0).well);
	assert_int_equal(told(0).out.sent, 11);
	end();
}

/* It has said that it can choose, but its rows have the port of its QP. */
static void
test_other_port(void **state)
{
	(void)state;
	begin(2, 0);
	report(0);
	report(1);
	plan();
	ask();
	pass(f.check->rounds * f.check->round_ns);
	for (size_t i = 0; i < 2; i++) {
		probed(i, 1 - i, 50777, 15, 0);
		report(i);
	}
	assert_true(has_all());
	finish();
	assert_true(told(0).well);
	assert_true(told(1).well);
	end();
}

/* Nobody probes some 5-tuples: that is said of the host that was to do it. */
static void
test_lacks(void **state)
{
	(void)state;
	begin(4, 0);
	for (size_t i = 0; i < 4; i++)
		report(i);
	plan();
	ask();
	pass(6 * S);
	/* a leaves c out, and b probes it too rarely; d does nothing. */
	probed(0, 1, planned(0, 1), 15, 0);
	probed(0, 3, planned(0, 3), 15, 0);
	report(0);
	probed(1, 0, planned(1, 0), 15, 0);
	probed(1, 2, planned(1, 2), COUNT - 1, 0);
	probed(1, 3, planned(1, 3), 15, 0);
	report(1);
	probed(2, 0, planned(2, 0), 15, 0);
	probed(2, 1, planned(2, 1), 15, 0);
	probed(2, 3, planned(2, 3), COUNT, 0);
	report(2);
	report(3);
	assert_false(has_all());
	finish();
	assert_non_null(strstr(told(0).error, "1 of its 3 5-tuples were not probed"));
	assert_true(check_is_bad(f.check, 0, 2));
	assert_int_equal(told(0).bad, 1);
	assert_false(told(0).well);
	assert_non_null(strstr(told(1).error, "1 of its 3 5-tuples were not probed"));
	assert_true(check_is_bad(f.check, 1, 2));
	assert_false(told(1).well);
	assert_int_equal(told(1).out.wanted, 3 * COUNT);
	assert_int_equal(told(1).in.wanted, 3 * COUNT);
	assert_null(told(2).error);
	assert_true(told(2).well);
	assert_int_equal(told(2).bad, 0);
	assert_non_null(strstr(told(3).error, "reported none"));
	assert_false(told(3).well);
	assert_int_equal(told(3).bad, 0);
	end();
}

/* Nobody has probed the way, here or there. */
static void
test_nothing(void **state)
{
	(void)state;
	begin(3, 0);
	for (size_t i = 0; i < 3; i++)
		report(i);
	plan();
	ask();
	pass(6 * S);
	probed(0, 1, planned(0, 1), 15, 0);
	report(0);
	probed(1, 0, planned(1, 0), 15, 0);
	report(1);
	finish();
	for (size_t i = 0; i < 3; i++)
		assert_false(told(i).well);
	assert_int_equal(told(2).bad, 2);
	assert_false(check_is_bad(f.check, 0, 1));
	end();
}

static void
test_lost(void **state)
{
	(void)state;
	begin(2, 0);
	report(0);
	report(1);
	plan();
	ask();
	pass(6 * S);
	probed(0, 1, planned(0, 1), 15, 1);
	report(0);
	probed(1, 0, planned(1, 0), 15, 0);
	report(1);
	assert_true(has_all());
	finish();
	assert_true(check_is_bad(f.check, 0, 1));
	assert_true(check_is_bad(f.check, 1, 0));
	assert_false(told(0).well);
	assert_false(told(1).well);
	assert_int_equal(told(0).out.answered, 14);
	end();
}

/* Only what is new is read. */
static void
test_read_once(void **state)
{
	(void)state;
	begin(2, 0);
	report(0);
	plan();
	assert_true(check_read(f.check, 0, intake_find(intake, "a"), now.mono_ns));
	assert_false(check_read(f.check, 0, intake_find(intake, "a"), now.mono_ns));
	assert_true(check_read(f.check, 1, intake_find(intake, "b"), now.mono_ns));
	assert_false(check_read(f.check, 1, intake_find(intake, "b"), now.mono_ns));
	pass(S);
	report(0);
	report(1);
	assert_true(check_read(f.check, 0, intake_find(intake, "a"), now.mono_ns));
	assert_true(check_read(f.check, 1, intake_find(intake, "b"), now.mono_ns));
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again),      cmocka_unit_test(test_gone),
		cmocka_unit_test(test_slot_goes),  cmocka_unit_test(test_waits),
		cmocka_unit_test(test_planned),    cmocka_unit_test(test_other_port),
		cmocka_unit_test(test_lacks),      cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_lost),       cmocka_unit_test(test_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
