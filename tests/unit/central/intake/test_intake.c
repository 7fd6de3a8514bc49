/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of hosts: how rows add up over windows, what is missing, and what one host can take. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/intake/intake.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define STREAMS 3

static struct intake *intake;
static struct intake_time now;

/* What the next report says; its arrays. */
static struct report_counter counters[1];
static struct report_port ports[2];
static struct report_stream streams[STREAMS];
static uint32_t sent[STREAMS], rtt_ns[STREAMS];
static struct report_row rows[STREAMS];
static struct report report;

static void
begin(uint32_t max_hosts)
{
	now = (struct intake_time){100 * S, WALL};
	assert_int_equal(intake_new(max_hosts, &intake), 0);
	ports[0] = (struct report_port){.device = "mlx5_0", .port = 1, .up = true};
	ports[1] = (struct report_port){.device = "mlx5_1", .port = 1, .up = true};
	for (int i = 0; i < STREAMS; i++) {
		streams[i] = (struct report_stream){.device = ports[i % 2].device, .port = 1,
						    .kind = REPORT_FABRIC, .size = 50,
						    .src_port = (uint16_t)(50000 + i), .job = ""};
		addr_parse("10.0.0.1", &streams[i].source);
		addr_parse("10.0.1.1", &streams[i].destination);
		sent[i] = 50;
		rtt_ns[i] = 10000;
	}
	memset(rows, 0, sizeof(rows));
	report = (struct report){.host = "a", .incarnation = 7, .begin_ns = WALL - 5 * S,
				 .end_ns = WALL, .streams_of = 1, .whole = true, .ports = ports,
				 .n_ports = 2, .streams = streams, .n_streams = STREAMS,
				 .sent = sent, .rtt_ns = rtt_ns, .rows = rows};
}

static void
end(void)
{
	intake_free(intake);
}

/* The next report comes at once. */
static int
send_now(void)
{
	report.sequence++;
	if (report.whole)
		report.streams_of = report.sequence;
	return intake_take(intake, report.host, &report, &now);
}

/* Time passes, also at the host. */
static void
pass(uint64_t ns)
{
	now.mono_ns += ns;
	now.wall_ns += ns;
	report.begin_ns = report.end_ns;
	report.end_ns += ns;
}

/* ---- what the rows say ---- */

static struct intake_counts sums[STREAMS];
static unsigned int n_heard;
static char job[32], device[32];
static struct report_bucket heard_times[STREAMS]; /* the first bucket, and the number of them */
static uint32_t usual_ns[STREAMS], seconds[STREAMS];
static bool timed[STREAMS];

static void
hear(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	(void)arg;
	(void)host;
	sums[row->place] = row->counts;
	snprintf(job, sizeof(job), "%s", row->stream->job);
	snprintf(device, sizeof(device), "%s", row->stream->device);
	heard_times[row->place] = (struct report_bucket){
		row->times.n ? row->times.buckets[0].bucket : 0, row->times.n};
	usual_ns[row->place] = intake_stored_usual_ns(row->stored, now.mono_ns);
	timed[row->place] = intake_stored_seconds(row->stored, now.mono_ns, &seconds[row->place]);
	n_heard++;
}

static const struct intake_counts *
sum(enum intake_window window, unsigned int place)
{
	memset(sums, 0, sizeof(sums));
	n_heard = 0;
	intake_walk(intake, window, now.mono_ns, hear, NULL);
	return &sums[place];
}

static struct intake_host_info
info(void)
{
	struct intake_host_info out;

	assert_non_null(intake_find(intake, "a"));
	intake_host_info(intake_find(intake, "a"), now.mono_ns, &out);
	return out;
}

static struct intake_stats
stats(void)
{
	struct intake_stats out;

	intake_stats(intake, now.mono_ns, &out);
	return out;
}

/* What a host has received counts for five minutes, and only if it says so all the time. */
static void
test_heard(void **state)
{
	struct report_heard heard[2] = {{.src_port = 7, .received = 100}, {.src_port = 8}}, key;
	uint64_t n = 0;

	(void)state;
	begin(1);
	addr_parse("10.0.1.1", &heard[0].source);
	addr_parse("10.0.0.1", &heard[0].destination);
	heard[1].source = heard[1].destination = heard[0].source;
	key = heard[0];
	report.heard = heard;
	report.n_heard = 2;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(send_now(), 0);
		assert_false(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
		pass(25 * S);
	}
	heard[0].received = 1;
	assert_int_equal(send_now(), 0);
	assert_true(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
	assert_in_range(n, 1 + 9 * 100, 1 + 12 * 100);
	key.traffic_class = 1;
	assert_false(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
	key.traffic_class = 0;
	/* It has heard no more: so 0 is known, for a while. */
	report.n_heard = 0;
	for (int i = 0; i < 13; i++) {
		pass(25 * S);
		assert_int_equal(send_now(), 0);
	}
	assert_true(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
	assert_int_equal(n, 0);
	report.sequence++;
	assert_int_equal(send_now(), 0);
	assert_false(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
	for (int i = 0; i < 40; i++) {
		pass(25 * S);
		assert_int_equal(send_now(), 0);
	}
	assert_false(intake_received(intake_find(intake, "a"), &key, now.mono_ns, &n));
	assert_int_equal(stats().bytes, 3 * sizeof(struct intake_stored));
	end();
}

/* A row that loses needs memory for each slot that knows of it, until the slot is used again. */
static void
test_rare(void **state)
{
	const size_t usual = 3 * sizeof(struct intake_stored);

	(void)state;
	begin(1);
	rows[0] = (struct report_row){.place = 1, .classes = {[PROBE_LOST] = 2}, .slow = 3};
	report.n_rows = 1;
	assert_int_equal(send_now(), 0);
	assert_int_equal(stats().bytes, usual + 3 * sizeof(struct intake_rare));
	report.n_rows = 0;
	for (int minute = 0; minute < 60; minute++) {
		pass(60 * S);
		report.begin_ns = report.end_ns - 5 * S;
		assert_int_equal(send_now(), 0);
		assert_int_equal(sum(INTAKE_SHORT, 1)->lost, 0);
		assert_int_equal(sum(INTAKE_SHORT, 1)->answered, 50);
		/* Slots begin at full minutes, and the first report came at 100 s. */
		assert_int_equal(sum(INTAKE_MIDDLE, 1)->lost, minute < 4 ? 2 : 0);
		assert_int_equal(sum(INTAKE_MIDDLE, 1)->slow, minute < 4 ? 3 : 0);
		assert_int_equal(sum(INTAKE_LONG, 1)->lost, minute < 58 ? 2 : 0);
		assert_int_equal(sum(INTAKE_LONG, 1)->sent - sum(INTAKE_LONG, 1)->answered,
				 minute < 58 ? 2 : 0);
	}
	assert_int_equal(stats().bytes, usual);
	end();
}

/* Those of the last report that had them remain, also if rows get other places. */
static void
test_times(void **state)
{
	struct report_bucket buckets[] = {{50, 3}, {60, 1}};
	struct report_times times[STREAMS] = {{buckets, 2}, {NULL, 0}, {buckets + 1, 1}};

	(void)state;
	begin(1);
	report.times = times;
	assert_int_equal(send_now(), 0);
	report.times = NULL;
	report.whole = false;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(heard_times[0].bucket + heard_times[0].n, 50 + 2);
	assert_int_equal(heard_times[1].n, 0);
	assert_int_equal(heard_times[2].bucket + heard_times[2].n, 60 + 1);
	assert_int_equal(stats().bytes,
			 3 * sizeof(struct intake_stored) + 3 * sizeof(struct report_bucket));
	report.whole = true;
	report.streams = streams + 1;
	report.n_streams = 2;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(n_heard, 2);
	assert_int_equal(heard_times[0].n, 0);
	assert_int_equal(heard_times[1].bucket + heard_times[1].n, 60 + 1);
	end();
}

/* Rows borrow nothing of a report, which ends; a report may name a port twice. */
static void
test_borrowed(void **state)
{
	char name[] = "mlx5_0", none[] = "", some[] = "slurm:7";

	(void)state;
	begin(1);
	ports[0].device = ports[1].device = name;
	counters[0] = (struct report_counter){"flaps", 1};
	ports[0].counters = counters;
	ports[0].n_counters = 1;
	for (int i = 0; i < STREAMS; i++) {
		streams[i].device = name;
		streams[i].job = i == 2 ? some : none;
	}
	assert_int_equal(send_now(), 0);
	memset(name, 'x', strlen(name));
	memset(some, 'x', strlen(some));
	none[0] = 'x';
	sum(INTAKE_SHORT, 0);
	assert_int_equal(n_heard, STREAMS);
	assert_string_equal(device, "mlx5_0");
	assert_string_equal(job, "slurm:7");
	/* Another set of streams: the port goes on, and so does what it has counted. */
	strcpy(name, "mlx5_0");
	none[0] = '\0';
	report.n_streams = 2;
	assert_int_equal(send_now(), 0);
	memset(name, 'x', strlen(name));
	none[0] = 'x';
	sum(INTAKE_SHORT, 0);
	assert_int_equal(n_heard, 2);
	assert_string_equal(device, "mlx5_0");
	assert_string_equal(job, "");
	assert_int_equal(info().ports[0].counters[0].total, 2);
	end();
}

/* A rise is usual once it is there for half an hour. */
static void
test_usual(void **state)
{
	(void)state;
	begin(1);
	now.mono_ns = 9000 * S; /* a quarter begins */
	for (int minute = 0; minute < 60 + 29; minute++) {
		rtt_ns[0] = minute < 60 ? 10000 : 90000;
		assert_int_equal(send_now(), 0);
		sum(INTAKE_LONG, 0);
		assert_int_equal(usual_ns[0], 10000);
		pass(60 * S);
	}
	pass(60 * S);
	assert_int_equal(send_now(), 0);
	pass(15 * 60 * S);
	assert_int_equal(send_now(), 0);
	sum(INTAKE_LONG, 0);
	assert_int_equal(usual_ns[0], 90000);
	pass(3600 * S);
	assert_int_equal(send_now(), 0);
	sent[0] = 0;
	pass(3600 * S);
	sum(INTAKE_LONG, 0);
	assert_int_equal(n_heard, 0);
	end();
}

static uint64_t extra_ns[STREAMS];

static void
hear_extra(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	(void)arg;
	(void)host;
	extra_ns[row->place] = intake_stored_extra_ns(row->stored, now.mono_ns);
}

/* 30 % of the answers of one stream, and all of another, take 700 µs longer than usual. */
static void
test_extra(void **state)
{
	(void)state;
	begin(1);
	for (int i = 0; i < 60; i++, pass(5 * S))
		assert_int_equal(send_now(), 0);
	for (int i = 0; i < STREAMS; i++)
		rows[i].place = (uint32_t)i;
	rows[0].slow = sent[0] * 3 / 10;
	rtt_ns[0] = 10000 + 700000 * 3 / 10;
	rows[1].slow = sent[1];
	rtt_ns[1] = 10000 + 700000;
	report.n_rows = 2;
	for (int i = 0; i < 4; i++, pass(5 * S))
		assert_int_equal(send_now(), 0);
	intake_walk(intake, INTAKE_SHORT, now.mono_ns, hear_extra, NULL);
	assert_in_range(extra_ns[0], 690000, 710000);
	assert_in_range(extra_ns[1], 690000, 710000);
	assert_int_equal(extra_ns[2], 0);
	/* After an hour and more, nobody knows what it was like before. */
	for (int i = 0; i < 900; i++, pass(5 * S))
		assert_int_equal(send_now(), 0);
	intake_walk(intake, INTAKE_SHORT, now.mono_ns, hear_extra, NULL);
	assert_int_equal(extra_ns[1], 0);
	end();
}

/* The slots of a row, by their age: each begins when it must. */
static void
hear_slots(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	const enum intake_window window = *(const enum intake_window *)arg;
	uint64_t slot_ns = intake_slot_ns(window), begin_ns, probes = 0;
	struct intake_counts c;
	uint32_t age = 0;

	(void)host;
	for (; intake_stored_slot(row->stored, (struct intake_slot){window, age}, now.mono_ns, &c,
				  &begin_ns); age++) {
		assert_int_equal(begin_ns, (now.mono_ns / slot_ns - age) * slot_ns);
		/* A full slot has a report every 5 s. */
		if (age > 0 && (age + 1) * slot_ns < 3600 * S - slot_ns)
			assert_int_equal(c.sent, slot_ns / (5 * S) * 50);
		probes += c.sent;
	}
	assert_int_equal(age, intake_window_ns(window) / slot_ns);
	assert_int_equal(probes, row->counts.sent);
}

/* Reports every 5 s for an hour: each window has what fits, and is empty when its time is over. */
static void
test_windows(void **state)
{
	(void)state;
	begin(1);
	for (int i = 0; i < 720; i++) {
		assert_int_equal(send_now(), 0);
		pass(5 * S);
		report.whole = false;
	}
	/* The slot that goes on is empty, so there are three full ones of 5 s, 60 s and 900 s. */
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 3 * 50);
	assert_int_equal(sum(INTAKE_SHORT, 2)->rtt_us, 3 * 50 * 10);
	assert_int_equal(n_heard, STREAMS);
	assert_in_range(sum(INTAKE_MIDDLE, 0)->sent, 4 * 600, 5 * 600);
	assert_in_range(sum(INTAKE_LONG, 0)->sent, 3 * 9000, 4 * 9000);
	assert_int_equal(sum(INTAKE_LONG, 1)->answered, sum(INTAKE_LONG, 1)->sent);
	for (enum intake_window w = INTAKE_SHORT; w < INTAKE_WINDOWS; w++)
		intake_walk(intake, w, now.mono_ns, hear_slots, &w);
	pass(20 * S);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 0);
	assert_int_equal(n_heard, 0);
	assert_true(sum(INTAKE_MIDDLE, 0)->sent > 0);
	pass(300 * S);
	assert_int_equal(sum(INTAKE_MIDDLE, 0)->sent, 0);
	pass(3600 * S);
	assert_int_equal(sum(INTAKE_LONG, 0)->sent, 0);
	end();
}

/* A window that was begun before the last report came has what came before that. */
static void
test_begun_before(void **state)
{
	const uint64_t begun_ns = 100 * S;
	const struct intake_slot slot = {.window = INTAKE_SHORT, .age = 1};
	const struct intake_host *host;
	struct intake_counts counts;
	struct intake_row row;
	uint64_t since_ns;
	uint32_t usual[STREAMS];

	(void)state;
	begin(10);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(send_now(), 0);
		host = intake_find(intake, "a");
		intake_row_at(host, 0, INTAKE_SHORT, begun_ns, &row);
		intake_usual(host, INTAKE_SHORT, begun_ns, usual);
		assert_int_equal(row.counts.sent, i < 4 ? 50 : 0);
		assert_int_equal(usual[0], row.counts.sent);
		intake_row_at(host, 0, INTAKE_SHORT, now.mono_ns, &row);
		assert_int_equal(row.counts.sent, i < 4 ? 50 * (i + 1) : 200);
		assert_true(intake_stored_slot(row.stored, slot, now.mono_ns, &counts, &since_ns));
		assert_int_equal(counts.sent, i ? 50 : 0);
		assert_true(intake_stored_slot(row.stored, slot, begun_ns + 5 * S, &counts,
					       &since_ns));
		assert_int_equal(counts.sent, i < 4 ? 50 : 0);
		pass(5 * S);
	}
	end();
}

static void
test_classes(void **state)
{
	const struct intake_counts *c;

	(void)state;
	begin(1);
	rows[0] = (struct report_row){.place = 1,
				      .classes = {[PROBE_LOST] = 5, [PROBE_LATE] = 2,
						  [PROBE_ACK1_MISSING] = 1,
						  [PROBE_ACK2_MISSING] = 2,
						  [PROBE_UNREACHABLE] = 3, [PROBE_REFUSED] = 4},
				      .noise = 4, .noise_lost = 3, .slow = 6};
	report.n_rows = 1;
	assert_int_equal(send_now(), 0);
	c = sum(INTAKE_SHORT, 1);
	assert_int_equal(c->sent, 50);
	/* 50 - 17 that are not ok + 2 late - 1 with noise that was not lost. */
	assert_int_equal(c->answered, 34);
	assert_int_equal(c->lost, 2);
	assert_int_equal(c->back_lost, 3);
	assert_int_equal(c->unreachable, 3);
	assert_int_equal(c->noise, 4);
	assert_int_equal(c->slow, 6);
	assert_int_equal(c->rtt_us, 34 * 10);
	assert_int_equal(sum(INTAKE_SHORT, 0)->answered, 50);
	rows[0] = (struct report_row){.place = 0, .corrected = 3};
	assert_int_equal(send_now(), 0);
	assert_int_equal(sum(INTAKE_SHORT, 0)->lost, 3);
	end();
}

/* When losses were due, by reports that say it in eighths of a second before their ends. */
static void
test_seconds(void **state)
{
	(void)state;
	begin(1);
	now.mono_ns += S / 2;
	rows[0] = (struct report_row){.place = 0, .classes = {[PROBE_LOST] = 2},
				      .lost_when = 1 | 1 << 16};
	rows[1] = (struct report_row){.place = 1, .classes = {[PROBE_LOST] = 1}};
	report.n_rows = 2;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_true(timed[0]);
	assert_int_equal(seconds[0], 1 | 1 << 2);
	assert_false(timed[1]);
	/* Later they are older, and losses of an older second are added. */
	pass(3 * S);
	rows[0].lost_when = 1ULL << 32;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(seconds[0], 1 << 3 | 1 << 4 | 1 << 5);
	rows[0].lost_when = 1;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(seconds[0], 1 | 1 << 3 | 1 << 4 | 1 << 5);
	/* A loss that is older than all that fits makes the others no witnesses. */
	rows[0].lost_when = 1ULL << 63 | 1;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_false(timed[0]);
	report.n_rows = 0;
	for (int i = 0; i < 5; i++) {
		pass(5 * S);
		assert_int_equal(send_now(), 0);
	}
	sum(INTAKE_SHORT, 0);
	assert_true(timed[0] && timed[1]);
	assert_int_equal(seconds[0] + seconds[1], 0);
	/* Nothing is left of what was long before the newest one, and nothing is added to it. */
	rows[0].lost_when = 1;
	report.n_rows = 1;
	for (int i = 0; i < 2; i++) {
		pass(i == 0 ? 12 * S : 33 * S); /* the last one was due 37 s before, then 33 s */
		report.begin_ns = report.end_ns - 5 * S;
		assert_int_equal(send_now(), 0);
		sum(INTAKE_SHORT, 0);
		assert_int_equal(seconds[0], 1);
	}
	report.end_ns -= 33 * S;
	report.begin_ns -= 33 * S;
	assert_int_equal(send_now(), 0);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(seconds[0], 1);
	end();
}

/* A report that was lost, one that comes twice, one that refers to names that are not known. */
static void
test_sequence(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(send_now(), 0);
	report.whole = false;
	report.sequence += 2;
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().lost, 2);
	assert_int_equal(stats().lost, 2);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 100);
	report.sequence--;
	assert_int_equal(send_now(), -EALREADY);
	assert_int_equal(info().repeated, 1);
	assert_int_equal(stats().refused, 0);
	report.streams_of = 3;
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().unplaced, 1);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 100);
	report.streams_of = 1;
	report.n_streams = 2; /* it contradicts itself */
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().unplaced, 2);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 100);
	end();
}

/* A forged number does not silence the host for ever, nor make up lost reports. */
static void
test_forged_sequence(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(send_now(), 0);
	report.sequence = 1ULL << 62;
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().lost, INTAKE_LOST_MAX);
	report.sequence = 1;
	assert_int_equal(send_now(), -EALREADY);
	assert_int_equal(send_now(), -EALREADY);
	assert_int_equal(send_now(), 0);
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().reports, 4);
	assert_int_equal(info().lost, INTAKE_LOST_MAX);
	end();
}

/* After a restart numbers begin anew, and rows that are still there go on. */
static void
test_restart(void **state)
{
	(void)state;
	begin(1);
	report.has_delays = true;
	report.delays.responder_p99_ns = 7000;
	assert_int_equal(send_now(), 0);
	report.has_delays = false; /* not in every report */
	report.delays.responder_p99_ns = 0;
	assert_int_equal(send_now(), 0);
	assert_true(info().has_delays);
	assert_int_equal(info().delays.responder_p99_ns, 7000);
	pass(S);
	report.incarnation = 8;
	report.sequence = 0;
	report.whole = false;
	assert_int_equal(send_now(), 0); /* it cannot mean the names of the one before */
	assert_int_equal(info().unplaced, 1);
	assert_int_equal(info().restarts, 1);
	assert_false(info().has_delays);
	assert_int_equal(info().started_ns, now.mono_ns);
	assert_int_equal(info().lost, 0);
	report.whole = true;
	assert_int_equal(send_now(), 0);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 150);
	end();
}

/* Streams that come, go, and change their places. */
static void
test_streams(void **state)
{
	struct report_stream first = {.port = 0};

	(void)state;
	begin(1);
	sent[0] = 10;
	/* What they have lost, and when, goes with them. */
	rows[0] = (struct report_row){.place = 0, .classes = {[PROBE_LOST] = 2}, .lost_when = 1};
	rows[1] = (struct report_row){.place = 2, .classes = {[PROBE_LOST] = 1}};
	report.n_rows = 2;
	assert_int_equal(send_now(), 0);
	report.n_rows = 0;
	first = streams[0];
	streams[0] = streams[2];
	streams[2] = first;
	streams[1].src_port = 1;
	streams[1].kind = REPORT_FLOW;
	streams[1].job = "slurm:17";
	sent[0] = sent[2] = 0;
	assert_int_equal(send_now(), 0);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 50);
	assert_int_equal(sum(INTAKE_SHORT, 1)->sent, 50);
	assert_int_equal(sum(INTAKE_SHORT, 2)->sent, 10);
	assert_int_equal(sums[2].lost, 2);
	assert_int_equal(sums[0].lost, 1);
	assert_int_equal(sums[1].lost, 0);
	assert_int_equal(seconds[2], 2);
	assert_true(timed[2]);
	assert_false(timed[0]);
	sent[1] = 0;
	streams[0].src_port = streams[2].src_port = 2; /* the same twice */
	assert_int_equal(send_now(), 0);
	n_heard = 0;
	assert_int_equal(sum(INTAKE_SHORT, 1)->sent, 50);
	assert_int_equal(n_heard, 1);
	assert_string_equal(job, "slurm:17");
	assert_string_equal(device, "mlx5_1");
	report.n_streams = 0;
	assert_int_equal(send_now(), 0);
	assert_int_equal(stats().rows, 0);
	end();
}

static void
test_ports(void **state)
{
	(void)state;
	begin(1);
	counters[0] = (struct report_counter){"flaps", 2};
	ports[1].counters = counters;
	ports[1].n_counters = 1;
	assert_int_equal(send_now(), 0);
	pass(S);
	ports[1].up = false;
	report.whole = false;
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().ports[1].counters[0].total, 4);
	assert_int_equal(info().ports[1].counters[0].last, 2);
	assert_int_equal(info().ports[1].up_ns, now.mono_ns);
	assert_true(info().ports[0].up);
	ports[0] = ports[1]; /* one is gone, and the other is there twice */
	report.whole = true;
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().n_ports, 2);
	assert_int_equal(info().ports[0].counters[0].total, 8);
	assert_int_equal(info().ports[1].n_counters, 0);
	assert_int_equal(sum(INTAKE_SHORT, 1)->sent, 150);
	assert_string_equal(device, "");
	end();
}

/* A host whose clock is wrong is as good as others; what comes late counts where it fits. */
static void
test_clocks(void **state)
{
	(void)state;
	begin(1);
	report.begin_ns -= 3600 * S;
	report.end_ns -= 3600 * S;
	assert_int_equal(send_now(), 0);
	pass(5 * S);
	assert_int_equal(send_now(), 0);
	assert_int_equal(info().late, 0);
	assert_int_equal(info().clock_off_ns, -3600 * (int64_t)S);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 100);
	now.mono_ns += 30 * S;
	now.wall_ns += 30 * S;
	assert_int_equal(send_now(), 0); /* 30 s late */
	assert_int_equal(info().late, 1);
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent, 0);
	assert_int_equal(sum(INTAKE_MIDDLE, 0)->sent, 150);
	report.end_ns += 30 * S;
	report.begin_ns = report.end_ns - 600 * S; /* ten minutes without a broker */
	assert_int_equal(send_now(), 0);
	assert_int_equal(sum(INTAKE_MIDDLE, 0)->sent, 150);
	assert_int_equal(sum(INTAKE_LONG, 0)->sent, 200);
	/* The clock of the host is set back: two periods later it counts as right again. */
	report.begin_ns = report.end_ns;
	for (int i = 0; i < 30; i++) {
		pass(5 * S);
		report.end_ns -= i == 0 ? 50 * S : 0;
		report.begin_ns = report.end_ns - 5 * S;
		assert_int_equal(send_now(), 0);
	}
	assert_int_equal(sum(INTAKE_SHORT, 0)->sent > 0, true);
	end();
}

/*
 * The machine of central has just booted, and a clock is set back by an hour: what the report is
 * about was over before that, and its losses are in no second of the window. Later it is right.
 */
static void
test_clock_before_boot(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(send_now(), 0);
	assert_true(info().until_ns == 100 * S);
	rows[0] = (struct report_row){.place = 0, .classes = {[PROBE_LOST] = 1}, .lost_when = 1};
	report.n_rows = 1;
	pass(5 * S);
	report.begin_ns -= 3600 * S;
	report.end_ns -= 3600 * S;
	assert_int_equal(send_now(), 0);
	assert_true(info().until_ns == 0);
	sum(INTAKE_LONG, 0);
	assert_int_equal(seconds[0], 0);
	for (int i = 0; i < 30; i++) {
		pass(5 * S);
		report.n_rows = i == 29;
		assert_int_equal(send_now(), 0);
	}
	assert_true(info().until_ns == now.mono_ns);
	sum(INTAKE_SHORT, 0);
	assert_int_equal(seconds[0], 2); /* the second before that which begins now */
	/* Whatever a host says. */
	report.end_ns = report.begin_ns = INT64_MAX;
	assert_int_equal(send_now(), 0);
	pass(S);
	report.begin_ns = 0;
	report.end_ns = 1;
	assert_int_equal(send_now(), 0);
	assert_true(info().until_ns == 0);
	end();
}

static void
test_silent(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(send_now(), 0);
	pass(15 * S);
	assert_false(info().silent);
	pass(S);
	assert_true(info().silent);
	assert_int_equal(stats().silent, 1);
	intake_tick(intake, now.mono_ns);
	assert_int_equal(stats().hosts, 1);
	pass(3600 * S);
	intake_tick(intake, now.mono_ns);
	assert_int_equal(stats().hosts, 0);
	assert_int_equal(stats().rows, 0);
	assert_null(intake_find(intake, "a"));
	end();
}

/* What one host may take, and all. */
static void
test_bounds(void **state)
{
	struct report many;
	int taken = 0;

	(void)state;
	begin(1);
	assert_int_equal(intake_take(intake, "b", &report, &now), -EINVAL);
	assert_int_equal(stats().hosts, 0);
	while (send_now() == 0)
		taken++;
	assert_int_equal(taken, INTAKE_BURST);
	assert_int_equal(info().refused, 1);
	pass(S);
	report.host = "b";
	assert_int_equal(send_now(), -ENOSPC);
	assert_string_equal(stats().refused_why, "b: there are too many hosts or rows");
	report.host = "a";
	many = report;
	many.n_streams = INTAKE_ROWS_A_HOST + 1;
	many.sequence = many.streams_of = 1000;
	many.streams = calloc(many.n_streams, sizeof(*many.streams));
	many.sent = many.rtt_ns = calloc(many.n_streams, sizeof(*many.sent));
	assert_non_null(many.streams);
	assert_non_null(many.sent);
	for (size_t i = 0; i < many.n_streams; i++)
		many.streams[i] = streams[0];
	assert_int_equal(intake_take(intake, "a", &many, &now), -ENOSPC);
	assert_int_equal(stats().rows, STREAMS);
	many.n_streams--;
	many.sequence = ++many.streams_of;
	assert_int_equal(intake_take(intake, "a", &many, &now), 0);
	assert_int_equal(stats().rows, INTAKE_ROWS_A_HOST);
	free(many.streams);
	free(many.sent);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rare),
		cmocka_unit_test(test_times), cmocka_unit_test(test_usual),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_heard), cmocka_unit_test(test_borrowed),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_windows), cmocka_unit_test(test_begun_before),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_sequence), cmocka_unit_test(test_forged_sequence),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_streams), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_clocks), cmocka_unit_test(test_clock_before_boot),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
