/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump of all QPs by RDMA netlink (NETLINK_RDMA, RDMA_NL_NLDEV; <rdma/rdma_netlink.h>, what `rdma
 * resource show qp` asks). It is read for two reasons: it says which QPs exist, and it makes the
 * kernel call ib_query_qp() on each, where the tracer listens.
 *
 * Blocking: the socket never blocks, but the kernel queries each QP within recv(2), which for
 * hardware takes a firmware command (tens of microseconds) a QP. So each callback receives one
 * message, of a buffer as small as netlink allows, and returns to the loop. The socket is open
 * during a dump only: an open one would keep ib_core from being unloaded.
 *
 * What a dump may miss: the kernel remembers by position where it stopped, message by message, and
 * does not set NLM_F_DUMP_INTR. When a QP that it has already told is destroyed, those behind move
 * up, and the first of the next message is left out. So a QP that is missing has ended only if no
 * QP of its device was destroyed during the dump, or if it is missing from the next one as well.
 */
#ifndef RPINGMESH_TRACE_NLDEV_H
#define RPINGMESH_TRACE_NLDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct nldev;

struct nldev_qp {
	uint32_t device_index;
	char device[64];
	uint32_t port;       /* 0: not said */
	uint32_t qpn;
	uint32_t remote_qpn; /* valid if has_remote (connected types only) */
	bool has_remote;
	uint8_t qp_type;     /* enum ib_qp_type */
	uint8_t state;       /* enum ib_qp_state */
	uint32_t pid; /* as this process's pid namespace has it; 0: a kernel consumer, or a process
			 that has gone or is outside */
	char kernel_name[32];/* of a kernel consumer; "" else. Longer ones are cut */
};

struct nldev_ops {
	void (*qp)(void *arg, const struct nldev_qp *qp);
	/*
	 * The dump is over: 0 and how many QPs it had, or -errno (-ETIMEDOUT: ten seconds without
	 * an answer; -EINTR: the kernel says that the list changed while it was read, in a way that
	 * leaves it incomplete; -EBADMSG; what a driver answered). n_qps counts in any case. A
	 * device that goes away meanwhile is no error, and an error of one does not keep the others
	 * from being read. From the loop. The dump may be freed from within.
	 */
	void (*done)(void *arg, int status, uint32_t n_qps);
};

struct nldev_config {
	struct loop *loop;
	const struct nldev_ops *ops;
	void *arg;
};

/*
 * Starts a dump: 0 and *out, owned by the caller; done follows, never from within. Or -errno at
 * once; -EPROTONOSUPPORT: ib_core is not loaded, which is looked up first, as the mere attempt to
 * open the socket would load it.
 */
int nldev_dump(const struct nldev_config *config, struct nldev **out);
/* Ends it without a word if it still runs. NULL is allowed. */
void nldev_free(struct nldev *dump);

/*
 * Parses one netlink message (with header, of len bytes, aligned to 4) that answers
 * RDMA_NLDEV_CMD_RES_QP_GET; calls qp for each entry. Pure, for tests and fuzzing: 0, or -EBADMSG
 * when the message contradicts itself or lacks the device or an entry's QPN, type or state; the
 * entries before that one have been handed over. Unknown attributes are skipped.
 */
int nldev_parse(const void *message, size_t len, const struct nldev_ops *ops, void *arg);

#endif
