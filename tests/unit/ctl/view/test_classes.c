/* SPDX-License-Identifier: Apache-2.0 */
/* What ping adds up: a result of any class counts as its class says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/view/classes.h"

/* A map with one key, decoded. */
struct map {
	msgpack_sbuffer bytes;
	msgpack_unpacked decoded;
};

static void
map_begin(struct map *map, msgpack_packer *pk, const char *key)
{
	msgpack_sbuffer_init(&map->bytes);
	msgpack_unpacked_init(&map->decoded);
	msgpack_packer_init(pk, &map->bytes, msgpack_sbuffer_write);
	msgpack_pack_map(pk, 1);
	msgpack_pack_str_with_body(pk, key, strlen(key));
}

static const msgpack_object *
map_end(struct map *map)
{
	assert_int_equal(msgpack_unpack_next(&map->decoded, map->bytes.data, map->bytes.size, NULL),
			 MSGPACK_UNPACK_SUCCESS);
	return &map->decoded.data;
}

static void
map_free(struct map *map)
{
	msgpack_unpacked_destroy(&map->decoded);
	msgpack_sbuffer_destroy(&map->bytes);
}

static void
add(struct classes_tally *tally, const char *class)
{
	struct map map;
	msgpack_packer pk;

	map_begin(&map, &pk, "class");
	msgpack_pack_str_with_body(&pk, class, strlen(class));
	classes_tally_add(tally, map_end(&map));
	map_free(&map);
}

static void
totals(struct classes_tally *tally, const char *class, uint64_t n)
{
	struct map map;
	msgpack_packer pk;

	map_begin(&map, &pk, class);
	msgpack_pack_uint64(&pk, n);
	classes_tally_totals(tally, map_end(&map));
	map_free(&map);
}

/* Two that are answered and one of the class: loss is 1 of 3, 0 of 3, or 0 of 2. */
static void
test_each_class(void **state)
{
	(void)state;
	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++) {
		struct classes_tally tally = {0};

		add(&tally, "ok");
		add(&tally, "ok");
		add(&tally, probe_class_name(c));
		assert_int_equal(classes_tally_lost(&tally), probe_class_is_lost(c));
		assert_int_equal(classes_tally_answered(&tally), 2 + probe_class_is_answered(c));
		assert_int_equal(tally.n[PROBE_CLASS_N], 0);
	}
}

static void
test_known(void **state)
{
	struct classes_tally tally = {0};

	(void)state;
	add(&tally, "lost");
	add(&tally, "ack2_missing");
	add(&tally, "late");
	add(&tally, "peer_down");
	add(&tally, "of_tomorrow");
	assert_int_equal(classes_tally_lost(&tally), 2);
	assert_int_equal(classes_tally_answered(&tally), 1);
	assert_int_equal(tally.n[PROBE_CLASS_N], 1);
}

/* The daemon's totals win over what was added, of those that it names. */
static void
test_totals(void **state)
{
	struct classes_tally tally = {0};

	(void)state;
	add(&tally, "ok");
	add(&tally, "lost");
	totals(&tally, "ack2_missing", 5);
	totals(&tally, "ok", 7);
	totals(&tally, "of_tomorrow", 9);
	assert_int_equal(classes_tally_lost(&tally), 6);
	assert_int_equal(classes_tally_answered(&tally), 7);
	assert_int_equal(tally.n[PROBE_CLASS_N], 0);
}

static void
test_not_ok(void **state)
{
	struct map map;
	msgpack_packer pk;
	char text[64];

	(void)state;
	map_begin(&map, &pk, "peer_restarted");
	msgpack_pack_uint64(&pk, 12);
	assert_true(classes_not_ok(map_end(&map), text, sizeof(text)));
	assert_string_equal(text, "restarted 12");
	map_free(&map);
	map_begin(&map, &pk, "ok");
	msgpack_pack_uint64(&pk, 12);
	assert_false(classes_not_ok(map_end(&map), text, sizeof(text)));
	assert_string_equal(text, "-");
	map_free(&map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_class),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_not_ok),
	};

	return cmocka_run_group_tests_name("ctl_classes", tests, NULL, NULL);
}
