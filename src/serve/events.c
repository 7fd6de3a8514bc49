/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: events
 *
 * An event is one block of memory with a count of references: one while it is kept, and one for
 * each stream in whose output it waits. A stream borrows libevent's request, and is removed when
 * the connection ends.
 */
#include "serve/events.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/loop.h"

#define EVENTS_HEAD 128         /* of an event: its id and type */
#define EVENTS_LIFE_S 604800    /* a stream ends after a week, and the browser begins another */

struct events_block {
	STAILQ_ENTRY(events_block) link;
	uint64_t number;            /* 0: it is not kept */
	uint32_t references;
	size_t len;
	char text[];
};

struct events_stream {
	LIST_ENTRY(events_stream) link;
	struct events *events;
	struct evhttp_request *request;
};

struct events {
	struct loop *loop;
	struct loop_timer *beat;
	uint64_t epoch, number;     /* number: of the last event */
	STAILQ_HEAD(, events_block) kept; /* the oldest first */
	size_t kept_bytes;
	LIST_HEAD(, events_stream) streams;
	struct events_stats stats;
};

static void
events_release(struct events_block *block)
{
	if (--block->references == 0)
		free(block);
}

static void
events_sent(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	events_release(arg);
}

static void
events_stream_free(struct events_stream *stream)
{
	stream->events->stats.streams--;
	LIST_REMOVE(stream, link);
	free(stream);
}

/* The connection has ended. If it broke, the request is ours (evhttp_connection_incoming_fail). */
static void
events_closed(struct evhttp_connection *connection, void *arg)
{
	struct events_stream *stream = arg;
	struct evhttp_request *request = stream->request;

	(void)connection;
	events_stream_free(stream);
	if (!evhttp_request_get_connection(request))
		evhttp_request_free(request);
}

static void
events_cut(struct events_stream *stream)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(stream->request);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	stream->events->stats.cut++;
	events_stream_free(stream);
	evhttp_connection_free(connection);
}

static struct evbuffer *
events_output(const struct events_stream *stream)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(stream->request);

	return bufferevent_get_output(evhttp_connection_get_bufferevent(connection));
}

/* Puts a block into the output of a stream, or cuts it. Returns whether it is still there. */
static bool
events_put(struct events_stream *stream, struct events_block *block)
{
	struct evbuffer *piece = NULL;
	bool ok = false;

	if (evbuffer_get_length(events_output(stream)) + block->len <= EVENTS_QUEUE)
		piece = evbuffer_new();
	if (piece) {
		block->references++;
		ok = evbuffer_add_reference(piece, block->text, block->len, events_sent, block) ==
		     0;
		if (ok)
			evhttp_send_reply_chunk(stream->request, piece);
		else
			events_release(block);
		evbuffer_free(piece);
	}
	if (!ok)
		events_cut(stream);
	return ok;
}

static void
events_put_all(struct events *events, struct events_block *block)
{
	struct events_stream *stream, *next;

	for (stream = LIST_FIRST(&events->streams); stream; stream = next) {
		next = LIST_NEXT(stream, link);
		events_put(stream, block);
	}
}

/* Returns a block with one reference, or NULL. */
static struct events_block *
events_block_new(const char *head, const char *data, size_t len)
{
	const size_t head_len = strlen(head);
	struct events_block *block = malloc(sizeof(*block) + head_len + len + 2);

	if (!block)
		return NULL;
	*block = (struct events_block){.references = 1, .len = head_len + len + 2};
	memcpy(block->text, head, head_len);
	memcpy(block->text + head_len, data, len);
	memcpy(block->text + head_len + len, "\n\n", 2);
	return block;
}

static void
events_drop_oldest(struct events *events)
{
	struct events_block *block = STAILQ_FIRST(&events->kept);

	STAILQ_REMOVE_HEAD(&events->kept, link);
	events->kept_bytes -= block->len;
	events_release(block);
}

static void
events_keep(struct events *events, struct events_block *block)
{
	block->number = events->number;
	STAILQ_INSERT_TAIL(&events->kept, block, link);
	events->kept_bytes += block->len;
	while (events->kept_bytes > EVENTS_KEPT)
		events_drop_oldest(events);
}

static void
events_cut_all(struct events *events)
{
	while (!LIST_EMPTY(&events->streams))
		events_cut(LIST_FIRST(&events->streams));
	while (!STAILQ_EMPTY(&events->kept))
		events_drop_oldest(events);
}

int
events_send(struct events *events, const char *type, const char *data, size_t len)
{
	struct events_block *block;
	char head[EVENTS_HEAD];

	if (memchr(data, '\n', len) || memchr(data, '\r', len))
		return -EINVAL;
	if (len > EVENTS_DATA_MAX)
		return -EMSGSIZE;
	events->number++;
	snprintf(head, sizeof(head), "id: %016" PRIx64 ".%" PRIu64 "\nevent: %.40s\ndata: ",
		 events->epoch, events->number, type);
	block = events_block_new(head, data, len);
	if (!block) {
		events_cut_all(events);
		return -ENOMEM;
	}
	events->stats.sent++;
	block->references++;
	events_keep(events, block);
	events_put_all(events, block);
	events_release(block);
	return 0;
}

static void
events_beat(void *arg)
{
	struct events *events = arg;
	struct events_block *block = events_block_new(":", "", 0);

	loop_for_others(events->loop);
	loop_timer_set(events->beat, EVENTS_BEAT_S * NSEC_PER_SEC);
	if (!block)
		return;
	events_put_all(events, block);
	events_release(block);
}

/* Whether all events after the one with this id are kept. Sets *after. */
static bool
events_has_after(const struct events *events, const char *id, uint64_t *after)
{
	const struct events_block *first = STAILQ_FIRST(&events->kept);
	uint64_t epoch;
	char end;

	if (sscanf(id, "%16" SCNx64 ".%20" SCNu64 "%c", &epoch, after, &end) != 2)
		return false;
	if (epoch != events->epoch || *after > events->number)
		return false;
	return *after == events->number || (first && first->number <= *after + 1);
}

static void
events_begin(struct events_stream *stream, bool missed)
{
	struct events *events = stream->events;
	struct events_block *block;
	char head[EVENTS_HEAD];

	snprintf(head, sizeof(head),
		 "retry: 2000\nid: %016" PRIx64 ".%" PRIu64 "\nevent: begin\ndata: {\"missed\":%s}",
		 events->epoch, events->number, missed ? "true" : "false");
	block = events_block_new(head, "", 0);
	if (!block) {
		events_cut(stream);
		return;
	}
	events_put(stream, block);
	events_release(block);
}

/* Sends what the client has missed. */
static void
events_catch_up(struct events_stream *stream, const char *id)
{
	struct events *events = stream->events;
	struct events_block *block;
	uint64_t after;

	if (!id || !events_has_after(events, id, &after)) {
		events->stats.missed += id != NULL;
		events_begin(stream, id != NULL);
		return;
	}
	STAILQ_FOREACH (block, &events->kept, link)
		if (block->number > after && !events_put(stream, block))
			return;
}

/* A client of a half-open connection acknowledges nothing (tcp(7), TCP_USER_TIMEOUT). */
static void
events_watch(struct evhttp_connection *connection)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	unsigned int silent_ms = EVENTS_SILENT_S * 1000u;

	setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms,
		   sizeof(silent_ms));
	evhttp_connection_set_timeout(connection, EVENTS_LIFE_S);
}

bool
events_open(struct events *events, struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct events_stream *stream = NULL;

	if (events->stats.streams < EVENTS_STREAMS_MAX)
		stream = calloc(1, sizeof(*stream));
	if (!stream) {
		events->stats.refused++;
		return false;
	}
	stream->events = events;
	stream->request = request;
	LIST_INSERT_HEAD(&events->streams, stream, link);
	events->stats.streams++;
	events->stats.opened++;
	events_watch(connection);
	evhttp_connection_set_closecb(connection, events_closed, stream);
	evhttp_send_reply_start(request, HTTP_OK, "OK");
	events_catch_up(stream, evhttp_find_header(evhttp_request_get_input_headers(request),
						   "Last-Event-ID"));
	return true;
}

int
events_new(struct loop *loop, uint64_t epoch, struct events **out)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	events->loop = loop;
	events->epoch = epoch;
	STAILQ_INIT(&events->kept);
	LIST_INIT(&events->streams);
	if (loop_timer_new(loop, "events", events_beat, events, &events->beat) < 0) {
		free(events);
		return -ENOMEM;
	}
	loop_timer_set(events->beat, EVENTS_BEAT_S * NSEC_PER_SEC);
	*out = events;
	return 0;
}

void
events_free(struct events *events)
{
	if (!events)
		return;
	events_cut_all(events);
	loop_timer_free(events->beat);
	free(events);
}

void
events_stats(const struct events *events, struct events_stats *out)
{
	*out = events->stats;
}
