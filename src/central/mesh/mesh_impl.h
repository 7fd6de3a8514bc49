/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. mesh.c explains the objects. */
#ifndef RPINGMESH_CENTRAL_MESH_MESH_IMPL_H
#define RPINGMESH_CENTRAL_MESH_MESH_IMPL_H

#include <sys/queue.h>

#include "central/mesh/mesh.h"
#include "central/mesh/mesh_names.h"
#include "central/mesh/mesh_wrong.h"
#include "central/registry/registry.h"

#define MESH_BEAT_NS (30 * NSEC_PER_SEC)
#define MESH_GRANTED 3u /* all subscriptions that a plan needs */

/* What has been decided last about a host: until when it is drained. */
struct mesh_drain {
	TAILQ_ENTRY(mesh_drain) link;
	struct drain drain;
	bool active;                /* the host is drained */
	bool published;             /* the broker has it */
};

#define MESH_OTHERS 8

/* Another central that publishes lists. */
struct mesh_other {
	uint64_t incarnation;
	uint64_t beat_ns;           /* its last sign of life; 0: the place is free */
};

/* Somebody who hears messages of a kind. */
struct mesh_ear {
	const char *kind;
	bool shards;                /* the topic has a level for the shard */
	mesh_heard_fn *fn;
	void *arg;
};

/* Somebody who hears of hosts. */
struct mesh_watcher {
	mesh_watch_fn *fn;
	void *arg;
};

struct mesh {
	struct loop *loop;
	const struct central_config *config;
	struct bus *bus;
	struct registry *registry;
	struct plan *plan;
	struct loop_timer *plan_timer, *list_timer, *tick_timer, *send_timer, *sync_timer;
	struct mesh_stats stats;
	struct mesh_wrong wrong;
	uint64_t plan_ns;           /* when plan_timer runs; 0: it does not */
	uint64_t run_ns;            /* how long the run has taken so far */
	bool running;               /* lists are still to be compared */
	struct mesh_names touched;  /* hosts that the plan must look at */
	struct mesh_names waiting;  /* hosts whose lists are to be published */
	struct mesh_ear ears[MESH_EARS];
	struct mesh_watcher watchers[MESH_EARS];
	size_t n_ears, n_watchers;
	mesh_paths_fn *paths;       /* NULL: none is seen */
	void *paths_arg;
	bool again;                 /* all lists are to be published, after the next plan */
	bool lost;                  /* a change, so the next plan begins with all hosts */
	/* mesh_drain.c */
	TAILQ_HEAD(mesh_drains, mesh_drain) drains;
	void *drains_by_host;       /* of tsearch(3) */
	uint32_t drains_known;
	bool drains_due;            /* one of them is to be published */
	/* mesh_sync.c */
	struct central_beat beat;   /* ours */
	uint64_t beat_ns;           /* when it was sent last; 0: send it now */
	unsigned int granted;       /* subscriptions, on this connection: a bit for each */
	bool synced, marked, caught_up;
	uint64_t retained_ns;       /* of the subscriptions, or of the last retained message */
	uint64_t first_synced_ns;
	struct central_beat claim;  /* the last word of another central; if it claims */
	uint64_t claim_ns;          /* when it was sent; 0: too long ago */
	struct mesh_other others[MESH_OTHERS];
	bool replace;               /* one of them has gone: its lists are to be replaced */
	uint64_t replaced_ns;       /* when that was done last; 0: never */
};

/* mesh.c */
void mesh_refuse(struct mesh *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Runs the plan after delay_ns, unless it runs earlier anyway. */
void mesh_plan_in(struct mesh *m, uint64_t delay_ns);
void mesh_plan_soon(struct mesh *m);
/* What the plan sees of a host has changed, by the registry or by a drain. */
void mesh_touch(struct mesh *m, const char *host);
/* Takes what has changed of a host over into the plan. Returns 0 or -ENOMEM. */
int mesh_apply(struct mesh *m, const char *name);
/* The list of a host is to be published, or, if the plan does not have it, cleared. */
void mesh_list_changed(void *arg, const char *host);
/* Whether the plan has the host. */
bool mesh_has(const struct mesh *m, const char *host);

/* mesh_ears.c */
/* Returns whether the topic is one that mesh_hear() has subscribed to. */
bool mesh_pass_on(struct mesh *m, const char *topic, const void *payload, size_t size);
void mesh_tell_watchers(const struct mesh *m, const struct registry_host *host);
/* The function of plan_options. */
unsigned int mesh_paths_seen(void *arg, const char *tor, const char *other);

/* mesh_memory.c */
/* A change is lost: the plan is incomplete until a run in which there was memory for all. */
void mesh_no_memory(struct mesh *m);
/* Before and after a run of the plan. */
void mesh_find_lost(struct mesh *m);
void mesh_found_lost(struct mesh *m);

/* mesh_run.c */
/* The timers: a run begins; it goes on with lists. */
void mesh_run_plan(void *arg);
void mesh_plan_lists(void *arg);

/* mesh_send.c */
/* Publishes drains and lists that wait, as many as there is room for, and goes on by itself. */
void mesh_send(void *arg);
void mesh_send_soon(struct mesh *m);

/* mesh_drain.c */
int mesh_drain_compare(const void *a, const void *b);
void mesh_hear_drain(struct mesh *m, const char *host, const void *payload, size_t size);
/* Ends drains whose time is over. */
void mesh_end_drains(struct mesh *m);
/* Publishes what the broker does not have. Returns false if there is no room for all. */
bool mesh_send_drains(struct mesh *m);
/* The connection is new: the broker may have lost them. */
void mesh_doubt_drains(struct mesh *m);
void mesh_free_drains(struct mesh *m);

/* mesh_sync.c */
/* The number of hosts that the plan has. */
uint64_t mesh_hosts(const struct mesh *m);
void mesh_sync_begin(struct mesh *m);
/* The timer that waits for the end of what the broker had kept. */
void mesh_sync_time(void *arg);
void mesh_hear_beat(struct mesh *m, const void *payload, size_t size, bool retained);
void mesh_send_beat(struct mesh *m);
/* Looks whether this central may publish lists now. */
void mesh_judge(struct mesh *m);

#endif
