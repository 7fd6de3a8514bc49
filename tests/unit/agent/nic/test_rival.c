/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent/nic/rival: who has an address learns which process wants it too. The process is a child of
 * this test; its number comes from fork(2).
 */
#include "agent/nic/rival.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT 41234

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Tells from another process. Returns its number. */
static pid_t
tell(const char *address, uint16_t port)
{
	struct addr a = addr_of(address);
	pid_t pid = fork();

	if (pid == 0) {
		rival_tell(&a, port);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void
test_heard_once(void **state)
{
	struct addr a = addr_of("192.0.2.1");
	int fd = rival_open(&a, PORT);
	pid_t told, pid = -1;

	(void)state;
	assert_true(fd >= 0);
	assert_false(rival_heard(fd, &pid));
	told = tell("192.0.2.1", PORT);
	assert_true(rival_heard(fd, &pid));
	assert_int_equal(pid, told);
	assert_false(rival_heard(fd, &pid));
	close(fd);
}

/* Another address, or another port, is no rival. */
static void
test_other_names(void **state)
{
	struct addr a = addr_of("2001:db8::1");
	int fd = rival_open(&a, PORT);
	pid_t pid;

	(void)state;
	tell("2001:db8::2", PORT);
	tell("2001:db8::1", PORT + 1);
	assert_false(rival_heard(fd, &pid));
	tell("2001:db8::1", PORT);
	assert_true(rival_heard(fd, &pid));
	close(fd);
}

/* A flood fills the socket's queue, and neither blocks. The last process is told. */
static void
test_flood(void **state)
{
	struct addr a = addr_of("192.0.2.1");
	int fd = rival_open(&a, PORT);
	pid_t pid;

	(void)state;
	for (int i = 0; i < 100000; i++)
		rival_tell(&a, PORT);
	for (int i = 0; i < 1000 && rival_heard(fd, &pid); i++)
		assert_int_equal(pid, getpid());
	assert_false(rival_heard(fd, &pid));
	close(fd);
}

/* The name is taken, or nobody has it: neither is an error for who listens. */
static void
test_taken_or_missing(void **state)
{
	struct addr a = addr_of("192.0.2.1");
	int fd = rival_open(&a, PORT), second = rival_open(&a, PORT);
	pid_t pid;

	(void)state;
	assert_int_equal(second, -EADDRINUSE);
	assert_false(rival_heard(second, &pid));
	close(fd);
	rival_tell(&a, PORT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heard_once),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_taken_or_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
