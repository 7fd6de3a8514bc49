/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of incidents share. incidents.h explains the object. */
#ifndef RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_IMPL_H
#define RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_IMPL_H

#include <sys/queue.h>

#include "central/incident/incidents.h"

struct incidents_entry {
	TAILQ_ENTRY(incidents_entry) link;
	struct incident *incident;
	uint64_t number;
	uint64_t found_ns;   /* its last finding, or when it was not seen; mono, as all below */
	uint64_t last_ns;    /* its last finding, or when nothing at all was seen */
	uint64_t healthy_ns; /* since when it has been healthy; 0: it is not */
	uint64_t unseen_ns;  /* since when nothing crosses it; 0: something does */
	uint64_t told_ns;    /* the last call of changed() */
	bool found;          /* in this look */
};
TAILQ_HEAD(incidents_list, incidents_entry);

/* A culprit that is not hardened yet, by its id. */
struct incidents_suspect {
	TAILQ_ENTRY(incidents_suspect) link;
	struct incident_culprit *culprits;
	size_t n;
	uint64_t first_ns;   /* its first finding; mono */
	uint64_t window;     /* of its last finding */
	unsigned int hits;   /* a bit for each of the last windows; bit 0 is `window` */
};
TAILQ_HEAD(incidents_suspects, incidents_suspect);

/* An open incident of another central. */
struct incidents_other {
	TAILQ_ENTRY(incidents_other) link;
	struct incident *incident;
	uint64_t heard_ns;   /* the last time; mono */
};
TAILQ_HEAD(incidents_others, incidents_other);

struct incidents {
	struct incidents_ops ops;
	struct incidents_list list;          /* by number */
	const struct incidents_entry **last; /* what incidents_next() has returned */
	struct incidents_suspects suspects;
	struct incidents_others others;
	uint64_t numbers;
	uint32_t open, kept, n_suspects, n_others;
	uint64_t opened, reopened, closed, refused;
};

/* incidents.c */
struct incidents_entry *incidents_entry_of(const struct incidents *s, const char *id);
/* It has changed. */
void incidents_tell(struct incidents *s, struct incidents_entry *e,
		    const struct incidents_time *now);
void incidents_close(struct incidents *s, struct incidents_entry *e, const char *why,
		     const struct incidents_time *now);

/* incidents_others.c */
struct incident_group;
/* The open incident of another central that shares a candidate, or NULL. */
const struct incidents_other *incidents_other_of(const struct incidents *s,
						 const struct incident_group *group);
/* Takes over what operators have said there, and since when it is open. Returns whether it did. */
bool incidents_join(struct incident *i, const struct incident *theirs, uint64_t wall_ns);
/* Forgets those of which nothing was heard for INCIDENTS_ORPHAN_NS. */
void incidents_forget_others(struct incidents *s, const struct incidents_time *now);
void incidents_drop_others(struct incidents *s);

#endif
