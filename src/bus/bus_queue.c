/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: what waits to be published
 *
 * An item is in one of two lists, or, if it is a state that the broker has confirmed, in neither.
 * `waiting` is in the order in which items are sent; `sent` contains what is not confirmed. A state
 * that is set again while it is sent is marked `again`: its confirmation puts it back. The queue
 * owns all items.
 */
#include "bus/bus_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Without memory, uthash does not keep the entry. */
#define HASH_NONFATAL_OOM 1
/* The default hash function falls through in a switch, which -Wimplicit-fallthrough rejects. */
#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#include <uthash.h>

enum bus_entry_place {
	BUS_ENTRY_NOWHERE,
	BUS_ENTRY_WAITING,
	BUS_ENTRY_SENT,
};

struct bus_entry {
	struct bus_item item; /* first */
	TAILQ_ENTRY(bus_entry) link;
	UT_hash_handle hh; /* of states, by topic */
	enum bus_entry_place place;
	bool state, again;
	char *topic;
	void *payload;
};

TAILQ_HEAD(bus_entries, bus_entry);

struct bus_queue {
	struct bus_entries waiting, sent;
	uint32_t sent_n;
	uint64_t sent_bytes;
	struct bus_entry *states;
	uint32_t max_messages;
	uint64_t max_bytes;
	struct bus_queue_stats stats;
};

static uint64_t
bus_entry_bytes(const struct bus_entry *entry)
{
	return strlen(entry->topic) + entry->item.size;
}

/* Takes the entry out of its list. */
static void
bus_entry_leave(struct bus_queue *queue, struct bus_entry *entry)
{
	if (entry->place == BUS_ENTRY_WAITING)
		TAILQ_REMOVE(&queue->waiting, entry, link);
	if (entry->place == BUS_ENTRY_SENT) {
		TAILQ_REMOVE(&queue->sent, entry, link);
		queue->sent_n--;
		queue->sent_bytes -= bus_entry_bytes(entry);
	}
	entry->place = BUS_ENTRY_NOWHERE;
}

static void
bus_entry_wait(struct bus_queue *queue, struct bus_entry *entry)
{
	bus_entry_leave(queue, entry);
	TAILQ_INSERT_TAIL(&queue->waiting, entry, link);
	entry->place = BUS_ENTRY_WAITING;
}

static void
bus_entry_free(struct bus_queue *queue, struct bus_entry *entry)
{
	bus_entry_leave(queue, entry);
	if (entry->state) {
		HASH_DEL(queue->states, entry);
		queue->stats.states--;
	} else {
		queue->stats.messages--;
		queue->stats.bytes -= bus_entry_bytes(entry);
	}
	free(entry->topic);
	free(entry->payload);
	free(entry);
}

/* Replaces the content. Returns whether there was memory for it. */
static bool
bus_entry_fill(struct bus_entry *entry, const void *payload, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return false;
	if (size)
		memcpy(copy, payload, size);
	free(entry->payload);
	entry->payload = copy;
	entry->item.payload = copy;
	entry->item.size = size;
	return true;
}

/* Makes an entry that is in no list and in no table. */
static struct bus_entry *
bus_entry_new(const struct bus_item *item)
{
	struct bus_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->item = *item;
	entry->topic = strdup(item->topic);
	entry->item.topic = entry->topic;
	if (entry->topic && bus_entry_fill(entry, item->payload, item->size))
		return entry;
	free(entry->topic);
	free(entry);
	return NULL;
}

int
bus_queue_new(uint32_t max_messages, uint64_t max_bytes, struct bus_queue **out)
{
	struct bus_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	TAILQ_INIT(&queue->waiting);
	TAILQ_INIT(&queue->sent);
	queue->max_messages = max_messages;
	queue->max_bytes = max_bytes;
	*out = queue;
	return 0;
}

void
bus_queue_free(struct bus_queue *queue)
{
	struct bus_entry *entry;

	if (!queue)
		return;
	bus_queue_restart(queue); /* so that all entries wait */
	while ((entry = TAILQ_FIRST(&queue->waiting)))
		bus_entry_free(queue, entry);
	free(queue);
}

static bool
bus_queue_fits(const struct bus_queue *queue, uint64_t bytes)
{
	return queue->stats.messages < queue->max_messages &&
	       queue->stats.bytes + bytes <= queue->max_bytes;
}

/* Makes room for a message of so many bytes. Returns whether it fits now. */
static bool
bus_queue_make_room(struct bus_queue *queue, uint64_t bytes)
{
	struct bus_entry *entry, *next;

	if (bytes > queue->max_bytes)
		return false;
	for (entry = TAILQ_FIRST(&queue->waiting); entry; entry = next) {
		next = TAILQ_NEXT(entry, link);
		if (bus_queue_fits(queue, bytes))
			break;
		if (entry->state || entry->item.qos > 0)
			continue;
		queue->stats.dropped++;
		bus_entry_free(queue, entry);
	}
	return bus_queue_fits(queue, bytes);
}

int
bus_queue_add(struct bus_queue *queue, const struct bus_item *item)
{
	struct bus_entry *entry;

	if (!bus_queue_make_room(queue, strlen(item->topic) + item->size)) {
		queue->stats.dropped++;
		return -ENOBUFS;
	}
	entry = bus_entry_new(item);
	if (!entry) {
		queue->stats.dropped++;
		return -ENOMEM;
	}
	queue->stats.messages++;
	queue->stats.bytes += bus_entry_bytes(entry);
	bus_entry_wait(queue, entry);
	return 0;
}

/* Publishes the content of the state, after that of the same topic that is not confirmed. */
static void
bus_queue_publish_state(struct bus_queue *queue, struct bus_entry *entry)
{
	if (entry->place == BUS_ENTRY_SENT)
		entry->again = true;
	else if (entry->place == BUS_ENTRY_NOWHERE)
		bus_entry_wait(queue, entry);
}

static int
bus_queue_set_new(struct bus_queue *queue, const struct bus_item *item)
{
	struct bus_entry *entry = bus_entry_new(item);

	if (!entry)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, queue->states, entry->topic, strlen(entry->topic), entry);
	if (!entry->hh.tbl) {
		free(entry->topic);
		free(entry->payload);
		free(entry);
		return -ENOMEM;
	}
	entry->state = true;
	queue->stats.states++;
	bus_entry_wait(queue, entry);
	return 0;
}

int
bus_queue_set(struct bus_queue *queue, const char *topic, const void *payload, size_t size)
{
	const struct bus_item item = {
		.topic = topic, .payload = payload, .size = size, .qos = 1, .retain = true};
	struct bus_entry *entry;
	uint64_t before;

	HASH_FIND_STR(queue->states, topic, entry);
	if (!entry)
		return bus_queue_set_new(queue, &item);
	before = bus_entry_bytes(entry);
	if (!bus_entry_fill(entry, payload, size))
		return -ENOMEM;
	if (entry->place == BUS_ENTRY_SENT)
		queue->sent_bytes += bus_entry_bytes(entry) - before;
	bus_queue_publish_state(queue, entry);
	return 0;
}

void
bus_queue_clear_states(struct bus_queue *queue)
{
	struct bus_entry *entry, *next;

	HASH_ITER(hh, queue->states, entry, next) {
		bus_entry_wait(queue, entry);
		entry->again = false;
		entry->item.size = 0;
		entry->item.qos = 0;
	}
}

struct bus_item *
bus_queue_next(struct bus_queue *queue)
{
	struct bus_entry *entry = TAILQ_FIRST(&queue->waiting);

	if (!entry || queue->sent_n >= BUS_QUEUE_WINDOW ||
	    (queue->sent_n && queue->sent_bytes + bus_entry_bytes(entry) > BUS_QUEUE_WINDOW_BYTES))
		return NULL;
	bus_entry_leave(queue, entry);
	TAILQ_INSERT_TAIL(&queue->sent, entry, link);
	entry->place = BUS_ENTRY_SENT;
	queue->sent_n++;
	queue->sent_bytes += bus_entry_bytes(entry);
	return &entry->item;
}

void
bus_queue_done(struct bus_queue *queue, int mid)
{
	struct bus_entry *entry;

	TAILQ_FOREACH(entry, &queue->sent, link)
		if (entry->item.mid == mid)
			break;
	if (!entry)
		return;
	queue->stats.done++;
	if (entry->again) {
		entry->again = false;
		bus_entry_wait(queue, entry);
	} else if (entry->state && entry->item.size) {
		bus_entry_leave(queue, entry);
	} else {
		bus_entry_free(queue, entry);
	}
}

void
bus_queue_restart(struct bus_queue *queue)
{
	struct bus_entry *entry, *next;

	while ((entry = TAILQ_LAST(&queue->sent, bus_entries))) {
		bus_entry_leave(queue, entry);
		entry->again = false;
		TAILQ_INSERT_HEAD(&queue->waiting, entry, link);
		entry->place = BUS_ENTRY_WAITING;
	}
	for (entry = TAILQ_FIRST(&queue->waiting); entry; entry = next) {
		next = TAILQ_NEXT(entry, link);
		if (entry->item.retain && !entry->state)
			bus_entry_free(queue, entry);
	}
	HASH_ITER(hh, queue->states, entry, next)
		if (entry->place == BUS_ENTRY_NOWHERE)
			bus_entry_wait(queue, entry);
}

bool
bus_queue_idle(const struct bus_queue *queue)
{
	return TAILQ_EMPTY(&queue->waiting) && TAILQ_EMPTY(&queue->sent);
}

void
bus_queue_stats(const struct bus_queue *queue, struct bus_queue_stats *out)
{
	*out = queue->stats;
}
