/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump of all QPs over RDMA netlink (NETLINK_RDMA, RDMA_NL_NLDEV; <rdma/rdma_netlink.h>), as in
 * `rdma resource show qp`. A dump has two purposes: it lists the QPs that exist, and it makes the
 * kernel call ib_query_qp() on each, which has a hook of the tracer.
 *
 * Blocking: the socket never blocks. But the kernel queries each QP within recv(2), and for
 * hardware a query is a firmware command of tens of microseconds. So each callback receives one
 * message, with a buffer as small as netlink allows, and returns to the loop. The socket is open
 * during a dump only, because an open one keeps ib_core from being unloaded.
 *
 * What a dump may miss: between messages the kernel remembers its position in the list of QPs, and
 * it does not set NLM_F_DUMP_INTR. If a QP before that position is destroyed, the later ones move
 * up, and the next message skips one. So a missing QP has certainly ended only if no QP of its
 * device was destroyed during the dump. If the next dump lacks it as well, it has very likely
 * ended.
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
	uint32_t port;       /* 0: unknown */
	uint32_t qpn;
	uint32_t remote_qpn; /* valid if has_remote (connected types only) */
	bool has_remote;
	uint8_t qp_type;     /* enum ib_qp_type */
	uint8_t state;       /* enum ib_qp_state */
	uint32_t pid; /* in the pid namespace of this process; 0: the owner is in the kernel, has
			 ended, or is outside the namespace */
	char kernel_name[32];/* of an owner in the kernel, may be truncated; otherwise "" */
};

struct nldev_ops {
	void (*qp)(void *arg, const struct nldev_qp *qp);
	/*
	 * The dump is over. status is 0, or -errno: -ETIMEDOUT (no answer for ten seconds), -EINTR
	 * (the kernel reports that the list changed and is incomplete), -EBADMSG, or the error of a
	 * driver. n_qps is the number of QPs so far, also after an error. A device that goes away
	 * meanwhile is no error. After an error of one device the others are still read. Called
	 * from the loop; may free the dump.
	 */
	void (*done)(void *arg, int status, uint32_t n_qps);
};

struct nldev_config {
	struct loop *loop;
	const struct nldev_ops *ops;
	void *arg;
};

/*
 * Starts a dump. Returns 0 and sets *out, which the caller owns; later the loop calls done(). Or
 * returns -errno. -EPROTONOSUPPORT: ib_core is not loaded. This is checked first, because opening
 * the socket would load it.
 */
int nldev_dump(const struct nldev_config *config, struct nldev **out);
/* Frees the dump. If it still runs, it ends without a call of done(). NULL is allowed. */
void nldev_free(struct nldev *dump);

/*
 * Parses one netlink message that answers RDMA_NLDEV_CMD_RES_QP_GET, and calls qp() for each entry.
 * The message has len bytes with its header, and is aligned to 4. Unknown attributes are skipped.
 * Returns 0. Returns -EBADMSG if the message is inconsistent or lacks the device, or if an entry
 * lacks QPN, type or state; qp() has been called for the entries before. Pure, for tests and
 * fuzzing.
 */
int nldev_parse(const void *message, size_t len, const struct nldev_ops *ops, void *arg);

#endif
