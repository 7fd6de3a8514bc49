/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. A target is one function (libFuzzer's,
 * https://llvm.org/docs/LibFuzzer.html) that is called once for each input and remembers nothing of
 * the one before. It is linked with libFuzzer (configure --enable-fuzzing), or with runner.c, which
 * feeds it the inputs of its corpus.
 */
#ifndef RPINGMESH_TESTS_FUZZ_H
#define RPINGMESH_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever comes in: a finding like any crash. */
#define FUZZ_CHECK(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #holds); \
			abort(); \
		} \
	} while (0)

/* An input while it is used up from the front. What it lacks reads as zeroes. */
struct fuzz {
	const uint8_t *at;
	size_t left;
};

/* A number of 1 to 8 bytes, big-endian. */
static inline uint64_t
fuzz_number(struct fuzz *f, unsigned int bytes)
{
	uint64_t n = 0;

	for (; bytes > 0; bytes--) {
		n = n << 8 | (f->left ? *f->at : 0);
		f->at += f->left > 0;
		f->left -= f->left > 0;
	}
	return n;
}

static inline uint8_t
fuzz_u8(struct fuzz *f)
{
	return (uint8_t)fuzz_number(f, 1);
}

static inline uint16_t
fuzz_u16(struct fuzz *f)
{
	return (uint16_t)fuzz_number(f, 2);
}

static inline uint32_t
fuzz_u32(struct fuzz *f)
{
	return (uint32_t)fuzz_number(f, 4);
}

static inline uint64_t
fuzz_u64(struct fuzz *f)
{
	return fuzz_number(f, 8);
}

/* 0 to n - 1. */
static inline uint32_t
fuzz_below(struct fuzz *f, uint32_t n)
{
	return fuzz_u8(f) % n;
}

/* Fills `to`; what the input lacks is zero. */
static inline void
fuzz_fill(struct fuzz *f, void *to, size_t size)
{
	size_t n = size < f->left ? size : f->left;

	memset(to, 0, size);
	if (n)
		memcpy(to, f->at, n);
	f->at += n;
	f->left -= n;
}

/*
 * The next len bytes, or as many as there are, in memory of just that size, so that a read beyond
 * them is found. To be freed.
 */
static inline uint8_t *
fuzz_take(struct fuzz *f, size_t len, size_t *taken)
{
	size_t n = len < f->left ? len : f->left;
	uint8_t *bytes = malloc(n ? n : 1);

	if (!bytes)
		abort();
	fuzz_fill(f, bytes, n);
	*taken = n;
	return bytes;
}

#endif
