/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of the control methods `peers` and `targets`: in pages or, as older clients ask for
 * them, as one list.
 */
#ifndef RPINGMESH_AGENT_TELL_PEER_PAGE_H
#define RPINGMESH_AGENT_TELL_PEER_PAGE_H

#include <msgpack.h>

struct params_page;
struct tell;

/* Packs map peers or, if the client asked for no page, a list of all peers. */
void peer_page(const struct tell *t, const struct params_page *page, msgpack_packer *result);
/* The same for map targets. Leaves out targets of flows: `flows` has them. */
void peer_page_targets(const struct tell *t, const struct params_page *page,
		       msgpack_packer *result);

#endif
