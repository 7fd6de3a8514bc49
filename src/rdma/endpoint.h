/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UD endpoints: one UD QP in RTS with its own CQs, receive buffers and send slots, driven by the
 * loop.
 *
 * Sends and receives have a CQ each, so that the completion of a send can be polled right where it
 * was posted: that is what makes a software timestamp of the send honest. Both share a completion
 * channel.
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
/* How long a send is polled for right after it was posted. */
#define ENDPOINT_SPIN_NS 20000ULL

/*
 * Of each message this much at most is sent as given, and kept of what arrives; what is behind it
 * goes as zeroes and is not kept.
 */
#define ENDPOINT_HEAD 64u

/* A message that arrived; valid during the call. Nothing in the payload has been looked at. */
struct endpoint_rx {
	struct addr src, dst; /* from the GRH */
	uint32_t src_qpn;
	const uint8_t *payload; /* the first ENDPOINT_HEAD bytes of len, or all if they are less */
	uint32_t len;
	/* When its completion was read; error_ns: since when at most it may have been waiting in a
	 * queue that this process knows of. Stamped by the RNIC when it arrived. */
	struct hwclock_moment at;
};

struct endpoint_ops {
	void (*received)(void *arg, const struct endpoint_rx *rx);
	/*
	 * For sends whose endpoint_tx said done == false. status 0, or -errno for a failed
	 * completion.
	 */
	void (*sent)(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at);
	/* The QP is in error: the endpoint must be replaced. Not to be freed from within. */
	void (*failed)(void *arg, const char *reason);
};

struct endpoint_config {
	struct loop *loop;
	struct device *device; /* borrowed, outlives the endpoint */
	const char *name;      /* for logs, kept */
	uint32_t qkey;
	uint32_t send_depth, recv_depth;
	/*
	 * Longest payloads. Longer messages that arrive are counted and dropped, and do the QP no
	 * harm.
	 */
	uint32_t send_size, recv_size;
	enum cq_stamps stamps; /* that the device offers: cq_query_clock() */
	const struct endpoint_ops *ops;
	void *arg;
};

/* 0 and *out, owned by the caller, or -errno, logged with the cure (-ENOMEM: RLIMIT_MEMLOCK). */
int endpoint_new(const struct endpoint_config *config, struct endpoint **out);
/* Sends in flight end without a word. NULL is allowed. */
void endpoint_free(struct endpoint *ep);

uint32_t endpoint_qpn(const struct endpoint *ep);

struct endpoint_send {
	struct path_ah *ah; /* the endpoint takes a reference of its own until the send completes */
	uint32_t qpn, qkey;
	const uint8_t *payload; /* copied, ENDPOINT_HEAD bytes of it at most */
	uint32_t size;
	uint32_t cookie;
};
struct endpoint_tx {
	uint64_t posted_ns; /* just before the post */
	/* Valid if done: an estimate of when the message left; that was between posted_ns and when
	 * the completion was seen, and error_ns tells how far the estimate may be off then. */
	struct hwclock_moment at;
	bool done;          /* ops->sent follows otherwise */
};
/*
 * Never waits longer than ENDPOINT_SPIN_NS. 0, -EMSGSIZE, -ENOBUFS (all slots in flight), or -errno
 * of the post.
 */
int endpoint_send(struct endpoint *ep, const struct endpoint_send *send, struct endpoint_tx *tx);

/*
 * Reads what has arrived, as the loop would: ops->received and ops->sent are called from within.
 * now_ns: the time, read before the call. Returns the number of messages. For busy polling.
 */
uint32_t endpoint_poll(struct endpoint *ep, uint64_t now_ns);

struct endpoint_stats {
	uint64_t sends, send_errors;
	uint64_t receives, receive_errors, receives_too_long;
	uint64_t receive_queue_full; /* times that all receive buffers were found used up: messages
					may be missing */
};
void endpoint_stats(const struct endpoint *ep, struct endpoint_stats *out);

#endif
