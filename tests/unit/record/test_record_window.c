/* SPDX-License-Identifier: Apache-2.0 */
#include "record_fixture.h"

#include "core/clock.h"
#include "record/record.h"
#include "record/record_window.h"

#define SEC NSEC_PER_SEC
#define USEC NSEC_PER_USEC
#define WALL (1700000000ULL * SEC)

static const struct record_origin origin = {.host = "host-a", .tor = "", .incarnation = 77};
/* Of IPv4, mapped into IPv6: 10.0.0.1 and 10.0.0.2. */
static const struct addr local = {{[10] = 0xff, 0xff, 10, 0, 0, 1}};
static const struct addr remote = {{[10] = 0xff, 0xff, 10, 0, 0, 2}};
static const struct record_window_context context = {
	.by = RECORD_WINDOW_TARGET, .origin = &origin, .device = "rxe0", .port = 1,
	.peer = "host-b.example", .source = &local, .destination = &remote, .peer_tor = "tor-2",
	.kind = PROBE_KIND_MESH,
	.interval_ns = 100000000, .flow_label = 0xabcde, .traffic_class = 104,
};
static const struct window_way way = {
	.source = {{[10] = 0xff, 0xff, 10, 0, 0, 9}}, /* IPv4, mapped: 10.0.0.9 */
	.src_port = 57236,
	.path = PROBE_PATH_EXACT,
};

/* A series and its clock, at monotonic second 100 of wall-clock time WALL + 100 s. */
struct world {
	struct window_clock clock;
	struct window_series series;
};

static void
world_begin(struct world *world)
{
	window_clock_init(&world->clock, 10 * SEC);
	window_series_init(&world->series, 1, NULL, true);
	window_clock_set(&world->clock, 10 * SEC, (int64_t)WALL, 0, 100 * SEC);
}

static void
world_result(struct world *world, uint64_t t_ns, const struct probe_result *r)
{
	struct window *w = window_at(&world->series, &world->clock, t_ns);

	assert_non_null(w);
	if (r->posted)
		window_series_way(&world->series, &world->clock, &way, t_ns);
	window_due(w, r->size, r->posted);
	window_result(w, &world->clock, r);
}

static const struct window *
world_close(struct world *world)
{
	const struct window *w;

	window_clock_advance(&world->clock, 1000 * SEC);
	w = window_clock_close(&world->clock);
	assert_non_null(w);
	return w;
}

static const struct probe_result answered = {
	.class = PROBE_OK, .posted = true, .measured = true, .rtt_ns = 20 * USEC,
	.prober_delay_ns = 5 * USEC,
	.responder_delay_ns = 1000, .size = 50,
};
static const struct probe_result lost = {.class = PROBE_LOST, .posted = true, .size = 1024};

/* 180 small probes answered, 20 large ones of which 2 are lost; 5 and 1 more under noise. */
static void
world_fill(struct world *world)
{
	struct probe_result noisy = answered, noisy_lost = lost,
			    unposted = {.class = PROBE_LOCAL_ERROR, .size = 50};
	struct probe_result large = answered;

	for (uint64_t i = 0; i < 180; i++)
		world_result(world, 101 * SEC + i, &answered);
	large.size = 1024;
	large.rtt_ns = 60 * USEC;
	for (uint64_t i = 0; i < 18; i++)
		world_result(world, 102 * SEC + i, &large);
	for (uint64_t i = 0; i < 2; i++)
		world_result(world, 103 * SEC + i, &lost);
	noisy.host_noise = PROBE_NOISE_PROBER;
	noisy.rtt_ns = 50000 * USEC;
	for (uint64_t i = 0; i < 5; i++)
		world_result(world, 104 * SEC + i, &noisy);
	noisy_lost.host_noise = PROBE_NOISE_BOTH;
	noisy_lost.stalled = true;
	world_result(world, 105 * SEC, &noisy_lost);
	world_result(world, 106 * SEC, &unposted);
}

static const msgpack_object_map *
submap(const msgpack_object_map *map, const char *key)
{
	const msgpack_object *o = find(map, key);

	assert_int_equal(o->type, MSGPACK_OBJECT_MAP);
	return &o->via.map;
}

/* The record of a window that world_fill() filled; the caller ends f and clears the world. */
static const msgpack_object_map *
filled_window(struct world *world, struct fixture *f)
{
	world_begin(world);
	world_fill(world);
	fixture_begin(f);
	record_window(&f->pk, &context, world_close(world));
	return fixture_map(f);
}

static void
test_counts(void **state)
{
	const msgpack_object_map *map, *sub;
	struct world world;
	struct fixture f;

	(void)state;
	map = filled_window(&world, &f);
	expect_str(map, "type", "window");
	expect_str(map, "by", "target");
	expect_str(map, "device", "rxe0");
	expect_str(map, "host", "host-a");
	expect_nil(map, "tor");
	expect_u64(map, "incarnation", 77);
	expect_str(map, "destination", "10.0.0.2");
	expect_str(map, "peer", "host-b.example");
	expect_str(map, "peer_tor", "tor-2");
	expect_str(map, "source", "10.0.0.9");
	expect_nil(map, "hostname");
	expect_str(map, "kind", "mesh");
	expect_u64(map, "src_port", 57236);
	expect_str(map, "path", "exact");
	expect_u64(map, "start_ns", WALL + 100 * SEC);
	expect_u64(map, "end_ns", WALL + 110 * SEC);
	expect_bool(map, "clock_stepped", false);
	expect_bool(map, "path_changed", false);
	expect_u64(map, "due", 207);
	expect_u64(map, "posted", 206);
	expect_u64(map, "ok", 203);
	expect_u64(map, "lost", 3);
	expect_u64(map, "local_error", 1);
	expect_u64(map, "loss_lost", 2);
	expect_u64(map, "loss_of", 205);
	expect_double(map, "loss_ratio", 2.0 / 205, 1e-12);
	/* Where the exact binomial tails of 2 in 205 are 2.5 %, by bisection in Python. */
	expect_double(map, "loss_low", 0.00118370, 1e-7);
	expect_double(map, "loss_high", 0.03479613, 1e-7);
	expect_double(map, "loss_level", 0.95, 0);
	expect_u64(map, "lost_noise", 1);
	sub = submap(map, "noise");
	expect_u64(sub, "prober", 5);
	expect_u64(sub, "responder", 0);
	expect_u64(sub, "both", 1);
	expect_u64(sub, "rtt_count", 5);
	expect_u64(sub, "rtt_mean_ns", 50000 * USEC);
	expect_u64(submap(map, "clock"), "sw", 203);
	expect_u64(submap(map, "clock"), "hw", 0);
	expect_u64(map, "unbinned", 0);
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

/* What the contract says about a bucket's bounds, written down once more. */
static void
bucket_bounds(uint64_t b, uint64_t *low, uint64_t *high)
{
	uint64_t shift = b < 128 ? 0 : b / 64 - 1;

	*low = (b - 64 * shift) << shift;
	*high = *low + (1ULL << shift) - 1;
}

static void
expect_bucket(const msgpack_object_map *histogram, uint32_t i, uint64_t value, uint64_t count)
{
	const msgpack_object *o = find(histogram, "buckets");
	uint64_t low, high;

	assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
	assert_true(2 * i + 1 < o->via.array.size);
	bucket_bounds(o->via.array.ptr[2 * i].via.u64, &low, &high);
	assert_in_range(value, low, high);
	assert_int_equal(o->via.array.ptr[2 * i + 1].via.u64, count);
}

static void
test_histograms(void **state)
{
	const msgpack_object_map *map, *rtt;
	struct world world;
	struct fixture f;

	(void)state;
	map = filled_window(&world, &f);
	rtt = submap(map, "rtt");
	expect_u64(rtt, "count", 198);
	expect_u64(rtt, "sum_ns", 180 * 20 * USEC + 18 * 60 * USEC);
	expect_u64(rtt, "min_ns", 20 * USEC);
	expect_u64(rtt, "max_ns", 60 * USEC);
	expect_double(rtt, "p50_ns", 20000, 20000 / 128.0);
	expect_double(rtt, "p99_ns", 60000, 60000 / 128.0);
	assert_int_equal(find(rtt, "buckets")->via.array.size, 4);
	expect_bucket(rtt, 0, 20 * USEC, 180);
	expect_bucket(rtt, 1, 60 * USEC, 18);
	expect_u64(submap(map, "prober_delay"), "count", 203);
	expect_bucket(submap(map, "responder_delay"), 0, 1000, 203);
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

static void
test_sizes(void **state)
{
	const msgpack_object *sizes;
	const msgpack_object_map *large;
	struct world world;
	struct fixture f;

	(void)state;
	world_begin(&world);
	world_fill(&world);
	fixture_begin(&f);
	record_window(&f.pk, &context, world_close(&world));
	sizes = find(fixture_map(&f), "sizes");
	assert_int_equal(sizes->via.array.size, 2);
	expect_u64(&sizes->via.array.ptr[0].via.map, "size", 50);
	expect_u64(&sizes->via.array.ptr[0].via.map, "lost", 0);
	large = &sizes->via.array.ptr[1].via.map;
	expect_u64(large, "size", 1024);
	expect_u64(large, "due", 21);
	expect_u64(large, "answered", 18);
	expect_u64(large, "lost", 2);
	expect_u64(large, "lost_noise", 1);
	expect_double(large, "loss_ratio", 0.1, 1e-12);
	/* 2 in 20: tables of Clopper and Pearson. */
	expect_double(large, "loss_low", 0.01235, 5e-6);
	expect_double(large, "loss_high", 0.31698, 5e-6);
	expect_u64(large, "rtt_min_ns", 60 * USEC);
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

/* Nothing was measured: unknown, not 0. A device has no path. */
static void
test_device_without_answers(void **state)
{
	const struct record_window_context device = {.by = RECORD_WINDOW_DEVICE,
						     .origin = &origin,
						     .device = "rxe0",
						     .port = 1};
	const struct probe_result down = {.class = PROBE_PEER_DOWN, .size = 50};
	const msgpack_object_map *map;
	struct world world;
	struct fixture f;

	(void)state;
	world_begin(&world);
	world_result(&world, 101 * SEC, &down);
	window_clock_set(&world.clock, 10 * SEC, (int64_t)WALL + 5, WINDOW_CUT_CLOCK, 102 * SEC);
	fixture_begin(&f);
	record_window(&f.pk, &device, world_close(&world));
	map = fixture_map(&f);
	expect_str(map, "by", "device");
	expect_str(map, "host", "host-a");
	expect_u64(map, "due", 1);
	expect_u64(map, "peer_down", 1);
	expect_u64(map, "loss_of", 0);
	expect_nil(map, "loss_ratio");
	expect_double(map, "loss_low", 0, 0);
	expect_double(map, "loss_high", 1, 0);
	expect_bool(map, "clock_stepped", true);
	expect_u64(map, "end_ns", WALL + 102 * SEC);
	expect_u64(submap(map, "rtt"), "count", 0);
	expect_nil(submap(map, "rtt"), "p50_ns");
	expect_nil(submap(map, "rtt"), "min_ns");
	assert_int_equal(find(submap(map, "rtt"), "buckets")->via.array.size, 0);
	expect_nil(submap(map, "noise"), "rtt_mean_ns");
	for (uint32_t i = 0; i < map->size; i++)
		assert_false(map->ptr[i].key.via.str.size == 4 &&
			     memcmp(map->ptr[i].key.via.str.ptr, "peer", 4) == 0);
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

static void
test_path_changed(void **state)
{
	const struct window_way other = {.source = way.source, .src_port = 57237};
	struct world world;
	struct fixture f;

	(void)state;
	world_begin(&world);
	world_result(&world, 101 * SEC, &answered);
	window_series_way(&world.series, &world.clock, &other, 102 * SEC);
	fixture_begin(&f);
	record_window(&f.pk, &context, world_close(&world));
	expect_bool(fixture_map(&f), "path_changed", true);
	expect_bool(fixture_map(&f), "ended", false);
	expect_u64(fixture_map(&f), "src_port", 57236);
	expect_u64(fixture_map(&f), "end_ns", WALL + 102 * SEC);
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

static void
test_flow(void **state)
{
	const struct probe_result unposted = {.class = PROBE_LOCAL_ERROR, .size = 50};
	struct record_window_context flow = context;
	struct world world;
	struct fixture f;

	(void)state;
	flow.by = RECORD_WINDOW_FLOW;
	flow.flow = 17;
	flow.kind = PROBE_KIND_SERVICE;
	world_begin(&world);
	world_result(&world, 101 * SEC, &unposted);
	fixture_begin(&f);
	record_window(&f.pk, &flow, world_close(&world));
	expect_str(fixture_map(&f), "by", "flow");
	expect_u64(fixture_map(&f), "flow", 17);
	expect_nil(fixture_map(&f), "src_port");
	expect_str(fixture_map(&f), "source", "10.0.0.1");
	expect_str(fixture_map(&f), "path", "unknown");
	expect_str(fixture_map(&f), "kind", "service");
	assert_string_equal(record_window_by_name(RECORD_WINDOW_BY_N), "?");
	fixture_end(&f);
	window_series_clear(&world.series, &world.clock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_device_without_answers),
		cmocka_unit_test(test_path_changed),
		cmocka_unit_test(test_flow),
	};

	return cmocka_run_group_tests_name("record_window", tests, NULL, NULL);
}
