/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of an answer, which lives longer than until the next call.
 */
#ifndef RPINGMESH_CTL_WIRE_COPY_H
#define RPINGMESH_CTL_WIRE_COPY_H

#include <msgpack.h>

struct copy;

/* NULL: no memory. */
struct copy *copy_new(const msgpack_object *o);
const msgpack_object *copy_object(const struct copy *copy);
void copy_free(struct copy *copy);

#endif
