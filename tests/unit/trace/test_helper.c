/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the helper does with requests that the daemon never sends: it ends, whatever they ask for.
 * It is a process, as in the daemon, and this test is the daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/helper.h"

#define ENDED 42 /* exit status of a helper that ends by itself */

static int end;
static pid_t pid;

static int
setup(void **state)
{
	struct helper_message hello;
	int fds[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		helper_serve(fds[1], 1);
		exit(ENDED); /* and not _exit(2), which would lose what it covers */
	}
	close(fds[1]);
	end = fds[0];
	return pid < 0 || recv(end, &hello, sizeof(hello), 0) != sizeof(hello) ||
	       hello.kind != HELPER_HELLO;
}

static int
teardown(void **state)
{
	int status;

	(void)state;
	close(end);
	return waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	       WEXITSTATUS(status) != ENDED;
}

/* Whether the helper has closed its end instead of answering. */
static bool
ends_at(const void *request, size_t size)
{
	struct helper_message answer;

	assert_int_equal(send(end, request, size, MSG_NOSIGNAL), size);
	return recv(end, &answer, sizeof(answer), 0) == 0;
}

static void
test_stop(void **state)
{
	const struct helper_request stop = {.op = HELPER_STOP, .number = 7};
	struct helper_message answer;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(end, &stop, sizeof(stop), 0), sizeof(stop));
		assert_int_equal(recv(end, &answer, sizeof(answer), 0), sizeof(answer));
		assert_int_equal(answer.kind, HELPER_ANSWER);
		assert_int_equal(answer.number, 7);
		assert_int_equal(answer.loaded, 0);
	}
}

static void
test_sizes(void **state)
{
	const struct helper_request stop[2] = {{.op = HELPER_STOP}, {.op = HELPER_STOP}};
	static const size_t sizes[] = {1, sizeof(stop[0]) - 1, sizeof(stop[0]) + 1, sizeof(stop)};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_true(ends_at(stop, sizes[i]));
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void
test_values(void **state)
{
	static const struct helper_request wrong[] = {
		{.op = HELPER_OP_N},
		{.op = UINT32_MAX},
		{.op = HELPER_STOP, .method = TRACER_METHOD_N},
		{.op = HELPER_START, .method = UINT32_MAX},
		{.op = HELPER_STOP, .lines = 2},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(ends_at(&wrong[i], sizeof(wrong[i])));
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* A descriptor that comes along is a request that the daemon never sends. */
static void
test_descriptor(void **state)
{
	struct helper_request stop = {.op = HELPER_STOP};
	struct helper_message answer;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {&stop, sizeof(stop)};
	struct msghdr head = {.msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&head);

	(void)state;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &end, sizeof(end));
	assert_int_equal(sendmsg(end, &head, 0), sizeof(stop));
	assert_int_equal(recv(end, &answer, sizeof(answer), 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
	};

	return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
