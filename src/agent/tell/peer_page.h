/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of the control methods `peers` and `targets`: in pages or, for older clients, as one
 * list.
 */
#ifndef RPINGMESH_AGENT_TELL_PEER_PAGE_H
#define RPINGMESH_AGENT_TELL_PEER_PAGE_H

#include <msgpack.h>

struct param_page;
struct tell;

/* Packs the map PEERS or, if the client has not asked for a page, a list of all peers. */
void peer_page(const struct tell *t, const struct param_page *page, msgpack_packer *result);
/* The same for the map TARGETS, without the targets of flows, which `flows` lists. */
void peer_page_targets(const struct tell *t, const struct param_page *page,
		       msgpack_packer *result);

#endif
