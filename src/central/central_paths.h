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
struct loop;
struct mesh;
struct roads;

/* Loop and mesh are borrowed. Returns 0 and sets *out, or -errno. */
int central_paths_new(struct loop *loop, struct mesh *mesh, const struct central_config *config,
		      struct central_paths **out);
/* The mesh must have ended. NULL is allowed. */
void central_paths_free(struct central_paths *paths);

/* From now on, these files name switches. */
void central_paths_names(struct central_paths *paths, const struct central_tables *tables);

/* Borrowed. */
struct roads *central_paths_roads(struct central_paths *paths);

#endif
