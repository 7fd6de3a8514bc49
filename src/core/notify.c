/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) describe the protocols, which are
 * stable and need a few lines each. libsystemd would add seven libraries and half a megabyte of
 * resident memory.
 */
#include "core/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define NOTIFY_FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* A process has one service manager. */
static struct notify_watchdog {
	struct loop_timer *timer; /* the caller of notify_watchdog() owns it */
	uint64_t interval_ns;
} watchdog;

/* Sends to the socket in NOTIFY_SOCKET, which is a path, or an abstract name after a @. */
static void
notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = name ? strlen(name) : 0;
	int fd;

	if (len < 2 || len >= sizeof(sun.sun_path) || (name[0] != '/' && name[0] != '@'))
		return;
	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void
notify_ready(void)
{
	notify_send("READY=1");
}

void
notify_reloading(void)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(clock_mono_ns() / NSEC_PER_USEC));
	notify_send(state);
}

void
notify_stopping(void)
{
	notify_send("STOPPING=1");
}

static void
notify_alive(void *arg)
{
	struct notify_watchdog *w = arg;

	notify_send("WATCHDOG=1");
	loop_timer_set(w->timer, w->interval_ns);
}

/* Reads a number from 1 to max in the environment. Returns 1, 0 if it is not set, or -EINVAL. */
static int
notify_number(const char *name, uint64_t max, uint64_t *out)
{
	const char *text = getenv(name);
	char *end;

	if (!text)
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || *end || *out == 0 || *out > max ? -EINVAL : 1;
}

/* Whether the variable names this process. Returns 1, 0 (no, or not set), or -EINVAL. */
static int
notify_is_for_us(const char *name)
{
	uint64_t pid;
	int rc = notify_number(name, INT_MAX, &pid);

	return rc == 1 ? pid == (uint64_t)getpid() : rc;
}

/* Whether signs of life are wanted. Returns 1 and sets *usec, 0, or -EINVAL. */
static int
notify_wants_watchdog(uint64_t *usec)
{
	int rc = notify_number("WATCHDOG_USEC", UINT64_MAX / NSEC_PER_USEC, usec);

	return rc == 1 && getenv("WATCHDOG_PID") ? notify_is_for_us("WATCHDOG_PID") : rc;
}

int
notify_watchdog(struct loop *loop, struct loop_timer **out)
{
	uint64_t usec = 0;
	int rc = notify_wants_watchdog(&usec);

	*out = NULL;
	if (rc < 0)
		log_warning(
			MAIN,
			"WATCHDOG_USEC or WATCHDOG_PID is not a number: sending no sign of life");
	if (rc <= 0)
		return 0;
	rc = loop_timer_new(loop, "watchdog", notify_alive, &watchdog, &watchdog.timer);
	if (rc < 0)
		return rc;
	watchdog.interval_ns = usec * NSEC_PER_USEC / 2;
	loop_timer_set(watchdog.timer, 0);
	*out = watchdog.timer;
	return 0;
}

static int
notify_option(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

/* Whether the descriptor is the control socket. If not, logs why. */
static bool
notify_check(int fd, const char *path)
{
	struct sockaddr_un sun = {0};
	socklen_t len = sizeof(sun) - 1; /* leaves room for a '\0' */

	if (notify_option(fd, SO_DOMAIN) != AF_UNIX || notify_option(fd, SO_TYPE) != SOCK_STREAM ||
	    notify_option(fd, SO_ACCEPTCONN) != 1) {
		log_error(CONTROL,
			  "descriptor %d, passed as control socket, is not a Unix stream socket "
			  "that listens: "
			  "rpingmeshd.socket must have ListenStream=%s",
			  fd, path);
		return false;
	}
	if (getsockname(fd, (struct sockaddr *)&sun, &len) < 0)
		sun.sun_path[0] = '\0';
	if (strcmp(sun.sun_path, path) == 0)
		return true;
	log_error(CONTROL,
		  "the control socket that was passed is at \"%s\", but `socket` is \"%s\": make "
		  "ListenStream= of "
		  "rpingmeshd.socket the same",
		  sun.sun_path, path);
	return false;
}

/* Returns the number of passed descriptors, or -errno. Programs that we start do not get them. */
static int
notify_passed(void)
{
	uint64_t n = 0;
	int rc = notify_is_for_us("LISTEN_PID");

	if (rc == 1)
		rc = notify_number("LISTEN_FDS", INT_MAX - NOTIFY_FIRST_FD, &n);
	for (int fd = NOTIFY_FIRST_FD; rc == 1 && fd < NOTIFY_FIRST_FD + (int)n; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			rc = -errno;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return rc == 1 ? (int)n : rc;
}

int
notify_socket(const char *path, int *out)
{
	int n = notify_passed();

	if (n < 0) {
		log_error(CONTROL, "LISTEN_FDS or LISTEN_PID cannot be understood: %s",
			  strerror(-n));
		return -EINVAL;
	}
	if (n > 1) {
		log_error(CONTROL,
			  "%d sockets were passed, but there is one control socket: "
			  "rpingmeshd.socket must have one ListenStream=",
			  n);
		return -EINVAL;
	}
	if (n == 1 && !notify_check(NOTIFY_FIRST_FD, path))
		return -EINVAL;
	*out = n == 1 ? NOTIFY_FIRST_FD : -1;
	return 0;
}
