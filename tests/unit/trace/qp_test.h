/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* One call of the tracing logic, as the test hands it to qp_test.bpf.c. */
#ifndef QP_TEST_H
#define QP_TEST_H

#include <linux/types.h>

#define QP_TEST_MEMORY (1 << 18)

enum qp_test_op {
	QP_TEST_WHERE, /* tells the kernel's address of the memory in which the test builds kernel
			  objects */
	QP_TEST_CALL_BEGINS,
	QP_TEST_CALL_ENDS,
	QP_TEST_DESTROY_BEGINS,
	QP_TEST_DESTROY_ENDS,
	QP_TEST_CREATED,
};

struct qp_test_call {
	__u32 op, hook;
	__u64 object, attr; /* addresses in the kernel */
	__u32 mask;
	int ret;
};

#endif
