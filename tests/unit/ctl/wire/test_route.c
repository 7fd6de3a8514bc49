/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of routes, compared with what iproute2's `ip route get` says; without it,
 * loopback alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/wire/route.h"

/*
 * The word behind another one in what `ip` says of a route; false: it says no such thing, or is not
 * there.
 */
static int
ip_says(const char *source, const char *destination, const char *before, char word[64])
{
	char command[160], line[512] = "";
	const char *at;
	FILE *ip;

	snprintf(command, sizeof(command), "ip -o route get %s from %s 2>/dev/null", destination,
		 source);
	ip = popen(command, "r");
	assert_non_null(ip);
	if (!fgets(line, sizeof(line), ip))
		line[0] = '\0';
	pclose(ip);
	at = strstr(line, before);
	return at && sscanf(at + strlen(before), " %63s", word) == 1;
}

static void
test_loopback(void **state)
{
	char text[ROUTE_TEXT] = "untouched";

	(void)state;
	assert_int_equal(route_text("127.0.0.1", "127.0.0.1", NULL, text), 0);
	assert_string_equal(text, "by lo: it is an address of this host");
	assert_int_equal(route_text("127.0.0.1", "127.0.0.2", "lo", text), 0);
	assert_string_equal(text, "by lo: it is an address of this host");
	if (route_text("::1", "::1", NULL, text) == 0) /* a host may have no IPv6 */
		assert_string_equal(text, "by lo: it is an address of this host");
}

/* Nothing but addresses of one family; the kernel's refusals come through, and text stays. */
static void
test_refused(void **state)
{
	char text[ROUTE_TEXT] = "untouched";

	(void)state;
	assert_int_equal(route_text("10.0.0.1", "node7", NULL, text), -EINVAL);
	assert_int_equal(route_text("node7", "10.0.0.1", NULL, text), -EINVAL);
	assert_int_equal(route_text("::1", "10.0.0.1", NULL, text), -EINVAL);
	assert_int_equal(route_text("10.0.0.1", "::1", NULL, text), -EINVAL);
	assert_int_equal(route_text("", "", NULL, text), -EINVAL);
	assert_true(route_text("203.0.113.9", "127.0.0.1", NULL, text) <
		    0); /* an address that is none of this host */
	assert_string_equal(text, "untouched");
}

/*
 * The way out of this host, if it has one: 198.51.100.0/24 is for documentation, so it is the
 * default route.
 */
static void
test_way_out(void **state)
{
	char source[64], device[64], gateway[64], text[ROUTE_TEXT], expected[ROUTE_TEXT];

	(void)state;
	if (!ip_says("0.0.0.0", "198.51.100.1", " src", source) ||
	    !ip_says(source, "198.51.100.1", " dev", device))
		return;
	assert_int_equal(route_text(source, "198.51.100.1", device, text), 0);
	if (ip_says(source, "198.51.100.1", " via", gateway))
		snprintf(expected, sizeof(expected), "by %s via %s", device, gateway);
	else
		snprintf(expected, sizeof(expected), "by %s, direct", device);
	assert_string_equal(text, expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
