/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which findings beside others have evidence of their own. Hosts 0 to 3 with a NIC each, under
 * leaves 0 to 3; above them spines 4 and 5. Link i goes from leaf 0 to spine 4 + i.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "central/incident/incidents.h"
#include "central/judge/judge_case_impl.h"
#include "core/clock.h"

#define HOSTS 4
#define SWITCHES 6
#define ROWS 8

static struct {
	struct judge_case c;
	struct judge_host hosts[HOSTS];
	struct locate_host lhosts[HOSTS];
	struct judge_nic nics[HOSTS];
	struct locate_nic lnics[HOSTS];
	struct judge_switch switches[SWITCHES];
	struct judge_link links[2];
	struct locate_link llinks[2];
	struct locate_path paths[2];      /* over link i, all of it known */
	uint32_t steps[2];
	struct judge_row rows[ROWS];
	struct locate_row lrows[ROWS];
	struct judge_ask asks[2];
	struct locate_finding findings[2];
	struct locate_result result;
} at;

static int
setup(void **state)
{
	(void)state;
	memset(&at, 0, sizeof(at));
	at.c = (struct judge_case){
		.window = INTAKE_MIDDLE, .hosts = at.hosts, .lhosts = at.lhosts,
		.nics = at.nics, .lnics = at.lnics, .switches = at.switches, .links = at.links,
		.llinks = at.llinks, .paths = at.paths, .rows = at.rows, .lrows = at.lrows,
		.asks = at.asks, .result = &at.result, .n_hosts = HOSTS, .n_nics = HOSTS,
		.n_switches = SWITCHES, .n_links = 2, .n_paths = 2};
	at.result.findings = at.findings;
	for (uint32_t i = 0; i < HOSTS; i++)
		at.lnics[i] = (struct locate_nic){.host = i, .tor = i};
	for (uint32_t i = 0; i < 2; i++) {
		at.steps[i] = i;
		at.llinks[i] = (struct locate_link){0, 4 + i, LOCATE_NONE, LOCATE_NONE};
		at.paths[i] = (struct locate_path){
			&at.steps[i], 1, LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE};
	}
	return 0;
}

/* A row whose path in both directions is this one. */
static void
row(uint32_t from, uint32_t to, uint32_t path, uint32_t lost)
{
	at.lrows[at.c.n_rows] = (struct locate_row){
		.from = from, .to = to, .there = path, .back = path, .sent = 100, .lost = lost};
	at.rows[at.c.n_rows].job = JUDGE_NONE;
	at.c.n_rows++;
}

static void
finding(enum locate_kind kind, uint32_t id)
{
	at.findings[at.result.n_findings++] = (struct locate_finding){
		.kind = kind, .effect = LOCATE_LOSS, .net = 50, .rate = 0.1,
		.candidates = {{.kind = kind, .id = id}}, .n_candidates = 1};
}

static void
ask(enum locate_kind kind, uint32_t id, bool explains)
{
	at.asks[at.c.n_asks++] = (struct judge_ask){.effect = INCIDENT_LOSS, .kind = kind,
						    .what = id, .explains = explains};
}

/* How many of the findings remain. */
static size_t
found(void)
{
	size_t n;

	assert_int_equal(judge_find(&at.c), 0);
	n = at.c.n_findings;
	judge_find_free(&at.c);
	at.c.findings = NULL;
	at.c.found_in = NULL;
	at.c.n_findings = 0;
	return n;
}

/* While a spine is an incident, a NIC begins to lose, and nobody knows the paths of its rows. */
static void
test_nic_of_unknown_paths(void **state)
{
	(void)state;
	for (uint32_t to = 1; to < HOSTS; to++)
		row(0, to, LOCATE_NONE, 2);
	finding(LOCATE_NIC, 0);
	ask(LOCATE_SWITCH, 4, true);
	assert_int_equal(found(), 1);
	at.asks[0].kind = LOCATE_LINK;
	at.asks[0].what = 0;
	assert_int_equal(found(), 1);
	/* All that it loses crosses its leaf, and may be lost there. */
	at.asks[0].kind = LOCATE_SWITCH;
	at.asks[0].what = 0;
	assert_int_equal(found(), 0);
	at.asks[0].kind = LOCATE_LINK;
	/* What crosses the culprit of the incident is no evidence against another one. */
	for (size_t i = 0; i < at.c.n_rows; i++)
		at.lrows[i].there = 0;
	assert_int_equal(found(), 0);
	/* A finding of this window may be the other one, too. */
	for (size_t i = 0; i < at.c.n_rows; i++)
		at.lrows[i].there = LOCATE_NONE;
	at.c.n_asks = 0;
	at.result.n_findings = 0;
	finding(LOCATE_SWITCH, 4);
	finding(LOCATE_NIC, 0);
	assert_int_equal(found(), 2);
}

/* What may cross the spine is no evidence against something else in the network. */
static void
test_network_of_unknown_paths(void **state)
{
	(void)state;
	for (uint32_t to = 1; to < HOSTS; to++)
		row(0, to, 1, 2);
	finding(LOCATE_LINK, 1);
	ask(LOCATE_SWITCH, 4, true);
	assert_int_equal(found(), 1);
	for (size_t i = 0; i < at.c.n_rows; i++)
		at.lrows[i].back = LOCATE_NONE;
	assert_int_equal(found(), 0);
	at.result.n_findings = 0;
	finding(LOCATE_ABOVE, 0);
	assert_int_equal(found(), 0);
}

/* What a longer window still holds of a fault that is over does not explain the next one. */
static void
test_longer_windows(void **state)
{
	(void)state;
	row(0, 1, 0, 9);
	finding(LOCATE_SWITCH, 0);
	ask(LOCATE_LINK, 0, true);
	assert_int_equal(found(), 0);
	at.asks[0].explains = false;
	assert_int_equal(found(), 1);
	ask(LOCATE_LINK, 1, true); /* nor beside another incident */
	assert_int_equal(found(), 1);
	at.c.n_asks = 1;
	/* Then a first finding is one, however few losses it has, as without any question. */
	at.lrows[0].lost = 2;
	assert_int_equal(found(), 1);
	at.c.n_asks = 0;
	assert_int_equal(found(), 1);
	/* It makes no second one, either, that is not beside the first. */
	finding(LOCATE_LINK, 0);
	ask(LOCATE_LINK, 0, false);
	assert_int_equal(found(), 1);
	at.asks[0].explains = true;
	at.lrows[0].lost = 9;
	at.result.n_findings = 1;
	at.findings[0].candidates[0] = (struct locate_candidate){.kind = LOCATE_LINK, .id = 0};
	assert_int_equal(found(), 1); /* the incident itself */
}

/*
 * A NIC began to lose in the second from 95 s on; its host has reported since, its peer has not. It
 * is sure when the peer has had the time to say that it has lost something, too: two seconds, or
 * longer if the report of the host shows that its probes time out late.
 */
static void
test_told(void **state)
{
	static const struct {
		uint64_t now_ms;
		uint32_t due, said; /* as in locate_row and locate_host */
		uint32_t vague; /* losses of another row, of unknown times */
		bool sure;
	} cases[] = {
		{97900, 1 << 2, 1, 0, false}, {98000, 1 << 3, 2, 0, true},
		{98000, 3 << 2, 1, 0, true}, {97900, 3 << 1, 0, 0, false},
		/* Nothing newer than what was due five seconds before the report. */
		{101900, 1 << 6, 1, 0, false}, {102000, 1 << 7, 2, 0, true},
		{98000, 1 << 3, LOCATE_NONE, 0, false},
		/* Unknown times: only when the peer has reported. */
		{98000, 0, 2, 0, false}, {98000, 1 << 3, 2, 1, false},
	};

	(void)state;
	row(0, 1, LOCATE_NONE, 9);
	row(1, 0, LOCATE_NONE, 0);
	row(0, 2, LOCATE_NONE, 0);
	finding(LOCATE_NIC, 0);
	at.c.window = INTAKE_SHORT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at.c.now_ns = cases[i].now_ms * NSEC_PER_MSEC;
		at.lrows[0].lost_when = 8; /* the newest slot */
		at.lrows[0].lost_due = cases[i].due;
		at.lhosts[0].said = cases[i].said;
		at.lrows[2].lost = cases[i].vague;
		at.hosts[0].reported_ns = at.c.now_ns;
		at.hosts[1].reported_ns = 94 * NSEC_PER_SEC;
		assert_int_equal(judge_find(&at.c), 0);
		assert_int_equal(at.c.n_findings, 1);
		if (at.c.findings[0].sure != cases[i].sure)
			fail_msg("case %zu", i);
		judge_find_free(&at.c);
		at.c.findings = NULL;
		at.c.found_in = NULL;
		at.c.n_findings = 0;
	}
	at.hosts[0].reported_ns = at.hosts[1].reported_ns = 110 * NSEC_PER_SEC;
	assert_int_equal(judge_find(&at.c), 0);
	assert_true(at.c.findings[0].sure);
	judge_find_free(&at.c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nic_of_unknown_paths, setup),
		cmocka_unit_test_setup(test_network_of_unknown_paths, setup),
		cmocka_unit_test_setup(test_longer_windows, setup),
		cmocka_unit_test_setup(test_told, setup),
	};

	return cmocka_run_group_tests_name("judge_find", tests, NULL, NULL);
}
