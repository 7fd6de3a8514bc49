/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: cq
 *
 * Owns one ibv_cq, plain or extended. An extended one is polled only with its iterator, because
 * rdma-core does not allow both ways at once.
 */
#include "rdma/cq.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <stdlib.h>

#define CQ_BATCH 16
/*
 * What endpoints need from a completion. ibv_wc_read_wc_flags(3) always includes the GRH flag.
 */
#define CQ_FIELDS (IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_SRC_QP)

struct cq {
	struct ibv_cq *plain;  /* one of these two */
	struct ibv_cq_ex *ex;
	enum cq_stamps stamps; /* of ex */
};

static uint64_t
cq_flag(enum cq_stamps stamps)
{
	return stamps == CQ_STAMPS_WALL ? IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK
					: IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
}

int
cq_new(struct ibv_context *ctx, uint32_t depth, struct ibv_comp_channel *channel,
       enum cq_stamps stamps, struct cq **out)
{
	struct ibv_cq_init_attr_ex attr = {.cqe = depth,
					   .channel = channel,
					   .wc_flags = CQ_FIELDS | cq_flag(stamps)};
	struct cq *cq = calloc(1, sizeof(*cq));
	int rc;

	if (!cq)
		return -ENOMEM;
	cq->stamps = stamps;
	errno = 0;
	if (stamps == CQ_STAMPS_NONE)
		cq->plain = ibv_create_cq(ctx, (int)depth, NULL, channel, 0);
	else
		cq->ex = ibv_create_cq_ex(ctx, &attr);
	if (!cq->plain && !cq->ex) {
		rc = errno ? -errno : -EIO;
		free(cq);
		return rc;
	}
	*out = cq;
	return 0;
}

struct ibv_cq *
cq_verbs(const struct cq *cq)
{
	return cq->ex ? ibv_cq_ex_to_cq(cq->ex) : cq->plain;
}

void
cq_free(struct cq *cq)
{
	if (!cq)
		return;
	ibv_destroy_cq(cq_verbs(cq));
	free(cq);
}

static int
cq_poll_plain(struct cq *cq, int n, struct cq_entry *entries)
{
	struct ibv_wc wc[CQ_BATCH];
	int got = ibv_poll_cq(cq->plain, n < CQ_BATCH ? n : CQ_BATCH, wc);

	for (int i = 0; i < got; i++)
		entries[i] = (struct cq_entry){
			.wr_id = wc[i].wr_id,
			.status = wc[i].status,
			.byte_len = wc[i].byte_len,
			.src_qp = wc[i].src_qp,
			.wc_flags = wc[i].wc_flags,
		};
	return got < 0 ? -EIO : got;
}

/*
 * Reads the iterator's present completion. If it has failed, only wr_id and status may be read.
 */
static void
cq_read(const struct cq *cq, struct cq_entry *e)
{
	struct ibv_cq_ex *ex = cq->ex;

	*e = (struct cq_entry){.wr_id = ex->wr_id, .status = ex->status};
	if (ex->status != IBV_WC_SUCCESS)
		return;
	e->stamped = true;
	e->ticks = cq->stamps == CQ_STAMPS_WALL ? ibv_wc_read_completion_wallclock_ns(ex) :
						  ibv_wc_read_completion_ts(ex);
	if (ibv_wc_read_opcode(ex) & IBV_WC_RECV) {
		e->byte_len = ibv_wc_read_byte_len(ex);
		e->src_qp = ibv_wc_read_src_qp(ex);
		e->wc_flags = ibv_wc_read_wc_flags(ex);
	}
}

static int
cq_poll_ex(struct cq *cq, int n, struct cq_entry *entries)
{
	struct ibv_poll_cq_attr attr = {0};
	int got = 0, rc = ibv_start_poll(cq->ex, &attr);

	/*
	 * EBUSY means only that the page for wall-clock times is being written.
	 */
	if (rc == ENOENT || rc == EBUSY)
		return 0;
	if (rc)
		return -rc;
	do {
		cq_read(cq, &entries[got++]);
	} while (got < n && (rc = ibv_next_poll(cq->ex)) == 0);
	ibv_end_poll(cq->ex);
	/* After an error, return the completions first; the next poll gets the error again. */
	return got;
}

int
cq_poll(struct cq *cq, int n, struct cq_entry *entries)
{
	return cq->ex ? cq_poll_ex(cq, n, entries) : cq_poll_plain(cq, n, entries);
}

/* Whether the device can make queues with such timestamps. */
static bool
cq_try(struct ibv_context *ctx, enum cq_stamps stamps)
{
	struct cq *cq;

	if (cq_new(ctx, 1, NULL, stamps, &cq) < 0)
		return false;
	cq_free(cq);
	return true;
}

void
cq_query_clock(struct ibv_context *ctx, struct cq_clock *out)
{
	struct ibv_device_attr_ex attr = {0};
	bool told =
		ibv_query_device_ex(ctx, NULL, &attr) == 0 && attr.completion_timestamp_mask != 0;

	*out = (struct cq_clock){.stamps = CQ_STAMPS_NONE};
	if (!told)
		out->reason = "the device has no completion timestamps";
	else if (attr.hca_core_clock == 0)
		out->reason = "the device does not report the frequency of its clock";
	else if (cq_try(ctx, CQ_STAMPS_RAW)) {
		*out = (struct cq_clock){CQ_STAMPS_RAW, attr.hca_core_clock,
					 attr.completion_timestamp_mask, NULL};
		return;
	} else {
		out->reason = "the driver makes no completion queues with timestamps";
	}
	if (cq_try(ctx, CQ_STAMPS_WALL))
		*out = (struct cq_clock){
			CQ_STAMPS_WALL, 1000000, UINT64_MAX,
			"wall-clock completion timestamps; the device offers no raw ones"};
}
