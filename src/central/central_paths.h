/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds the roads: paths come over the bus, hosts from the registry. In return, the plan learns how
 * wide the fabric is.
 */
#ifndef RPINGMESH_CENTRAL_CENTRAL_PATHS_H
#define RPINGMESH_CENTRAL_CENTRAL_PATHS_H

struct central_config;
struct central_paths;
struct central_tables;
struct central_topology;
struct loop;
struct mesh;
struct roads;

/* Loop and mesh are borrowed. Returns 0 and sets *out, or -errno. */
int central_paths_new(struct loop *loop, struct mesh *mesh, const struct central_config *config,
		      struct central_paths **out);
/* The mesh must have ended. NULL is allowed. */
void central_paths_free(struct central_paths *paths);

/* From now on, these files name switches. Takes their contents over. */
void central_paths_names(struct central_paths *paths, struct central_tables *tables);
/* Borrowed until the next call of central_paths_names(); NULL: there is none. */
const struct central_topology *central_paths_topology(const struct central_paths *paths);

/* Borrowed. */
struct roads *central_paths_roads(struct central_paths *paths);

#endif
