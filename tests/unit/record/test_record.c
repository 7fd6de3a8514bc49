/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <string.h>

#include "core/clock.h"
#include "record_fixture.h"
#include "record/record.h"

static const struct record_origin origin = {
	.host = "host-a", .tor = "tor-1", .incarnation = 0x1122334455667788,
};
/* Of IPv4, mapped into IPv6. */
static const struct addr source = {{[10] = 0xff, 0xff, 10, 0, 0, 1}};
static const struct addr destination = {{[10] = 0xff, 0xff, 10, 0, 0, 2}};
static const struct record_probe_context context = {
	.origin = &origin, .device = "rxe0", .peer = "host-b.example",
	.source = &source, .destination = &destination, .peer_tor = "tor-2",
};

static void
test_measured_probe(void **state)
{
	struct fixture f;
	const msgpack_object_map *map;
	uint64_t now = clock_mono_ns(), wall = clock_wall_ns();
	struct probe_result r = {
		.seq = 7, .class = PROBE_OK, .due_ns = now, .posted = true, .measured = true,
		.t_ns = {1, 2, 3, 4, 5, 6},
		.rtt_ns = UINT64_MAX, .prober_delay_ns = 11, .responder_delay_ns = 12,
		.error_ns = 13, .src_port = 57236, .return_src_port = 49153,
		.flow_label = 0xabcde, .traffic_class = 104, .size = 50,
		.path = PROBE_PATH_APPROXIMATE,
	};

	(void)state;
	fixture_begin(&f);
	record_probe(&f.pk, &context, &r);
	map = fixture_map(&f);
	expect_str(map, "type", "probe");
	expect_str(map, "device", "rxe0");
	expect_str(map, "host", "host-a");
	expect_str(map, "tor", "tor-1");
	expect_u64(map, "incarnation", 0x1122334455667788);
	expect_str(map, "source", "10.0.0.1");
	expect_str(map, "destination", "10.0.0.2");
	expect_str(map, "peer", "host-b.example");
	expect_nil(map, "hostname");
	expect_str(map, "peer_tor", "tor-2");
	expect_str(map, "class", "ok");
	expect_str(map, "kind", "mesh");
	expect_str(map, "path", "approximate");
	expect_str(map, "clock", "sw");
	expect_u64(map, "rtt_ns", UINT64_MAX);
	expect_u64(map, "t6_ns", 6);
	expect_u64(map, "src_port", 57236);
	expect_u64(map, "return_src_port", 49153);
	expect_u64(map, "flow_label", 0xabcde);
	expect_nil(map, "hostname");
	assert_in_range(find(map, "time_ns")->via.u64, wall - NSEC_PER_SEC, wall + NSEC_PER_SEC);
	fixture_end(&f);
}

/* What was not measured is nil, never 0. */
static void
test_lost_probe(void **state)
{
	static const char *const keys[] = {"rtt_ns",   "prober_delay_ns", "responder_delay_ns",
					   "error_ns", "t5_ns",		  "src_port",
					   "return_src_port"};
	struct probe_result r = {.class = PROBE_LOST, .posted = true, .t_ns = {1, 2}};
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	record_probe(&f.pk, &context, &r);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect_nil(fixture_map(&f), keys[i]);
	expect_u64(fixture_map(&f), "t2_ns", 2);
	fixture_end(&f);
}

static void
test_totals_and_summary(void **state)
{
	struct probe_totals totals = {.due = 9,
				      .posted = 8,
				      .by_class = {[PROBE_OK] = 5, [PROBE_ACK2_MISSING] = 4}};
	struct probe_summary summary = {.answered = 3, .lost = 1, .results = 4};
	const msgpack_object_map *map;
	struct fixture f;
	struct record r;

	(void)state;
	fixture_begin(&f);
	record_begin(&r, RECORD_PEER);
	record_totals(&r, &totals);
	record_summary(&r, &summary);
	record_end(&r, &f.pk);
	map = fixture_map(&f);
	expect_u64(map, "sent", 9);
	expect_u64(map, "posted", 8);
	expect_u64(map, "ok", 5);
	expect_u64(map, "ack2_missing", 4);
	expect_u64(map, "lost", 0);
	map = &find(map, "recent")->via.map;
	assert_true(find(map, "lost_ratio")->via.f64 == 0.25);
	expect_nil(map, "rtt_p50_ns");
	fixture_end(&f);
}

/* On either side of the longest string that has one byte of header: 0xa0 to 0xbf, then 0xd9 N. */
static void
test_strings(void **state)
{
	static const char text[] = "0123456789abcdef0123456789abcdef";

	(void)state;
	for (size_t len = 0; len <= 32; len++) {
		size_t header = len < 32 ? 1 : 2;
		struct fixture f;

		fixture_begin(&f);
		record_pack_str(&f.pk, text + 32 - len);
		assert_int_equal(f.out.size, header + len);
		assert_int_equal((uint8_t)f.out.data[0], len < 32 ? 0xa0 + len : 0xd9);
		if (len == 32)
			assert_int_equal(f.out.data[1], 32);
		assert_memory_equal(f.out.data + header, text + 32 - len, len);
		fixture_end(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measured_probe),
		cmocka_unit_test(test_lost_probe),
		cmocka_unit_test(test_totals_and_summary),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
