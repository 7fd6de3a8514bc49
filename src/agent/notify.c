/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notify.h"

#include "config.h"

#ifdef HAVE_SYSTEMD
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

/* A process has one service manager. */
static struct notify_watchdog {
	struct loop_timer *timer; /* the caller of notify_watchdog() owns it */
	uint64_t interval_ns;
} watchdog;

void
notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void
notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_mono_ns() / NSEC_PER_USEC));
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

static void
notify_alive(void *arg)
{
	struct notify_watchdog *w = arg;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_set(w->timer, w->interval_ns);
}

int
notify_watchdog(struct loop *loop, struct loop_timer **out)
{
	uint64_t usec = 0;
	int rc = sd_watchdog_enabled(0, &usec);

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

/* Whether the descriptor is the control socket. If not, logs why. */
static bool
notify_check(int fd, const char *path)
{
	struct sockaddr_un sun = {0};
	socklen_t len = sizeof(sun) - 1; /* leaves room for a '\0' */

	if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0) {
		log_error(CONTROL,
			  "descriptor %d, passed as control socket, is not a Unix stream socket "
			  "that listens: "
			  "rpingmeshd.socket must have ListenStream=%s",
			  fd, path);
		return false;
	}
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
		return true;
	if (getsockname(fd, (struct sockaddr *)&sun, &len) < 0)
		sun.sun_path[0] = '\0';
	log_error(CONTROL,
		  "the control socket that was passed is at \"%s\", but `socket` is \"%s\": make "
		  "ListenStream= of "
		  "rpingmeshd.socket the same",
		  sun.sun_path, path);
	return false;
}

int
notify_socket(const char *path, int *out)
{
	int n = sd_listen_fds(1);

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
	if (n == 1 && !notify_check(SD_LISTEN_FDS_START, path))
		return -EINVAL;
	*out = n == 1 ? SD_LISTEN_FDS_START : -1;
	return 0;
}

#else

#include <stddef.h>

void
notify_ready(void)
{
}

void
notify_reloading(void)
{
}

void
notify_stopping(void)
{
}

int
notify_watchdog(struct loop *loop, struct loop_timer **out)
{
	(void)loop;
	*out = NULL;
	return 0;
}

int
notify_socket(const char *path, int *out)
{
	(void)path;
	*out = -1;
	return 0;
}

#endif
