/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock for RNICs that have none, for tests: with LD_PRELOAD it lets the devices that a program
 * opens offer completion timestamps, from a synthetic counter that follows CLOCK_MONOTONIC. The
 * device's own extended CQ does the rest: soft-RoCE has one, but without timestamps. Never
 * installed.
 *
 * ibv_create_cq_ex(3) and ibv_query_device_ex(3) are inline functions that call through the
 * context, and the CQ's iterator and readers are pointers in the CQ (infiniband/verbs.h): those
 * are what is replaced, after ibv_open_device(3).
 *
 * Environment, numbers in decimal or as 0x…:
 *   CLOCK_SHIM_KHZ         frequency, default 250000
 *   CLOCK_SHIM_OFFSET      ticks at CLOCK_MONOTONIC 0, default 0
 *   CLOCK_SHIM_PPM         how much too fast it runs, may be negative
 *   CLOCK_SHIM_BITS        width, 1 to 64, default 64; 0: the device tells none
 *   CLOCK_SHIM_JUMP_EVERY  at each n-th completion the counter jumps, for good, by 1 to 100 s
 *                          either way; 0: never
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

#define SHIM_STAMPS \
	(IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK)

__extension__ typedef __int128 wide;

struct shim {
	bool ready;
	int64_t khz, ppm, bits, jump_every, early_us, wall, fail;
	uint64_t offset, seed;
	const char *jump_file;
	uint64_t completions, jumped; /* jumped: ticks, modulo 2^64 */
	uint64_t ticks;               /* of the completion that the iterator stands at */
	/* The provider's own. */
	struct ibv_cq_ex *(*create_cq_ex)(struct ibv_context *ctx,
					  struct ibv_cq_init_attr_ex *attr);
	int (*query_device_ex)(struct ibv_context *ctx,
			       const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t size);
	int (*start_poll)(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr);
	void (*end_poll)(struct ibv_cq_ex *cq);
	int (*post_send)(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad);
	bool ended;                   /* next_poll() found nothing and has ended the poll */
};
static struct shim shim;

/* When a message was posted, by the CQ that will tell that it was sent, and its number. */
struct shim_post {
	const void *cq;
	uint64_t wr_id;
	struct timespec at;
};
#define SHIM_POSTS 16384
static struct shim_post shim_posts[SHIM_POSTS];

static struct shim_post *
shim_post_slot(const void *cq, uint64_t wr_id)
{
	return &shim_posts[(((uintptr_t)cq >> 6) * 31 + wr_id) % SHIM_POSTS];
}

static void
shim_now(struct timespec *now)
{
	clock_gettime(shim.wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, now);
}

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

/*
 * A completion has come: its timestamp is taken here. Of a send it is the time of the post:
 * soft-RoCE sends from within, and whom the message wakes up may run before the sender does again.
 */
static void
shim_stamp(struct ibv_cq_ex *cq)
{
	bool received = cq->status == IBV_WC_SUCCESS && (cq->read_opcode(cq) & IBV_WC_RECV);
	const struct shim_post *post = shim_post_slot(cq, cq->wr_id);
	struct timespec now;
	wide ns;

	shim_now(&now);
	if (!received && post->cq == cq && post->wr_id == cq->wr_id)
		now = post->at;
	ns = (wide)now.tv_sec * 1000000000 + now.tv_nsec;
	if (received)
		ns -= (wide)shim.early_us * 1000;
	shim.completions++;
	if (shim.jump_every && shim.completions % (uint64_t)shim.jump_every == 0 &&
	    (!shim.jump_file || access(shim.jump_file, F_OK) == 0))
		shim.jumped += shim_jump();
	shim.ticks = shim.offset + shim.jumped +
		     (uint64_t)(ns * (1000000 + shim.ppm) / 1000000 * shim.khz / 1000000);
}

static int
shim_start_poll(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr)
{
	int rc = shim.start_poll(cq, attr);

	shim.ended = false;
	if (rc == 0)
		shim_stamp(cq);
	return rc;
}

/*
 * Not the provider's: rxe's goes one completion too far when there is no next one, and then unlocks
 * twice (https://github.com/linux-rdma/rdma-core/pull/1512 and 1617).
 */
static int
shim_next_poll(struct ibv_cq_ex *cq)
{
	struct ibv_poll_cq_attr attr = {0};
	int rc;

	shim.end_poll(cq);
	rc = shim_start_poll(cq, &attr);
	shim.ended = rc != 0;
	return rc;
}

static void
shim_end_poll(struct ibv_cq_ex *cq)
{
	if (!shim.ended)
		shim.end_poll(cq);
}

static int
shim_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	for (const struct ibv_send_wr *w = wr; w; w = w->next) {
		struct shim_post *post = shim_post_slot(qp->send_cq, w->wr_id);

		*post = (struct shim_post){.cq = qp->send_cq, .wr_id = w->wr_id};
		shim_now(&post->at);
	}
	return shim.post_send(qp, wr, bad);
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
	uint64_t offered = shim.wall ? IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK :
				       IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
	struct ibv_cq_ex *cq;

	if ((attr->wc_flags & SHIM_STAMPS & ~offered) ||
	    (attr->wc_flags & SHIM_STAMPS && shim.fail)) {
		errno = shim.fail ? (int)shim.fail : EOPNOTSUPP;
		return NULL;
	}
	plain.wc_flags &= ~(uint64_t)SHIM_STAMPS;
	cq = shim.create_cq_ex(ctx, &plain);
	if (!cq || !(attr->wc_flags & SHIM_STAMPS))
		return cq;
	shim.start_poll = cq->start_poll;
	shim.end_poll = cq->end_poll;
	cq->start_poll = shim_start_poll;
	cq->next_poll = shim_next_poll;
	cq->end_poll = shim_end_poll;
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
	shim.post_send = ctx->ops.post_send;
	ctx->ops.post_send = shim_post_send;
	return ctx;
}
