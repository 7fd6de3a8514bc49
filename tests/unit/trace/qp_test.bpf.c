// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The logic of the tracing programs under BPF_PROG_TEST_RUN: no kernel probe, no RDMA; the objects
 * lie in the test's own memory.
 */
#include "qp_logic.bpf.h"
#include "qp_test.h"

char qp_test_memory[QP_TEST_MEMORY] __attribute__((aligned(8)));
__u64 qp_test_address;

SEC("syscall") int
run(struct qp_test_call *call)
{
	switch (call->op) {
	case QP_TEST_WHERE:
		qp_test_address = (__u64)qp_test_memory;
		return 0;
	case QP_TEST_CALL_BEGINS:
		return qp_call_begins(call->hook, (const void *)call->object,
				      (const void *)call->attr, call->mask);
	case QP_TEST_CALL_ENDS:
		return qp_call_ends(call->hook, call->ret);
	case QP_TEST_DESTROY_BEGINS:
		return qp_destroy_begins((const void *)call->object);
	case QP_TEST_DESTROY_ENDS:
		return qp_destroy_ends(call->ret);
	case QP_TEST_CREATED:
		return qp_created((void *)call->object);
	}
	return -1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
