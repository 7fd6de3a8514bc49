/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel objects for the tracing logic: built byte by byte in memory that the kernel reads too, at
 * the offsets of a recorded BTF, which is read here by hand and not by CO-RE.
 */
#ifndef QP_FAKE_H
#define QP_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include "qp_test.h"
#include "rpingmesh/qp_event.h"

#include <qp_test.skel.h>

enum { RESET, INIT, RTR, RTS, SQD, SQE, ERR };
enum { RC = 2, UC = 3, UD = 4, XRC_TGT = 10 };

/* Each object in a slot of its own, large enough for the largest (task_struct). */
#define SLOT 16384
enum slot { NOTHING, QP, SHARED, DEVICE, ATTR, GID, TASK, LEADER, CSS, CGROUP, NODE, TEXT, SLOT_N };
_Static_assert(SLOT_N * SLOT <= QP_TEST_MEMORY, "room");

struct fake_config {
	const char *kernel;         /* whose layout */
	uint32_t ring_bytes, calls; /* sizes of maps; 0: 64 KiB, as the programs say */
	bool wakeup_always;
	bool old_gid_types;         /* numbered as before Linux 5.10 */
	const char *lacks[2]; /* a struct and its member that the programs do not find there */
};

extern const uint8_t fake_sgid[16], fake_dgid[16];
extern struct qp_test *fake_skel;
extern struct ring_buffer *fake_ring; /* NULL after setup: this user may not load BPF */
extern struct qp_event fake_events[64];
extern int fake_n_events;

/* 0, or -1: the test fails. */
int fake_setup(const struct fake_config *config);
void fake_teardown(void);

/* An RC QP of a process on a RoCE v2 device, and the attributes that take it to RTR. */
void fake_build(void);
/* As the kernel knows it; 0 for NOTHING. */
uint64_t fake_address(enum slot slot);
/* Of "member.member", in bytes. */
uint32_t fake_offset(const char *type, const char *path, uint32_t *size);
int fake_enumerator(const char *type, const char *name);
void fake_put(enum slot slot, const char *type, const char *path, uint64_t value);
void fake_put_bytes(enum slot slot, const char *type, const char *path, const void *data, size_t n);
void fake_point(enum slot slot, const char *type, const char *path, enum slot target);

void fake_run(const struct qp_test_call *call);
/* Events of the ring are added to fake_events. */
void fake_collect(void);

#endif
