/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the plan's list of a host into a pinglist. Only for this folder. Pure. */
#ifndef RPINGMESH_CENTRAL_MESH_MESH_LIST_H
#define RPINGMESH_CENTRAL_MESH_MESH_LIST_H

struct msgpack_packer;
struct plan;

/*
 * Packs the pinglist of a host. Nothing in it depends on who packs it, or when. Returns 0, 1 if it
 * has more targets than agents take, or -ENOMEM.
 */
int mesh_list_pack(const struct plan *plan, const char *host, struct msgpack_packer *out);

#endif
