/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures to be kept: several become one, and one becomes a few bytes a cell. Pure; may be called
 * in any thread.
 */
#ifndef RPINGMESH_CENTRAL_PICTURE_PICTURE_KEEP_H
#define RPINGMESH_CENTRAL_PICTURE_PICTURE_KEEP_H

#include <stddef.h>
#include <stdint.h>

struct picture_view;

/*
 * The sums of n pictures of the whole mesh, whose windows follow each other. Switches are told by
 * their names. Returns 0 and sets *out, which the caller releases, or -ENOMEM.
 */
int picture_merge(struct picture_view *const *views, size_t n, struct picture_view **out);

struct picture_bytes {
	uint8_t *data;           /* to be freed with free(3) */
	size_t n, room;
};

/*
 * Packs the names, and the cells. Names seldom change, so that they can be kept once for many
 * pictures. Counts are exact; an RTT is right within 3 %, from 100 ns to 230 ms. Return 0, or
 * -ENOMEM; then there is nothing to free.
 */
int picture_pack_names(const struct picture_view *view, struct picture_bytes *out);
int picture_pack_cells(const struct picture_view *view, struct picture_bytes *out);

struct picture_packed {
	const uint8_t *names, *cells;
	size_t n_names, n_cells; /* bytes */
	uint64_t time_ns;
};

/*
 * A picture that was packed. Trusts no byte. Returns 0 and sets *out, which the caller releases;
 * -EPROTO if it cannot be read; -ENOMEM.
 */
int picture_unpack(const struct picture_packed *packed, struct picture_view **out);

#endif
