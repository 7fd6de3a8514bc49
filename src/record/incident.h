/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents: what is wrong in the cluster, and since when (Map incident of rpingmesh-records(5)).
 * Central keeps them, publishes them, and reads them again from its database or the broker; the
 * writers are not trusted.
 */
#ifndef RPINGMESH_RECORD_INCIDENT_H
#define RPINGMESH_RECORD_INCIDENT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "record/registration.h"

#define INCIDENT_ID 17            /* 16 hexadecimal digits and a '\0' */
#define INCIDENT_NAME 200         /* of a culprit, as people read it */
#define INCIDENT_JOB 128
#define INCIDENT_TEXT 201         /* of a reason or of an event, with the '\0' */
#define INCIDENT_BY 65
#define INCIDENT_CULPRITS_MAX 16u /* candidates */
#define INCIDENT_ADDRS_MAX 8u
#define INCIDENT_JOBS_MAX 32u
#define INCIDENT_EVENTS_MAX 64u
#define INCIDENT_BYTES_MAX (64u << 10) /* packed */
#define INCIDENT_ERROR 160

enum incident_kind {
	INCIDENT_NIC,     /* with its cable */
	INCIDENT_LINK,
	INCIDENT_SWITCH,
	INCIDENT_HOST,
	INCIDENT_TUPLES,  /* single 5-tuples, as a black hole does it */
	INCIDENT_UNKNOWN, /* something is wrong, and the evidence does not say what */
	INCIDENT_KIND_N
};
extern const char *const incident_kind_names[];

enum incident_state {
	INCIDENT_OPEN,
	INCIDENT_CLOSED,
	INCIDENT_STATE_N
};
extern const char *const incident_state_names[];

enum incident_direction {
	INCIDENT_BOTH,
	INCIDENT_ONE_WAY,
	INCIDENT_DIRECTION_N
};
extern const char *const incident_direction_names[];

enum incident_effect {
	INCIDENT_LOSS,
	INCIDENT_DELAY,
	INCIDENT_SIZE, /* only large messages are lost */
	INCIDENT_EFFECT_N
};
extern const char *const incident_effect_names[];

enum incident_priority {
	INCIDENT_P0, /* hurts a service */
	INCIDENT_P1, /* in the network that services use */
	INCIDENT_P2,
	INCIDENT_PRIORITY_N
};
extern const char *const incident_priority_names[];

enum incident_what {
	INCIDENT_OPENED,
	INCIDENT_REOPENED,
	INCIDENT_NARROWED,  /* fewer candidates */
	INCIDENT_CHANGED,   /* others, or more */
	INCIDENT_PRIORITIZED,
	INCIDENT_ACKNOWLEDGED,
	INCIDENT_MUTED,
	INCIDENT_UNMUTED,
	INCIDENT_CLOSES,
	INCIDENT_ASKED,     /* hosts were asked for more evidence */
	INCIDENT_ANSWERED,  /* what came of it */
	INCIDENT_WHAT_N
};
extern const char *const incident_what_names[];

/* One candidate. "" and 0 are unknown, or do not apply to its kind. */
struct incident_culprit {
	enum incident_kind kind;
	char name[INCIDENT_NAME];
	char host[REGISTRATION_HOST];
	char device[REGISTRATION_DEVICE];
	char from[ADDR_TEXT], to[ADDR_TEXT]; /* of a link: its direction */
	char addresses[INCIDENT_ADDRS_MAX][ADDR_TEXT];
	size_t n_addresses;
};

struct incident_job {
	char name[INCIDENT_JOB];
};

/* What an operator has said about it. time_ns 0: nothing. */
struct incident_word {
	char by[INCIDENT_BY];
	char reason[INCIDENT_TEXT];
	uint64_t time_ns;  /* by the wall clock, as all times here */
	uint64_t until_ns; /* of a mute */
};

struct incident_event {
	uint64_t time_ns;
	enum incident_what what;
	char text[INCIDENT_TEXT];
};

struct incident {
	char id[INCIDENT_ID];
	enum incident_state state;
	enum incident_kind kind;
	struct incident_culprit *culprits; /* the likeliest first; at least one */
	size_t n_culprits;
	enum incident_direction direction;
	enum incident_effect effect;
	double loss_ratio;
	uint64_t delay_ns;                 /* that is added; 0: none */
	double confidence;                 /* 0 to 1 */
	uint64_t since_ns;                 /* since when it is open, or was */
	uint64_t closed_ns;                /* 0: it is open */
	uint64_t first_ns;                 /* when it was opened for the first time */
	uint64_t updated_ns;               /* its last change */
	uint64_t opens;                    /* how often it was opened */
	enum incident_priority priority;
	struct incident_job *hurts, *crosses;
	size_t n_hurts, n_crosses;
	struct incident_word acknowledged;
	struct incident_word mute, unmuted; /* the newer one; the other is empty */
	uint64_t incarnation;              /* of the central that publishes it; 0: on no bus */
	struct incident_event *events;     /* the latest ones, oldest first */
	size_t n_events;
};

/* Whether it is muted at that time. */
bool incident_is_muted(const struct incident *incident, uint64_t wall_ns);

/*
 * Packs an incident. `muted` is what the record says. Without `story`, its events are left out.
 */
void incident_pack(msgpack_packer *out, const struct incident *incident, bool muted, bool story);
/*
 * Returns 0 and sets *out, which the caller frees with incident_free(), or puts the reason into
 * error and returns -errno, as registration_unpack() does.
 */
int incident_unpack(const void *data, size_t len, struct incident **out,
		    char error[INCIDENT_ERROR]);
/* NULL is allowed. */
void incident_free(struct incident *incident);

#endif
