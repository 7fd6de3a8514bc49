/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster on virtual clocks: real centrals (src/central/mesh, registry, src/plan) and hosts whose
 * registrations and buses are real (src/record, src/bus), at a virtual broker. fleet_loop.c stands
 * in for core/loop.h, core/clock.h and core/names.h, fleet_link.c for bus/bus_link.h: the linker
 * takes theirs instead of the libraries'.
 *
 * A process (`struct loop`) is a host's agent, a central, or a stranger. Only one runs at a time,
 * and a seed replays exactly.
 */
#ifndef RPINGMESH_TESTS_SIM_FLEET_H
#define RPINGMESH_TESTS_SIM_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/heap.h"
#include "record/pinglist.h"
#include "record/registration.h"

#define SEC NSEC_PER_SEC
#define MS NSEC_PER_MSEC

/* ---- time and processes: fleet_loop.c ---- */

/* Something that happens at a time; a part of what it happens to. */
struct fleet_event {
	struct heap_node node;   /* by time */
	uint64_t seq;            /* of those at one time, the first one first */
	void (*fn)(void *arg);
	void *arg;
	struct loop *loop;       /* whose clock runs meanwhile; NULL: nobody's */
};

struct loop {
	const char *name;
	bool cut;                /* nothing comes from the broker, or gets there */
	uint64_t cuts;           /* how often it was cut */
	uint64_t cut_ns;
	int64_t clock_off_ns;    /* its wall clock minus ours */
	size_t allocated, most_allocated; /* bytes that it has, and had at most */
};

struct fleet_time {
	uint64_t now_ns, seq, wall_ns; /* wall_ns: when now_ns was 0 */
	struct heap heap;
	struct loop *running;    /* NULL: the simulator */
};
extern struct fleet_time fleet_time;

void fleet_time_begin(uint64_t wall_ns);
void fleet_time_end(void);
void fleet_event_in(struct fleet_event *event, uint64_t delay_ns);
void fleet_event_clear(struct fleet_event *event);
/* Lets all happen that happens until then. */
void fleet_run(uint64_t until_ns);
static inline uint64_t
fleet_wall_ns(void)
{
	return fleet_time.wall_ns + fleet_time.now_ns;
}

/* Memory that is not the tested code's. Never NULL; zeros. */
void *fleet_alloc(size_t size);
void fleet_free(void *p);

/* What a seed says. */
void fleet_random_begin(uint64_t seed);
uint64_t fleet_random(uint64_t below);
/* A chance of one in n. */
bool fleet_chance(uint64_t n);

extern bool fleet_trace;
void fleet_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Notes the first invariant that does not hold. */
void fleet_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern char fleet_failed[256];

/* ---- the broker: fleet_broker.c ---- */

struct fleet_weather {
	uint64_t delay_ns;       /* the most that a packet takes in one direction */
	unsigned int twice;      /* one of so many messages is delivered twice; 0: none */
	unsigned int kicks;      /* the broker ends a connection every so many packets; 0: never */
};
extern struct fleet_weather fleet_weather;

enum fleet_memory { FLEET_KEEPS, FLEET_FORGETS };

void fleet_broker_begin(void);
void fleet_broker_end(void);
/* It ends; wills: and publishes the wills of its clients first, one by one. */
void fleet_broker_stop(bool wills);
void fleet_broker_start(enum fleet_memory memory);
bool fleet_broker_is_up(void);
/* What has no client of its own publishes, retained; size 0 clears. */
void fleet_broker_forge(const char *topic, const void *payload, size_t size);
/* A process is cut from the broker, or is no longer. */
void fleet_broker_cut(struct loop *loop, bool cut);
/* The process has died: its connections are closed by the kernel (`reset`), or just silent. */
void fleet_broker_died(struct loop *loop, bool reset);

/* Retained content; NULL: none. */
const void *fleet_broker_retained(const char *topic, size_t *size);
void fleet_broker_each(void (*each)(void *arg, const char *topic, const void *payload,
				    size_t size), void *arg);

struct fleet_broker_stats {
	uint64_t published, delivered; /* messages */
	uint64_t bytes;          /* of payloads that were published */
	size_t retained_bytes;
};
void fleet_broker_stats(struct fleet_broker_stats *out);

/* ---- hosts: fleet_host.c ---- */

#define FLEET_PREFIX "sim/rpingmesh"
#define FLEET_PORTS 8

/* What an operator has built. */
struct fleet_port {
	struct addr addrs[2];
	unsigned int n_addrs;
	unsigned int tor, tor2;  /* tor2: the second one, or the same */
	unsigned int rail;
	uint32_t out, in, source_ports;
};

struct fleet_host {
	struct loop loop;
	char name[REGISTRATION_HOST];
	uint64_t incarnation;
	unsigned int n_ports;
	struct fleet_port ports[FLEET_PORTS];
	struct bus *bus;          /* NULL: it does not run */
	void *packed;             /* the registration that was published last */
	size_t packed_size;
	struct fleet_event again; /* somebody has written on our topic */
	void *list;               /* the pinglist that has come last */
	size_t list_size;
	uint64_t lists;           /* how many have come */
};

void fleet_host_start(struct fleet_host *host);
/* Its ports have changed. */
void fleet_host_publish(struct fleet_host *host);
/* It says goodbye. */
void fleet_host_leave(struct fleet_host *host);
/* It ends without a word. */
void fleet_host_die(struct fleet_host *host, bool reset);
/* Packs a registration of these ports. The caller frees *out. */
void fleet_host_pack(const struct fleet_host *host, bool leaving, void **out, size_t *size);

/* ---- centrals: fleet_central.c ---- */

struct central_config;
struct mesh;

struct fleet_central {
	struct loop loop;
	struct central_config *config;
	struct mesh *mesh;        /* NULL: it does not run */
	struct fleet_watch *watch; /* what it has said of its hosts */
	size_t n_watch;
};

void fleet_central_start(struct fleet_central *central);
void fleet_central_stop(struct fleet_central *central);
/* Once a second: a purge never empties the mesh. */
void fleet_central_watch(struct fleet_central *central);

/* ---- what must hold: fleet_check.c, fleet_cover.c ---- */

struct fleet_rules {
	unsigned int paths;
	bool rails_isolated;
	unsigned int budget_percent, max_hosts;
	bool rich;                /* nothing should cap what coverage promises */
};
extern struct fleet_rules fleet_rules;

/* A port of a registration at the broker. */
struct fleet_node {
	const char *host;
	const struct registration_port *port;
	bool on;                  /* not drained */
	bool owns[REGISTRATION_ADDRS_MAX]; /* the first host with an address keeps it */
	double out, in;           /* probes a second that lists ask of it */
	double mesh;              /* of these to ports under its ToR */
};

/* An entry of a list. */
struct fleet_entry {
	struct fleet_node *from, *to;
	bool fabric, v6;
	unsigned int tuples;
	double rate;
};

struct fleet_view {
	struct registration **hosts; /* by name */
	size_t n_hosts;
	struct fleet_node *nodes;
	size_t n_nodes;
	struct fleet_entry *entries;
	size_t n_entries, room;
};

/*
 * All is quiet: the lists at the broker are what the registrations there want, and all centrals
 * know the same.
 */
void fleet_check(struct fleet_central *centrals, size_t n, struct fleet_host *hosts,
		 size_t n_hosts);
/* Counts the tuples of each ToR, and compares with `plan`. */
void fleet_check_cover(const struct fleet_view *view, const struct fleet_central *central);

#endif
