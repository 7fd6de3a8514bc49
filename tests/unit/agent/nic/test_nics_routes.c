/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which changes of the host's network are noticed. The kernel makes them, in a network namespace of
 * this test.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loop.h"

#define LO 1 /* the index of lo in a new namespace */

static struct {
	struct nics nics;
	struct loop_timer *stop;
	unsigned int changes;
	int netlink;
} world = {.netlink = -1};

static void
world_changed(void *arg)
{
	(void)arg;
	world.changes++;
	loop_stop(world.nics.env.loop);
}

static void
world_stop(void *arg)
{
	(void)arg;
	loop_stop(world.nics.env.loop);
}

static int
world_begin(void **state)
{
	static const struct nics_ops ops = {.routes_changed = world_changed};

	(void)state;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
		return 0;
	world.netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	world.nics.env.ops = &ops;
	assert_int_equal(loop_new(&world.nics.env.loop), 0);
	assert_int_equal(loop_timer_new(world.nics.env.loop, "stop", world_stop, NULL, &world.stop),
			 0);
	nics_routes_start(&world.nics);
	return 0;
}

static int
world_end(void **state)
{
	(void)state;
	if (world.netlink < 0)
		return 0;
	nics_routes_stop(&world.nics);
	loop_timer_free(world.stop);
	loop_free(world.nics.env.loop);
	close(world.netlink);
	return 0;
}

/* Whether it is noticed within two seconds. */
static bool
noticed(void)
{
	world.changes = 0;
	loop_timer_set(world.stop, 2 * NSEC_PER_SEC);
	assert_int_equal(loop_run(world.nics.env.loop), 0);
	return world.changes > 0;
}

/* The kernel does what the message says, and says so: 0 or -errno. */
static int
change(void *message)
{
	struct nlmsghdr *h = message;
	struct {
		struct nlmsghdr h;
		struct nlmsgerr err;
	} answer;

	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	assert_int_equal(send(world.netlink, h, h->nlmsg_len, 0), h->nlmsg_len);
	assert_true(recv(world.netlink, &answer, sizeof(answer), 0) > 0);
	return answer.err.error;
}

static int
add_rule(uint8_t family)
{
	struct {
		struct nlmsghdr h;
		struct fib_rule_hdr rule;
	} m = {
		.h = {.nlmsg_type = RTM_NEWRULE, .nlmsg_len = sizeof(m)},
		.rule = {.family = family, .action = FR_ACT_TO_TBL, .table = RT_TABLE_MAIN},
	};

	return change(&m);
}

static int
add_address(uint8_t family, const void *address, uint16_t size)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg of;
		struct rtattr local;
		uint8_t address[16];
	} m = {
		.h = {.nlmsg_type = RTM_NEWADDR},
		.of = {.ifa_family = family, .ifa_prefixlen = 8 * (uint8_t)size, .ifa_index = LO},
		.local = {.rta_type = IFA_LOCAL, .rta_len = (uint16_t)RTA_LENGTH(size)},
	};

	memcpy(m.address, address, size);
	m.h.nlmsg_len = (uint32_t)(offsetof(typeof(m), address) + size);
	return change(&m);
}

static void
test_rules(void **state)
{
	(void)state;
	if (world.netlink < 0)
		skip();
	assert_int_equal(add_rule(AF_INET), 0);
	assert_true(noticed());
	assert_int_equal(add_rule(AF_INET6), 0);
	assert_true(noticed());
}

static void
test_addresses(void **state)
{
	static const uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

	(void)state;
	if (world.netlink < 0)
		skip();
	assert_int_equal(add_address(AF_INET, v4, sizeof(v4)), 0);
	assert_true(noticed());
	assert_int_equal(add_address(AF_INET6, v6, sizeof(v6)), 0);
	assert_true(noticed());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("nics_routes", tests, world_begin, world_end);
}
