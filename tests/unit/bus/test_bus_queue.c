/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/bus_queue.h"

static struct bus_queue *queue;
static struct bus_queue_stats stats;
static int mids;

static int
setup(void **state)
{
	(void)state;
	mids = 0;
	return bus_queue_new(4, 100, &queue);
}

static int
teardown(void **state)
{
	(void)state;
	bus_queue_free(queue);
	return 0;
}

static int
add(const char *topic, const char *text, int qos)
{
	const struct bus_item item = {
		.topic = topic, .payload = text, .size = strlen(text), .qos = qos};

	return bus_queue_add(queue, &item);
}

static int
set(const char *topic, const char *text)
{
	return bus_queue_set(queue, topic, text, strlen(text));
}

/* Sends the next item, which must be this one, and returns its number. */
static int
next(const char *topic, const char *text)
{
	struct bus_item *item = bus_queue_next(queue);

	assert_non_null(item);
	assert_string_equal(item->topic, topic);
	assert_int_equal(item->size, strlen(text));
	assert_memory_equal(item->payload, text, item->size);
	item->mid = ++mids;
	return mids;
}

static void
test_order(void **state)
{
	int a, b;

	(void)state;
	assert_int_equal(add("a", "1", 0), 0);
	assert_int_equal(add("b", "2", 1), 0);
	a = next("a", "1");
	b = next("b", "2");
	assert_null(bus_queue_next(queue));
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.messages, 2);
	assert_int_equal(stats.bytes, 4);
	assert_false(bus_queue_idle(queue));
	bus_queue_done(queue, b);
	bus_queue_done(queue, a);
	bus_queue_done(queue, a);
	bus_queue_done(queue, 77);
	assert_true(bus_queue_idle(queue));
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.messages, 0);
	assert_int_equal(stats.bytes, 0);
	assert_int_equal(stats.done, 2);
	assert_int_equal(stats.dropped, 0);
}

/* The oldest messages of QoS 0 make room; what is sent already does not. */
static void
test_bound(void **state)
{
	(void)state;
	assert_int_equal(add("sent", "0", 0), 0);
	next("sent", "0");
	assert_int_equal(add("one", "1", 1), 0);
	assert_int_equal(add("old", "2", 0), 0);
	assert_int_equal(add("new", "3", 0), 0);
	assert_int_equal(add("newer", "4", 0), 0);
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.messages, 4);
	assert_int_equal(stats.dropped, 1);
	next("one", "1");
	next("new", "3");
	next("newer", "4");
	/* All are sent, so there is nothing to drop but the new one. */
	assert_int_equal(add("late", "5", 1), -ENOBUFS);
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_null(bus_queue_next(queue));
}

static void
test_bound_bytes(void **state)
{
	char text[101];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[100] = '\0';
	assert_int_equal(add("t", text, 0), -ENOBUFS);
	assert_int_equal(add("t", text + 1, 0), 0); /* 1 + 99 bytes */
	assert_int_equal(add("u", "1", 0), 0);
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.messages, 1);
	assert_int_equal(stats.bytes, 2);
	assert_int_equal(stats.dropped, 2);
	next("u", "1");
}

/* Only the latest content is published, and anew after each restart. */
static void
test_state(void **state)
{
	int mid;

	(void)state;
	assert_int_equal(set("s", "old"), 0);
	assert_int_equal(set("s", "new"), 0);
	mid = next("s", "new");
	assert_null(bus_queue_next(queue));
	/* Set again while it is sent: only then does the newer one follow. */
	assert_int_equal(set("s", "newer"), 0);
	assert_null(bus_queue_next(queue));
	bus_queue_done(queue, mid);
	mid = next("s", "newer");
	bus_queue_done(queue, mid);
	assert_true(bus_queue_idle(queue));
	for (int i = 0; i < 2; i++) {
		bus_queue_restart(queue);
		mid = next("s", "newer");
	}
	bus_queue_done(queue, mid);
	/* Cleared, and forgotten once that is confirmed. */
	assert_int_equal(set("s", ""), 0);
	bus_queue_restart(queue);
	mid = next("s", "");
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.states, 1);
	assert_int_equal(stats.messages, 0);
	bus_queue_done(queue, mid);
	bus_queue_restart(queue);
	assert_null(bus_queue_next(queue));
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.states, 0);
}

/* Those that are not confirmed are cleared, too, and without waiting for that. */
static void
test_clear_states(void **state)
{
	int a, b;

	(void)state;
	assert_int_equal(set("a", "1"), 0);
	a = next("a", "1");
	bus_queue_done(queue, a);
	assert_int_equal(set("b", "2"), 0);
	b = next("b", "2");
	assert_int_equal(set("b", "3"), 0);
	bus_queue_clear_states(queue);
	a = next("a", "");
	bus_queue_done(queue, b);
	b = next("b", "");
	assert_null(bus_queue_next(queue));
	bus_queue_done(queue, a);
	bus_queue_done(queue, b);
	bus_queue_restart(queue);
	assert_true(bus_queue_idle(queue));
}

/* A retained message does not outlive its connection, whether it was sent or not. */
static void
test_retained_message(void **state)
{
	const struct bus_item item = {
		.topic = "r", .payload = "1", .size = 1, .qos = 1, .retain = true};

	(void)state;
	assert_int_equal(bus_queue_add(queue, &item), 0);
	next("r", "1");
	assert_int_equal(add("a", "2", 1), 0);
	assert_int_equal(bus_queue_add(queue, &item), 0);
	assert_int_equal(set("s", "3"), 0);
	bus_queue_restart(queue);
	next("a", "2");
	next("s", "3");
	assert_null(bus_queue_next(queue));
	bus_queue_stats(queue, &stats);
	assert_int_equal(stats.messages, 1);
	assert_int_equal(stats.bytes, 2);
}

/* What was not confirmed is sent again, in its order. */
static void
test_restart(void **state)
{
	int mid;

	(void)state;
	assert_int_equal(add("a", "1", 1), 0);
	assert_int_equal(add("b", "2", 0), 0);
	assert_int_equal(add("c", "3", 1), 0);
	mid = next("a", "1");
	next("b", "2");
	bus_queue_done(queue, mid);
	bus_queue_restart(queue);
	next("b", "2");
	next("c", "3");
	assert_null(bus_queue_next(queue));
}

static void
test_window(void **state)
{
	char topic[8], *big = malloc(BUS_QUEUE_WINDOW_BYTES + 1);
	int mid = 0;

	(void)state;
	memset(big, 'x', BUS_QUEUE_WINDOW_BYTES);
	big[BUS_QUEUE_WINDOW_BYTES] = '\0';
	for (int i = 0; i < BUS_QUEUE_WINDOW + 1; i++) {
		snprintf(topic, sizeof(topic), "%d", i);
		assert_int_equal(set(topic, "x"), 0);
	}
	for (int i = 0; i < BUS_QUEUE_WINDOW; i++) {
		snprintf(topic, sizeof(topic), "%d", i);
		mid = next(topic, "x");
	}
	assert_null(bus_queue_next(queue));
	bus_queue_done(queue, mid);
	mid = next("20", "x");
	for (int i = 1; i <= mid; i++)
		bus_queue_done(queue, i);
	/* One that is longer than the window is sent alone. */
	assert_int_equal(set("big", big), 0);
	assert_int_equal(set("small", "x"), 0);
	mid = next("big", big);
	assert_null(bus_queue_next(queue));
	bus_queue_done(queue, mid);
	next("small", "x");
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clear_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retained_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_queue", tests, NULL, NULL);
}
