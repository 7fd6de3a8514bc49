/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control socket's methods answer (rpingmesh-control(7)).
 */
#ifndef RPINGMESH_DAEMON_METHODS_H
#define RPINGMESH_DAEMON_METHODS_H

#include <stddef.h>

#include "report/control.h"

struct peer;
struct prober_target;

/* All methods, for control_new() with a struct daemon as arg. */
extern const struct control_method methods_table[];
extern const size_t methods_count;

/* Packs the record; the target is one of the peer's. */
void methods_peer(msgpack_packer *out, const struct peer *peer);
void methods_target(msgpack_packer *out, const struct peer *peer, const struct prober_target *target);

void methods_client_gone(void *arg, struct control_client *client);

#endif
