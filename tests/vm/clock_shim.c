/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock for RNICs that have none, for tests: with LD_PRELOAD it lets the devices that a program opens offer completion
 * timestamps, from a synthetic counter that follows CLOCK_MONOTONIC. The device's own extended CQ does the rest: soft-RoCE has
 * one, but without timestamps. Never installed.
 *
 * ibv_create_cq_ex(3) and ibv_query_device_ex(3) are inline functions that call through the context, and the CQ's iterator and
 * readers are pointers in the CQ (infiniband/verbs.h): those are what is replaced, after ibv_open_device(3).
 *
 * Environment, numbers in decimal or as 0x…:
 *   CLOCK_SHIM_KHZ         frequency, default 250000
 *   CLOCK_SHIM_OFFSET      ticks at CLOCK_MONOTONIC 0, default 0
 *   CLOCK_SHIM_PPM         how much too fast it runs, may be negative
 *   CLOCK_SHIM_BITS        width, 1 to 64, default 64; 0: the device tells none
 *   CLOCK_SHIM_JUMP_EVERY  at each n-th completion the counter jumps, for good, by 1 to 100 s either way; 0: never
 *   CLOCK_SHIM_JUMP_SEED   of these jumps
 *   CLOCK_SHIM_JUMP_FILE   only while this file exists
 *   CLOCK_SHIM_EARLY_US    messages came that much earlier than the program sees them
 *   CLOCK_SHIM_WALL        there are only wall-clock timestamps
 *   CLOCK_SHIM_FAIL        errno with which CQs with timestamps are refused
 */
#include <dlfcn.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SHIM_STAMPS (IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK)

__extension__ typedef __int128 wide;

struct shim {
	bool ready;
	int64_t khz, ppm, bits, jump_every, early_us, wall, fail;
	uint64_t offset, seed;
	const char *jump_file;
	uint64_t completions, jumped; /* jumped: ticks, modulo 2^64 */
	uint64_t ticks;               /* of the completion that the iterator stands at */
	/* The provider's own. */
	struct ibv_cq_ex *(*create_cq_ex)(struct ibv_context *ctx, struct ibv_cq_init_attr_ex *attr);
	int (*query_device_ex)(struct ibv_context *ctx, const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t size);
	int (*start_poll)(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr);
	int (*next_poll)(struct ibv_cq_ex *cq);
};
static struct shim shim;

static int64_t
shim_number(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);

	return text ? (int64_t)strtoull(text, NULL, 0) : otherwise;
}

static void
shim_setup(void)
{
	if (shim.ready)
		return;
	shim.khz = shim_number("CLOCK_SHIM_KHZ", 250000);
	shim.offset = (uint64_t)shim_number("CLOCK_SHIM_OFFSET", 0);
	shim.ppm = shim_number("CLOCK_SHIM_PPM", 0);
	shim.bits = shim_number("CLOCK_SHIM_BITS", 64);
	shim.jump_every = shim_number("CLOCK_SHIM_JUMP_EVERY", 0);
	shim.seed = (uint64_t)shim_number("CLOCK_SHIM_JUMP_SEED", 1);
	shim.jump_file = getenv("CLOCK_SHIM_JUMP_FILE");
	shim.early_us = shim_number("CLOCK_SHIM_EARLY_US", 0);
	shim.wall = shim_number("CLOCK_SHIM_WALL", 0);
	shim.fail = shim_number("CLOCK_SHIM_FAIL", 0);
	shim.ready = true;
}

static uint64_t
shim_mask(void)
{
	return shim.bits >= 64 ? UINT64_MAX : (1ULL << shim.bits) - 1;
}

/* 1 to 100 s either way, in ticks. */
static uint64_t
shim_jump(void)
{
	uint64_t z;

	shim.seed = shim.seed * 6364136223846793005ULL + 1442695040888963407ULL;
	z = shim.seed >> 33;
	return (uint64_t)shim.khz * (1000 + z % 99000) * (z & 0x100000 ? 1 : UINT64_MAX);
}

/* A completion has come: its timestamp is taken here. */
static void
shim_stamp(struct ibv_cq_ex *cq)
{
	struct timespec now;
	wide ns;

	clock_gettime(shim.wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
	ns = (wide)now.tv_sec * 1000000000 + now.tv_nsec;
	if (cq->status == IBV_WC_SUCCESS && (cq->read_opcode(cq) & IBV_WC_RECV))
		ns -= (wide)shim.early_us * 1000;
	shim.completions++;
	if (shim.jump_every && shim.completions % (uint64_t)shim.jump_every == 0 &&
	    (!shim.jump_file || access(shim.jump_file, F_OK) == 0))
		shim.jumped += shim_jump();
	shim.ticks = shim.offset + shim.jumped + (uint64_t)(ns * (1000000 + shim.ppm) / 1000000 * shim.khz / 1000000);
}

static int
shim_start_poll(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr)
{
	int rc = shim.start_poll(cq, attr);

	if (rc == 0)
		shim_stamp(cq);
	return rc;
}

static int
shim_next_poll(struct ibv_cq_ex *cq)
{
	int rc = shim.next_poll(cq);

	if (rc == 0)
		shim_stamp(cq);
	return rc;
}

static uint64_t
shim_read_ts(struct ibv_cq_ex *cq)
{
	(void)cq;
	return shim.ticks & shim_mask();
}

static struct ibv_cq_ex *
shim_create_cq_ex(struct ibv_context *ctx, struct ibv_cq_init_attr_ex *attr)
{
	struct ibv_cq_init_attr_ex plain = *attr;
	uint64_t offered = shim.wall ? IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK : IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
	struct ibv_cq_ex *cq;

	if ((attr->wc_flags & SHIM_STAMPS & ~offered) || (attr->wc_flags & SHIM_STAMPS && shim.fail)) {
		errno = shim.fail ? (int)shim.fail : EOPNOTSUPP;
		return NULL;
	}
	plain.wc_flags &= ~(uint64_t)SHIM_STAMPS;
	cq = shim.create_cq_ex(ctx, &plain);
	if (!cq || !(attr->wc_flags & SHIM_STAMPS))
		return cq;
	shim.start_poll = cq->start_poll;
	shim.next_poll = cq->next_poll;
	cq->start_poll = shim_start_poll;
	cq->next_poll = shim_next_poll;
	if (shim.wall)
		cq->read_completion_wallclock_ns = shim_read_ts;
	else
		cq->read_completion_ts = shim_read_ts;
	return cq;
}

static int
shim_query_device_ex(struct ibv_context *ctx, const struct ibv_query_device_ex_input *input,
		     struct ibv_device_attr_ex *attr, size_t size)
{
	int rc = shim.query_device_ex(ctx, input, attr, size);

	if (rc == 0 && size >= sizeof(*attr)) {
		attr->hca_core_clock = (uint64_t)shim.khz;
		attr->completion_timestamp_mask = shim_mask();
	}
	return rc;
}

struct ibv_context *
ibv_open_device(struct ibv_device *device)
{
	struct ibv_context *(*open_device)(struct ibv_device *device);
	struct verbs_context *vctx;
	struct ibv_context *ctx;

	shim_setup();
	*(void **)&open_device = dlvsym(RTLD_NEXT, "ibv_open_device", "IBVERBS_1.1");
	ctx = open_device ? open_device(device) : NULL;
	vctx = ctx ? verbs_get_ctx(ctx) : NULL;
	if (!vctx || !vctx->create_cq_ex || !vctx->query_device_ex) {
		fprintf(stderr, "clock_shim: no extended completion queues here\n");
		return ctx;
	}
	shim.create_cq_ex = vctx->create_cq_ex;
	shim.query_device_ex = vctx->query_device_ex;
	vctx->create_cq_ex = shim_create_cq_ex;
	vctx->query_device_ex = shim_query_device_ex;
	return ctx;
}
