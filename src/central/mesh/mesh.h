/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: mesh
 *
 * The controller: keeps the registry and the plan, and publishes a pinglist for each host. What it
 * hears on the bus (registrations, wills, drains) goes into the registry; changes of the registry
 * go into the plan; lists that the plan has changed are published, retained. The plan runs shortly
 * after a change, at each full hour (it exchanges a fifth of the 5-tuples) and when a drain ends.
 *
 * Several meshes may work for one cluster. Each plans everything, and they publish the same bytes.
 * After the start and after each new connection, a mesh first hears all that the broker had kept.
 */
#ifndef RPINGMESH_CENTRAL_MESH_MESH_H
#define RPINGMESH_CENTRAL_MESH_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "record/drain.h"

struct bus;
struct central_config;
struct loop;
struct mesh;
struct mesh_wrong;
struct msgpack_packer;
struct names;
struct plan;
struct registry;
struct registry_host;

struct mesh_stats {
	uint64_t refused;           /* registrations, drains and topics that were wrong */
	char refused_why[256];      /* the last of these; "": there was none */
	uint64_t plans;             /* how often the plan has run */
	uint64_t plan_ns;           /* how long the last run took */
	uint64_t plan_wall_ns;      /* when; 0: never */
	uint64_t lists;             /* published, cleared ones included */
	uint64_t out_of_memory;     /* changes that were lost */
	uint64_t incomplete_ns;     /* wall: since when the plan lacks some; 0: it does not */
	uint32_t drains;
};

/* `incarnation` is a random number of this process. Returns 0 and sets *out, or -errno. */
int mesh_new(struct loop *loop, struct names *names, const struct central_config *config,
	     uint64_t incarnation, struct mesh **out);
/* Ends the connection; what was published remains at the broker. NULL is allowed. */
void mesh_free(struct mesh *mesh);
/* The configuration has changed; it is borrowed until the next call. */
void mesh_configure(struct mesh *mesh, const struct central_config *config);

/*
 * Subscribes to what hosts publish under the shards of their switches: PREFIX/1/KIND/SHARD/HOST.
 * Calls fn for each message of a topic that names a host; nothing else of it has been checked.
 * MESH_EARS kinds at most, which are static text. Returns 0 or -errno.
 */
#define MESH_EARS 8
typedef void mesh_heard_fn(void *arg, const char *host, const void *payload, size_t size);
int mesh_hear(struct mesh *mesh, const char *kind, int qos, mesh_heard_fn *fn, void *arg);
/* The same for topics without a shard, PREFIX/1/KIND/NAME: of anybody, also of this central. */
int mesh_hear_names(struct mesh *mesh, const char *kind, int qos, mesh_heard_fn *fn, void *arg);

/* Calls fn when a host has joined, when its ports have changed, and when it is gone. */
typedef void mesh_watch_fn(void *arg, const struct registry_host *host);
int mesh_watch(struct mesh *mesh, mesh_watch_fn *fn, void *arg);

/* See paths_seen of plan.h. */
typedef unsigned int mesh_paths_fn(void *arg, const char *tor, const char *other);
void mesh_set_paths(struct mesh *mesh, mesh_paths_fn *fn, void *arg);
/* What that function returns has changed. */
void mesh_paths_changed(struct mesh *mesh);

/*
 * Sets the retained content of PREFIX/1/KIND/NAME, as bus_set() does. Returns 0, -EINVAL or
 * -ENAMETOOLONG if there is no such topic, or -ENOMEM.
 */
int mesh_set(struct mesh *mesh, const char *kind, const char *name, const void *payload,
	     size_t size);

/*
 * Publishes a message on PREFIX/1/KIND/NAME, with QoS 1 and not retained. Returns 0, or -errno as
 * mesh_set() and bus_publish() do.
 */
int mesh_tell(struct mesh *mesh, const char *kind, const char *name, const void *payload,
	      size_t size);

/* Borrowed, to look at. */
const struct registry *mesh_registry(const struct mesh *mesh);
const struct plan *mesh_plan(const struct mesh *mesh);
const struct bus *mesh_bus(const struct mesh *mesh);
void mesh_stats(const struct mesh *mesh, struct mesh_stats *out);
const struct mesh_wrong *mesh_wrong(const struct mesh *mesh);

/*
 * This central has just started, and another one has planned for more hosts than are there. So this
 * one publishes no lists.
 */
struct mesh_held {
	const char *central;        /* the host of the other one; borrowed */
	uint64_t hosts, known;      /* of the other one; of this one */
	bool live;                  /* the other one still says so */
};

/* Returns whether it is so, and sets *out. */
bool mesh_held(const struct mesh *mesh, struct mesh_held *out);

/*
 * The hosts that are leaving, or that only a central that has ended knew, are confirmed to be gone.
 * Returns how many.
 */
uint32_t mesh_confirm(struct mesh *mesh);

/*
 * Drains a host, or changes its drain, and publishes this for the other centrals, for
 * MESH_DRAIN_MAX_NS at most. The host need not be known. Returns 0, -ENOSPC if there are too many
 * drains, or -ENOMEM.
 */
#define MESH_DRAIN_MAX_NS (366 * 86400 * NSEC_PER_SEC)
int mesh_drain(struct mesh *mesh, const struct drain *drain);
/* Ends the drain of a host. Returns 0 or -ENOENT. */
int mesh_undrain(struct mesh *mesh, const char *host);
/* The drain of a host that has not ended, or NULL. */
const struct drain *mesh_drained(const struct mesh *mesh, const char *host);
/* The drain after this one, NULL: the first. Returns NULL after the last. */
const struct drain *mesh_drain_next(const struct mesh *mesh, const struct drain *drain);

/* Packs the pinglist of a host, as it is published (pinglist.h). Returns 0 or -ENOMEM. */
int mesh_pack_list(const struct mesh *mesh, const char *host, struct msgpack_packer *out);

#endif
