/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes the paths of this host (PREFIX/1/path/SHARD/HOST, Map paths of rpingmesh-records(5)):
 * those that change within a second of each other together, and all of them on each new connection
 * and every few minutes. Only for this folder.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_PATHS_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_PATHS_H

#include <stdint.h>

struct bus;
struct cluster_paths;
struct hops_tuple;
struct loop;
struct roads;
struct self;

/* Borrowed. `roads` may be NULL: then there are no paths. */
struct cluster_paths_env {
	struct loop *loop;
	const struct roads *roads;
	const struct self *self;
};

/* Returns 0 and sets *out, or -errno. */
int cluster_paths_new(const struct cluster_paths_env *env, struct cluster_paths **out);
/* NULL is allowed. */
void cluster_paths_free(struct cluster_paths *paths);

/*
 * There is a new connection, over which to publish on this topic. NULL: it has ended. Both are
 * borrowed until the next call. If paths is NULL, this does nothing.
 */
void cluster_paths_connected(struct cluster_paths *paths, struct bus *bus, const char *topic);
/* A road has another path. */
void cluster_paths_look(struct cluster_paths *paths, const struct hops_tuple *tuple);

#endif
