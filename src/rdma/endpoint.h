/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UD endpoints: a UD QP in RTS with its own CQs, receive buffers and send slots, driven by the
 * loop.
 *
 * Sends and receives each have a CQ, so that endpoint_send() can poll for the completion of its
 * send. This makes the software timestamp of a send accurate. Both CQs share a completion channel.
 */
#ifndef RPINGMESH_RDMA_ENDPOINT_H
#define RPINGMESH_RDMA_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/hwclock.h"
#include "rdma/cq.h"

struct device;
struct endpoint;
struct loop;
struct path_ah;

#define ENDPOINT_CQES_PER_WAKEUP 128
/* The time for which endpoint_send() polls for the completion. */
#define ENDPOINT_SPIN_NS 20000ULL
#define ENDPOINT_REST_NS 20000000ULL /* by a coarse timer */
#define ENDPOINT_CROWD 64 /* so many messages in a wake-up: the receive queue might overflow */

/*
 * The bytes at the start of a message that are sent as given, and that are kept of a received
 * message. Later bytes are sent as zeros and are not kept.
 */
#define ENDPOINT_HEAD 64u

/* A received message, valid during the call. Its payload has not been checked. */
struct endpoint_rx {
	struct addr src, dst; /* from the GRH */
	uint8_t hop_limit;    /* also */
	uint32_t src_qpn;
	const uint8_t *payload; /* the first ENDPOINT_HEAD of its len bytes, or all */
	uint32_t len;
	/*
	 * The time at which its completion was read. error_ns: the longest time for which it may
	 * have waited in a queue of this process. The RNIC's timestamp is that of its arrival.
	 */
	struct hwclock_moment at;
};

/*
 * Only what is urgent wakes the loop up. The rest is read with it, after the next send, or if such
 * messages are expected, ENDPOINT_REST_NS later; the time and the error of its arrival mean
 * nothing.
 */
enum endpoint_expects {
	ENDPOINT_EXPECTS_NOTHING,
	ENDPOINT_EXPECTS_SOLICITED, /* solicited messages are urgent, others are not */
	ENDPOINT_EXPECTS_ANY,       /* all are urgent */
};

struct endpoint_ops {
	void (*received)(void *arg, const struct endpoint_rx *rx);
	/*
	 * A send has completed for which endpoint_tx.done was false. status is 0, or -errno for a
	 * failed completion.
	 */
	void (*sent)(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at);
	/* The QP is in error, and the endpoint must be replaced. Must not free the endpoint. */
	void (*failed)(void *arg, const char *reason);
	/* What is expected now. Asked after messages and sends. NULL: ENDPOINT_EXPECTS_ANY. */
	enum endpoint_expects (*expects)(void *arg);
};

struct endpoint_config {
	struct loop *loop;
	struct device *device; /* borrowed, outlives the endpoint */
	const char *name;      /* for logs; must outlive the endpoint */
	uint32_t qkey;
	uint32_t send_depth, recv_depth;
	/*
	 * Longest payloads. Longer messages that arrive are counted and dropped, and do not harm
	 * the QP.
	 */
	uint32_t send_size, recv_size;
	enum cq_stamps stamps; /* those that the device offers: cq_query_clock() */
	const struct endpoint_ops *ops;
	void *arg;
};

/*
 * Returns 0 and sets *out, which the caller owns, or logs the error with its cure and returns
 * -errno (-ENOMEM: RLIMIT_MEMLOCK). Makes system calls into the driver.
 */
int endpoint_new(const struct endpoint_config *config, struct endpoint **out);
/* Sends in flight end without a call of sent(). NULL is allowed. */
void endpoint_free(struct endpoint *ep);

uint32_t endpoint_qpn(const struct endpoint *ep);

struct endpoint_send {
	struct path_ah *ah; /* the endpoint takes its own reference until the send completes */
	uint32_t qpn, qkey;
	const uint8_t *payload; /* copied, but not more than ENDPOINT_HEAD bytes */
	uint32_t size;
	uint32_t cookie;
	bool solicited; /* see enum endpoint_expects; for the other end */
};
struct endpoint_tx {
	uint64_t posted_ns; /* just before the post */
	/*
	 * Valid if done: the estimated time at which the message left, which is between posted_ns
	 * and the completion. error_ns is the largest possible error.
	 */
	struct hwclock_moment at;
	bool done;          /* the send is complete; otherwise ops->sent() follows */
};
/*
 * Sends a message. Polls for at most ENDPOINT_SPIN_NS. Returns 0, -EMSGSIZE, -ENOBUFS (all slots
 * are in flight), or the -errno of the post.
 */
int endpoint_send(struct endpoint *ep, const struct endpoint_send *send, struct endpoint_tx *tx);

/*
 * Reads completions, as the loop does, and calls ops->received() and ops->sent(). now_ns: the time,
 * read before the call. Returns the number of received messages. For busy polling.
 */
uint32_t endpoint_poll(struct endpoint *ep, uint64_t now_ns);

struct endpoint_stats {
	uint64_t sends, send_errors;
	uint64_t receives, receive_errors, receives_too_long;
	uint64_t receive_queue_full; /* how often all receive buffers were in use, so that messages
					may have been lost */
};
void endpoint_stats(const struct endpoint *ep, struct endpoint_stats *out);

#endif
