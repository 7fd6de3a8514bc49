/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: objects of the roads
 *
 * Only for this folder. All of them live in pools, and refer to each other by ids.
 *
 * A name is a string: that of a switch, of a ToR, or one that somebody gives to an address. It
 * lives while somebody refers to it.
 *
 * A node is an address: of a port of a host, of a router, or both. A link is two of them.
 *
 * A step is a node with the step before it, back to the first router. So a step stands for the list
 * of routers up to it, and paths with the same routers share all of their steps. Node 0 is a hop
 * that has not answered. A step refers to its link from the one before.
 *
 * A path refers to its last step, to that of the last good path if it is not good itself, and to
 * the links of source and destination.
 */
#ifndef RPINGMESH_CENTRAL_ROADS_ROADS_IMPL_H
#define RPINGMESH_CENTRAL_ROADS_ROADS_IMPL_H

#include "central/roads/roads.h"
#include "central/roads/roads_pool.h"
#include "plan/coupon.h"

#define ROADS_NAMES 4000000u
#define ROADS_NODES 4000000u
#define ROADS_LINKS 24000000u
#define ROADS_STEPS 24000000u
#define ROADS_HOSTS 1000000u
#define ROADS_UP 15u /* routers of the upward half of a path */

struct roads_name_key {
	char text[68]; /* filled up with zeros */
};

struct roads_name {
	uint32_t next;
	struct roads_name_key key;
	uint32_t refs;
	uint32_t nodes;           /* addresses that answer, and belong to it as a switch */
	uint32_t first;           /* of them */
	uint32_t tuples;          /* of these */
	uint32_t by[ROADS_BY_N];  /* of the nodes */
};

/* ToR switches of ports say that the first or the last router of a path is theirs. */
struct roads_claim {
	uint32_t name;            /* 0: none does */
	uint32_t seen_s;          /* when the last one did, */
	uint32_t doubt_s;         /* and when another switch did; 0: never */
	uint8_t by;
};

struct roads_node {
	uint32_t next;
	struct addr key;
	uint32_t refs;            /* of steps, links and paths, and of the host that has it */
	uint32_t steps;           /* of these; if any, it is a router, and has a switch */
	uint32_t tuples;          /* paths that cross it */
	uint32_t host;            /* that has registered it; 0: none */
	uint32_t tor;             /* name of the only ToR of its port; 0: none, or several */
	uint8_t tor_by;           /* how it is known; ROADS_BY_ADDRESS: it names no router */
	uint8_t dns_round;        /* unless this is an old one */
	uint8_t by;               /* of the switch */
	uint32_t sw;              /* name of the switch; 0: it is no router */
	uint32_t next_of_switch;
	uint32_t dns;             /* name; 0: none */
	uint32_t dns_due_s;       /* when it is to be asked for again, */
	struct roads_claim claim;
	uint32_t named;           /* roads.taking when it has become a router */
	char *device;             /* of the host */
};

struct roads_file {               /* a line of the file */
	uint32_t next;
	struct addr key;
	uint32_t name;
	char *port;               /* NULL: not given */
};

struct roads_edge_key {
	uint32_t from, to;
};

struct roads_edge {               /* a link */
	uint32_t next;
	struct roads_edge_key key;
	uint32_t refs, tuples, seen_s;
	uint32_t left_s;          /* when a path last went elsewhere; 0: none has */
};

struct roads_step_key {
	uint32_t before, node;
};

struct roads_step {
	uint32_t next;
	struct roads_step_key key;
	uint32_t refs;            /* of steps that follow, and of paths */
	uint32_t link;            /* 0: one of its ends is not known */
};

struct roads_way_key {
	uint32_t source, destination;
	uint16_t src_port;
	uint8_t traffic_class, zero;
};

struct roads_way {                /* a path */
	uint32_t next;
	struct roads_way_key key;
	uint32_t flow_label;
	uint32_t step, before;
	uint32_t host, next_of_host;
	uint32_t time_s;
	uint32_t here_s, since_s; /* by our clock: the last trace; the first one that says so */
	uint32_t good_s;          /* by our clock: the last trace that was good */
	uint8_t flags;
	uint8_t set;              /* the number of the last whole set that had it */
	uint32_t first, last;     /* links to the first router, from the last one; 0: none */
};
#define ROADS_REACHED 1u
#define ROADS_STABLE 2u
#define ROADS_COMPLETE 4u
#define ROADS_AGREES 8u           /* no trace since the good path of before contradicts it */
#define ROADS_GOOD (ROADS_REACHED | ROADS_STABLE | ROADS_COMPLETE)

struct roads_host {
	uint32_t next;
	struct roads_name_key key;
	uint32_t ways, n_ways;
	uint32_t *nodes;          /* its addresses */
	uint32_t n_nodes;
	uint32_t leaf;            /* name; 0: none */
	bool heard;               /* the next two are known */
	uint64_t incarnation, sequence;
	uint64_t behind;          /* the last number that is not above `sequence`, */
	uint32_t n_behind;        /* and how many of them ascend by one */
	uint32_t part;            /* that must come next for the set to be whole; 0: none */
	uint8_t set;
	uint64_t changed;         /* struct roads.changes when a path from or to it last did */
};

struct roads_seen_key {
	uint32_t tor, node, at;   /* at: number of the hop */
};

struct roads_seen {               /* a router above a ToR */
	uint32_t next;
	struct roads_seen_key key;
	uint32_t time_s;
};

struct roads_tor_key {
	uint32_t tor;
};

/* [0]: IPv4, [1]: IPv6, because a router has an address of each */
struct roads_tor {
	uint32_t next;
	struct roads_tor_key key;
	uint32_t routers[2][ROADS_UP]; /* that were seen, at each hop */
	uint32_t tuples[2];       /* in the last round */
	uint32_t counting[2];     /* in this one */
	uint32_t width;           /* 0: not known */
};

struct roads {
	struct roads_ops ops;
	uint32_t default_width;
	struct roads_pool names, nodes, files, edges, steps, ways, hosts, seen, tors;
	struct roads_stats stats;
	uint32_t hops;            /* nodes that are routers */
	uint32_t switches;
	uint64_t forgotten;       /* links */
	uint64_t changes;         /* of paths and addresses, counted */
	uint64_t renamed;         /* routers that have got another name */
	uint32_t taking;          /* another number in each roads_take(), and after it */
	uint32_t now_s;
	uint32_t cursor, round_s; /* of the widths: the last path, and when the round began */
	uint32_t dns_cursor;
	uint8_t dns_round;        /* not 0; what was asked for in others is due */
	struct roads_conflict conflicts[ROADS_CONFLICTS];
	uint32_t conflict_s[ROADS_CONFLICTS]; /* when it was seen last; 0: none is here */
	uint32_t need[COUPON_MAX + 2]; /* tuples for a width; 0: not computed yet */
};

/* roads.c */
/* The host that has registered it, and its device; NULL: none. */
void roads_node_owner(const struct roads *r, uint32_t node, const char **host, const char **device);

/* roads_names.c */
struct roads_name_key roads_key(const char *text);
/* Returns the id of a name with one more reference, or 0: no memory. "" has none. */
uint32_t roads_name_get(struct roads *r, const char *text);
/* 0 is allowed. */
void roads_name_put(struct roads *r, uint32_t name);
struct roads_name *roads_name_at(const struct roads *r, uint32_t name);
/* Gives the node the switch that it belongs to; if it is no router, none. Returns 0 or -ENOMEM. */
int roads_name_node(struct roads *r, uint32_t node);
/* The node is the first or the last router of a good path, at the end that has this port. */
void roads_name_claim(struct roads *r, uint32_t node, const struct roads_node *port);
/* Counts tuples that cross the node. */
void roads_name_count(struct roads *r, uint32_t node, int tuples);

/* roads_nodes.c */
/* These return ids with one more reference, or 0: no memory. */
uint32_t roads_node_get(struct roads *r, const struct addr *a);
uint32_t roads_edge_get(struct roads *r, uint32_t from, uint32_t to);
/* 0 is allowed. */
void roads_node_put(struct roads *r, uint32_t node);
void roads_edge_put(struct roads *r, uint32_t edge);
struct roads_node *roads_node_at(const struct roads *r, uint32_t node);
struct roads_edge *roads_edge_at(const struct roads *r, uint32_t edge);
/* The last step of these routers. */
uint32_t roads_step_get(struct roads *r, const struct paths_path *path);
void roads_step_put(struct roads *r, uint32_t step);
struct roads_step *roads_step_at(const struct roads *r, uint32_t step);
/* The steps up to this one, the first router first. Returns how many. */
uint32_t roads_steps(const struct roads *r, uint32_t step, uint32_t out[PATHS_HOPS_MAX]);

/* roads_ways.c */
/* made_ns: when the host has made the message, by its clock. */
int roads_take_path(struct roads *r, uint32_t host, const struct paths_path *p, uint64_t made_ns);
/* Removes paths of a host. */
enum roads_sweep {
	ROADS_SWEEP_ALL,
	ROADS_SWEEP_OLD,     /* those that its last whole set did not have */
	ROADS_SWEEP_FOREIGN, /* those from addresses that it does not have any more */
};
void roads_sweep(struct roads *r, uint32_t host, enum roads_sweep which);
struct roads_way *roads_way_at(const struct roads *r, uint32_t way);

/* roads_width.c */
/* A good path leads from this ToR over these steps. */
void roads_width_saw(struct roads *r, const struct roads_way *way);
void roads_width_tick(struct roads *r);
void roads_width_free(struct roads *r);

/* roads.c */
struct roads_host *roads_host_at(const struct roads *r, uint32_t host);

#endif
