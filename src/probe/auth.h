/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs and checks the messages between daemons (include/rpingmesh/probe_wire.h, "Signatures"). A
 * signature is a keyed hash. The first key makes it, and any key may verify it. Without keys,
 * nothing is signed and everything is accepted. Pure.
 */
#ifndef RPINGMESH_PROBE_AUTH_H
#define RPINGMESH_PROBE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

/* The bytes that the signature adds to a message. Only an ACK2 has no room for it. */
size_t auth_extra(const struct keys *keys, int type);

/* Signs a message that wire_encode() has written. */
void auth_sign(const struct keys *keys, uint8_t *buf, size_t len);
/*
 * Checks a message that wire_decode() has accepted, of which len bytes are available. Returns false
 * if the signature is not within these bytes, or is not that of one of the keys.
 */
bool auth_check(const struct keys *keys, const uint8_t *buf, size_t len);

/*
 * The same for private data of SIDR: len bytes in a buffer of `full` bytes, which is all that
 * rdma_cm sends. auth_sign_private() returns the new length.
 */
size_t auth_sign_private(const struct keys *keys, uint8_t *buf, size_t len, size_t full);
bool auth_check_private(const struct keys *keys, const uint8_t *buf, size_t len, size_t full);

#endif
