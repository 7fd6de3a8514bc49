/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/routers.h"

/* Messages leave with a hop limit of 64: each router takes one off. */
static void
test_number(void **state)
{
	(void)state;
	assert_int_equal(routers_of_hop_limit(64), 0);
	assert_int_equal(routers_of_hop_limit(63), 1);
	assert_int_equal(routers_of_hop_limit(61), 3);
	assert_int_equal(routers_of_hop_limit(34), 30);
	assert_int_equal(routers_of_hop_limit(33), ROUTERS_UNKNOWN);
	assert_int_equal(routers_of_hop_limit(65), ROUTERS_UNKNOWN);
	assert_int_equal(routers_of_hop_limit(255), ROUTERS_UNKNOWN);
	assert_int_equal(routers_of_hop_limit(0), ROUTERS_UNKNOWN);
}

static void
expect(struct routers *r, uint8_t hop_limit, int number)
{
	routers_saw(r, hop_limit);
	assert_int_equal(routers_number(r), number);
	assert_int_equal(routers_hop_limit(r), number == ROUTERS_UNKNOWN ? 0 : hop_limit);
}

static void
test_sure(void **state)
{
	struct routers r = {0};

	(void)state;
	assert_int_equal(routers_number(&r), ROUTERS_UNKNOWN);
	expect(&r, 61, ROUTERS_UNKNOWN);
	expect(&r, 61, ROUTERS_UNKNOWN);
	for (int i = 0; i < 600; i++)
		expect(&r, 61, 3);
	/* The route changes, and is the same again three messages later. */
	expect(&r, 59, ROUTERS_UNKNOWN);
	expect(&r, 59, ROUTERS_UNKNOWN);
	expect(&r, 59, 5);
	/* One message that took another way. */
	expect(&r, 61, ROUTERS_UNKNOWN);
	expect(&r, 59, ROUTERS_UNKNOWN);
	expect(&r, 59, ROUTERS_UNKNOWN);
	expect(&r, 59, 5);
}

/* Spread over two ways of different lengths: never known. */
static void
test_spread(void **state)
{
	struct routers r = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		expect(&r, i & 1 ? 61 : 63, ROUTERS_UNKNOWN);
}

/* An older build reports nothing, or the peer changes to one. */
static void
test_not_reported(void **state)
{
	struct routers r = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		expect(&r, 0, ROUTERS_UNKNOWN);
	for (int i = 0; i < 3; i++)
		routers_saw(&r, 64);
	assert_int_equal(routers_number(&r), 0);
	expect(&r, 0, ROUTERS_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_sure),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_not_reported),
	};

	return cmocka_run_group_tests_name("routers", tests, NULL, NULL);
}
