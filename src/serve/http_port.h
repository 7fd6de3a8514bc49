/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a program on the address that its configuration names. If it cannot listen there,
 * for example because another program does, it tries again every few seconds.
 */
#ifndef RPINGMESH_SERVE_HTTP_PORT_H
#define RPINGMESH_SERVE_HTTP_PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/http.h"

struct http_port;

/* All of it is borrowed. */
struct http_port_config {
	struct loop *loop;
	const char *key;                   /* of the configuration, for messages */
	const struct http_source *sources; /* HTTP_SOURCES_MAX at most */
	size_t n_sources;
	const struct http_guard *guard;    /* NULL: there is none */
};

/* Listens nowhere before http_port_listen(). Returns 0 and sets *out, or -ENOMEM. */
int http_port_new(const struct http_port_config *config, struct http_port **out);
/* NULL is allowed. */
void http_port_free(struct http_port *port);

/* Listens at this address (http.h), or nowhere for "". Nothing happens if it is still the same. */
void http_port_listen(struct http_port *port, const char *listen);
/* Called by a timer: tries again if that is due. */
void http_port_retry(struct http_port *port);

/*
 * Writes which address it cannot listen at, and why. Returns false if there is no such problem.
 */
bool http_port_fault(const struct http_port *port, char *text, size_t room);

/* Since http_port_new(), at all addresses. */
void http_port_stats(const struct http_port *port, struct http_stats *out);

#endif
