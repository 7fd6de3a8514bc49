/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a broker, from connect to its end: MQTT 3.1.1 with a clean session, by
 * libmosquitto on the loop, without threads. A link is used once; the next attempt is a new link.
 */
#ifndef RPINGMESH_BUS_BUS_LINK_H
#define RPINGMESH_BUS_BUS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct bus_item;
struct bus_link;
struct bus_tls;
struct loop;

/* Includes that of bus_tls.h. */
#define BUS_LINK_ERROR 512

/*
 * When something fails, the link is broken: its functions do nothing, and `down` is called once,
 * later, from the loop. All callbacks may call bus_link_publish() and bus_link_subscribe(), but
 * only `down` may free the link.
 */
struct bus_link_ops {
	/* The broker has accepted the connection. */
	void (*up)(void *user);
	/* It was not possible to connect, or the connection has ended. */
	void (*down)(void *user, const char *reason);
	/* topic and payload are valid during the call. */
	void (*message)(void *user, const char *topic, const void *payload, size_t size,
			bool retained);
	/* A message has been written (QoS 0) or confirmed (QoS 1). */
	void (*done)(void *user, int mid);
	/* The broker's answer to a subscription. */
	void (*granted)(void *user, int mid, bool granted);
};

struct bus_link_config {
	struct addr addr;
	uint16_t port;
	struct bus_tls *tls; /* NULL: no TLS; must outlive the link */
	const char *client_id;
	const char *user, *password; /* NULL: none */
	const char *will;            /* topic of the last will, which clears it; or NULL */
	uint16_t keepalive_s;
	uint64_t connect_ns;         /* time limit until `up` */
	size_t packet_max;           /* a longer incoming packet ends the connection */
	bool turns;                  /* as in struct bus_config */
};

/* Begins to connect. Returns 0 and sets *out, which the caller owns, or -errno. Does not block. */
int bus_link_new(struct loop *loop, const struct bus_link_config *config,
		 const struct bus_link_ops *ops, void *user, struct bus_link **out);

/* Ends the connection without a word, so the broker publishes the last will. NULL is allowed. */
void bus_link_free(struct bus_link *link);

/* Passes the item on to the library, and sets item->mid. The link must be up. */
void bus_link_publish(struct bus_link *link, struct bus_item *item);

/* Returns the number of the request, which `granted` repeats; or -1 if the link is broken. */
int bus_link_subscribe(struct bus_link *link, const char *filter, int qos);

/*
 * Says goodbye, so that the broker does not publish the last will, and waits until the broker has
 * read everything, wait_ms at most. The link is broken then, and `down` is not called. Blocks.
 */
void bus_link_leave(struct bus_link *link, unsigned int wait_ms);

#endif
