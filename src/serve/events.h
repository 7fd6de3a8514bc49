/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (HTML Living Standard, section 9.2): what changes, to all browsers that listen
 * on a path of an HTTP server (http.h). An event has a type and one line of data. The latest
 * EVENTS_KEPT bytes of events are kept, so a client that was away gets what it has missed, by the
 * Last-Event-ID of its request. If that is not possible, and at the first time, it gets the event
 * "begin" instead: it must fetch all it shows anew. "begin" has the data {"missed":true} or
 * {"missed":false}.
 *
 * Limits: EVENTS_STREAMS_MAX streams on all servers; further requests get 503. A client that does
 * not read is cut when EVENTS_QUEUE bytes wait for it, or when its system has acknowledged nothing
 * for EVENTS_SILENT_S. Events that wait are in memory once, whoever waits for them.
 */
#ifndef RPINGMESH_SERVE_EVENTS_H
#define RPINGMESH_SERVE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_STREAMS_MAX 512
#define EVENTS_KEPT 262144u
#define EVENTS_QUEUE 524288u    /* more than EVENTS_KEPT */
#define EVENTS_DATA_MAX 131072u /* bytes of data of an event */
#define EVENTS_BEAT_S 15 /* between comments, because proxies close silent streams */
#define EVENTS_SILENT_S 60

struct events;
struct evhttp_request;
struct loop;

struct events_stats {
	uint32_t streams;   /* now */
	uint64_t sent;      /* events, each counted once */
	uint64_t opened;    /* streams */
	uint64_t missed;    /* of them whose Last-Event-ID is too old, or of another process */
	uint64_t cut;       /* because the client did not read */
	uint64_t refused;   /* because there are too many, or no memory */
};

/* epoch: a random number of this process. Returns 0 and sets *out, or -ENOMEM. */
int events_new(struct loop *loop, uint64_t epoch, struct events **out);
/* The servers must have been freed. NULL is allowed. */
void events_free(struct events *events);

/*
 * Sends an event to all. type: a word. data: text without line breaks, which is copied. Returns 0,
 * -EINVAL if there are line breaks, -EMSGSIZE, or -ENOMEM; then all streams are cut, so that no
 * client believes that it has seen everything. Never blocks.
 */
int events_send(struct events *events, const char *type, const char *data, size_t len);

/*
 * For http.c: begins a stream as the answer to this request, whose headers are there already.
 * Returns false if there are too many, or no memory; then nothing was sent.
 */
bool events_open(struct events *events, struct evhttp_request *request);

void events_stats(const struct events *events, struct events_stats *out);

#endif
