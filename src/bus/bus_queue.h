/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be published, and what the broker has not confirmed. There are two kinds of items.
 * A message is published once and then forgotten; a retained one is forgotten even before, if the
 * connection ends. A state is the retained content of a topic: the queue keeps the latest one, and
 * it is published anew on each new connection, because a broker may have lost it. Messages are
 * bounded; the caller bounds the number of states.
 */
#ifndef RPINGMESH_BUS_BUS_QUEUE_H
#define RPINGMESH_BUS_BUS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus_queue;

struct bus_item {
	const char *topic;
	const void *payload;
	size_t size;
	int qos;
	bool retain;
	int mid;    /* the caller's while the item is sent */
};

struct bus_queue_stats {
	uint32_t messages; /* that wait or are not confirmed */
	uint64_t bytes;    /* of their topics and payloads */
	uint32_t states;
	uint64_t dropped;  /* messages that did not fit */
	uint64_t done;     /* messages and states that have been confirmed, or sent with QoS 0 */
};

/* Returns 0 and sets *out, or -ENOMEM. */
int bus_queue_new(uint32_t max_messages, uint64_t max_bytes, struct bus_queue **out);
void bus_queue_free(struct bus_queue *queue);

/*
 * Puts a copy of a message at the end. If there is no room, the oldest waiting
 * messages of QoS 0 are dropped. Returns 0, -ENOBUFS if it was dropped itself, or -ENOMEM.
 */
int bus_queue_add(struct bus_queue *queue, const struct bus_item *item);

/*
 * Sets the content of a topic. With size 0, the topic is cleared, and forgotten once that has been
 * confirmed. Returns 0, or -ENOMEM; then the former content stays.
 */
int bus_queue_set(struct bus_queue *queue, const char *topic, const void *payload, size_t size);
/*
 * Clears the topics of all states at once: without waiting for what is not confirmed, and with QoS
 * 0, because nobody stays to hear a confirmation.
 */
void bus_queue_clear_states(struct bus_queue *queue);

/*
 * The next item to send, or NULL if there is none or BUS_QUEUE_WINDOW items, or
 * BUS_QUEUE_WINDOW_BYTES, are not confirmed. It now counts as sent.
 */
#define BUS_QUEUE_WINDOW 20
#define BUS_QUEUE_WINDOW_BYTES 262144
struct bus_item *bus_queue_next(struct bus_queue *queue);
/* The item with this mid has been confirmed. An item that nobody waits for is ignored. */
void bus_queue_done(struct bus_queue *queue, int mid);

/*
 * The connection has ended: what was sent waits again, in the same order, and so do all states.
 * Retained messages are forgotten.
 */
void bus_queue_restart(struct bus_queue *queue);

/* Whether nothing waits and all is confirmed. */
bool bus_queue_idle(const struct bus_queue *queue);

void bus_queue_stats(const struct bus_queue *queue, struct bus_queue_stats *out);

#endif
