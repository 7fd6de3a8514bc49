/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of bytes for a socket: they are added at the end and taken from the front. All zero is
 * empty.
 */
#ifndef RPINGMESH_SERVE_BUFFER_H
#define RPINGMESH_SERVE_BUFFER_H

#include <stddef.h>

struct buffer {
	char *data;
	size_t off, len, cap; /* the contents are len bytes from off on */
};

void buffer_free(struct buffer *b);

/*
 * Makes room for n more bytes. Returns 0 or -ENOMEM. Moves the contents only if at least half of
 * the room is unused in front of them, so the cost of a byte does not grow with the queue.
 */
int buffer_reserve(struct buffer *b, size_t n);

/* Adds bytes. The caller has made room with buffer_reserve(). */
void buffer_add(struct buffer *b, const void *data, size_t len);

/* Removes n ≤ len bytes from the front. Frees a large buffer when it becomes empty. */
void buffer_skip(struct buffer *b, size_t n);

#endif
