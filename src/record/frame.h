/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the end of a MessagePack object from its headers alone
 * (https://github.com/msgpack/msgpack/blob/master/spec.md). A decoder allocates as much as a header
 * declares, so check a foreign object with this first. Pure; allocates nothing.
 */
#ifndef RPINGMESH_RECORD_FRAME_H
#define RPINGMESH_RECORD_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Nested arrays and maps, including the outermost. msgpack-c itself stops at 32. */
#define FRAME_DEPTH_MAX 16

struct frame_scan {
	uint64_t max;  /* bytes that one object may have */
	uint64_t pos;  /* of the next header; may lie beyond the data so far */
	uint64_t owed; /* objects still to come, each of at least one byte */
	unsigned int depth;
	uint64_t left[FRAME_DEPTH_MAX]; /* objects still to come at each depth */
};

/* Begins a new object of at most max bytes. */
void frame_scan_start(struct frame_scan *scan, size_t max);

/*
 * Continues where the last call stopped. data is the start of the object, len the number of bytes
 * that have come so far. Returns the length of the object, or 0 if more bytes are needed. Returns
 * an error at the first header that shows it: -EMSGSIZE (the object is longer than max, or declares
 * so many elements that it must be), -ELOOP (nested too deeply), -EBADMSG (not MessagePack).
 */
ssize_t frame_scan_next(struct frame_scan *scan, const uint8_t *data, size_t len);

#endif
