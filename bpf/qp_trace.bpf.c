// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The hooks on ib_core: src/trace/tracer_hooks.c says what is attached to what. Each program stands
 * twice, for perf kprobes and for kprobe.multi, because a program is verified for one of them. The
 * same bytes serve x86-64 and arm64: which registers hold arguments is decided when the object is
 * loaded, by the fields that the kernel's struct pt_regs has.
 */
#include "qp_logic.bpf.h"

static __always_inline __u64
qp_arg(const void *ctx, int n)
{
	const struct pt_regs___x86 *x86 = ctx;
	const struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(arm64->regs))
		return n == 0 ? BPF_CORE_READ(arm64, regs[0]) :
		       n == 1 ? BPF_CORE_READ(arm64, regs[1]) :
				BPF_CORE_READ(arm64, regs[2]);
	return n == 0 ? BPF_CORE_READ(x86, di) :
	       n == 1 ? BPF_CORE_READ(x86, si) :
			BPF_CORE_READ(x86, dx);
}

static __always_inline int
qp_return(const void *ctx)
{
	const struct pt_regs___x86 *x86 = ctx;
	const struct pt_regs___arm64 *arm64 = ctx;

	return bpf_core_field_exists(arm64->regs) ? BPF_CORE_READ(arm64, regs[0]) :
						    BPF_CORE_READ(x86, ax);
}

#define QP_ARG(ctx, n, type) ((type)qp_arg(ctx, n))
#define QP_CALL_BEGINS(ctx, hook) \
	qp_call_begins(hook, QP_ARG(ctx, 0, const struct ib_qp *), \
		       QP_ARG(ctx, 1, const struct ib_qp_attr *), QP_ARG(ctx, 2, __u32))

#define QP_PROGRAM(name, kind, function, body) \
	SEC(kind "/" function) int name(void *ctx) { return body; } \
	SEC(kind ".multi") int name##_multi(void *ctx) { return body; }

QP_PROGRAM(modify_user, "kprobe", "ib_modify_qp_with_udata",
	   QP_CALL_BEGINS(ctx, QP_HOOK_MODIFY_USER))
QP_PROGRAM(modify_user_ret, "kretprobe", "ib_modify_qp_with_udata",
	   qp_call_ends(QP_HOOK_MODIFY_USER, qp_return(ctx)))
QP_PROGRAM(modify_kernel, "kprobe", "ib_modify_qp", QP_CALL_BEGINS(ctx, QP_HOOK_MODIFY_KERNEL))
QP_PROGRAM(modify_kernel_ret, "kretprobe", "ib_modify_qp",
	   qp_call_ends(QP_HOOK_MODIFY_KERNEL, qp_return(ctx)))
QP_PROGRAM(query, "kprobe", "ib_query_qp", QP_CALL_BEGINS(ctx, QP_HOOK_QUERY))
QP_PROGRAM(query_ret, "kretprobe", "ib_query_qp", qp_call_ends(QP_HOOK_QUERY, qp_return(ctx)))
QP_PROGRAM(destroy, "kprobe", "ib_destroy_qp_user",
	   qp_destroy_begins(QP_ARG(ctx, 0, const struct ib_qp *)))
QP_PROGRAM(destroy_ret, "kretprobe", "ib_destroy_qp_user", qp_destroy_ends(qp_return(ctx)))
QP_PROGRAM(create, "kprobe", "rdma_restrack_add",
	   qp_created(QP_ARG(ctx, 0, struct rdma_restrack_entry *)))

/*
 * Run once by the daemon itself through BPF_PROG_TEST_RUN: who am I in the initial pid namespace?
 * getpid(2) cannot tell inside a container, and kernel objects name processes by that number.
 */
SEC("raw_tp") int
whoami(void *ctx)
{
	qp_own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
