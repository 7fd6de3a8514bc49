/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page over HTTP, with clients that are plain sockets: what RFC 9112 says of requests, chunks
 * and ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/loop.h"
#include "serve/http.h"

#define PIECE 50000

/* The clock of the module under test may be ahead. */
static uint64_t ahead_ns;
uint64_t __real_clock_mono_ns(void);
uint64_t __wrap_clock_mono_ns(void);

uint64_t
__wrap_clock_mono_ns(void)
{
	return __real_clock_mono_ns() + ahead_ns;
}

struct fixture {
	struct loop *loop;
	struct http *http;
	uint16_t port;
	int pieces;         /* that a page has */
	int fails_at;       /* the piece that fails; -1: none */
	int empty_at;       /* the piece that has nothing in it; -1: none */
	int begun, ended, refuse;
	int at;             /* of the page that was begun last */
	char accept[64], query[64];
};

static int
page_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct fixture *f = arg;
	int *at;

	if (f->refuse)
		return f->refuse;
	at = calloc(1, sizeof(*at));
	assert_non_null(at);
	snprintf(f->accept, sizeof(f->accept), "%s", asked->accept ? asked->accept : "(none)");
	snprintf(f->query, sizeof(f->query), "%s", asked->query ? asked->query : "(none)");
	f->begun++;
	*type = "text/x-test";
	*page = at;
	return 0;
}

static int
page_more(void *arg, void *page, struct buffer *out)
{
	struct fixture *f = arg;
	int *at = page;

	if (*at == f->fails_at)
		return -ENOMEM;
	assert_int_equal(buffer_reserve(out, PIECE), 0);
	for (int i = 0; i < PIECE && *at != f->empty_at; i++)
		buffer_add(out, &"abcdefghij"[*at % 10], 1);
	f->at = ++*at;
	return *at < f->pieces;
}

static void
page_end(void *arg, void *page)
{
	struct fixture *f = arg;

	f->ended++;
	free(page);
}

/* The same page, of another type. */
static int
other_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	int rc = page_begin(arg, asked, page, type);

	*type = "text/x-other";
	return rc;
}

/* A free port, as the kernel says. */
static uint16_t
free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

/* What a POST has said, and what its guard is to answer. */
static struct {
	char body[HTTP_BODY_MAX + 1], token[64], authorization[64];
	uint64_t who;
	int posts, guard, asked;
} posted;

static int
page_post(void *arg, const struct http_asked *asked, struct buffer *out, const char **type)
{
	(void)arg;
	snprintf(posted.body, sizeof(posted.body), "%s", asked->body);
	posted.posts++;
	*type = "text/x-posted";
	assert_int_equal(buffer_reserve(out, 5), 0);
	buffer_add(out, "done\n", 5);
	return 200;
}

static int
page_may(void *arg, const struct http_asked *asked, bool post)
{
	(void)arg;
	snprintf(posted.token, sizeof(posted.token), "%s", asked->token ? asked->token : "(none)");
	snprintf(posted.authorization, sizeof(posted.authorization), "%s",
		 asked->authorization ? asked->authorization : "(none)");
	posted.who = asked->who;
	posted.asked += post ? 100 : 1;
	return posted.guard;
}
static const struct http_guard page_guard = {page_may, NULL};

static int
serve_more(struct fixture *f, bool post, struct http **out)
{
	const struct http_source sources[] = {
		{.path = "/metrics",
		 .begin = page_begin,
		 .more = page_more,
		 .end = page_end,
		 .arg = f},
		{.path = "/api/1/other",
		 .begin = other_begin,
		 .more = page_more,
		 .end = page_end,
		 .arg = f},
		{.path = "/post", .post = page_post},
	};
	char listen[32];

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", f->port);
	return http_new(f->loop, listen, sources, post ? 3 : 2, out);
}

static int
serve(struct fixture *f, struct http **out)
{
	return serve_more(f, false, out);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	ahead_ns = 0;
	f->pieces = 3;
	f->fails_at = f->empty_at = -1;
	assert_int_equal(loop_new(&f->loop), 0);
	for (int tries = 0; !f->http && tries < 10; tries++) {
		f->port = free_port();
		serve(f, &f->http);
	}
	assert_non_null(f->http);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	assert_int_equal(f->begun, f->ended);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* From 127.0.0.N: a host of its own. */
static int
client_from(const struct fixture *f, uint32_t n, const char *request)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + n)};
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(f->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int
client(const struct fixture *f, const char *request)
{
	return client_from(f, 1, request);
}

static void
turn(const struct fixture *f)
{
	event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
}

/* All that comes until the server closes; -1: it does not. */
static ssize_t
answer(const struct fixture *f, int fd, char *text, size_t room)
{
	size_t at = 0;
	ssize_t n;

	for (int turns = 0; turns < 20000; turns++) {
		turn(f);
		n = read(fd, text + at, room - at - 1);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			text[at] = '\0';
			close(fd);
			return (ssize_t)at;
		}
		if (n < 0)
			usleep(100);
		at += n > 0 ? (size_t)n : 0;
	}
	text[at] = '\0';
	return -1;
}

static char text[1000000];

/*
 * The length of a chunked body (RFC 9112 section 7.1), each byte of which is checked; -1: it does
 * not end as it must.
 */
static long
body_length(const char *body)
{
	long sum = 0, n;
	char *end;

	for (;; body = end) {
		n = strtol(body, &end, 16);
		if (end == body || strncmp(end, "\r\n", 2) != 0)
			return -1;
		end += 2;
		if (n == 0)
			return strcmp(end, "\r\n") == 0 ? sum : -1;
		for (long i = 0; i < n; i++)
			if (end[i] != "abcdefghij"[(sum + i) / PIECE % 10])
				return -1;
		sum += n;
		end += n;
		if (strncmp(end, "\r\n", 2) != 0)
			return -1;
		end += 2;
	}
}

static void
test_page(void **state)
{
	struct fixture *f = *state;
	struct http_stats stats;
	const char *body;

	f->pieces = 12;
	assert_true(answer(f,
			   client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: "
				     "text/x-test\r\nConnection: close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(text, "Content-Type: text/x-test\r\n"));
	assert_non_null(strstr(text, "Transfer-Encoding: chunked\r\n"));
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(body_length(body + 4), 12 * PIECE);
	assert_string_equal(f->accept, "text/x-test");
	assert_string_equal(f->query, "(none)");
	assert_non_null(strstr(text, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(text, "Content-Security-Policy: default-src 'self'"));
	http_stats(f->http, &stats);
	assert_int_equal(stats.answered, 1);
	assert_int_equal(stats.cut, 0);
}

static void
test_old_client(void **state)
{
	struct fixture *f = *state;
	const char *body;

	assert_true(answer(f, client(f, "GET /metrics HTTP/1.0\r\n\r\n"), text, sizeof(text)) > 0);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), 3 * PIECE);
	assert_string_equal(f->accept, "(none)");
}

static void
test_two_paths(void **state)
{
	struct fixture *f = *state;

	f->pieces = 1;
	assert_true(answer(f,
			   client(f, "GET /api/1/other?x=1 HTTP/1.1\r\nHost: x\r\nConnection: "
				     "close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(text, "Content-Type: text/x-other\r\n"));
	assert_string_equal(f->query, "x=1");
	f->refuse = -EINVAL;
	assert_true(answer(f,
			   client(f, "GET /api/1/other?y HTTP/1.1\r\nHost: x\r\nConnection: "
				     "close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 400 ", 13), 0);
	f->refuse = 0;
	assert_true(answer(f,
			   client(f, "GET /api/1 HTTP/1.1\r\nHost: x\r\nConnection: "
				     "close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 404 ", 13), 0);
}

static void
test_head_and_others(void **state)
{
	struct fixture *f = *state;
	struct http_stats stats;

	assert_true(
		answer(f,
		       client(f, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		       text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	assert_true(answer(f, client(f, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 404 ", 13), 0);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	assert_true(answer(f, client(f, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 404 ", 13), 0);
	assert_non_null(strstr(text, "There is only /metrics, /api/1/other here.\n"));
	assert_true(answer(f,
			   client(f, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: "
				     "close\r\nContent-Length: 0\r\n\r\n"),
			   text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 501 ", 13), 0);
	http_stats(f->http, &stats);
	assert_int_equal(stats.bad, 2);
	assert_int_equal(stats.answered, 0);
}

/* The status of the answer to a request; its text is in `text`. */
static int
asked(struct fixture *f, const char *request)
{
	int status = 0;

	assert_true(answer(f, client(f, request), text, sizeof(text)) > 0);
	assert_int_equal(sscanf(text, "HTTP/1.1 %d ", &status), 1);
	return status;
}

#define END "Host: x\r\nConnection: close\r\n"

/* A path is a name, and nothing is looked for in any folder: what is not exactly a name is 404. */
static void
test_path_tricks(void **state)
{
	static const char *const paths[] = {
		"/metrics/", "/metrics/.", "/./metrics", "//metrics", "/x/../metrics",
		"/../metrics", "/METRICS", "/metrics%00", "/metrics%00.html", "/%6detrics",
		"/%2e%2e/metrics",
		"/metrics%2f", "/..%2f..%2fetc%2fpasswd", "/../../../etc/passwd", "/metrics;a=b",
		"/api/1/../../metrics", "/%c0%af", "/metrics\\..", "/metrics%0d%0aX:%20y"};
	struct fixture *f = *state;
	char request[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" END "\r\n", paths[i]);
		if (asked(f, request) != 404 && asked(f, request) != 400)
			fail_msg("%s: %.60s", paths[i], text);
		assert_null(strstr(text, "\r\nX: y"));
	}
	assert_int_equal(f->begun, 0);
	assert_int_equal(asked(f, "GET http://x/metrics HTTP/1.1\r\n" END "\r\n"), 200);
	assert_int_equal(f->begun, 1);
}

static void
test_post(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	assert_int_equal(serve_more(f, true, &f->http), 0);
	memset(&posted, 0, sizeof(posted));
	assert_int_equal(asked(f, "POST /post HTTP/1.1\r\n" END
				  "Content-Length: 7\r\n\r\na=1&b=2"), 200);
	assert_string_equal(posted.body, "a=1&b=2");
	assert_non_null(strstr(text, "Content-Type: text/x-posted\r\n"));
	assert_non_null(strstr(text, "\r\n\r\ndone\n"));
	assert_int_equal(asked(f, "POST /post HTTP/1.1\r\n" END "Content-Length: 0\r\n\r\n"), 200);
	assert_string_equal(posted.body, "");
	assert_int_equal(asked(f, "GET /post HTTP/1.1\r\n" END "\r\n"), 405);
	assert_int_equal(asked(f, "POST /metrics HTTP/1.1\r\n" END "Content-Length: 0\r\n\r\n"),
			 405);
	assert_int_equal(asked(f, "POST /post HTTP/1.1\r\n" END "Content-Length: 4097\r\n\r\n"),
			 413);
	assert_int_equal(asked(f, "OPTIONS /post HTTP/1.1\r\n" END "\r\n"), 501);
	assert_int_equal(posted.posts, 2);
}

static void
test_guard(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	assert_int_equal(serve_more(f, true, &f->http), 0);
	http_set_guard(f->http, &page_guard);
	memset(&posted, 0, sizeof(posted));
	assert_int_equal(asked(f, "GET /metrics HTTP/1.1\r\n" END
				  "Authorization: Basic eA==\r\n\r\n"), 200);
	assert_int_equal(posted.asked, 1);
	assert_string_equal(posted.authorization, "Basic eA==");
	assert_string_equal(posted.token, "(none)");
	assert_int_not_equal(posted.who, 0);
	posted.guard = 401;
	assert_int_equal(asked(f, "GET /metrics HTTP/1.1\r\n" END "\r\n"), 401);
	assert_non_null(strstr(text, "WWW-Authenticate: Basic realm="));
	assert_int_equal(f->begun, 1);
	posted.guard = 403;
	assert_int_equal(asked(f, "POST /post HTTP/1.1\r\n" END "X-Rpingmesh-Token: abc\r\n"
				  "Content-Length: 0\r\n\r\n"), 403);
	assert_null(strstr(text, "WWW-Authenticate"));
	assert_string_equal(posted.token, "abc");
	assert_int_equal(posted.asked, 102);
	assert_int_equal(posted.posts, 0);
}

static void
test_garbage(void **state)
{
	struct fixture *f = *state;
	static char large[9000];

	assert_true(answer(f, client(f, "\x16\x03\x01 no HTTP\r\n\r\n"), text, sizeof(text)) >= 0);
	snprintf(large, sizeof(large), "GET /metrics HTTP/1.1\r\nX: ");
	memset(large + strlen(large), 'x', sizeof(large) - strlen(large) - 1);
	assert_true(answer(f, client(f, large), text, sizeof(text)) >= 0);
	assert_int_equal(f->begun, 0);
	test_page(state);
}

/*
 * More than HTTP_ANSWERS_MAX at a time: those that read nothing keep their places, the next is told
 * to come back.
 */
static void
test_too_many(void **state)
{
	struct fixture *f = *state;
	int fd[HTTP_ANSWERS_MAX];
	struct http_stats stats;

	f->pieces = 400;
	for (int i = 0; i < HTTP_ANSWERS_MAX; i++)
		fd[i] = client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 20000 && f->begun < HTTP_ANSWERS_MAX; i++)
		turn(f);
	assert_int_equal(f->begun, HTTP_ANSWERS_MAX);
	assert_true(
		answer(f,
		       client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		       text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
	assert_non_null(strstr(text, "Retry-After: 1\r\n"));
	http_stats(f->http, &stats);
	assert_int_equal(stats.refused, 1);
	/* Nobody who stands still makes us keep a page: no more was made than fits the sockets. */
	assert_true(f->at < f->pieces);
	/* Two go away; the others are still under way when the server ends. */
	close(fd[0]);
	close(fd[1]);
	for (int i = 0; i < 20000 && f->ended < 2; i++) {
		turn(f);
		usleep(100);
	}
	assert_int_equal(f->ended, 2);
	http_stats(f->http, &stats);
	assert_int_equal(stats.cut, 2);
	http_free(f->http);
	f->http = NULL;
	assert_int_equal(f->ended, f->begun);
	close(fd[2]);
	close(fd[3]);
}

/* A piece with nothing in it, as libevent calls back for none, is not the end of the page. */
static void
test_empty_piece(void **state)
{
	struct fixture *f = *state;
	const char *body;

	f->empty_at = 1;
	assert_true(
		answer(f,
		       client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		       text, sizeof(text)) > 0);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_non_null(strstr(body, "cccc"));
	assert_int_equal(f->ended, 1);
}

/*
 * A client that asks on without reading: what it sends is left in the sockets, whose limits are the
 * kernel's, and not in our memory.
 */
static void
test_asks_without_reading(void **state)
{
	struct fixture *f = *state;
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	static char requests[64 * 1024];
	int fd = client(f, request);
	size_t sent = 0;

	f->pieces = 4000;
	for (size_t i = 0; i < sizeof(requests); i++)
		requests[i] = request[i % strlen(request)];
	for (int idle = 0; idle < 200 && sent < 64 * 1024 * 1024; idle++) {
		ssize_t n = write(fd, requests, sizeof(requests));

		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
		}
		turn(f);
	}
	assert_true(sent < 32 * 1024 * 1024);
	close(fd);
}

/* What cannot be finished must not look finished. */
static void
test_source_fails(void **state)
{
	struct fixture *f = *state;
	const char *body;

	f->fails_at = 2;
	assert_true(
		answer(f,
		       client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		       text, sizeof(text)) > 0);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(body_length(body + 4), -1);
	f->refuse = -EAGAIN;
	assert_true(
		answer(f,
		       client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		       text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
}

static void
test_listen(void **state)
{
	struct fixture *f = *state;
	const struct http_source source = {.path = "/metrics",
					   .begin = page_begin,
					   .more = page_more,
					   .end = page_end,
					   .arg = f};
	struct http *other = NULL;

	assert_int_equal(serve(f, &other), -EADDRINUSE);
	/* RFC 5737's address is nobody's. */
	assert_int_equal(http_new(f->loop, "192.0.2.1:9479", &source, 1, &other),
			 -EADDRNOTAVAIL);
	assert_int_equal(http_new(f->loop, "nonsense", &source, 1, &other), -EINVAL);
	assert_null(other);
	http_free(NULL);
}

/*
 * More connections than are taken in a second: the rest, few enough for the kernel's queue, is
 * served after it.
 */
static void
test_flood(void **state)
{
	struct fixture *f = *state;
	static int fd[HTTP_ACCEPTS_PER_S + 10];
	struct http_stats stats;
	uint64_t began = clock_mono_ns();

	f->pieces = 1;
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		fd[i] = client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		for (int turns = 0; turns < 20; turns++)
			turn(f);
	}
	do {
		turn(f);
		usleep(1000);
		http_stats(f->http, &stats);
	} while (stats.answered + stats.refused < sizeof(fd) / sizeof(fd[0]) &&
		 clock_mono_ns() < began + 60 * NSEC_PER_SEC);
	assert_int_equal(stats.answered + stats.refused + stats.cut, sizeof(fd) / sizeof(fd[0]));
	assert_true(clock_mono_ns() - began >= NSEC_PER_SEC);
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		close(fd[i]);
}

/* Whether the server has closed; what it sent is read. */
static bool
has_closed(int fd)
{
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

static bool
closes(const struct fixture *f, int fd)
{
	for (int turns = 0; turns < 6000; turns++) {
		turn(f);
		if (has_closed(fd))
			return true;
		usleep(1000);
	}
	return false;
}

/*
 * As many connections as there may be, all silent: the oldest makes room for one that asks; the
 * others stay.
 */
static void
test_full_house(void **state)
{
	struct fixture *f = *state;
	int fd[HTTP_CLIENTS_MAX], asks;

	for (int i = 0; i < HTTP_CLIENTS_MAX; i++) {
		fd[i] = client(f, "GET");
		turn(f);
	}
	asks = client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_true(answer(f, asks, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_true(closes(f, fd[0]));
	assert_false(has_closed(fd[HTTP_CLIENTS_MAX - 1]));
	for (int i = 0; i < HTTP_CLIENTS_MAX; i++)
		close(fd[i]);
}

/*
 * A host that opens one connection after another and says nothing closes its own: one that asks
 * from elsewhere is answered at once, and a connection of a third host stays.
 */
static void
test_half_open(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n"
				      "Connection: close\r\n\r\n";
	struct fixture *f = *state;
	/* One that has asked may stay for longer than one that has not. */
	int third = client_from(f, 3, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	int asks, fd[400];
	uint64_t began;

	for (int i = 0; i < 400; i++) {
		fd[i] = client_from(f, 2, "");
		turn(f);
		/* A second is over for the limit of connections. */
		if (i % 200 == 199)
			for (int ms = 0; ms < 1100; ms++, usleep(1000))
				turn(f);
	}
	began = clock_mono_ns();
	asks = client(f, request);
	assert_true(answer(f, asks, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_true(clock_mono_ns() < began + 4 * NSEC_PER_SEC);
	assert_true(has_closed(fd[0]));
	assert_true(has_closed(fd[400 - HTTP_CLIENTS_MAX]));
	assert_false(has_closed(fd[399]));
	assert_false(has_closed(third));
	/* The same host asks: behind its own silence, and answered all the same. */
	asks = client_from(f, 2, request);
	assert_true(answer(f, asks, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	close(third);
	for (int i = 0; i < 400; i++)
		close(fd[i]);
}

/* A host that takes all pages and reads none of them keeps no other from its page. */
static void
test_pages_are_shared(void **state)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n"
				      "Connection: close\r\n\r\n";
	struct fixture *f = *state;
	int fd[HTTP_ANSWERS_MAX], asks;

	f->pieces = 200000;
	for (int i = 0; i < HTTP_ANSWERS_MAX; i++)
		fd[i] = client_from(f, 2, request);
	for (int i = 0; i < 2000 && f->begun < HTTP_ANSWERS_MAX; i++)
		turn(f);
	f->pieces = 3;
	asks = client(f, request);
	assert_true(answer(f, asks, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_int_equal(f->begun, HTTP_ANSWERS_MAX + 1);
	for (int i = 0; i < HTTP_ANSWERS_MAX; i++)
		close(fd[i]);
}

static struct event_base *complaining;
static int complaints;

/* libevent's, which would go on for ever within one turn. */
static void
complaint(int severity, const char *message)
{
	(void)severity;
	(void)message;
	complaints++;
	event_base_loopbreak(complaining);
}

/*
 * Without a descriptor for it a connection waits, and the loop does not turn for it again and again
 * (accept(2): EMFILE).
 */
static void
test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit was, now;
	int asks = client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	/* The lowest that is free is what accept(2) would get. */
	int lowest = dup(0);

	assert_true(lowest > 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)lowest;
	complaints = 0;
	complaining = loop_base(f->loop);
	event_set_log_callback(complaint);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	for (int turns = 0; turns < 100; turns++)
		turn(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	event_set_log_callback(NULL);
	assert_int_equal(complaints, 0);
	assert_int_equal(f->begun, 0);
	assert_true(answer(f, asks, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
}

/*
 * A request that comes byte by byte lasts HTTP_HEADER_S, and a page that is taken so
 * HTTP_REQUEST_S, and no longer; who asks again may stay.
 */
static void
test_slow_clients(void **state)
{
	struct fixture *f = *state;
	const char *head = "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	struct http_stats stats;
	int slow, deaf, good;

	f->pieces = 400;
	slow = client(f, "GET /metrics HTTP/1.1\r\nHost:");
	deaf = client(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	good = client(f, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 20000 && f->begun == 0; i++)
		turn(f);
	assert_int_equal(f->begun, 1);
	assert_false(has_closed(slow));
	assert_int_equal(write(slow, " x", 2), 2);
	ahead_ns = (HTTP_REQUEST_S - 5) * NSEC_PER_SEC;
	assert_int_equal(write(good, head, strlen(head)), strlen(head));
	for (int i = 0; i < 20000 && f->begun == 1; i++)
		turn(f);
	assert_int_equal(f->begun, 2);
	assert_true(closes(f, slow));
	ahead_ns = HTTP_REQUEST_S * NSEC_PER_SEC;
	for (int ms = 0; ms < 6000 && f->ended < 2; ms++, usleep(1000))
		turn(f);
	assert_true(closes(f, deaf));
	assert_int_equal(f->ended, 2);
	assert_false(has_closed(good));
	http_stats(f->http, &stats);
	assert_int_equal(stats.cut, 1);
	assert_int_equal(stats.answered, 0);
	close(slow);
	close(deaf);
	close(good);
}

static void
test_ipv6(void **state)
{
	const struct http_source source = {.path = "/metrics",
					   .begin = page_begin,
					   .more = page_more,
					   .end = page_end,
					   .arg = *state};
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const char *request = "GET /metrics HTTP/1.0\r\n\r\n";
	struct fixture *f = *state;
	struct http *http = NULL;
	char listen[32];
	int fd, rc;

	snprintf(listen, sizeof(listen), "[::1]:%u", f->port);
	rc = http_new(f->loop, listen, &source, 1, &http);
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT) {
		print_message("this host has no IPv6: only the error was tested\n");
		assert_null(http);
		return;
	}
	assert_int_equal(rc, 0);
	addr.sin6_port = htons(f->port);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_true(answer(f, fd, text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.0 200 OK\r\n", 17), 0);
	http_free(http);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head_and_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_post, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_tricks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_piece, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asks_without_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_house, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
