/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts are asked: within which limits, how often, and what is said of it. Cases, incidents,
 * roads and the broker are those of this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/incident/incidents.h"
#include "central/judge/judge_asks.h"
#include "central/judge/judge_case.h"
#include "central/mesh/mesh.h"
#include "central/roads/roads.h"
#include "record/ask.h"

#define S 1000000000ULL
#define WANTS 64

static struct {
	struct judge_asks *asks;
	struct incidents_time now;
	struct judge_want wants[WANTS];
	size_t n;
	enum intake_window window;
	struct incident incident;
	bool open;                /* there is the incident, and finding 0 is its */
	struct ask asked;         /* the last one; all of them: */
	size_t messages, probes, traces;
	char note[INCIDENT_TEXT]; /* the last one */
	enum incident_what noted;
	uint32_t label;           /* that roads know; 0: none */
} at;

__typeof__(judge_case_wants) __wrap_judge_case_wants;
__typeof__(judge_case_window) __wrap_judge_case_window;
__typeof__(judge_case_findings) __wrap_judge_case_findings;
__typeof__(judge_case_tuple) __wrap_judge_case_tuple;
__typeof__(incidents_of) __wrap_incidents_of;
__typeof__(incidents_note) __wrap_incidents_note;
__typeof__(mesh_tell) __wrap_mesh_tell;
__typeof__(roads_find) __wrap_roads_find;

size_t
__wrap_judge_case_wants(const struct judge_case *c, const struct judge_want **out)
{
	(void)c;
	*out = at.wants;
	return at.n;
}

enum intake_window
__wrap_judge_case_window(const struct judge_case *c)
{
	(void)c;
	return at.window;
}

size_t
__wrap_judge_case_findings(const struct judge_case *c, const struct incidents_finding **out)
{
	static const struct incidents_finding one;

	(void)c;
	*out = &one;
	return 1;
}

/* By the source port: 1 and 2 have lost something, 3 has not, others were not reported. */
bool
__wrap_judge_case_tuple(const struct judge_case *c, const struct ask_tuple *tuple, uint64_t *sent,
			uint64_t *lost)
{
	(void)c;
	*sent = 10;
	*lost = tuple->src_port <= 2;
	return tuple->src_port <= 3;
}

const struct incident *
__wrap_incidents_of(const struct incidents *s, const struct incidents_finding *f)
{
	(void)s;
	(void)f;
	return at.open ? &at.incident : NULL;
}

void
__wrap_incidents_note(struct incidents *s, const char *id, enum incident_what what,
		      const char *text, const struct incidents_time *now)
{
	(void)s;
	(void)now;
	assert_string_equal(id, at.incident.id);
	at.noted = what;
	snprintf(at.note, sizeof(at.note), "%s", text);
}

int
__wrap_mesh_tell(struct mesh *m, const char *kind, const char *name, const void *payload,
		 size_t size)
{
	char error[ASK_ERROR];
	struct ask *ask;

	(void)m;
	assert_string_equal(kind, "ask");
	assert_int_equal(ask_unpack(payload, size, &ask, error), 0);
	assert_string_equal(ask->host, name);
	at.asked = *ask;
	at.messages++;
	at.probes += ask->n_probes;
	at.traces += ask->n_traces;
	free(ask);
	return 0;
}

bool
__wrap_roads_find(const struct roads *roads, const struct roads_tuple *tuple,
		  struct roads_path *out)
{
	(void)roads;
	(void)tuple;
	*out = (struct roads_path){.flow_label = at.label};
	return at.label != 0;
}

static int
setup(void **state)
{
	(void)state;
	memset(&at, 0, sizeof(at));
	at.now = (struct incidents_time){1000 * S, 1700000000 * S};
	at.incident = (struct incident){.n_culprits = 2, .opens = 1};
	snprintf(at.incident.id, sizeof(at.incident.id), "0123456789abcdef");
	at.open = true;
	at.window = INTAKE_SHORT;
	return judge_asks_new(NULL, NULL, NULL, &at.asks);
}

static int
teardown(void **state)
{
	(void)state;
	judge_asks_free(at.asks);
	return 0;
}

/* The next want: of this host, with this source port. */
static void
want(const char *host, uint16_t port, bool trace, size_t finding)
{
	struct judge_want *w = &at.wants[at.n++];

	*w = (struct judge_want){.host = host, .trace = trace, .finding = finding,
				 .tuple = {.src_port = port}};
	assert_int_equal(addr_parse("10.0.0.1", &w->tuple.source), 0);
	assert_int_equal(addr_parse("10.0.0.2", &w->tuple.destination), 0);
}

/* After so many seconds, a case is judged. Returns how many messages went out. */
static size_t
judged(uint64_t seconds)
{
	size_t before = at.messages;

	at.now.mono_ns += seconds * S;
	at.now.wall_ns += seconds * S;
	judge_asks_do(at.asks, NULL, &at.now);
	return at.messages - before;
}

static struct judge_asks_stats
stats(void)
{
	struct judge_asks_stats out;

	judge_asks_stats(at.asks, &out);
	return out;
}

/* 16 5-tuples of one host, 32 of one incident; what is too much is counted, and not asked. */
static void
test_limits(void **state)
{
	static const char *const hosts[] = {"a", "b", "c"};

	(void)state;
	for (uint16_t i = 0; i < 60; i++)
		want(hosts[i / 20], (uint16_t)(100 + i), false, 0);
	assert_int_equal(judged(0), 2);
	assert_int_equal(at.probes, 32);
	assert_int_equal(at.asked.n_probes, 16);
	assert_string_equal(at.asked.host, "b");
	assert_string_equal(at.asked.about, at.incident.id);
	assert_int_equal(at.asked.probes[0].interval_ns, 200000000);
	assert_int_equal(at.asked.until_ns - at.asked.made_ns, 20 * S);
	assert_int_equal(stats().live, 32);
	assert_int_equal(stats().limited, 28);
}

/* 200 at once, and 50 a second in the long run, however many suspicions there are. */
static void
test_rate(void **state)
{
	(void)state;
	at.open = false;
	for (unsigned int round = 0; round < 12; round++) {
		at.n = 0;
		for (uint16_t i = 0; i < 32; i++)
			want(i < 16 ? "a" : "b", (uint16_t)(100 + 32 * round + i), true,
			     JUDGE_SUSPECT);
		judged(5);
	}
	/* A suspicion is asked for every 5 s: 32 tuples of all of them then. */
	assert_int_equal(at.traces, 12 * 32);
	assert_int_equal(stats().traces, 12 * 32);
	assert_string_equal(at.asked.about, "");
}

/* What is asked already is not asked again before it is over; traces are over earlier. */
static void
test_again(void **state)
{
	(void)state;
	want("a", 100, false, 0);
	want("a", 100, true, 0);
	assert_int_equal(judged(0), 1);
	assert_int_equal(at.probes, 1);
	assert_int_equal(at.traces, 1);
	assert_int_equal(judged(1), 0);
	want("a", 101, true, 0);
	assert_int_equal(judged(1), 0); /* nor is anything for the same incident within 5 s */
	at.n--;
	assert_int_equal(judged(3), 1);
	assert_int_equal(at.probes, 1);
	assert_int_equal(at.traces, 2);
	assert_int_equal(judged(10), 1);
	assert_int_equal(at.probes, 1);
	assert_int_equal(judged(5), 1);
	assert_int_equal(at.probes, 2);
}

/* One candidate needs no more probes, and three rounds of traces; of several, 30 rounds. */
static void
test_rounds(void **state)
{
	(void)state;
	at.incident.n_culprits = 1;
	want("a", 100, false, 0);
	want("a", 101, true, 0);
	for (unsigned int i = 0; i < 6; i++)
		judged(5);
	assert_int_equal(at.probes, 0);
	assert_int_equal(at.traces, 3);
	at.incident.opens = 2;
	judged(5);
	assert_int_equal(at.traces, 4);
	at.incident.n_culprits = 3;
	for (unsigned int i = 0; i < 50; i++)
		judged(5);
	assert_int_equal(at.messages, 3 + JUDGE_ASKS_ROUNDS);
}

/* The story of the incident says what was asked, and what has come of it. */
static void
test_story(void **state)
{
	(void)state;
	want("a", 1, false, 0);
	want("a", 2, false, 0);
	want("b", 3, false, 0);
	want("b", 4, false, 0);
	judged(0);
	assert_int_equal(at.noted, INCIDENT_ASKED);
	assert_string_equal(at.note, "2 hosts to probe 4 5-tuples: a to probe 10.0.0.1 -> 10.0.0.2 "
				     "port 1, ...");
	at.n = 0;
	judged(19);
	assert_int_equal(at.noted, INCIDENT_ASKED);
	judged(1);
	assert_int_equal(at.noted, INCIDENT_ANSWERED);
	assert_string_equal(at.note, "of the 5-tuples that were asked for, 2 lose, 1 do not, 1 "
				     "were not reported");
	assert_int_equal(stats().live, 0);
}

/* What only a longer window has found without an incident is over; a suspicion of it is not. */
static void
test_longer(void **state)
{
	(void)state;
	at.window = INTAKE_MIDDLE;
	at.open = false;
	want("a", 100, true, 0);
	assert_int_equal(judged(0), 0);
	at.wants[0].finding = JUDGE_SUSPECT;
	assert_int_equal(judged(0), 1);
	at.wants[0].finding = 0;
	at.wants[0].tuple.src_port = 101;
	at.open = true;
	assert_int_equal(judged(0), 1);
}

/* Over IPv6, the flow label that is known of it. */
static void
test_label(void **state)
{
	(void)state;
	at.label = 0x12345;
	want("a", 100, true, 0);
	judged(0);
	assert_int_equal(at.asked.traces[0].flow_label, 0);
	want("a", 101, true, 0);
	assert_int_equal(addr_parse("fd00::1", &at.wants[1].tuple.source), 0);
	assert_int_equal(addr_parse("fd00::2", &at.wants[1].tuple.destination), 0);
	judged(5);
	assert_int_equal(at.asked.traces[1].flow_label, 0x12345);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_story, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_label, setup, teardown),
	};

	return cmocka_run_group_tests_name("judge_asks", tests, NULL, NULL);
}
