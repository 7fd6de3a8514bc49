/* SPDX-License-Identifier: Apache-2.0 */
/* The address of the configuration: taken by another program, free again, another one, none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/loop.h"
#include "serve/http_port.h"

static uint64_t ahead_ns;
uint64_t __real_clock_mono_ns(void);
uint64_t __wrap_clock_mono_ns(void);

uint64_t
__wrap_clock_mono_ns(void)
{
	return __real_clock_mono_ns() + ahead_ns;
}

static int
page_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)asked;
	*page = arg;
	*type = "text/plain";
	return 0;
}

static int
page_more(void *arg, void *page, struct buffer *out)
{
	(void)arg;
	(void)page;
	assert_int_equal(buffer_reserve(out, 5), 0);
	buffer_add(out, "hello", 5);
	return 0;
}

static void
page_end(void *arg, void *page)
{
	(void)arg;
	(void)page;
}

static const struct http_source source = {
	.path = "/x", .begin = page_begin, .more = page_more, .end = page_end};

struct fixture {
	struct loop *loop;
	struct http_port *port;
};

static int
setup(void **state)
{
	static struct fixture f;
	struct http_port_config config = {.key = "listen", .sources = &source, .n_sources = 1};

	ahead_ns = 0;
	assert_int_equal(loop_new(&f.loop), 0);
	config.loop = f.loop;
	assert_int_equal(http_port_new(&config, &f.port), 0);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_port_free(f->port);
	loop_free(f->loop);
	return 0;
}

/* A socket that listens at a port of its own; writes its address. */
static int
listener(char listen_at[32])
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(listen_at, 32, "127.0.0.1:%u", ntohs(addr.sin_port));
	return fd;
}

/* Whether a client gets the page. */
static bool
serves(const struct fixture *f, const char *listen_at)
{
	static const char request[] = "GET /x HTTP/1.0\r\n\r\n";
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char text[1000] = "";
	size_t at = 0;
	ssize_t n = -1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_port = htons((uint16_t)atoi(strchr(listen_at, ':') + 1));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return false;
	}
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (int turns = 0; n != 0 && turns < 20000; turns++) {
		event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
		n = read(fd, text + at, sizeof(text) - at - 1);
		if (n < 0)
			usleep(100);
		at += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return strncmp(text, "HTTP/1.0 200 OK", 15) == 0 && strstr(text, "\r\n\r\nhello");
}

static void
test_taken(void **state)
{
	struct fixture *f = *state;
	char text[256], address[32], expected[300];
	int other = listener(address);

	http_port_listen(f->port, address);
	assert_true(http_port_fault(f->port, text, sizeof(text)));
	snprintf(expected, sizeof(expected),
		 "%s: %s (another program listens there: choose another port in listen)", address,
		 strerror(EADDRINUSE));
	assert_string_equal(text, expected);
	close(other);
	http_port_retry(f->port); /* it is too early */
	assert_true(http_port_fault(f->port, text, sizeof(text)));
	ahead_ns = 6 * NSEC_PER_SEC;
	http_port_retry(f->port);
	assert_false(http_port_fault(f->port, text, sizeof(text)));
	assert_true(serves(f, address));
}

static void
test_moves(void **state)
{
	struct fixture *f = *state;
	char text[256], first[32], second[32];
	struct http_stats stats;

	close(listener(first));
	http_port_listen(f->port, first);
	assert_true(serves(f, first));
	http_port_listen(f->port, first);
	assert_true(serves(f, first));
	close(listener(second));
	http_port_listen(f->port, second);
	assert_true(serves(f, second));
	assert_false(serves(f, first));
	http_port_listen(f->port, "");
	assert_false(serves(f, second));
	assert_false(http_port_fault(f->port, text, sizeof(text)));
	ahead_ns = 60 * NSEC_PER_SEC;
	http_port_retry(f->port);
	assert_false(serves(f, second));
	http_port_stats(f->port, &stats);
	assert_int_equal(stats.answered, 3);
}

static void
test_no_address(void **state)
{
	struct fixture *f = *state;
	char text[256];

	/* RFC 5737's address is nobody's. */
	http_port_listen(f->port, "192.0.2.1:9480");
	assert_true(http_port_fault(f->port, text, sizeof(text)));
	assert_non_null(strstr(text, "(no interface has this address: see listen)"));
	http_port_listen(f->port, "");
	assert_false(http_port_fault(f->port, text, sizeof(text)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_address, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
