/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which links the candidates of an incident are, in a fabric with two address families: host a -
 * leaf1 - spine1 (or spine2) - leaf2 - host b, and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "central/roads/roads.h"
#include "central/tell/central_suspects.h"
#include "core/clock.h"

#define NOW (1000000 * NSEC_PER_SEC)

static struct roads *roads;
static uint64_t sequence;
static uint16_t src_port;

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void
width(void *arg)
{
	(void)arg;
}

static void
put(const char *name, const char *v4, const char *v6)
{
	struct registration_port port = {.device = "mlx5_0", .port = 1, .n_addrs = 2};
	struct registration r = {.ports = &port, .n_ports = 1};

	port.addrs[0] = address(v4);
	port.addrs[1] = address(v6);
	snprintf(r.host, sizeof(r.host), "%s", name);
	assert_int_equal(roads_put_host(roads, &r), 0);
}

static void
name(const char *sw, const char *v4, const char *v6)
{
	const struct addr a = address(v4), b = address(v6);

	assert_int_equal(roads_name_file(roads, &a, sw, NULL), 0);
	assert_int_equal(roads_name_file(roads, &b, sw, NULL), 0);
}

/* A path of three routers. */
static void
path(const char *host, const char *from, const char *to, const char *const hops[3])
{
	struct paths_path p = {.src_port = ++src_port, .time_ns = NOW, .stable = true,
			       .reached = true, .n_hops = 3};
	struct paths paths = {.incarnation = 7, .sequence = ++sequence, .paths = &p, .n_paths = 1};

	snprintf(paths.host, sizeof(paths.host), "%s", host);
	p.source = address(from);
	p.destination = address(to);
	for (int i = 0; i < 3; i++)
		p.hops[i] = address(hops[i]);
	assert_int_equal(roads_take(roads, &paths, NOW), 0);
}

static int
setup(void **state)
{
	static const char *const there[3] = {"10.1.0.1", "10.2.1.1", "10.3.0.1"};
	static const char *const there2[3] = {"10.1.0.1", "10.2.2.1", "10.3.0.2"};
	static const char *const there6[3] = {"fd00:1::1", "fd00:2:1::1", "fd00:3::1"};
	static const char *const back[3] = {"10.3.0.9", "10.2.1.2", "10.1.0.2"};
	static const char *const back6[3] = {"fd00:3::9", "fd00:2:1::2", "fd00:1::2"};
	const struct roads_ops ops = {.width = width};

	(void)state;
	assert_int_equal(roads_new(&ops, 16, &roads), 0);
	put("a", "10.0.1.1", "fd00:0:1::1");
	put("b", "10.0.2.1", "fd00:0:2::1");
	name("leaf1", "10.1.0.1", "fd00:1::1");
	name("leaf1", "10.1.0.2", "fd00:1::2");
	name("spine1", "10.2.1.1", "fd00:2:1::1");
	name("spine1", "10.2.1.2", "fd00:2:1::2");
	name("spine2", "10.2.2.1", "fd00:2:2::1");
	name("leaf2", "10.3.0.1", "fd00:3::1");
	name("leaf2", "10.3.0.9", "fd00:3::9");
	name("leaf2", "10.3.0.2", "fd00:3::2");
	path("a", "10.0.1.1", "10.0.2.1", there);
	path("a", "10.0.1.1", "10.0.2.1", there2);
	path("a", "fd00:0:1::1", "fd00:0:2::1", there6);
	path("b", "10.0.2.1", "10.0.1.1", back);
	path("b", "fd00:0:2::1", "fd00:0:1::1", back6);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	roads_free(roads);
	return 0;
}

static struct central_suspects *
suspects(const struct incident_culprit *culprit)
{
	static const uint8_t key[SIPHASH_KEY] = "a key";
	struct incident_culprit copy = *culprit;
	struct incident incident = {.kind = culprit->kind, .culprits = &copy, .n_culprits = 1};
	struct central_suspects *s;

	assert_int_equal(central_suspects_new(&incident, key, &s), 0);
	while (central_suspects_step(s, roads))
		;
	return s;
}

static bool
is(const struct central_suspects *s, const char *from, const char *to)
{
	const struct addr a = address(from), b = address(to);

	return central_suspects_link(s, &a, &b);
}

/* How many of all links are. */
static int
count(const struct central_suspects *s)
{
	struct roads_link link;
	int n = 0;

	for (uint32_t id = 0; (id = roads_link_after(roads, id, &link));)
		n += central_suspects_link(s, &link.from, &link.to);
	return n;
}

/* The incident has the addresses of IPv4 only. */
static void
test_link(void **state)
{
	const struct incident_culprit c = {.kind = INCIDENT_LINK, .name = "leaf1 -> spine1",
					   .from = "10.1.0.1", .to = "10.2.1.1"};
	struct central_suspects *s = suspects(&c);
	struct addr from, to;
	char text[ADDR_TEXT];

	(void)state;
	assert_true(is(s, "10.1.0.1", "10.2.1.1"));
	assert_true(is(s, "fd00:1::1", "fd00:2:1::1"));
	assert_int_equal(count(s), 2);
	assert_true(central_suspects_named(s, 0, &from, &to));
	assert_string_equal(addr_text(&to, text), "10.2.1.1");
	assert_false(central_suspects_named(s, 1, &from, &to));
	central_suspects_free(s);
}

static void
test_cable(void **state)
{
	const struct incident_culprit c = {.kind = INCIDENT_LINK, .name = "leaf1 <-> spine1",
					   .from = "10.1.0.1", .to = "10.2.1.1"};
	struct central_suspects *s = suspects(&c);

	(void)state;
	assert_true(is(s, "10.1.0.1", "10.2.1.1"));
	assert_true(is(s, "fd00:1::1", "fd00:2:1::1"));
	assert_true(is(s, "10.2.1.2", "10.1.0.2"));
	assert_true(is(s, "fd00:2:1::2", "fd00:1::2"));
	assert_int_equal(count(s), 4);
	central_suspects_free(s);
}

/* IPv4 tells two cables apart, so nobody knows which of them the link of IPv6 is. */
static void
test_parallel(void **state)
{
	static const char *const other[3] = {"10.1.0.1", "10.2.1.9", "10.3.0.1"};
	const struct incident_culprit c = {.kind = INCIDENT_LINK, .name = "leaf1 -> spine1",
					   .from = "10.1.0.9", .to = "10.2.1.1"};
	struct central_suspects *s;

	(void)state;
	name("spine1", "10.2.1.9", "fd00:2:1::9");
	path("a", "10.0.1.1", "10.0.2.1", other);
	s = suspects(&c);
	assert_true(is(s, "10.1.0.1", "10.2.1.1")); /* leaf1 answers from another address now */
	assert_false(is(s, "10.1.0.1", "10.2.1.9"));
	assert_false(is(s, "fd00:1::1", "fd00:2:1::1"));
	assert_int_equal(count(s), 1);
	central_suspects_free(s);
}

/* An incident has eight addresses of a switch at most, and here one. */
static void
test_switch(void **state)
{
	const struct incident_culprit c = {.kind = INCIDENT_SWITCH, .name = "spine1",
					   .addresses = {"10.2.1.1"}, .n_addresses = 1};
	const struct incident_culprit renamed = {.kind = INCIDENT_SWITCH, .name = "old",
						 .addresses = {"10.2.1.1"}, .n_addresses = 1};
	struct central_suspects *s = suspects(&c);

	(void)state;
	assert_true(is(s, "10.2.1.1", "10.3.0.1"));
	assert_true(is(s, "fd00:2:1::2", "fd00:1::2"));
	assert_false(is(s, "10.1.0.1", "10.2.2.1"));
	assert_int_equal(count(s), 8);
	central_suspects_free(s);
	s = suspects(&renamed);
	assert_int_equal(count(s), 2);
	central_suspects_free(s);
}

static void
test_others(void **state)
{
	const struct incident_culprit nic = {.kind = INCIDENT_NIC, .name = "a/mlx5_0/1",
					     .host = "a", .device = "mlx5_0"};
	const struct incident_culprit above = {.kind = INCIDENT_UNKNOWN, .name = "above leaf1"};
	const struct incident_culprit tuple = {
		.kind = INCIDENT_TUPLES, .name = "10.0.1.1 -> 10.0.2.1 port 50001 class 106",
		.from = "10.0.1.1", .to = "10.0.2.1"};
	struct roads_tuple t = {address("10.0.1.1"), address("10.0.2.1"), 50001, 106};
	struct central_suspects *s = suspects(&nic);

	(void)state;
	assert_true(is(s, "10.0.1.1", "10.1.0.1") && is(s, "fd00:1::2", "fd00:0:1::1"));
	assert_int_equal(count(s), 4);
	assert_false(central_suspects_tuple(s, &t));
	central_suspects_free(s);
	s = suspects(&above); /* upwards only */
	assert_true(is(s, "10.1.0.1", "10.2.2.1") && is(s, "fd00:1::1", "fd00:2:1::1"));
	assert_int_equal(count(s), 3);
	central_suspects_free(s);
	s = suspects(&tuple);
	assert_int_equal(count(s), 0);
	assert_true(central_suspects_tuple(s, &t));
	t.src_port++;
	assert_false(central_suspects_tuple(s, &t));
	central_suspects_free(s);
	central_suspects_free(NULL);
}

/* A link that has healed and that nothing crosses any more is still the candidate. */
static void
test_gone(void **state)
{
	const struct incident_culprit c = {.kind = INCIDENT_LINK, .name = "leaf7 -> spine1",
					   .from = "10.7.0.1", .to = "10.2.1.1"};
	struct central_suspects *s = suspects(&c);

	(void)state;
	assert_true(is(s, "10.7.0.1", "10.2.1.1"));
	assert_int_equal(count(s), 0);
	central_suspects_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parallel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	return cmocka_run_group_tests_name("central_suspects", tests, NULL, NULL);
}
