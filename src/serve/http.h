/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page over HTTP/1.1, by libevent's server: GET and HEAD of one path, for programs that scrape.
 * The page is made in pieces, each after the previous one has been sent, so a large page neither
 * blocks the loop nor fills the memory. There is neither TLS nor a password: listen on loopback, or
 * put a proxy in front.
 *
 * Limits: at most HTTP_ANSWERS_MAX pages at a time; further requests get 503. At most
 * HTTP_CLIENTS_MAX connections; for a further one, the connection that has been silent for longest
 * is closed. At most HTTP_ACCEPTS_PER_S new connections a second. A connection is closed if it
 * sends or reads nothing for HTTP_TIMEOUT_S, or has not got its page HTTP_REQUEST_S after it came
 * or asked. At most 8 KiB of headers, and no body.
 */
#ifndef RPINGMESH_SERVE_HTTP_H
#define RPINGMESH_SERVE_HTTP_H

#include <stdint.h>

#include "serve/buffer.h"

#define HTTP_ANSWERS_MAX 4
#define HTTP_CLIENTS_MAX 32
#define HTTP_ACCEPTS_PER_S 64
#define HTTP_TIMEOUT_S 10
#define HTTP_REQUEST_S 30

struct http;
struct loop;

/*
 * Where pages come from. Called from the loop, never from within http_new() and http_free() but for
 * end().
 */
struct http_source {
	/*
	 * A page is wanted. accept: the header, or NULL. 0, *page and *type (static), or -errno:
	 * 503.
	 */
	int (*begin)(void *arg, const char *accept, void **page, const char **type);
	/*
	 * Its next piece, behind what is in out. 1: there is more; 0: that was the last; -errno:
	 * the connection is cut.
	 */
	int (*more)(void *arg, void *page, struct buffer *out);
	/* After the last piece, or when the client has gone. */
	void (*end)(void *arg, void *page);
	void *arg;
};

struct http_stats {
	uint64_t answered;  /* pages that were sent to their end */
	uint64_t cut;       /* clients that went, or stood still, before it */
	uint64_t refused;   /* with 503 */
	uint64_t bad;       /* other paths and methods */
};

/*
 * listen: "ADDRESS:PORT" or "[IPv6 ADDRESS]:PORT". 0 and *out, or -errno (EADDRINUSE,
 * EADDRNOTAVAIL, EACCES, EINVAL, ENOMEM); logs nothing.
 */
int http_new(struct loop *loop, const char *listen, const char *path,
	     const struct http_source *source, struct http **out);
/* NULL is allowed. */
void http_free(struct http *http);

void http_stats(const struct http *http, struct http_stats *out);

#endif
