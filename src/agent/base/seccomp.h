/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters system calls that rpingmeshd never makes, but that an attacker would make (seccomp(2)).
 * If no library makes such a call either, the kernel ends the process; it refuses the other calls.
 *
 * The filter is a list of forbidden calls. The calls of the daemon itself are known, but not those
 * of the NSS modules of getaddrinfo(3), of the drivers of libibverbs, and of later C libraries. A
 * daemon that dies after an update of another package is worse than a wider filter. The systemd
 * unit has a list of allowed calls, and refuses the others without ending the process.
 */
#ifndef RPINGMESH_AGENT_BASE_SECCOMP_H
#define RPINGMESH_AGENT_BASE_SECCOMP_H

enum seccomp_of {
	SECCOMP_DAEMON, /* no bpf(2) and perf_event_open(2) */
	SECCOMP_HELPER, /* no network, and no other process */
};

/*
 * Sets the filter for all present and future threads of this process; it cannot be removed. Needs
 * no_new_privs. Returns 0, or -errno: -EOPNOTSUPP if the filter does not support the architecture;
 * -EINVAL or -ENOSYS if there is no seccomp, as in the user-mode emulation of qemu.
 */
int seccomp_start(enum seccomp_of process);

#endif
