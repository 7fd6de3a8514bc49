/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIDR over rdma_cm (RDMA_PS_UDP; rdma_cm(7), InfiniBand Architecture volume 1, 12.11): how a
 * daemon learns QPN and Q_Key of another from its IP address alone. One event channel serves all
 * addresses; everything is asynchronous.
 *
 * Each question has a time limit of its own: the kernel would ask on for a minute. Requests are
 * answered in the callback or any time later.
 */
#ifndef RPINGMESH_RDMA_SIDR_H
#define RPINGMESH_RDMA_SIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct loop;
struct sidr;
struct sidr_listener;
struct sidr_call;
struct sidr_request;

/* 0 and *out, or -errno: -ENODEV, -ENOENT: module rdma_ucm; -EACCES: /dev/infiniband/rdma_cm. */
int sidr_new(struct loop *loop, struct sidr **out);
/* What to do about that: static text to follow the error, or "". */
const char *sidr_cure(int error);
/* Listeners, calls and requests must be gone. NULL is allowed. */
void sidr_free(struct sidr *sidr);

/*
 * A device has gone, and nothing of ours is on it any more. librdmacm keeps each device open that
 * it has used, and the kernel cannot finish a removal (soft-RoCE's, for one) while somebody does.
 * Opens the devices that it has not used yet. none_left: there is no device any more, and nobody
 * but librdmacm has one open.
 */
void sidr_forget_gone(bool none_left);

enum sidr_step {
	SIDR_STEP_ADDRESS, /* resolving route and neighbour of the address */
	SIDR_STEP_ROUTE,   /* resolving the path record; for RoCE without a packet */
	SIDR_STEP_REPLY,   /* waiting for the peer's answer */
	SIDR_STEP_N
};
/* In words. */
const char *sidr_step_name(enum sidr_step step);

/* What came of a question. Valid during the call. */
struct sidr_answer {
	int status; /* 0, or -errno: -ETIMEDOUT, -EHOSTUNREACH (no such neighbour or route),
		       -ECONNREFUSED (nobody listens there), -EBUSY (somebody listens, but has not
		       taken the request), -EADDRNOTAVAIL (local address), or what the kernel says
		     */
	enum sidr_step step;  /* what was being done then */
	const uint8_t *data;  /* private data; NULL if address_only */
	size_t len;
};

struct sidr_question {
	struct addr local, remote; /* local: bound to, always */
	uint16_t port;
	uint32_t timeout_ms;       /* for everything together */
	bool address_only;         /* resolve route and neighbour, ask nobody */
	const uint8_t *data;       /* private data, copied */
	size_t len;
	void (*answered)(void *arg, const struct sidr_answer *answer);
	void *arg;
};

#define SIDR_DATA_MAX 180

/*
 * Asks. 0 and *out: `answered` will be called once, from the loop, and *out is void then. -errno:
 * it will not. *out may be used for sidr_cancel() only.
 */
int sidr_ask(struct sidr *sidr, const struct sidr_question *question, struct sidr_call **out);
/* `answered` will not be called. NULL is allowed. */
void sidr_cancel(struct sidr_call *call);

/* A request that came in. data is valid during the callback only. */
struct sidr_request_info {
	struct addr local, remote;
	const uint8_t *data;
	size_t len;
};

struct sidr_listener_config {
	struct addr local;
	uint16_t port;
	/* `request` must be answered or dropped, now or later. */
	void (*requested)(void *arg, struct sidr_request *request,
			  const struct sidr_request_info *info);
	void *arg;
};
/* 0 and *out, or -errno, logged: -EADDRINUSE, -EADDRNOTAVAIL. */
int sidr_listen(struct sidr *sidr, const struct sidr_listener_config *config,
		struct sidr_listener **out);
/* Requests that came by it remain. NULL is allowed. */
void sidr_listener_free(struct sidr_listener *listener);

/*
 * Answers with a QPN and private data (at most 136 bytes). The request is void then. 0 or -errno.
 */
int sidr_answer(struct sidr_request *request, uint32_t qpn, const uint8_t *data, size_t len);
/* No answer. */
void sidr_drop(struct sidr_request *request);

#endif
