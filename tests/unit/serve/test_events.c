/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of events, with clients that are plain sockets: what the HTML Living Standard says of
 * server-sent events (section 9.2), and the limits of events.h.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/loop.h"
#include "serve/events.h"
#include "serve/http.h"

#define EPOCH 0xabcd

struct fixture {
	struct loop *loop;
	struct events *events;
	struct http *http;
	uint16_t port;
};

static const struct http_file file = {"text/plain", "contents", 8};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct rlimit many = {4096, 4096};

	setrlimit(RLIMIT_NOFILE, &many);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(events_new(f->loop, EPOCH, &f->events), 0);
	for (int tries = 0; !f->http && tries < 100; tries++) {
		const struct http_source sources[] = {{.path = "/events", .events = f->events},
						      {.path = "/file", .file = &file}};
		char listen[32];

		f->port = (uint16_t)(20000 + (getpid() + tries * 101) % 12000);
		snprintf(listen, sizeof(listen), "127.0.0.1:%u", f->port);
		http_new(f->loop, listen, sources, 2, &f->http);
	}
	assert_non_null(f->http);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	struct events_stats stats;

	http_free(f->http);
	events_stats(f->events, &stats);
	assert_int_equal(stats.streams, 0);
	events_free(f->events);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
turn(const struct fixture *f)
{
	event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
}

/* small: of the buffers of the client's system, so that it soon takes no more. */
static int
connect_to(const struct fixture *f, const char *request, int small)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(f->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (small)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int
stream(const struct fixture *f, const char *last)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n%s%s%s\r\n",
		 last ? "Last-Event-ID: " : "", last ? last : "", last ? "\r\n" : "");
	return connect_to(f, request, 0);
}

static char text[2000000];

/* Reads until `until` has come. Returns all that came, with NUL at the end; NULL: it ended. */
static const char *
read_until(const struct fixture *f, int fd, const char *until)
{
	size_t at = 0;

	text[0] = '\0';
	for (int turns = 0; turns < 20000 && !strstr(text, until); turns++) {
		ssize_t n;

		turn(f);
		n = read(fd, text + at, sizeof(text) - at - 1);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return NULL;
		if (n < 0)
			usleep(100);
		at += n > 0 ? (size_t)n : 0;
		text[at] = '\0';
	}
	return strstr(text, until) ? text : NULL;
}

static struct events_stats
stats_of(const struct fixture *f)
{
	struct events_stats stats;

	events_stats(f->events, &stats);
	return stats;
}

static void
turns_until_streams(const struct fixture *f, uint32_t n)
{
	for (int turns = 0; turns < 20000 && stats_of(f).streams != n; turns++) {
		turn(f);
		usleep(100);
	}
	assert_int_equal(stats_of(f).streams, n);
}

static void
send_text(const struct fixture *f, const char *type, const char *data)
{
	assert_int_equal(events_send(f->events, type, data, strlen(data)), 0);
}

static void
test_event(void **state)
{
	struct fixture *f = *state;
	const char *came;
	int fd = stream(f, NULL);

	came = read_until(f, fd, "\n\n\r\n");
	assert_non_null(came);
	assert_int_equal(strncmp(came, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(came, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(came, "id: 000000000000abcd.0\nevent: begin\n"
				     "data: {\"missed\":false}\n\n"));
	send_text(f, "incident", "{\"a\":1}");
	came = read_until(f, fd, "\n\n");
	assert_non_null(came);
	assert_non_null(strstr(came, "id: 000000000000abcd.1\nevent: incident\n"
				     "data: {\"a\":1}\n\n"));
	assert_int_equal(events_send(f->events, "x", "a\nb", 3), -EINVAL);
	close(fd);
	turns_until_streams(f, 0);
	send_text(f, "incident", "{}");
}

/* A client that was away gets what it has missed, or is told that this is not possible. */
static void
test_comes_back(void **state)
{
	struct fixture *f = *state;
	const char *came;
	char *big = malloc(100001);
	int fd;

	for (int i = 1; i <= 3; i++)
		send_text(f, "x", i == 1 ? "one" : i == 2 ? "two" : "three");
	fd = stream(f, "000000000000abcd.1");
	came = read_until(f, fd, "three\n\n");
	assert_non_null(came);
	assert_null(strstr(came, "data: one"));
	assert_null(strstr(came, "begin"));
	assert_non_null(strstr(came, "data: two\n\n"));
	close(fd);
	/* Of another process; of the future; no number; has not missed anything. */
	fd = stream(f, "000000000000abce.1");
	assert_non_null(read_until(f, fd, "data: {\"missed\":true}\n\n"));
	close(fd);
	fd = stream(f, "000000000000abcd.4");
	assert_non_null(read_until(f, fd, "data: {\"missed\":true}\n\n"));
	close(fd);
	fd = stream(f, "abcd.1; x");
	assert_non_null(read_until(f, fd, "data: {\"missed\":true}\n\n"));
	close(fd);
	fd = stream(f, "000000000000abcd.3");
	assert_non_null(read_until(f, fd, "\r\n\r\n"));
	send_text(f, "x", "four");
	came = read_until(f, fd, "four\n\n");
	assert_non_null(came);
	assert_null(strstr(came, "missed"));
	close(fd);
	/* More than is kept. */
	memset(big, 'b', 100000);
	big[100000] = '\0';
	for (int i = 0; i < 4; i++)
		send_text(f, "x", big);
	fd = stream(f, "000000000000abcd.4");
	assert_non_null(read_until(f, fd, "data: {\"missed\":true}\n\n"));
	close(fd);
	free(big);
	assert_int_equal(stats_of(f).missed, 4);
}

/* One that does not read is cut; another one gets everything, and pages do, too. */
static void
test_slow_reader(void **state)
{
	struct fixture *f = *state;
	static char big[50001];
	int slow = connect_to(f, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", 4096);
	int fd = stream(f, NULL);

	memset(big, 'b', sizeof(big) - 1);
	assert_non_null(read_until(f, fd, "\n\n\r\n"));
	turns_until_streams(f, 2);
	for (int i = 0; i < 200; i++) {
		send_text(f, "x", big);
		assert_non_null(read_until(f, fd, "b\n\n"));
	}
	turns_until_streams(f, 1);
	assert_int_equal(stats_of(f).cut, 1);
	close(slow);
	close(fd);
}

static void
test_many(void **state)
{
	struct fixture *f = *state;
	static int fds[EVENTS_STREAMS_MAX];
	int fd;

	for (int i = 0; i < EVENTS_STREAMS_MAX; i++) {
		fds[i] = stream(f, NULL);
		turns_until_streams(f, (uint32_t)i + 1);
		/* The server accepts only so many connections in a second. */
		if (i % HTTP_ACCEPTS_PER_S == HTTP_ACCEPTS_PER_S - 1)
			for (int j = 0; j < 15000; j++) {
				turn(f);
				usleep(100);
			}
	}
	fd = stream(f, NULL);
	assert_non_null(read_until(f, fd, "\r\n\r\n"));
	assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
	close(fd);
	fd = connect_to(f, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	assert_non_null(read_until(f, fd, "contents"));
	close(fd);
	send_text(f, "x", "all");
	for (int i = 0; i < EVENTS_STREAMS_MAX; i++) {
		assert_non_null(read_until(f, fds[i], "all\n\n"));
		close(fds[i]);
	}
	turns_until_streams(f, 0);
	assert_int_equal(stats_of(f).refused, 1);
}

static void
test_file(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f, "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0);

	assert_non_null(read_until(f, fd, "contents"));
	assert_non_null(strstr(text, "Content-Length: 8\r\n"));
	close(fd);
	fd = connect_to(f, "HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	assert_non_null(read_until(f, fd, "\r\n\r\n"));
	assert_null(strstr(text, "contents"));
	close(fd);
	fd = connect_to(f, "HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	assert_non_null(read_until(f, fd, "\r\n\r\n"));
	assert_int_equal(stats_of(f).streams, 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
