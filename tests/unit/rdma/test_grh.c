/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/addr.h"
#include "rdma/grh.h"

/* The header of RFC 1071 examples in textbooks: 172.16.10.99 to 172.16.10.12, checksum 0xb1e6. */
static const uint8_t v4_header[20] = {0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
				      0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c};

static void
expect(const uint8_t grh[40], const char *from, const char *to, uint8_t hops)
{
	struct addr src, dst;
	uint8_t hop_limit = 0;
	char text[ADDR_TEXT];

	assert_int_equal(grh_parse(grh, &src, &dst, &hop_limit), 0);
	assert_string_equal(addr_text(&src, text), from);
	assert_string_equal(addr_text(&dst, text), to);
	assert_int_equal(hop_limit, hops);
}

static void
test_v4(void **state)
{
	uint8_t grh[40] = {0};

	(void)state;
	memcpy(grh + 20, v4_header, sizeof(v4_header));
	expect(grh, "172.16.10.99", "172.16.10.12", 64);
}

/* The first 20 bytes are undefined with IPv4: they may look like IPv6. */
static void
test_v4_behind_noise(void **state)
{
	uint8_t grh[40];

	(void)state;
	memset(grh, 0x60, sizeof(grh));
	memcpy(grh + 20, v4_header, sizeof(v4_header));
	expect(grh, "172.16.10.99", "172.16.10.12", 64);
}

static void
test_v6(void **state)
{
	uint8_t grh[40] = {0x60, 0, 0, 0, 0, 10, 0x1b, 61};

	(void)state;
	grh[8] = 0xfd;
	grh[23] = 1;
	grh[24] = 0xfd;
	grh[39] = 2;
	expect(grh, "fd00::1", "fd00::2", 61);
}

/*
 * An IPv6 address may begin like an IPv4 header where one would stand; its checksum will not hold.
 */
static void
test_v6_that_looks_like_v4(void **state)
{
	uint8_t grh[40] = {0x60, 0, 0, 0, 0, 10, 0x1b, 61};

	(void)state;
	grh[8] = 0xfd;
	grh[20] = 0x45;
	grh[24] = 0xfd;
	grh[39] = 2;
	expect(grh, "fd00::4500:0", "fd00::2", 61);
}

static void
test_neither(void **state)
{
	uint8_t grh[40] = {0}, hop_limit;
	struct addr src, dst;

	(void)state;
	assert_int_equal(grh_parse(grh, &src, &dst, &hop_limit), -EBADMSG);
	memcpy(grh + 20, v4_header, sizeof(v4_header));
	grh[20 + 10] ^= 1; /* checksum */
	assert_int_equal(grh_parse(grh, &src, &dst, &hop_limit), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v4_behind_noise),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_v6_that_looks_like_v4),
		cmocka_unit_test(test_neither),
	};

	return cmocka_run_group_tests_name("grh", tests, NULL, NULL);
}
