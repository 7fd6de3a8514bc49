/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: endpoint
 *
 * Owns a completion channel, a CQ for sends and one for receives, the UD QP, and one memory region
 * with all buffers. Receive slot i and send slot i have fixed places in the region. wr_id is the
 * number of the slot, with ENDPOINT_WR_SEND for sends, because a failed completion contains nothing
 * else. A slot contains the head of a message. The rest has no information: it is always sent from
 * the same zeros, and received into the same unused place. So a thousand buffers for messages of
 * 4096 bytes take 128 kB of pinned memory instead of 4 MB.
 *
 * That place, `junk`, is longer than any UD message can be, because a message that overruns its
 * buffer may put the QP in error, and any host on the fabric can send one.
 *
 * The receive CQ is armed whenever the loop polls. To wake up, to read the event and to arm the CQ
 * again are three system calls and a change of context. So the CQ is armed for solicited messages
 * alone (ibv_req_notify_cq(3)), unless ops->expects() says that others are urgent, too. After
 * sends, it is read and armed once for all that the running callback has sent. The send CQ is armed
 * only while there is a send that was not complete after ENDPOINT_SPIN_NS. So most sends need no
 * wake-up.
 *
 * Messages that raise no event wait in the receive queue. Any host may send so many that it is full
 * when an answer comes. If there were ENDPOINT_CROWD of them, all messages are urgent for a while.
 *
 * endpoint_send() never calls back. If it finds completions of other sends, the loop reports them.
 * It also reads messages that arrive meanwhile, because others may be sent before the loop gets to
 * them: they keep the time at which they were read here, and wait in `early`.
 *
 * Software time of a send: the message left within a window that begins before the post and ends
 * when the completion was seen. If a window is longer than the shortest recent one, this process
 * did not run for a while. More likely that was after the post, because the post makes others run.
 * So the estimate is the middle of a shortest window that begins at the post. The reported error is
 * that of the whole window.
 *
 * Timers: if a wake-up has reached its limit, `more` continues in the next turn of the loop. It
 * also reports the completions that endpoint_send() has found. `rest` is set while messages are
 * expected that raise no event. If they have not come when it fires, from then on any message does.
 */
#include "rdma/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rdma/cq.h"
#include "rdma/device.h"
#include "rdma/grh.h"
#include "rdma/path.h"
#include "rpingmesh/log_subsystems.h"
#include "rpingmesh/probe_wire.h"

#define ENDPOINT_WR_SEND (1ULL << 32)
#define ENDPOINT_POLL_BATCH 16
#define ENDPOINT_PSN 0
#define ENDPOINT_CROWDED_NS (60 * NSEC_PER_SEC) /* since the last message that nobody expected */
#define ENDPOINT_WINDOW_ROUND 64

struct endpoint_slot {
	struct path_ah *ah; /* held while in flight */
	uint64_t posted_ns;
	uint32_t cookie;
	uint32_t next;   /* in the list of free slots, or of completions to report */
	bool in_flight;
	int status;      /* of a completion to report */
	uint64_t seen_ns;
	uint64_t ticks;  /* if stamped */
	bool stamped;
};

#define ENDPOINT_NO_SLOT UINT32_MAX

/*
 * What is received behind the heads, by all endpoints. No UD message of RoCE v2 is longer than an
 * UDP datagram.
 */
#define ENDPOINT_JUNK 65536u
static _Alignas(64) uint8_t endpoint_junk[ENDPOINT_JUNK];

/* Messages that have been read, but not handled. */
struct endpoint_early {
	struct cq_entry wc[ENDPOINT_POLL_BATCH];
	struct endpoint_read {
		uint64_t ns, error_ns;
	} read[ENDPOINT_POLL_BATCH];
	int n;
};

struct endpoint {
	struct endpoint_config config;
	struct ibv_comp_channel *channel;
	struct cq *send_cq, *recv_cq;
	struct ibv_qp *qp;
	struct ibv_mr *mr, *junk_mr;
	uint8_t *region;
	uint8_t *zeroes; /* in the region: where the rest of long messages is sent from */
	size_t region_size, recv_stride, send_stride;
	struct loop_fd *ready;
	struct loop_timer *more, *rest;
	struct endpoint_slot *slots;
	uint32_t first_free;    /* ENDPOINT_NO_SLOT: none */
	uint32_t first_untold, last_untold;
	uint32_t in_flight;     /* posted, and no completion seen yet */
	uint32_t drained;       /* messages read since the receive CQ was last seen empty */
	uint64_t window_ns[2];	/* shortest window of the present and of the last
				   ENDPOINT_WINDOW_ROUND sends */
	uint32_t window_n;
	bool send_armed;
	enum endpoint_expects recv_armed; /* for these messages */
	bool resting;           /* the timer is set */
	bool arming;            /* endpoint_read_and_arm() runs, or will be called */
	bool failed;
	uint64_t waiting_since_ns; /* messages that are read now may have waited since then */
	uint64_t empty_ns;         /* when the receive CQ was last empty */
	uint64_t crowded_ns;       /* when too many messages were last in it; 0: never */
	struct endpoint_early early;
	struct endpoint_stats stats;
};

static_assert(ENDPOINT_HEAD >= PROBE_WIRE_SIZE_MIN, "all that wire_decode() reads");

static uint32_t
endpoint_head(uint32_t size)
{
	return size < ENDPOINT_HEAD ? size : ENDPOINT_HEAD;
}

static uint8_t *
endpoint_recv_buf(const struct endpoint *ep, uint32_t slot)
{
	return ep->region + slot * ep->recv_stride;
}

static uint8_t *
endpoint_send_buf(const struct endpoint *ep, uint32_t slot)
{
	return ep->region + ep->config.recv_depth * ep->recv_stride + slot * ep->send_stride;
}

static int
endpoint_post_recv(struct endpoint *ep, uint32_t slot)
{
	uint32_t head = endpoint_head(ep->config.recv_size);
	struct ibv_sge sge[2] = {
		{.addr = (uintptr_t)endpoint_recv_buf(ep, slot), .length = PROBE_WIRE_GRH + head,
		 .lkey = ep->mr->lkey},
		{.addr = (uintptr_t)endpoint_junk, .length = ENDPOINT_JUNK,
		 .lkey = ep->junk_mr->lkey},
	};
	struct ibv_recv_wr wr = {.wr_id = slot, .sg_list = sge, .num_sge = 2}, *bad;

	return -ibv_post_recv(ep->qp, &wr, &bad);
}

static void
endpoint_slot_release(struct endpoint *ep, uint32_t i)
{
	struct endpoint_slot *slot = &ep->slots[i];

	path_ah_unref(slot->ah);
	slot->ah = NULL;
	slot->next = ep->first_free;
	ep->first_free = i;
}

static void
endpoint_fail(struct endpoint *ep, const char *reason)
{
	if (ep->failed)
		return;
	ep->failed = true;
	log_error(DEVICE, "%s: %s QP %u: %s", device_get_name(ep->config.device), ep->config.name,
		  ep->qp->qp_num, reason);
	ep->config.ops->failed(ep->config.arg, reason);
}

/* Keeps the completion of a send in its slot, until it is reported. */
static void
endpoint_send_seen(struct endpoint *ep, const struct cq_entry *wc, uint64_t now)
{
	struct endpoint_slot *slot = &ep->slots[(uint32_t)wc->wr_id];

	slot->in_flight = false;
	slot->status = wc->status == IBV_WC_SUCCESS ? 0 : -EIO;
	slot->seen_ns = now;
	slot->stamped = wc->stamped;
	slot->ticks = wc->ticks;
	ep->in_flight--;
	if (wc->status == IBV_WC_SUCCESS)
		return;
	ep->stats.send_errors++;
	endpoint_fail(ep, ibv_wc_status_str(wc->status));
}

static void
endpoint_untold_push(struct endpoint *ep, uint32_t i)
{
	ep->slots[i].next = ENDPOINT_NO_SLOT;
	if (ep->first_untold == ENDPOINT_NO_SLOT)
		ep->first_untold = i;
	else
		ep->slots[ep->last_untold].next = i;
	ep->last_untold = i;
}

/*
 * Reads completions of sends. Puts all but the one of slot `own` into the list of completions to
 * report. Returns their number, or -1.
 */
static int
endpoint_poll_sends(struct endpoint *ep, uint32_t own)
{
	struct cq_entry wc[ENDPOINT_POLL_BATCH];
	int n = cq_poll(ep->send_cq, ENDPOINT_POLL_BATCH, wc);
	uint64_t now = clock_mono_ns();

	for (int i = 0; i < n; i++) {
		endpoint_send_seen(ep, &wc[i], now);
		if ((uint32_t)wc[i].wr_id != own)
			endpoint_untold_push(ep, (uint32_t)wc[i].wr_id);
	}
	if (n < 0)
		endpoint_fail(ep, "send completion queue cannot be polled");
	return n;
}

static void
endpoint_note_window(struct endpoint *ep, uint64_t window_ns)
{
	if (ep->window_n++ % ENDPOINT_WINDOW_ROUND == 0) {
		ep->window_ns[1] = ep->window_ns[0];
		ep->window_ns[0] = UINT64_MAX;
	}
	if (window_ns < ep->window_ns[0])
		ep->window_ns[0] = window_ns;
}

/* The time at which the message of a completed slot left. */
static struct hwclock_moment
endpoint_sent_at(struct endpoint *ep, const struct endpoint_slot *slot)
{
	uint64_t window = slot->seen_ns - slot->posted_ns, before;

	endpoint_note_window(ep, window);
	before = ep->window_ns[0] < ep->window_ns[1] ? ep->window_ns[0] : ep->window_ns[1];
	before /= 2;
	return (struct hwclock_moment){
		.ns = slot->posted_ns + before,
		.error_ns = window - before > before ? window - before : before,
		.ticks = slot->ticks,
		.stamped = slot->stamped,
	};
}

static void
endpoint_tell_sends(struct endpoint *ep)
{
	while (ep->first_untold != ENDPOINT_NO_SLOT) {
		uint32_t i = ep->first_untold;
		struct endpoint_slot slot = ep->slots[i];
		struct hwclock_moment at = endpoint_sent_at(ep, &slot);

		ep->first_untold = slot.next;
		endpoint_slot_release(ep, i);
		ep->config.ops->sent(ep->config.arg, slot.cookie, slot.status, &at);
	}
}

static void
endpoint_recv_done(struct endpoint *ep, const struct cq_entry *wc, const struct endpoint_read *read)
{
	uint32_t slot = (uint32_t)wc->wr_id;
	const uint8_t *buf = endpoint_recv_buf(ep, slot);
	struct endpoint_rx rx = {
		.src_qpn = wc->src_qp,
		.payload = buf + PROBE_WIRE_GRH,
		.at = {.ns = read->ns, .error_ns = read->error_ns, .ticks = wc->ticks,
		.stamped = wc->stamped},
	};

	if (wc->status != IBV_WC_SUCCESS) {
		ep->stats.receive_errors++;
		if (wc->status != IBV_WC_WR_FLUSH_ERR)
			log_debug(DEVICE, "%s: receive failed: %s", ep->config.name,
				  ibv_wc_status_str(wc->status));
		else
			endpoint_fail(ep, "receive queue was flushed");
		return;
	}
	if (wc->byte_len < PROBE_WIRE_GRH || !(wc->wc_flags & IBV_WC_GRH) ||
	    grh_parse(buf, &rx.src, &rx.dst, &rx.hop_limit) < 0) {
		ep->stats.receive_errors++;
		return;
	}
	rx.len = wc->byte_len - PROBE_WIRE_GRH;
	if (rx.len > ep->config.recv_size) {
		ep->stats.receives_too_long++;
		return;
	}
	ep->stats.receives++;
	ep->config.ops->received(ep->config.arg, &rx);
}

/*
 * If the receive queue is full, the RNIC drops messages without a report. All that we can notice is
 * as many messages in a row as there are buffers.
 */
static void
endpoint_note_drained(struct endpoint *ep, int n)
{
	ep->drained += (uint32_t)n;
	if (n == ENDPOINT_POLL_BATCH)
		return;
	if (ep->drained >= ep->config.recv_depth)
		ep->stats.receive_queue_full++;
	ep->drained = 0;
}

static uint64_t
endpoint_waiting_since(const struct endpoint *ep)
{
	uint64_t busy_ns = loop_busy_since_ns(ep->config.loop);

	return busy_ns > ep->empty_ns ? busy_ns : ep->empty_ns;
}

/* Reads messages into the free places. Returns their number, or -errno. */
static int
endpoint_read(struct endpoint *ep, struct endpoint_early *into, uint64_t since_ns)
{
	int n = cq_poll(ep->recv_cq, ENDPOINT_POLL_BATCH - into->n, into->wc + into->n);
	uint64_t now = clock_mono_ns();

	for (int i = 0; i < n; i++)
		into->read[into->n++] =
			(struct endpoint_read){.ns = now, .error_ns = now - since_ns};
	if (n == 0)
		ep->empty_ns = now;
	return n;
}

/* Takes the messages that have been read, or else reads some. n < 0: an error. */
static void
endpoint_read_some(struct endpoint *ep, struct endpoint_early *out)
{
	int n;

	out->n = 0;
	if (ep->early.n > 0) {
		*out = ep->early;
		ep->early.n = 0;
		return;
	}
	n = endpoint_read(ep, out, ep->waiting_since_ns);
	if (n < 0)
		out->n = n;
}

/* Returns the number of completions, at most ENDPOINT_CQES_PER_WAKEUP and one batch. */
static int
endpoint_poll_receives(struct endpoint *ep)
{
	struct endpoint_early got;
	int total = 0, n = 0;

	while (!ep->failed && total < ENDPOINT_CQES_PER_WAKEUP) {
		endpoint_read_some(ep, &got);
		n = got.n;
		if (n < 0)
			break;
		endpoint_note_drained(ep, n);
		if (n == 0)
			break;
		for (int i = 0; i < n && !ep->failed; i++) {
			endpoint_recv_done(ep, &got.wc[i], &got.read[i]);
			if (!ep->failed && endpoint_post_recv(ep, (uint32_t)got.wc[i].wr_id) < 0)
				endpoint_fail(ep, "receive buffer cannot be posted");
		}
		total += n;
	}
	if (n < 0)
		endpoint_fail(ep, "receive completion queue cannot be polled");
	return total;
}

/* Returns false if it was armed. */
static bool
endpoint_arm_sends(struct endpoint *ep)
{
	if (ep->send_armed)
		return false;
	ibv_req_notify_cq(cq_verbs(ep->send_cq), 0);
	ep->send_armed = true;
	return true;
}

/* Returns false if it was armed for these. Armed for all includes those that are solicited. */
static bool
endpoint_arm_receives(struct endpoint *ep, enum endpoint_expects expects)
{
	if (ep->recv_armed >= expects)
		return false;
	ibv_req_notify_cq(cq_verbs(ep->recv_cq), expects == ENDPOINT_EXPECTS_SOLICITED);
	ep->recv_armed = expects;
	return true;
}

/* Returns the number of messages. */
static int
endpoint_drain(struct endpoint *ep)
{
	int n = 0;

	ep->waiting_since_ns = endpoint_waiting_since(ep);
	while (!ep->failed && ep->in_flight && endpoint_poll_sends(ep, ENDPOINT_NO_SLOT) > 0)
		;
	endpoint_tell_sends(ep);
	if (!ep->failed)
		n = endpoint_poll_receives(ep);
	if (n >= ENDPOINT_CQES_PER_WAKEUP)
		loop_timer_set(ep->more, 0);
	return n;
}

uint32_t
endpoint_poll(struct endpoint *ep, uint64_t now_ns)
{
	int n = endpoint_drain(ep);

	if (n == 0)
		ep->empty_ns = now_ns;
	return (uint32_t)n;
}

static void
endpoint_more(void *arg)
{
	endpoint_drain(arg);
}

static enum endpoint_expects
endpoint_expects(const struct endpoint *ep)
{
	return ep->config.ops->expects ? ep->config.ops->expects(ep->config.arg) :
					 ENDPOINT_EXPECTS_ANY;
}

static bool
endpoint_is_crowded(const struct endpoint *ep, uint64_t now_ns)
{
	return ep->crowded_ns && now_ns - ep->crowded_ns < ENDPOINT_CROWDED_NS;
}

/* Reads all. Returns whether all messages are urgent, because the queue might be full otherwise. */
static bool
endpoint_drain_crowd(struct endpoint *ep)
{
	bool expected = endpoint_expects(ep) != ENDPOINT_EXPECTS_NOTHING;
	int n = endpoint_drain(ep);
	uint64_t now;

	if (!ep->crowded_ns && n < ENDPOINT_CROWD)
		return false;
	now = clock_mono_ns();
	if (n >= ENDPOINT_CROWD || (n > 0 && !expected && endpoint_is_crowded(ep, now)))
		ep->crowded_ns = now;
	return endpoint_is_crowded(ep, now);
}

static void
endpoint_set_rest(struct endpoint *ep, bool wanted)
{
	if (wanted && !ep->resting)
		loop_timer_set(ep->rest, ENDPOINT_REST_NS);
	else if (!wanted && ep->resting)
		loop_timer_clear(ep->rest);
	ep->resting = wanted;
}

/*
 * Arms the queues after they have been read: what comes while messages are handled is found without
 * an event, and the time of arrival does not include the arming. What has come just before a queue
 * was armed raises no event, so they are read once more.
 */
static void
endpoint_read_and_arm(struct endpoint *ep, bool rested)
{
	enum endpoint_expects expects;
	bool armed, crowded;

	ep->arming = true;
	crowded = endpoint_drain_crowd(ep);
	expects = endpoint_expects(ep);
	if (crowded || (rested && expects != ENDPOINT_EXPECTS_NOTHING))
		expects = ENDPOINT_EXPECTS_ANY;
	endpoint_set_rest(ep, expects == ENDPOINT_EXPECTS_SOLICITED);
	if (expects == ENDPOINT_EXPECTS_NOTHING)
		expects = ENDPOINT_EXPECTS_SOLICITED;
	armed = endpoint_arm_receives(ep, expects);
	if (ep->in_flight)
		armed |= endpoint_arm_sends(ep);
	if (armed && endpoint_drain(ep) > 0 && endpoint_expects(ep) == ENDPOINT_EXPECTS_NOTHING)
		endpoint_set_rest(ep, false);
	ep->arming = false;
}

static void
endpoint_rested(void *arg)
{
	struct endpoint *ep = arg;

	ep->resting = false;
	endpoint_read_and_arm(ep, true);
}

static void
endpoint_sent_some(void *arg)
{
	struct endpoint *ep = arg;

	endpoint_read_and_arm(ep, false);
}

static void
endpoint_ready(void *arg, int events)
{
	struct endpoint *ep = arg;
	/* Each armed queue raises one event, so after the last one there is nothing to read. */
	unsigned int left = ep->send_armed ? 2 : 1;
	struct ibv_cq *cq;
	void *context;

	(void)events;
	while (left-- > 0 && ibv_get_cq_event(ep->channel, &cq, &context) == 0) {
		ibv_ack_cq_events(cq, 1);
		if (cq == cq_verbs(ep->recv_cq))
			ep->recv_armed = ENDPOINT_EXPECTS_NOTHING;
		else
			ep->send_armed = false;
	}
	endpoint_read_and_arm(ep, false);
}

static int
endpoint_create_cqs(struct endpoint *ep)
{
	struct ibv_context *ctx = device_context(ep->config.device);
	int flags, rc;

	ep->channel = ibv_create_comp_channel(ctx);
	if (!ep->channel)
		return -errno;
	flags = fcntl(ep->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(ep->channel->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rc = cq_new(ctx, ep->config.send_depth, ep->channel, ep->config.stamps, &ep->send_cq);
	return rc < 0 ? rc :
			cq_new(ctx, ep->config.recv_depth, ep->channel, ep->config.stamps,
			       &ep->recv_cq);
}

static int
endpoint_create_qp(struct endpoint *ep)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq_verbs(ep->send_cq),
		.recv_cq = cq_verbs(ep->recv_cq),
		.cap = {.max_send_wr = ep->config.send_depth,
			.max_recv_wr = ep->config.recv_depth,
			.max_send_sge = 2,
			.max_recv_sge = 2},
		.qp_type = IBV_QPT_UD,
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = device_get_port(ep->config.device),
		.qkey = ep->config.qkey,
		.sq_psn = ENDPOINT_PSN,
	};
	int rc;

	ep->qp = ibv_create_qp(device_pd(ep->config.device), &init);
	if (!ep->qp)
		return -errno;
	rc = ibv_modify_qp(ep->qp, &attr,
			   IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY);
	if (rc)
		return -rc;
	attr.qp_state = IBV_QPS_RTR;
	rc = ibv_modify_qp(ep->qp, &attr, IBV_QP_STATE);
	if (rc)
		return -rc;
	attr.qp_state = IBV_QPS_RTS;
	return -ibv_modify_qp(ep->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
}

static size_t
endpoint_align(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static int
endpoint_create_buffers(struct endpoint *ep)
{
	const struct endpoint_config *c = &ep->config;
	size_t slots_size;

	ep->recv_stride = endpoint_align(PROBE_WIRE_GRH + endpoint_head(c->recv_size));
	ep->send_stride = endpoint_align(endpoint_head(c->send_size));
	slots_size = c->recv_depth * ep->recv_stride + c->send_depth * ep->send_stride;
	ep->region_size = slots_size + endpoint_align(c->send_size);
	ep->region = mmap(NULL, ep->region_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ep->region == MAP_FAILED) {
		ep->region = NULL;
		return -errno;
	}
	ep->zeroes = ep->region + slots_size;
	ep->mr = ibv_reg_mr(device_pd(c->device), ep->region, ep->region_size,
			    IBV_ACCESS_LOCAL_WRITE);
	if (!ep->mr)
		return -errno;
	ep->junk_mr = ibv_reg_mr(device_pd(c->device), endpoint_junk, ENDPOINT_JUNK,
				 IBV_ACCESS_LOCAL_WRITE);
	if (!ep->junk_mr)
		return -errno;
	ep->slots = calloc(c->send_depth, sizeof(*ep->slots));
	if (!ep->slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->send_depth; i++)
		ep->slots[i].next = i + 1 < c->send_depth ? i + 1 : ENDPOINT_NO_SLOT;
	ep->first_untold = ENDPOINT_NO_SLOT;
	return 0;
}

static int
endpoint_start(struct endpoint *ep)
{
	struct loop_fd_config watch = {
		.fd = ep->channel->fd,
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_PROBE,
		.name = ep->config.name,
		.cb = endpoint_ready,
		.arg = ep,
	};
	int rc;

	for (uint32_t i = 0; i < ep->config.recv_depth; i++) {
		rc = endpoint_post_recv(ep, i);
		if (rc < 0)
			return rc;
	}
	rc = ibv_req_notify_cq(cq_verbs(ep->recv_cq), 0);
	if (rc)
		return -rc;
	ep->recv_armed = ENDPOINT_EXPECTS_ANY;
	rc = loop_timer_new(ep->config.loop, ep->config.name, endpoint_rested, ep, &ep->rest);
	if (rc == 0)
		rc = loop_timer_be_coarse(ep->rest);
	if (rc < 0)
		return rc;
	rc = loop_timer_new(ep->config.loop, ep->config.name, endpoint_more, ep, &ep->more);
	if (rc < 0)
		return rc;
	return loop_fd_new(ep->config.loop, &watch, &ep->ready);
}

static const struct {
	const char *what;
	int (*create)(struct endpoint *ep);
} endpoint_steps[] = {
	{"completion queues", endpoint_create_cqs},
	{"registered memory", endpoint_create_buffers},
	{"queue pair", endpoint_create_qp},
	{"receive buffers", endpoint_start},
};

int
endpoint_new(const struct endpoint_config *config, struct endpoint **out)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));

	if (!ep)
		return -ENOMEM;
	ep->config = *config;
	ep->window_ns[0] = UINT64_MAX;
	for (size_t i = 0; i < sizeof(endpoint_steps) / sizeof(endpoint_steps[0]); i++) {
		int rc = endpoint_steps[i].create(ep);

		if (rc == 0)
			continue;
		log_error(DEVICE, "%s: no %s for the %s: %s%s", device_get_name(config->device),
			  endpoint_steps[i].what, config->name, strerror(-rc),
			  rc == -ENOMEM || rc == -EPERM ?
				  "; raise the locked memory limit (ulimit -l, LimitMEMLOCK=)" :
				  "");
		endpoint_free(ep);
		return rc;
	}
	*out = ep;
	return 0;
}

void
endpoint_free(struct endpoint *ep)
{
	if (!ep)
		return;
	loop_undefer(ep->config.loop, ep);
	loop_fd_free(ep->ready);
	loop_timer_free(ep->more);
	loop_timer_free(ep->rest);
	if (ep->qp)
		ibv_destroy_qp(ep->qp);
	if (ep->slots)
		for (uint32_t i = 0; i < ep->config.send_depth; i++)
			path_ah_unref(ep->slots[i].ah);
	cq_free(ep->recv_cq);
	cq_free(ep->send_cq);
	if (ep->channel)
		ibv_destroy_comp_channel(ep->channel);
	if (ep->junk_mr)
		ibv_dereg_mr(ep->junk_mr);
	if (ep->mr)
		ibv_dereg_mr(ep->mr);
	if (ep->region)
		munmap(ep->region, ep->region_size);
	free(ep->slots);
	free(ep);
}

uint32_t
endpoint_qpn(const struct endpoint *ep)
{
	return ep->qp->qp_num;
}

static int
endpoint_post(struct endpoint *ep, uint32_t i, const struct endpoint_send *send)
{
	struct endpoint_slot *slot = &ep->slots[i];
	uint32_t head = endpoint_head(send->size);
	struct ibv_sge sge[2] = {
		{.addr = (uintptr_t)endpoint_send_buf(ep, i), .length = head, .lkey = ep->mr->lkey},
		{.addr = (uintptr_t)ep->zeroes, .length = send->size - head, .lkey = ep->mr->lkey},
	};
	struct ibv_send_wr wr = {
		.wr_id = ENDPOINT_WR_SEND | i,
		.sg_list = sge,
		.num_sge = sge[1].length ? 2 : 1,
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED | (send->solicited ? IBV_SEND_SOLICITED : 0),
		.wr.ud = {.ah = path_ah_verbs(send->ah), .remote_qpn = send->qpn,
		.remote_qkey = send->qkey},
	}, *bad;

	memcpy(endpoint_send_buf(ep, i), send->payload, head);
	slot->cookie = send->cookie;
	slot->posted_ns = clock_mono_ns();
	return -ibv_post_send(ep->qp, &wr, &bad);
}

/* Polls for the completion of slot i. If it does not come soon, arms the CQ. */
static void
endpoint_await(struct endpoint *ep, uint32_t i)
{
	const struct endpoint_slot *slot = &ep->slots[i];

	do {
		if (endpoint_poll_sends(ep, i) < 0)
			return;
		/* An error comes again when the loop reads. */
		if (ep->early.n < ENDPOINT_POLL_BATCH)
			endpoint_read(ep, &ep->early, endpoint_waiting_since(ep));
	} while (slot->in_flight && clock_mono_ns() - slot->posted_ns < ENDPOINT_SPIN_NS);
	if (slot->in_flight && !ep->send_armed) {
		endpoint_arm_sends(ep);
		endpoint_poll_sends(ep, i);
	}
	if (ep->first_untold != ENDPOINT_NO_SLOT)
		loop_timer_set(ep->more, 0);
}

/* After the sends of the running callback, more may be expected. */
static void
endpoint_read_soon(struct endpoint *ep)
{
	if (ep->recv_armed == ENDPOINT_EXPECTS_ANY || ep->arming)
		return;
	ep->arming = loop_defer(ep->config.loop, endpoint_sent_some, ep) == 0;
	if (!ep->arming)
		endpoint_arm_receives(ep, ENDPOINT_EXPECTS_ANY);
}

int
endpoint_send(struct endpoint *ep, const struct endpoint_send *send, struct endpoint_tx *tx)
{
	uint32_t i = ep->first_free;
	struct endpoint_slot *slot;
	int rc;

	if (send->size > ep->config.send_size)
		return -EMSGSIZE;
	if (ep->failed)
		return -EIO;
	if (i == ENDPOINT_NO_SLOT)
		return -ENOBUFS;
	rc = endpoint_post(ep, i, send);
	if (rc < 0) {
		ep->stats.send_errors++;
		return rc;
	}
	slot = &ep->slots[i];
	ep->first_free = slot->next;
	slot->in_flight = true;
	slot->ah = path_ah_ref(send->ah);
	ep->in_flight++;
	ep->stats.sends++;
	endpoint_await(ep, i);
	endpoint_read_soon(ep);
	*tx = (struct endpoint_tx){.posted_ns = slot->posted_ns, .done = !slot->in_flight};
	if (!tx->done)
		return 0;
	tx->at = endpoint_sent_at(ep, slot);
	rc = slot->status;
	endpoint_slot_release(ep, i);
	return rc;
}

void
endpoint_stats(const struct endpoint *ep, struct endpoint_stats *out)
{
	*out = ep->stats;
}
