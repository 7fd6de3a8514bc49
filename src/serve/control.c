/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the control server
 *
 * Objects: the control owns its socket and its clients. A client owns an input buffer for a little
 * more than one frame, and an output queue. Both have limits: frame_scan refuses a frame of more
 * than CONTROL_FRAME_MAX before it is decoded, and no request is handled while more than
 * CONTROL_QUEUE_LOW bytes of answers wait. So a client that asks without reading stops only itself.
 *
 * A wake-up handles a few frames at most. If more wait in the buffer, the client is also watched
 * for LOOP_WRITE. As the socket can be written, the loop calls back at once, at the control
 * priority, after the other callbacks.
 *
 * A dropped client is closed at once and moves to the list of dead clients. The loop then calls
 * gone() and frees it, when no caller up the stack uses it any more.
 *
 * If all places are taken, places.c says which client has to go for a new one.
 */
#include "serve/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "record/frame.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/acceptor.h"
#include "serve/buffer.h"
#include "serve/listen.h"
#include "serve/places.h"
#include "serve/rpc.h"

#define CONTROL_QUEUE_LOW (CONTROL_QUEUE_MAX / 4)
#define CONTROL_QUEUE_NOTIFY (CONTROL_QUEUE_MAX / 4 * 3) /* the rest is for responses */
#define CONTROL_ANSWER_MAX (CONTROL_QUEUE_MAX - 64) /* leaves room for the head of a response */
#define CONTROL_FRAMES_PER_WAKEUP 16
#define CONTROL_WAKEUP_NS (500 * NSEC_PER_USEC)
#define CONTROL_WRITES_PER_WAKEUP 4

struct control_client {
	struct control *control;
	TAILQ_ENTRY(control_client) entry;
	struct loop_fd *watch;
	struct frame_scan scan;
	struct buffer in, out;
	struct place place;
	uint64_t id;
	uint64_t dropped;     /* notifications since the last "dropped" */
	int fd;
	bool eof;             /* the client asks nothing more, but answers are still written */
	bool more;            /* the last wake-up left frames in the buffer */
	bool dead;
};
TAILQ_HEAD(control_clients, control_client);

struct control {
	struct loop *loop;
	struct control_config config;
	char *path;
	struct listen_socket listen;
	struct acceptor *acceptor;
	struct control_clients clients, dead;
	struct control_stats stats;
	uint64_t last_id;
	gid_t group;          /* of the file; LISTEN_NO_GROUP: of none */
	bool removed;         /* the file is missing, and this has been logged */
	bool sweeping;        /* control_sweep() has been deferred */
	bool freed;           /* control_sweep() also frees the control */
};

static void
control_client_free(struct control_client *client)
{
	buffer_free(&client->in);
	buffer_free(&client->out);
	free(client);
}

static void
control_bury(struct control *control)
{
	struct control_client *client;

	while ((client = TAILQ_FIRST(&control->dead))) {
		TAILQ_REMOVE(&control->dead, client, entry);
		if (control->config.gone && !control->freed)
			control->config.gone(control->config.arg, client);
		control_client_free(client);
	}
}

static void
control_sweep(void *arg)
{
	struct control *control = arg;

	control->sweeping = false;
	control_bury(control);
	if (!control->freed)
		return;
	free(control->path);
	free(control);
}

/* If there is no memory to defer it, the dead clients wait for the next sweep. */
static void
control_sweep_later(struct control *control)
{
	if (!control->sweeping && loop_defer(control->loop, control_sweep, control) == 0)
		control->sweeping = true;
}

static void
control_drop(struct control_client *client)
{
	struct control *control = client->control;

	if (client->dead)
		return;
	client->dead = true;
	loop_fd_free(client->watch);
	client->watch = NULL;
	close(client->fd);
	client->fd = -1;
	control->stats.clients--;
	TAILQ_REMOVE(&control->clients, client, entry);
	TAILQ_INSERT_TAIL(&control->dead, client, entry);
	log_debug(CONTROL, "client %llu gone", (unsigned long long)client->id);
	control_sweep_later(control);
}

static void
control_drop_bad(struct control_client *client, const char *why)
{
	client->control->stats.bad_frames++;
	log_some(1, CONTROL, WARNING, "client %llu disconnected: %s",
		 (unsigned long long)client->id, why);
	control_drop(client);
}

/* Watches the client for the events that it needs now. */
static void
control_rearm(struct control_client *client)
{
	bool busy = client->more || client->out.len >= CONTROL_QUEUE_LOW;
	int events = 0;

	if (!client->eof && !busy)
		events |= LOOP_READ;
	if (client->more || client->out.len > 0)
		events |= LOOP_WRITE;
	if (events == 0) /* the client asks nothing more and has read all */
		control_drop(client);
	else if (loop_fd_set(client->watch, events) < 0)
		control_drop(client);
}

static void
control_flush(struct control_client *client)
{
	struct buffer *out = &client->out;

	for (int i = 0; i < CONTROL_WRITES_PER_WAKEUP && out->len > 0; i++) {
		ssize_t n = send(client->fd, out->data + out->off, out->len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			control_drop(client);
		if (n < 0)
			return;
		client->place.active_ns = clock_mono_ns();
		buffer_skip(out, (size_t)n);
	}
}

/* Queues head and body together, or neither. */
static int
control_queue(struct control_client *client, const msgpack_sbuffer *head,
	      const msgpack_sbuffer *body, size_t limit)
{
	size_t n = head->size + body->size;

	if (n > limit || client->out.len > limit - n)
		return -ENOBUFS;
	if (buffer_reserve(&client->out, n) < 0)
		return -ENOBUFS;
	if (head->size)
		buffer_add(&client->out, head->data, head->size);
	if (body->size)
		buffer_add(&client->out, body->data, body->size);
	return 0;
}

int
control_notify(struct control_client *client, const char *method, const msgpack_sbuffer *payload)
{
	struct control_stats *stats = &client->control->stats;
	msgpack_sbuffer head;
	msgpack_packer pk;
	int rc;

	if (client->dead)
		return -ENOBUFS;
	msgpack_sbuffer_init(&head);
	msgpack_packer_init(&pk, &head, msgpack_sbuffer_write);
	if (client->dropped)
		rpc_pack_dropped(&pk, client->dropped);
	rpc_pack_notification(&pk, method);
	rc = control_queue(client, &head, payload, CONTROL_QUEUE_NOTIFY);
	msgpack_sbuffer_destroy(&head);
	if (rc < 0) {
		client->dropped++;
		stats->dropped++;
		return rc;
	}
	client->dropped = 0;
	stats->notifications++;
	control_rearm(client);
	return 0;
}

static const struct control_method *
control_method_find(const struct control *control, const msgpack_object *name)
{
	for (size_t i = 0; i < control->config.n_methods; i++)
		if (rpc_name_is(name, control->config.methods[i].name))
			return &control->config.methods[i];
	return NULL;
}

static int
control_methods_call(const struct control_call *call);

static const struct control_method control_methods_method = {
	.name = "methods", .doc = "The methods that this daemon knows",
	.call = control_methods_call,
};

static int
control_methods_call(const struct control_call *call)
{
	const struct control_config *config = &call->client->control->config;

	msgpack_pack_array(call->result, config->n_methods + 1);
	rpc_pack_method(call->result, &control_methods_method);
	for (size_t i = 0; i < config->n_methods; i++)
		rpc_pack_method(call->result, &config->methods[i]);
	return 0;
}

static int
control_dispatch(struct control_client *client, const struct rpc_request *req,
		 msgpack_packer *result, struct control_error *error)
{
	struct control *control = client->control;
	const struct control_method *m = control_method_find(control, req->method);
	int rc;

	if (!m && rpc_name_is(req->method, control_methods_method.name))
		m = &control_methods_method;
	if (!m) {
		rpc_unknown(req->method, error);
		return -ENOSYS;
	}
	if (m->right == CONTROL_CHANGE && !client->place.privileged) {
		error->code = EPERM;
		snprintf(error->message, sizeof(error->message),
			 "only root and the daemon's own user may call %s", m->name);
		return -EPERM;
	}
	if (req->params->type != MSGPACK_OBJECT_ARRAY) {
		error->code = EINVAL;
		snprintf(error->message, sizeof(error->message), "%s: params must be an array",
			 m->name);
		return -EINVAL;
	}
	rc = m->call(&(struct control_call){
		.arg = control->config.arg,
		.client = client,
		.params = req->params,
		.result = result,
		.error = error,
	});
	if (rc < 0 && error->code == 0)
		error->code = -rc;
	return rc;
}

/* Sends the result that the method has packed, or the error instead. */
static void
control_respond(struct control_client *client, uint32_t id, const struct control_error *error,
		msgpack_sbuffer *result)
{
	msgpack_sbuffer head;
	msgpack_packer pk;

	msgpack_sbuffer_init(&head);
	msgpack_packer_init(&pk, &head, msgpack_sbuffer_write);
	rpc_pack_response(&pk, id, error);
	if (error)
		msgpack_sbuffer_clear(result);
	if (result->size == 0)
		msgpack_pack_nil(&pk);
	if (control_queue(client, &head, result, CONTROL_QUEUE_MAX) < 0) {
		client->control->stats.slow_clients++;
		log_some(1, CONTROL, WARNING,
			 "client %llu disconnected: an answer of %zu bytes does not fit its queue",
			 (unsigned long long)client->id, head.size + result->size);
		control_drop(client);
	}
	msgpack_sbuffer_destroy(&head);
}

static int
control_too_long(size_t size, struct control_error *error)
{
	error->code = EMSGSIZE;
	snprintf(error->message, sizeof(error->message),
		 "the answer of %zu bytes is too long: ask for pages (after, limit)", size);
	return -EMSGSIZE;
}

static void
control_call(struct control_client *client, const struct rpc_request *req)
{
	struct control_stats *stats = &client->control->stats;
	struct control_error error = {0};
	msgpack_sbuffer result;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&result);
	msgpack_packer_init(&pk, &result, msgpack_sbuffer_write);
	stats->calls++;
	rc = control_dispatch(client, req, &pk, &error);
	if (rc == 0 && result.size > CONTROL_ANSWER_MAX)
		rc = control_too_long(result.size, &error);
	if (rc < 0)
		stats->errors++;
	if (req->answer && !client->dead)
		control_respond(client, req->id, rc < 0 ? &error : NULL, &result);
	msgpack_sbuffer_destroy(&result);
}

static void
control_frame(struct control_client *client, const char *data, size_t len)
{
	struct rpc_request req;
	msgpack_unpacked unpacked;
	const char *why;
	size_t off = 0;

	msgpack_unpacked_init(&unpacked);
	if (msgpack_unpack_next(&unpacked, data, len, &off) != MSGPACK_UNPACK_SUCCESS)
		why = "a frame that is not MessagePack";
	else
		why = rpc_parse(&unpacked.data, &req);
	if (why)
		control_drop_bad(client, why);
	else
		control_call(client, &req);
	msgpack_unpacked_destroy(&unpacked);
}

static const char *
control_scan_reason(ssize_t rc)
{
	if (rc == -EMSGSIZE)
		return "a frame that is too long";
	return rc == -ELOOP ? "a frame that is nested too deeply" :
			      "a frame that is not MessagePack";
}

/* Answers complete frames, up to the limit of one wake-up. */
static void
control_frames(struct control_client *client)
{
	struct buffer *in = &client->in;
	uint64_t until_ns = clock_mono_ns() + CONTROL_WAKEUP_NS;

	client->more = false;
	for (int i = 0; in->len > 0 && !client->dead; i++) {
		ssize_t n = frame_scan_next(&client->scan, (const uint8_t *)in->data + in->off,
					    in->len);

		if (n < 0)
			control_drop_bad(client, control_scan_reason(n));
		if (n <= 0)
			return;
		if (i == CONTROL_FRAMES_PER_WAKEUP || client->out.len >= CONTROL_QUEUE_LOW ||
		    clock_mono_ns() > until_ns) {
			client->more = true;
			return;
		}
		frame_scan_start(&client->scan, CONTROL_FRAME_MAX);
		control_frame(client, in->data + in->off, (size_t)n);
		buffer_skip(in, (size_t)n);
	}
}

static void
control_read(struct control_client *client)
{
	struct buffer *in = &client->in;
	size_t room;
	ssize_t n;

	if (buffer_reserve(in, 1) < 0) {
		control_drop(client);
		return;
	}
	room = in->cap - in->off - in->len;
	n = recv(client->fd, in->data + in->off + in->len, room, MSG_DONTWAIT);
	if (n > 0)
		in->len += (size_t)n;
	else if (n == 0)
		client->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		control_drop(client);
}

static void
control_client_ready(void *arg, int events)
{
	struct control_client *client = arg;

	loop_for_others(client->control->loop);
	if (events & LOOP_WRITE)
		control_flush(client);
	if (!client->dead && events & LOOP_READ)
		control_read(client);
	if (!client->dead)
		control_frames(client);
	if (!client->dead)
		control_flush(client);
	if (!client->dead)
		control_rearm(client);
}

/* The place of the client's user. Without credentials it is (uid_t)-1, which is no user. */
static struct place
control_place(int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		cred.uid = (uid_t)-1;
	return (struct place){
		.who = cred.uid,
		.privileged = cred.uid == 0 || cred.uid == geteuid(),
		.active_ns = clock_mono_ns(),
	};
}

static int
control_client_new(struct control *control, int fd, const struct place *place)
{
	struct control_client *client = calloc(1, sizeof(*client));
	struct loop_fd_config watch = {
		.fd = fd, .events = LOOP_READ, .priority = LOOP_PRIORITY_CONTROL,
		.name = "control client",
		.cb = control_client_ready, .arg = client,
	};
	int rc = client ? loop_fd_new(control->loop, &watch, &client->watch) : -ENOMEM;

	if (rc < 0) {
		free(client);
		return rc;
	}
	client->control = control;
	client->fd = fd;
	client->id = ++control->last_id;
	client->place = *place;
	frame_scan_start(&client->scan, CONTROL_FRAME_MAX);
	TAILQ_INSERT_TAIL(&control->clients, client, entry);
	control->stats.clients++;
	control->stats.accepted++;
	return 0;
}

/* All places are taken: returns the client that has to go for the newcomer, or NULL. */
static struct control_client *
control_yields(struct control *control, const struct place *newcomer)
{
	struct control_client *client, *clients[CONTROL_CLIENTS_MAX];
	struct place places[CONTROL_CLIENTS_MAX];
	uint32_t n = 0;
	int i;

	TAILQ_FOREACH (client, &control->clients, entry) {
		clients[n] = client;
		places[n++] = client->place;
	}
	i = places_yield(places, n, newcomer, newcomer->active_ns);
	return i < 0 ? NULL : clients[i];
}

/* All places are taken: frees one. Returns false if the newcomer has to be refused. */
static bool
control_make_room(struct control *control, const struct place *newcomer)
{
	struct control_client *client = control_yields(control, newcomer);

	log_some(1, CONTROL, WARNING, "%u clients are connected: further ones take the place of a "
		 "silent one of the user with the most, or are refused", CONTROL_CLIENTS_MAX);
	if (!client) {
		control->stats.refused++;
		return false;
	}
	control->stats.displaced++;
	log_debug(CONTROL, "client %llu of user %llu makes room", (unsigned long long)client->id,
		  (unsigned long long)client->place.who);
	control_drop(client);
	return true;
}

static void
control_take(void *arg, int fd)
{
	struct control *control = arg;
	const struct place place = control_place(fd);
	bool full = control->stats.clients >= CONTROL_CLIENTS_MAX;

	if ((full && !control_make_room(control, &place)) ||
	    control_client_new(control, fd, &place) < 0)
		close(fd);
}

static int
control_open(struct control *control, const char *group)
{
	control->group = listen_group(control->path, group);
	return listen_open(control->path, control->group, &control->listen);
}

int
control_new(struct loop *loop, const struct control_config *config, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	int rc;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->config = *config;
	control->listen.fd = -1;
	control->group = LISTEN_NO_GROUP;
	TAILQ_INIT(&control->clients);
	TAILQ_INIT(&control->dead);
	control->path = strdup(config->path ? config->path : "");
	if (!control->path)
		rc = -ENOMEM;
	else if (config->listen_fd >= 0)
		rc = listen_adopt(config->listen_fd, &control->listen);
	else
		rc = control_open(control, config->group);
	if (rc == 0)
		rc = acceptor_new(loop, control->listen.fd, control_take, control,
				  &control->acceptor);
	if (rc < 0 && config->listen_fd >= 0)
		control->listen.fd = -1; /* the caller still owns it */
	if (rc < 0) {
		control_free(control);
		return rc;
	}
	*out = control;
	return 0;
}

void
control_free(struct control *control)
{
	struct control_client *client;

	if (!control)
		return;
	while ((client = TAILQ_FIRST(&control->clients)))
		control_drop(client);
	if (control->config.gone)
		TAILQ_FOREACH(client, &control->dead, entry)
			control->config.gone(control->config.arg, client);
	control->freed = true;
	acceptor_free(control->acceptor);
	listen_close(&control->listen, control->path);
	control_sweep_later(control);
	if (!control->sweeping)
		control_sweep(control);
}

/* Makes a new socket. If that fails, nothing changes. */
static int
control_listen_anew(struct control *control)
{
	struct listen_socket made;
	struct acceptor *acceptor;
	int rc = listen_open(control->path, control->group, &made);

	if (rc < 0)
		return rc;
	rc = acceptor_new(control->loop, made.fd, control_take, control, &acceptor);
	if (rc < 0) {
		listen_close(&made, control->path);
		return rc;
	}
	acceptor_free(control->acceptor);
	close(control->listen.fd);
	control->acceptor = acceptor;
	control->listen = made;
	return 0;
}

void
control_look(struct control *control)
{
	if (!listen_is_removed(&control->listen, control->path)) {
		control->removed = false;
		return;
	}
	if (!control->removed)
		log_warning(CONTROL, "%s: somebody has removed it: made again", control->path);
	if (control->removed && !listen_can_make(control->path))
		return;
	control->removed = control_listen_anew(control) < 0;
}

bool
control_client_may_change(const struct control_client *client)
{
	return client->place.privileged;
}

uint64_t
control_client_id(const struct control_client *client)
{
	return client->id;
}

void
control_stats(const struct control *control, struct control_stats *out)
{
	*out = control->stats;
}
