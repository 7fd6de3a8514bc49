/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: http_port
 *
 * Owns the server, or the reason why there is none, and the counts of earlier servers. It has no
 * timer: http_port_retry() looks at the clock.
 */
#include "serve/http_port.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

#define HTTP_PORT_RETRY_NS (5 * NSEC_PER_SEC)

struct http_port {
	struct http_port_config config;
	struct http *http;      /* NULL: nothing is served */
	char listen[72];        /* the address of http, or the one that failed, or "" */
	int error;              /* -errno of the last attempt, or 0 */
	uint64_t retry_ns;      /* CLOCK_MONOTONIC of the next attempt, if error */
	struct http_stats past; /* the sum of earlier servers */
};

int
http_port_new(const struct http_port_config *config, struct http_port **out)
{
	struct http_port *port = calloc(1, sizeof(*port));

	if (!port)
		return -ENOMEM;
	port->config = *config;
	*out = port;
	return 0;
}

void
http_port_stats(const struct http_port *port, struct http_stats *out)
{
	struct http_stats now = {0};

	if (port->http)
		http_stats(port->http, &now);
	*out = port->past;
	out->answered += now.answered;
	out->cut += now.cut;
	out->refused += now.refused;
	out->bad += now.bad;
}

static void
http_port_stop(struct http_port *port)
{
	http_port_stats(port, &port->past);
	http_free(port->http);
	port->http = NULL;
}

void
http_port_free(struct http_port *port)
{
	if (!port)
		return;
	http_free(port->http);
	free(port);
}

bool
http_port_fault(const struct http_port *port, char *text, size_t room)
{
	const char *key = port->config.key, *cure = "", *end = ")";

	if (!port->error)
		return false;
	if (port->error == -EADDRINUSE)
		cure = " (another program listens there: choose another port in ";
	else if (port->error == -EADDRNOTAVAIL)
		cure = " (no interface has this address: see ";
	else if (port->error == -EACCES)
		cure = " (ports below 1024 need CAP_NET_BIND_SERVICE: see ";
	else
		key = end = "";
	snprintf(text, room, "%s: %s%s%s%s", port->listen, strerror(-port->error), cure, key, end);
	return true;
}

static void
http_port_start(struct http_port *port)
{
	const struct http_port_config *c = &port->config;
	char text[256];
	int before = port->error;

	port->error = http_new(c->loop, port->listen, c->sources, c->n_sources, &port->http);
	port->retry_ns = clock_mono_ns() + HTTP_PORT_RETRY_NS;
	if (port->error == 0)
		http_set_guard(port->http, c->guard);
	if (port->error == 0)
		log_info(MAIN, "serving http://%s%s", port->listen, c->sources[0].path);
	else if (port->error != before && http_port_fault(port, text, sizeof(text)))
		log_error(MAIN, "%s %s; tried again every few seconds", c->key, text);
}

void
http_port_listen(struct http_port *port, const char *listen)
{
	if (strcmp(port->listen, listen) == 0)
		return;
	http_port_stop(port);
	port->error = 0;
	snprintf(port->listen, sizeof(port->listen), "%s", listen);
	if (port->listen[0])
		http_port_start(port);
}

void
http_port_retry(struct http_port *port)
{
	if (port->error && clock_mono_ns() >= port->retry_ns)
		http_port_start(port);
}
