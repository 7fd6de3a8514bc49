/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: asks
 *
 * `live` has each 5-tuple that was asked for, until JUDGE_ASK_NS is over; traces until
 * JUDGE_TRACE_AGAIN_NS. What a case wants and is not there is added, within the limits; then what
 * was added goes out, one message for each host and incident. An incident keeps in its events what
 * was asked for it, and what came of it.
 */
#include "central/judge/judge_asks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "central/judge/judge_case.h"
#include "central/mesh/mesh.h"
#include "central/roads/roads.h"
#include "core/bucket.h"
#include "core/clock.h"
#include "record/ask.h"

#define JUDGE_ASKS_BURST 200u
#define JUDGE_ASKED_KEPT 64u  /* incidents whose rounds are counted */

struct judge_asked {
	struct ask_tuple tuple;
	bool trace;
	bool sent;
	char host[REGISTRATION_HOST];
	char about[INCIDENT_ID];  /* "": a suspicion */
	uint64_t until_ns;
};

/* How often was asked for an incident. */
struct judge_rounds {
	char about[INCIDENT_ID];
	uint32_t n;
	uint64_t last_ns;
	uint64_t opens; /* of the incident, when they began; one that opens again begins anew */
};

struct judge_asks {
	struct mesh *mesh;
	struct incidents *incidents;
	const struct roads *roads;
	struct bucket bucket;
	struct bucket_rate rate;
	struct judge_asked live[JUDGE_ASKS_MAX];
	size_t n;
	struct judge_rounds rounds[JUDGE_ASKED_KEPT];
	struct judge_asks_stats stats;
};

/* ---- what is over ---- */

/* What has come of the tuples that were probed for an incident. */
struct judge_answer {
	char about[INCIDENT_ID];
	uint32_t probed, lossy, unanswered;
};

static struct judge_answer *
judge_answer_of(struct judge_answer answers[JUDGE_ASKED_KEPT], const char *about)
{
	for (size_t i = 0; i < JUDGE_ASKED_KEPT; i++) {
		if (!answers[i].about[0])
			memcpy(answers[i].about, about, INCIDENT_ID);
		if (strcmp(answers[i].about, about) == 0)
			return &answers[i];
	}
	return NULL;
}

static void
judge_answer_add(struct judge_answer answers[JUDGE_ASKED_KEPT], const struct judge_asked *asked,
		 const struct judge_case *c)
{
	struct judge_answer *answer =
		asked->about[0] && !asked->trace ? judge_answer_of(answers, asked->about) : NULL;
	uint64_t sent, lost;

	if (!answer)
		return;
	if (!judge_case_tuple(c, &asked->tuple, &sent, &lost))
		answer->unanswered++;
	else if (lost)
		answer->lossy++;
	else
		answer->probed++;
}

static void
judge_answers_note(const struct judge_asks *asks, const struct judge_answer *answers,
		   const struct incidents_time *now)
{
	char text[INCIDENT_TEXT];

	for (size_t i = 0; i < JUDGE_ASKED_KEPT && answers[i].about[0]; i++) {
		snprintf(text, sizeof(text),
			 "of the 5-tuples that were asked for, %u lose, %u do not, %u were not "
			 "reported", answers[i].lossy, answers[i].probed, answers[i].unanswered);
		incidents_note(asks->incidents, answers[i].about, INCIDENT_ANSWERED, text, now);
	}
}

static void
judge_asks_expire(struct judge_asks *asks, const struct judge_case *c,
		  const struct incidents_time *now)
{
	struct judge_answer answers[JUDGE_ASKED_KEPT] = {{.probed = 0}};
	size_t kept = 0;

	for (size_t i = 0; i < asks->n; i++) {
		if (now->mono_ns < asks->live[i].until_ns)
			asks->live[kept++] = asks->live[i];
		else
			judge_answer_add(answers, &asks->live[i], c);
	}
	asks->n = kept;
	judge_answers_note(asks, answers, now);
}

/* ---- what is added ---- */

static bool
judge_same_tuple(const struct ask_tuple *a, const struct ask_tuple *b)
{
	return a->src_port == b->src_port && a->traffic_class == b->traffic_class &&
	       addr_equal(&a->destination, &b->destination) && addr_equal(&a->source, &b->source);
}

/* Whether it is asked for already; else *room: whether the limits leave room for it. */
static bool
judge_is_asked(const struct judge_asks *asks, const struct judge_want *want, const char *about,
	       bool *room)
{
	uint32_t host = 0, same = 0;

	for (size_t i = 0; i < asks->n; i++) {
		const struct judge_asked *a = &asks->live[i];

		if (a->trace == want->trace && judge_same_tuple(&a->tuple, &want->tuple))
			return true;
		host += strcmp(a->host, want->host) == 0;
		same += strcmp(a->about, about) == 0;
	}
	*room = asks->n < JUDGE_ASKS_MAX && host < JUDGE_ASKS_HOST && same < JUDGE_ASKS_ABOUT;
	return false;
}

/* The one of this incident, or the one that was used the longest time ago. */
static struct judge_rounds *
judge_rounds_of(struct judge_asks *asks, const char *about)
{
	struct judge_rounds *oldest = &asks->rounds[0];

	for (size_t i = 0; i < JUDGE_ASKED_KEPT; i++) {
		if (strcmp(asks->rounds[i].about, about) == 0)
			return &asks->rounds[i];
		if (asks->rounds[i].last_ns < oldest->last_ns)
			oldest = &asks->rounds[i];
	}
	*oldest = (struct judge_rounds){.n = 0};
	memcpy(oldest->about, about, INCIDENT_ID);
	return oldest;
}

/* The incident that this is for; NULL: there is only a suspicion. */
static const struct incident *
judge_want_for(const struct judge_asks *asks, const struct judge_case *c,
	       const struct judge_want *want)
{
	const struct incidents_finding *f;

	if (want->finding == JUDGE_SUSPECT)
		return NULL;
	judge_case_findings(c, &f);
	return incidents_of(asks->incidents, &f[want->finding]);
}

/* Whether that would help, and the last round is over. */
static bool
judge_is_needed(struct judge_asks *asks, const struct incident *incident, bool trace,
		uint64_t now_ns)
{
	struct judge_rounds *rounds = judge_rounds_of(asks, incident ? incident->id : "");

	if (incident && rounds->opens != incident->opens) {
		rounds->opens = incident->opens;
		rounds->n = 0;
	}
	if (rounds->n && now_ns - rounds->last_ns < JUDGE_ASK_AGAIN_NS)
		return false;
	if (!incident)
		return true;
	return incident->n_culprits > 1 ? rounds->n < JUDGE_ASKS_ROUNDS :
					  trace && rounds->n < JUDGE_ASKS_SURE;
}

/* incident: what it is for; NULL: there is only a suspicion. */
static void
judge_asks_add(struct judge_asks *asks, const struct judge_want *want,
	       const struct incident *incident, uint64_t now_ns)
{
	struct judge_asked *a = &asks->live[asks->n];
	bool room;

	if (!judge_is_needed(asks, incident, want->trace, now_ns) ||
	    judge_is_asked(asks, want, incident ? incident->id : "", &room))
		return;
	if (!room || !bucket_is_ready(&asks->bucket, &asks->rate, now_ns)) {
		asks->stats.limited++;
		return;
	}
	bucket_take(&asks->bucket, &asks->rate, now_ns);
	*a = (struct judge_asked){.tuple = want->tuple, .trace = want->trace,
				  .until_ns = now_ns + (want->trace ? JUDGE_TRACE_AGAIN_NS :
								      JUDGE_ASK_NS)};
	snprintf(a->host, sizeof(a->host), "%s", want->host);
	if (incident)
		memcpy(a->about, incident->id, sizeof(a->about));
	asks->n++;
	asks->stats.traces += want->trace;
	asks->stats.probes += !want->trace;
}

/* ---- what goes out ---- */

/* What was asked for one incident now, for people. */
struct judge_told {
	char about[INCIDENT_ID];
	uint32_t hosts, probes, traces;
	char host[REGISTRATION_HOST];  /* the first one, with its first tuple */
	struct ask_tuple tuple;
	bool trace;
};

/* "3 5-tuples", or "1 5-tuple". */
static const char *
judge_tuples(char text[32], uint32_t n)
{
	snprintf(text, 32, "%u 5-tuple%s", n, n == 1 ? "" : "s");
	return text;
}

static void
judge_tell(const struct judge_asks *asks, const struct judge_told *told,
	   const struct incidents_time *now)
{
	char source[ADDR_TEXT], destination[ADDR_TEXT], text[INCIDENT_TEXT], what[96] = "";
	char probes[32], traces[32];

	judge_tuples(probes, told->probes);
	judge_tuples(traces, told->traces);
	if (told->probes && told->traces)
		snprintf(what, sizeof(what), "to probe %s and to trace %s: ", probes, traces);
	else if (told->probes + told->traces > 1)
		snprintf(what, sizeof(what), "to %s %s: ", told->trace ? "trace" : "probe",
			 told->trace ? traces : probes);
	if (told->hosts > 1)
		snprintf(text, sizeof(text), "%u hosts %s", told->hosts, what);
	else
		snprintf(text, sizeof(text), "%s", what);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.64s to %s %s -> %s port %u%s",
		 told->host, told->trace ? "trace" : "probe",
		 addr_text(&told->tuple.source, source),
		 addr_text(&told->tuple.destination, destination), told->tuple.src_port,
		 told->probes + told->traces > 1 ? ", ..." : "");
	incidents_note(asks->incidents, told->about, INCIDENT_ASKED, text, now);
}

/* Returns whether it is on its way. */
static bool
judge_asks_publish(struct judge_asks *asks, const struct ask *ask)
{
	msgpack_sbuffer body;
	msgpack_packer pk;
	bool told;

	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	ask_pack(&pk, ask);
	told = mesh_tell(asks->mesh, "ask", ask->host, body.data, body.size) == 0;
	asks->stats.messages += told;
	msgpack_sbuffer_destroy(&body);
	return told;
}

static void
judge_ask_put(const struct roads *roads, struct ask *ask, struct judge_asked *a)
{
	const struct roads_tuple known = {a->tuple.source, a->tuple.destination, a->tuple.src_port,
					  a->tuple.traffic_class};
	struct ask_tuple tuple = a->tuple;
	struct roads_path path;

	a->sent = true;
	if (!addr_is_v4(&tuple.source) && roads_find(roads, &known, &path))
		tuple.flow_label = path.flow_label;
	if (a->trace)
		ask->traces[ask->n_traces++] = tuple;
	else
		ask->probes[ask->n_probes++] = (struct ask_probe){tuple, JUDGE_ASK_INTERVAL_NS};
}

/* All that was added for the host and the incident of `first`; JUDGE_ASKS_HOST fit. */
static void
judge_asks_send(struct judge_asks *asks, struct judge_asked *first, struct judge_told *told,
		const struct incidents_time *now)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	static_assert(JUDGE_ASKS_HOST <= ASK_TRACES_MAX && JUDGE_ASKS_HOST <= ASK_PROBES_MAX,
		      "all tuples of a host fit into a message");
	if (!ask)
		return;
	snprintf(ask->host, sizeof(ask->host), "%s", first->host);
	snprintf(ask->about, sizeof(ask->about), "%s", first->about);
	ask->made_ns = now->wall_ns;
	ask->until_ns = now->wall_ns + JUDGE_ASK_NS;
	for (struct judge_asked *a = first; a < asks->live + asks->n; a++)
		if (!a->sent && strcmp(a->host, first->host) == 0 &&
		    strcmp(a->about, first->about) == 0)
			judge_ask_put(asks->roads, ask, a);
	if (judge_asks_publish(asks, ask)) {
		told->hosts++;
		told->probes += (uint32_t)ask->n_probes;
		told->traces += (uint32_t)ask->n_traces;
	}
	free(ask);
}

/* All that was added for the incident of `first`. */
static void
judge_asks_send_about(struct judge_asks *asks, struct judge_asked *first,
		      const struct incidents_time *now)
{
	struct judge_told told = {.tuple = first->tuple, .trace = first->trace};
	struct judge_rounds *rounds;

	memcpy(told.about, first->about, sizeof(told.about));
	memcpy(told.host, first->host, sizeof(told.host));
	for (struct judge_asked *a = first; a < asks->live + asks->n; a++)
		if (!a->sent && strcmp(a->about, told.about) == 0)
			judge_asks_send(asks, a, &told, now);
	if (!told.hosts)
		return;
	rounds = judge_rounds_of(asks, told.about);
	rounds->n++;
	rounds->last_ns = now->mono_ns;
	if (told.about[0])
		judge_tell(asks, &told, now);
}

void
judge_asks_do(struct judge_asks *asks, const struct judge_case *c, const struct incidents_time *now)
{
	const struct judge_want *wants;
	const struct incident *incident = NULL;
	size_t n = judge_case_wants(c, &wants), before;

	/* The longer windows hold what was lost before somebody was asked. */
	if (judge_case_window(c) == INTAKE_SHORT)
		judge_asks_expire(asks, c, now);
	before = asks->n;
	for (size_t i = 0; i < n; i++) {
		/* Wants of one finding stand together. */
		if (i == 0 || wants[i].finding != wants[i - 1].finding)
			incident = judge_want_for(asks, c, &wants[i]);
		/* What a longer window finds without an incident is over. */
		if (incident || wants[i].finding == JUDGE_SUSPECT ||
		    judge_case_window(c) == INTAKE_SHORT)
			judge_asks_add(asks, &wants[i], incident, now->mono_ns);
	}
	for (size_t i = before; i < asks->n; i++)
		if (!asks->live[i].sent)
			judge_asks_send_about(asks, &asks->live[i], now);
	asks->stats.live = (uint32_t)asks->n;
}

/* ---- life ---- */

int
judge_asks_new(struct mesh *mesh, struct incidents *incidents, const struct roads *roads,
	       struct judge_asks **out)
{
	struct judge_asks *asks = calloc(1, sizeof(*asks));

	if (!asks)
		return -ENOMEM;
	asks->mesh = mesh;
	asks->incidents = incidents;
	asks->roads = roads;
	bucket_rate_set(&asks->rate, JUDGE_ASKS_PER_S, JUDGE_ASKS_BURST);
	*out = asks;
	return 0;
}

void
judge_asks_free(struct judge_asks *asks)
{
	free(asks);
}

void
judge_asks_stats(const struct judge_asks *asks, struct judge_asks_stats *out)
{
	*out = asks->stats;
}
