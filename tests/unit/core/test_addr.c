/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "core/addr.h"

static struct addr
parsed(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) != 0)
		fail_msg("refused: %s", text);
	return a;
}

/*
 * Text in, canonical text out: the examples of RFC 4291 section 2.2 and RFC 5952 sections 1 to 5.
 */
static void
test_text(void **state)
{
	static const char *const pairs[][2] = {
		{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
		 "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
		{"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
		{"FF01:0:0:0:0:0:0:101", "ff01::101"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:0db8::0001", "2001:db8::1"},              /* 4.1: leading zeros */
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},       /* 4.2.1: as short as possible */
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* 4.2.2: not for one field */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},         /* 4.2.3: the longest run */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		   /* 4.2.3: the first of equal ones */
		{"2001:DB8::AAAA", "2001:db8::aaaa"},            /* 4.3: lower case */
		{"0:0:0:0:0:FFFF:129.144.52.38", "129.144.52.38"},
		{"::ffff:c000:201", "192.0.2.1"},
		{"10.0.0.2", "10.0.0.2"},
		{"255.255.255.255", "255.255.255.255"},
		{"0.0.0.0", "0.0.0.0"},
	};
	char buf[ADDR_TEXT];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		a = parsed(pairs[i][0]);
		assert_ptr_equal(addr_text(&a, buf), buf);
		assert_string_equal(buf, pairs[i][1]);
	}
}

/* Texts of digits and dots are what inet_pton(3) takes them for. */
static void
test_v4(void **state)
{
	static const char alphabet[] = "0012559....";
	uint8_t raw[4];
	char text[20];
	uint32_t random = 1, n_good = 0;
	struct addr a;

	(void)state;
	for (int round = 0; round < 2000000; round++) {
		size_t n = 0;

		random = random * 1664525u + 1013904223u;
		for (uint32_t x = random >> 4, len = 6 + round % 11; n < len; n++) {
			x = x * 1103515245u + 12345u;
			text[n] = alphabet[(x >> 16) % (sizeof(alphabet) - 1)];
		}
		text[n] = '\0';
		if (inet_pton(AF_INET, text, raw) != 1) {
			if (addr_parse(text, &a) == 0)
				fail_msg("taken: %s", text);
			continue;
		}
		n_good++;
		a = parsed(text);
		assert_memory_equal(a.raw + 12, raw, 4);
	}
	assert_true(n_good > 1000);
}

static void
test_bytes(void **state)
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 10, 0, 0, 2};
	static const uint8_t v6[16] = {0xfd, 0, 0x12, 0x34, [15] = 0x56};
	struct addr a = parsed("10.0.0.2"), b = parsed("fd00:1234::56");

	(void)state;
	assert_memory_equal(a.raw, v4, 16);
	assert_memory_equal(b.raw, v6, 16);
}

static void
test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.2 ",
		" 10.0.0.2",
		"10.0.0.2.3",
		"010.0.0.1",
		"0x0a.0.0.1",
		"10.0.0.2/8",
		":",
		":::",
		"1::2::3",
		"12345::",
		"g::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"fe80::1%eth0",
		"[::1]",
		"host",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&a, 0xa5, sizeof(a));
		if (addr_parse(texts[i], &a) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
		assert_int_equal(a.raw[0], 0xa5); /* untouched */
		assert_int_equal(a.raw[15], 0xa5);
	}
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool v4, zero, link_local;
	} kinds[] = {
		{"10.0.0.1", true, false, false},   {"0.0.0.0", true, false, false},  {"::", false,
		 true, false},
		{"::1", false, false, false},       {"fe80::1", false, false, true},
		  {"febf:ffff::", false, false, true},
		{"fec0::1", false, false, false},   {"fe7f::1", false, false, false},
		 {"::fffe:a00:1", false, false, false},
		{"1::ffff:a00:1", false, false, false},
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		a = parsed(kinds[i].text);
		assert_int_equal(addr_is_v4(&a), kinds[i].v4);
		assert_int_equal(addr_is_zero(&a), kinds[i].zero);
		assert_int_equal(addr_is_link_local(&a), kinds[i].link_local);
	}
}

static void
test_equal(void **state)
{
	struct addr a = parsed("fd00::1"), b = parsed("fd00:0::0:1"), c = parsed("fd00::2"),
		    d = parsed("7d00::1");

	(void)state;
	assert_true(addr_equal(&a, &b));
	assert_false(addr_equal(&a, &c));
	assert_false(addr_equal(&a, &d));
	assert_int_equal(addr_common_bits(&a, &b), 128);
	assert_int_equal(addr_common_bits(&a, &c), 126);
	assert_int_equal(addr_common_bits(&a, &d), 0);
}

static void
test_net(void **state)
{
	static const struct {
		const char *net, *in, *out; /* first and last in, both neighbours out; "-": none */
		const char *last, *after;
	} nets[] = {
		{"10.0.0.0/8", "10.0.0.0", "9.255.255.255", "10.255.255.255", "11.0.0.0"},
		{"172.16.0.0/12", "172.16.0.0", "172.15.255.255", "172.31.255.255", "172.32.0.0"},
		{"192.168.1.0/25", "192.168.1.0", "192.168.0.255", "192.168.1.127",
		 "192.168.1.128"},
		{"192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.1", "192.0.2.2"},
		{"192.0.2.1/32", "192.0.2.1", "192.0.2.0", "192.0.2.1", "192.0.2.2"},
		{"0.0.0.0/0", "0.0.0.0", "::1", "255.255.255.255", "fd00::1"},
		{"10.1.2.3/8", "10.0.0.0", "9.255.255.255", "10.255.255.255", "11.0.0.0"},
		 /* host bits are dropped */
		{"fc00::/7", "fc00::", "fbff:ffff::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "fe00::"},
		{"fe80::/10", "fe80::", "fe7f:ffff::", "febf:ffff::", "fec0::"},
		{"2001:db8::/32", "2001:db8::", "2001:db7:ffff::",
		 "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
		/* RFC 4291 section 2.3: 60 bits, 2001:0DB8:0000:CD3 */
		{"2001:0DB8:0:CD30::/60", "2001:db8:0:cd30::", "2001:db8:0:cd2f::",
		 "2001:db8:0:cd3f::1", "2001:db8:0:cd40::"},
		{"::1", "::1", "::", "::1", "::2"},
		{"::/0", "::", "10.0.0.1", "ffff::1", "0.0.0.0"}, /* IPv6 alone */
		{"::ffff:10.0.0.0/104", "10.0.0.0", "9.255.255.255", "10.255.255.255", "11.0.0.0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct addr in = parsed(nets[i].in), out = parsed(nets[i].out);
		struct addr last = parsed(nets[i].last), after = parsed(nets[i].after);
		struct addr_net net;

		assert_int_equal(addr_net_parse(nets[i].net, &net), 0);
		if (!addr_net_has(&net, &in) || !addr_net_has(&net, &last))
			fail_msg("%s lacks %s or %s", nets[i].net, nets[i].in, nets[i].last);
		if (addr_net_has(&net, &out) || addr_net_has(&net, &after))
			fail_msg("%s has %s or %s", nets[i].net, nets[i].out, nets[i].after);
	}
}

static void
test_net_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		"10.0.0.0/8/8",
		"10.0.0.0/0x8",
		"10.0.0.0/18446744073709551624",
		"10.0.0.0/4294967304",
		"10/8",
		"fd00::/129",
		"fd00::/a",
		"host/8",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8",
	};
	struct addr_net net;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (addr_net_parse(texts[i], &net) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
}

static void
test_sockaddr(void **state)
{
	struct addr v4 = parsed("10.0.0.2"), v6 = parsed("fd00::2"), back;
	struct sockaddr_storage ss;
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	(void)state;
	assert_int_equal(addr_to_sockaddr(&v4, 21072, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_port, htons(21072));
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_addr.s_addr, htonl(0x0a000002));
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	assert_true(addr_equal(&v4, &back));

	assert_int_equal(addr_to_sockaddr(&v6, 1, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(ss.ss_family, AF_INET6);
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_port, htons(1));
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_scope_id, 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	assert_true(addr_equal(&v6, &back));

	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&un, &back), -EAFNOSUPPORT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_net_refused),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
