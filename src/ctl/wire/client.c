/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: a blocking MessagePack-RPC client
 *
 * The buffer contains received bytes that are not decoded yet. `message` is the last decoded
 * message; it owns the result of client_call(). At most one call waits at a time. `reason` is that
 * of the last failure.
 */
#include "ctl/wire/client_impl.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "record/frame.h"
#include "record/read.h"
#include "record/record.h"
#include "rpingmesh/control.h"

#define CLIENT_READ 65536u
#define CLIENT_REASON 4608u /* a path and a few lines */
#define CLIENT_AGENT "rpingmeshd"
#define CLIENT_CENTRAL "rpingmesh-central"
#define CLIENT_REQUEST_MAX 65536u /* the limit of the daemon: rpingmesh-control(7) */

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
	int input; /* the descriptor of client_watch(); -1: none */
	int code; /* client_code() */
	char reason[CLIENT_REASON];
};

enum client_rc
client_fail(struct client *client, enum client_rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(client->reason, sizeof(client->reason), fmt, ap);
	va_end(ap);
	return rc;
}

int
client_code(const struct client *client)
{
	return client->code;
}

const char *
client_reason(const struct client *client)
{
	return client ? client->reason : "out of memory";
}

static enum client_rc
client_lost(struct client *client, const char *why)
{
	return client_fail(client, CLIENT_LOST, "%s: %s", client->path, why);
}

static enum client_rc
client_no_memory(struct client *client)
{
	return client_fail(client, CLIENT_NO_MEMORY, "out of memory");
}

/* The program that is to listen there, by what is asked for or by the name of the socket. */
static const char *
client_program(const struct client *client)
{
	const char *name = strrchr(client->path, '/');

	return client->ops.central || strcmp(name ? name + 1 : client->path, "central.sock") == 0 ?
		       CLIENT_CENTRAL :
		       CLIENT_AGENT;
}

/* The members of the socket's group may connect, so the reason names the group. */
static enum client_rc
client_denied(struct client *client)
{
	const struct group *group;
	struct stat st;

	if (stat(client->path, &st) == 0 && st.st_gid != 0 && st.st_mode & S_IWGRP &&
	    (group = getgrgid(st.st_gid)))
		return client_fail(client, CLIENT_DENIED,
				   "%s: permission denied: join the group \"%s\" (usermod -aG %s "
				   "USER, then log in again), or be root",
				   client->path, group->gr_name, group->gr_name);
	return client_fail(client, CLIENT_DENIED,
			   "%s: permission denied: only root and the daemon's own user may connect",
			   client->path);
}

static enum client_rc
client_connect_failed(struct client *client, int error)
{
	if (error == EACCES || error == EPERM)
		return client_denied(client);
	if (error != ENOENT && error != ECONNREFUSED)
		return client_lost(client, strerror(error));
	return client_fail(client, CLIENT_LOST,
			   "%s: no %s listens there (%s); is it running, and is this its socket?",
			   client->path, client_program(client),
			   error == ENOENT ? "no such file" : "connection refused");
}

static enum client_rc
client_connect(struct client *client)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (strlen(client->path) >= sizeof(sun.sun_path))
		return client_connect_failed(client, ENAMETOOLONG);
	strcpy(sun.sun_path, client->path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		return client_connect_failed(client, errno);
	return CLIENT_OK;
}

enum client_rc
client_open(const char *path, const struct client_ops *ops, struct client **out)
{
	struct client *client = calloc(1, sizeof(*client));

	*out = client;
	if (!client)
		return CLIENT_NO_MEMORY;
	client->path = path;
	client->fd = -1;
	client->patience_ns = CLIENT_TIMEOUT_NS;
	client->input = -1;
	if (ops)
		client->ops = *ops;
	frame_scan_start(&client->scan, CLIENT_FRAME_MAX);
	msgpack_unpacked_init(&client->message);
	return client_connect(client);
}

void
client_close(struct client *client)
{
	if (!client)
		return;
	msgpack_unpacked_destroy(&client->message);
	if (client->fd >= 0)
		close(client->fd);
	free(client->data);
	free(client);
}

void
client_set_patience(struct client *client, uint64_t ns)
{
	client->patience_ns = ns;
}

/* Decodes a message into client->message. 1: done; 0: it is not complete yet; -1: garbage. */
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
		client_fail(client, CLIENT_LOST,
			    "%s: the program that listens there does not speak MessagePack-RPC; "
			    "is this the socket of %s?",
			    client->path, client_program(client));
		return -1;
	}
	frame_scan_start(&client->scan, CLIENT_FRAME_MAX);
	client->off += (size_t)n;
	client->len -= (size_t)n;
	return 1;
}

/* Makes room for one read. */
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

static enum client_rc
client_read(struct client *client)
{
	ssize_t n;

	if (client_reserve(client) < 0)
		return client_no_memory(client);
	n = recv(client->fd, client->data + client->len, CLIENT_READ, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CLIENT_OK;
	if (n < 0)
		return client_lost(client,
				   errno == ECONNRESET ? "the daemon closed the connection" :
							 strerror(errno));
	if (n == 0)
		return client_lost(client, "the daemon closed the connection");
	client->len += (size_t)n;
	return CLIENT_OK;
}

enum client_event {
	CLIENT_READY,
	CLIENT_SIGNAL,
	CLIENT_INPUT,
	CLIENT_TIMEOUT,
};

/* Waits for bytes. */
static enum client_event
client_poll(const struct client *client, int input, uint64_t until_ns)
{
	struct pollfd fds[3] = {
		{.fd = client->fd, .events = POLLIN},
		{.fd = client->ops.signal_fd ? client->ops.signal_fd() : -1, .events = POLLIN},
		{.fd = input, .events = POLLIN},
	};
	uint64_t now_ns = clock_mono_ns(), left_ms = 0;

	if (until_ns > now_ns)
		left_ms = (until_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	if (poll(fds, 3, left_ms > 3600000 ? 3600000 : (int)left_ms) < 0)
		return CLIENT_SIGNAL;
	if (fds[1].revents) {
		client->ops.signal_drain();
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
 * Returns true if client->message was a notification, which is passed on, or an answer for which no
 * call waits any more.
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

static enum client_rc
client_send(struct client *client, const msgpack_sbuffer *frame)
{
	size_t sent = 0;

	while (sent < frame->size) {
		ssize_t n = send(client->fd, frame->data + sent, frame->size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return client_lost(client, errno == EPIPE || errno == ECONNRESET ?
							   "the daemon closed the connection" :
							   strerror(errno));
		sent += (size_t)n;
	}
	return CLIENT_OK;
}

static enum client_rc
client_request(struct client *client, const char *method, const msgpack_sbuffer *param)
{
	msgpack_sbuffer frame;
	msgpack_packer pk;
	enum client_rc rc;

	msgpack_sbuffer_init(&frame);
	msgpack_packer_init(&pk, &frame, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, CONTROL_RPC_REQUEST);
	msgpack_pack_uint32(&pk, ++client->id);
	record_pack_str(&pk, method);
	msgpack_pack_array(&pk, param ? 1 : 0);
	if (param)
		msgpack_sbuffer_write(&frame, param->data, param->size);
	rc = frame.size > CLIENT_REQUEST_MAX ?
		     client_fail(client, CLIENT_TOO_LONG, "%s: an argument is too long", method) :
		     client_send(client, &frame);
	msgpack_sbuffer_destroy(&frame);
	return rc;
}

static void
client_text(const msgpack_object *o, char *buf, size_t size)
{
	if (o->type == MSGPACK_OBJECT_STR)
		snprintf(buf, size, "%.*s", (int)o->via.str.size, o->via.str.ptr);
	else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		snprintf(buf, size, "%" PRIu64, o->via.u64);
	else
		snprintf(buf, size, "-");
}

/* Which program listens there, by its status; NULL: it does not say. */
static const char *
client_listener(struct client *client)
{
	const msgpack_object *status = NULL;

	if (client_call(client, "status", NULL, &status) != CLIENT_OK)
		return NULL;
	if (read_is(status, "type", "central_status"))
		return CLIENT_CENTRAL;
	return read_is(status, "type", "status") ? CLIENT_AGENT : NULL;
}

/* It has no such method: it is the other program, or an older version. */
static enum client_rc
client_no_method(struct client *client, const char *method)
{
	const char *wanted = client->ops.central ? CLIENT_CENTRAL : CLIENT_AGENT, *listener = NULL;
	int code = client->code;

	if (strcmp(method, "status") != 0)
		listener = client_listener(client);
	client->code = code;
	if (listener && listener != wanted)
		return client_fail(client, CLIENT_STRANGE,
				   "%s: %s listens there, which does not know \"%s\": ask %s (use "
				   "%s-S with its socket)",
				   client->path, listener, method, wanted,
				   client->ops.central ? "--central, or " : "");
	return client_fail(client, CLIENT_STRANGE,
			   "%s: the daemon does not know \"%s\": it is older than this program, "
			   "restart or upgrade %s",
			   client->path, method, wanted);
}

/* The kind of failure that an error in an answer means. */
static enum client_rc
client_error(struct client *client, const char *method, const msgpack_object *error)
{
	const msgpack_object *message = read_find(error, "message");
	char text[512];
	uint64_t code = 0;

	read_u64(error, "code", &code);
	client->code = code <= INT_MAX ? (int)code : 0;
	if (code == ENOSYS)
		return client_no_method(client, method);
	client_text(message ? message : error, text, sizeof(text));
	return client_fail(client, code == EPERM || code == EACCES ? CLIENT_DENIED : CLIENT_REFUSED,
			   "%s: %s", method, text);
}

static enum client_rc
client_answer(struct client *client, const char *method, uint64_t until_ns)
{
	enum client_event event;
	enum client_rc got;
	int rc;

	for (;;) {
		rc = client_decode(client);
		if (rc < 0)
			return CLIENT_LOST;
		if (rc > 0 && !client_dispatch(client))
			return CLIENT_OK;
		if (rc > 0)
			continue;
		event = client_poll(client, client->ops.woken ? client->input : -1, until_ns);
		if (event == CLIENT_SIGNAL || event == CLIENT_INPUT) {
			if (client->ops.woken && client->ops.woken(client->ops.arg))
				return CLIENT_STOPPED;
		} else if (clock_mono_ns() >= until_ns) {
			/*
			 * This is not checked right after a signal: the program may have been
			 * stopped, so it reads first.
			 */
			return client_fail(client, CLIENT_LOST,
					   "%s: the daemon has not answered \"%s\" for %d s",
					   client->path, method,
					   (int)(client->patience_ns / NSEC_PER_SEC));
		}
		got = client_read(client);
		if (got != CLIENT_OK)
			return got;
	}
}

enum client_rc
client_call(struct client *client, const char *method, const msgpack_sbuffer *param,
	    const msgpack_object **result)
{
	const msgpack_object *a;
	enum client_rc rc = client_request(client, method, param);

	if (rc == CLIENT_OK)
		rc = client_answer(client, method, clock_mono_ns() + client->patience_ns);
	if (rc != CLIENT_OK)
		return rc;
	a = client->message.data.via.array.ptr;
	if (a[2].type != MSGPACK_OBJECT_NIL)
		return client_error(client, method, &a[2]);
	if (result)
		*result = &a[3];
	return CLIENT_OK;
}

void
client_watch(struct client *client, int fd)
{
	client->input = fd;
}

enum client_rc
client_wait(struct client *client, uint64_t until_ns)
{
	enum client_rc rc;

	do {
		bool some = false;
		int got;

		while ((got = client_decode(client)) > 0) {
			client_dispatch(client);
			some = true;
		}
		if (got < 0)
			return CLIENT_LOST;
		if (some || client_poll(client, client->input, until_ns) != CLIENT_READY)
			return CLIENT_OK;
		rc = client_read(client);
	} while (rc == CLIENT_OK);
	return rc;
}

enum client_rc
client_check_schema(struct client *client, const msgpack_object *record)
{
	uint64_t schema;

	if (!read_u64(record, "schema", &schema) || schema >= CONTROL_SCHEMA)
		return CLIENT_OK;
	return client_fail(client, CLIENT_STRANGE,
			   "%s: the daemon's records have schema %llu, this program needs %d: it "
			   "is older, restart or upgrade %s",
			   client->path, (unsigned long long)schema, CONTROL_SCHEMA,
			   client_program(client));
}

enum client_rc
client_subscribe_windows(struct client *client, const char *by)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	enum client_rc rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	record_pack_str(&pk, "by");
	msgpack_pack_array(&pk, 1);
	record_pack_str(&pk, by);
	rc = client_call(client, "subscribe_windows", &param, NULL);
	msgpack_sbuffer_destroy(&param);
	return rc;
}
