/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of roads, with a hops of the test's own that keeps what it is asked: each path is
 * the test's.
 */
#include <errno.h>
#include <malloc.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/road/road_impl.h"
#include "core/loop.h"
#include "core/names.h"
#include "probe/responder.h"

#define ASKED_MAX 256

struct hops_request {
	struct hops_ask ask;
	bool has_before, open;
};

static struct hops_request asked[ASKED_MAX];
static int n_asked, events, gone;
static int route_rc;
static const struct responder_way *way; /* the only one; NULL: none */
static int ways_walked;
static struct loop *loop;
static struct names *names;
static struct roads *roads;
static struct config config;
static struct loop_timer *stop;

/* ---- the rest of the house ---- */

static struct hops_config budget;

int __wrap_hops_new(struct loop *l, const struct hops_config *c, struct hops **out);
void __wrap_hops_free(struct hops *hops);
void __wrap_hops_configure(struct hops *hops, const struct hops_config *c);
int __wrap_hops_trace(struct hops *hops, const struct hops_ask *ask, struct hops_request **out);
void __wrap_hops_cancel(struct hops_request *request);
void __wrap_hops_stats(const struct hops *hops, struct hops_stats *out);
struct nic *__wrap_nics_find_local(const struct nics *nics, const struct addr *addr);
struct device *__wrap_nic_device(const struct nic *nic);
const struct device_gid *__wrap_device_find_gid(const struct device *device,
						const struct addr *addr);
char *__wrap_if_indextoname(unsigned int index, char *name);
int __wrap_road_route_check(const struct hops_tuple *tuple, const char **reason);
struct peer *__wrap_peers_next(const struct peers *peers, const struct peer *peer);
const struct responder_way *__wrap_responder_way_next(const struct responder *responder,
						      const struct responder_way *after);
void __wrap_responder_way_info(const struct responder_way *w, struct responder_way_info *out);
int __wrap_names_reverse(struct names *n, const struct addr *addr,
			 void (*found)(void *arg, const char *name, const char *reason), void *arg,
			 struct names_lookup **out);

int
__wrap_hops_new(struct loop *l, const struct hops_config *c, struct hops **out)
{
	(void)l;
	(void)c;
	*out = NULL;
	return 0;
}

void
__wrap_hops_free(struct hops *hops)
{
	(void)hops;
}

void
__wrap_hops_configure(struct hops *hops, const struct hops_config *c)
{
	(void)hops;
	budget = *c;
}

int
__wrap_hops_trace(struct hops *hops, const struct hops_ask *ask, struct hops_request **out)
{
	(void)hops;
	assert_true(n_asked < ASKED_MAX);
	assert_string_equal(ask->tuple.netdev, "rail7");
	*out = &asked[n_asked++];
	**out = (struct hops_request){.ask = *ask, .has_before = ask->before, .open = true};
	return 0;
}

void
__wrap_hops_cancel(struct hops_request *request)
{
	assert_true(request->open);
	request->open = false;
}

void
__wrap_hops_stats(const struct hops *hops, struct hops_stats *out)
{
	(void)hops;
	*out = (struct hops_stats){.traced = 0};
}

struct nic *
__wrap_nics_find_local(const struct nics *nics, const struct addr *addr)
{
	(void)nics;
	return (struct nic *)(uintptr_t)addr;
}

struct device *
__wrap_nic_device(const struct nic *nic)
{
	return (struct device *)(uintptr_t)nic;
}

const struct device_gid *
__wrap_device_find_gid(const struct device *device, const struct addr *addr)
{
	static const struct device_gid gid = {.index = 1, .ifindex = 7};

	(void)device;
	(void)addr;
	return &gid;
}

char *
__wrap_if_indextoname(unsigned int index, char *name)
{
	sprintf(name, "rail%u", index);
	return name;
}

int
__wrap_road_route_check(const struct hops_tuple *tuple, const char **reason)
{
	(void)tuple;
	*reason = "no way";
	return route_rc;
}

struct peer *
__wrap_peers_next(const struct peers *peers, const struct peer *peer)
{
	(void)peers;
	(void)peer;
	return NULL;
}

const struct responder_way *
__wrap_responder_way_next(const struct responder *responder, const struct responder_way *after)
{
	(void)responder;
	ways_walked += !after;
	return after ? NULL : way;
}

void
__wrap_responder_way_info(const struct responder_way *w, struct responder_way_info *out)
{
	assert_ptr_equal(w, way);
	*out = (struct responder_way_info){.back_src_port = 2000,
					   .remote_qpn = 0x123456,
					   .routers_back = 3,
					   .last_ns = clock_mono_ns()};
	addr_parse("10.0.0.1", &out->local);
	addr_parse("10.0.1.1", &out->remote);
}

int
__wrap_names_reverse(struct names *n, const struct addr *addr,
		     void (*found)(void *arg, const char *name, const char *reason), void *arg,
		     struct names_lookup **out)
{
	(void)n;
	(void)addr;
	(void)found;
	(void)arg;
	(void)out;
	return -ENOMEM;
}

static void
on_event(void *arg, const struct road *road, enum road_event event)
{
	(void)arg;
	(void)road;
	if (event == ROAD_GONE)
		gone++;
	else
		events++;
}

static void
stop_now(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* Lets pass what is due at once. */
static void
turn(void)
{
	loop_timer_set(stop, 20000000);
	assert_int_equal(loop_run(loop), 0);
}

static int
setup(void **state)
{
	static const struct roads_ops ops = {.event = on_event};
	struct roads_env env = {.ops = &ops};

	(void)state;
	n_asked = events = gone = route_rc = ways_walked = 0;
	way = NULL;
	config = (struct config){.cluster = {.trace_s = 300, .trace_per_s = 1}};
	if (loop_new(&loop) < 0 || loop_timer_new(loop, "stop", stop_now, NULL, &stop) < 0)
		return -1;
	env.loop = loop;
	env.names = names;
	if (roads_new(&env, &roads) < 0)
		return -1;
	roads_configure(roads, &config);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	roads_free(roads);
	loop_timer_free(stop);
	loop_free(loop);
	return 0;
}

/* ---- what the tests do ---- */

static struct road *
add(uint16_t src_port, int routers)
{
	struct hops_tuple tuple = {.src_port = src_port};
	struct road *road;

	addr_parse("10.0.0.1", &tuple.source);
	addr_parse("10.0.1.1", &tuple.destination);
	road = roads_get(roads, &tuple);
	assert_non_null(road);
	road->routers = routers;
	road->seen_ns = clock_mono_ns();
	road_want(road, ROAD_WHY_NEW);
	turn();
	return road;
}

/* Answers the last question with these hops; "": no answer. */
static void
answer(int n, const char *const *hops, bool stable)
{
	struct hops_request *r = &asked[n_asked - 1];
	struct hops_path path = {.tuple = r->ask.tuple, .time_ns = 1000u + (unsigned)n_asked,
				 .n_hops = (uint8_t)n, .stable = stable};

	for (int i = 0; i < n; i++)
		if (hops[i][0])
			addr_parse(hops[i], &path.hops[i].address);
	path.reached = hops[n - 1][0];
	assert_true(r->open);
	r->open = false;
	r->ask.done(r->ask.arg, &path);
	turn();
}

static void
assert_path(const struct road_path *path, int n, const char *const *hops)
{
	char text[ADDR_TEXT];

	assert_non_null(path);
	assert_int_equal(path->n_hops, n);
	for (int i = 0; i < n; i++)
		assert_string_equal(addr_is_zero(&path->hops[i].address) ?
					    "" :
					    addr_text(&path->hops[i].address, text),
				    hops[i]);
}

static const char *const over_1[] = {"192.0.2.1", "198.51.100.1", "192.0.2.2"};
static const char *const over_2[] = {"192.0.2.1", "198.51.100.2", "192.0.2.2"};
static const char *const silent_spine[] = {"192.0.2.1", "", "192.0.2.2"};

/* A second time it is due much later. */
static void
test_first_path(void **state)
{
	struct road_info info;
	struct road *road = add(1000, 3);

	(void)state;
	road_info(road, &info);
	assert_int_equal(info.state, ROAD_WAITING);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].ask.routers, 3);
	assert_int_equal(asked[0].ask.asks, 2);
	answer(3, over_1, true);
	road_info(road, &info);
	assert_int_equal(info.state, ROAD_TRACED);
	assert_path(info.path, 3, over_1);
	assert_true(info.path->complete && info.path->reached);
	assert_null(info.before);
	assert_int_equal(info.changes, 0);
	assert_int_equal(events, 1);
	assert_int_equal(n_asked, 1);
}

/* Not traced: never with a TTL that nobody has vouched for. */
static void
test_unknown_routers(void **state)
{
	struct roads_stats stats;
	struct road *road = add(1000, ROAD_ROUTERS_UNKNOWN);

	(void)state;
	add(1001, 0);
	assert_int_equal(n_asked, 0);
	road_leave(road, ROAD_REASON_ROUTERS);
	roads_stats(roads, &stats);
	assert_int_equal(stats.by_state[ROAD_NOT], 1);
	assert_string_equal(stats.not_reason, ROAD_REASON_ROUTERS);
}

/* A change is traced twice before it counts; then the path before stays beside it. */
static void
test_change(void **state)
{
	struct road_info info;
	struct road *road = add(1000, 3);

	(void)state;
	answer(3, over_1, true);
	road_want(road, ROAD_WHY_AGAIN);
	turn();
	assert_int_equal(asked[1].ask.asks, 1);
	assert_true(asked[1].has_before);
	answer(3, over_2, true);
	road_info(road, &info);
	assert_path(info.path, 3, over_1);
	assert_int_equal(n_asked, 3);
	assert_int_equal(asked[2].ask.asks, 2);
	answer(3, over_2, true);
	road_info(road, &info);
	assert_path(info.path, 3, over_2);
	assert_path(info.before, 3, over_1);
	assert_int_equal(info.changes, 1);
	assert_int_equal(info.changed_ns, info.path->time_ns);
	assert_int_equal(events, 2);
}

/* A router that does not answer is asked once more; its silence is no other path. */
static void
test_silence(void **state)
{
	struct road_info info;
	struct road *road = add(1000, 3);

	(void)state;
	answer(3, over_1, true);
	road_want(road, ROAD_WHY_AGAIN);
	turn();
	answer(3, silent_spine, true);
	assert_int_equal(n_asked, 3);
	answer(3, silent_spine, true);
	road_info(road, &info);
	assert_path(info.path, 3, silent_spine);
	assert_false(info.path->complete);
	assert_path(info.before, 3, over_1);
	assert_int_equal(info.changes, 0);
}

static void
test_spray(void **state)
{
	struct roads_stats stats;
	struct road_info info;
	struct road *road = add(1000, 3);

	(void)state;
	answer(3, over_1, false);
	road_info(road, &info);
	assert_false(info.path->stable);
	road_want(road, ROAD_WHY_AGAIN);
	turn();
	answer(3, over_2, false);
	road_info(road, &info);
	assert_int_equal(info.changes, 0);
	roads_stats(roads, &stats);
	assert_int_equal(stats.unstable, 1);
	assert_null(info.before);
}

static void
test_route(void **state)
{
	struct roads_stats stats;
	struct road_info info;
	struct road *road;

	(void)state;
	route_rc = -EHOSTUNREACH;
	road = add(1000, 3);
	assert_int_equal(n_asked, 0);
	road_info(road, &info);
	assert_int_equal(info.state, ROAD_FAILED);
	assert_string_equal(info.reason, "no way");
	roads_stats(roads, &stats);
	assert_string_equal(stats.failed_reason, "no way");
}

/* hops has 128 at most; of these, 64 that are only due again. */
static void
test_bounds(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 70; port++) {
		add(port, 3);
		answer(3, over_1, true);
	}
	n_asked = 0;
	for (struct road *r = TAILQ_FIRST(&roads->list); r; r = TAILQ_NEXT(r, entry))
		road_want(r, ROAD_WHY_AGAIN);
	turn();
	assert_int_equal(n_asked, 64);
	for (uint16_t port = 101; port <= 170; port++)
		add(port, 3);
	assert_int_equal(n_asked, 128);
	answer(3, over_1, true);
	assert_int_equal(n_asked, 129);
	assert_int_equal(asked[128].ask.urgency, HOPS_NEW);
}

static void
answer_all(void)
{
	struct hops_path path = {.n_hops = 3, .reached = true, .stable = true};
	int n = n_asked;

	for (int i = 0; i < 3; i++)
		addr_parse(over_1[i], &path.hops[i].address);
	n_asked = 0;
	for (int i = 0; i < n; i++) {
		struct hops_request r = asked[i];

		path.tuple = r.ask.tuple;
		r.ask.done(r.ask.arg, &path);
	}
	turn();
}

/* 20,000 roads, each with a path and the one before, and not one more: 500 bytes each. */
static void
test_many(void **state)
{
	size_t before = mallinfo2().uordblks, after;
	struct hops_tuple tuple = {.src_port = 1};
	struct roads_stats stats;
	struct road *road;

	(void)state;
	addr_parse("10.0.0.1", &tuple.source);
	addr_parse("10.0.1.1", &tuple.destination);
	for (uint32_t i = 0; i < ROADS_MAX; i++) {
		tuple.src_port = (uint16_t)(i + 1);
		road = roads_get(roads, &tuple);
		assert_non_null(road);
		road->routers = 3;
		road->seen_ns = clock_mono_ns();
		road_want(road, ROAD_WHY_NEW);
	}
	turn();
	do {
		answer_all();
		roads_stats(roads, &stats);
	} while (stats.by_state[ROAD_TRACED] < ROADS_MAX);
	TAILQ_FOREACH(road, &roads->list, entry)
		road_begins_to_lose(road);
	after = mallinfo2().uordblks;
	assert_in_range(after - before, 0, 500 * ROADS_MAX);
	tuple.src_port = ROADS_MAX + 1;
	assert_null(roads_get(roads, &tuple));
	roads_stats(roads, &stats);
	assert_int_equal(stats.refused, 1);
}

/* The way back of others' probes is found by the walk, beside roads that are there, and stays. */
static void
test_way_back(void **state)
{
	struct road *road = add(1000, 3), *back;
	struct hops_tuple tuple = road->tuple;
	struct road_info info;

	(void)state;
	way = (const struct responder_way *)&ways_walked;
	while (ways_walked == 0)
		turn();
	tuple.src_port = 2000;
	back = roads_find(roads, &tuple);
	assert_non_null(back);
	road_info(back, &info);
	assert_int_equal(info.kind, ROAD_BACK);
	assert_int_equal(info.routers, 3);
	assert_int_equal(gone, 0);
	while (n_asked < 2)
		turn();
	assert_int_equal(asked[1].ask.tuple.src_port, 2000);
	assert_int_equal(asked[1].ask.tuple.qpn, 0x123456);
}

/* A road that goes while it is traced or waits. */
static void
test_end(void **state)
{
	struct road *road = add(1000, 3);

	(void)state;
	road_free(road);
	assert_false(asked[0].open);
	road = add(1001, 3);
	answer(3, over_1, true);
	road_free(road);
	assert_int_equal(gone, 2);
	assert_null(roads_next(roads, NULL));
}

static void
test_off(void **state)
{
	struct road_info info;
	struct road *road = add(1000, 3);

	(void)state;
	answer(3, over_1, true);
	config.cluster.trace_s = 0;
	roads_configure(roads, &config);
	road_info(road, &info);
	assert_int_equal(info.state, ROAD_NOT);
	assert_string_equal(info.reason, ROAD_REASON_OFF);
	assert_null(info.path);
	road_want(road, ROAD_WHY_LOSING);
	turn();
	assert_int_equal(n_asked, 1);
	config.cluster.trace_s = 10;
	roads_configure(roads, &config);
	turn();
	assert_int_equal(n_asked, 2);
}

/* The share of this host outlives a reload, which does not know of it. */
static void
test_share(void **state)
{
	struct roads_stats stats;

	(void)state;
	roads_share(roads, 7000000);
	assert_int_equal(budget.share_ns, 7000000);
	assert_int_equal(budget.switch_per_s, 1);
	config.cluster.trace_per_s = 20;
	roads_configure(roads, &config);
	assert_int_equal(budget.switch_per_s, 20);
	assert_int_equal(budget.share_ns, 7000000);
	roads_stats(roads, &stats);
	assert_int_equal(stats.share_ns, 7000000);
	roads_share(roads, 0);
	assert_int_equal(budget.share_ns, 0);
	assert_int_equal(budget.switch_per_s, 20);
}

/* What central asks for is traced now, whatever its flow label is, and not again at once. */
static void
test_ask(void **state)
{
	struct hops_tuple tuple = {.src_port = 1000};
	struct road *road = add(1000, 3);
	int told;

	(void)state;
	addr_parse("10.0.0.1", &tuple.source);
	addr_parse("10.0.1.1", &tuple.destination);
	road->tuple.flow_label = 77;
	assert_int_equal(roads_ask(roads, &tuple), -EALREADY); /* it is being traced */
	answer(3, over_1, true);
	assert_int_equal(roads_ask(roads, &tuple), 0);
	turn();
	assert_int_equal(n_asked, 2);
	assert_int_equal(asked[1].ask.urgency, HOPS_NEW);
	/* What comes of it is told even if it is the same. */
	told = events;
	answer(3, over_1, true);
	assert_int_equal(events, told + 1);
	assert_int_equal(roads_ask(roads, &tuple), -EALREADY);
	road->asked_ns -= ROADS_ASK_AGAIN_NS;
	assert_int_equal(roads_ask(roads, &tuple), 0);
	tuple.src_port++;
	assert_int_equal(roads_ask(roads, &tuple), -ENOENT);
	tuple.src_port--;
	tuple.traffic_class = 1;
	assert_int_equal(roads_ask(roads, &tuple), -ENOENT);
	tuple.traffic_class = 0;
	road_leave(road, ROAD_REASON_NONE);
	assert_int_equal(roads_ask(roads, &tuple), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_routers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spray, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_way_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
