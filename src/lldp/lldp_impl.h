/* SPDX-License-Identifier: Apache-2.0 */
/* Only for this room. */
#ifndef RPINGMESH_LLDP_LLDP_IMPL_H
#define RPINGMESH_LLDP_LLDP_IMPL_H

#include "lldp/lldp.h"

#define LLDP_WAIT_S 2

/* Whether a system with these enabled capabilities is a bridge or a router. */
bool lldp_is_switch(uint32_t capabilities);

/*
 * Asks networkd over its socket for all neighbours. Returns 0 and sets *out, the reply, or -errno:
 * -ENOENT if there is no socket, -ETIMEDOUT, -EPROTO if networkd has refused.
 */
int lldp_networkd_ask(const char *path, struct jdoc **out);

#endif
