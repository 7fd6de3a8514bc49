/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of links, switches and paths, as records and control methods. Does not block. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_ROADS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_ROADS_H

#include <msgpack.h>
#include <stdint.h>

struct central_tell;
struct control_call;
struct record;
struct roads;

/* Adds keys of Map central_status. */
void central_roads_status(struct record *r, const struct central_tell *t);
/* Packs Map link of the first link after this id. Returns its id, or 0: there is none. */
uint32_t central_roads_link(msgpack_packer *out, const struct central_tell *t, uint32_t after);

/* The methods. */
int central_roads_links(const struct control_call *call);
int central_roads_switches(const struct control_call *call);
/* central_path.c */
int central_roads_paths(const struct control_call *call);
int central_roads_path(const struct control_call *call);

#endif
