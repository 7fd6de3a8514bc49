/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of the control socket (rpingmesh-control(7)). Functions that ask the daemon
 * block, with a limit. A function that fails returns the kind of failure; client_reason() gives the
 * reason as text. Nothing is printed here.
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
	CLIENT_LOST,      /* there is no daemon, or it hung up, is silent or sends garbage */
	CLIENT_STRANGE,   /* the daemon has an incompatible version */
	CLIENT_TOO_LONG,  /* the request is too long for the daemon; nothing was sent */
	CLIENT_STOPPED,   /* woken() returned true; there is no reason */
	CLIENT_NO_MEMORY,
	CLIENT_RCS
};

struct client_ops {
	/* Only rpingmesh-central knows what is asked for; false: rpingmeshd does, or both. */
	bool central;
	/* Called for each notification. params is its third element, valid during the call. */
	void (*notified)(void *arg, const msgpack_object *method, const msgpack_object *params);
	void *arg;
	/*
	 * While a call waits, there was a signal, or input on the descriptor of client_watch().
	 * Returning true ends the call with CLIENT_STOPPED.
	 */
	bool (*woken)(void *arg);
	/*
	 * A descriptor that becomes readable when a signal comes (-1: none), and the function that
	 * empties it. Set both or neither.
	 */
	int (*signal_fd)(void);
	void (*signal_drain)(void);
};

/* The largest message that is accepted from the daemon, in bytes. */
#define CLIENT_FRAME_MAX (16u * 1024u * 1024u)
#define CLIENT_TIMEOUT_NS 5000000000ULL

/*
 * Connects to the socket `path`, which must outlive the client. ops are copied; NULL: notifications
 * are ignored. After a failure *out contains the reason, or is NULL if there was no memory. The
 * caller calls client_close() in any case; it accepts NULL.
 */
enum client_rc client_open(const char *path, const struct client_ops *ops, struct client **out);
void client_close(struct client *client);

/*
 * The reason why the last function failed: one line that names the socket or the method. It may
 * contain text of the daemon, with any characters. Valid until the next call of the client. NULL
 * means that there was no memory.
 */
const char *client_reason(const struct client *client);

/* The errno value in the last answer that was an error; 0: there was none. */
int client_code(const struct client *client);

/* Sets the time that calls wait for their answers; the default is CLIENT_TIMEOUT_NS. */
void client_set_patience(struct client *client, uint64_t ns);

/*
 * Calls a method; param is one packed object, or NULL for none. On CLIENT_OK *result is the answer,
 * which may be nil and is valid until the next call of the client. Notifications that come
 * meanwhile are passed on. A signal ends the call only if woken() returns true.
 */
enum client_rc client_call(struct client *client, const char *method, const msgpack_sbuffer *param,
			   const msgpack_object **result);

/*
 * Waits until until_ns (CLOCK_MONOTONIC), or until at least one message has come, or until a signal
 * comes. Passes notifications on.
 */
enum client_rc client_wait(struct client *client, uint64_t until_ns);

/* From now on, client_wait() also ends when fd becomes readable; -1: no descriptor. */
void client_watch(struct client *client, int fd);

/* Returns CLIENT_STRANGE if the schema in the record is older than ours. */
enum client_rc client_check_schema(struct client *client, const msgpack_object *record);

/*
 * Subscribes to the notifications "window": the windows of each "target", "flow" or "device" that
 * close from now on.
 */
enum client_rc client_subscribe_windows(struct client *client, const char *by);

#endif
