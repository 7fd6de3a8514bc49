/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many traces at once, with sockets of the test's own, where three routers answer each TTL at once.
 * An eventfd stands for a socket: it is readable while answers wait.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loop.h"
#include "hops/hops.h"
#include "hops/hops_socket.h"

#define ROUTERS 3
#define FDS_MAX 256
#define MANY 10000u

static struct loop *loop;
static struct hops *hops;
static struct loop_timer *stop;
static uint8_t waiting[FDS_MAX]; /* by descriptor: a bit for each TTL that is to be answered */
static bool deaf;                /* no router answers */
static bool was_open[FDS_MAX];
static unsigned opened, ended, sent[ROUTERS + 1], wanted;
static bool one_at_a_time;       /* each trace ends before another socket is opened */
static enum hops_urgency urgency;
static uint16_t order[32];       /* the source ports of the first datagrams */
static size_t n_order;

int __wrap_hops_socket_open(const struct hops_tuple *tuple, const char **reason);
int __wrap_hops_socket_send(int fd, const struct hops_tuple *tuple, uint8_t ttl, uint32_t nonce);
int __wrap_hops_socket_take(int fd, uint32_t nonce, struct trace_answer *out);

int
__wrap_hops_socket_open(const struct hops_tuple *tuple, const char **reason)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	(void)tuple;
	(void)reason;
	assert_in_range(fd, 0, FDS_MAX - 1);
	was_open[fd] = true;
	if (one_at_a_time)
		assert_int_equal(opened, ended);
	waiting[fd] = 0;
	opened++;
	return fd;
}

int
__wrap_hops_socket_send(int fd, const struct hops_tuple *tuple, uint8_t ttl, uint32_t nonce)
{
	(void)nonce;
	assert_in_range(ttl, 1, ROUTERS);
	if (n_order < sizeof(order) / sizeof(order[0]))
		order[n_order++] = tuple->src_port;
	sent[ttl]++;
	if (deaf)
		return 0;
	waiting[fd] |= (uint8_t)(1u << ttl);
	assert_int_equal(eventfd_write(fd, 1), 0);
	return 0;
}

int
__wrap_hops_socket_take(int fd, uint32_t nonce, struct trace_answer *out)
{
	eventfd_t value;
	char text[16];

	(void)nonce;
	for (uint8_t ttl = 1; ttl <= ROUTERS; ttl++) {
		if (!(waiting[fd] & 1u << ttl))
			continue;
		waiting[fd] &= (uint8_t)~(1u << ttl);
		*out = (struct trace_answer){.ttl = ttl, .type = 11};
		snprintf(text, sizeof(text), "192.0.2.%u", ttl);
		assert_int_equal(addr_parse(text, &out->from), 0);
		return 1;
	}
	(void)!eventfd_read(fd, &value);
	return -EAGAIN;
}

static void
stop_now(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void
done(void *arg, const struct hops_path *path)
{
	(void)path;
	++*(unsigned *)arg;
	ended++;
	if (ended == wanted)
		loop_stop(loop);
}

static int
setup(void **state)
{
	struct hops_config fast = {.per_s = 100000, .burst = 100000, .switch_per_s = 100000,
				   .switch_burst = 100000};

	(void)state;
	memset(was_open, 0, sizeof(was_open));
	opened = ended = wanted = 0;
	memset(sent, 0, sizeof(sent));
	one_at_a_time = deaf = false;
	urgency = HOPS_NEW;
	n_order = 0;
	return loop_new(&loop) < 0 || loop_timer_new(loop, "stop", stop_now, NULL, &stop) < 0 ||
			       hops_new(loop, &fast, &hops) < 0 ?
		       -1 :
		       0;
}

static int
teardown(void **state)
{
	(void)state;
	hops_free(hops);
	loop_timer_free(stop);
	loop_free(loop);
	return 0;
}

static int
ask(uint32_t n, unsigned *count, struct hops_request **out)
{
	struct hops_ask a = {.urgency = urgency, .routers = ROUTERS, .asks = 1, .done = done,
			     .arg = count};

	a.tuple.src_port = (uint16_t)(n + 1);
	assert_int_equal(addr_parse("10.0.0.1", &a.tuple.source), 0);
	assert_int_equal(addr_parse("10.0.1.1", &a.tuple.destination), 0);
	return hops_trace(hops, &a, out);
}

/* Each ends once, and there are never more than 64 sockets. */
static void
test_many(void **state)
{
	static unsigned counts[MANY];
	struct hops_request *request;
	struct hops_stats stats;
	int sockets = 0;

	(void)state;
	memset(counts, 0, sizeof(counts));
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(ask(i, &counts[i], &request), 0);
	hops_stats(hops, &stats);
	assert_int_equal(stats.waiting, MANY);
	assert_int_equal(stats.running, 0);
	wanted = MANY;
	assert_int_equal(loop_run(loop), 0);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(counts[i], 1);
	hops_stats(hops, &stats);
	assert_int_equal(stats.traced, MANY);
	assert_int_equal(stats.failed, 0);
	assert_int_equal(stats.answers, MANY * ROUTERS);
	assert_int_equal(stats.waiting + stats.running, 0);
	/* The kernel gives the lowest number that is free. */
	for (int fd = 0; fd < FDS_MAX; fd++)
		sockets += was_open[fd];
	assert_in_range(sockets, 2, 64);
}

/* 20,000 wait, and not one more until one has gone. */
static void
test_too_many(void **state)
{
	struct hops_request *request = NULL;
	unsigned count = 0;
	struct hops_stats stats;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(ask(i, &count, &request), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct hops_request *no = NULL;

		assert_int_equal(ask(20000 + i, &count, &no), -ENOBUFS);
		assert_null(no);
	}
	hops_stats(hops, &stats);
	assert_int_equal(stats.refused, 3);
	hops_cancel(request);
	assert_int_equal(ask(20000, &count, &request), 0);
}

/* An ICMP error tells the socket by address and port: those of one tuple run one after another. */
static void
test_one_tuple(void **state)
{
	unsigned counts[5] = {0};
	struct hops_request *request;

	(void)state;
	one_at_a_time = true;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(7, &counts[i], &request), 0);
	wanted = 5;
	assert_int_equal(loop_run(loop), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(counts[i], 1);
}

static void
turn(uint64_t ns)
{
	loop_timer_set(stop, ns);
	assert_int_equal(loop_run(loop), 0);
}

/*
 * 10,000 at once with the default budget: at most 64 datagrams, and 50 more a second; to a first
 * router of which nobody knows more than its TTL, at most 5, and one more a second.
 */
static void
test_budget(void **state)
{
	const struct hops_config config = HOPS_CONFIG_DEFAULT;
	uint64_t began_ns = clock_mono_ns(), s;
	struct hops_request *request;
	unsigned count = 0;

	(void)state;
	deaf = true;
	hops_free(hops);
	assert_int_equal(hops_new(loop, &config, &hops), 0);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(ask(i, &count, &request), 0);
	turn(1500000000);
	s = (clock_mono_ns() - began_ns) / 1000000000 + 1;
	for (int ttl = 1; ttl <= ROUTERS; ttl++)
		assert_in_range(sent[ttl], 1, 5 + s);
	assert_in_range(sent[1] + sent[2] + sent[3], 3, 64 + 50 * s);
}

/* A share of a datagram in 200 ms: five in the first second of its slack, and five a second. */
static void
test_share(void **state)
{
	struct hops_config config = HOPS_CONFIG_DEFAULT;
	uint64_t began_ns = clock_mono_ns(), tenths;
	struct hops_request *request;
	unsigned count = 0;

	(void)state;
	deaf = true;
	config.share_ns = 200000000;
	hops_configure(hops, &config);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(ask(i, &count, &request), 0);
	turn(1500000000);
	tenths = (clock_mono_ns() - began_ns) / 100000000 + 1;
	assert_in_range(sent[1] + sent[2] + sent[3], 3, 6 + tenths / 2 + 1);
}

/* What is urgent overtakes what is traced already, and nothing of its own kind. */
static void
test_urgency(void **state)
{
	static const uint16_t expected[] = {7, 7, 7, 6, 6, 6, 4, 4, 4, 5, 5, 5};
	const struct hops_config slow = {.per_s = 10, .burst = 1, .switch_per_s = 100000,
					 .switch_burst = 100000};
	static const enum hops_urgency urgencies[] = {HOPS_NEW, HOPS_NEW, HOPS_LOSING, HOPS_ASKED};
	struct hops_request *request;
	unsigned count = 0;
	size_t first = 0;

	(void)state;
	hops_configure(hops, &slow);
	urgency = HOPS_AGAIN;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(ask(i, &count, &request), 0);
	turn(1000000);
	for (uint32_t i = 0; i < 4; i++) {
		urgency = urgencies[i];
		assert_int_equal(ask(3 + i, &count, &request), 0);
	}
	wanted = 7;
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(n_order, 7 * ROUTERS);
	while (order[first] <= 3)
		first++;
	assert_in_range(first, 1, 8); /* those of before: the machine may have stood still */
	assert_memory_equal(&order[first], expected, sizeof(expected));
}

/* While it waits, and while it is traced: it never ends. */
static void
test_cancel(void **state)
{
	struct hops_request *request[2];
	unsigned count = 0;
	struct hops_stats stats;

	(void)state;
	deaf = true;
	assert_int_equal(ask(0, &count, &request[0]), 0);
	turn(50000000);
	hops_stats(hops, &stats);
	assert_int_equal(stats.running, 1);
	assert_int_equal(ask(0, &count, &request[1]), 0);
	turn(50000000);
	hops_stats(hops, &stats);
	assert_int_equal(stats.waiting, 1);
	hops_cancel(request[1]);
	hops_cancel(request[0]);
	turn(50000000);
	hops_stats(hops, &stats);
	assert_int_equal(stats.running + stats.waiting, 0);
	assert_int_equal(count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_tuple, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urgency, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
