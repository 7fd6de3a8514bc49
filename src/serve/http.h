/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves pages over HTTP/1.1 with libevent's server: GET and HEAD of a few paths, and POST of those
 * that change something. A page is made in pieces, each when the previous one has been sent, so a
 * large page neither blocks the loop nor fills the memory. There is no TLS: listen on loopback, or
 * use a proxy. A guard decides who may ask. All answers forbid browsers to guess types, and to load
 * anything from elsewhere into a page.
 *
 * Limits: there are at most HTTP_ANSWERS_MAX pages at a time, besides files and streams of events
 * (events.h); further requests get 503, unless another source takes more of these pages. There are
 * at most HTTP_CLIENTS_MAX connections besides streams; a further one replaces the connection that
 * has been silent for the longest time, of the source with the most connections. A source is an
 * IPv4 address, or a /64 of IPv6. At most HTTP_ACCEPTS_PER_S connections are accepted each second.
 * A connection is closed if it sends and reads nothing for HTTP_TIMEOUT_S, if it has no complete
 * request HTTP_HEADER_S after its start, or if it has no complete page HTTP_REQUEST_S after its
 * request. A request has at most 8 KiB of headers and HTTP_BODY_MAX bytes of body.
 */
#ifndef RPINGMESH_SERVE_HTTP_H
#define RPINGMESH_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/buffer.h"

#define HTTP_SOURCES_MAX 40
#define HTTP_ANSWERS_MAX 4
#define HTTP_CLIENTS_MAX 32
#define HTTP_ACCEPTS_PER_S 256
#define HTTP_TIMEOUT_S 10
#define HTTP_HEADER_S 5
#define HTTP_REQUEST_S 30
#define HTTP_BODY_MAX 4096
#define HTTP_TOKEN_HEADER "X-Rpingmesh-Token"
#define HTTP_LATER_NS 10000000ULL
#define HTTP_LATER 2 /* of http_source.more() */

struct events;
struct http;
struct loop;

/* What a request says. Borrowed during the call; NULL: it does not say. */
struct http_asked {
	const char *accept; /* the Accept header */
	const char *query;  /* of the URL, behind '?', still encoded */
	const char *authorization; /* the header */
	/*
	 * The header HTTP_TOKEN_HEADER. Pages of other sites cannot send it: browsers would ask
	 * first, and this server refuses that question (CORS).
	 */
	const char *token;
	const char *body;   /* of a POST, a text */
	uint64_t who;       /* where it comes from: an IPv4 address, or a /64 of IPv6 */
};

/* Who may ask. may() returns 0 or an HTTP status: 401, 403 or 429. */
struct http_guard {
	int (*may)(void *arg, const struct http_asked *asked, bool post);
	void *arg;
};

/*
 * The source of a page. The loop makes these calls; http_new() and http_free() make none, except
 * end().
 */
struct http_source {
	const char *path; /* static text that begins with "/" */
	/*
	 * Begins a page. Returns 0 and sets *page and *type, which is static text, or -errno:
	 * -EINVAL for a 400 (a wrong query), anything else for a 503.
	 */
	int (*begin)(void *arg, const struct http_asked *asked, void **page, const char **type);
	/*
	 * Appends the next piece to out, which may be empty. Returns 1 if there is more, 0 if this
	 * was the last, and HTTP_LATER if there is nothing yet: asks again after HTTP_LATER_NS.
	 * After -errno the connection is cut.
	 */
	int (*more)(void *arg, void *page, struct buffer *out);
	/* Frees the page, after its last piece or when the client has gone. */
	void (*end)(void *arg, void *page);
	void *arg;
	/*
	 * Instead of begin(), more() and end(): does what a POST asks for, appends what there is to
	 * say to out, and returns an HTTP status. *type is static text, "text/plain" at first.
	 */
	int (*post)(void *arg, const struct http_asked *asked, struct buffer *out,
		    const char **type);
	/* Instead of all that: a file, whose content is static; or a stream of events. Or NULL. */
	const struct http_file *file;
	struct events *events;
};

/* Something that is part of the program. */
struct http_file {
	const char *type;
	const void *data;
	size_t len;
};

struct http_stats {
	uint64_t answered;  /* complete pages */
	uint64_t cut;       /* pages of clients that went or stopped reading before the end */
	uint64_t refused;   /* with 503 */
	uint64_t bad;       /* other paths and methods, wrong queries, what the guard forbids */
};

/*
 * listen: "ADDRESS:PORT" or "[IPv6 ADDRESS]:PORT". The sources, HTTP_SOURCES_MAX at most, are
 * copied. Returns 0 and sets *out, which the caller owns,
 * or -errno: -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL, -ENOMEM. Logs nothing.
 */
int http_new(struct loop *loop, const char *listen, const struct http_source *sources, size_t n,
	     struct http **out);
/* NULL is allowed. */
void http_free(struct http *http);

/* Without a guard, everybody may ask everything. Borrowed. */
void http_set_guard(struct http *http, const struct http_guard *guard);

void http_stats(const struct http *http, struct http_stats *out);

#endif
