/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, as the kernel says. */
#ifndef RPINGMESH_CORE_PROCESS_H
#define RPINGMESH_CORE_PROCESS_H

#include <stdint.h>

/* User and system time; 0: not known. */
uint64_t process_cpu_ns(void);
/* Resident memory; 0: not known, without /proc. */
uint64_t process_memory_bytes(void);
/* Open file descriptors; 0: not known. */
uint64_t process_fds(void);

#endif
