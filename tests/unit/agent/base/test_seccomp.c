/* SPDX-License-Identifier: Apache-2.0 */
/* Each case is a process of its own, because a filter stays. The kernel is the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/seccomp.h"

#define FILTERED 99 /* exit status of a child whom the kernel gives no filter */

/* What became of a process that does this under the filter, as wait(2) says. */
static int
under_filter(enum seccomp_of process, int (*act)(void))
{
	int status, rc;
	pid_t pid = fork();

	if (pid == 0) {
		rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : seccomp_start(process);
		_exit(rc < 0 ? FILTERED : act());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == FILTERED)
		skip();
	return status;
}

static int
act_execve(void)
{
	char *const argv[] = {(char[]){"true"}, NULL}, *const envp[] = {NULL};

	execve("/bin/true", argv, envp);
	return errno;
}

static int
act_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int
act_mount(void)
{
	return mount("none", "/nonexistent", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

static int
act_module(void)
{
	return syscall(SYS_finit_module, -1, "", 0) < 0 ? errno : 0;
}

static void
test_killed(void **state)
{
	static int (*const acts[])(void) = {act_execve, act_ptrace, act_mount, act_module};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = under_filter(SECCOMP_DAEMON, acts[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static int
act_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
act_io_uring(void)
{
	return syscall(425, 1, NULL) < 0 ? errno : 0; /* io_uring_setup(2) */
}

static int
act_keyctl(void)
{
	return syscall(SYS_keyctl, 0, -3, 0) < 0 ? errno : 0;
}

static int
act_setuid(void)
{
	return syscall(SYS_setuid, getuid()) < 0 ? errno : 0;
}

static void
test_refused(void **state)
{
	static int (*const acts[])(void) = {act_fork, act_io_uring, act_keyctl, act_setuid};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = under_filter(SECCOMP_DAEMON, acts[i]);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EPERM);
	}
}

/* bpf(2) with a command that no kernel has: EINVAL, or EPERM where only root may ask. */
static int
act_bpf(void)
{
	return syscall(SYS_bpf, 0xffff, NULL, 0) < 0 ? errno : 0;
}

static int
act_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

static void *
thread(void *arg)
{
	struct addrinfo *list = NULL;

	*(int *)arg = getaddrinfo("127.0.0.1", "9", NULL, &list);
	if (list)
		freeaddrinfo(list);
	return NULL;
}

static int
act_thread(void)
{
	pthread_t id;
	int got;

	return pthread_create(&id, NULL, thread, &got);
}

/* The one may do what the other may not. */
static void
test_helper(void **state)
{
	static const struct {
		int (*act)(void);
		enum seccomp_of may, may_not;
	} rows[] = {
		{act_bpf, SECCOMP_HELPER, SECCOMP_DAEMON},
		{act_socket, SECCOMP_DAEMON, SECCOMP_HELPER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int with = under_filter(rows[i].may, rows[i].act), free_of_it = rows[i].act();
		int without = under_filter(rows[i].may_not, rows[i].act);

		assert_true(WIFEXITED(with) && WIFEXITED(without));
		assert_int_equal(WEXITSTATUS(with), free_of_it);
		assert_int_equal(WEXITSTATUS(without), EPERM);
	}
}

/* It makes neither processes nor threads. */
static void
test_helper_alone(void **state)
{
	static int (*const acts[])(void) = {act_fork, act_thread, act_keyctl, act_setuid};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = under_filter(SECCOMP_HELPER, acts[i]);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EPERM);
	}
	assert_true(WIFSIGNALED(under_filter(SECCOMP_HELPER, act_execve)));
}

/* What the daemon does: threads, which look up names, and memory that runs, for drivers. */
static int
act_ours(void)
{
	pthread_t id;
	int rc = -1;
	void *code;

	if (pthread_create(&id, NULL, thread, &rc) != 0 || pthread_join(id, NULL) != 0 || rc != 0)
		return 1;
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return code == MAP_FAILED ? 2 : 0;
}

static void
test_goes_on(void **state)
{
	int status = under_filter(SECCOMP_DAEMON, act_ours);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_helper),
		cmocka_unit_test(test_helper_alone),
		cmocka_unit_test(test_goes_on),
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
