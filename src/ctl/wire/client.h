/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our end of the control socket (rpingmesh-control(7)). Blocks, with a limit. What goes wrong is
 * told in one line on stderr by the function that returns the exit code for it.
 */
#ifndef RPINGMESH_CTL_WIRE_CLIENT_H
#define RPINGMESH_CTL_WIRE_CLIENT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

struct client;

/* One of these per notification; params is its third element, valid during the call. */
struct client_ops {
	void (*notified)(void *arg, const msgpack_object *method, const msgpack_object *params);
	void *arg;
	/*
	 * A signal, or input on client_watch()'s descriptor, has come while a call waits. True cuts
	 * it short: CTL_STOPPED, untold.
	 */
	bool (*woken)(void *arg);
};

/* The largest message that is taken from the daemon. */
#define CLIENT_FRAME_MAX (16u * 1024u * 1024u)
#define CLIENT_TIMEOUT_NS 5000000000ULL

/*
 * path is kept by reference. ops may be NULL: notifications are ignored. CTL_OK and *out, or
 * CTL_NO_DAEMON.
 */
int client_open(const char *path, const struct client_ops *ops, struct client **out);
void client_close(struct client *client);

/* How long calls wait for their answers from now on; CLIENT_TIMEOUT_NS unless set. */
void client_set_patience(struct client *client, uint64_t ns);

/*
 * Calls method; param is one packed object, or NULL for none. CTL_OK and *result (nil possible),
 * which lives until the next function of the client; or CTL_BAD_NEWS when the daemon answered with
 * an error, CTL_NO_DAEMON. Notifications that come in between are passed on. A signal does not cut
 * it short, unless `woken` does.
 */
int client_call(struct client *client, const char *method, const msgpack_sbuffer *param,
		const msgpack_object **result);

/*
 * Takes what comes until until_ns (CLOCK_MONOTONIC), one message at least, or a signal (signals.h),
 * whichever is first. CTL_OK or CTL_NO_DAEMON.
 */
int client_wait(struct client *client, uint64_t until_ns);

/* client_wait() ends as well when fd is readable; -1: it does not. */
void client_watch(struct client *client, int fd);

/* CTL_OK, or CTL_NO_DAEMON if the record says that the daemon's schema is older than ours. */
int client_check_schema(struct client *client, const msgpack_object *record);

/* Calls that answer with an array of records: checks that it is one. As client_call(). */
int client_list(struct client *client, const char *method, const msgpack_object **out);

/*
 * Asks for the windows of each "target", "flow" or "device" that are closed from now on:
 * notifications "window".
 */
int client_subscribe_windows(struct client *client, const char *by);

void client_pack_str(msgpack_packer *pk, const char *text);

#endif
