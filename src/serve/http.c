/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: http
 *
 * struct http owns libevent's server, its listener, and the present answers. An answer owns a page
 * of a source and borrows libevent's request. If the connection breaks, libevent passes the
 * request on to us, and the end of the answer frees it.
 *
 * libevent 2.1 neither limits connections nor reports their end. So http keeps a reference to the
 * bufferevent of each connection. When libevent has removed its callbacks, as bufferevent_free(3)
 * does, the connection has ended. With BEV_OPT_CLOSE_ON_FREE the last reference closes the socket,
 * so the number of its descriptor is not used again before that.
 *
 * Timers: each answer has one for its next piece. Thus each piece is a callback of its own, and is
 * timed like all others. While there are connections, another timer runs each HTTP_TICK_NS. It
 * closes slow connections, and starts the listener again after a limit has stopped it. A third one
 * closes surplus connections at once, but outside the callbacks of libevent.
 *
 * When accept(2) fails, libevent passes only its own server to the callback. So there is a list of
 * all struct http, in which the callback finds ours.
 */
#include "serve/http_impl.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/events.h"

#define HTTP_BACKLOG 64
#define HTTP_UNAUTHORIZED 401 /* libevent has no name for it */

static LIST_HEAD(, http) http_servers = LIST_HEAD_INITIALIZER(http_servers);

static void
http_answer_free(struct http_answer *answer)
{
	struct http *http = answer->http;

	LIST_REMOVE(answer, in_http);
	http->n_answers--;
	answer->source->end(answer->source->arg, answer->page);
	loop_timer_free(answer->timer);
	free(answer);
}

/* Ends the page, complete or not. Without a connection, this frees the request. */
static void
http_answer_end(struct http_answer *answer, bool whole)
{
	struct evhttp_request *request = answer->request;

	if (whole)
		answer->http->stats.answered++;
	else
		answer->http->stats.cut++;
	if (!answer->gone)
		evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
	http_answer_free(answer);
	evhttp_send_reply_end(request);
}

static void
http_sent(struct evhttp_connection *connection, void *arg)
{
	struct http_answer *answer = arg;

	(void)connection;
	answer->place.active_ns = clock_mono_ns();
	loop_timer_set(answer->timer, 0);
}

static void
http_closed(struct evhttp_connection *connection, void *arg)
{
	struct http_answer *answer = arg;

	(void)connection;
	answer->gone = true;
	loop_timer_set(answer->timer, 0);
}

/*
 * Closes the connection without the last chunk, because an incomplete answer must not look
 * complete.
 */
static void
http_cut(struct http_answer *answer)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(answer->request);

	answer->http->stats.cut++;
	evhttp_connection_set_closecb(connection, NULL, NULL);
	http_answer_free(answer);
	evhttp_connection_free(connection);
}

static void
http_piece(void *arg)
{
	struct http_answer *answer = arg;
	const struct http_source *source = answer->source;
	struct evbuffer *piece;
	struct buffer out = {0};
	int rc;

	loop_for_others(answer->http->loop);
	if (answer->gone) {
		http_answer_end(answer, false);
		return;
	}
	piece = evbuffer_new();
	rc = piece ? source->more(source->arg, answer->page, &out) : -ENOMEM;
	if (rc >= 0 && evbuffer_add(piece, out.data ? out.data + out.off : "", out.len) < 0)
		rc = -ENOMEM;
	if (rc > 0 && out.len == 0) {
		/* For an empty chunk, libevent does not call http_sent(). */
		loop_timer_set(answer->timer, rc == HTTP_LATER ? HTTP_LATER_NS : 0);
	} else if (rc > 0) {
		evhttp_send_reply_chunk_with_cb(answer->request, piece, http_sent, answer);
	} else if (rc == 0) {
		evhttp_send_reply_chunk(answer->request, piece);
		http_answer_end(answer, true);
	} else {
		http_cut(answer);
	}
	if (piece)
		evbuffer_free(piece);
	buffer_free(&out);
}

/* Names of hosts are shown in pages, and whoever may register chooses them. */
static void
http_type(struct evhttp_request *request, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Content-Security-Policy",
			  "default-src 'self'; base-uri 'none'; form-action 'none'; "
			  "frame-ancestors 'none'");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	evhttp_add_header(headers, "Cache-Control", "no-store");
}

/* rc: of begin(). */
static void
http_refuse(struct http *http, struct evhttp_request *request, int rc)
{
	if (rc == -EINVAL) {
		http->stats.bad++;
		evhttp_send_reply(request, HTTP_BADREQUEST, "Bad Request", NULL);
		return;
	}
	http->stats.refused++;
	evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", "1");
	evhttp_send_reply(request, HTTP_SERVUNAVAIL, "Service Unavailable", NULL);
}

/* Makes an answer with a page. Returns 0 and sets *out, or -errno. */
static int
http_answer_new(struct http_route *route, const struct http_asked *asked, const char **type,
		struct http_answer **out)
{
	const struct http_source *source = &route->source;
	struct http *http = route->http;
	struct http_answer *answer = calloc(1, sizeof(*answer));
	int rc = -ENOMEM;

	if (!answer ||
	    loop_timer_new(http->loop, "metrics", http_piece, answer, &answer->timer) < 0)
		goto no_timer;
	if (loop_timer_take_turns(answer->timer) < 0)
		goto no_page;
	rc = source->begin(source->arg, asked, &answer->page, type);
	if (rc < 0)
		goto no_page;
	answer->http = http;
	answer->source = source;
	LIST_INSERT_HEAD(&http->answers, answer, in_http);
	http->n_answers++;
	*out = answer;
	return 0;

no_page:
	loop_timer_free(answer->timer);
no_timer:
	free(answer);
	return rc;
}

/*
 * There are as many pages as allowed. Cuts the page of a source with more pages, or returns false.
 */
static bool
http_make_room(struct http *http, const struct place *newcomer)
{
	struct http_answer *answer, *answers[HTTP_ANSWERS_MAX];
	struct place places[HTTP_ANSWERS_MAX];
	uint32_t n = 0;
	int i;

	LIST_FOREACH (answer, &http->answers, in_http) {
		answers[n] = answer;
		places[n++] = answer->place;
	}
	i = places_yield(places, n, newcomer, newcomer->active_ns);
	if (i < 0)
		return false;
	if (answers[i]->gone)
		http_answer_end(answers[i], false);
	else
		http_cut(answers[i]);
	return true;
}

static void
http_send_file(struct http *http, struct evhttp_request *request, const struct http_file *file)
{
	bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
	struct evbuffer *body = head ? NULL : evbuffer_new();

	if (!head && (!body || evbuffer_add_reference(body, file->data, file->len, NULL, NULL))) {
		http_refuse(http, request, -ENOMEM);
	} else {
		http->stats.answered++;
		http_type(request, file->type);
		evhttp_send_reply(request, HTTP_OK, "OK", body);
	}
	if (body)
		evbuffer_free(body);
}

static void
http_stream(struct http *http, struct evhttp_request *request, struct events *events)
{
	http_type(request, "text/event-stream");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, HTTP_OK, "OK", NULL);
		return;
	}
	/* First, because the request may be gone afterwards. */
	http_client_leaves(http, request);
	if (events_open(events, request))
		return;
	/* The connection counts no more, so it must not stay. */
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	http_refuse(http, request, -EAGAIN);
}

static void
http_page(struct http_route *route, struct evhttp_request *request, const struct place *place,
	  const struct http_asked *asked)
{
	struct http *http = route->http;
	struct http_answer *answer;
	const char *type;
	int rc = -EAGAIN;

	if (http->n_answers < HTTP_ANSWERS_MAX || http_make_room(http, place))
		rc = http_answer_new(route, asked, &type, &answer);
	if (rc < 0) {
		http_refuse(http, request, rc);
		return;
	}
	answer->request = request;
	answer->place = *place;
	http_type(request, type);
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		http_answer_free(answer);
		evhttp_send_reply(request, HTTP_OK, "OK", NULL);
		return;
	}
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), http_closed, answer);
	evhttp_send_reply_start(request, HTTP_OK, "OK");
	loop_timer_set(answer->timer, 0);
}

/* Answers with a short text. */
static void
http_say(struct evhttp_request *request, int status, const char *type, const struct buffer *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body && text->len)
		evbuffer_add(body, text->data + text->off, text->len);
	http_type(request, type);
	evhttp_send_reply(request, status, NULL, body);
	if (body)
		evbuffer_free(body);
}

static void
http_post(struct http_route *route, struct evhttp_request *request, const struct http_asked *asked)
{
	const char *type = "text/plain; charset=utf-8";
	struct buffer out = {0};
	int status = route->source.post(route->source.arg, asked, &out, &type);

	if (status == HTTP_OK)
		route->http->stats.answered++;
	else
		route->http->stats.bad++;
	http_say(request, status, type, &out);
	buffer_free(&out);
}

/* Whether the guard lets it through; if not, it has been answered. */
static bool
http_may(struct http *http, struct evhttp_request *request, const struct http_asked *asked)
{
	bool post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	int status = http->guard ? http->guard->may(http->guard->arg, asked, post) : 0;

	if (status == 0)
		return true;
	http->stats.bad++;
	if (status == HTTP_UNAUTHORIZED)
		evhttp_add_header(evhttp_request_get_output_headers(request), "WWW-Authenticate",
				  "Basic realm=\"rpingmesh\", charset=\"UTF-8\"");
	http_say(request, status, "text/plain; charset=utf-8", &(const struct buffer){0});
	return false;
}

/* The body as a text in buf. */
static const char *
http_body(struct evhttp_request *request, char buf[HTTP_BODY_MAX + 1])
{
	ev_ssize_t n = evbuffer_copyout(evhttp_request_get_input_buffer(request), buf,
					HTTP_BODY_MAX);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

/* Answers a request that may be answered. */
static void
http_answer_request(struct http_route *route, struct evhttp_request *request,
		    const struct place *place, const struct http_asked *asked)
{
	if (route->source.post)
		http_post(route, request, asked);
	else if (route->source.file)
		http_send_file(route->http, request, route->source.file);
	else if (route->source.events)
		http_stream(route->http, request, route->source.events);
	else
		http_page(route, request, place, asked);
}

static void
http_say_paths(const struct http *http, struct evbuffer *body)
{
	for (size_t i = 0; i < http->n_routes; i++)
		evbuffer_add_printf(body, "%s %s", i ? "," : "There is only",
				    http->route[i].source.path);
	evbuffer_add_printf(body, " here.\n");
}

static void
http_other(struct evhttp_request *request, void *arg)
{
	struct http *http = arg;
	bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
	struct evbuffer *body = head ? NULL : evbuffer_new();

	http->stats.bad++;
	if (body)
		http_say_paths(http, body);
	http_type(request, "text/plain; charset=utf-8");
	evhttp_send_reply(request, HTTP_NOTFOUND, "Not Found", body);
	if (body)
		evbuffer_free(body);
}

static void
http_get(struct evhttp_request *request, void *arg)
{
	struct http_route *route = arg;
	const struct place place = http_client_asks(route->http, request);
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	bool post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	char body[HTTP_BODY_MAX + 1];
	const struct http_asked asked = {
		.accept = evhttp_find_header(headers, "Accept"),
		.query = evhttp_uri_get_query(uri),
		.authorization = evhttp_find_header(headers, "Authorization"),
		.token = evhttp_find_header(headers, HTTP_TOKEN_HEADER),
		.body = http_body(request, body),
		.who = place.who,
	};

	/* evhttp finds it decoded, and up to a NUL; the rules of a proxy may not. */
	if (strcmp(evhttp_uri_get_path(uri), route->source.path) != 0) {
		http_other(request, route->http);
		return;
	}
	if (post != (route->source.post != NULL)) {
		route->http->stats.bad++;
		http_say(request, HTTP_BADMETHOD, "text/plain", &(const struct buffer){0});
	} else if (http_may(route->http, request, &asked)) {
		http_answer_request(route, request, &place, &asked);
	}
}

/*
 * There are no descriptors or no memory. The connection stays in the queue, so poll would call back
 * at once.
 */
static void
http_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct http *http;
	int error = errno;

	LIST_FOREACH (http, &http_servers, in_servers)
		if (http->server == arg)
			break;
	if (!http)
		return;
	log_some(1, MAIN, WARNING, "metrics: accept: %s: new connections wait", strerror(error));
	evconnlistener_disable(listener);
	http_tick_soon(http);
}

static int
http_listen(struct http *http, const char *listen)
{
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct sockaddr_storage addr = {0};
	int len = sizeof(addr);

	if (evutil_parse_sockaddr_port(listen, (struct sockaddr *)&addr, &len) < 0)
		return -EINVAL;
	errno = 0;
	http->listener = evconnlistener_new_bind(loop_base(http->loop), NULL, NULL, flags,
						 HTTP_BACKLOG, (struct sockaddr *)&addr, len);
	if (!http->listener)
		return errno ? -errno : -ENOMEM;
	if (!evhttp_bind_listener(http->server, http->listener)) {
		evconnlistener_free(http->listener);
		http->listener = NULL;
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(http->listener, http_accept_failed);
	return 0;
}

static int
http_add_routes(struct http *http, const struct http_source *sources, size_t n)
{
	ev_uint16_t methods = EVHTTP_REQ_GET | EVHTTP_REQ_HEAD;

	for (size_t i = 0; i < n; i++) {
		struct http_route *route = &http->route[http->n_routes++];

		*route = (struct http_route){http, sources[i]};
		if (evhttp_set_cb(http->server, sources[i].path, http_get, route) < 0)
			return -ENOMEM;
		methods |= sources[i].post ? EVHTTP_REQ_POST : 0;
	}
	evhttp_set_allowed_methods(http->server, methods);
	return 0;
}

int
http_new(struct loop *loop, const char *listen, const struct http_source *sources, size_t n,
	 struct http **out)
{
	struct http *http = calloc(1, sizeof(*http));
	int rc = -ENOMEM;

	if (!http)
		return rc;
	LIST_INSERT_HEAD(&http_servers, http, in_servers);
	http->loop = loop;
	LIST_INIT(&http->answers);
	http->server = evhttp_new(loop_base(loop));
	if (!http->server || http_add_routes(http, sources, n) < 0)
		goto fail;
	rc = loop_timer_new(loop, "metrics connections", http_tick, http, &http->tick);
	if (rc == 0)
		rc = loop_timer_new(loop, "metrics connections", http_look, http, &http->look);
	if (rc < 0)
		goto fail;
	evhttp_set_gencb(http->server, http_other, http);
	evhttp_set_bevcb(http->server, http_accepted, http);
	evhttp_set_max_headers_size(http->server, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(http->server, HTTP_BODY_MAX);
	evhttp_set_timeout(http->server, HTTP_TIMEOUT_S);
	rc = http_listen(http, listen);
	if (rc < 0)
		goto fail;
	*out = http;
	return 0;

fail:
	http_free(http);
	return rc;
}

void
http_free(struct http *http)
{
	struct http_answer *answer;

	if (!http)
		return;
	while ((answer = LIST_FIRST(&http->answers))) {
		if (answer->gone)
			http_answer_end(answer, false);
		else
			http_cut(answer);
	}
	if (http->server)
		evhttp_free(http->server);
	for (uint32_t i = 0; i < http->n_clients; i++)
		bufferevent_decref(http->client[i].bev);
	loop_timer_free(http->tick);
	loop_timer_free(http->look);
	LIST_REMOVE(http, in_servers);
	free(http);
}

void
http_set_guard(struct http *http, const struct http_guard *guard)
{
	http->guard = guard;
}

void
http_stats(const struct http *http, struct http_stats *out)
{
	*out = http->stats;
}
