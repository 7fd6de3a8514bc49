/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of the HTTP server, and their limits. */
#include "serve/http_impl.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/socket.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/loop.h"

#define HTTP_INPUT_MAX (2 * HTTP_HEADERS_MAX) /* bytes of input that wait in memory */
#define HTTP_TICK_NS NSEC_PER_SEC

/* The source of a connection. It is a /64 of IPv6, because a host may use all its addresses. */
static uint64_t
http_source_of(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct addr addr = {{0}};
	uint64_t who = 0;

	if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		addr_from_sockaddr((struct sockaddr *)&peer, &addr);
	memcpy(&who, addr.raw + (addr_is_v4(&addr) ? 8 : 0), sizeof(who));
	return who;
}

/* libevent gives a new connection its descriptor only after http_accepted(). */
static void
http_client_know(struct http_client *client)
{
	if (!client->known)
		client->place.who = http_source_of(bufferevent_getfd(client->bev));
	client->known = true;
}

struct place
http_client_asks(struct http *http, struct evhttp_request *request)
{
	const struct bufferevent *bev =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

	for (uint32_t i = 0; i < http->n_clients; i++) {
		struct http_client *client = &http->client[i];

		if (client->bev != bev)
			continue;
		http_client_know(client);
		client->asked = true;
		client->place.active_ns = clock_mono_ns();
		return client->place;
	}
	return (struct place){.active_ns = clock_mono_ns()};
}

void
http_client_leaves(struct http *http, struct evhttp_request *request)
{
	const struct bufferevent *bev =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

	for (uint32_t i = 0; i < http->n_clients; i++) {
		if (http->client[i].bev != bev)
			continue;
		bufferevent_decref(http->client[i].bev);
		http->client[i] = http->client[--http->n_clients];
		return;
	}
}

static bool
http_client_has_ended(const struct http_client *client)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(client->bev, NULL, NULL, &on_event, NULL);
	return !on_event;
}

/* Ends a connection: for libevent, it looks as if the client had gone. */
static void
http_client_shut(struct http_client *client)
{
	shutdown(bufferevent_getfd(client->bev), SHUT_RDWR);
}

static void
http_clients_drop_ended(struct http *http)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < http->n_clients; i++) {
		if (http_client_has_ended(&http->client[i]))
			bufferevent_decref(http->client[i].bev);
		else
			http->client[n++] = http->client[i];
	}
	http->n_clients = n;
}

static void
http_clients_shut_slow(struct http *http, uint64_t now_ns)
{
	for (uint32_t i = 0; i < http->n_clients; i++) {
		struct http_client *client = &http->client[i];
		uint64_t limit_s = client->asked ? HTTP_REQUEST_S : HTTP_HEADER_S;

		if (now_ns < client->place.active_ns + limit_s * NSEC_PER_SEC)
			continue;
		http_client_shut(client);
		client->place.active_ns = now_ns;
	}
}

/* Closes surplus connections: of the source with the most, the one that is silent the longest. */
static void
http_clients_shut_surplus(struct http *http)
{
	struct place places[HTTP_SLOTS];

	while (http->n_clients > HTTP_CLIENTS_MAX) {
		struct http_client *client;

		for (uint32_t i = 0; i < http->n_clients; i++) {
			http_client_know(&http->client[i]);
			places[i] = http->client[i].place;
		}
		client = &http->client[places_surplus(places, http->n_clients)];
		http_client_shut(client);
		bufferevent_decref(client->bev);
		*client = http->client[--http->n_clients];
	}
}

/* Runs between callbacks of connections: libevent has ended those that were closed before. */
void
http_look(void *arg)
{
	struct http *http = arg;

	http_clients_drop_ended(http);
	http_clients_shut_surplus(http);
	if (http->accepts < HTTP_ACCEPTS_PER_S)
		evconnlistener_enable(http->listener);
}

void
http_tick_soon(struct http *http)
{
	if (!http->ticking)
		loop_timer_set(http->tick, HTTP_TICK_NS);
	http->ticking = true;
}

void
http_tick(void *arg)
{
	struct http *http = arg;

	http_clients_shut_slow(http, clock_mono_ns());
	http->accepts = 0;
	http_look(http);
	http->ticking = false;
	if (http->n_clients > 0)
		http_tick_soon(http);
}

/*
 * Gives the connection a lower priority than probes, and limits the number
 * of connections.
 */
struct bufferevent *
http_accepted(struct event_base *base, void *arg)
{
	struct http *http = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (!bev)
		return NULL;
	/*
	 * While an answer is sent, libevent continues to read, to notice the end of the connection.
	 * This limits how much.
	 */
	bufferevent_setwatermark(bev, EV_READ, 0, HTTP_INPUT_MAX);
	if (http->n_clients == HTTP_SLOTS)
		return bev;
	bufferevent_priority_set(bev, LOOP_PRIORITY_CONTROL);
	bufferevent_incref(bev);
	http->client[http->n_clients++] =
		(struct http_client){.bev = bev, .place.active_ns = clock_mono_ns()};
	if (++http->accepts >= HTTP_ACCEPTS_PER_S || http->n_clients == HTTP_SLOTS)
		evconnlistener_disable(http->listener);
	if (http->n_clients > HTTP_CLIENTS_MAX)
		loop_timer_set(http->look, 0);
	http_tick_soon(http);
	return bev;
}
