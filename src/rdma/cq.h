/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion queues, with or without timestamps of the RNIC, with one interface for both.
 *
 * Without timestamps: ibv_create_cq(3) and ibv_poll_cq(3). With timestamps: ibv_create_cq_ex(3) and
 * its iterator, which takes a few indirect calls for each completion. To find out what a device
 * can do, we ask it and then make such a queue. mlx4, mlx5, irdma and ionic have raw ticks; mlx5
 * and ionic also have wall-clock time; soft-RoCE refuses (EOPNOTSUPP).
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
	CQ_STAMPS_WALL, /* ns of the RNIC's CLOCK_REALTIME, which may jump */
};

/* The timestamps that a device offers. */
struct cq_clock {
	enum cq_stamps stamps;
	uint64_t khz, mask;  /* frequency and width of cq_entry.ticks; not for NONE */
	const char *reason;  /* static text: why NONE, or why not RAW; otherwise NULL */
};

/* Asks the device. Makes and destroys a queue of one entry, by system calls. */
void cq_query_clock(struct ibv_context *ctx, struct cq_clock *out);

struct cq_entry {
	uint64_t wr_id;
	int status; /* enum ibv_wc_status */
	/* The rest is valid only if status is IBV_WC_SUCCESS; the next three only for receives. */
	uint32_t byte_len, src_qp;
	unsigned int wc_flags;
	bool stamped;
	uint64_t ticks; /* if stamped */
};

/*
 * Makes a queue for `depth` completions. The caller owns the channel. Returns 0 and sets *out,
 * which the caller owns, or -errno.
 */
int cq_new(struct ibv_context *ctx, uint32_t depth, struct ibv_comp_channel *channel,
	   enum cq_stamps stamps, struct cq **out);
/* The caller has destroyed its QPs and acknowledged its events. NULL is allowed. */
void cq_free(struct cq *cq);

/* The queue for ibv_create_qp(3), ibv_req_notify_cq(3) and comparisons. Borrowed. */
struct ibv_cq *cq_verbs(const struct cq *cq);

/* Reads at most n completions. Returns their number, or -errno. Does not block. */
int cq_poll(struct cq *cq, int n, struct cq_entry *entries);

#endif
