/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion queues with timestamps, on a made-up provider that is strict about the order of calls
 * (ibv_create_cq_ex(3)): a poll that has begun is ended once, one that has not is not; of a failed
 * completion nothing but wr_id and status is read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <infiniband/verbs.h>

#include "rdma/cq.h"

#define FAKE_ROOM 64

struct fake_completion {
	uint64_t wr_id, ticks;
	enum ibv_wc_status status;
	enum ibv_wc_opcode opcode;
};

static struct fake {
	struct verbs_context vctx;
	struct ibv_cq_ex cq;
	uint64_t offered;      /* IBV_WC_EX_WITH_* that queues can have */
	uint64_t khz, mask;
	uint64_t asked;        /* wc_flags of the last queue */
	uint32_t depth;
	int queues;            /* alive */
	struct fake_completion queue[FAKE_ROOM];
	uint32_t first, n;     /* in queue */
	bool polling, there;   /* between start and end; a completion to read */
	int start_error, next_error;
} fake;

int __wrap_ibv_destroy_cq(struct ibv_cq *cq);
struct ibv_cq *__wrap_ibv_create_cq(struct ibv_context *ctx, int cqe, void *context,
				    struct ibv_comp_channel *channel, int vector);
int __wrap_ibv_query_device(struct ibv_context *ctx, struct ibv_device_attr *attr);

int
__wrap_ibv_destroy_cq(struct ibv_cq *cq)
{
	assert_ptr_equal(cq, &fake.cq);
	assert_false(fake.polling);
	fake.queues--;
	return 0;
}

struct ibv_cq *
__wrap_ibv_create_cq(struct ibv_context *ctx, int cqe, void *context,
		     struct ibv_comp_channel *channel, int vector)
{
	(void)context;
	(void)channel;
	assert_int_equal(vector, 0);
	fake.cq.context = ctx;
	fake.depth = (uint32_t)cqe;
	fake.queues++;
	return ibv_cq_ex_to_cq(&fake.cq);
}

int
__wrap_ibv_query_device(struct ibv_context *ctx, struct ibv_device_attr *attr)
{
	(void)ctx;
	(void)attr;
	return 0;
}

static const struct fake_completion *
fake_here(void)
{
	assert_true(fake.polling && fake.there);
	return &fake.queue[fake.first];
}

static const struct fake_completion *
fake_sound(void)
{
	const struct fake_completion *c = fake_here();

	assert_int_equal(c->status, IBV_WC_SUCCESS);
	return c;
}

static void
fake_show(void)
{
	fake.there = fake.n > 0;
	if (!fake.there)
		return;
	fake.cq.wr_id = fake.queue[fake.first].wr_id;
	fake.cq.status = fake.queue[fake.first].status;
}

static void
fake_pop(void)
{
	if (!fake.there)
		return;
	fake.first++;
	fake.n--;
	fake.there = false;
}

static int
fake_start_poll(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr)
{
	assert_ptr_equal(cq, &fake.cq);
	assert_int_equal(attr->comp_mask, 0);
	assert_false(fake.polling);
	if (fake.start_error || fake.n == 0)
		return fake.start_error ? fake.start_error : ENOENT;
	fake.polling = true;
	fake_show();
	return 0;
}

static int
fake_next_poll(struct ibv_cq_ex *cq)
{
	(void)cq;
	fake_here();
	fake_pop();
	if (fake.next_error)
		return fake.next_error;
	fake_show();
	return fake.there ? 0 : ENOENT;
}

static void
fake_end_poll(struct ibv_cq_ex *cq)
{
	(void)cq;
	assert_true(fake.polling);
	fake_pop();
	fake.polling = false;
}

static enum ibv_wc_opcode
fake_opcode(struct ibv_cq_ex *cq)
{
	(void)cq;
	return fake_sound()->opcode;
}

static uint64_t
fake_ticks(struct ibv_cq_ex *cq)
{
	(void)cq;
	return fake_sound()->ticks;
}

/* These three are defined for receives only. */
static uint32_t
fake_byte_len(struct ibv_cq_ex *cq)
{
	(void)cq;
	assert_true(fake_sound()->opcode & IBV_WC_RECV);
	return 90;
}

static uint32_t
fake_src_qp(struct ibv_cq_ex *cq)
{
	(void)cq;
	assert_true(fake_sound()->opcode & IBV_WC_RECV);
	return 77;
}

static unsigned int
fake_wc_flags(struct ibv_cq_ex *cq)
{
	(void)cq;
	assert_true(fake_sound()->opcode & IBV_WC_RECV);
	return IBV_WC_GRH;
}

static struct ibv_cq_ex *
fake_create_cq_ex(struct ibv_context *ctx, struct ibv_cq_init_attr_ex *attr)
{
	if (attr->wc_flags & ~fake.offered) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	fake.cq = (struct ibv_cq_ex){
		.context = ctx,
		.start_poll = fake_start_poll,
		.next_poll = fake_next_poll,
		.end_poll = fake_end_poll,
		.read_opcode = fake_opcode,
		.read_byte_len = fake_byte_len,
		.read_src_qp = fake_src_qp,
		.read_wc_flags = fake_wc_flags,
	};
	/* A field that was not asked for crashes. */
	if (attr->wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)
		fake.cq.read_completion_ts = fake_ticks;
	if (attr->wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK)
		fake.cq.read_completion_wallclock_ns = fake_ticks;
	fake.asked = attr->wc_flags;
	fake.depth = attr->cqe;
	fake.queues++;
	return &fake.cq;
}

static int
fake_query_device_ex(struct ibv_context *ctx, const struct ibv_query_device_ex_input *input,
		     struct ibv_device_attr_ex *attr, size_t size)
{
	(void)ctx;
	(void)input;
	memset(attr, 0, size);
	attr->hca_core_clock = fake.khz;
	attr->completion_timestamp_mask = fake.mask;
	return 0;
}

#define FAKE_PLAIN (IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_SRC_QP)

static int
setup(void **state)
{
	(void)state;
	fake = (struct fake){
		.vctx = {.create_cq_ex = fake_create_cq_ex, .query_device_ex = fake_query_device_ex,
		.sz = sizeof(struct verbs_context)},
		.offered = FAKE_PLAIN | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
		.khz = 156250,
		.mask = UINT64_MAX,
	};
	fake.vctx.context.abi_compat = __VERBS_ABI_IS_EXTENDED;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(fake.queues, 0);
	assert_false(fake.polling);
	return 0;
}

static void
put(uint64_t wr_id, enum ibv_wc_status status, enum ibv_wc_opcode opcode)
{
	fake.queue[fake.first + fake.n++] =
		(struct fake_completion){wr_id, 1000 + wr_id, status, opcode};
}

static void
check_receives(struct cq *cq)
{
	struct cq_entry e[16];

	put(1, IBV_WC_SUCCESS, IBV_WC_RECV);
	put(2, IBV_WC_SUCCESS, IBV_WC_SEND);
	put(3, IBV_WC_WR_FLUSH_ERR, IBV_WC_RECV);
	assert_int_equal(cq_poll(cq, 16, e), 3);
	assert_true(e[0].wr_id == 1 && e[0].status == IBV_WC_SUCCESS && e[0].stamped &&
		    e[0].ticks == 1001);
	assert_true(e[0].byte_len == 90 && e[0].src_qp == 77 && e[0].wc_flags == IBV_WC_GRH);
	assert_true(e[1].wr_id == 2 && e[1].stamped && e[1].ticks == 1002);
	assert_true(e[2].wr_id == 3 && e[2].status == IBV_WC_WR_FLUSH_ERR && !e[2].stamped);
	assert_int_equal(cq_poll(cq, 16, e), 0);
}

static void
test_raw(void **state)
{
	struct cq_entry e[16];
	struct cq *cq;

	(void)state;
	assert_int_equal(cq_new(&fake.vctx.context, 100, NULL, CQ_STAMPS_RAW, &cq), 0);
	assert_int_equal(fake.depth, 100);
	assert_true(fake.asked == (FAKE_PLAIN | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP));
	assert_ptr_equal(cq_verbs(cq), &fake.cq);
	check_receives(cq);
	/* As many as there is room for, and the rest next time. */
	for (uint64_t i = 10; i < 15; i++)
		put(i, IBV_WC_SUCCESS, IBV_WC_SEND);
	assert_int_equal(cq_poll(cq, 2, e), 2);
	assert_true(e[0].wr_id == 10 && e[1].wr_id == 11);
	assert_int_equal(cq_poll(cq, 16, e), 3);
	assert_true(e[0].wr_id == 12 && e[2].wr_id == 14);
	cq_free(cq);
	cq_free(NULL);
}

static void
test_wall(void **state)
{
	struct cq *cq;

	(void)state;
	assert_int_equal(cq_new(&fake.vctx.context, 100, NULL, CQ_STAMPS_WALL, &cq), -EOPNOTSUPP);
	fake.offered = FAKE_PLAIN | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK;
	assert_int_equal(cq_new(&fake.vctx.context, 100, NULL, CQ_STAMPS_WALL, &cq), 0);
	check_receives(cq);
	cq_free(cq);
}

static void
test_errors(void **state)
{
	struct cq_entry e[16];
	struct cq *cq;

	(void)state;
	assert_int_equal(cq_new(&fake.vctx.context, 8, NULL, CQ_STAMPS_RAW, &cq), 0);
	fake.start_error = EBUSY;
	put(1, IBV_WC_SUCCESS, IBV_WC_SEND);
	assert_int_equal(cq_poll(cq, 16, e), 0);
	fake.start_error = EIO;
	assert_int_equal(cq_poll(cq, 16, e), -EIO);
	fake.start_error = 0;
	/* What was read before the error counts. */
	put(2, IBV_WC_SUCCESS, IBV_WC_SEND);
	fake.next_error = EIO;
	assert_int_equal(cq_poll(cq, 16, e), 1);
	assert_true(e[0].wr_id == 1);
	fake.next_error = 0;
	assert_int_equal(cq_poll(cq, 16, e), 1);
	assert_true(e[0].wr_id == 2);
	cq_free(cq);
}

/* As many as are asked for, a failure if -1 are. */
static int
fake_poll_cq(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	assert_ptr_equal(cq, &fake.cq);
	for (int i = 0; i < n; i++)
		wc[i] = (struct ibv_wc){.wr_id = (uint64_t)i,
					.status = IBV_WC_SUCCESS,
					.byte_len = 90,
					.src_qp = 77,
					.wc_flags = IBV_WC_GRH};
	return fake.start_error ? -1 : n;
}

static void
test_plain(void **state)
{
	struct cq_entry e[100];
	struct cq *cq;

	(void)state;
	fake.vctx.context.ops.poll_cq = fake_poll_cq;
	assert_int_equal(cq_new(&fake.vctx.context, 8, NULL, CQ_STAMPS_NONE, &cq), 0);
	assert_int_equal(fake.depth, 8);
	assert_int_equal(fake.asked, 0);
	assert_int_equal(cq_poll(cq, 100, e), 16);
	assert_true(e[15].wr_id == 15 && e[15].byte_len == 90 && e[15].src_qp == 77 &&
		    e[15].wc_flags == IBV_WC_GRH && !e[15].stamped);
	assert_int_equal(cq_poll(cq, 3, e), 3);
	fake.start_error = 1;
	assert_int_equal(cq_poll(cq, 3, e), -EIO);
	cq_free(cq);
}

static void
test_query(void **state)
{
	struct cq_clock clock;

	(void)state;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_RAW);
	assert_true(clock.khz == 156250 && clock.mask == UINT64_MAX && !clock.reason);
	/* Both are offered: the raw ones. */
	fake.offered |= IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_RAW);
	/* Ticks of unknown frequency are none. */
	fake.khz = 0;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_WALL);
	assert_true(clock.khz == 1000000 && clock.mask == UINT64_MAX && clock.reason);
	fake.offered = FAKE_PLAIN;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_NONE);
	assert_non_null(strstr(clock.reason, "frequency"));
	fake.khz = 156250;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_NONE);
	assert_non_null(strstr(clock.reason, "makes no completion queues"));
	fake.mask = 0;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_NONE);
	assert_non_null(strstr(clock.reason, "no completion timestamps"));
	/* A provider that knows neither of the two calls. */
	fake.vctx.create_cq_ex = NULL;
	fake.vctx.query_device_ex = NULL;
	cq_query_clock(&fake.vctx.context, &clock);
	assert_int_equal(clock.stamps, CQ_STAMPS_NONE);
	assert_non_null(strstr(clock.reason, "no completion timestamps"));
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_raw),   WITH_FAKE(test_wall),  WITH_FAKE(test_errors),
		WITH_FAKE(test_plain), WITH_FAKE(test_query),
	};

	return cmocka_run_group_tests_name("cq", tests, NULL, NULL);
}
