/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define SECCOMP_ARCH AUDIT_ARCH_S390X
#else
#define SECCOMP_ARCH 0
#endif

/* On this architecture, the flags are not the first argument of clone(2). */
#ifdef __s390x__
#define SECCOMP_CLONE_FLAGS 1
#else
#define SECCOMP_CLONE_FLAGS 0
#endif

#define SECCOMP_X32 0x40000000u /* bit of a call of the x32 interface */
#define SECCOMP_MAX 256

/* Numbers that older headers lack; they are the same on all architectures. */
#define SECCOMP_IO_URING_SETUP 425
#define SECCOMP_IO_URING_ENTER 426
#define SECCOMP_IO_URING_REGISTER 427
#define SECCOMP_OPEN_TREE 428
#define SECCOMP_MOVE_MOUNT 429
#define SECCOMP_FSOPEN 430
#define SECCOMP_FSCONFIG 431
#define SECCOMP_FSMOUNT 432
#define SECCOMP_FSPICK 433
#define SECCOMP_CLONE3 435
#define SECCOMP_PIDFD_GETFD 438
#define SECCOMP_MOUNT_SETATTR 442

/* No library makes these calls, so an attacker has taken over the process. */
static const uint32_t seccomp_kill[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
	SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_kexec_load,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
	SECCOMP_OPEN_TREE, SECCOMP_MOVE_MOUNT, SECCOMP_FSOPEN, SECCOMP_FSCONFIG, SECCOMP_FSMOUNT,
	SECCOMP_FSPICK, SECCOMP_MOUNT_SETATTR,
	SYS_swapon, SYS_swapoff, SYS_reboot,
};

/* Libraries may try these calls, but work without them. */
static const uint32_t seccomp_refuse[] = {
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
	SYS_unshare, SYS_setns,
	SYS_add_key, SYS_request_key, SYS_keyctl,
	SYS_userfaultfd, SYS_open_by_handle_at, SYS_fanotify_init,
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
	SYS_kcmp, SECCOMP_PIDFD_GETFD,
	SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
	SECCOMP_IO_URING_SETUP, SECCOMP_IO_URING_ENTER, SECCOMP_IO_URING_REGISTER,
	SYS_acct, SYS_quotactl, SYS_syslog, SYS_sethostname, SYS_setdomainname,
	SYS_settimeofday, SYS_clock_settime, SYS_personality,
};

static const uint32_t seccomp_trace[] = {SYS_bpf, SYS_perf_event_open};

/* The tracing helper has one socket, for sendmsg(2) and recvmsg(2), and no threads. */
static const uint32_t seccomp_helper[] = {
	SYS_socket, SYS_socketpair, SYS_bind, SYS_connect, SYS_listen, SYS_accept4,
#ifdef SYS_accept
	SYS_accept,
#endif
	SYS_sendto, SYS_recvfrom, SYS_sendmmsg, SYS_recvmmsg,
	SYS_clone, SECCOMP_CLONE3, SYS_kill, SYS_tkill,
};

struct seccomp_program {
	struct sock_filter code[SECCOMP_MAX];
	unsigned short n;
};

static void
seccomp_add(struct seccomp_program *p, struct sock_filter step)
{
	p->code[p->n++] = step;
}

static void
seccomp_return(struct seccomp_program *p, uint32_t action)
{
	seccomp_add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void
seccomp_load(struct seccomp_program *p, size_t offset)
{
	seccomp_add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Skips the next `yes` or `no` steps. */
static void
seccomp_if(struct seccomp_program *p, uint16_t test, uint32_t value, uint8_t yes, uint8_t no)
{
	seccomp_add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | test, value, yes, no));
}

/* Takes `action` if the loaded word is one of these calls. */
static void
seccomp_calls(struct seccomp_program *p, const uint32_t *calls, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++) {
		seccomp_if(p, BPF_JEQ, calls[i], 0, 1);
		seccomp_return(p, action);
	}
}

/* Handles calls of another interface, where the numbers mean other calls. */
static void
seccomp_interface(struct seccomp_program *p)
{
	seccomp_load(p, offsetof(struct seccomp_data, arch));
	seccomp_if(p, BPF_JEQ, SECCOMP_ARCH, 1, 0);
	seccomp_return(p, SECCOMP_RET_KILL_PROCESS);
	seccomp_load(p, offsetof(struct seccomp_data, nr));
	if (SECCOMP_ARCH != AUDIT_ARCH_X86_64)
		return;
	seccomp_if(p, BPF_JGE, SECCOMP_X32, 0, 1);
	seccomp_return(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/*
 * A new thread is no new process. The flags of clone3(2) cannot be read; without it, the C library
 * calls clone(2).
 */
static void
seccomp_threads(struct seccomp_program *p)
{
	const uint32_t clone3 = SECCOMP_CLONE3;
	size_t flags = offsetof(struct seccomp_data, args) +
		       SECCOMP_CLONE_FLAGS * sizeof(uint64_t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	flags += sizeof(uint32_t);
#endif
	seccomp_calls(p, &clone3, 1, SECCOMP_RET_ERRNO | ENOSYS);
	seccomp_if(p, BPF_JEQ, SYS_clone, 0, 3);
	seccomp_load(p, flags);
	seccomp_if(p, BPF_JSET, CLONE_THREAD, 1, 0);
	seccomp_return(p, SECCOMP_RET_ERRNO | EPERM);
	seccomp_return(p, SECCOMP_RET_ALLOW);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert((COUNT(seccomp_kill) + COUNT(seccomp_refuse) + COUNT(seccomp_helper)) * 2 + 16 <=
		       SECCOMP_MAX,
	       "room for the program");

int
seccomp_start(enum seccomp_of process)
{
	struct seccomp_program p = {.n = 0};
	struct sock_fprog prog = {.filter = p.code};

	if (!SECCOMP_ARCH)
		return -EOPNOTSUPP;
	seccomp_interface(&p);
	seccomp_calls(&p, seccomp_kill, COUNT(seccomp_kill), SECCOMP_RET_KILL_PROCESS);
	seccomp_calls(&p, seccomp_refuse, COUNT(seccomp_refuse), SECCOMP_RET_ERRNO | EPERM);
	if (process == SECCOMP_HELPER) {
		seccomp_calls(&p, seccomp_helper, COUNT(seccomp_helper), SECCOMP_RET_ERRNO | EPERM);
		seccomp_return(&p, SECCOMP_RET_ALLOW);
	} else {
		seccomp_calls(&p, seccomp_trace, COUNT(seccomp_trace), SECCOMP_RET_ERRNO | EPERM);
		seccomp_threads(&p);
	}
	prog.len = p.n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
		return errno ? -errno : -EBUSY;
	return 0;
}
