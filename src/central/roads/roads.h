/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: roads
 *
 * The paths of all 5-tuples, by what hosts have traced. From them come the links, which are
 * directed pairs of addresses, and the switches. Pure: times come in.
 *
 * A link leads from the source to the first router, from one router to the next, or from the last
 * router to the destination; a router is the address that it answers from. A hop that has not
 * answered is no guess: its two links are missing, and the path is not complete.
 *
 * Addresses belong to one switch if the file `switches` says so. Next come ports: if a port knows
 * its only ToR switch by LLDP or by configuration, then the first router of good paths from it, and
 * the last one of good paths to it, are that switch; where nobody knows better, this holds for the
 * leaf switch of its host, too. If two switches claim an address, it belongs to neither. Last come
 * names by DNS that are the same. Otherwise an address is a switch of its own, named by the
 * address.
 *
 * Whoever may publish may write any paths. A host can only have paths from addresses that it has
 * registered, and ROADS_HOST_PATHS of them. There are ROADS_PATHS at most. A host that is gone
 * loses its paths.
 */
#ifndef RPINGMESH_CENTRAL_ROADS_ROADS_H
#define RPINGMESH_CENTRAL_ROADS_ROADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "record/paths.h"
#include "record/registration.h"

#define ROADS_PATHS 12000000u     /* of all hosts: 100,000 ports have 10 million there and back */
#define ROADS_HOST_PATHS 10000u   /* of one */
#define ROADS_LINKS_MAX (PATHS_HOPS_MAX + 1) /* of a path */
#define ROADS_NAME 65             /* of a switch, with its '\0' */
#define ROADS_CONFLICTS 16u       /* that are kept */
#define ROADS_DNS_ADDRESSES 1024u /* with one name by DNS */

struct roads;

/* Ids are not zero. They are valid until the next call that is not const. */

struct roads_tuple {
	struct addr source, destination;
	uint16_t src_port;
	uint8_t traffic_class;
};

struct roads_path {
	struct roads_tuple tuple;
	uint32_t flow_label;
	const char *host;         /* that has traced it; borrowed */
	uint64_t traced_ns;       /* by the clock of the host; whole seconds */
	/*
	 * By our wall clock, whatever that of the host says, in whole seconds, rounded down: when
	 * it was traced, and when the first of the traces was that have not contradicted each
	 * other since. They may be later than the truth by the time that the message took. 0: not
	 * known.
	 */
	uint64_t here_ns, since_ns;
	bool complete;            /* all routers are known, and so all links are */
	bool stable;              /* false: there is no one path */
	bool reached;
	uint8_t n_hops;
	struct addr hops[PATHS_HOPS_MAX]; /* zero: unknown */
	uint32_t switches[PATHS_HOPS_MAX]; /* of the hops; 0: unknown */
	uint8_t n_links;
	uint32_t links[ROADS_LINKS_MAX]; /* those that are known, in their order */
	/* The last path that was complete and stable, if this one is not; else n_before is 0. */
	uint8_t n_before;
	uint32_t before[ROADS_LINKS_MAX]; /* links */
	/* What is known now is as it was then, which is at most half an hour ago. */
	bool agrees;
};

struct roads_link {
	struct addr from, to;
	uint32_t from_switch, to_switch; /* 0: it is a port of a host */
	const char *from_host, *to_host; /* of such a port, if it is registered; else NULL */
	const char *from_device, *to_device;
	uint32_t tuples;          /* that cross it */
	uint64_t seen_ns;         /* when a path over it came, by our clock; whole seconds */
};

enum roads_by {
	ROADS_BY_ADDRESS,
	ROADS_BY_DNS,
	ROADS_BY_TOPOLOGY,
	ROADS_BY_CONFIG,
	ROADS_BY_LLDP,
	ROADS_BY_FILE,
	ROADS_BY_N
};
extern const char *const roads_by_names[];

struct roads_switch {
	const char *name;         /* borrowed */
	enum roads_by by;         /* the best that one of its addresses has */
	uint32_t addresses;       /* that answer */
	uint32_t tuples;          /* that cross it */
};

/* An address that ports of two switches have as their first or last router. */
struct roads_conflict {
	struct addr addr;
	char names[2][ROADS_NAME];
};

struct roads_stats {
	uint64_t messages, refused; /* refused: not taken, or not all of it */
	char refused_why[160];    /* the last; "": there was none */
	uint64_t gaps;            /* messages that have not come, by their numbers */
	uint64_t old;             /* ignored: their numbers had come, or were behind others */
	uint64_t too_many;        /* paths that there was no room for */
	uint32_t paths, incomplete, unstable;
	uint32_t links, switches, hops; /* hops: addresses that answer */
	uint64_t bytes;           /* of memory, about */
};

struct roads_ops {
	/* An answer of roads_width() has changed. */
	void (*width)(void *arg);
	void *arg;
};

/* `paths` is the width that holds until one is seen. Returns 0 and sets *out, or -ENOMEM. */
int roads_new(const struct roads_ops *ops, uint32_t paths, struct roads **out);
/* NULL is allowed. */
void roads_free(struct roads *roads);

/* A host is there, or has changed. Returns 0 or -ENOMEM. */
int roads_put_host(struct roads *roads, const struct registration *registration);
/* Forgets all leaf switches of hosts, and the names that they gave. */
void roads_forget_leaves(struct roads *roads);
/*
 * The leaf switch of a host with one port, by the topology; NULL: it is not known. Returns 0,
 * -ENOENT if there is no such host, or -ENOMEM.
 */
int roads_put_leaf(struct roads *roads, const char *host, const char *leaf);
/* It is gone. */
void roads_drop_host(struct roads *roads, const char *host);

/*
 * A host has sent paths. now_ns: the wall clock. Returns 0, -EINVAL if something in it is refused,
 * -ENOENT if the host is not known, -ENOSPC if there is no room for all, or -ENOMEM.
 */
int roads_take(struct roads *roads, const struct paths *paths, uint64_t now_ns);
/* A message of a host could not be read. */
void roads_refuse(struct roads *roads, const char *host, const char *why);

/* Does what is due, for a short time. Call it every second. */
void roads_tick(struct roads *roads, uint64_t now_ns);

/* ---- names ---- */

/* The name of an address by the file; NULL: it has none there. The caller forgets all first. */
void roads_forget_file(struct roads *roads);
int roads_name_file(struct roads *roads, const struct addr *a, const char *name, const char *port);
/*
 * The name by DNS; NULL: it has none. Returns 0, -EINVAL if it is longer than ROADS_NAME - 1 bytes
 * or has other ones than letters, digits, '-', '_' and '.', -ENOSPC if ROADS_DNS_ADDRESSES
 * addresses have it already, which is a name for all that have none, or -ENOMEM. Then it has none.
 */
int roads_name_dns(struct roads *roads, const struct addr *a, const char *name);
/* No server has answered: the address is due again in some minutes. */
void roads_dns_later(struct roads *roads, const struct addr *a);
/* All addresses are due again. */
void roads_dns_again(struct roads *roads);
/*
 * How many addresses two switches have claimed within the last hour, ROADS_CONFLICTS at most; the
 * first goes to *out. Those that the file names do not count.
 */
size_t roads_conflicts(const struct roads *roads, struct roads_conflict *out);
/*
 * The next address whose name by DNS is to be asked for, because it has not been, or an hour ago.
 * Those that have a better name are not. Returns false if it has found none for now.
 */
bool roads_next_unnamed(struct roads *roads, struct addr *out);

/* ---- to look at ---- */

/* Whether there is a host of this name. */
bool roads_knows(const struct roads *roads, const char *host);
bool roads_find(const struct roads *roads, const struct roads_tuple *tuple, struct roads_path *out);

/*
 * What struct roads_path says of a path, in short. If some of its routers do not answer now, but
 * the others are on the path before, it is the path before.
 */
struct roads_way_links {
	bool known;               /* if not, only `lasts` is set of the rest */
	bool lasts;               /* it stays so until roads_changed() of its ends does */
	bool complete, stable;
	uint8_t n_links;
	uint32_t id;   /* before: that of the last time, or 0, or any; afterwards: 0: not known */
	uint32_t links[ROADS_LINKS_MAX];
};
/*
 * The links of a 5-tuple, and of the one of the answers, which goes the other way from `back_port`:
 * out[0] and out[1]. Much quicker than roads_find() twice, most of all if the ids are still right.
 */
void roads_find_both(const struct roads *roads, const struct roads_tuple *there,
		     uint16_t back_port, struct roads_way_links out[2]);
/*
 * A number that is another one after a path from or to an address of the host has come, gone or
 * changed, or its addresses have. 0: there is no such host.
 */
uint64_t roads_changed(const struct roads *roads, const char *host);
/* How often a router of links that are known has got another name. */
uint64_t roads_renamed(const struct roads *roads);
/* How many links have been forgotten. Until that changes, ids of links stay what they are. */
uint64_t roads_links_forgotten(const struct roads *roads);
/* The paths in the order of their ids: the first one after this id. Returns its id; 0: none. */
uint32_t roads_path_after(const struct roads *roads, uint32_t id, struct roads_path *out);
/* The path with this id. */
void roads_path(const struct roads *roads, uint32_t id, struct roads_path *out);
/* Between whom a path is; what is not known is NULL. Borrowed as by roads_owner(). */
struct roads_between {
	uint32_t id;
	const struct addr *source, *destination;
	const char *source_host, *source_device, *destination_host, *destination_device;
	uint16_t src_port;
};
/* The paths of a host, without looking at their routers. */
void roads_each_of_host(const struct roads *roads, const char *host,
			void (*fn)(void *arg, const struct roads_between *path), void *arg);

/*
 * The host that has registered an address, and its device; NULL: none. Borrowed until the next call
 * that is not const.
 */
const char *roads_owner(const struct roads *roads, const struct addr *a, const char **device);
bool roads_link(const struct roads *roads, uint32_t id, struct roads_link *out);
uint32_t roads_link_after(const struct roads *roads, uint32_t id, struct roads_link *out);
bool roads_switch(const struct roads *roads, uint32_t id, struct roads_switch *out);
uint32_t roads_switch_after(const struct roads *roads, uint32_t id, struct roads_switch *out);
/* The addresses of a switch, `max` at most. Returns how many it wrote. */
size_t roads_switch_addresses(const struct roads *roads, uint32_t id, struct addr *out, size_t max);
/* The name of the switch that has an address, if it has one; or NULL. Borrowed as roads_owner(). */
const char *roads_switch_name(const struct roads *roads, const struct addr *a);
/* The port of an address by the file, or NULL. */
const char *roads_port_name(const struct roads *roads, const struct addr *a);

/*
 * How many parallel paths lead upwards from a ToR switch, as far as they are seen: of the distinct
 * routers at each distance from it, the most. 0: not enough tuples have been traced to know that
 * there are no more. It grows at once, and shrinks after an hour.
 */
uint32_t roads_width(const struct roads *roads, const char *tor);

void roads_stats(const struct roads *roads, struct roads_stats *out);

#endif
