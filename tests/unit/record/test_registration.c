/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/registration.h"

#define MUTATIONS 20000

static struct registration_port ports[2] = {
	{.device = "mlx5_0", .port = 1, .n_addrs = 2, .tors = {"leaf-1", "leaf-2"}, .n_tors = 2,
	 .tor_by = REGISTRATION_TOR_LLDP, .rail = "rail0", .speed_mbps = 400000, .mtu = 4096,
	 .hw_clock = true, .out_per_s = 150, .in_per_s = 1000},
	{.device = "rxe0", .port = 1, .n_addrs = 1, .out_per_s = 10, .in_per_s = 20,
	 .src_ports = 16},
};
static struct registration_label labels[1] = {{"pod", "a7"}};
static struct registration example = {.host = "gpu-17.example", .version = "0.1.0",
				      .incarnation = 0xfedcba9876543210, .time_ns = 1234567890123,
				      .ports = ports, .n_ports = 2, .labels = labels,
				      .n_labels = 1};

static int
setup(void **state)
{
	(void)state;
	addr_parse("10.1.2.3", &ports[0].addrs[0]);
	addr_parse("fd00::3", &ports[0].addrs[1]);
	addr_parse("10.1.2.4", &ports[1].addrs[0]);
	return 0;
}

/* msgpack-c alone reads what was packed. */
static void
test_packed(void **state)
{
	const msgpack_object_map *map, *port;
	const msgpack_object *list;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	registration_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "registration");
	expect_u64(map, "schema", 1);
	expect_str(map, "host", "gpu-17.example");
	expect_u64(map, "incarnation", 0xfedcba9876543210);
	expect_u64(map, "time_ns", 1234567890123);
	expect_bool(map, "leaving", false);
	list = find(map, "ports");
	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(list->via.array.size, 2);
	port = &list->via.array.ptr[0].via.map;
	expect_str(port, "device", "mlx5_0");
	expect_str(port, "tor_by", "lldp");
	expect_str(port, "clock", "hw");
	expect_u64(port, "speed_mbps", 400000);
	list = find(port, "addresses");
	assert_int_equal(list->via.array.size, 2);
	assert_memory_equal(list->via.array.ptr[0].via.str.ptr, "10.1.2.3", 8);
	assert_memory_equal(list->via.array.ptr[1].via.str.ptr, "fd00::3", 7);
	port = &find(map, "ports")->via.array.ptr[1].via.map;
	expect_nil(port, "rail");
	expect_nil(port, "mtu");
	expect_str(port, "tor_by", "none");
	expect_u64(port, "src_ports", 16);
	fixture_end(&f);
}

static void
test_round(void **state)
{
	struct registration *r = NULL;
	char error[REGISTRATION_ERROR];
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	registration_pack(&f.pk, &example);
	assert_int_equal(registration_unpack(f.out.data, f.out.size, &r, error), 0);
	assert_true(registration_equal(r, &example));
	assert_string_equal(r->ports[0].tors[1], "leaf-2");
	assert_string_equal(r->labels[0].value, "a7");
	r->time_ns++; /* not part of the comparison */
	assert_true(registration_equal(r, &example));
	r->ports[1].addrs[0].raw[15]++;
	assert_false(registration_equal(r, &example));
	registration_free(r);
	registration_free(NULL);
	fixture_end(&f);
}

/* ---- mistakes: a map of one's own ---- */

/* What replaces the value of a key of the valid map below. */
struct change {
	const char *key;
	void (*pack)(msgpack_packer *pk);
	int rc;
	const char *error;
};

static void
pack_text(msgpack_packer *pk, const char *text)
{
	msgpack_pack_str(pk, strlen(text));
	msgpack_pack_str_body(pk, text, strlen(text));
}

static void pack_nil(msgpack_packer *pk) { msgpack_pack_nil(pk); }
static void pack_empty(msgpack_packer *pk) { pack_text(pk, ""); }
static void pack_tab(msgpack_packer *pk) { pack_text(pk, "a\tb"); }
static void pack_65(msgpack_packer *pk)
{
	pack_text(pk, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void pack_two(msgpack_packer *pk) { msgpack_pack_uint64(pk, 2); }
static void pack_minus(msgpack_packer *pk) { msgpack_pack_int64(pk, -1); }
static void pack_number(msgpack_packer *pk) { msgpack_pack_uint64(pk, 256); }
static void pack_list(msgpack_packer *pk) { msgpack_pack_array(pk, 0); }
static void pack_strings(msgpack_packer *pk)
{
	msgpack_pack_array(pk, 1);
	pack_text(pk, "fe80::1");
}
static void pack_nine(msgpack_packer *pk)
{
	msgpack_pack_array(pk, 9);
	for (int i = 0; i < 9; i++)
		pack_text(pk, "10.0.0.1");
}
static void pack_65_ports(msgpack_packer *pk)
{
	msgpack_pack_array(pk, 65);
	for (int i = 0; i < 65; i++)
		msgpack_pack_nil(pk);
}

/* Packs a key, with the value of the change if it has one. */
static void
pack_key(msgpack_packer *pk, const struct change *c, const char *key, const char *text,
	 uint64_t number)
{
	pack_text(pk, key);
	if (c && c->key && strcmp(c->key, key) == 0)
		c->pack(pk);
	else if (text)
		pack_text(pk, text);
	else
		msgpack_pack_uint64(pk, number);
}

static void
pack_with(msgpack_packer *pk, const struct change *c)
{
	bool own_ports = c && c->key && strcmp(c->key, "ports") == 0;

	msgpack_pack_map(pk, 8);
	pack_key(pk, c, "type", "registration", 0);
	pack_key(pk, c, "schema", NULL, 1);
	pack_key(pk, c, "host", "h", 0);
	pack_key(pk, c, "version", "9", 0);
	pack_key(pk, c, "incarnation", NULL, 7);
	pack_key(pk, c, "time_ns", NULL, 5);
	pack_key(pk, c, "of_tomorrow", "?", 0);
	pack_text(pk, "ports");
	if (own_ports) {
		c->pack(pk);
		return;
	}
	msgpack_pack_array(pk, 1);
	msgpack_pack_map(pk, 4);
	pack_key(pk, c, "device", "rxe0", 0);
	pack_key(pk, c, "port", NULL, 1);
	pack_text(pk, "addresses");
	if (c && c->key && strcmp(c->key, "addresses") == 0) {
		c->pack(pk);
	} else {
		msgpack_pack_array(pk, 1);
		pack_text(pk, "10.0.0.9");
	}
	pack_text(pk, "tors");
	msgpack_pack_array(pk, 1);
	pack_text(pk, "leaf");
}

static void
test_mistakes(void **state)
{
	static const struct change changes[] = {
		{"type", pack_empty, -EINVAL, "no registration"},
		{"schema", pack_nil, -EINVAL, "schema is no number from 1"},
		{"schema", pack_two, -EPROTO, "schema 2, this program knows up to 1"},
		{"host", pack_empty, -EINVAL, "host is no string of 1 to 64 printable bytes"},
		{"host", pack_tab, -EINVAL, "host is no string of 1 to 64 printable bytes"},
		{"host", pack_65, -EINVAL, "host is no string of 1 to 64 printable bytes"},
		{"host", pack_two, -EINVAL, "host is no string of 1 to 64 printable bytes"},
		{"incarnation", pack_minus, -EINVAL, "incarnation is no number"},
		{"time_ns", pack_list, -EINVAL,
		 "time_ns is no number from 0 to 9223372036854775807"},
		{"ports", pack_nil, -EINVAL, "ports is no list of at most 64"},
		{"ports", pack_65_ports, -EINVAL, "ports is no list of at most 64"},
		{"device", pack_nil, -EINVAL,
		 "ports[0]: device is no string of 1 to 64 printable bytes"},
		{"port", pack_number, -EINVAL, "ports[0]: port is no number from 1 to 255"},
		{"addresses", pack_nine, -EINVAL, "ports[0]: addresses is no list of at most 8"},
		{"addresses", pack_strings, -EINVAL, "ports[0]: addresses[0] is no address"},
	};
	char error[REGISTRATION_ERROR];
	struct registration *r;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct fixture f;

		fixture_begin(&f);
		pack_with(&f.pk, &changes[i]);
		r = NULL;
		assert_int_equal(registration_unpack(f.out.data, f.out.size, &r, error),
				 changes[i].rc);
		assert_string_equal(error, changes[i].error);
		assert_null(r);
		fixture_end(&f);
	}
}

/* Addresses that no host can be probed at, and a port that is there twice. */
static void
test_odd_ports(void **state)
{
	static const char *const odd[] = {"127.0.0.1", "224.0.0.9", "255.255.255.255", "0.1.2.3",
					  "::1", "::", "fe80::1", "ff02::1"};
	struct registration_port two[2] = {ports[0], ports[0]};
	struct registration wrong = example;
	char error[REGISTRATION_ERROR];
	struct registration *r = NULL;

	(void)state;
	wrong.ports = two;
	for (size_t i = 0; i <= sizeof(odd) / sizeof(odd[0]); i++) {
		struct fixture f;

		wrong.n_ports = i < sizeof(odd) / sizeof(odd[0]) ? 1 : 2;
		two[0] = ports[0];
		if (wrong.n_ports == 1)
			assert_int_equal(addr_parse(odd[i], &two[0].addrs[1]), 0);
		fixture_begin(&f);
		registration_pack(&f.pk, &wrong);
		assert_int_equal(registration_unpack(f.out.data, f.out.size, &r, error), -EINVAL);
		assert_string_equal(error, wrong.n_ports == 1 ?
						   "ports[0]: addresses[1] is no address" :
						   "ports[1]: a second port of this name");
		fixture_end(&f);
	}
}

static void
test_no_object(void **state)
{
	static uint8_t large[REGISTRATION_BYTES_MAX + 1];
	char error[REGISTRATION_ERROR];
	struct registration *r = NULL;
	uint8_t deep[64];

	(void)state;
	assert_int_equal(registration_unpack("", 0, &r, error), -EBADMSG);
	assert_int_equal(registration_unpack("\x01\x01", 2, &r, error), -EBADMSG);
	/* an array that declares 4,294,967,295 elements */
	assert_int_equal(registration_unpack("\xdd\xff\xff\xff\xff", 5, &r, error), -EBADMSG);
	memset(deep, 0x91, sizeof(deep));
	assert_int_equal(registration_unpack(deep, sizeof(deep), &r, error), -EBADMSG);
	assert_int_equal(registration_unpack(large, sizeof(large), &r, error), -EMSGSIZE);
	assert_string_equal(error, "65537 bytes, at most 65536 are allowed");
	assert_int_equal(registration_unpack("\xc0", 1, &r, error), -EINVAL);
	assert_null(r);
}

/* Bytes bent at random: refused, or read and equal to itself when written again. */
static void
test_bent(void **state)
{
	char error[REGISTRATION_ERROR];
	unsigned int seed = 1, read = 0;
	struct fixture f;
	char *bent;

	(void)state;
	fixture_begin(&f);
	registration_pack(&f.pk, &example);
	bent = malloc(f.out.size);
	assert_non_null(bent);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		size_t len = rand_r(&seed) % 4 ? f.out.size : (size_t)rand_r(&seed) % f.out.size;
		struct registration *r = NULL, *again = NULL;
		struct fixture g;

		memcpy(bent, f.out.data, f.out.size);
		for (int n = rand_r(&seed) % 3; n >= 0; n--)
			bent[(size_t)rand_r(&seed) % f.out.size] = (char)rand_r(&seed);
		if (registration_unpack(bent, len, &r, error) < 0) {
			assert_true(error[0] != '\0');
			continue;
		}
		read++;
		fixture_begin(&g);
		registration_pack(&g.pk, r);
		assert_int_equal(registration_unpack(g.out.data, g.out.size, &again, error), 0);
		assert_true(registration_equal(r, again));
		registration_free(r);
		registration_free(again);
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
		cmocka_unit_test(test_packed),	  cmocka_unit_test(test_round),
		cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_odd_ports),
		cmocka_unit_test(test_bent),
	};

	return cmocka_run_group_tests_name("registration", tests, setup, NULL);
}
