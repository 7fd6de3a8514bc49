/* SPDX-License-Identifier: Apache-2.0 */
#include "core/siphash.h"

#include <endian.h>
#include <string.h>

/* Section 2.1 of the paper. */
#define SIPHASH_ROUNDS 2
#define SIPHASH_FINAL_ROUNDS 4

static uint64_t
siphash_load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

static uint64_t
siphash_rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

/* SipRound, figure 2.1. */
static void
siphash_rounds(uint64_t v[4], unsigned int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] = siphash_rotate(v[2], 32);
	}
}

static void
siphash_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	siphash_rounds(v, SIPHASH_ROUNDS);
	v[0] ^= word;
}

uint64_t
siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t n)
{
	const uint64_t k0 = siphash_load(key), k1 = siphash_load(key + 8);
	/* "somepseudorandomlygeneratedbytes" */
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			 k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
	const uint8_t *p = data;
	uint8_t last[8] = {0};

	/* The last word ends with the length, modulo 256. */
	last[7] = (uint8_t)n;
	for (; n >= 8; p += 8, n -= 8)
		siphash_word(v, siphash_load(p));
	if (n)
		memcpy(last, p, n);
	siphash_word(v, siphash_load(last));
	v[2] ^= 0xff;
	siphash_rounds(v, SIPHASH_FINAL_ROUNDS);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
