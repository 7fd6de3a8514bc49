/* SPDX-License-Identifier: Apache-2.0 */
/* Drains and signs of life: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/drain.h"

static const struct drain example = {.host = "gpu-17", .reason = "new NIC", .by = "ada",
				     .time_ns = 5, .until_ns = 3600000000005};
static const struct central_beat beat = {.host = "c1", .version = "0.1.0", .incarnation = 9,
					 .time_ns = 77};

static void
test_packed(void **state)
{
	const msgpack_object_map *map;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	drain_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "drain");
	expect_u64(map, "schema", 1);
	expect_str(map, "reason", "new NIC");
	expect_u64(map, "until_ns", 3600000000005);
	fixture_end(&f);
	fixture_begin(&f);
	central_beat_pack(&f.pk, &beat);
	map = fixture_map(&f);
	expect_str(map, "type", "central");
	expect_str(map, "host", "c1");
	expect_u64(map, "incarnation", 9);
	fixture_end(&f);
}

static void
test_round(void **state)
{
	struct central_beat b;
	char error[DRAIN_ERROR];
	struct fixture f;
	struct drain d;

	(void)state;
	fixture_begin(&f);
	drain_pack(&f.pk, &example);
	assert_int_equal(drain_unpack(f.out.data, f.out.size, &d, error), 0);
	assert_string_equal(d.host, example.host);
	assert_string_equal(d.reason, example.reason);
	assert_string_equal(d.by, example.by);
	assert_int_equal(d.time_ns, example.time_ns);
	assert_int_equal(d.until_ns, example.until_ns);
	assert_int_equal(central_beat_unpack(f.out.data, f.out.size, &b, error), -EINVAL);
	assert_string_equal(error, "no central");
	fixture_end(&f);
	fixture_begin(&f);
	central_beat_pack(&f.pk, &beat);
	assert_int_equal(central_beat_unpack(f.out.data, f.out.size, &b, error), 0);
	assert_false(b.claims);
	assert_string_equal(b.version, beat.version);
	assert_int_equal(b.incarnation, beat.incarnation);
	fixture_end(&f);
	b.claims = true;
	b.hosts = 12500;
	b.trace_interval_ns = 250000000;
	fixture_begin(&f);
	central_beat_pack(&f.pk, &b);
	assert_int_equal(central_beat_unpack(f.out.data, f.out.size, &b, error), 0);
	assert_true(b.claims);
	assert_int_equal(b.hosts, 12500);
	assert_int_equal(b.trace_interval_ns, 250000000);
	fixture_end(&f);
	/* Nobody may keep hosts from tracing. */
	b.trace_interval_ns = 60000000001;
	fixture_begin(&f);
	central_beat_pack(&f.pk, &b);
	assert_int_equal(central_beat_unpack(f.out.data, f.out.size, &b, error), -EINVAL);
	assert_string_equal(error, "trace_interval_ns is no number from 0 to 60000000000");
	fixture_end(&f);
}

static void
refused(const struct drain *drain, const char *reason)
{
	char error[DRAIN_ERROR];
	struct fixture f;
	struct drain d;

	fixture_begin(&f);
	drain_pack(&f.pk, drain);
	assert_int_equal(drain_unpack(f.out.data, f.out.size, &d, error), -EINVAL);
	assert_string_equal(error, reason);
	fixture_end(&f);
}

static void
test_mistakes(void **state)
{
	char error[DRAIN_ERROR];
	struct drain d = example;

	(void)state;
	d.until_ns = 0;
	refused(&d, "until_ns is no number from 1 to 9223372036854775807");
	d = example;
	d.reason[0] = '\0';
	refused(&d, "reason is no string of 1 to 200 printable bytes");
	d = example;
	d.by[1] = '\x1b';
	refused(&d, "by is no string of 1 to 64 printable bytes");
	assert_int_equal(drain_unpack("\xc1", 1, &d, error), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
