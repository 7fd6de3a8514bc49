/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the daemon's end of the tracing helper
 *
 * struct helper owns the socket and the child. Requests have numbers; an answer to any but the last
 * request comes too late, because its user has gone, and is dropped. If the helper ends, its state
 * stays, with the reason: a new one would have no rights, because the daemon has given up its own.
 */
#include "trace/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define HELPER_BUDGET 32 /* messages in one callback */
#define HELPER_REAP_NS (50 * NSEC_PER_MSEC)

struct helper {
	struct loop_fd *watch;   /* NULL: it has ended */
	struct loop_timer *reap; /* it has ended: asks the kernel how */
	int fd;
	pid_t pid; /* 0: the kernel has said how it ended */
	const struct helper_ops *ops;
	void *arg;
	uint32_t number; /* of the last request */
	uint64_t capabilities;
	char gone[192];
};

/* A message with its descriptors. */
struct helper_parcel {
	struct helper_message message;
	int fds[HELPER_FDS], n_fds;
};

static void
helper_parcel_fds(struct helper_parcel *p, struct msghdr *head)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(head);

	p->n_fds = 0;
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	p->n_fds = (int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(p->fds, CMSG_DATA(cmsg), (size_t)p->n_fds * sizeof(int));
}

/* Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t
helper_receive(const struct helper *h, struct helper_parcel *p)
{
	union {
		char bytes[CMSG_SPACE(HELPER_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = &p->message, .iov_len = sizeof(p->message)};
	struct msghdr head = {.msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(h->fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	helper_parcel_fds(p, &head);
	p->message.text[sizeof(p->message.text) - 1] = '\0';
	p->message.missing[sizeof(p->message.missing) - 1] = '\0';
	return n;
}

static void
helper_answered(const struct helper *h, struct helper_parcel *p)
{
	const struct tracer_ring_maps maps = {
		.ring = p->fds[0],
		.counters = p->fds[1],
		.ring_bytes = p->message.ring_bytes,
	};

	p->message.loaded = p->message.loaded && p->n_fds == HELPER_FDS;
	if (h->ops && p->message.number == h->number)
		h->ops->answered(h->arg, &p->message, &maps);
}

static void
helper_take(struct helper *h, struct helper_parcel *p)
{
	switch ((enum helper_kind)p->message.kind) {
	case HELPER_HELLO:
		h->capabilities = p->message.capabilities;
		break;
	case HELPER_ANSWER:
		helper_answered(h, p);
		break;
	case HELPER_LINE:
		log_debug(TRACE, "%s", p->message.text);
		break;
	}
	for (int i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
}

/* The only place that assigns `gone`. `how`: "by signal 9", or "". */
static void
helper_set_gone(struct helper *h, const char *how)
{
	snprintf(h->gone, sizeof(h->gone),
		 "the tracing helper, which alone has CAP_BPF and CAP_PERFMON, has ended%s%s: "
		 "restart rpingmeshd",
		 how[0] ? " " : "", how);
}

/* When it closes its socket, it still has to detach the hooks. Do not wait for that. */
static void
helper_reap_cb(void *arg)
{
	struct helper *h = arg;
	char how[32] = "";
	int status = 0;

	if (waitpid(h->pid, &status, WNOHANG) == 0) {
		loop_timer_set(h->reap, HELPER_REAP_NS);
		return;
	}
	h->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(how, sizeof(how), "with status %d", WEXITSTATUS(status));
	helper_set_gone(h, how);
	if (h->ops)
		h->ops->gone(h->arg);
	else
		log_warning(TRACE, "%s", h->gone);
}

static void
helper_lost(struct helper *h)
{
	loop_fd_free(h->watch);
	h->watch = NULL;
	h->capabilities = 0;
	helper_set_gone(h, "");
	kill(h->pid, SIGKILL);
	loop_timer_set(h->reap, 0);
}

static void
helper_ready_cb(void *arg, int events)
{
	struct helper *h = arg;
	struct helper_parcel parcel;
	ssize_t n;

	(void)events;
	for (int i = 0; i < HELPER_BUDGET; i++) {
		n = helper_receive(h, &parcel);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n != sizeof(parcel.message)) {
			helper_lost(h);
			return;
		}
		helper_take(h, &parcel);
	}
}

static int
helper_watch(struct helper *h, struct loop *loop)
{
	const struct loop_fd_config config = {
		.fd = h->fd,
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "tracing helper",
		.cb = helper_ready_cb,
		.arg = h,
	};
	int rc = loop_timer_new(loop, "tracing helper", helper_reap_cb, h, &h->reap);

	return rc < 0 ? rc : loop_fd_new(loop, &config, &h->watch);
}

int
helper_new(struct loop *loop, int fd, pid_t pid, struct helper **out)
{
	struct helper *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	h->fd = fd;
	h->pid = pid;
	rc = helper_watch(h, loop);
	if (rc < 0)
		helper_free(h);
	else
		*out = h;
	return rc;
}

void
helper_free(struct helper *helper)
{
	if (!helper)
		return;
	loop_fd_free(helper->watch);
	loop_timer_free(helper->reap);
	close(helper->fd);
	while (helper->pid && waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(helper);
}

void
helper_use(struct helper *helper, const struct helper_ops *ops, void *arg)
{
	helper->ops = ops;
	helper->arg = arg;
}

int
helper_ask(struct helper *helper, enum helper_op op, uint32_t method)
{
	const struct helper_request request = {
		.op = op,
		.number = ++helper->number,
		.method = method,
		.lines = log_enabled(LOG_SUB_TRACE, LOG_LEVEL_DEBUG),
	};

	return helper->gone[0] ||
	       send(helper->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) !=
		       sizeof(request) ? -EPIPE : 0;
}

const char *
helper_gone(const struct helper *helper)
{
	return helper->gone[0] ? helper->gone : NULL;
}

uint64_t
helper_capabilities(const struct helper *helper)
{
	return helper ? helper->capabilities : 0;
}
