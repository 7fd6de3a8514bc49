/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a MessagePack-RPC server on a Unix stream socket.
 *
 * Request [0, id, method, params], response [1, id, error, result], notification
 * [2, method, params] (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md). This module
 * handles frames, clients, rights and back-pressure; the daemon implements the methods
 * (rpingmesh-control(7)). Nothing here blocks: sockets are non-blocking, and each client has an
 * output queue with a limit.
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
	const char *path;          /* of the socket; replaces an old socket without a listener */
	const char *group;         /* its members may connect (mode 0660); "" or unknown: 0600 */
	const struct control_method *methods;
	size_t n_methods;
	void *arg;                 /* for call() and gone() */
	void (*gone)(void *arg,
		     struct control_client *client); /* the client is about to be freed */
	int listen_fd; /* ≥ 0: a socket that listens already (socket activation), which is taken
			  over on success; path is for messages only. -1: none */
};

struct control_stats {
	uint32_t clients;        /* connected now */
	uint64_t accepted;
	uint64_t refused;        /* because there were too many clients */
	uint64_t displaced;      /* disconnected to make room for another client (places.h) */
	uint64_t calls;
	uint64_t errors;         /* calls answered with an error */
	uint64_t bad_frames;     /* clients disconnected because of an invalid frame */
	uint64_t notifications;  /* queued for clients */
	uint64_t dropped;        /* not queued because a client reads too slowly */
	uint64_t slow_clients;   /* disconnected because a response did not fit their queue */
};

/* Limits: bytes of a client's frame, bytes of a client's output queue, number of clients. */
#define CONTROL_FRAME_MAX (64u * 1024u)
#define CONTROL_QUEUE_MAX (4u * 1024u * 1024u)
#define CONTROL_CLIENTS_MAX 128u

/*
 * Returns 0 and sets *out, which the caller owns, or logs an error with the path and returns
 * -errno: -EADDRINUSE (a daemon listens there already), -ENOENT (the directory is missing),
 * -EACCES. Blocks only while the group is looked up: to find out whether a daemon listens, it
 * connects, and on a Unix socket that does not wait.
 */
int control_new(struct loop *loop, const struct control_config *config, struct control **out);

/*
 * Disconnects all clients, with a call of gone() for each, and removes the socket that it has made.
 * Its memory is freed when the loop runs next or is freed. NULL is allowed.
 */
void control_free(struct control *control);

/*
 * If the file of the socket has been removed, makes a new one for the same group, which is not
 * looked up again, because that may block. Call it from time to time. Clients stay connected. If
 * the file cannot be made, logs this once, and tries again at each call.
 */
void control_look(struct control *control);

/*
 * Queues the notification [2, method, [payload]]; `payload` is one packed object. Returns 0. If the
 * client's queue is full, drops and counts the notification and returns -ENOBUFS. Before the next
 * one that fits, the client gets the notification "dropped" with [{"count": N}]. If the client has
 * hung up and gone() is still to come, also returns -ENOBUFS, but counts nothing. Does not call
 * gone().
 */
int control_notify(struct control_client *client, const char *method,
		   const msgpack_sbuffer *payload);

/* Whether the client is root or the daemon's own user. */
bool control_client_may_change(const struct control_client *client);

/* The client's number for logs. */
uint64_t control_client_id(const struct control_client *client);

void control_stats(const struct control *control, struct control_stats *out);

#endif
