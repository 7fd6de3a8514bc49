/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our end of the control socket (rpingmesh-control(7)). Blocks, with a limit. A function that fails
 * returns what kind of failure it is and keeps the reason as text: client_reason(). Nothing is
 * printed here.
 */
#ifndef RPINGMESH_CTL_WIRE_CLIENT_H
#define RPINGMESH_CTL_WIRE_CLIENT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

struct client;

enum client_rc {
	CLIENT_OK = 0,
	CLIENT_REFUSED,   /* the daemon answered with an error */
	CLIENT_DENIED,    /* no right to connect, or to call this method */
	CLIENT_LOST,      /* there is no daemon, it hung up, is silent or sends garbage */
	CLIENT_STRANGE,   /* the daemon's version does not fit ours */
	CLIENT_TOO_LONG,  /* the daemon takes no request of this length; nothing was sent */
	CLIENT_STOPPED,   /* `woken` said so; there is no reason */
	CLIENT_NO_MEMORY,
	CLIENT_RCS
};

struct client_ops {
	/* One call for each notification; params is its third element, valid during the call. */
	void (*notified)(void *arg, const msgpack_object *method, const msgpack_object *params);
	void *arg;
	/*
	 * A signal, or input on client_watch()'s descriptor, has come while a call waits. True ends
	 * the call with CLIENT_STOPPED.
	 */
	bool (*woken)(void *arg);
	/*
	 * A descriptor that is readable once a signal has come, -1 for none, and what empties it.
	 * Both or neither.
	 */
	int (*signal_fd)(void);
	void (*signal_drain)(void);
};

/* The largest message that is taken from the daemon. */
#define CLIENT_FRAME_MAX (16u * 1024u * 1024u)
#define CLIENT_TIMEOUT_NS 5000000000ULL

/*
 * path is kept by reference, ops are copied; NULL: notifications are ignored. Of a failure *out has
 * the reason; it is NULL for want of memory. client_close() either way.
 */
enum client_rc client_open(const char *path, const struct client_ops *ops, struct client **out);
void client_close(struct client *client);

/*
 * Why the last function failed, one line that names socket or method. What the daemon says in it
 * may hold anything. Lives until the next function of the client. NULL: out of memory.
 */
const char *client_reason(const struct client *client);

/* How long calls wait for their answers from now on; CLIENT_TIMEOUT_NS unless set. */
void client_set_patience(struct client *client, uint64_t ns);

/*
 * Calls method; param is one packed object, or NULL for none. CLIENT_OK and *result (nil possible),
 * which lives until the next function of the client. Notifications that come in between are passed
 * on. A signal does not cut it short, unless `woken` does.
 */
enum client_rc client_call(struct client *client, const char *method, const msgpack_sbuffer *param,
			   const msgpack_object **result);

/*
 * Takes what comes until until_ns (CLOCK_MONOTONIC), one message at least, or a signal, whichever
 * is first.
 */
enum client_rc client_wait(struct client *client, uint64_t until_ns);

/* client_wait() ends as well when fd is readable; -1: it does not. */
void client_watch(struct client *client, int fd);

/* CLIENT_STRANGE if the record says that the daemon's schema is older than ours. */
enum client_rc client_check_schema(struct client *client, const msgpack_object *record);

/* Calls that answer with an array of records: CLIENT_STRANGE if it is none. */
enum client_rc client_list(struct client *client, const char *method, const msgpack_object **out);

/*
 * Asks for the windows of each "target", "flow" or "device" that are closed from now on:
 * notifications "window".
 */
enum client_rc client_subscribe_windows(struct client *client, const char *by);

#endif
