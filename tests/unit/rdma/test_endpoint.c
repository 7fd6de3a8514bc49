/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an endpoint arms its queues, on a made-up provider that counts events as verbs do: a queue
 * raises one if a completion comes while it is armed, and is not armed any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <infiniband/verbs.h>

#include "core/clock.h"
#include "core/loop.h"
#include "rdma/device.h"
#include "rdma/endpoint.h"
#include "rdma/path.h"
#include "rpingmesh/probe_wire.h"

#define DEPTH 96
#define MESSAGE 50

enum { SEND, RECV, QUEUES };

struct fake_queue {
	struct ibv_cq cq;
	bool armed;
	bool solicited; /* only for such messages */
	unsigned int arms;
	unsigned int events; /* raised, not fetched */
	uint64_t wr_id[DEPTH];
	unsigned int n;
};

static struct fake {
	struct ibv_context ctx;
	struct ibv_comp_channel channel;
	struct fake_queue queue[QUEUES];
	unsigned int created;
	struct ibv_qp qp;
	struct ibv_mr mr;
	uint8_t *buffer[DEPTH];
	bool complete_sends;     /* at once */
	void (*while_arming)(void); /* called once, just before a queue is armed */
	void (*ready)(void *arg, int events);
	void *ready_arg;
	struct endpoint *ep;
	unsigned int received, sent, more;
	void (*while_handling)(void); /* called once, when a message is handled */
	void (*while_posting)(void); /* called once, when a message has been posted */
	uint64_t received_ns, received_error_ns;
	uint64_t busy_ns;  /* since when the loop has been */
	uint64_t ahead_ns; /* of the clock */
	unsigned int send_flags;
	enum endpoint_expects expects;
	void (*deferred)(void *arg);
	void *deferred_arg;
	void (*rested)(void *arg); /* the coarse timer */
	bool resting;
} fake;

/* The coarse timer; the other one is NULL. */
#define REST ((struct loop_timer *)&fake.resting)

/* ---- the provider ---- */

static void
fake_complete_as(struct fake_queue *q, uint64_t wr_id, bool solicited)
{
	assert_true(q->n < DEPTH);
	q->wr_id[q->n++] = wr_id;
	if (!q->armed || (q->solicited && !solicited))
		return;
	q->events++;
	q->armed = false;
}

static void
fake_complete(struct fake_queue *q, uint64_t wr_id)
{
	fake_complete_as(q, wr_id, false);
}

/* A message of an IPv6 host arrives in the first free buffer. */
static void
fake_arrive_as(bool solicited)
{
	for (uint64_t i = 0; i < DEPTH; i++) {
		if (!fake.buffer[i])
			continue;
		memset(fake.buffer[i], 0, PROBE_WIRE_GRH + MESSAGE);
		fake.buffer[i][0] = 0x60;
		fake.buffer[i] = NULL;
		fake_complete_as(&fake.queue[RECV], i, solicited);
		return;
	}
	fail_msg("no buffer is posted");
}

static void
fake_arrive(void)
{
	fake_arrive_as(false);
}

static void
fake_once(void (**what)(void))
{
	void (*call)(void) = *what;

	*what = NULL;
	if (call)
		call();
}

static int
fake_poll(struct ibv_cq *cq, int room, struct ibv_wc *wc)
{
	struct fake_queue *q = cq->cq_context;
	int n = 0;

	for (; n < room && q->n > 0; n++) {
		wc[n] = (struct ibv_wc){.wr_id = q->wr_id[0],
					.status = IBV_WC_SUCCESS,
					.byte_len = PROBE_WIRE_GRH + MESSAGE,
					.wc_flags = IBV_WC_GRH};
		memmove(q->wr_id, q->wr_id + 1, --q->n * sizeof(q->wr_id[0]));
	}
	return n;
}

static int
fake_arm(struct ibv_cq *cq, int solicited)
{
	struct fake_queue *q = cq->cq_context;

	fake_once(&fake.while_arming);
	/* As ibv_req_notify_cq(3) says, the request for all stays in force. */
	q->solicited = solicited && (!q->armed || q->solicited);
	q->armed = true;
	q->arms++;
	return 0;
}

static int
fake_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	(void)qp;
	(void)bad;
	fake.send_flags = wr->send_flags;
	if (fake.complete_sends)
		fake_complete(&fake.queue[SEND], wr->wr_id);
	fake_once(&fake.while_posting);
	return 0;
}

static int
fake_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	(void)qp;
	(void)bad;
	fake.buffer[wr->wr_id] = (uint8_t *)(uintptr_t)wr->sg_list[0].addr;
	return 0;
}

struct ibv_comp_channel *
ibv_create_comp_channel(struct ibv_context *ctx)
{
	(void)ctx;
	fake.channel.fd = open("/dev/null", O_RDONLY);
	return &fake.channel;
}

int
ibv_destroy_comp_channel(struct ibv_comp_channel *channel)
{
	return close(channel->fd);
}

struct ibv_cq *
ibv_create_cq(struct ibv_context *ctx, int cqe, void *context, struct ibv_comp_channel *channel,
	      int vector)
{
	struct fake_queue *q = &fake.queue[fake.created++];

	(void)cqe;
	(void)context;
	(void)channel;
	(void)vector;
	q->cq.context = ctx;
	q->cq.cq_context = q;
	return &q->cq;
}

int
ibv_destroy_cq(struct ibv_cq *cq)
{
	(void)cq;
	return 0;
}

int
ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **context)
{
	(void)channel;
	(void)context;
	for (int i = 0; i < QUEUES; i++) {
		if (fake.queue[i].events == 0)
			continue;
		fake.queue[i].events--;
		*cq = &fake.queue[i].cq;
		return 0;
	}
	errno = EAGAIN;
	return -1;
}

void
ibv_ack_cq_events(struct ibv_cq *cq, unsigned int n)
{
	(void)cq;
	(void)n;
}

struct ibv_qp *
ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	(void)pd;
	(void)attr;
	fake.qp.context = &fake.ctx;
	return &fake.qp;
}

int
ibv_destroy_qp(struct ibv_qp *qp)
{
	(void)qp;
	return 0;
}

int
ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	(void)qp;
	(void)attr;
	(void)mask;
	return 0;
}

#undef ibv_reg_mr
struct ibv_mr *
ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	(void)pd;
	(void)addr;
	(void)length;
	(void)access;
	return &fake.mr;
}

int
ibv_dereg_mr(struct ibv_mr *mr)
{
	(void)mr;
	return 0;
}

/* ---- the rooms around ---- */

const char *
device_get_name(const struct device *device)
{
	(void)device;
	return "fake0";
}

uint8_t
device_get_port(const struct device *device)
{
	(void)device;
	return 1;
}

struct ibv_context *
device_context(const struct device *device)
{
	(void)device;
	return &fake.ctx;
}

struct ibv_pd *
device_pd(const struct device *device)
{
	(void)device;
	return NULL;
}

struct path_ah *
path_ah_ref(struct path_ah *ah)
{
	return ah;
}

void
path_ah_unref(struct path_ah *ah)
{
	(void)ah;
}

struct ibv_ah *
path_ah_verbs(const struct path_ah *ah)
{
	(void)ah;
	return NULL;
}

int
loop_fd_new(struct loop *loop, const struct loop_fd_config *config, struct loop_fd **out)
{
	(void)loop;
	fake.ready = config->cb;
	fake.ready_arg = config->arg;
	*out = NULL;
	return 0;
}

void
loop_fd_free(struct loop_fd *fd)
{
	(void)fd;
}

int
loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
	       struct loop_timer **out)
{
	(void)loop;
	(void)name;
	(void)arg;
	*out = fake.rested ? NULL : REST;
	if (!fake.rested)
		fake.rested = cb;
	return 0;
}

int
loop_timer_be_coarse(struct loop_timer *timer)
{
	assert_ptr_equal(timer, REST);
	return 0;
}

void
loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	if (timer == REST) {
		assert_int_equal(delay_ns, ENDPOINT_REST_NS);
		fake.resting = true;
	} else {
		fake.more++;
	}
}

void
loop_timer_clear(struct loop_timer *timer)
{
	assert_ptr_equal(timer, REST);
	fake.resting = false;
}

int
loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	(void)loop;
	assert_null(fake.deferred);
	fake.deferred = fn;
	fake.deferred_arg = arg;
	return 0;
}

void
loop_undefer(struct loop *loop, const void *arg)
{
	(void)loop;
	if (arg == fake.deferred_arg)
		fake.deferred = NULL;
}

void
loop_timer_free(struct loop_timer *timer)
{
	(void)timer;
}

uint64_t
loop_busy_since_ns(const struct loop *loop)
{
	(void)loop;
	return fake.busy_ns;
}

uint64_t __real_clock_mono_ns(void);
uint64_t __wrap_clock_mono_ns(void);

uint64_t
__wrap_clock_mono_ns(void)
{
	return __real_clock_mono_ns() + fake.ahead_ns;
}

/* ---- tests ---- */

static void
on_received(void *arg, const struct endpoint_rx *rx)
{
	(void)arg;
	assert_int_equal(rx->len, MESSAGE);
	fake.received++;
	fake.received_ns = rx->at.ns;
	fake.received_error_ns = rx->at.error_ns;
	fake_once(&fake.while_handling);
}

static void
on_sent(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at)
{
	(void)arg;
	(void)at;
	assert_int_equal(cookie, 7);
	assert_int_equal(status, 0);
	fake.sent++;
}

static void
on_failed(void *arg, const char *reason)
{
	(void)arg;
	fail_msg("%s", reason);
}

static enum endpoint_expects
on_expects(void *arg)
{
	(void)arg;
	return fake.expects;
}

static int
setup(void **state)
{
	static const struct endpoint_ops ops = {on_received, on_sent, on_failed, on_expects};
	const struct endpoint_config config = {
		.name = "prober",
		.send_depth = DEPTH,
		.recv_depth = DEPTH,
		.send_size = 64,
		.recv_size = 64,
		.stamps = CQ_STAMPS_NONE,
		.ops = &ops,
	};

	(void)state;
	fake = (struct fake){.expects = ENDPOINT_EXPECTS_ANY};
	fake.ctx.ops.poll_cq = fake_poll;
	fake.ctx.ops.req_notify_cq = fake_arm;
	fake.ctx.ops.post_send = fake_post_send;
	fake.ctx.ops.post_recv = fake_post_recv;
	return endpoint_new(&config, &fake.ep);
}

static int
teardown(void **state)
{
	(void)state;
	endpoint_free(fake.ep);
	assert_null(fake.deferred);
	return 0;
}

/* The loop finds the channel readable, as often as there are events. Returns how often. */
static unsigned int
wake_ups(void)
{
	unsigned int n = 0;

	for (; fake.queue[SEND].events + fake.queue[RECV].events > 0; n++)
		fake.ready(fake.ready_arg, LOOP_READ);
	return n;
}

static void
test_messages(void **state)
{
	(void)state;
	assert_true(fake.queue[RECV].armed);
	assert_false(fake.queue[SEND].armed);
	for (unsigned int i = 1; i <= 3; i++) {
		fake_arrive();
		assert_int_equal(wake_ups(), 1);
		assert_int_equal(fake.received, i);
		assert_true(fake.queue[RECV].armed);
	}
	fake_arrive();
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 5);
}

/* ACK2 comes while ACK1 is handled: no wake-up for that. */
static void
test_while_handling(void **state)
{
	(void)state;
	fake.while_handling = fake_arrive;
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 2);
	assert_true(fake.queue[RECV].armed);
}

/* It comes when the queue has been read and is not armed yet: it is not left there. */
static void
test_while_arming(void **state)
{
	(void)state;
	fake.while_arming = fake_arrive;
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 2);
	assert_true(fake.queue[RECV].armed);
}

static const struct endpoint_send send_one = {
	.payload = (const uint8_t[MESSAGE]){0}, .size = MESSAGE, .cookie = 7};

/* Sends, and what the running callback has deferred. */
static void
send_some(unsigned int n, enum endpoint_expects expects)
{
	struct endpoint_tx tx;
	void (*deferred)(void *arg);

	fake.complete_sends = true;
	while (n-- > 0)
		assert_int_equal(endpoint_send(fake.ep, &send_one, &tx), 0);
	fake.expects = expects;
	deferred = fake.deferred;
	fake.deferred = NULL;
	if (deferred)
		deferred(fake.deferred_arg);
}

static void
expect_nothing(void)
{
	fake.expects = ENDPOINT_EXPECTS_NOTHING;
}

/*
 * A message that arrives while two are sent has come before the second is posted, and is handled
 * after both.
 */
static void
test_while_sending(void **state)
{
	struct endpoint_tx tx[2];

	(void)state;
	fake.busy_ns = clock_mono_ns();
	fake.complete_sends = true;
	fake.while_posting = fake_arrive;
	for (int i = 0; i < 2; i++)
		assert_int_equal(endpoint_send(fake.ep, &send_one, &tx[i]), 0);
	assert_int_equal(fake.received, 0);
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 1);
	assert_in_range(fake.received_ns, tx[0].posted_ns, tx[1].posted_ns);
	assert_int_equal(fake.received_error_ns, fake.received_ns - fake.busy_ns);
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 2);
}

static void
arrive_many(void)
{
	for (unsigned int i = 0; i < 10; i++)
		fake_arrive();
}

/* More messages than can be read while some are sent. */
static void
test_many_while_sending(void **state)
{
	struct endpoint_tx tx;

	(void)state;
	fake.complete_sends = true;
	for (unsigned int i = 1; i <= 12; i++) {
		fake.while_posting = arrive_many;
		assert_int_equal(endpoint_send(fake.ep, &send_one, &tx), 0);
		if (i % 4)
			continue;
		assert_int_equal(wake_ups(), 1);
		assert_int_equal(fake.received, 10 * i);
	}
}

/* The other end wakes up for what is sent as solicited. */
static void
test_send_solicited(void **state)
{
	struct endpoint_send send = send_one;
	struct endpoint_tx tx;

	(void)state;
	fake.complete_sends = true;
	assert_int_equal(endpoint_send(fake.ep, &send, &tx), 0);
	assert_int_equal(fake.send_flags, IBV_SEND_SIGNALED);
	send.solicited = true;
	assert_int_equal(endpoint_send(fake.ep, &send, &tx), 0);
	assert_int_equal(fake.send_flags, IBV_SEND_SIGNALED | IBV_SEND_SOLICITED);
}

/* Brings it to where nothing is expected, and only solicited messages raise events. */
static void
calm(void)
{
	fake.while_handling = expect_nothing;
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_true(fake.queue[RECV].armed && fake.queue[RECV].solicited);
	assert_false(fake.resting);
	fake.received = fake.queue[RECV].arms = 0;
}

/* Two probes, two ACK1s, and ACK2s that come behind them or before the next send: two events. */
static void
test_solicited(void **state)
{
	(void)state;
	calm();
	send_some(2, ENDPOINT_EXPECTS_SOLICITED);
	assert_true(fake.resting);
	assert_int_equal(fake.queue[RECV].arms, 0);
	for (unsigned int i = 1; i <= 2; i++) {
		fake_arrive_as(true);
		assert_int_equal(wake_ups(), 1);
		/* With it, the ACK2 of the one before. */
		assert_int_equal(fake.received, 2 * i - 1);
		fake_arrive();
		assert_int_equal(wake_ups(), 0);
		assert_int_equal(fake.queue[RECV].arms, i);
	}
	send_some(1, ENDPOINT_EXPECTS_SOLICITED);
	assert_int_equal(fake.received, 4);
	assert_int_equal(fake.queue[RECV].arms, 2);
}

static void
rest_is_over(void)
{
	assert_true(fake.resting);
	fake.resting = false;
	fake.rested(fake.ep);
}

/* What was expected, but is not urgent, is read by the timer, which then calms down. */
static void
test_rest(void **state)
{
	(void)state;
	calm();
	send_some(1, ENDPOINT_EXPECTS_SOLICITED);
	fake_arrive();
	assert_int_equal(wake_ups(), 0);
	fake.while_handling = expect_nothing;
	rest_is_over();
	assert_int_equal(fake.received, 1);
	assert_false(fake.resting);
	assert_int_equal(fake.queue[RECV].arms, 0);
	/* If it has not come by then, it wakes up. */
	send_some(1, ENDPOINT_EXPECTS_SOLICITED);
	rest_is_over();
	assert_false(fake.resting);
	assert_true(fake.queue[RECV].armed && !fake.queue[RECV].solicited);
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 2);
}

/* It is freed before what it has deferred is called: teardown() looks. */
static void
test_free_deferred(void **state)
{
	struct endpoint_tx tx;

	(void)state;
	calm();
	fake.complete_sends = true;
	assert_int_equal(endpoint_send(fake.ep, &send_one, &tx), 0);
	assert_non_null(fake.deferred);
}

/*
 * So many messages that raise no event have come that an answer might find no buffer. From then on
 * each is read, also those that nobody expects, until none has come for a minute.
 */
static void
test_crowd(void **state)
{
	(void)state;
	calm();
	for (unsigned int i = 0; i < ENDPOINT_CROWD; i++)
		fake_arrive();
	assert_int_equal(wake_ups(), 0);
	send_some(1, ENDPOINT_EXPECTS_NOTHING);
	assert_int_equal(fake.received, ENDPOINT_CROWD);
	for (unsigned int i = 1; i <= 3; i++) {
		fake_arrive();
		assert_int_equal(wake_ups(), 1);
		assert_int_equal(fake.received, ENDPOINT_CROWD + i);
		fake.ahead_ns += 40 * NSEC_PER_SEC;
	}
	fake.ahead_ns += 40 * NSEC_PER_SEC;
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	fake_arrive();
	assert_int_equal(wake_ups(), 0);
}

/* Fewer are no crowd. */
static void
test_no_crowd(void **state)
{
	(void)state;
	calm();
	for (unsigned int i = 1; i < ENDPOINT_CROWD; i++)
		fake_arrive();
	send_some(1, ENDPOINT_EXPECTS_NOTHING);
	assert_int_equal(fake.received, ENDPOINT_CROWD - 1);
	fake_arrive();
	assert_int_equal(wake_ups(), 0);
}

/* A send after which all is urgent; what has come before the queue is armed for that is found. */
static void
test_urgent(void **state)
{
	(void)state;
	calm();
	fake.while_arming = fake_arrive;
	send_some(2, ENDPOINT_EXPECTS_ANY);
	assert_int_equal(fake.queue[RECV].arms, 1);
	assert_int_equal(fake.received, 1);
	assert_false(fake.queue[RECV].solicited);
	assert_false(fake.resting);
	fake_arrive();
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.received, 2);
}

/* What is complete at once needs no event; what is not raises one, and then no other. */
static void
test_sends(void **state)
{
	struct endpoint_tx tx;

	(void)state;
	fake.complete_sends = true;
	assert_int_equal(endpoint_send(fake.ep, &send_one, &tx), 0);
	assert_true(tx.done);
	assert_false(fake.queue[SEND].armed);
	fake.complete_sends = false;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(endpoint_send(fake.ep, &send_one, &tx), 0);
		assert_false(tx.done);
	}
	assert_true(fake.queue[SEND].armed);
	fake_complete(&fake.queue[SEND], 1ULL << 32 | 0);
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.sent, 1);
	assert_true(fake.queue[SEND].armed);
	fake_complete(&fake.queue[SEND], 1ULL << 32 | 1);
	assert_int_equal(wake_ups(), 1);
	assert_int_equal(fake.sent, 2);
	assert_false(fake.queue[SEND].armed);
	assert_true(fake.queue[RECV].armed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_while_handling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_while_arming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_while_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_while_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_solicited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_solicited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_deferred, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urgent, setup, teardown),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
