/* SPDX-License-Identifier: Apache-2.0 */
#include "record/frame.h"

#include <errno.h>
#include <stdbool.h>

/* The contents of one header. */
struct frame_head {
	unsigned int len; /* of the header */
	uint64_t payload; /* bytes that follow it */
	uint64_t objects; /* objects that follow it */
};

void
frame_scan_start(struct frame_scan *scan, size_t max)
{
	*scan = (struct frame_scan){.max = max, .owed = 1};
}

/* Reads an explicit length of 1, 2 or 4 bytes. Returns false if it has not come completely. */
static bool
frame_length(const uint8_t *data, size_t avail, unsigned int width, uint64_t *out)
{
	uint64_t n = 0;

	if (avail < 1 + (size_t)width)
		return false;
	for (unsigned int i = 1; i <= width; i++)
		n = n << 8 | data[i];
	*out = n;
	return true;
}

/* Reads types whose size the first byte determines. */
static bool
frame_head_fixed(uint8_t c, struct frame_head *head)
{
	/* for 0xc0 to 0xdf; 0: no payload, an explicit length, or the unused 0xc1 */
	static const uint8_t payload[32] = {
		[0x0a] = 4, [0x0b] = 8,                                   /* float */
		[0x0c] = 1, [0x0d] = 2, [0x0e] = 4, [0x0f] = 8,           /* uint */
		[0x10] = 1, [0x11] = 2, [0x12] = 4, [0x13] = 8,           /* int */
		[0x14] = 2, [0x15] = 3, [0x16] = 5, [0x17] = 9, [0x18] = 17, /* fixext */
	};

	*head = (struct frame_head){.len = 1};
	if (c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3)
		return true;
	if (c <= 0x8f)
		head->objects = 2 * (uint64_t)(c & 0x0f);
	else if (c <= 0x9f)
		head->objects = c & 0x0f;
	else if (c <= 0xbf)
		head->payload = c & 0x1f;
	else
		return (head->payload = payload[c & 0x1f]) != 0;
	return true;
}

/* Returns 1, 0 if more bytes are needed, or -EBADMSG. */
static int
frame_head_read(const uint8_t *data, size_t avail, struct frame_head *head)
{
	static const uint8_t widths[4] = {1, 2, 4};
	unsigned int width;
	uint64_t n;
	uint8_t c = data[0];

	if (frame_head_fixed(c, head))
		return 1;
	if (c == 0xc1)
		return -EBADMSG;
	if (c <= 0xc6)
		width = widths[c - 0xc4]; /* bin */
	else if (c <= 0xc9)
		width = widths[c - 0xc7]; /* ext */
	else if (c <= 0xdb)
		width = widths[c - 0xd9]; /* str */
	else
		width = c & 1 ? 4 : 2; /* array 0xdc, 0xdd; map 0xde, 0xdf */
	if (!frame_length(data, avail, width, &n))
		return 0;
	head->len = 1 + width;
	if (c >= 0xdc)
		head->objects = c >= 0xde ? 2 * n : n;
	else
		head->payload = c >= 0xc7 && c <= 0xc9 ? n + 1 : n; /* an ext has a type byte */
	return 1;
}

/* Counts the object just read, and each container that it completes. */
static void
frame_close(struct frame_scan *scan)
{
	while (scan->depth > 0 && --scan->left[scan->depth - 1] == 0)
		scan->depth--;
}

/* The length of an integer or a short string; 0: it may be something else. */
static unsigned int
frame_small(uint8_t c)
{
	if (c <= 0x7f || c >= 0xe0)
		return 1;
	if (c >= 0xa0 && c <= 0xbf)
		return 1 + (c & 0x1fu);
	return c >= 0xcc && c <= 0xcf ? 1 + (1u << (c - 0xcc)) : 0; /* uint */
}

/*
 * Skips small objects, but not the last one of an array or map. Whether they are too many can be
 * seen at the end as well: it takes no more of them to owe less.
 */
static void
frame_skip(struct frame_scan *scan, const uint8_t *data, size_t len)
{
	uint64_t *all = scan->depth ? &scan->left[scan->depth - 1] : NULL;
	uint64_t left = all ? *all : 0, pos = scan->pos;
	unsigned int small;

	while (left > 1 && pos < len && pos <= scan->max && (small = frame_small(data[pos]))) {
		pos += small;
		left--;
	}
	if (!all)
		return;
	scan->owed -= *all - left;
	scan->pos = pos;
	*all = left;
}

ssize_t
frame_scan_next(struct frame_scan *scan, const uint8_t *data, size_t len)
{
	struct frame_head head;
	int rc;

	while (scan->owed > 0) {
		frame_skip(scan, data, len);
		if (scan->pos > scan->max || scan->owed > scan->max - scan->pos)
			return -EMSGSIZE;
		if (scan->pos >= len)
			return 0;
		rc = frame_head_read(data + scan->pos, len - (size_t)scan->pos, &head);
		if (rc <= 0)
			return rc;
		scan->pos += head.len + head.payload;
		scan->owed += head.objects - 1;
		if (scan->pos > scan->max || scan->owed > scan->max - scan->pos)
			return -EMSGSIZE;
		if (head.objects == 0) {
			frame_close(scan);
			continue;
		}
		if (scan->depth == FRAME_DEPTH_MAX)
			return -ELOOP;
		scan->left[scan->depth++] = head.objects;
	}
	return scan->pos <= len ? (ssize_t)scan->pos : 0;
}
