/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MIN 4096u

void
buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

int
buffer_reserve(struct buffer *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BUFFER_MIN;
	char *data;

	if (b->len == 0)
		b->off = 0;
	if (b->off + b->len + n <= b->cap)
		return 0;
	if (b->len + n <= b->cap && b->off >= b->cap / 2) {
		memmove(b->data, b->data + b->off, b->len);
		b->off = 0;
		return 0;
	}
	while (cap < b->off + b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

void
buffer_add(struct buffer *b, const void *data, size_t len)
{
	memcpy(b->data + b->off + b->len, data, len);
	b->len += len;
}

void
buffer_skip(struct buffer *b, size_t n)
{
	b->off += n;
	b->len -= n;
	if (b->len == 0 && b->cap > BUFFER_MIN)
		buffer_free(b);
}
