/* SPDX-License-Identifier: Apache-2.0 */
/* Pinglists: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/pinglist.h"

#define MUTATIONS 20000

static struct pinglist_target targets[4] = {
	{.host = "a", .device = "mlx5_0", .tor = "leaf-1", .port = 1, .interval_ns = 100000000,
	 .tuples = 1, .n_labels = 1, .labels = {7}},
	{.host = "b", .device = "mlx5_0", .tor = "leaf-1", .port = 2, .interval_ns = 100000000,
	 .tuples = 3},
	{.host = "c", .device = "mlx5_1", .tor = "leaf-2", .port = 1, .fabric = true,
	 .traffic_class = 106, .interval_ns = 400000000, .tuples = 2, .n_labels = 2,
	 .labels = {0, 0xfffff}},
	{.host = "d", .device = "x", .tor = "", .port = 1, .fabric = true, .traffic_class = 106,
	 .interval_ns = 400000000, .tuples = 1},
};
static struct pinglist_port ports[2] = {
	{.device = "mlx5_0", .port = 1, .targets = targets, .n_targets = 3},
	{.device = "mlx5_1", .port = 2, .targets = targets + 3, .n_targets = 1},
};
static const struct pinglist example = {.host = "gpu-17", .generation = 0xfedcba9876543210,
					.ports = ports, .n_ports = 2};

static int
setup(void **state)
{
	char text[ADDR_TEXT];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d", i, i + 1);
		addr_parse(text, &targets[i].address);
	}
	addr_parse("10.0.9.9", &ports[0].source);
	addr_parse("fd00::9", &ports[1].source);
	return 0;
}

static const msgpack_object_map *
element(const msgpack_object_map *map, const char *key, uint32_t i, uint32_t n)
{
	const msgpack_object *list = find(map, key);

	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(list->via.array.size, n);
	assert_int_equal(list->via.array.ptr[i].type, MSGPACK_OBJECT_MAP);
	return &list->via.array.ptr[i].via.map;
}

/* msgpack-c alone reads what was packed: targets that have much in common are one group. */
static void
test_packed(void **state)
{
	const msgpack_object_map *map, *port, *group, *target;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "pinglist");
	expect_u64(map, "schema", 1);
	expect_str(map, "host", "gpu-17");
	expect_u64(map, "generation", 0xfedcba9876543210);
	port = element(map, "ports", 0, 2);
	expect_str(port, "source", "10.0.9.9");
	group = element(port, "groups", 0, 2);
	expect_str(group, "kind", "tor");
	expect_str(group, "tor", "leaf-1");
	expect_u64(group, "interval_ns", 100000000);
	target = element(group, "targets", 1, 2);
	expect_str(target, "address", "10.0.1.2");
	expect_u64(target, "tuples", 3);
	assert_int_equal(target->size, 5);
	group = element(port, "groups", 1, 2);
	expect_u64(group, "traffic_class", 106);
	target = element(group, "targets", 0, 1);
	assert_int_equal(find(target, "labels")->via.array.ptr[1].via.u64, 0xfffff);
	port = element(map, "ports", 1, 2);
	expect_nil(element(port, "groups", 0, 1), "tor");
	fixture_end(&f);
}

static void
check_target(const struct pinglist_target *a, const struct pinglist_target *b)
{
	assert_true(addr_equal(&a->address, &b->address));
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->device, b->device);
	assert_string_equal(a->tor, b->tor);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->fabric, b->fabric);
	assert_int_equal(a->traffic_class, b->traffic_class);
	assert_int_equal(a->interval_ns, b->interval_ns);
	assert_int_equal(a->tuples, b->tuples);
	assert_int_equal(a->n_labels, b->n_labels);
	for (size_t i = 0; i < a->n_labels; i++)
		assert_int_equal(a->labels[i], b->labels[i]);
}

static void
check_equal(const struct pinglist *a, const struct pinglist *b)
{
	assert_string_equal(a->host, b->host);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->n_ports, b->n_ports);
	for (size_t i = 0; i < a->n_ports; i++) {
		assert_string_equal(a->ports[i].device, b->ports[i].device);
		assert_int_equal(a->ports[i].port, b->ports[i].port);
		assert_true(addr_equal(&a->ports[i].source, &b->ports[i].source));
		assert_int_equal(a->ports[i].n_targets, b->ports[i].n_targets);
		for (size_t j = 0; j < a->ports[i].n_targets; j++)
			check_target(&a->ports[i].targets[j], &b->ports[i].targets[j]);
	}
}

static void
test_round(void **state)
{
	const struct pinglist empty = {.host = "h"};
	struct pinglist *list = NULL;
	char error[PINGLIST_ERROR];
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &example);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), 0);
	check_equal(list, &example);
	pinglist_free(list);
	fixture_end(&f);
	fixture_begin(&f);
	pinglist_pack(&f.pk, &empty);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), 0);
	check_equal(list, &empty);
	pinglist_free(list);
	pinglist_free(NULL);
	fixture_end(&f);
}

/* ---- mistakes ---- */

/* What one field of the example becomes, and what is said of it. */
static const struct mistake {
	struct pinglist_target target;
	const char *address, *error;
} mistakes[] = {
	{{.host = "", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 1},
	 "10.0.0.1", "ports[0]: host is no string of 1 to 64 printable bytes"},
	{{.host = "h", .device = "a\nb", .tor = "", .port = 1, .interval_ns = 1000000,
	  .tuples = 1},
	 "10.0.0.1", "ports[0]: device is no string of 1 to 64 printable bytes"},
	{{.host = "h", .device = "d", .tor = "", .port = 0, .interval_ns = 1000000, .tuples = 1},
	 "10.0.0.1", "ports[0]: port is no number from 1 to 255"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 999999, .tuples = 1},
	 "10.0.0.1", "ports[0]: interval_ns is no number from 1000000 to 3600000000000"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 3600000000001,
	  .tuples = 1},
	 "10.0.0.1", "ports[0]: interval_ns is no number from 1000000 to 3600000000000"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 0},
	 "10.0.0.1", "ports[0]: tuples is no number from 1 to 4"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 5},
	 "10.0.0.1", "ports[0]: tuples is no number from 1 to 4"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 1,
	  .n_labels = 1, .labels = {0x100000}},
	 "10.0.0.1", "ports[0]: labels[0] is no flow label"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 1},
	 "fe80::1", "ports[0]: address is no address"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 1},
	 "ff02::1", "ports[0]: address is no address"},
	{{.host = "h", .device = "d", .tor = "", .port = 1, .interval_ns = 1000000, .tuples = 1},
	 "::", "ports[0]: address is no address"},
};

static void
test_mistakes(void **state)
{
	struct pinglist *list = NULL;
	char error[PINGLIST_ERROR];

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct pinglist_target target = mistakes[i].target;
		struct pinglist_port port = {.device = "d", .port = 1, .source = ports[0].source,
					     .targets = &target, .n_targets = 1};
		const struct pinglist wrong = {.host = "h", .ports = &port, .n_ports = 1};
		struct fixture f;

		addr_parse(mistakes[i].address, &target.address);
		fixture_begin(&f);
		pinglist_pack(&f.pk, &wrong);
		assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), -EINVAL);
		assert_string_equal(error, mistakes[i].error);
		assert_null(list);
		fixture_end(&f);
	}
}

/* A million targets, as somebody may forge: refused, without memory for them. */
static void
test_many(void **state)
{
	struct pinglist_port port = ports[0];
	struct pinglist many = example, *list = NULL;
	char error[PINGLIST_ERROR];
	struct fixture f;

	(void)state;
	port.n_targets = 70000;
	port.targets = calloc(port.n_targets, sizeof(*port.targets));
	assert_non_null(port.targets);
	for (size_t i = 0; i < port.n_targets; i++)
		port.targets[i] = targets[0];
	many.ports = &port;
	many.n_ports = 1;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &many);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error),
			 f.out.size > PINGLIST_BYTES_MAX ? -EMSGSIZE : -EINVAL);
	assert_null(list);
	fixture_end(&f);
	port.n_targets = 50000;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &many);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), 0);
	check_equal(list, &many);
	pinglist_free(list);
	fixture_end(&f);
	free(port.targets);
}

/* A registration has 64 ports with 8 addresses each, and any of these may be a source. */
static void
test_sources(void **state)
{
	struct pinglist many = example, *list = NULL;
	struct pinglist_port all[64 * 8 + 1];
	char error[PINGLIST_ERROR];
	struct fixture f;

	(void)state;
	many.ports = all;
	for (many.n_ports = 0; many.n_ports < 64 * 8 + 1; many.n_ports++) {
		all[many.n_ports] = ports[0];
		all[many.n_ports].source.raw[15] = (uint8_t)many.n_ports;
	}
	fixture_begin(&f);
	pinglist_pack(&f.pk, &many);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), -EINVAL);
	assert_null(list);
	fixture_end(&f);
	many.n_ports--;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &many);
	assert_int_equal(pinglist_unpack(f.out.data, f.out.size, &list, error), 0);
	check_equal(list, &many);
	pinglist_free(list);
	fixture_end(&f);
}

/* Bytes bent at random: refused, or read and equal to itself when written again. */
static void
test_bent(void **state)
{
	char error[PINGLIST_ERROR];
	unsigned int seed = 1, read = 0;
	struct fixture f;
	char *bent;

	(void)state;
	fixture_begin(&f);
	pinglist_pack(&f.pk, &example);
	bent = malloc(f.out.size);
	assert_non_null(bent);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		size_t len = rand_r(&seed) % 4 ? f.out.size : (size_t)rand_r(&seed) % f.out.size;
		struct pinglist *list = NULL, *again = NULL;
		struct fixture g;

		memcpy(bent, f.out.data, f.out.size);
		for (int n = rand_r(&seed) % 3; n >= 0; n--)
			bent[(size_t)rand_r(&seed) % f.out.size] = (char)rand_r(&seed);
		if (pinglist_unpack(bent, len, &list, error) < 0) {
			assert_true(error[0] != '\0');
			continue;
		}
		read++;
		fixture_begin(&g);
		pinglist_pack(&g.pk, list);
		assert_int_equal(pinglist_unpack(g.out.data, g.out.size, &again, error), 0);
		check_equal(list, again);
		pinglist_free(list);
		pinglist_free(again);
		fixture_end(&g);
	}
	assert_in_range(read, MUTATIONS / 100, MUTATIONS - 1);
	free(bent);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed), cmocka_unit_test(test_round),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_many),
		cmocka_unit_test(test_sources), cmocka_unit_test(test_bent),
	};

	return cmocka_run_group_tests_name("pinglist", tests, setup, NULL);
}
