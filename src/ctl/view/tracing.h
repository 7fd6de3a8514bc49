/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well the daemon sees the QPs of this host.
 */
#ifndef RPINGMESH_CTL_VIEW_TRACING_H
#define RPINGMESH_CTL_VIEW_TRACING_H

#include <msgpack.h>

struct client;

/*
 * Asks for the daemon's status and says on stderr if tracing is not "on", and why. As
 * client_call().
 */
int tracing_note(struct client *client);

/* The lines of `status` on tracing. */
void tracing_show(const msgpack_object *status);

#endif
