/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/history/history.h"
#include "central/incident/incidents.h"
#include "central/judge/judge_asks.h"
#include "central/judge/judge_case.h"
#include "central/judge/judge_index.h"
#include "central/judge/judge_masks.h"
#include "central/judge/judge_pace.h"
#include "central/judge/judge_publish.h"
#include "central/mesh/mesh.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/work.h"
#include "record/incident.h"
#include "rpingmesh/log_subsystems.h"

/* The loop collects for so long at a time, and then lets others run. */
#define JUDGE_SLICE_NS (2 * NSEC_PER_MSEC)
#define JUDGE_PAUSE_NS (6 * NSEC_PER_MSEC)
/* Before the first window, and after one that has failed. */
#define JUDGE_BEGIN_NS NSEC_PER_SEC
#define JUDGE_AGAIN_NS (10 * NSEC_PER_SEC)
#define JUDGE_TELL_NS (60 * NSEC_PER_SEC)

/* A case that a worker judges. */
struct judge_job {
	struct judge *judge;
	struct judge_case *c;
	int rc;
};

/* A case that a worker frees. */
struct judge_waste {
	struct judge_case *c;
};

struct judge {
	struct judge_config config;
	struct judge_sources sources;
	struct incidents *incidents;
	struct history *history;
	struct loop_timer *timer;
	struct work *work;
	struct work_job *job;           /* that runs; NULL: none does */
	struct judge_case *collecting;  /* NULL: none */
	struct judge_case *latest[INTAKE_WINDOWS]; /* judged */
	struct judge_case *stock;       /* of the last one, for the next one; NULL: none */
	uint64_t begun_ns[INTAKE_WINDOWS]; /* when the last case of each was begun; 0: never */
	uint64_t collect_ns;            /* that the loop has spent on the case so far */
	uint64_t told_ns;               /* when all open incidents were published */
	struct judge_masks masks;
	struct judge_asks *asks;
	struct judge_stats stats;
};

/* ---- what becomes of incidents ---- */

static void
judge_log(const struct incident *i)
{
	if (i->state == INCIDENT_CLOSED)
		log_info(CLUSTER, "incident %s is closed: %s", i->id, i->culprits[0].name);
	else if (i->updated_ns == i->since_ns)
		log_warning(CLUSTER, "incident %s %s: %s %s%s", i->id,
			    i->opens > 1 ? "opens again" : "opens", incident_kind_names[i->kind],
			    i->culprits[0].name, i->n_culprits > 1 ? " or others" : "");
}

static void
judge_tell(const struct judge *j, const struct incident *incident)
{
	judge_publish(j->config.mesh, incident, incident_is_muted(incident, clock_wall_ns()),
		      j->config.incarnation);
}

/* Says again which incidents are open, so that other centrals know that this one is there. */
static void
judge_tell_all(struct judge *j, uint64_t now_ns)
{
	const struct incident *i;
	uint64_t number = 0;

	if (now_ns - j->told_ns < JUDGE_TELL_NS)
		return;
	j->told_ns = now_ns;
	while ((i = incidents_next(j->incidents, number, &number)))
		if (i->state == INCIDENT_OPEN)
			judge_tell(j, i);
}

static void
judge_orphan(void *arg, const char *id)
{
	const struct judge *j = arg;

	mesh_set(j->config.mesh, "incident", id, NULL, 0);
}

static void
judge_changed(void *arg, const struct incident *incident)
{
	struct judge *j = arg;

	judge_log(incident);
	history_keep(j->history, incident);
	judge_tell(j, incident);
}

/* The shortest window knows whether the culprit is seen at all. Any may know that it is well. */
static enum incidents_health
judge_health(void *arg, const struct incident *incident)
{
	const struct judge *j = arg;
	enum incidents_health health = judge_case_health(j->latest[INTAKE_SHORT], incident->id);

	for (int w = INTAKE_MIDDLE; health == INCIDENTS_UNKNOWN && w < INTAKE_WINDOWS; w++)
		if (j->latest[w] && judge_case_health(j->latest[w], incident->id) ==
					    INCIDENTS_HEALTHY)
			health = INCIDENTS_HEALTHY;
	if (health == INCIDENTS_UNSEEN && !judge_case_rows(j->latest[INTAKE_SHORT]))
		health = INCIDENTS_BLIND;
	return health;
}

/* ---- a verdict ---- */

/* The findings that count now. Room for all of three windows. */
struct judge_verdict {
	struct incidents_finding at[INTAKE_WINDOWS * 3 * 64];
	size_t n;
};

/* No id of an incident. */
static void
judge_question_id(char id[JUDGE_QUESTION_ID], enum intake_window window, size_t i)
{
	snprintf(id, JUDGE_QUESTION_ID, "finding %u %zu", (unsigned int)window, i);
}

/*
 * Whether a longer window has no say: a shorter one has found the culprit, or shows that it is
 * healthy. Then what the longer one holds is over, and is no evidence when another fault begins on
 * the same paths.
 */
static bool
judge_is_over(struct judge *j, const struct incidents_finding *f, enum intake_window w, size_t i,
	      uint64_t now_ns)
{
	char id[JUDGE_QUESTION_ID];

	if (w == INTAKE_SHORT)
		return false;
	if (judge_masks_have(&j->masks, f, w, now_ns))
		return true;
	judge_question_id(id, w, i);
	if (judge_case_health(j->latest[INTAKE_SHORT], id) != INCIDENTS_HEALTHY)
		return false;
	judge_masks_add(&j->masks, f, w, now_ns);
	return true;
}

/* Adds the findings of a window. */
static void
judge_add_findings(struct judge *j, enum intake_window w, uint64_t now_ns,
		   struct judge_verdict *verdict)
{
	const struct incidents_finding *f;
	size_t n = j->latest[w] ? judge_case_findings(j->latest[w], &f) : 0;

	for (size_t i = 0; i < n; i++) {
		if (judge_is_over(j, &f[i], w, i, now_ns))
			continue;
		if (w != INTAKE_LONG)
			judge_masks_add(&j->masks, &f[i], (enum intake_window)(w + 1), now_ns);
		if (verdict->n < sizeof(verdict->at) / sizeof(verdict->at[0]))
			verdict->at[verdict->n++] = f[i];
	}
}

static void
judge_verdict(struct judge *j)
{
	const struct incidents_time now = {clock_mono_ns(), clock_wall_ns()};
	struct judge_verdict *verdict = calloc(1, sizeof(*verdict));

	if (!verdict) {
		j->stats.failures++;
		return;
	}
	/* Of several findings of a culprit, the first one counts. */
	for (int w = 0; w < INTAKE_WINDOWS; w++)
		judge_add_findings(j, (enum intake_window)w, now.mono_ns, verdict);
	incidents_judge(j->incidents, verdict->at, verdict->n, &now);
	judge_tell_all(j, now.mono_ns);
	j->stats.verdicts++;
	free(verdict);
}

/* ---- in the worker ---- */

static void
judge_job_run(void *arg)
{
	struct judge_job *job = arg;

	job->rc = judge_case_run(job->c);
}

static void
judge_waste_nothing(void *arg)
{
	(void)arg;
}

static void
judge_waste_run(void *arg)
{
	struct judge_waste *waste = arg;

	judge_case_free(waste->c);
	waste->c = NULL;
}

static void
judge_waste_free(void *arg)
{
	struct judge_waste *waste = arg;

	judge_case_free(waste->c);
	free(waste);
}

/* To free a case of a large cluster takes too long for the loop. */
static void
judge_throw_away(struct judge *j, struct judge_case *c)
{
	static const struct work_ops ops = {judge_waste_run, judge_waste_nothing,
					    judge_waste_free};
	struct judge_waste *waste = c ? malloc(sizeof(*waste)) : NULL;
	struct work_job *job;

	if (waste) {
		*waste = (struct judge_waste){c};
		if (work_start(j->work, &ops, waste, &job) == 0)
			return;
	}
	free(waste);
	judge_case_free(c);
}

static void
judge_job_done(void *arg)
{
	struct judge_job *job = arg;
	struct judge *j = job->judge;
	enum intake_window w = judge_case_window(job->c);
	struct judge_case_stats stats;

	j->job = NULL;
	judge_case_stats(job->c, &stats);
	loop_timer_set(j->timer, judge_pace_rest_ns(j->collect_ns + stats.run_ns));
	if (job->rc < 0) {
		j->stats.failures++;
		log_error(CLUSTER, "the evidence cannot be judged: %s", strerror(-job->rc));
		return;
	}
	j->stats.run_ns[w] = stats.run_ns;
	j->stats.rows[w] = stats.rows;
	j->stats.left_out[w] = stats.left_out;
	j->stats.collect_ns[w] = j->collect_ns;
	j->stats.took_ns[w] = clock_mono_ns() - j->begun_ns[w];
	log_debug(CLUSTER, "window of %llu s: %zu rows collected in %llu ms of the loop, judged in "
		  "%llu ms, %llu ms in all",
		  (unsigned long long)(intake_window_ns(w) / NSEC_PER_SEC), stats.rows,
		  (unsigned long long)(j->collect_ns / NSEC_PER_MSEC),
		  (unsigned long long)(stats.run_ns / NSEC_PER_MSEC),
		  (unsigned long long)(j->stats.took_ns[w] / NSEC_PER_MSEC));
	judge_case_free(j->latest[w]);
	j->latest[w] = job->c;
	job->c = NULL;
	judge_case_log(j->latest[w]);
	if (w == INTAKE_SHORT)
		judge_verdict(j);
	judge_asks_do(j->asks, j->latest[w],
		      &(struct incidents_time){clock_mono_ns(), clock_wall_ns()});
	judge_throw_away(j, j->stock);
	j->stock = judge_case_strip(j->latest[w]);
}

static void
judge_job_free(void *arg)
{
	struct judge_job *job = arg;

	judge_case_free(job->c);
	free(job);
}

static int
judge_start_job(struct judge *j)
{
	static const struct work_ops ops = {judge_job_run, judge_job_done, judge_job_free};
	struct judge_job *job = calloc(1, sizeof(*job));
	int rc;

	if (!job)
		return -ENOMEM;
	*job = (struct judge_job){.judge = j, .c = j->collecting};
	rc = work_start(j->work, &ops, job, &j->job);
	if (rc < 0)
		free(job);
	else
		j->collecting = NULL;
	return rc;
}

/* ---- collecting ---- */

/* Whether the window holds losses of this incident: it is open, or has closed meanwhile. */
static bool
judge_holds(const struct incident *i, enum intake_window w, uint64_t wall_ns)
{
	return i->state == INCIDENT_OPEN ||
	       (w != INTAKE_SHORT && wall_ns - i->closed_ns < intake_window_ns(w));
}

static int
judge_ask_incidents(struct judge *j)
{
	enum intake_window w = judge_case_window(j->collecting);
	uint64_t number = 0, wall_ns = clock_wall_ns();
	const struct incident *i;
	int rc = 0;

	while (rc == 0 && (i = incidents_next(j->incidents, number, &number))) {
		const struct judge_question q = {i->id, &i->culprits[0], i->effect, i->loss_ratio,
						 true};

		if (judge_holds(i, w, wall_ns))
			rc = judge_case_ask(j->collecting, &q);
	}
	return rc;
}

/* Whether what longer windows have found is over. */
static int
judge_ask_findings(struct judge *j, enum intake_window w)
{
	const struct incidents_finding *f;
	size_t n = j->latest[w] ? judge_case_findings(j->latest[w], &f) : 0;
	char id[JUDGE_QUESTION_ID];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct judge_question q = {id, &f[i].culprits[0], f[i].effect,
						 f[i].loss_ratio, false};

		judge_question_id(id, w, i);
		rc = judge_case_ask(j->collecting, &q);
	}
	return rc;
}

/* All hosts are there. */
static int
judge_collected(struct judge *j)
{
	int rc = judge_ask_incidents(j);

	if (rc == 0 && judge_case_window(j->collecting) == INTAKE_SHORT) {
		rc = judge_ask_findings(j, INTAKE_MIDDLE);
		if (rc == 0)
			rc = judge_ask_findings(j, INTAKE_LONG);
	}
	return rc == 0 ? judge_start_job(j) : rc;
}

static int
judge_begin(struct judge *j, uint64_t now_ns)
{
	enum intake_window w = judge_pace_next(j->begun_ns, j->latest[INTAKE_SHORT], now_ns);

	j->begun_ns[w] = now_ns;
	j->collect_ns = 0;
	if (!j->stock)
		return judge_case_new(&j->sources, w, now_ns, &j->collecting);
	j->collecting = j->stock;
	j->stock = NULL;
	judge_case_begin(j->collecting, w, now_ns);
	return 0;
}

static void
judge_turn(void *arg)
{
	struct judge *j = arg;
	uint64_t now_ns = clock_mono_ns(), end_ns = now_ns + JUDGE_SLICE_NS;
	uint64_t began_ns = clock_thread_ns();
	int rc = j->collecting ? 1 : judge_begin(j, now_ns);

	history_tick(j->history, now_ns, clock_wall_ns());
	if (rc == 0)
		rc = 1;
	while (rc == 1 && clock_mono_ns() < end_ns)
		rc = judge_case_more(j->collecting);
	if (rc == 0)
		rc = judge_collected(j);
	j->collect_ns += clock_thread_ns() - began_ns;
	if (rc == 1) {
		loop_timer_set(j->timer, JUDGE_PAUSE_NS);
	} else if (rc < 0) {
		log_error(CLUSTER, "the evidence cannot be collected: %s", strerror(-rc));
		j->stats.failures++;
		judge_case_free(j->collecting);
		j->collecting = NULL;
		loop_timer_set(j->timer, JUDGE_AGAIN_NS);
	}
}

/* ---- other centrals ---- */

/* Returns what is wrong with it, or NULL. */
static const char *
judge_take(struct judge *j, const char *id, const void *payload, size_t size,
	   char error[INCIDENT_ERROR])
{
	const struct incidents_time now = {clock_mono_ns(), clock_wall_ns()};
	struct incident *theirs;
	const char *fault;

	if (size == 0) {
		incidents_cleared(j->incidents, id, &now);
		return NULL;
	}
	if (incident_unpack(payload, size, &theirs, error) < 0)
		return error;
	if (theirs->incarnation == j->config.incarnation) {
		incident_free(theirs); /* our own */
		return NULL;
	}
	if (strcmp(theirs->id, id) != 0) {
		incident_free(theirs);
		return "it has another id than its topic";
	}
	fault = incidents_heard(j->incidents, theirs, &now);
	j->stats.heard += !fault;
	return fault;
}

static void
judge_heard(void *arg, const char *id, const void *payload, size_t size)
{
	char error[INCIDENT_ERROR];
	struct judge *j = arg;
	const char *fault = judge_take(j, id, payload, size, error);

	if (!fault)
		return;
	j->stats.refused++;
	log_some(5, CLUSTER, WARNING, "the incident %s of another central is refused: %s", id,
		 fault);
}

/* ---- life ---- */

static void
judge_restore(void *arg, struct incident *incident)
{
	const struct incidents_time now = {clock_mono_ns(), clock_wall_ns()};
	struct judge *j = arg;

	if (incidents_restore(j->incidents, incident, &now) == 0 &&
	    incident->state == INCIDENT_OPEN)
		judge_tell(j, incident);
}

static void
judge_keep_all(void *arg)
{
	const struct incident *i;
	struct judge *j = arg;
	uint64_t number = 0;

	while ((i = incidents_next(j->incidents, number, &number)))
		history_keep(j->history, i);
}

static int
judge_open_history(struct judge *j)
{
	const struct history_ops ops = {judge_restore, judge_keep_all, j};

	return history_new(j->config.loop, j->config.database, j->config.database_optional, &ops,
			   &j->history);
}

static int
judge_start(struct judge *j)
{
	const struct incidents_ops ops = {judge_changed, judge_health, judge_orphan, j};
	int rc = incidents_new(&ops, &j->incidents);

	if (rc == 0)
		rc = judge_asks_new(j->config.mesh, j->incidents, j->config.roads, &j->asks);
	if (rc == 0)
		rc = judge_open_history(j);
	if (rc == 0)
		rc = mesh_hear_names(j->config.mesh, "incident", 1, judge_heard, j);
	if (rc == 0)
		rc = work_new(j->config.loop, "judge", 1, &j->work);
	if (rc == 0)
		rc = loop_timer_new(j->config.loop, "judge", judge_turn, j, &j->timer);
	if (rc == 0)
		loop_timer_set(j->timer, JUDGE_BEGIN_NS);
	return rc;
}

int
judge_new(const struct judge_config *config, struct judge **out)
{
	struct judge *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return -ENOMEM;
	j->config = *config;
	j->sources = (struct judge_sources){config->mesh, config->intake, config->roads, 0};
	rc = judge_index_seed();
	if (rc == 0)
		rc = judge_start(j);
	if (rc < 0)
		judge_free(j);
	else
		*out = j;
	return rc;
}

void
judge_free(struct judge *j)
{
	if (!j)
		return;
	work_cancel(j->job);
	work_free(j->work);
	loop_timer_free(j->timer);
	judge_case_free(j->collecting);
	judge_case_free(j->stock);
	for (int w = 0; w < INTAKE_WINDOWS; w++)
		judge_case_free(j->latest[w]);
	judge_masks_clear(&j->masks);
	judge_asks_free(j->asks);
	history_free(j->history);
	incidents_free(j->incidents);
	free(j);
}

struct incidents *
judge_incidents(struct judge *j)
{
	return j->incidents;
}

const struct history *
judge_history(const struct judge *j)
{
	return j->history;
}

void
judge_stats(const struct judge *j, struct judge_stats *out)
{
	*out = j->stats;
	judge_asks_stats(j->asks, &out->asks);
}
