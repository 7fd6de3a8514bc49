/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path that holds for the losses of its 5-tuple: hosts send paths and reports to roads and
 * intake, at times that are known here, by clocks that are apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "central/intake/intake.h"
#include "central/judge/judge_fresh.h"
#include "central/roads/roads.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)  /* our wall clock when our other clock says MONO */
#define MONO (1000 * S)
#define APART (3600 * S)       /* the clock of the host is ahead */

static struct roads *roads;
static struct intake *intake;
static uint64_t sequence, sent;
static unsigned int reported_s;

static int
begin(void **state)
{
	struct registration_port port = {.port = 1, .n_addrs = 1};
	struct registration r = {.ports = &port, .n_ports = 1};

	(void)state;
	sequence = sent = reported_s = 0;
	assert_int_equal(roads_new(NULL, 4, &roads), 0);
	assert_int_equal(intake_new(4, &intake), 0);
	snprintf(r.host, sizeof(r.host), "a");
	addr_parse("10.0.1.1", &port.addrs[0]);
	return roads_put_host(roads, &r);
}

static int
end(void **state)
{
	(void)state;
	roads_free(roads);
	intake_free(intake);
	return 0;
}

/*
 * The host traces the path at one second and sends it at another, by our time; `ahead` is its
 * clock. The hops are as of traceroute, "-": no answer.
 */
static void
traced(unsigned int at_s, unsigned int sent_s, uint64_t ahead, const char *hops, bool reached)
{
	struct paths_path p = {.src_port = 50000, .reached = reached, .stable = true,
			       .time_ns = WALL + at_s * S + ahead};
	struct paths paths = {.incarnation = 1, .sequence = ++sequence, .host = "a",
			      .time_ns = WALL + sent_s * S + ahead, .paths = &p, .n_paths = 1};
	char text[128], *next = text, *hop;

	addr_parse("10.0.1.1", &p.source);
	addr_parse("10.0.2.1", &p.destination);
	snprintf(text, sizeof(text), "%s", hops);
	while ((hop = strsep(&next, " "))) {
		if (strcmp(hop, "-") != 0)
			assert_int_equal(addr_parse(hop, &p.hops[p.n_hops]), 0);
		p.n_hops++;
	}
	assert_int_equal(roads_take(roads, &paths, WALL + sent_s * S), 0);
}

#define GOOD "10.1.0.1 10.2.1.1 10.3.0.1"
#define OTHER "10.1.0.1 10.2.2.1 10.3.0.1"

/* The host reports so many lost probes of its stream, in the 5 s before. */
static void
reported(unsigned int at_s, uint32_t lost)
{
	struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	struct report_stream stream = {.device = "mlx5_0", .port = 1, .src_port = 50000,
				       .back_port = 40000, .job = ""};
	struct report_row row = {.classes = {[PROBE_LOST] = lost}};
	uint32_t n = 50, rtt_ns = 0;
	struct report r = {.host = "a", .incarnation = 1,
			   .sequence = sent + 1, .streams_of = sent + 1,
			   .begin_ns = WALL + (at_s - 5) * S + APART,
			   .end_ns = WALL + at_s * S + APART, .whole = true, .ports = &port,
			   .n_ports = 1, .streams = &stream, .n_streams = 1, .sent = &n,
			   .rtt_ns = &rtt_ns, .rows = &row, .n_rows = lost > 0};
	const struct intake_time now = {MONO + at_s * S, WALL + at_s * S};

	addr_parse("10.0.1.1", &stream.source);
	addr_parse("10.0.2.1", &stream.destination);
	assert_int_equal(intake_take(intake, "a", &r, &now), 0);
	sent++;
}

/* Reports up to this second, which lose from `bad_s` on. */
static void
report_until(unsigned int end_s, unsigned int bad_s)
{
	for (; reported_s < end_s; reported_s += 5)
		reported(reported_s + 5, reported_s >= bad_s ? 50 : 0);
}

static void
take_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct judge_losing *losing = arg;

	(void)host;
	losing->losing_ns = row->losing_ns ? row->losing_ns - MONO + WALL : 0;
}

/* As the judge asks at this second, for the window of 20 s. */
static bool
fresh(unsigned int now_s)
{
	const struct intake_host *host = intake_find(intake, "a");
	struct judge_losing losing = {.now_ns = WALL + now_s * S,
				      .begin_ns = WALL + now_s * S - 20 * S};
	struct roads_tuple tuple = {.src_port = 50000};
	struct intake_host_info info;
	struct roads_path path;

	addr_parse("10.0.1.1", &tuple.source);
	addr_parse("10.0.2.1", &tuple.destination);
	assert_true(roads_find(roads, &tuple, &path));
	intake_host_info(host, MONO + now_s * S, &info);
	losing.clock_known = true;
	losing.clock_off_ns = info.clock_off_ns;
	intake_rows(host, INTAKE_SHORT, MONO + now_s * S, take_row, &losing);
	return judge_path_is_fresh(&path, &losing);
}

static void
test_fresh(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 100);
	assert_false(fresh(110)); /* it was traced before */
	traced(109, 111, APART, GOOD, true);
	assert_true(fresh(112));
	report_until(600, 100);
	assert_true(fresh(600)); /* it goes on losing */
}

/* At about the time at which it began to lose: nobody knows what was first. */
static void
test_same_moment(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(105, 100);
	traced(105, 106, APART, GOOD, true);
	assert_false(fresh(107));
}

static void
test_healthy(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 1000);
	traced(109, 111, APART, GOOD, true);
	assert_false(fresh(112));
}

/* It has lost an hour ago, was traced then, and begins to lose again. */
static void
test_again(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 100);
	traced(109, 111, APART, GOOD, true);
	report_until(300, 1000);
	report_until(305, 300);
	assert_false(fresh(306));
	traced(310, 311, APART, GOOD, true);
	assert_true(fresh(312));
}

static void
test_changed(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 100);
	traced(109, 111, APART, OTHER, true);
	/* What is lost was lost on the old path, perhaps. */
	assert_false(fresh(112));
	traced(114, 115, APART, OTHER, true);
	assert_false(fresh(116));
	/* Later, all of it was lost on the new one. */
	report_until(150, 100);
	assert_true(fresh(150));
}

/* A trace that ends at the black hole is the beginning of the path of before, or it is not. */
static void
test_ends_early(void **state)
{
	struct roads_tuple tuple = {.src_port = 50000};
	struct roads_path path;
	uint8_t n;

	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 100);
	traced(109, 111, APART, "10.1.0.1 - -", false);
	assert_true(fresh(112));
	addr_parse("10.0.1.1", &tuple.source);
	addr_parse("10.0.2.1", &tuple.destination);
	assert_true(roads_find(roads, &tuple, &path));
	assert_false(path.complete);
	assert_ptr_equal(judge_path_links(&path, &n), path.before);
	assert_int_equal(n, 4); /* three routers have four links */
	traced(114, 115, APART, "10.1.0.1 10.2.2.1 -", false);
	assert_false(fresh(116));
	assert_true(roads_find(roads, &tuple, &path));
	assert_null(judge_path_links(&path, &n));
	/* Back on the first path, it has changed a moment ago. */
	traced(119, 120, APART, GOOD, true);
	assert_false(fresh(121));
}

static void
test_never_whole(void **state)
{
	(void)state;
	traced(10, 20, APART, "10.1.0.1 - -", false);
	report_until(110, 100);
	traced(109, 111, APART, "10.1.0.1 - -", false);
	assert_false(fresh(112));
}

/* It was traced long before, but its message comes late, as after a loss of the broker. */
static void
test_late_message(void **state)
{
	(void)state;
	traced(10, 20, APART, GOOD, true);
	report_until(110, 100);
	sequence++;
	{
		struct paths_path p = {.src_port = 50000, .reached = true, .stable = true,
				       .n_hops = 3, .time_ns = WALL + 90 * S + APART};
		struct paths paths = {.incarnation = 1, .sequence = sequence, .host = "a",
				      .time_ns = WALL + 91 * S + APART, .paths = &p, .n_paths = 1};

		addr_parse("10.0.1.1", &p.source);
		addr_parse("10.0.2.1", &p.destination);
		addr_parse("10.1.0.1", &p.hops[0]);
		addr_parse("10.2.1.1", &p.hops[1]);
		addr_parse("10.3.0.1", &p.hops[2]);
		assert_int_equal(roads_take(roads, &paths, WALL + 111 * S), 0);
	}
	assert_false(fresh(112));
}

/* The clock of the host was set forward by an hour more, between the trace and the message. */
static void
test_clock_set(void **state)
{
	(void)state;
	traced(10, 20, 0, GOOD, true);
	report_until(110, 100); /* its reports know the new time */
	traced(90, 111, APART, GOOD, true);
	assert_false(fresh(112));
	/* Set back: it says to have traced after it has sent that. */
	traced(113, 111, APART, GOOD, true);
	assert_false(fresh(114));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_fresh), TEST(test_same_moment), TEST(test_healthy), TEST(test_again),
		TEST(test_changed), TEST(test_ends_early), TEST(test_never_whole),
		TEST(test_late_message), TEST(test_clock_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
