/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe that has arrived was lost on the way back. Prober and peer report every 5 s, the peer
 * what it has heard every 25 s; then locate() names the right one of two links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define RATE 10u /* probes of the stream in a second */

static struct intake *intake;
static struct intake_time now;
static struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
static struct report_stream stream;
static uint64_t sequences[2];

static void
send_report(unsigned int host, struct report *r)
{
	static const char *const names[] = {"prober", "peer"};

	r->host = names[host];
	r->incarnation = 1;
	r->sequence = r->streams_of = ++sequences[host];
	r->end_ns = now.wall_ns;
	r->begin_ns = now.wall_ns - 5 * S;
	r->whole = true;
	r->ports = &port;
	r->n_ports = 1;
	assert_int_equal(intake_take(intake, r->host, r, &now), 0);
}

/* In these 5 s, of `sent` so many are lost; the peer says what it has heard in the last 25 s. */
static void
tick(uint32_t sent, uint32_t lost, uint32_t received, bool says)
{
	struct report_row row = {.classes = {[PROBE_LOST] = lost}};
	struct report_heard heard = {stream.source, stream.destination, stream.src_port, 0,
				     received};
	uint32_t rtt_ns = 0;
	struct report prober = {.streams = &stream, .n_streams = 1, .sent = &sent,
				.rtt_ns = &rtt_ns, .rows = &row, .n_rows = lost > 0};
	struct report peer = {.rows = &row, .heard = says ? &heard : NULL, .n_heard = says};

	now.mono_ns += 5 * S;
	now.wall_ns += 5 * S;
	send_report(0, &prober);
	send_report(1, &peer);
}

/* Ten minutes, and then `bad_s` seconds without any answer. `arrive`: the peer hears the probes. */
static void
run(unsigned int bad_s, bool arrive)
{
	uint32_t heard = 0;

	now = (struct intake_time){1000 * S, WALL};
	memset(sequences, 0, sizeof(sequences));
	assert_int_equal(intake_new(2, &intake), 0);
	stream = (struct report_stream){.device = "mlx5_0", .port = 1, .kind = REPORT_FABRIC,
					.src_port = 50000, .back_port = 40000, .job = ""};
	addr_parse("10.0.0.1", &stream.source);
	addr_parse("10.0.1.1", &stream.destination);
	for (unsigned int t = 5; t <= 600 + bad_s; t += 5) {
		bool bad = t > 600;

		heard += !bad || arrive ? 5 * RATE : 0;
		tick(5 * RATE, bad ? 5 * RATE : 0, heard, t % 25 == 0);
		heard = t % 25 == 0 ? 0 : heard;
	}
}

static void
take_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct judge_case *c = arg;

	(void)host;
	c->lrows[0].lost = row->counts.lost;
	c->lrows[0].sent = row->counts.lost + row->counts.answered;
}

/* The row as the judge sees it. */
static struct locate_row
evidence(void)
{
	struct judge_host hosts[2] = {{.name = "prober"}, {.name = "peer"}};
	struct locate_nic nics[2] = {{.host = 0}, {.host = 1}};
	struct judge_row row = {.source = stream.source, .destination = stream.destination,
				.src_port = stream.src_port};
	struct locate_row lrow = {.from = 0, .to = 1};
	struct judge_case c = {.sources = {.intake = intake}, .window = INTAKE_MIDDLE,
			       .now_ns = now.mono_ns, .hosts = hosts, .n_hosts = 2, .lnics = nics,
			       .n_nics = 2, .rows = &row, .n_rows = 1, .lrows = &lrow};

	intake_rows(intake_find(intake, "prober"), INTAKE_MIDDLE, now.mono_ns, take_row, &c);
	assert_int_equal(judge_hear_peers(&c, 0, 1), 0);
	intake_free(intake);
	assert_true(lrow.arrived <= lrow.lost);
	return lrow;
}

/* Under each of two switches; NIC i probes NIC PAIRS + i. */
#define PAIRS 8u
static struct locate_nic nics[2 * PAIRS];
static struct locate_row rows[2 * PAIRS];

/*
 * Who is blamed if the probes of all pairs go there by link 0 and back by link 1, and look like
 * this row; others go by the links 2 and 3, and are well. Returns which of the two links are
 * candidates, as bits. *first is the likeliest candidate.
 */
static unsigned int
blamed(struct locate_row row, struct locate_candidate *first)
{
	static const uint32_t steps[] = {0, 1, 2, 3};
	const struct locate_host hosts[2 * PAIRS] = {{0}};
	const struct locate_link links[4] = {{0, 1, LOCATE_NONE, 1}, {1, 0, LOCATE_NONE, 0},
					     {0, 1, LOCATE_NONE, 3}, {1, 0, LOCATE_NONE, 2}};
	const unsigned int flags = LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE;
	const struct locate_path paths[4] = {{steps, 1, flags}, {steps + 1, 1, flags},
					     {steps + 2, 1, flags}, {steps + 3, 1, flags}};
	const struct locate_evidence e = {.hosts = hosts, .nics = nics, .links = links,
					  .paths = paths, .rows = rows, .n_hosts = 2 * PAIRS,
					  .n_nics = 2 * PAIRS, .n_switches = 2, .n_links = 4,
					  .n_paths = 4, .n_rows = 2 * PAIRS};
	struct locate_result *result;
	unsigned int of = 0;

	for (uint32_t i = 0; i < 2 * PAIRS; i++) {
		nics[i] = (struct locate_nic){.host = i, .tor = i / PAIRS};
		rows[i] = row;
		rows[i].from = i % PAIRS;
		rows[i].to = PAIRS + (i + i / PAIRS) % PAIRS;
		rows[i].there = i < PAIRS ? 0 : 2;
		rows[i].back = i < PAIRS ? 1 : 3;
		rows[i].tuple = i;
		if (i >= PAIRS)
			rows[i].lost = rows[i].arrived = rows[i].heard = 0;
	}
	assert_int_equal(locate(&e, NULL, &result), 0);
	assert_true(result->n_findings >= 1);
	*first = result->findings[0].candidates[0];
	for (size_t i = 0; i < result->findings[0].n_candidates; i++)
		if (result->findings[0].candidates[i].kind == LOCATE_LINK)
			of |= 1u << result->findings[0].candidates[i].id;
	locate_free(result);
	return of;
}

static void
test_back(void **state)
{
	struct locate_candidate first;
	struct locate_row row;

	(void)state;
	run(150, true);
	row = evidence();
	assert_true(row.arrived > row.lost / 2);
	assert_false(row.heard);
	assert_int_equal(blamed(row, &first), 1 << 1);
	assert_int_equal(first.kind, LOCATE_LINK);
	/* Without this, nobody can know. */
	row.arrived = 0;
	assert_int_not_equal(blamed(row, &first), 1 << 1);
}

static void
test_there(void **state)
{
	struct locate_candidate first;
	struct locate_row row;

	(void)state;
	run(150, false);
	row = evidence();
	assert_int_equal(row.arrived, 0);
	assert_true(row.heard);
	assert_int_equal(blamed(row, &first), 1 << 0);
	assert_int_equal(first.kind, LOCATE_LINK);
}

/* At first, the loss may be in the time that only one of both has reported. */
static void
test_soon(void **state)
{
	struct locate_row row;

	(void)state;
	for (int arrive = 0; arrive < 2; arrive++) {
		run(20, arrive);
		row = evidence();
		assert_true(row.lost > 0);
		assert_int_equal(row.arrived, 0);
		assert_false(row.heard);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_back),
					   cmocka_unit_test(test_there),
					   cmocka_unit_test(test_soon)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
