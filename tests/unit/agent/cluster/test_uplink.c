/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces are directories, as sysfs has them. Routes are the kernel's, set by ip(8) in a network
 * namespace of this test. The texts of speeds are those of drivers/infiniband/core/sysfs.c.
 */
#include "agent/cluster/uplink.h"

#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cluster/uplinks.h"
#include "agent/config/config.h"
#include "core/clock.h"
#include "core/loop.h"

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* ---- interfaces ---- */

static char sys[] = "/tmp/test_uplink_XXXXXX";

static void
netdev(const char *name, int ifindex, const char *lower1, const char *lower2)
{
	const char *const lower[] = {lower1, lower2};
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/class/net/%s", sys, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/class/net/%s/ifindex", sys, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d\n", ifindex);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < 2 && lower[i]; i++) {
		snprintf(path, sizeof(path), "%s/class/net/%s/lower_%s", sys, name, lower[i]);
		assert_int_equal(symlink("/", path), 0);
	}
}

static void
test_links(void **state)
{
	struct uplink u = {0};
	char text[300];

	(void)state;
	assert_non_null(mkdtemp(sys));
	snprintf(text, sizeof(text), "mkdir -p %s/class/net", sys);
	assert_int_equal(system(text), 0);
	netdev("eth0", 2, NULL, NULL);
	netdev("eth1", 3, NULL, NULL);
	netdev("bond0", 4, "eth0", "eth1");
	netdev("bond0.7", 5, "bond0", NULL);
	netdev("loop0", 6, "loop0", NULL); /* that a kernel never has */
	uplink_find_links(sys, "eth1", &u);
	assert_int_equal(u.n_links, 1);
	assert_int_equal(u.links[0].ifindex, 3);
	u.n_links = 0;
	uplink_find_links(sys, "bond0.7", &u);
	assert_int_equal(u.n_links, 2);
	assert_int_equal(u.links[0].ifindex + u.links[1].ifindex, 2 + 3);
	assert_int_not_equal(u.links[0].ifindex, u.links[1].ifindex);
	u.n_links = 0;
	uplink_find_links(sys, "loop0", &u);
	assert_true(u.n_links <= 1);
	u.n_links = 0;
	uplink_find_links(sys, "gone", &u);
	assert_int_equal(u.n_links, 0);
	snprintf(text, sizeof(text), "rm -r %s", sys);
	assert_int_equal(system(text), 0);
}

static void
test_speed(void **state)
{
	(void)state;
	assert_int_equal(uplink_speed("100 Gb/sec (4X EDR)\n"), 100000);
	assert_int_equal(uplink_speed("2.5 Gb/sec (1X SDR)\n"), 2500);
	assert_int_equal(uplink_speed("800 Gb/sec (4X NDR)\n"), 800000);
	assert_int_equal(uplink_speed(""), 0);
	assert_int_equal(uplink_speed("fast"), 0);
	assert_int_equal(uplink_speed("-5 Gb/sec"), 0);
	assert_int_equal(uplink_speed("nan Gb/sec"), 0);
	assert_int_equal(uplink_speed("1e99 Gb/sec"), 0);
}

/* ---- subnet and router ---- */

static struct uplink
subnet(const char *own, uint8_t bits, const char *gateway)
{
	struct uplink u = {.own = addr(own)};
	struct addr a = addr(gateway);

	uplink_set_subnet(&u, bits, &a, 1);
	return u;
}

static void
test_subnet(void **state)
{
	struct uplink u = subnet("10.1.2.3", 96 + 24, "10.1.2.1");

	(void)state;
	assert_string_equal(u.subnet, "10.1.2.0/24");
	assert_int_equal(u.n_routers, 1);
	assert_string_equal(u.routers[0], "10.1.2.1");
	u = subnet("fd00:1::7", 64, "fd00:1::1");
	assert_string_equal(u.subnet, "fd00:1::/64");
	assert_string_equal(u.routers[0], "fd00:1::1");
	/* Gateways outside the subnet, which may be the same everywhere. */
	assert_int_equal(subnet("10.1.2.3", 96 + 24, "169.254.1.1").n_routers, 0);
	assert_int_equal(subnet("10.1.2.3", 96 + 24, "10.1.3.1").n_routers, 0);
	assert_int_equal(subnet("fd00:1::7", 64, "fe80::1").n_routers, 0);
	assert_int_equal(subnet("10.1.2.3", 96 + 24, "fe80::1").n_routers, 0);
	/* Two ends only. */
	for (uint8_t bits = 126; bits <= 128; bits++) {
		u = subnet("10.1.2.1", bits, "10.1.2.2");
		assert_string_equal(u.subnet, "");
		assert_int_equal(u.n_routers, 0);
		u = subnet("fd00:1::1", bits, "fd00:1::2");
		assert_string_equal(u.subnet, "");
		assert_int_equal(u.n_routers, 0);
	}
	/* No netmask. */
	assert_string_equal(subnet("10.1.2.3", 0, "10.1.2.1").subnet, "");
	assert_string_equal(subnet("fd00:1::7", 0, "fd00:1::1").subnet, "");
}

/* ---- routes ---- */

static bool has_network;

/* A user of its own namespace is root there, or ip(8) would lose its rights. */
static bool
network_of_user(void)
{
	unsigned int uid = getuid();
	FILE *f;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	f = fopen("/proc/self/uid_map", "w");
	if (!f)
		return false;
	fprintf(f, "0 %u 1", uid);
	return fclose(f) == 0;
}

static int
network_begin(void **state)
{
	(void)state;
	has_network = (unshare(CLONE_NEWNET) == 0 || network_of_user()) &&
		      system("ip link add e0 type veth peer e1") == 0;
	return 0;
}

static void
ip(const char *text)
{
	char command[128];

	snprintf(command, sizeof(command), "ip %s", text);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void
gateways(const char *netdev, const char *own, const char *first, const char *second)
{
	struct uplink_gateways found = {.n = 0};
	const char *const wanted[] = {first, second};
	struct addr a = addr(own);
	char text[ADDR_TEXT];
	size_t n = 0;

	assert_int_equal(uplink_gateways(if_nametoindex(netdev), &a, &found), 0);
	for (; n < 2 && wanted[n]; n++) {
		assert_true(n < found.n);
		assert_string_equal(addr_text(&found.addrs[n], text), wanted[n]);
	}
	assert_int_equal(found.n, n);
}

static void
test_gateways(void **state)
{
	(void)state;
	if (!has_network)
		skip();
	ip("link set e0 up");
	ip("link set e1 up");
	ip("addr add 10.1.2.3/24 dev e0");
	ip("addr add 10.1.9.3/24 dev e1");
	ip("-6 addr add fd00:1::7/64 dev e0 nodad");
	gateways("e0", "10.1.2.3", NULL, NULL);
	ip("route add 10.0.0.0/8 via 10.1.2.7 dev e0");
	gateways("e0", "10.1.2.3", "10.1.2.7", NULL);
	gateways("e1", "10.1.9.3", NULL, NULL);
	ip("route add default via 10.1.9.1 dev e1"); /* of the management network */
	gateways("e0", "10.1.2.3", "10.1.2.7", NULL);
	gateways("e1", "10.1.9.3", "10.1.9.1", NULL);
	ip("route add default via 10.1.2.1 dev e0 table 100"); /* by source address */
	gateways("e0", "10.1.2.3", "10.1.2.1", NULL);
	ip("route add default table 101 nexthop via 10.1.2.2 dev e0 nexthop via 10.1.9.2 dev e1");
	gateways("e0", "10.1.2.3", "10.1.2.1", "10.1.2.2");
	gateways("e0", "fd00:1::7", NULL, NULL);
	ip("-6 route add default via fd00:1::1 dev e0");
	gateways("e0", "fd00:1::7", "fd00:1::1", NULL);
}

static void
test_ask(void **state)
{
	const struct uplink_places places = {
		.sys = "/sys",
		.lldp = {.networkd_dir = "/nowhere", .lldpd_file = "", .lldpd_socket = "/nowhere"},
	};
	struct uplink u[2] = {{.own = addr("10.1.2.3"), .device = "none", .port = 1},
			      {.own = addr("10.99.0.1"), .device = "none", .port = 1}};

	(void)state;
	if (!has_network)
		skip();
	u[0].ifindex = if_nametoindex("e0");
	uplink_ask(&places, u, 2);
	assert_string_equal(u[0].subnet, "10.1.2.0/24");
	assert_int_equal(u[0].n_routers, 2);
	assert_string_equal(u[0].routers[0], "10.1.2.1");
	assert_int_equal(u[0].speed_mbps, 0);
	assert_string_equal(u[1].subnet, "");
	assert_int_equal(u[1].n_links, 0);
}

/* ---- what counts ---- */

static struct loop *loop;
static struct uplinks *uplinks;

static int
uplinks_begin(void **state)
{
	struct uplinks_env env = {0};

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	env.loop = loop;
	return uplinks_new(&env, &uplinks);
}

static int
uplinks_end(void **state)
{
	(void)state;
	uplinks_free(uplinks);
	loop_free(loop);
	return 0;
}

/* A bond over two interfaces, of which each hears a switch. */
static struct uplink
bond(enum lldp_state first, enum lldp_state second)
{
	struct uplink u = {.device = "mlx5_0", .port = 1, .n_links = 2, .n_routers = 1,
			   .routers = {"10.1.2.1"}, .subnet = "10.1.2.0/24", .speed_mbps = 100000};

	u.links[0] = (struct uplink_link){.ifindex = 2, .lldp.state = first};
	u.links[1] = (struct uplink_link){.ifindex = 3, .lldp.state = second};
	if (first == LLDP_HEARD)
		lldp_add(&u.links[0].lldp, "leaf2");
	if (second == LLDP_HEARD)
		lldp_add(&u.links[1].lldp, "leaf1");
	if (second == LLDP_FAILED)
		lldp_fail(&u.links[1].lldp, "it is ill");
	return u;
}

static const char *tors[5];

/* Of these, up to the first NULL. */
static struct config
config_of(const char *host_tor)
{
	struct config config = {.tor = (char *)(uintptr_t)host_tor,
				.cluster = {.tors = (char **)(uintptr_t)tors}};

	while (config.cluster.n_tors < 5 && tors[config.cluster.n_tors])
		config.cluster.n_tors++;
	return config;
}

static struct uplinks_tor
tor(struct uplink answer, const char *configured, uint64_t s)
{
	const struct config config = config_of(configured);
	struct uplinks_tor out;

	uplinks_take(uplinks, &answer, 1, s * NSEC_PER_SEC);
	uplinks_tor(uplinks, uplinks_find(uplinks, "mlx5_0", 1), &config, &out);
	return out;
}

static void
is(const struct uplinks_tor *t, enum registration_tor_by by, const char *first, const char *second)
{
	assert_int_equal(t->by, by);
	assert_int_equal(t->n, (first != NULL) + (second != NULL));
	if (first)
		assert_string_equal(t->names[0], first);
	if (second)
		assert_string_equal(t->names[1], second);
}

static void
test_order(void **state)
{
	struct uplink u = bond(LLDP_HEARD, LLDP_HEARD);
	struct uplinks_tor t = tor(u, "rack7", 100);

	(void)state;
	assert_null(uplinks_find(uplinks, "mlx5_0", 2));
	is(&t, REGISTRATION_TOR_CONFIG, "rack7", NULL);
	assert_int_equal(t.lldp, LLDP_HEARD);
	assert_int_equal(t.speed_mbps, 100000);
	tors[0] = "mlx5_[1-9]=other";
	t = tor(u, "rack7", 100);
	is(&t, REGISTRATION_TOR_CONFIG, "rack7", NULL);
	tors[1] = "mlx5_0=plane2";
	tors[2] = "mlx5_*=plane1";
	tors[3] = "*_0=plane2";
	t = tor(u, "rack7", 100);
	is(&t, REGISTRATION_TOR_CONFIG, "plane1", "plane2");
	tors[0] = NULL;
	t = tor(u, "", 100);
	is(&t, REGISTRATION_TOR_LLDP, "leaf1", "leaf2");
	u.links[0].ifindex = 12;
	u.links[1].ifindex = 13;
	u = bond(LLDP_ABSENT, LLDP_ABSENT);
	u.links[0].ifindex = 12;
	u.links[1].ifindex = 13;
	t = tor(u, "", 100);
	is(&t, REGISTRATION_TOR_ROUTER, "10.1.2.1", NULL);
	assert_int_equal(t.lldp, LLDP_ABSENT);
	u.n_routers = 0;
	t = tor(u, "", 100);
	is(&t, REGISTRATION_TOR_SUBNET, "10.1.2.0/24", NULL);
	u.subnet[0] = '\0';
	t = tor(u, "", 100);
	is(&t, REGISTRATION_TOR_NONE, NULL, NULL);
}

static void
test_kept(void **state)
{
	struct uplinks_tor t = tor(bond(LLDP_HEARD, LLDP_HEARD), "", 1000);
	struct uplink moved = bond(LLDP_HEARD, LLDP_NONE);

	(void)state;
	/* A failure, for however long, keeps what was heard before. */
	t = tor(bond(LLDP_HEARD, LLDP_FAILED), "", 1030);
	is(&t, REGISTRATION_TOR_LLDP, "leaf1", "leaf2");
	assert_int_equal(t.lldp, LLDP_HEARD);
	t = tor(bond(LLDP_FAILED, LLDP_FAILED), "", 90000);
	is(&t, REGISTRATION_TOR_LLDP, "leaf1", "leaf2");
	assert_int_equal(t.lldp, LLDP_FAILED);
	assert_string_equal(t.lldp_reason, "it is ill");
	/* Silence does for five minutes. */
	t = tor(bond(LLDP_HEARD, LLDP_HEARD), "", 100000);
	t = tor(bond(LLDP_HEARD, LLDP_NONE), "", 100299);
	is(&t, REGISTRATION_TOR_LLDP, "leaf1", "leaf2");
	t = tor(bond(LLDP_HEARD, LLDP_NONE), "", 100300);
	is(&t, REGISTRATION_TOR_LLDP, "leaf2", NULL);
	/* Another switch counts at once. */
	moved.links[0].lldp = (struct lldp_switches){0};
	lldp_add(&moved.links[0].lldp, "leaf9");
	t = tor(moved, "", 100301);
	is(&t, REGISTRATION_TOR_LLDP, "leaf9", NULL);
	t = tor(bond(LLDP_NONE, LLDP_NONE), "", 100601);
	is(&t, REGISTRATION_TOR_ROUTER, "10.1.2.1", NULL);
	assert_int_equal(t.lldp, LLDP_NONE);
}

static unsigned int sentences;

static void
hear(void *arg, enum degraded_reason why, const char *sentence)
{
	(void)arg;
	assert_int_equal(why, DEGRADED_LLDP);
	assert_non_null(strstr(sentence, "it is ill"));
	sentences++;
}

static void
test_degraded(void **state)
{
	const struct config none = config_of(""), one = config_of("rack7");

	(void)state;
	tor(bond(LLDP_NONE, LLDP_FAILED), "", 200000);
	uplinks_degraded(uplinks, &none, hear, NULL);
	assert_int_equal(sentences, 1);
	uplinks_degraded(uplinks, &one, hear, NULL);
	tor(bond(LLDP_HEARD, LLDP_FAILED), "", 200000);
	uplinks_degraded(uplinks, &none, hear, NULL);
	assert_int_equal(sentences, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_subnet),
		cmocka_unit_test_setup(test_gateways, network_begin),
		cmocka_unit_test(test_ask),
		cmocka_unit_test_setup_teardown(test_order, uplinks_begin, uplinks_end),
		cmocka_unit_test_setup_teardown(test_kept, uplinks_begin, uplinks_end),
		cmocka_unit_test_setup_teardown(test_degraded, uplinks_begin, uplinks_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
