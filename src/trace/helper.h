/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracing helper: a process that loads the BPF programs and attaches them for the daemon. It
 * alone keeps CAP_BPF and CAP_PERFMON. The daemon, which parses what other hosts send, has neither;
 * it gets the descriptors of the maps, and reads the events itself. The hooks live as long as the
 * helper, and the helper as long as the daemon. The helper does not trust the daemon: it knows two
 * requests of a fixed size, and ends at anything else.
 *
 * src/agent/tracing.c makes the process and takes its rights away.
 */
#ifndef RPINGMESH_TRACE_HELPER_H
#define RPINGMESH_TRACE_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/helper_wire.h"
#include "trace/tracer_ring.h"

struct helper;
struct loop;

/* ---- the helper ---- */

/* Whether this program was built with BPF. Without it there is no helper. */
bool helper_supported(void);
/*
 * What to call before the process of the helper is made: the number of the daemon in the initial
 * pid namespace; 0: unknown. Needs CAP_BPF inside a container.
 */
uint32_t helper_whoami(void);
/*
 * Serves the daemon at the other end of fd, a socket of type SOCK_SEQPACKET, until that is closed
 * or breaks the rules. own_tgid: helper_whoami() of the daemon.
 */
void helper_serve(int fd, uint32_t own_tgid);

/* ---- the daemon's end of it ---- */

/*
 * Returns 0 and sets *out, which the caller owns, or -errno; except for -ENOMEM, the child has been
 * ended. Takes over fd, one end of a pair of sockets, and pid, a child that serves the other end.
 */
int helper_new(struct loop *loop, int fd, pid_t pid, struct helper **out);
/* Ends the helper, and waits until it has detached all hooks. NULL is allowed. */
void helper_free(struct helper *helper);

struct helper_ops {
	/* The answer to the last request. maps: only if r->loaded; closed after the call. */
	void (*answered)(void *arg, const struct helper_message *r,
			 const struct tracer_ring_maps *maps);
	/* The helper has ended. */
	void (*gone)(void *arg);
};

/* From now on, answers go to this user, the only one. NULL: to nobody. */
void helper_use(struct helper *helper, const struct helper_ops *ops, void *arg);
/* Sends a request. Does not wait for the answer. Returns 0, or -EPIPE: the helper has ended. */
int helper_ask(struct helper *helper, enum helper_op op, uint32_t method);

/* Why the helper has ended, and the cure; NULL: it has not. */
const char *helper_gone(const struct helper *helper);
/* The capabilities that it holds, as bits of <linux/capability.h>. helper: NULL is allowed. */
uint64_t helper_capabilities(const struct helper *helper);

#endif
