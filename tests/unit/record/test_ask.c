/* SPDX-License-Identifier: Apache-2.0 */
/* Asks: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/ask.h"

#define MUTATIONS 20000

static struct ask example = {
	.host = "gpu-17", .about = "0123456789abcdef", .made_ns = 1000000000,
	.until_ns = 61000000000, .n_traces = 1, .n_probes = 2,
	.traces = {{.src_port = 49152}},
	.probes = {{{.src_port = 65535, .traffic_class = 106, .flow_label = 0xfffff}, 100000000},
		   {{.src_port = 1}, 10000000}},
};

static int
setup(void **state)
{
	(void)state;
	addr_parse("10.0.0.1", &example.traces[0].source);
	addr_parse("10.0.1.1", &example.traces[0].destination);
	addr_parse("fd00::1", &example.probes[0].tuple.source);
	addr_parse("fd00::2", &example.probes[0].tuple.destination);
	example.probes[1].tuple.source = example.traces[0].source;
	example.probes[1].tuple.destination = example.traces[0].destination;
	return 0;
}

/* msgpack-c alone reads what was packed. */
static void
test_packed(void **state)
{
	const msgpack_object_map *map;
	const msgpack_object *list;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	ask_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "ask");
	expect_u64(map, "schema", 1);
	expect_str(map, "host", "gpu-17");
	expect_str(map, "about", "0123456789abcdef");
	expect_u64(map, "made_ns", 1000000000);
	expect_u64(map, "until_ns", 61000000000);
	list = find(map, "trace");
	assert_int_equal(list->via.array.size, 1);
	expect_str(&list->via.array.ptr[0].via.map, "destination", "10.0.1.1");
	list = find(map, "probe");
	assert_int_equal(list->via.array.size, 2);
	map = &list->via.array.ptr[0].via.map;
	expect_str(map, "source", "fd00::1");
	expect_u64(map, "src_port", 65535);
	expect_u64(map, "traffic_class", 106);
	expect_u64(map, "interval_ns", 100000000);
	expect_u64(map, "flow_label", 0xfffff);
	assert_int_equal(find(&list->via.array.ptr[1].via.map, "flow_label")->type,
			 MSGPACK_OBJECT_NIL);
	fixture_end(&f);
}

/* Both were made by calloc(), or are static: there is nothing between the members. */
static void
check_round(const struct ask *ask)
{
	char error[ASK_ERROR];
	struct ask *read = NULL;
	struct fixture f;

	fixture_begin(&f);
	ask_pack(&f.pk, ask);
	assert_int_equal(ask_unpack(f.out.data, f.out.size, &read, error), 0);
	assert_memory_equal(read, ask, sizeof(*ask));
	free(read);
	fixture_end(&f);
}

static void
test_round(void **state)
{
	static struct ask ask;

	(void)state;
	check_round(&example);
	ask = (struct ask){.host = "h", .made_ns = 1, .until_ns = 2};
	check_round(&ask);
	ask.n_traces = ASK_TRACES_MAX;
	ask.n_probes = ASK_PROBES_MAX;
	for (size_t i = 0; i < ASK_PROBES_MAX; i++) {
		ask.traces[i] = example.traces[0];
		ask.probes[i] = example.probes[0];
	}
	check_round(&ask);
}

static void
expect_refused(const struct ask *ask, const char *why)
{
	struct ask *read = NULL;
	char error[ASK_ERROR];
	struct fixture f;

	fixture_begin(&f);
	ask_pack(&f.pk, ask);
	assert_int_equal(ask_unpack(f.out.data, f.out.size, &read, error), -EINVAL);
	assert_null(read);
	assert_string_equal(error, why);
	fixture_end(&f);
}

static void
test_mistakes(void **state)
{
	struct ask ask = example;

	(void)state;
	ask.until_ns = ask.made_ns;
	expect_refused(&ask, "until_ns is not within 60 s after made_ns");
	ask.until_ns = ask.made_ns + 60000000001;
	expect_refused(&ask, "until_ns is not within 60 s after made_ns");
	ask = example;
	ask.probes[1].interval_ns = 9999999;
	expect_refused(&ask, "probe[1]: interval_ns is no number from 10000000 to 10000000000");
	ask.probes[1].interval_ns = 10000000001;
	expect_refused(&ask, "probe[1]: interval_ns is no number from 10000000 to 10000000000");
	ask = example;
	ask.traces[0].src_port = 0;
	expect_refused(&ask, "trace[0]: src_port is no number from 1 to 65535");
	ask = example;
	ask.traces[0].destination = ask.probes[0].tuple.destination;
	expect_refused(&ask, "trace[0]: source and destination are of two families");
	ask = example;
	ask.probes[0].tuple.flow_label = 0x100000;
	expect_refused(&ask, "probe[0]: flow_label is no number from 0 to 1048575");
	ask = example;
	addr_parse("fe80::1", &ask.probes[0].tuple.destination);
	expect_refused(&ask, "probe[0]: destination is no address");
	ask = example;
	ask.host[0] = '\0';
	expect_refused(&ask, "host is no string of 1 to 64 printable bytes");
}

/* A list of so many numbers, as somebody may forge it. */
static void
expect_too_many(const char *key, uint32_t n)
{
	struct ask *read = NULL;
	char error[ASK_ERROR];
	struct fixture f;
	int rc;

	fixture_begin(&f);
	msgpack_pack_map(&f.pk, 6);
	for (const char *const *at = (const char *const[]){"type", "ask", "host", "h", NULL}; *at;
	     at++)
		msgpack_pack_str_with_body(&f.pk, *at, strlen(*at));
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"schema", "made_ns", "until_ns"};

		msgpack_pack_str_with_body(&f.pk, names[i], strlen(names[i]));
		msgpack_pack_int(&f.pk, i == 2 ? 2 : 1);
	}
	msgpack_pack_str_with_body(&f.pk, key, strlen(key));
	msgpack_pack_array(&f.pk, n);
	for (uint32_t i = 0; i < n; i++)
		msgpack_pack_int(&f.pk, 0);
	rc = ask_unpack(f.out.data, f.out.size, &read, error);
	assert_int_equal(rc, f.out.size > ASK_BYTES_MAX ? -EMSGSIZE : -EINVAL);
	assert_null(read);
	fixture_end(&f);
}

static void
test_many(void **state)
{
	(void)state;
	expect_too_many("trace", 65);
	expect_too_many("probe", 65);
	expect_too_many("trace", 1000000);
}

/* Bytes bent at random: refused, or read and equal to itself when written again. */
static void
test_bent(void **state)
{
	char error[ASK_ERROR];
	unsigned int seed = 1, read = 0;
	struct fixture f;
	char *bent;

	(void)state;
	fixture_begin(&f);
	ask_pack(&f.pk, &example);
	bent = malloc(f.out.size);
	assert_non_null(bent);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		size_t len = rand_r(&seed) % 4 ? f.out.size : (size_t)rand_r(&seed) % f.out.size;
		struct ask *ask = NULL;

		memcpy(bent, f.out.data, f.out.size);
		for (int n = rand_r(&seed) % 3; n >= 0; n--)
			bent[(size_t)rand_r(&seed) % f.out.size] = (char)rand_r(&seed);
		if (ask_unpack(bent, len, &ask, error) < 0) {
			assert_true(error[0] != '\0');
			continue;
		}
		read++;
		check_round(ask);
		free(ask);
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
		cmocka_unit_test(test_bent),
	};

	return cmocka_run_group_tests_name("ask", tests, setup, NULL);
}
