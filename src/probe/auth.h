/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of what daemons send to each other (include/rpingmesh/probe_wire.h, "Signatures"): a
 * keyed hash, which the first key makes and any key verifies. Without keys, nothing is signed and
 * everything is accepted. Pure.
 */
#ifndef RPINGMESH_PROBE_AUTH_H
#define RPINGMESH_PROBE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

/* Adds to the length of an ACK2, which alone has no room. */
size_t auth_extra(const struct keys *keys, int type);

/* A message that wire_encode() has written. */
void auth_sign(const struct keys *keys, uint8_t *buf, size_t len);
/*
 * A message that wire_decode() has accepted, of which `head` bytes are there. False: one that is
 * longer than that, or not signed with one of the keys.
 */
bool auth_check(const struct keys *keys, const uint8_t *buf, size_t len);

/*
 * Private data of SIDR of `len` bytes in a buffer of `full` bytes, all that rdma_cm sends. Returns
 * the new length.
 */
size_t auth_sign_private(const struct keys *keys, uint8_t *buf, size_t len, size_t full);
bool auth_check_private(const struct keys *keys, const uint8_t *buf, size_t len, size_t full);

#endif
