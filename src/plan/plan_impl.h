/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share. plan.c explains the objects and the order of a run.
 */
#ifndef RPINGMESH_PLAN_PLAN_IMPL_H
#define RPINGMESH_PLAN_PLAN_IMPL_H

#include "plan/plan.h"

/* Rates are in thousandths of a probe a second. */
#define PLAN_MILLI 1000u
#define PLAN_SHIFT_MAX 10

struct plan_nic;
struct plan_group;

/* Those that have an address which another one holds, in the order of plan_address_compare(). */
struct plan_rivals {
	struct plan_address **at;
	size_t n, room;
};

/* An address of a port. */
struct plan_address {
	struct addr addr;
	struct plan_nic *nic;
	struct plan_address *next; /* in the index, if it is the holder */
	struct plan_rivals rivals; /* of the holder */
	bool used;               /* it is the holder: the port takes part with this address */
	uint64_t counted;        /* the last plan_mesh_pass() that it was part of */
};

/* An address of a port under one of its ToRs. */
struct plan_member {
	struct plan_address *address;
	struct plan_group *group; /* NULL: takes no part */
	uint64_t hash;            /* of who it is */
	uint64_t out, in;         /* rate of the slots placed on it */
	uint64_t most_out, most_in; /* what of its budget is left for them */
	uint32_t first_slot;      /* that it sends, 1 + its index in group->slots; 0: none */
};

/* A port. */
struct plan_nic {
	struct plan_node *host;
	char *device, *rail;
	unsigned int port;
	char **tors;
	size_t n_tors;
	uint32_t budget_out, budget_in, source_ports;
	struct plan_address *addresses;
	size_t n_addresses;
	struct plan_member *members; /* for each address all ToRs */
	size_t n_members, n_on;      /* on: in a group */
	uint64_t n_mesh;             /* targets of its ToR mesh */
	uint64_t counted;            /* the run in which they were counted */
	uint64_t mesh_out_us, mesh_in_us; /* between two probes to, and from, one of them */
};

/* A host. */
struct plan_node {
	char *name;
	uint64_t drained_until_s;
	bool on;                  /* its members are in groups */
	bool stale;               /* its list may have changed */
	uint64_t generation;
	struct plan_nic *nics;
	size_t n_nics;
	struct plan_node *next_gone;
};

/* Some tuples from one member to another. */
struct plan_slot {
	struct plan_member *from, *to; /* probed only if both are there */
	uint32_t edge;                 /* its index in group->edges */
	uint32_t next;                 /* of the same source, as first_slot */
	uint8_t capped;                /* enum plan_cap: why one is missing */
};

/* From a ToR to one that it is paired with. */
struct plan_edge {
	struct plan_group *to;
	struct plan_edge *back;
	struct plan_slot *slots;  /* part of group->slots */
	unsigned int n_slots, labels; /* labels: of all slots together */
	bool always;              /* the pair takes part at all times */
	uint64_t phase;           /* when in its period the pair has its turn */
	uint64_t key;
	uint64_t interval_us;     /* of a tuple, unless capped by PLAN_CAP_RATE */
};

/* A member, with its host at hand. */
struct plan_close {
	struct plan_member *member;
	const struct plan_node *host;
};

/* The members under one ToR that can probe each other. */
struct plan_group {
	char *tor, *rail;
	bool v6;
	uint64_t hash;
	struct plan_member **members; /* in the order of plan_member_compare() */
	size_t n, room;
	const struct plan_node *sole; /* all members belong to it; NULL: to several */
	bool several_tors;            /* a member is under other ToRs, too */
	unsigned int shift;           /* rates of its edges are divided by 2^shift */
	uint32_t mesh_mask;           /* members are in one mesh if they agree in these bits */
	struct plan_close *near;      /* of the last run, by these bits, then as in members */
	size_t *near_first;           /* for each value of the bits, where it begins in near */
	bool dirty;                   /* members came or went */
	bool stale;                   /* the lists of all members may have changed */
	bool place_from, place_to;    /* its ends of slots are to be placed anew */
	unsigned int n_tor;           /* groups of the same ToR */
	unsigned int paths, tuples;   /* N, k */
	unsigned int others;
	struct plan_edge *edges;      /* in the order of groups */
	size_t n_edges;
	struct plan_slot *slots;
	size_t n_slots;
};

struct plan {
	struct plan_options options;
	struct plan_node **nodes;     /* by name */
	size_t n_nodes, nodes_room;
	struct plan_group **groups;   /* by rail, family, ToR: a plane is contiguous */
	size_t n_groups, groups_room;
	struct plan_address **index;  /* the holders of addresses, by their hash */
	size_t index_size, n_index;
	struct plan_node *gone;       /* removed since the last run; slots may point at them */
	uint64_t hour, runs;
	uint64_t *passes;             /* of plan_mesh_pass(); looking at a list counts, too */
	size_t next;                  /* the node that plan_next() looks at first */
	bool rebuild;                 /* groups or their edges are to be made anew */
	unsigned int tuples[1025];    /* coupon_tuples() for each N; 0: not computed yet */
};

/* A plane: groups between which tuples go. */
struct plan_plane {
	size_t first, n;
	unsigned int period;          /* hours after which each pair has had its turn */
};

static inline uint64_t
plan_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t plan_hash(const void *data, size_t n);
uint64_t plan_hash_text(uint64_t seed, const char *text);
/* Makes room for one more element at position `at` of an array of pointers. 0 or -ENOMEM. */
int plan_insert(void ***array, size_t *n, size_t *room, size_t at, void *element);

/* plan_host.c */
int plan_node_new(const struct plan_host *host, struct plan_node **out);
void plan_node_free(struct plan_node *node);
bool plan_node_same(const struct plan_node *a, const struct plan_node *b);

/* plan_registry.c */
int plan_node_on(struct plan *plan, struct plan_node *node, bool on);
int plan_node_enter(struct plan *plan, struct plan_node *node);
void plan_node_leave(struct plan *plan, struct plan_node *node);
struct plan_node *plan_find(const struct plan *plan, const char *name, size_t *at);
const struct plan_address *plan_holder(const struct plan *plan, const struct addr *addr);
void plan_group_free(struct plan_group *group);
void plan_group_stale(struct plan_group *group);
void plan_group_dirty(struct plan_group *group);
int plan_member_compare(const struct plan_member *a, const struct plan_member *b);

/* plan_mesh.c */
/*
 * Whether a member probes one of plan_mesh_near_to() there: not if it is of the same host, or has
 * been one of an earlier ToR of the same address of ours. A pass consists of all ToRs of one
 * address, in their order.
 */
bool plan_mesh_pair(const struct plan_member *from, const struct plan_close *to, uint64_t pass);
uint64_t plan_mesh_pass(const struct plan *plan);
/* Returns 0 or -ENOMEM. */
int plan_mesh_update(struct plan *plan);
/* Those that can be in one mesh with it, itself included, as of the last run. */
struct plan_near {
	const struct plan_close *members;
	size_t n;
};
struct plan_near plan_mesh_near_to(const struct plan_member *member);
uint64_t plan_mesh_interval_us(const struct plan_nic *from, const struct plan_nic *to);
/* What is left to the fabric for one member, in thousandths of a probe a second. */
uint64_t plan_member_out(const struct plan_member *member);
uint64_t plan_member_in(const struct plan_member *member);

/* plan_fabric.c */
int plan_fabric_build(struct plan *plan);
struct plan_plane plan_fabric_plane(const struct plan *plan, size_t first);
unsigned int plan_edge_slot_labels(const struct plan_edge *edge, unsigned int slot);
uint64_t plan_edge_interval_us(const struct plan_group *from, const struct plan_edge *edge);
/* The rate of a slot, rounded up. */
uint64_t plan_slot_rate(const struct plan_group *from, const struct plan_edge *edge,
			unsigned int slot);
/* The tuples that a slot really has. */
unsigned int plan_slot_tuples(const struct plan_edge *edge, unsigned int slot);
uint64_t plan_slot_key(const struct plan *plan, const struct plan_edge *edge, unsigned int slot);

/* plan_place.c */
void plan_place(struct plan *plan);

/* plan_list.c */
uint64_t plan_node_list(const struct plan *plan, const struct plan_node *node,
			plan_target_fn *each, void *arg);

#endif
