/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: incidents
 *
 * From findings, which come and go with each look at the evidence, to incidents, which people deal
 * with. Pure: times come in, changes go out.
 *
 * A culprit is suspected when there is a finding. Suspicion hardens, and an incident opens, when
 * there were findings in INCIDENTS_HITS of the last INCIDENTS_LOOKS windows of INCIDENTS_WINDOW_NS,
 * the first and the last of them as far apart as that, or at once if a finding is sure. All
 * findings that share a candidate with an open incident belong to it, so that one bad NIC is one
 * incident; the candidates that they do not share are dropped.
 *
 * An incident of links closes when the switch that they all end at is found, and they are not.
 *
 * An incident closes by evidence of health: enough probes have crossed the culprit and came back,
 * for INCIDENTS_HEAL_NS. It also closes when the culprit is seen, and there was no finding for
 * INCIDENTS_STALE_NS. If nobody sees the culprit for INCIDENTS_GONE_NS, while others are seen, it
 * is closed as no longer seen: nobody knows whether it is well; and so is one that few probes
 * cross, if there was no finding for twice as long. If the same culprit is found again, the same
 * incident opens again.
 *
 * Its id is a hash of the culprit: of those candidates that it opens with, the one whose name is
 * the least. So two centrals that find the same give it the same id. If another central has opened
 * an incident that shares a candidate, incidents_heard(), one finding is enough, and the new
 * incident takes its id. A central that is silent for INCIDENTS_ORPHAN_NS has ended: centrals tell
 * open incidents again and again.
 * If two have opened the same under different ids, the elder one holds.
 */
#ifndef RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_H
#define RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/incident/incidents_finding.h"
#include "record/incident.h"

#define INCIDENTS_WINDOW_NS 5000000000ULL
#define INCIDENTS_LOOKS 3u
#define INCIDENTS_HITS 2u
#define INCIDENTS_HEAL_NS 10000000000ULL
#define INCIDENTS_STALE_NS 120000000000ULL
#define INCIDENTS_GONE_NS 600000000000ULL
#define INCIDENTS_ORPHAN_NS 600000000000ULL
#define INCIDENTS_OPEN_MAX 1000u   /* at once */
#define INCIDENTS_KEPT_MAX 10000u  /* closed ones; of these, the one that closed first goes */
#define INCIDENTS_SUSPECTS_MAX 1000u

struct incidents;

struct incidents_time {
	uint64_t mono_ns, wall_ns;
};

/* How a culprit does by the evidence of now. */
enum incidents_health {
	INCIDENTS_BLIND,   /* nothing at all is seen, as without a broker */
	INCIDENTS_UNSEEN,  /* nothing crosses it */
	INCIDENTS_UNKNOWN, /* too little does */
	INCIDENTS_HEALTHY,
};

struct incidents_ops {
	/* An incident has changed: keep it, publish it. Borrowed during the call. */
	void (*changed)(void *arg, const struct incident *incident);
	/* Asked for an open incident that had no finding this time. */
	enum incidents_health (*health)(void *arg, const struct incident *incident);
	/* An open incident of another central that has ended: clear its topic. */
	void (*orphan)(void *arg, const char *id);
	void *arg;
};

struct incidents_stats {
	uint32_t open[INCIDENT_KIND_N][INCIDENT_PRIORITY_N]; /* without the muted ones */
	uint32_t muted;                  /* of the open ones */
	uint32_t kept;                   /* that are closed */
	uint32_t suspects;               /* not hardened yet */
	uint64_t opened, reopened, closed; /* since the start */
	uint64_t refused;                /* not opened, because there are too many, or no memory */
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int incidents_new(const struct incidents_ops *ops, struct incidents **out);
/* NULL is allowed. */
void incidents_free(struct incidents *s);

/*
 * Takes over an incident of before the start. Returns 0, -EEXIST, or -ENOSPC (too many are open, or
 * INCIDENTS_KEPT_MAX closed ones are there already); then it is freed. If
 * it has opened again meanwhile, its since and the words of operators hold.
 */
int incidents_restore(struct incidents *s, struct incident *incident,
		      const struct incidents_time *now);
/*
 * Another central says that this incident is open. Takes it over. Of an incident of ours with this
 * id, the elder since and the newest words of operators hold. Returns NULL, or why it is refused,
 * in static text.
 */
const char *incidents_heard(struct incidents *s, struct incident *theirs,
			    const struct incidents_time *now);
/* Somebody has cleared the topic of this id. If the incident is open here, tells it again. */
void incidents_cleared(struct incidents *s, const char *id, const struct incidents_time *now);

/* The open incident that this finding belongs to, or NULL. */
const struct incident *incidents_of(const struct incidents *s, const struct incidents_finding *f);
/* Notes in the story of an incident, if it is open, what was asked for it, or what came of it. */
void incidents_note(struct incidents *s, const char *id, enum incident_what what, const char *text,
		    const struct incidents_time *now);

/* The findings of a look at the evidence, at most one in a few hundred milliseconds. */
void incidents_judge(struct incidents *s, const struct incidents_finding *findings, size_t n,
		     const struct incidents_time *now);

/*
 * Whether `lost` of `sent` probes is evidence of health for a culprit with this loss ratio: the
 * health explains it e^7 times better.
 */
bool incidents_is_health(uint64_t sent, uint64_t lost, double loss_ratio);

/* An operator speaks. `until_ns` is of a mute; by the wall clock. Return 0 or -ENOENT. */
int incidents_acknowledge(struct incidents *s, const char *id, const struct incident_word *word);
int incidents_mute(struct incidents *s, const char *id, const struct incident_word *word);
int incidents_unmute(struct incidents *s, const char *id, const struct incident_word *word);

/* NULL: there is none. */
const struct incident *incidents_find(const struct incidents *s, const char *id);
/*
 * The first incident after this number, and its own number, from 1 on. They stand in the order in
 * which they came. NULL: no more.
 */
const struct incident *incidents_next(const struct incidents *s, uint64_t after, uint64_t *number);
void incidents_stats(const struct incidents *s, uint64_t wall_ns, struct incidents_stats *out);

#endif
