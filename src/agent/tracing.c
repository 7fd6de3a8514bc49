/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tracing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/privileges.h"
#include "agent/base/seccomp.h"
#include "agent/config/config.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/helper.h"

#define TRACING_NAME "rpingmesh-trace" /* 15 characters, as many as the kernel keeps */
#define TRACING_FD 3

/*
 * The helper has no descriptor but its socket, and prints nothing: the daemon prints what it sends.
 */
static void
tracing_close_all(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < TRACING_FD; i++)
		dup2(null, i);
	dup2(fd, TRACING_FD);
	closefrom(TRACING_FD + 1);
}

/* The terminal sends its signals to all processes; the daemon decides when the helper ends. */
static void
tracing_ignore_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* PR_SET_PDEATHSIG comes after the change of the user, which clears it. */
static int
tracing_give_up(const struct tracing_config *tracing, pid_t daemon)
{
	int rc = tracing->give_up ? privileges_drop(PRIVILEGES_HELPER, tracing->config) : 0;

	if (rc < 0)
		return rc;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != daemon)
		return -ESRCH;
	/* A kernel without filters has been reported by the daemon. */
	if (tracing->filter)
		seccomp_start(SECCOMP_HELPER);
	return 0;
}

static void __attribute__((noreturn))
tracing_process(const struct tracing_config *tracing, int fd, pid_t daemon, uint32_t own_tgid)
{
	tracing_ignore_signals();
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	tracing_close_all(fd);
	prctl(PR_SET_NAME, TRACING_NAME, 0, 0, 0);
	if (tracing_give_up(tracing, daemon) < 0)
		_exit(EXIT_FAILURE);
	helper_serve(TRACING_FD, own_tgid);
	_exit(EXIT_SUCCESS);
}

static int
tracing_fork(struct loop *loop, const struct tracing_config *tracing, struct helper **out)
{
	uint32_t own_tgid = helper_whoami();
	pid_t pid, daemon = getpid();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		tracing_process(tracing, fds[1], daemon, own_tgid);
	close(fds[1]);
	if (pid > 0)
		return helper_new(loop, fds[0], pid, out);
	close(fds[0]);
	return -EAGAIN;
}

struct helper *
tracing_start(struct loop *loop, const struct tracing_config *tracing)
{
	struct helper *helper = NULL;
	int rc;

	if (!tracing->config->tracing || !helper_supported())
		return NULL;
	rc = tracing_fork(loop, tracing, &helper);
	if (rc < 0)
		log_error(TRACE, "there is no tracing helper: %s", strerror(-rc));
	return helper;
}
