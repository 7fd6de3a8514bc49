/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/routers.h"

/* A single number, three times. */
static int
number_of(uint8_t sent, uint8_t arrived)
{
	struct routers r = {0};

	for (int i = 0; i < 3; i++)
		routers_saw(&r, sent, arrived);
	return routers_number(&r);
}

/* Each router takes one off. */
static void
test_number(void **state)
{
	(void)state;
	assert_int_equal(number_of(64, 64), 0);
	assert_int_equal(number_of(64, 63), 1);
	assert_int_equal(number_of(64, 61), 3);
	assert_int_equal(number_of(60, 57), 3);
	assert_int_equal(number_of(255, 225), 30);
	assert_int_equal(number_of(255, 224), ROUTERS_UNKNOWN);
	assert_int_equal(number_of(64, 65), ROUTERS_UNKNOWN);
	assert_int_equal(number_of(64, 0), ROUTERS_UNKNOWN);
	assert_int_equal(number_of(0, 64), ROUTERS_UNKNOWN);
	assert_int_equal(number_of(0, 0), ROUTERS_UNKNOWN);
}

static void
test_code(void **state)
{
	(void)state;
	assert_int_equal(routers_encode(ROUTERS_UNKNOWN), 0);
	assert_int_equal(routers_encode(0), 1);
	assert_int_equal(routers_encode(30), 31);
	assert_int_equal(routers_encode(31), 0);
	assert_int_equal(routers_decode(0), ROUTERS_UNKNOWN);
	assert_int_equal(routers_decode(1), 0);
	assert_int_equal(routers_decode(31), 30);
	assert_int_equal(routers_decode(32), ROUTERS_UNKNOWN);
	assert_int_equal(routers_decode(255), ROUTERS_UNKNOWN);
}

static void
expect(struct routers *r, uint8_t arrived, int number)
{
	routers_saw(r, 64, arrived);
	assert_int_equal(routers_number(r), number);
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

/* The peer becomes one of an older build, which reports nothing. */
static void
test_not_reported(void **state)
{
	struct routers r = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		routers_saw(&r, 64, 64);
	assert_int_equal(routers_number(&r), 0);
	for (int i = 0; i < 5; i++)
		expect(&r, 0, ROUTERS_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_sure),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_not_reported),
	};

	return cmocka_run_group_tests_name("routers", tests, NULL, NULL);
}
