/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: The handler of signals uses static objects only: flags, and a pipe that wakes poll(2).
 */
#include "ctl/term/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static struct {
	volatile sig_atomic_t stops, suspend, continued;
	int pipe[2];
	void (*restore)(void);
} signals = {.pipe = {-1, -1}};

static void
signals_handler(int signo)
{
	int saved = errno;
	ssize_t n;

	if (signo == SIGTSTP) {
		signals.suspend = 1;
	} else if (signo == SIGCONT) {
		signals.continued = 1;
	} else if (signo != SIGWINCH && ++signals.stops > 1) {
		if (signals.restore)
			signals.restore();
		_exit(SIGNALS_EXIT);
	}
	n = write(signals.pipe[1], "", 1);
	(void)n;
	errno = saved;
}

int
signals_start(void (*restore)(void))
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
	const size_t n = sizeof(wanted) / sizeof(wanted[0]) - (restore ? 0 : 2);
	struct sigaction sa = {.sa_handler = signals_handler, .sa_flags = SA_RESTART}, was;

	if (pipe2(signals.pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return -errno;
	signals.restore = restore;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < n; i++)
		/*
		 * nohup(1) must work, so SIGHUP stays ignored. A shell without job control also
		 * makes its background jobs ignore SIGINT, but kill -INT must end us.
		 */
		if (wanted[i] != SIGHUP ||
		    (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN))
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

bool
signals_suspend(void)
{
	bool was = signals.suspend;

	signals.suspend = 0;
	return was;
}

bool
signals_continued(void)
{
	bool was = signals.continued;

	signals.continued = 0;
	return was;
}
