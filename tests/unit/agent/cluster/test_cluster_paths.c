/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is published of the roads, and when. Roads, bus, timer and clock are replaced: the roads are
 * numbers, and a road's source port is its number.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_paths.h"
#include "agent/road/road.h"
#include "bus/bus.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/paths.h"

#define ROADS 200

static struct self self = {.hostname = "host.a", .incarnation = 7 * NSEC_PER_SEC};
static struct hops_tuple tuples[ROADS + 1];
static bool exists[ROADS + 1];
static struct road_path *path;      /* of all roads */
static uint64_t now_ns, timer_ns;
static void (*timer_cb)(void *arg);
static void *timer_arg;
static int publish_rc;
static struct paths *sent[100];
static size_t n_sent;

/* ---- in the place of roads, bus, loop and clock ---- */

const struct road *__wrap_roads_next(const struct roads *roads, const struct road *road);
struct road *__wrap_roads_find(const struct roads *roads, const struct hops_tuple *tuple);
void __wrap_road_info(const struct road *road, struct road_info *out);
int __wrap_bus_publish(struct bus *bus, const char *topic, const void *data, size_t n, int qos);
int __wrap_loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
			  struct loop_timer **out);
void __wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void __wrap_loop_timer_free(struct loop_timer *timer);
uint64_t __wrap_clock_mono_ns(void);

const struct road *
__wrap_roads_next(const struct roads *roads, const struct road *road)
{
	uintptr_t i = (uintptr_t)road + 1;

	(void)roads;
	while (i <= ROADS && !exists[i])
		i++;
	return i <= ROADS ? (const struct road *)i : NULL;
}

struct road *
__wrap_roads_find(const struct roads *roads, const struct hops_tuple *tuple)
{
	(void)roads;
	return exists[tuple->src_port] ? (struct road *)(uintptr_t)tuple->src_port : NULL;
}

void
__wrap_road_info(const struct road *road, struct road_info *out)
{
	*out = (struct road_info){.tuple = &tuples[(uintptr_t)road], .path = path};
}

int
__wrap_bus_publish(struct bus *bus, const char *topic, const void *data, size_t n, int qos)
{
	char error[PATHS_ERROR];

	(void)bus;
	assert_string_equal(topic, "the topic");
	assert_int_equal(qos, 1);
	if (publish_rc)
		return publish_rc;
	assert_true(n_sent < 100);
	assert_int_equal(paths_unpack(data, n, &sent[n_sent++], error), 0);
	return 0;
}

int
__wrap_loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
		      struct loop_timer **out)
{
	(void)loop;
	(void)name;
	timer_cb = cb;
	timer_arg = arg;
	*out = NULL;
	return 0;
}

void
__wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	(void)timer;
	timer_ns = now_ns + delay_ns;
}

void
__wrap_loop_timer_free(struct loop_timer *timer)
{
	(void)timer;
}

uint64_t
__wrap_clock_mono_ns(void)
{
	return now_ns;
}

/* ---- the tests ---- */

static struct cluster_paths *publisher;
static const struct bus *const bus = (const struct bus *)&self;

static void
forget_sent(void)
{
	while (n_sent)
		paths_free(sent[--n_sent]);
}

static int
setup(void **state)
{
	const struct cluster_paths_env env = {.self = &self, .roads = (struct roads *)&self};

	(void)state;
	now_ns = 1000 * NSEC_PER_SEC;
	timer_ns = UINT64_MAX;
	publish_rc = 0;
	memset(exists, 0, sizeof(exists));
	for (uint16_t i = 1; i <= ROADS; i++) {
		tuples[i] = (struct hops_tuple){.src_port = i, .traffic_class = 9};
		addr_parse("10.0.0.1", &tuples[i].source);
		addr_parse("10.0.0.2", &tuples[i].destination);
	}
	path = calloc(1, sizeof(*path) + 2 * sizeof(path->hops[0]));
	assert_non_null(path);
	path->n_hops = 2;
	path->stable = true;
	path->time_ns = 77;
	addr_parse("10.9.0.1", &path->hops[0].address);
	return cluster_paths_new(&env, &publisher);
}

static int
teardown(void **state)
{
	(void)state;
	cluster_paths_free(publisher);
	forget_sent();
	free(path);
	return 0;
}

static void
connect_now(void)
{
	cluster_paths_connected(publisher, (struct bus *)(uintptr_t)bus, "the topic");
}

/* Lets time pass. */
static void
pass(uint64_t ns)
{
	uint64_t end = now_ns + ns;

	while (timer_ns <= end) {
		now_ns = timer_ns;
		timer_ns = UINT64_MAX;
		timer_cb(timer_arg);
	}
	now_ns = end;
}

static void
some_exist(uint16_t n)
{
	for (uint16_t i = 1; i <= n; i++)
		exists[i] = true;
}

static void
test_whole(void **state)
{
	(void)state;
	some_exist(130);
	connect_now();
	assert_int_equal(n_sent, 0); /* not all hosts at once */
	pass(6 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_string_equal(sent[i]->host, "host.a");
		assert_int_equal(sent[i]->incarnation, self.incarnation);
		assert_int_equal(sent[i]->sequence, i + 1);
		assert_true(sent[i]->whole);
		assert_int_equal(sent[i]->part, i);
		assert_int_equal(sent[i]->parts, 3);
		assert_int_equal(sent[i]->n_paths, i < 2 ? 64 : 2);
	}
	assert_int_equal(sent[2]->paths[1].src_port, 130);
	assert_int_equal(sent[0]->paths[0].traffic_class, 9);
	assert_int_equal(sent[0]->paths[0].n_hops, 2);
	assert_true(addr_is_zero(&sent[0]->paths[0].hops[1]));
	assert_int_equal(sent[0]->paths[0].time_ns, 77);
	pass(290 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 3);
	pass(20 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 6);
	assert_int_equal(sent[5]->sequence, 6);
}

/* That there are none is said, so that a reader ends those of before. */
static void
test_none(void **state)
{
	(void)state;
	connect_now();
	pass(6 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 1);
	assert_true(sent[0]->whole);
	assert_int_equal(sent[0]->parts, 1);
	assert_int_equal(sent[0]->n_paths, 0);
}

static void
test_changes(void **state)
{
	(void)state;
	connect_now();
	pass(6 * NSEC_PER_SEC);
	forget_sent();
	some_exist(3);
	for (uint16_t i = 1; i <= 3; i++)
		cluster_paths_look(publisher, &tuples[i]);
	exists[2] = false; /* it goes at once */
	pass(NSEC_PER_SEC);
	assert_int_equal(n_sent, 1);
	assert_false(sent[0]->whole);
	assert_int_equal(sent[0]->n_paths, 2);
	assert_int_equal(sent[0]->paths[1].src_port, 3);
	cluster_paths_look(publisher, &tuples[2]);
	pass(NSEC_PER_SEC);
	assert_int_equal(n_sent, 1); /* nothing to say */
	pass(300 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 2);
}

/* A change does not wait for the end of a set. */
static void
test_between(void **state)
{
	(void)state;
	some_exist(200);
	connect_now();
	pass(2 * NSEC_PER_SEC + 1); /* 7 s modulo 5 s: the first part */
	assert_int_equal(n_sent, 1);
	cluster_paths_look(publisher, &tuples[5]);
	pass(25 * NSEC_PER_MSEC);
	assert_int_equal(n_sent, 2);
	assert_false(sent[1]->whole);
	assert_int_equal(sent[1]->n_paths, 1);
	pass(NSEC_PER_SEC);
	assert_int_equal(n_sent, 5);
	assert_int_equal(sent[4]->part, 3);
}

static void
test_no_room(void **state)
{
	(void)state;
	some_exist(200);
	publish_rc = -ENOBUFS;
	connect_now();
	pass(6 * NSEC_PER_SEC);
	publish_rc = 0;
	pass(20 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 0);
	pass(20 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 4);
	assert_int_equal(sent[0]->part, 0);
	assert_int_equal(sent[0]->sequence, 2); /* one is missing */
}

static void
test_unconnected(void **state)
{
	(void)state;
	some_exist(10);
	cluster_paths_look(publisher, &tuples[1]);
	pass(NSEC_PER_SEC);
	connect_now();
	cluster_paths_connected(publisher, NULL, NULL);
	pass(1000 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 0);
}

/* Paths that a reader would refuse, and routers with such addresses. */
static void
test_odd(void **state)
{
	(void)state;
	some_exist(3);
	addr_parse("fe80::1", &tuples[2].source);
	addr_parse("fe80::2", &tuples[2].destination);
	addr_parse("127.0.0.1", &path->hops[0].address);
	connect_now();
	pass(6 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 1);
	assert_int_equal(sent[0]->n_paths, 2);
	assert_true(addr_is_zero(&sent[0]->paths[0].hops[0]));
	free(path);
	path = NULL;
	pass(300 * NSEC_PER_SEC);
	assert_int_equal(n_sent, 2);
	assert_int_equal(sent[1]->n_paths, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),   TEST(test_none),	    TEST(test_changes), TEST(test_between),
		TEST(test_no_room), TEST(test_unconnected), TEST(test_odd),
	};

	return cmocka_run_group_tests_name("cluster_paths", tests, NULL, NULL);
}
