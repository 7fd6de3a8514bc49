/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/paths.h"

/* 10.0.0.1 to 10.0.2.1, port 49152, by 10.1.0.1, by one that does not answer, and 10.1.0.3. */
#define V4(a, b, c, d) {.raw = {[10] = 0xff, [11] = 0xff, a, b, c, d}}
#define V6(last) {.raw = {0xfd, [15] = last}}

static struct paths_path example_paths[] = {
	{.source = V4(10, 0, 0, 1), .destination = V4(10, 0, 2, 1), .src_port = 49152,
	 .traffic_class = 106, .time_ns = 77, .reached = true, .stable = false, .n_hops = 3,
	 .hops = {V4(10, 1, 0, 1), {.raw = {0}}, V4(10, 1, 0, 3)}},
	{.source = V6(1), .destination = V6(2), .src_port = 1, .flow_label = 0xfffff,
	 .stable = true, .n_hops = 1, .hops = {V6(9)}},
};

static const struct paths example = {.host = "gpu-17", .incarnation = 9,
				     .sequence = 0xfedcba9876543210, .time_ns = 78, .whole = true,
				     .part = 1, .parts = 3, .paths = example_paths, .n_paths = 2};

static const msgpack_object_map *
element(const msgpack_object_map *map, const char *key, uint32_t i, uint32_t n)
{
	const msgpack_object *list = find(map, key);

	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(list->via.array.size, n);
	return &list->via.array.ptr[i].via.map;
}

static void
test_packed(void **state)
{
	const msgpack_object_map *map, *path;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	paths_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "paths");
	expect_u64(map, "schema", 1);
	expect_str(map, "host", "gpu-17");
	expect_u64(map, "sequence", 0xfedcba9876543210);
	expect_u64(map, "part", 1);
	expect_u64(map, "parts", 3);
	path = element(map, "paths", 0, 2);
	expect_str(path, "source", "10.0.0.1");
	expect_str(path, "destination", "10.0.2.1");
	expect_u64(path, "src_port", 49152);
	expect_u64(path, "traffic_class", 106);
	assert_int_equal(path->size, 8); /* no flow_label */
	expect_u64(element(path, "hops", 0, 3), "ttl", 1);
	expect_str(element(path, "hops", 0, 3), "address", "10.1.0.1");
	expect_nil(element(path, "hops", 1, 3), "address");
	path = element(map, "paths", 1, 2);
	expect_u64(path, "flow_label", 0xfffff);
	expect_str(element(path, "hops", 0, 1), "address", "fd00::9");
	fixture_end(&f);
}

static void
check_path(const struct paths_path *a, const struct paths_path *b)
{
	assert_true(addr_equal(&a->source, &b->source));
	assert_true(addr_equal(&a->destination, &b->destination));
	assert_int_equal(a->src_port, b->src_port);
	assert_int_equal(a->traffic_class, b->traffic_class);
	assert_int_equal(a->flow_label, b->flow_label);
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->reached, b->reached);
	assert_int_equal(a->stable, b->stable);
	assert_int_equal(a->n_hops, b->n_hops);
	for (size_t i = 0; i < a->n_hops; i++)
		assert_true(addr_equal(&a->hops[i], &b->hops[i]));
}

static void
test_round(void **state)
{
	const struct paths empty = {.host = "h", .incarnation = 1};
	struct paths *paths = NULL;
	char error[PATHS_ERROR];
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	paths_pack(&f.pk, &example);
	assert_int_equal(paths_unpack(f.out.data, f.out.size, &paths, error), 0);
	assert_string_equal(paths->host, "gpu-17");
	assert_int_equal(paths->incarnation, 9);
	assert_int_equal(paths->sequence, example.sequence);
	assert_int_equal(paths->part, 1);
	assert_int_equal(paths->parts, 3);
	assert_true(paths->whole);
	assert_int_equal(paths->n_paths, 2);
	check_path(&paths->paths[0], &example_paths[0]);
	check_path(&paths->paths[1], &example_paths[1]);
	paths_free(paths);
	fixture_end(&f);
	fixture_begin(&f);
	paths_pack(&f.pk, &empty);
	assert_int_equal(paths_unpack(f.out.data, f.out.size, &paths, error), 0);
	assert_false(paths->whole);
	assert_int_equal(paths->n_paths, 0);
	paths_free(paths);
	paths_free(NULL);
	fixture_end(&f);
}

/* ---- mistakes ---- */

static void
refused(const struct paths *wrong, const char *reason)
{
	struct paths *paths = NULL;
	char error[PATHS_ERROR];
	struct fixture f;

	fixture_begin(&f);
	paths_pack(&f.pk, wrong);
	assert_int_equal(paths_unpack(f.out.data, f.out.size, &paths, error), -EINVAL);
	assert_string_equal(error, reason);
	assert_null(paths);
	fixture_end(&f);
}

static void
refused_path(const struct paths_path *wrong, const char *reason)
{
	struct paths_path list[] = {example_paths[0], *wrong};
	const struct paths paths = {.host = "h", .paths = list, .n_paths = 2};

	refused(&paths, reason);
}

static void
test_mistakes(void **state)
{
	struct paths paths = example;
	struct paths_path p;

	(void)state;
	paths.part = 3;
	refused(&paths, "part 3 of 3");
	paths.parts = 1025;
	refused(&paths, "parts is no number up to 1024");
	p = example_paths[0];
	p.src_port = 0;
	refused_path(&p, "paths[1]: src_port is zero");
	p = example_paths[0];
	p.destination = example_paths[1].destination;
	refused_path(&p, "paths[1]: source and destination are of two families");
	p = example_paths[0];
	p.hops[1] = example_paths[1].hops[0];
	refused_path(&p, "paths[1]: hop 2 has another address family");
	p = example_paths[0];
	p.n_hops = 0;
	refused_path(&p, "paths[1]: hops is empty");
	p = example_paths[0];
	addr_parse("224.0.0.1", &p.hops[0]);
	refused_path(&p, "paths[1]: address is no address");
	p = example_paths[0];
	addr_parse("127.0.0.1", &p.source);
	refused_path(&p, "paths[1]: source is no address");
	p = example_paths[1];
	p.flow_label = 0x100000;
	refused_path(&p, "paths[1]: flow_label is no number from 0 to 1048575");
	p = example_paths[0];
	p.time_ns = 1ULL << 63;
	refused_path(&p, "paths[1]: time_ns is no number up to 9223372036854775807");
}

static void
test_too_many(void **state)
{
	struct paths_path *many = calloc(PATHS_MAX + 1, sizeof(*many));
	const struct paths paths = {.host = "h", .paths = many, .n_paths = PATHS_MAX + 1};

	(void)state;
	for (size_t i = 0; i <= PATHS_MAX; i++)
		many[i] = example_paths[1];
	refused(&paths, "paths is no list of at most 512");
	free(many);
}

/* The longest message that an agent sends fits into what is read, and into a message of the bus. */
static void
test_longest(void **state)
{
	struct paths_path one = example_paths[1];
	const struct paths paths = {.host = "h", .paths = &one, .n_paths = 1};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < PATHS_HOPS_MAX; i++)
		addr_parse("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", &one.hops[i]);
	one.n_hops = PATHS_HOPS_MAX;
	fixture_begin(&f);
	paths_pack(&f.pk, &paths);
	assert_true(f.out.size < PATHS_BYTES_MAX / 64);
	fixture_end(&f);
}

/* Every message that is cut short is refused. */
static void
test_cut(void **state)
{
	struct paths *paths = NULL;
	char error[PATHS_ERROR];
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	paths_pack(&f.pk, &example);
	for (size_t n = 0; n < f.out.size; n++)
		assert_int_equal(paths_unpack(f.out.data, n, &paths, error), -EBADMSG);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed),	 cmocka_unit_test(test_round),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_longest),	 cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
