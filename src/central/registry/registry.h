/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: registry
 *
 * Which hosts there are, by what their agents publish. Pure: times come in, changes go out.
 *
 * A host joins with its first registration. It leaves when its agent says goodbye, when the broker
 * publishes its last will (MQTT 3.1.1 section 3.1.2.5), or when it is not seen again after central
 * has lost the broker. From then on it is LEAVING. After REGISTRY_SETTLE_NS it is GONE, unless it
 * has come back, for example after a restart.
 *
 * A broken network or broker lets many hosts leave at once, and removing them from the plan would
 * end the probing that shows what is broken. So the registry freezes if more hosts than
 * registry_few() have left within REGISTRY_AT_ONCE_NS without a goodbye: none of them is gone until
 * it has been away for REGISTRY_CONFIRM_NS, or registry_confirm() says so.
 *
 * Whoever may publish may write any registration. A host can use up one place only, and there are
 * at most max_hosts places. Hosts that are gone are forgotten first.
 */
#ifndef RPINGMESH_CENTRAL_REGISTRY_REGISTRY_H
#define RPINGMESH_CENTRAL_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/registration.h"

#define REGISTRY_SETTLE_NS 3000000000ULL
#define REGISTRY_AT_ONCE_NS 120000000000ULL
#define REGISTRY_CONFIRM_NS 600000000000ULL
/* After the connection to the broker: longer than the longest pause of agents that reconnect. */
#define REGISTRY_RESYNC_NS 120000000000ULL
/* Two incarnations that take turns within this time are two hosts of one name. */
#define REGISTRY_TWIN_NS 600000000000ULL

enum registry_state {
	REGISTRY_PRESENT,
	REGISTRY_LEAVING, /* still part of the plan */
	REGISTRY_GONE,
	REGISTRY_STATE_N
};
extern const char *const registry_state_names[];

enum registry_left {
	REGISTRY_LEFT_NOT,
	REGISTRY_LEFT_GOODBYE,
	REGISTRY_LEFT_WILL,   /* the broker has lost the agent */
	REGISTRY_LEFT_UNSEEN, /* the broker has no registration since it came back */
	REGISTRY_LEFT_N
};
extern const char *const registry_left_names[];

/* The time of an event: CLOCK_MONOTONIC for decisions, the wall clock for people. */
struct registry_time {
	uint64_t mono_ns, wall_ns;
};

struct registry;
struct registry_host;

struct registry_host_info {
	uint64_t id;                /* no other host ever gets it; from 1 */
	const char *name;
	const struct registration *registration; /* the last one */
	enum registry_state state;
	enum registry_left left;    /* how it has left, if it is not PRESENT */
	bool confirmed;             /* that it is gone, by registry_confirm() */
	struct registry_time first_seen, last_seen, left_at;
	uint32_t joins;             /* how often it has come */
	bool twin;                  /* two hosts seem to have this name */
	int64_t clock_off_ns;       /* its wall clock minus ours */
	bool clock_known;           /* false: only a retained registration has been seen */
};

struct registry_stats {
	uint32_t hosts[REGISTRY_STATE_N];
	uint32_t twins;
	uint64_t registrations;     /* taken */
	uint64_t refused_full;      /* of new hosts, because there are max_hosts */
	bool frozen;
	uint32_t left_at_once;      /* hosts that left without a goodbye and count for freezing */
	struct registry_time frozen_since;
};

/*
 * Tells that the plan must change because of this host: it has joined, its ports have changed, or
 * it is gone. The host is valid during the call.
 */
struct registry_ops {
	void (*changed)(void *arg, const struct registry_host *host);
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int registry_new(uint32_t max_hosts, const struct registry_ops *ops, struct registry **out);
/* NULL is allowed. Does not call changed(). */
void registry_free(struct registry *registry);

/*
 * A registration has come. Takes it over. retained: the broker had kept it. Returns 0, -ENOSPC if
 * there are too many hosts, or -ENOMEM; then it is freed.
 */
int registry_seen(struct registry *registry, struct registration *registration, bool retained,
		  const struct registry_time *now);
/* The host has left. Nothing happens if there is no such host, or it has left already. */
void registry_left(struct registry *registry, const char *name, enum registry_left how,
		   const struct registry_time *now);
/*
 * Central hears registrations again: hosts of which none has come since registry_offline(), and
 * none comes within REGISTRY_RESYNC_NS, have left.
 */
void registry_resync(struct registry *registry, const struct registry_time *now);
/*
 * Central has lost the broker: until registry_resync(), no host is gone, because nobody would hear
 * if it came back.
 */
void registry_offline(struct registry *registry);
/* An operator confirms that the hosts that are leaving do not come back. Returns how many. */
uint32_t registry_confirm(struct registry *registry, const struct registry_time *now);

/*
 * Does what is due. Returns the time (mono) at which to call it again, or UINT64_MAX; also call it
 * after registry_left() and registry_resync().
 */
uint64_t registry_tick(struct registry *registry, const struct registry_time *now);

/* The number of hosts of all those present or leaving that may leave at once. */
uint32_t registry_few(uint32_t hosts);

/* NULL: no such host. */
const struct registry_host *registry_find(const struct registry *registry, const char *name);
/*
 * The hosts in the order of their ids: the first one after this id, which is looked for, and the
 * next one. NULL: no more.
 */
const struct registry_host *registry_next(const struct registry *registry, uint64_t after);
const struct registry_host *registry_after(const struct registry_host *host);
void registry_host_info(const struct registry_host *host, struct registry_host_info *out);
void registry_stats(const struct registry *registry, struct registry_stats *out);

#endif
