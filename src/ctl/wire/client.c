/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: a blocking MessagePack-RPC client
 *
 * The buffer holds what has come and is not decoded yet; `message` is the last one decoded and owns
 * what client_call() hands out. One call is under way at most.
 */
#include "ctl/wire/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "ctl/ctl.h"
#include "ctl/term/signals.h"
#include "ctl/view/view.h"
#include "record/frame.h"
#include "rpingmesh/control.h"

#define CLIENT_READ 65536u
#define CLIENT_REQUEST_MAX 65536u /* rpingmesh-control(7): who sends a longer one is disconnected */

struct client {
	const char *path;
	struct client_ops ops;
	struct frame_scan scan;
	msgpack_unpacked message;
	char *data;
	size_t off, len, cap;
	uint64_t patience_ns;
	uint32_t id;
	int fd;
	int input; /* as client_watch() said; -1: none */
};

static int
client_lost(const struct client *client, const char *why)
{
	ctl_complain("%s: %s", client->path, why);
	return CTL_NO_DAEMON;
}

/* Who may connect is the group of the socket. */
static int
client_denied(const char *path)
{
	const struct group *group;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_gid != 0 && st.st_mode & S_IWGRP &&
	    (group = getgrgid(st.st_gid)))
		ctl_complain("%s: permission denied: join the group \"%s\" (usermod -aG %s USER, "
			     "then log in again), or be root",
			     path, group->gr_name, group->gr_name);
	else
		ctl_complain(
			"%s: permission denied: only root and the daemon's own user may connect",
			path);
	return CTL_NO_DAEMON;
}

static int
client_connect_failed(const char *path, int error)
{
	if (error == EACCES || error == EPERM)
		return client_denied(path);
	if (error == ENOENT || error == ECONNREFUSED)
		ctl_complain("%s: no rpingmeshd listens there (%s); is it running, and is this its "
			     "socket?",
			     path, error == ENOENT ? "no such file" : "connection refused");
	else
		ctl_complain("%s: %s", path, strerror(error));
	return CTL_NO_DAEMON;
}

int
client_open(const char *path, const struct client_ops *ops, struct client **out)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct client *client;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return client_connect_failed(path, ENAMETOOLONG);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return client_connect_failed(path, error);
	}
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return client_connect_failed(path, ENOMEM);
	}
	client->path = path;
	client->fd = fd;
	client->patience_ns = CLIENT_TIMEOUT_NS;
	client->input = -1;
	if (ops)
		client->ops = *ops;
	frame_scan_start(&client->scan, CLIENT_FRAME_MAX);
	msgpack_unpacked_init(&client->message);
	*out = client;
	return CTL_OK;
}

void
client_close(struct client *client)
{
	if (!client)
		return;
	msgpack_unpacked_destroy(&client->message);
	close(client->fd);
	free(client->data);
	free(client);
}

void
client_set_patience(struct client *client, uint64_t ns)
{
	client->patience_ns = ns;
}

void
client_pack_str(msgpack_packer *pk, const char *text)
{
	msgpack_pack_str(pk, strlen(text));
	msgpack_pack_str_body(pk, text, strlen(text));
}

/* 1: client->message is the next one; 0: it has not come yet; -1: it is garbage, told. */
static int
client_decode(struct client *client)
{
	size_t off = 0;
	ssize_t n;

	msgpack_unpacked_destroy(&client->message);
	msgpack_unpacked_init(&client->message);
	n = client->len ?
		    frame_scan_next(&client->scan, (const uint8_t *)client->data + client->off,
				    client->len) :
		    0;
	if (n == 0)
		return 0;
	if (n < 0 || msgpack_unpack_next(&client->message, client->data + client->off, (size_t)n,
					 &off) != MSGPACK_UNPACK_SUCCESS) {
		client_lost(client, "who listens there does not speak MessagePack-RPC; is it "
				    "rpingmeshd's socket?");
		return -1;
	}
	frame_scan_start(&client->scan, CLIENT_FRAME_MAX);
	client->off += (size_t)n;
	client->len -= (size_t)n;
	return 1;
}

/* Room for one read. */
static int
client_reserve(struct client *client)
{
	size_t cap = client->cap ? client->cap : 2 * (size_t)CLIENT_READ;
	char *data;

	if (client->off > 0) {
		memmove(client->data, client->data + client->off, client->len);
		client->off = 0;
	}
	while (cap < client->len + CLIENT_READ)
		cap *= 2;
	if (cap == client->cap)
		return 0;
	data = realloc(client->data, cap);
	if (!data)
		return -ENOMEM;
	client->data = data;
	client->cap = cap;
	return 0;
}

static int
client_read(struct client *client)
{
	ssize_t n;

	if (client_reserve(client) < 0)
		return client_lost(client, "out of memory");
	n = recv(client->fd, client->data + client->len, CLIENT_READ, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CTL_OK;
	if (n < 0)
		return client_lost(client,
				   errno == ECONNRESET ? "the daemon hung up" : strerror(errno));
	if (n == 0)
		return client_lost(client, "the daemon hung up");
	client->len += (size_t)n;
	return CTL_OK;
}

enum client_event {
	CLIENT_READY,
	CLIENT_SIGNAL,
	CLIENT_INPUT,
	CLIENT_TIMEOUT,
};

/* Waits for bytes. Without signals_start() there is no signal to wait for. */
static enum client_event
client_poll(const struct client *client, int input, uint64_t until_ns)
{
	struct pollfd fds[3] = {
		{.fd = client->fd, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN},
		 {.fd = input, .events = POLLIN},
	};
	uint64_t now_ns = clock_mono_ns(), left_ms = 0;

	if (until_ns > now_ns)
		left_ms = (until_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	if (poll(fds, 3, left_ms > 3600000 ? 3600000 : (int)left_ms) < 0)
		return CLIENT_SIGNAL;
	if (fds[1].revents) {
		signals_drain();
		return CLIENT_SIGNAL;
	}
	if (fds[2].revents)
		return CLIENT_INPUT;
	return fds[0].revents ? CLIENT_READY : CLIENT_TIMEOUT;
}

static bool
client_is_uint(const msgpack_object *o, uint64_t n)
{
	return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 == n;
}

/*
 * True: client->message was a notification, passed on, or an answer that nobody waits for any more.
 */
static bool
client_dispatch(struct client *client)
{
	const msgpack_object *o = &client->message.data, *a = o->via.array.ptr;

	if (o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == 4 &&
	    client_is_uint(&a[0], CONTROL_RPC_RESPONSE))
		return !client_is_uint(&a[1], client->id);
	if (o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == 3 &&
	    client_is_uint(&a[0], CONTROL_RPC_NOTIFICATION) && client->ops.notified)
		client->ops.notified(client->ops.arg, &a[1], &a[2]);
	return true;
}

static int
client_send(struct client *client, const msgpack_sbuffer *frame)
{
	size_t sent = 0;

	while (sent < frame->size) {
		ssize_t n = send(client->fd, frame->data + sent, frame->size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return client_lost(client, errno == EPIPE || errno == ECONNRESET ?
							   "the daemon hung up" :
							   strerror(errno));
		sent += (size_t)n;
	}
	return CTL_OK;
}

static int
client_request(struct client *client, const char *method, const msgpack_sbuffer *param)
{
	msgpack_sbuffer frame;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&frame);
	msgpack_packer_init(&pk, &frame, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, CONTROL_RPC_REQUEST);
	msgpack_pack_uint32(&pk, ++client->id);
	client_pack_str(&pk, method);
	msgpack_pack_array(&pk, param ? 1 : 0);
	if (param)
		msgpack_sbuffer_write(&frame, param->data, param->size);
	if (frame.size > CLIENT_REQUEST_MAX) {
		ctl_complain("%s: an argument is too long", method);
		rc = CTL_USAGE;
	} else {
		rc = client_send(client, &frame);
	}
	msgpack_sbuffer_destroy(&frame);
	return rc;
}

/* What an error in an answer means for us. */
static int
client_error(const struct client *client, const char *method, const msgpack_object *error)
{
	char text[512];
	uint64_t code = 0;

	view_u64(error, "code", &code);
	if (code == ENOSYS) {
		ctl_complain("%s: the daemon does not know \"%s\": it is older than this program, "
			     "restart or upgrade rpingmeshd",
			     client->path, method);
		return CTL_NO_DAEMON;
	}
	if (!view_text(error, "message", text, sizeof(text)))
		view_clean(error, text, sizeof(text));
	ctl_complain("%s: %s", method, text);
	return code == EPERM || code == EACCES ? CTL_NO_DAEMON : CTL_BAD_NEWS;
}

static int
client_answer(struct client *client, const char *method, uint64_t until_ns)
{
	enum client_event event;
	int rc;

	for (;;) {
		rc = client_decode(client);
		if (rc < 0)
			return CTL_NO_DAEMON;
		if (rc > 0 && !client_dispatch(client))
			return CTL_OK;
		if (rc > 0)
			continue;
		event = client_poll(client, client->ops.woken ? client->input : -1, until_ns);
		if (event == CLIENT_SIGNAL || event == CLIENT_INPUT) {
			if (client->ops.woken && client->ops.woken(client->ops.arg))
				return CTL_STOPPED;
		} else if (clock_mono_ns() >= until_ns) {
			/* Not after a signal: a program that was stopped looks first. */
			ctl_complain("%s: the daemon has not answered \"%s\" for %d s",
				     client->path, method,
				     (int)(client->patience_ns / NSEC_PER_SEC));
			return CTL_NO_DAEMON;
		}
		rc = client_read(client);
		if (rc != CTL_OK)
			return rc;
	}
}

int
client_call(struct client *client, const char *method, const msgpack_sbuffer *param,
	    const msgpack_object **result)
{
	const msgpack_object *a;
	int rc = client_request(client, method, param);

	if (rc == CTL_OK)
		rc = client_answer(client, method, clock_mono_ns() + client->patience_ns);
	if (rc != CTL_OK)
		return rc;
	a = client->message.data.via.array.ptr;
	if (a[2].type != MSGPACK_OBJECT_NIL)
		return client_error(client, method, &a[2]);
	if (result)
		*result = &a[3];
	return CTL_OK;
}

void
client_watch(struct client *client, int fd)
{
	client->input = fd;
}

int
client_wait(struct client *client, uint64_t until_ns)
{
	int rc;

	do {
		bool some = false;

		while ((rc = client_decode(client)) > 0) {
			client_dispatch(client);
			some = true;
		}
		if (rc < 0)
			return CTL_NO_DAEMON;
		if (some || client_poll(client, client->input, until_ns) != CLIENT_READY)
			return CTL_OK;
		rc = client_read(client);
	} while (rc == CTL_OK);
	return rc;
}

int
client_check_schema(struct client *client, const msgpack_object *record)
{
	uint64_t schema;

	if (!view_u64(record, "schema", &schema) || schema >= CONTROL_SCHEMA)
		return CTL_OK;
	ctl_complain("%s: the daemon's records have schema %llu, this program needs %d: it is "
		     "older, restart or upgrade rpingmeshd",
		     client->path, (unsigned long long)schema, CONTROL_SCHEMA);
	return CTL_NO_DAEMON;
}

int
client_list(struct client *client, const char *method, const msgpack_object **out)
{
	int rc = client_call(client, method, NULL, out);

	if (rc == CTL_OK && (*out)->type != MSGPACK_OBJECT_ARRAY) {
		ctl_complain("%s: the daemon's answer to \"%s\" is not a list: its version does "
			     "not fit this program",
			     client->path, method);
		return CTL_NO_DAEMON;
	}
	return rc;
}

int
client_subscribe_windows(struct client *client, const char *by)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	client_pack_str(&pk, "by");
	msgpack_pack_array(&pk, 1);
	client_pack_str(&pk, by);
	rc = client_call(client, "subscribe_windows", &param, NULL);
	msgpack_sbuffer_destroy(&param);
	return rc;
}
