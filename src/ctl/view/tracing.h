/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well the daemon sees the QPs of this host.
 */
#ifndef RPINGMESH_CTL_VIEW_TRACING_H
#define RPINGMESH_CTL_VIEW_TRACING_H

#include <msgpack.h>

/* The lines of `status` on tracing. */
void tracing_show(const msgpack_object *status);

#endif
