/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that rpingmeshd never makes, and that whoever has taken it over would: the kernel
 * ends the process at one that no library makes either (seccomp(2)), and refuses the others.
 *
 * It is a list of what is forbidden. What the daemon itself calls is known, but not what the NSS
 * modules of getaddrinfo(3), the drivers of libibverbs and later C libraries call, and a daemon
 * that dies of an update of another package is worse than a wider filter. The systemd unit has a
 * list of what is allowed, which refuses instead of killing.
 */
#ifndef RPINGMESH_AGENT_BASE_SECCOMP_H
#define RPINGMESH_AGENT_BASE_SECCOMP_H

#include <stdbool.h>

/*
 * For this thread, those that it starts, and those that run already; for good. Needs no_new_privs.
 * bpf(2) and perf_event_open(2) remain if `tracing`. 0, or -errno: -EOPNOTSUPP on architectures
 * that the filter does not know; -EINVAL or -ENOSYS where there is no seccomp, as in qemu's
 * user-mode emulation.
 */
int seccomp_start(bool tracing);

#endif
