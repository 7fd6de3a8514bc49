/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the one thing that a signal handler can reach: two flags and a pipe that wakes poll(2).
 */
#include "ctl/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static struct {
	volatile sig_atomic_t stops;
	int pipe[2];
	const char *restore;
} signals = {.pipe = {-1, -1}};

static void
signals_handler(int signo)
{
	int saved = errno;
	ssize_t n;

	if (signo != SIGWINCH && ++signals.stops > 1) {
		if (signals.restore)
			n = write(STDOUT_FILENO, signals.restore, strlen(signals.restore));
		_exit(CTL_STOPPED);
	}
	n = write(signals.pipe[1], "", 1);
	(void)n;
	errno = saved;
}

int
signals_start(const char *restore)
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	struct sigaction sa = {.sa_handler = signals_handler, .sa_flags = SA_RESTART};

	if (pipe2(signals.pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return -errno;
	signals.restore = restore;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaction(wanted[i], &sa, NULL);
	return 0;
}

int
signals_fd(void)
{
	return signals.pipe[0];
}

void
signals_drain(void)
{
	char buf[64];

	while (read(signals.pipe[0], buf, sizeof(buf)) > 0)
		;
}

bool
signals_stop(void)
{
	return signals.stops > 0;
}
