/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against the kernel of the machine: the loopback interface is there in each namespace, and
 * addresses for documentation (RFC 5737, RFC 3849) are in none.
 */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "rdma/gid_local.h"

static struct {
	int socket_fails, device_fails; /* errno; 0: as the kernel says */
} fake;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);

int
__wrap_socket(int domain, int type, int protocol)
{
	errno = fake.socket_fails;
	return fake.socket_fails ? -1 : __real_socket(domain, type, protocol);
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	errno = fake.device_fails;
	return fake.device_fails ? -1 : __real_setsockopt(fd, level, name, value, len);
}

static bool
local(const char *text, uint32_t ifindex)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return gid_local(&addr, ifindex);
}

static uint32_t
loopback(void)
{
	return if_nametoindex("lo");
}

static bool
has_ipv6(void)
{
	return local("::1", loopback());
}

/* The same index in another namespace proves nothing. */
static void
test_addresses(void **state)
{
	(void)state;
	assert_true(local("127.0.0.1", loopback()));
	assert_true(local("127.0.0.1", 0));
	assert_true(local("127.0.0.1", 999999));
	assert_false(local("192.0.2.1", loopback()));
	assert_false(local("192.0.2.1", 0));
	assert_false(local("192.0.2.1", 999999));
	if (has_ipv6())
		assert_false(local("2001:db8::1", loopback()));
}

/* Loopback's MAC address is all zero: its EUI-64 is 200:ff:fe00:0. */
static void
test_link_local(void **state)
{
	(void)state;
	if (!has_ipv6())
		return;
	assert_true(local("fe80::200:ff:fe00:0", loopback()));
	assert_false(local("fe80::200:ff:fe00:1", loopback()));
	assert_false(local("fe80::ff:fe00:0", loopback()));
	assert_false(local("fe80::200:ff:fe00:0", 999999));
}

static void
test_not_known(void **state)
{
	(void)state;
	fake.device_fails = EPERM;
	assert_true(local("192.0.2.1", loopback()));
	assert_false(local("192.0.2.1", 999999));
	fake.device_fails = 0;
	fake.socket_fails = EAFNOSUPPORT;
	assert_true(local("192.0.2.1", loopback()));
	assert_true(local("2001:db8::1", loopback()));
	fake.socket_fails = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_not_known),
	};

	return cmocka_run_group_tests_name("gid_local", tests, NULL, NULL);
}
