/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share. http.c explains the objects. */
#ifndef RPINGMESH_SERVE_HTTP_IMPL_H
#define RPINGMESH_SERVE_HTTP_IMPL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "serve/http.h"
#include "serve/places.h"

struct bufferevent;
struct event_base;
struct evhttp_request;

#define HTTP_HEADERS_MAX 8192
#define HTTP_SLOTS (2 * HTTP_CLIENTS_MAX) /* before surplus connections have been closed */

struct http_client {
	struct bufferevent *bev; /* our own reference */
	struct place place;      /* active at its start and at its last request */
	bool known;              /* place.who is set */
	bool asked;
};

struct http_answer {
	LIST_ENTRY(http_answer) in_http;
	struct http *http;
	const struct http_source *source; /* borrowed from http */
	struct evhttp_request *request;
	struct place place; /* active when its last piece was sent */
	void *page;
	struct loop_timer *timer;
	bool gone; /* its connection has ended, so we own the request */
};

/* A path, as the argument of libevent's callback. */
struct http_route {
	struct http *http;
	struct http_source source;
};

struct http {
	LIST_ENTRY(http) in_servers;
	struct loop *loop;
	struct http_route route[HTTP_SOURCES_MAX];
	size_t n_routes;
	struct evhttp *server;
	struct evconnlistener *listener; /* owned by the server */
	struct loop_timer *tick, *look;
	bool ticking;
	struct http_client client[HTTP_SLOTS];
	uint32_t n_clients, accepts;     /* accepts: since the last tick */
	LIST_HEAD(http_answers, http_answer) answers;
	uint32_t n_answers;
	struct http_stats stats;
	const struct http_guard *guard; /* NULL: there is none */
};

/* http_clients.c */
/* For evhttp_set_bevcb(3): called for each accepted connection. */
struct bufferevent *http_accepted(struct event_base *base, void *arg);
/* Restarts the time that the client has for a page. Returns its place. */
struct place http_client_asks(struct http *http, struct evhttp_request *request);
/* The connection of this request counts no more, and has no limit of time. */
void http_client_leaves(struct http *http, struct evhttp_request *request);
/* Timers: closes surplus connections; closes slow ones, and listens again after a limit. */
void http_look(void *arg);
void http_tick(void *arg);
void http_tick_soon(struct http *http);

#endif
