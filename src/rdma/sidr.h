/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIDR over rdma_cm (RDMA_PS_UDP; rdma_cm(7), InfiniBand Architecture volume 1, 12.11). With it a
 * daemon gets QPN and Q_Key of another daemon, of which it knows only the IP address. One event
 * channel serves all addresses, and everything is asynchronous.
 *
 * Each question has its own time limit, because the kernel would repeat it for a minute. Requests
 * are answered in the callback, or at any time later.
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

/*
 * Returns 0 and sets *out, which the caller owns, or -errno. -ENODEV, -ENOENT: the module rdma_ucm
 * is missing; -EACCES: no permission for /dev/infiniband/rdma_cm.
 */
int sidr_new(struct loop *loop, struct sidr **out);
/* The cure for an error of sidr_new(), as static text to append to the error, or "". */
const char *sidr_cure(int error);
/* All listeners, calls and requests must have been freed. NULL is allowed. */
void sidr_free(struct sidr *sidr);

/*
 * Call this when a device has gone and we have no object on it any more. librdmacm keeps each
 * device open that it has used, and then the kernel cannot finish the removal (for example of
 * soft-RoCE). This makes librdmacm close the removed devices, and open those that it has not used
 * yet. none_left: there are no devices any more, and only librdmacm has one open.
 */
void sidr_forget_gone(bool none_left);

enum sidr_step {
	SIDR_STEP_ADDRESS, /* resolving route and neighbour of the address */
	SIDR_STEP_ROUTE,   /* resolving the path record; for RoCE without a packet */
	SIDR_STEP_REPLY,   /* waiting for the peer's answer */
	SIDR_STEP_N
};
/* The name of the step in words. */
const char *sidr_step_name(enum sidr_step step);

/* The result of a question. Valid during the call. */
struct sidr_answer {
	int status; /* 0, or -errno: -ETIMEDOUT, -EHOSTUNREACH (no such neighbour or route),
		       -ECONNREFUSED (there is no listener), -EBUSY (there is a listener, but it has
		       not taken the request), -EADDRNOTAVAIL (local address), or the kernel's error
		     */
	enum sidr_step step;  /* the step at the end */
	const uint8_t *data;  /* private data; NULL if address_only */
	size_t len;
};

struct sidr_question {
	struct addr local, remote; /* the question is bound to the local address */
	uint16_t port;
	uint32_t timeout_ms;       /* for all steps together */
	bool address_only;         /* only resolve route and neighbour */
	const uint8_t *data;       /* private data, copied */
	size_t len;
	void (*answered)(void *arg, const struct sidr_answer *answer);
	void *arg;
};

#define SIDR_DATA_MAX 180

/*
 * Asks. Returns 0 and sets *out; then the loop calls answered() once, and *out is no longer valid.
 * Or returns -errno, and answered() is not called. *out is for sidr_cancel() only.
 */
int sidr_ask(struct sidr *sidr, const struct sidr_question *question, struct sidr_call **out);
/* Ends the question without a call of answered(). NULL is allowed. */
void sidr_cancel(struct sidr_call *call);

/* A received request. data is valid during the callback only. */
struct sidr_request_info {
	struct addr local, remote;
	const uint8_t *data;
	size_t len;
};

struct sidr_listener_config {
	struct addr local;
	uint16_t port;
	/* The receiver must answer or drop `request`, now or later. */
	void (*requested)(void *arg, struct sidr_request *request,
			  const struct sidr_request_info *info);
	void *arg;
};
/*
 * Returns 0 and sets *out, which the caller owns, or logs the error and returns -errno:
 * -EADDRINUSE, -EADDRNOTAVAIL.
 */
int sidr_listen(struct sidr *sidr, const struct sidr_listener_config *config,
		struct sidr_listener **out);
/* Its open requests remain valid. NULL is allowed. */
void sidr_listener_free(struct sidr_listener *listener);

/*
 * Answers with a QPN and at most 136 bytes of private data, and frees the request. Returns 0 or
 * -errno.
 */
int sidr_answer(struct sidr_request *request, uint32_t qpn, const uint8_t *data, size_t len);
/* Frees the request without an answer. */
void sidr_drop(struct sidr_request *request);

#endif
