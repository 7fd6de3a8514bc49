/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of an answer, because the answer itself is valid until the next call only.
 */
#ifndef RPINGMESH_CTL_WIRE_COPY_H
#define RPINGMESH_CTL_WIRE_COPY_H

#include <msgpack.h>

struct copy;

/* Returns a copy that the caller frees, or NULL if there is no memory. */
struct copy *copy_new(const msgpack_object *o);
/* The copied object, borrowed from the copy. */
const msgpack_object *copy_object(const struct copy *copy);
void copy_free(struct copy *copy);

#endif
