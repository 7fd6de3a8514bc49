/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the process of the tracing helper
 *
 * It has one socket, at most one struct tracer_hooks, and no loop: it reads a request, does it, and
 * answers. A request that the daemon never sends means that somebody else has taken it over, so
 * the helper ends, which detaches the hooks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "trace/helper.h"
#include "trace/tracer_hooks.h"
#include "trace/tracer_reason.h"

/* libbpf's lines come without an argument, so the socket is known here. */
static int serve_fd;

struct serve {
	uint32_t own_tgid;
	struct tracer_hooks *hooks;
};

bool
helper_supported(void)
{
	return true;
}

uint32_t
helper_whoami(void)
{
	return tracer_hooks_whoami();
}

/* If the daemon has gone, the next reading notices it. */
static void
serve_send(struct helper_message *message, const int *fds)
{
	union {
		char bytes[CMSG_SPACE(HELPER_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (fds) {
		head.msg_control = control.bytes;
		head.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&head);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(HELPER_FDS * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, HELPER_FDS * sizeof(int));
	}
	while (sendmsg(serve_fd, &head, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void
serve_line(const char *text)
{
	struct helper_message message = {.kind = HELPER_LINE};

	snprintf(message.text, sizeof(message.text), "%s", text);
	serve_send(&message, NULL);
}

static void
serve_hello(void)
{
	struct helper_message message = {.kind = HELPER_HELLO};
	struct tracer_facts facts;

	tracer_facts_read(&facts);
	message.capabilities = facts.capabilities;
	serve_send(&message, NULL);
}

static void
serve_start(struct serve *s, const struct helper_request *request)
{
	const struct tracer_hooks_config config = {
		.method = (enum tracer_method)request->method,
		.own_tgid = s->own_tgid,
		.line = request->lines ? serve_line : NULL,
	};
	struct helper_message message = {.kind = HELPER_ANSWER, .number = request->number};
	struct tracer_ring_maps maps;

	message.knows_self = s->own_tgid != 0;
	message.err = tracer_hooks_load(&config, &s->hooks, message.text);
	if (message.err) {
		message.no_ring = tracer_hooks_no_ring();
		serve_send(&message, NULL);
		return;
	}
	message.loaded = 1;
	message.err = tracer_hooks_attach(s->hooks, message.text);
	message.attached = tracer_hooks_attached(s->hooks);
	snprintf(message.missing, sizeof(message.missing), "%s", tracer_hooks_missing(s->hooks));
	maps = tracer_hooks_maps(s->hooks);
	message.ring_bytes = maps.ring_bytes;
	serve_send(&message, (const int[HELPER_FDS]){maps.ring, maps.counters});
}

static void
serve_stop(struct serve *s, const struct helper_request *request)
{
	struct helper_message message = {.kind = HELPER_ANSWER, .number = request->number};

	tracer_hooks_free(s->hooks);
	s->hooks = NULL;
	serve_send(&message, NULL);
}

/* Returns false if the request is none that the daemon sends now. */
static bool
serve_request(struct serve *s, const struct helper_request *request)
{
	if (request->method >= TRACER_METHOD_N || request->lines > 1)
		return false;
	switch (request->op) {
	case HELPER_START:
		if (s->hooks)
			return false;
		serve_start(s, request);
		return true;
	case HELPER_STOP:
		serve_stop(s, request);
		return true;
	default:
		return false;
	}
}

/* Descriptors that come along are not received: there is no room for them. */
static bool
serve_receive(struct helper_request *request)
{
	struct iovec iov = {.iov_base = request, .iov_len = sizeof(*request)};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		n = recvmsg(serve_fd, &head, 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*request) && !(head.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

void
helper_serve(int fd, uint32_t own_tgid)
{
	struct serve s = {.own_tgid = own_tgid};
	struct helper_request request;

	serve_fd = fd;
	serve_hello();
	while (serve_receive(&request) && serve_request(&s, &request))
		;
	tracer_hooks_free(s.hooks);
}
