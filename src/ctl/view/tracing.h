/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows whether the daemon sees all QPs of this host.
 */
#ifndef RPINGMESH_CTL_VIEW_TRACING_H
#define RPINGMESH_CTL_VIEW_TRACING_H

#include <msgpack.h>

/* Prints the lines of `status` about tracing. */
void tracing_show(const msgpack_object *status);

#endif
