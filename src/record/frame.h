/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a MessagePack object ends, found from its headers alone, before anything is allocated
 * for it (https://github.com/msgpack/msgpack/blob/master/spec.md). Pure. A decoder
 * allocates what a header declares; this tells whether it may be trusted.
 */
#ifndef RPINGMESH_RECORD_FRAME_H
#define RPINGMESH_RECORD_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Arrays and maps inside each other, the outermost counted. msgpack-c itself stops at 32. */
#define FRAME_DEPTH_MAX 16

struct frame_scan {
	uint64_t max;  /* bytes that one object may have */
	uint64_t pos;  /* of the next header; may lie beyond what has come */
	uint64_t owed; /* objects still to come, so as many bytes at least */
	unsigned int depth;
	uint64_t left[FRAME_DEPTH_MAX]; /* objects still to come at each depth */
};

void frame_scan_start(struct frame_scan *scan, size_t max);

/*
 * Goes on where it stopped; data is the object's beginning, len what has come of it so far. Returns
 * the object's length, 0 if more bytes are needed, or at the first header that shows it -EMSGSIZE
 * (longer than max, or would be if it held what it declares), -ELOOP (nested too deeply), -EBADMSG
 * (not MessagePack).
 */
ssize_t frame_scan_next(struct frame_scan *scan, const uint8_t *data, size_t len);

#endif
