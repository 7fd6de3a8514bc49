/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way through a socket: added behind, taken from the front. All zero is empty.
 */
#ifndef RPINGMESH_SERVE_BUFFER_H
#define RPINGMESH_SERVE_BUFFER_H

#include <stddef.h>

struct buffer {
	char *data;
	size_t off, len, cap; /* len bytes from off on */
};

void buffer_free(struct buffer *b);

/*
 * Makes room for n bytes behind what is there; 0 or -ENOMEM. Moves bytes only when half the room in
 * front is spent, so the cost of a byte does not grow with the queue.
 */
int buffer_reserve(struct buffer *b, size_t n);

/* Room for it must have been reserved. */
void buffer_add(struct buffer *b, const void *data, size_t len);

/* n ≤ len. A large buffer that became empty is given back. */
void buffer_skip(struct buffer *b, size_t n);

#endif
