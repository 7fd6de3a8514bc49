/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: acceptor
 *
 * If there are no descriptors or no memory, the connection stays in the queue of the kernel, and
 * poll would report it again at once. So the acceptor does not watch the socket for a while. Its
 * timer ends this pause.
 */
#include "serve/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define ACCEPTOR_PER_WAKEUP 16
#define ACCEPTOR_PAUSE_NS (100 * NSEC_PER_MSEC)

struct acceptor {
	int fd;
	void (*take)(void *arg, int fd);
	void *arg;
	struct loop_fd *watch;
	struct loop_timer *pause;
};

static void
acceptor_pause(struct acceptor *acceptor)
{
	log_some(1, CONTROL, WARNING, "accept: %s: new clients wait", strerror(errno));
	loop_fd_set(acceptor->watch, 0);
	loop_timer_set(acceptor->pause, ACCEPTOR_PAUSE_NS);
}

static void
acceptor_pause_over(void *arg)
{
	struct acceptor *acceptor = arg;

	if (loop_fd_set(acceptor->watch, LOOP_READ) < 0)
		loop_timer_set(acceptor->pause, ACCEPTOR_PAUSE_NS);
}

static void
acceptor_ready(void *arg, int events)
{
	struct acceptor *acceptor = arg;

	(void)events;
	for (int i = 0; i < ACCEPTOR_PER_WAKEUP; i++) {
		int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			acceptor->take(acceptor->arg, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			acceptor_pause(acceptor);
			return;
		}
	}
}

int
acceptor_new(struct loop *loop, int fd, void (*take)(void *arg, int fd), void *arg,
	     struct acceptor **out)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
	struct loop_fd_config watch = {
		.fd = fd, .events = LOOP_READ, .priority = LOOP_PRIORITY_CONTROL,
		.name = "control socket", .cb = acceptor_ready, .arg = acceptor,
	};
	int rc;

	if (!acceptor)
		return -ENOMEM;
	acceptor->fd = fd;
	acceptor->take = take;
	acceptor->arg = arg;
	rc = loop_timer_new(loop, "control pause", acceptor_pause_over, acceptor,
			    &acceptor->pause);
	if (rc == 0)
		rc = loop_fd_new(loop, &watch, &acceptor->watch);
	if (rc < 0) {
		acceptor_free(acceptor);
		return rc;
	}
	*out = acceptor;
	return 0;
}

void
acceptor_free(struct acceptor *acceptor)
{
	if (!acceptor)
		return;
	loop_fd_free(acceptor->watch);
	loop_timer_free(acceptor->pause);
	free(acceptor);
}
