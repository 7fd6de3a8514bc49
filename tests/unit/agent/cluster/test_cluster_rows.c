/* SPDX-License-Identifier: Apache-2.0 */
/* What results of probes become in a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cluster/cluster_rows.h"

#define S 1000000000ULL

static struct cluster_rows *rows;
static struct report report;
static struct report_stream key;
static struct probe_result result;
static bool changed, timed;
static unsigned int n_jobs;

static void
name_job(void *arg, const void *of, char job[REPORT_JOB_MAX + 1])
{
	(void)arg;
	snprintf(job, REPORT_JOB_MAX + 1, "%s", (const char *)of);
	n_jobs++;
}

static void
begin(void)
{
	assert_int_equal(cluster_rows_new(name_job, NULL, &rows), 0);
	key = (struct report_stream){.device = "mlx5_0", .port = 1, .traffic_class = 106,
				     .kind = REPORT_TOR, .size = 50, .src_port = 50000};
	addr_parse("10.0.0.1", &key.source);
	addr_parse("10.0.0.2", &key.destination);
	result = (struct probe_result){.class = PROBE_OK, .due_ns = 100 * S, .rtt_ns = 5000,
				       .measured = true, .return_src_port = 60000};
	n_jobs = 0;
	timed = false;
}

static bool
add(enum probe_class class)
{
	result.class = class;
	result.measured = probe_class_is_answered(class);
	return cluster_rows_add(rows, &key, "", &result);
}

static void
fill(void)
{
	report = (struct report){.host = "h"};
	assert_int_equal(cluster_rows_fill(rows, result.due_ns, timed, &report, &changed), 0);
}

static void
test_counts(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 10; i++)
		add(PROBE_OK);
	result.rtt_ns = 16000;
	add(PROBE_LATE);
	add(PROBE_ACK2_MISSING);
	add(PROBE_LOST);
	fill();
	assert_true(changed);
	assert_int_equal(report.n_streams, 1);
	assert_int_equal(report.sent[0], 13);
	assert_int_equal(report.rtt_ns[0], (10 * 5000 + 16000) / 11);
	assert_int_equal(report.streams[0].back_port, 60000);
	assert_string_equal(report.streams[0].device, "mlx5_0");
	assert_int_equal(report.n_rows, 1);
	assert_int_equal(report.rows[0].classes[PROBE_OK], 0);
	assert_int_equal(report.rows[0].classes[PROBE_LATE], 1);
	assert_int_equal(report.rows[0].classes[PROBE_ACK2_MISSING], 1);
	assert_int_equal(report.rows[0].classes[PROBE_LOST], 1);
	/* If it has not been sent, the next one has the same and more. */
	add(PROBE_LOST);
	fill();
	assert_int_equal(report.sent[0], 14);
	assert_int_equal(report.rows[0].classes[PROBE_LOST], 2);
	cluster_rows_reported(rows, false);
	fill();
	assert_false(changed);
	assert_int_equal(report.n_streams, 1);
	assert_int_equal(report.sent[0] + report.rtt_ns[0] + report.n_rows, 0);
	cluster_rows_free(rows);
}

static void
lose(enum probe_class class, uint64_t due_ns)
{
	result.due_ns = due_ns;
	add(class);
}

/* In eighths of a second before the report; the last one holds all that is older. */
static void
test_when(void **state)
{
	(void)state;
	begin();
	lose(PROBE_LOST, 100 * S);
	lose(PROBE_ACK1_MISSING, 101 * S + S / 4);
	lose(PROBE_LOST, 101 * S);
	lose(PROBE_OK, 101 * S + S / 2);
	result.stalled = true;
	lose(PROBE_LOST, 101 * S + 3 * S / 4);
	result.stalled = false;
	lose(PROBE_OK, 102 * S);
	fill();
	assert_true(report.rows[0].lost_when == (1 << 6 | 1 << 8 | 1 << 16));
	/* As the bus did not take it, the next one says the same, by its own end. */
	lose(PROBE_OK, 103 * S);
	fill();
	assert_true(report.rows[0].lost_when == (1 << 14 | 1 << 16 | 1 << 24));
	lose(PROBE_OK, 108 * S + S / 8);
	fill();
	assert_true(report.rows[0].lost_when == (1ULL << 55 | 1ULL << 57 | 1ULL << 63));
	lose(PROBE_UNREACHABLE, 200 * S);
	fill();
	assert_true(report.rows[0].lost_when == (1 | 1ULL << 63));
	cluster_rows_reported(rows, false);
	lose(PROBE_ACK2_MISSING, 201 * S);
	fill();
	assert_true(report.rows[0].lost_when == 1);
	cluster_rows_reported(rows, false);
	result.due_ns = 202 * S; /* was reported as unreachable, and is known to be lost now */
	cluster_rows_correct(rows, &key, "", &result);
	lose(PROBE_OK, 204 * S);
	fill();
	assert_true(report.rows[0].lost_when == 1 << 16);
	cluster_rows_free(rows);
}

/* Times add up until they are reported. Eight buckets are an octave. */
static void
test_times(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 98; i++)
		add(PROBE_OK);
	fill();
	assert_null(report.times);
	cluster_rows_reported(rows, false);
	result.rtt_ns = 80000;
	add(PROBE_OK);
	add(PROBE_LATE);
	result.host_noise = PROBE_NOISE_PROBER;
	add(PROBE_OK);
	timed = true;
	fill();
	assert_int_equal(report.times[0].n, 2);
	assert_int_equal(report.times[0].buckets[0].n, 98);
	assert_int_equal(report.times[0].buckets[1].n, 2);
	assert_int_equal(report.times[0].buckets[1].bucket - report.times[0].buckets[0].bucket,
			 4 * 8);
	cluster_rows_reported(rows, true);
	fill();
	assert_int_equal(report.times[0].n, 0);
	cluster_rows_free(rows);
}

/* If there are too many, the highest ones remain. */
static void
test_many_times(void **state)
{
	const uint32_t n = 40; /* two in each octave */

	(void)state;
	begin();
	for (uint32_t i = 0; i < n; i++) {
		result.rtt_ns = (i % 2 ? 1500u : 1000u) << i / 2;
		add(PROBE_OK);
	}
	timed = true;
	fill();
	assert_int_equal(report.times[0].n, REPORT_TIMES_MAX);
	assert_int_equal(report.times[0].buckets[0].n, n - REPORT_TIMES_MAX + 1);
	for (uint32_t i = 1; i < REPORT_TIMES_MAX; i++)
		assert_int_equal(report.times[0].buckets[i].n, 1);
	cluster_rows_free(rows);
}

/* Noise is apart, and what is corrected later is a count of its own. */
static void
test_noise(void **state)
{
	(void)state;
	begin();
	result.stalled = true;
	result.host_noise = PROBE_NOISE_PROBER;
	add(PROBE_OK);
	assert_false(add(PROBE_LOST));
	add(PROBE_PEER_DOWN);
	result.class = PROBE_LOST;
	cluster_rows_correct(rows, &key, "", &result);
	fill();
	assert_int_equal(report.sent[0], 3);
	assert_int_equal(report.rtt_ns[0], 0);
	assert_int_equal(report.rows[0].noise, 2);
	assert_int_equal(report.rows[0].noise_lost, 1);
	assert_int_equal(report.rows[0].corrected, 1);
	assert_int_equal(report.rows[0].classes[PROBE_PEER_DOWN], 1);
	cluster_rows_free(rows);
}

/* Only what may lose probes is a stall of this host. */
static void
test_stalled(void **state)
{
	static const struct {
		bool stalled;
		enum probe_noise noise;
		bool is;
	} cases[] = {
		{true, PROBE_NOISE_PROBER, true}, {true, PROBE_NOISE_BOTH, true},
		{true, PROBE_NOISE_RESPONDER, false}, {false, PROBE_NOISE_PROBER, false},
		{false, PROBE_NOISE_NONE, false},
	};
	struct probe_result r = {.class = PROBE_OK};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.stalled = cases[i].stalled;
		r.host_noise = cases[i].noise;
		assert_int_equal(cluster_rows_stalled(&r), cases[i].is);
	}
}

static void
test_slow(void **state)
{
	(void)state;
	begin();
	for (unsigned int i = 0; i < CLUSTER_ROWS_LEARN; i++)
		add(PROBE_OK);
	result.rtt_ns = 24000; /* more than three times 5 us, but not 20 us above it */
	add(PROBE_OK);
	fill();
	assert_int_equal(report.n_rows, 0);
	result.rtt_ns = 40000;
	for (int i = 0; i < 50; i++)
		add(PROBE_OK);
	fill();
	assert_int_equal(report.rows[0].slow, 50);
	cluster_rows_free(rows);
}

/* The answers of `minutes`, one a minute, of which the last report says how many were slow. */
static uint32_t
slow_of(unsigned int minutes, uint64_t rtt_ns)
{
	cluster_rows_reported(rows, false);
	result.rtt_ns = rtt_ns;
	for (unsigned int i = 0; i < minutes; i++) {
		result.due_ns += 60 * S;
		add(PROBE_OK);
	}
	fill();
	return report.n_rows ? report.rows[0].slow : 0;
}

/* A rise is slow for an hour and then usual; one good answer, and the hour begins anew. */
static void
test_usual(void **state)
{
	(void)state;
	begin();
	assert_int_equal(slow_of(CLUSTER_ROWS_LEARN, 5000), 0);
	assert_int_equal(slow_of(59, 40000), 59);
	assert_int_equal(slow_of(1, 5000), 0);
	assert_int_equal(slow_of(60, 40000), 60);
	assert_int_equal(slow_of(60, 40000), 0);
	/* And what is slow beside that is slow. */
	assert_int_equal(slow_of(10, 130000), 10);
	cluster_rows_free(rows);
}

/* What differs in any part of the key is another stream; what has much in common is together. */
static void
test_streams(void **state)
{
	struct report_stream first;

	(void)state;
	begin();
	first = key;
	add(PROBE_OK);
	key.kind = REPORT_FLOW;
	cluster_rows_add(rows, &key, "slurm:7", &result);
	cluster_rows_add(rows, &key, "another", &result);
	key = first;
	key.src_port++;
	add(PROBE_OK);
	key = first;
	key.size = 1024;
	add(PROBE_OK);
	key.device = "mlx5_1";
	add(PROBE_OK);
	fill();
	assert_int_equal(report.n_streams, 5);
	assert_int_equal(n_jobs, 5);
	assert_int_equal(report.streams[1].src_port, 50001);
	assert_int_equal(report.streams[2].size, 1024);
	assert_string_equal(report.streams[3].job, "slurm:7");
	assert_int_equal(report.sent[3], 2);
	assert_string_equal(report.streams[4].device, "mlx5_1");
	cluster_rows_reported(rows, false);
	/* The way back changes; an answer that does not know it changes nothing. */
	key = first;
	result.return_src_port = PROBE_PORT_UNKNOWN;
	add(PROBE_OK);
	fill();
	assert_false(changed);
	result.return_src_port = 60001;
	add(PROBE_OK);
	fill();
	assert_true(changed);
	assert_int_equal(report.streams[0].back_port, 60001);
	cluster_rows_reported(rows, false);
	/* Two minutes later only one of them still has results. */
	result.due_ns += CLUSTER_ROWS_KEEP_NS + 1;
	add(PROBE_OK);
	fill();
	assert_true(changed);
	assert_int_equal(report.n_streams, 1);
	assert_int_equal(report.sent[0], 1);
	cluster_rows_free(rows);
}

/* It begins to lose, and stops after enough good answers. */
static void
test_begins(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < 100; i++)
		assert_false(add(PROBE_OK));
	assert_true(add(PROBE_LOST));
	assert_false(add(PROBE_LOST));
	for (i = 1; i < CLUSTER_ROWS_GOOD; i++)
		assert_false(add(PROBE_OK));
	assert_false(add(PROBE_UNREACHABLE));
	for (i = 1; i < CLUSTER_ROWS_GOOD; i++)
		assert_false(add(PROBE_OK));
	assert_true(add(PROBE_OK));
	assert_false(add(PROBE_OK));
	assert_false(add(PROBE_LOCAL_ERROR));
	cluster_rows_free(rows);
}

/* There is a limit, and what is above it is said; ten thousand are no problem. */
static void
test_many(void **state)
{
	(void)state;
	begin();
	for (uint32_t i = 0; i < REPORT_STREAMS_MAX + 7; i++) {
		memcpy(&key.destination.raw[12], &i, sizeof(i));
		add(PROBE_OK);
	}
	fill();
	assert_int_equal(report.n_streams, REPORT_STREAMS_MAX);
	assert_int_equal(report.dropped, 7);
	cluster_rows_reported(rows, false);
	result.due_ns += CLUSTER_ROWS_KEEP_NS + 1;
	fill();
	assert_int_equal(report.n_streams, 0);
	assert_int_equal(report.dropped, 0);
	cluster_rows_free(rows);
	cluster_rows_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts), cmocka_unit_test(test_when),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_times), cmocka_unit_test(test_many_times),
		cmocka_unit_test(test_stalled), cmocka_unit_test(test_slow),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_begins), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("cluster_rows", tests, NULL, NULL);
}
