/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory, seen through the linker's --wrap: what the tested code has and gives back, counted, and
 * at times refused. getrandom(2), from which the responder draws its session numbers, is the
 * running host's stream: a seed replays exactly.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "sim.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
ssize_t __wrap_getrandom(void *buf, size_t size, unsigned int flags);
ssize_t __real_getrandom(void *buf, size_t size, unsigned int flags);

struct sim_memory sim_memory;
static struct sim_random *alloc_random;
static uint32_t alloc_fails;

void
sim_alloc_of(struct sim *sim, struct sim_host *host, uint32_t out_of_memory)
{
	alloc_random = host ? &host->random : sim ? &sim->random : NULL;
	alloc_fails = out_of_memory;
}

void *
sim_alloc(size_t n, size_t size)
{
	void *p = __real_calloc(n, size);

	if (!p) {
		fputs("# no memory for the simulator\n", stderr);
		abort();
	}
	return p;
}

void
sim_free(void *p)
{
	__real_free(p);
}

static bool
alloc_is_refused(void)
{
	if (!alloc_random || !sim_random_chance(alloc_random, alloc_fails))
		return false;
	sim_memory.failed++;
	errno = ENOMEM;
	return true;
}

static void *
alloc_count(void *p)
{
	if (!p)
		return NULL;
	sim_memory.blocks++;
	sim_memory.bytes += (int64_t)malloc_usable_size(p);
	if (sim_memory.bytes > sim_memory.peak_bytes)
		sim_memory.peak_bytes = sim_memory.bytes;
	return p;
}

static void
alloc_uncount(void *p)
{
	if (!p)
		return;
	sim_memory.blocks--;
	sim_memory.bytes -= (int64_t)malloc_usable_size(p);
}

void *
__wrap_malloc(size_t size)
{
	return alloc_is_refused() ? NULL : alloc_count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return alloc_is_refused() ? NULL : alloc_count(__real_calloc(n, size));
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	void *moved;

	if (alloc_is_refused())
		return NULL;
	alloc_uncount(p);
	moved = __real_reallocarray(p, n, size);
	alloc_count(moved ? moved : p);
	return moved;
}

void *
__wrap_realloc(void *p, size_t size)
{
	return __wrap_reallocarray(p, 1, size);
}

void
__wrap_free(void *p)
{
	alloc_uncount(p);
	__real_free(p);
}

ssize_t
__wrap_getrandom(void *buf, size_t size, unsigned int flags)
{
	uint8_t *bytes = buf;

	if (!alloc_random)
		return __real_getrandom(buf, size, flags);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)sim_random_u64(alloc_random);
	return (ssize_t)size;
}
