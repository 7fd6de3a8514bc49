/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion queues with or without timestamps of the RNIC, polled in the same way.
 *
 * Without: ibv_create_cq(3), ibv_poll_cq(3). With: ibv_create_cq_ex(3) and its iterator; it costs a
 * handful of indirect calls a completion. What a device can do is found out by asking it and then
 * making such a queue: mlx4, mlx5, irdma and ionic give raw ticks, mlx5 and ionic wall-clock time
 * too; soft-RoCE refuses (EOPNOTSUPP).
 */
#ifndef RPINGMESH_RDMA_CQ_H
#define RPINGMESH_RDMA_CQ_H

#include <stdbool.h>
#include <stdint.h>

struct cq;
struct ibv_comp_channel;
struct ibv_context;
struct ibv_cq;

enum cq_stamps {
	CQ_STAMPS_NONE,
	CQ_STAMPS_RAW,  /* ticks of the RNIC's counter */
	CQ_STAMPS_WALL, /* ns of the RNIC's idea of CLOCK_REALTIME; it may be stepped */
};

/* The timestamps that a device offers. */
struct cq_clock {
	enum cq_stamps stamps;
	uint64_t khz, mask;  /* of what struct cq_entry's ticks count; unless NONE */
	const char *reason;  /* static text: why NONE, or why not RAW; else NULL */
};

/* Makes and destroys a queue of one entry: system calls. */
void cq_query_clock(struct ibv_context *ctx, struct cq_clock *out);

struct cq_entry {
	uint64_t wr_id;
	int status; /* enum ibv_wc_status */
	/* The rest only if status is IBV_WC_SUCCESS, the first three of receives only. */
	uint32_t byte_len, src_qp;
	unsigned int wc_flags;
	bool stamped;
	uint64_t ticks; /* if stamped */
};

/*
 * 0 and *out, owned by the caller, or -errno. Room for `depth` completions; channel stays the
 * caller's.
 */
int cq_new(struct ibv_context *ctx, uint32_t depth, struct ibv_comp_channel *channel,
	   enum cq_stamps stamps, struct cq **out);
/* Its QPs must be gone, and its events acknowledged. NULL is allowed. */
void cq_free(struct cq *cq);

/* For ibv_create_qp(3), ibv_req_notify_cq(3) and to compare. Borrowed. */
struct ibv_cq *cq_verbs(const struct cq *cq);

/* Completions, n of them at most: how many, or -errno. Does not block. */
int cq_poll(struct cq *cq, int n, struct cq_entry *entries);

#endif
