/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the cluster's broker: MQTT 3.1.1 (OASIS Standard, 2014), on the loop. It connects,
 * and connects again, for as long as it exists. It looks names up by core/names, tries all
 * addresses of the broker, and waits for a random, growing time after a failure. Subscriptions and
 * states survive a lost connection, because the client makes them anew on the next one.
 *
 * No function blocks, except that files are read before each attempt to connect, and bus_free().
 */
#ifndef RPINGMESH_BUS_BUS_H
#define RPINGMESH_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "rpingmesh/states.h"

struct bus;
struct loop;
struct names;

#define BUS_REASON 640

/* Strings are copied. NULL: none, where that is allowed. */
struct bus_config {
	const char *broker;        /* see broker.h */
	const char *client_id;     /* unique at the broker */
	const char *will;          /* NULL, or a topic that is cleared when the connection ends */
	const char *ca, *certificate, *key; /* NULL, or files: see bus_tls.h */
	const char *user;                   /* NULL, or the user name */
	const char *password_file;          /* NULL, or a file as in core/secret.h; first line */
	uint16_t keepalive_s;    /* 5 or more; the broker gives up after 1.5 times this */
	uint32_t connect_ms;     /* time limit of one attempt with one address */
	uint32_t queue_messages; /* the most messages that wait or are not confirmed */
	uint64_t queue_bytes;
	size_t payload_max;      /* a longer incoming message is refused */
	/*
	 * What comes takes turns with the requests of people. Else it goes first, and they wait for
	 * as long as more comes: for those that hear little.
	 */
	bool turns;
};

/*
 * All but the strings; the values that programs use unless told otherwise. The second is for
 * another payload_max.
 */
#define BUS_CONFIG_DEFAULTS BUS_CONFIG_WITH(256 << 10)
#define BUS_CONFIG_WITH(bytes) \
	.keepalive_s = 15, .connect_ms = 10000, .queue_messages = 1000, \
	.queue_bytes = 4 << 20, .payload_max = (bytes)

/* Callbacks may call all functions but bus_free(), which must not be called inside a callback. */
struct bus_ops {
	/* topic and payload are valid during the call; they contain any bytes. */
	void (*message)(void *user, const char *topic, const void *payload, size_t size,
			bool retained);
	/* A message longer than payload_max was refused. NULL is allowed. */
	void (*too_long)(void *user, const char *topic);
	/* The connection is there, or no longer there. */
	void (*changed)(void *user, bool connected);
	/* The broker has granted a subscription, on this connection. NULL is allowed. */
	void (*granted)(void *user, const char *filter);
	/* Something has been confirmed, so there is room for more. NULL is allowed. */
	void (*room)(void *user);
};

struct bus_status {
	enum bus_state state;
	uint64_t since_ns;     /* CLOCK_MONOTONIC; of the state */
	uint64_t next_ns;      /* when the next attempt begins; 0: no attempt is planned */
	const char *broker;    /* as configured */
	char address[ADDR_TEXT]; /* that is in use, or was tried last; "": none */
	char reason[BUS_REASON]; /* why the last attempt failed, or what is refused; or "" */
	uint64_t connects;     /* connections that were made */
	uint64_t lost;         /* connections that ended */
	uint64_t published;    /* messages and states that the broker has */
	uint64_t dropped;      /* messages that there was no room for */
	uint64_t received;
	uint64_t refused;      /* messages longer than payload_max */
	uint32_t queued;       /* messages that wait or are not confirmed */
	uint64_t queued_bytes;
};

/* The name of a state, or NULL if it is out of range. */
const char *bus_state_name(enum bus_state state);

/*
 * Returns 0 and sets *out, which the caller owns, or -EINVAL if the broker's URL is wrong, or
 * another -errno. The first attempt to connect begins on the loop.
 */
int bus_new(struct loop *loop, struct names *names, const struct bus_config *config,
	    const struct bus_ops *ops, void *user, struct bus **out);

/*
 * Ends the connection. If `leave` is true, clears the states of bus_set() and says goodbye first;
 * this waits for BUS_LEAVE_MS at most. Otherwise the broker clears only the topic of the will.
 * NULL is allowed.
 */
#define BUS_LEAVE_MS 200
void bus_free(struct bus *bus, bool leave);

/*
 * Reads certificates, key and password again, from the loop: if one of the files has changed,
 * connects anew. If the bus waits for its next attempt, begins it now.
 */
void bus_reload(struct bus *bus);

/*
 * Subscribes to a filter, with QoS 0 or 1, now and on each new connection, then before what is
 * published there, and in the order of these calls. Returns 0 or -ENOMEM.
 */
int bus_subscribe(struct bus *bus, const char *filter, int qos);

/*
 * Publishes a message, now or when there is a connection. QoS 0: at most once; 1: at least once, as
 * long as the bus exists. If too many messages wait, the oldest ones of QoS 0 are dropped. Returns
 * 0, or -ENOBUFS if this message was dropped, or -ENOMEM.
 */
int bus_publish(struct bus *bus, const char *topic, const void *payload, size_t size, int qos);

/*
 * Sets the retained content of a topic; size 0 clears it. The latest content is published anew on
 * each new connection, because a broker may have lost it. The caller bounds the number of topics.
 * Returns 0 or -ENOMEM.
 */
int bus_set(struct bus *bus, const char *topic, const void *payload, size_t size);

/*
 * Sets the retained content of a topic now, with QoS 1; size 0 clears it. The bus keeps nothing:
 * if the connection ends before the broker has it, it is lost, and the caller has to begin anew
 * when ops.changed() says that there is another connection. Returns 0, -ENOTCONN, -ENOBUFS if too
 * many messages wait (ops.room() then says when to try again), or -ENOMEM.
 */
int bus_retain(struct bus *bus, const char *topic, const void *payload, size_t size);

void bus_status(const struct bus *bus, struct bus_status *out);

#endif
