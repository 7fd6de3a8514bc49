/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager passes: the control socket (sd_listen_fds(3)) and the wish for signs of
 * life (sd_watchdog_enabled(3)).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/loop.h"
#include "core/notify.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define PLACES 2

struct fixture {
	char dir[32];
	char path[64];
	int saved[PLACES]; /* what the places were before; -1: nothing */
};

static int
set_up(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	assert_non_null(fx);
	strcpy(fx->dir, "/tmp/notify.XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	snprintf(fx->path, sizeof(fx->path), "%s/sock", fx->dir);
	for (int i = 0; i < PLACES; i++)
		fx->saved[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 100);
	*state = fx;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < PLACES; i++) {
		close(FIRST + i);
		if (fx->saved[i] >= 0)
			dup2(fx->saved[i], FIRST + i);
		if (fx->saved[i] >= 0)
			close(fx->saved[i]);
	}
	unlink(fx->path);
	rmdir(fx->dir);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	free(fx);
	return 0;
}

/* A Unix socket at the fixture's path, at the place that descriptors are passed at. */
static void
pass(const struct fixture *fx, int type, bool listening)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	assert_true(fd >= 0);
	strcpy(sun.sun_path, fx->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	if (fd != FIRST) {
		assert_int_equal(dup2(fd, FIRST), FIRST);
		close(fd);
	}
}

static void
tell(const char *fds, long pid)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", pid);
	setenv("LISTEN_FDS", fds, 1);
	setenv("LISTEN_PID", text, 1);
}

static void
test_none(void **state)
{
	struct fixture *fx = *state;
	int fd = 99;

	assert_int_equal(notify_socket(fx->path, &fd), 0);
	assert_int_equal(fd, -1);
}

static void
test_passed(void **state)
{
	struct fixture *fx = *state;
	int fd = 99;

	pass(fx, SOCK_STREAM, true);
	tell("1", getpid());
	assert_int_equal(notify_socket(fx->path, &fd), 0);
	assert_int_equal(fd, FIRST);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_null(getenv("LISTEN_FDS"));
	/* once a process */
	assert_int_equal(notify_socket(fx->path, &fd), 0);
	assert_int_equal(fd, -1);
}

static void
test_for_another_process(void **state)
{
	struct fixture *fx = *state;
	int fd = 99;

	pass(fx, SOCK_STREAM, true);
	tell("1", 1);
	assert_int_equal(notify_socket(fx->path, &fd), 0);
	assert_int_equal(fd, -1);
}

static void
check_refused(const char *path, const char *fds)
{
	int fd = 99;

	tell(fds, getpid());
	assert_int_equal(notify_socket(path, &fd), -EINVAL);
	assert_int_equal(fd, 99);
}

static void
test_other_path(void **state)
{
	struct fixture *fx = *state;

	pass(fx, SOCK_STREAM, true);
	check_refused("/run/rpingmesh/rpingmeshd.sock", "1");
	/* as long as a part of it */
	fx->path[strlen(fx->path) - 1] = '\0';
	check_refused(fx->path, "1");
	strcat(fx->path, "k");
}

static void
test_datagram(void **state)
{
	const struct fixture *fx = *state;

	pass(fx, SOCK_DGRAM, false);
	check_refused(fx->path, "1");
}

static void
test_not_listening(void **state)
{
	const struct fixture *fx = *state;

	pass(fx, SOCK_STREAM, false);
	check_refused(fx->path, "1");
}

static void
test_two(void **state)
{
	const struct fixture *fx = *state;

	pass(fx, SOCK_STREAM, true);
	assert_int_equal(dup2(FIRST, FIRST + 1), FIRST + 1);
	check_refused(fx->path, "2");
}

static void
test_no_number(void **state)
{
	struct fixture *fx = *state;

	pass(fx, SOCK_STREAM, true);
	check_refused(fx->path, "one");
	check_refused(fx->path, "-1");
}

static bool
watched(const char *usec, const char *pid)
{
	struct loop_timer *timer;
	struct loop *loop;
	bool result;

	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(notify_watchdog(loop, &timer), 0);
	result = timer;
	loop_timer_free(timer);
	loop_free(loop);
	return result;
}

static void
test_watchdog_wanted(void **state)
{
	char pid[24];

	(void)state;
	assert_false(watched(NULL, NULL));
	assert_true(watched("30000000", NULL));
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_true(watched("30000000", pid));
	assert_false(watched("30000000", "1"));
	assert_false(watched("soon", pid));
	assert_false(watched("0", pid));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_passed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_for_another_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_datagram, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_listening, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watchdog_wanted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
