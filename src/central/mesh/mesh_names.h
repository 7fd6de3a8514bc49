/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of names in which each is once, in the order in which they came. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_MESH_MESH_NAMES_H
#define RPINGMESH_CENTRAL_MESH_MESH_NAMES_H

#include <sys/queue.h>

struct mesh_name;

struct mesh_names {
	TAILQ_HEAD(mesh_names_list, mesh_name) list;
	void *by_name; /* of tsearch(3) */
};

void mesh_names_begin(struct mesh_names *names);
void mesh_names_clear(struct mesh_names *names);
/* Puts a copy of the name at the end, unless it is there already. Returns 0 or -ENOMEM. */
int mesh_names_add(struct mesh_names *names, const char *name);
/* The first name, or NULL. It is valid until it is dropped. */
const char *mesh_names_first(const struct mesh_names *names);
/* There must be a first one. */
void mesh_names_drop_first(struct mesh_names *names);

#endif
