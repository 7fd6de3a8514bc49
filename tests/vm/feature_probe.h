/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is under way: what failed, if the answer is an error. */
extern const char *step;

/* 0, or a negative error of the kernel. Each makes and runs a BPF program of a kind that the daemon
 * does not need, and looks at what it did. */
int probe_bpf_timer(void);
int probe_bpf_iter(void);
int probe_sleepable(void);
int probe_bpf_lsm(void);
int probe_task_storage(void);
int probe_dynptr(void);
int probe_arena(void);
