/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012): a hash
 * of 64 bits. Without the key, it is not possible to compute it or to find collisions.
 */
#ifndef RPINGMESH_CORE_SIPHASH_H
#define RPINGMESH_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY 16 /* bytes */

/* The same number on every host. The paper writes it as bytes, the lowest first. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t n);

#endif
