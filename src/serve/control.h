/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a MessagePack-RPC server on a Unix stream socket.
 *
 * Request [0, id, method, params], response [1, id, error, result], notification
 * [2, method, params] (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md). This module
 * knows frames, clients, rights and back-pressure; what the methods answer is the daemon's.
 * Nothing here blocks: sockets are non-blocking, output is queued per client up to a limit.
 */
#ifndef RPINGMESH_SERVE_CONTROL_H
#define RPINGMESH_SERVE_CONTROL_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/rpc.h"

struct loop;
struct control;
struct control_client;

struct control_config {
	const char *path;          /* of the socket; an old socket nobody listens on is replaced */
	const char *group;         /* may connect too; "" or unknown: socket mode 0600, else 0660 */
	const struct control_method *methods;
	size_t n_methods;
	void *arg;                 /* for call and gone */
	void (*gone)(void *arg,
		     struct control_client *client); /* the client is about to be freed */
	int listen_fd; /* ≥ 0: already listening (socket activation), path is for messages only;
			  taken over on success. -1: none. */
};

struct control_stats {
	uint32_t clients;        /* connected now */
	uint64_t accepted;
	uint64_t refused;        /* over the client limit */
	uint64_t displaced;      /* disconnected to make room for another (places.h) */
	uint64_t calls;
	uint64_t errors;         /* calls answered with an error */
	uint64_t bad_frames;     /* clients dropped for what they sent */
	uint64_t notifications;  /* queued to clients */
	uint64_t dropped;        /* notifications not queued because a client reads too slowly */
	uint64_t slow_clients;   /* disconnected: a response did not fit their queue */
};

/* Limits: a frame from a client, a client's output queue, clients at once. */
#define CONTROL_FRAME_MAX (64u * 1024u)
#define CONTROL_QUEUE_MAX (4u * 1024u * 1024u)
#define CONTROL_CLIENTS_MAX 128u

/*
 * 0 and *out, or -errno, logged with the path: -EADDRINUSE when a live daemon listens there
 * already, -ENOENT when the directory is missing, -EACCES. Does not block (connecting to a Unix
 * socket to see whether somebody listens does not wait).
 */
int control_new(struct loop *loop, const struct control_config *config, struct control **out);

/*
 * Stops, disconnects everybody (calling gone for each), removes the socket it made; its memory goes
 * when the loop runs next or is freed. NULL is allowed.
 */
void control_free(struct control *control);

/*
 * Queues the notification [2, method, [payload]]; `payload` is one packed object. 0, or -ENOBUFS
 * when the client's queue is full: dropped and counted, for the client and in all. The client sees
 * the number in the next notification that fits: a notification "dropped" with [{"count": N}]
 * precedes it. Does not call gone: a client that has hung up, whose gone is still to come, is
 * -ENOBUFS too, uncounted.
 */
int control_notify(struct control_client *client, const char *method,
		   const msgpack_sbuffer *payload);

/* root, or the daemon's own user. */
bool control_client_may_change(const struct control_client *client);

/* A number for logs. */
uint64_t control_client_id(const struct control_client *client);

void control_stats(const struct control *control, struct control_stats *out);

#endif
