/* SPDX-License-Identifier: Apache-2.0 */
/* Who has to go when all places are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/places.h"

#define S 1000000000ULL
#define NOW (100 * S)

static struct place
user(uint64_t who, uint64_t active_s)
{
	return (struct place){.who = who, .active_ns = active_s * S};
}

static struct place
root(uint64_t active_s)
{
	return (struct place){.who = 0, .privileged = true, .active_ns = active_s * S};
}

static int
yield(const struct place *places, uint32_t n, struct place newcomer)
{
	return places_yield(places, n, &newcomer, NOW);
}

static void
test_heaviest_yields(void **state)
{
	const struct place places[] = {user(1, 95), user(2, 99), user(2, 98), user(2, 97),
				       user(1, 96), user(3, 10)};

	(void)state;
	assert_int_equal(yield(places, 6, user(3, 100)), 3);
	assert_int_equal(yield(places, 6, user(4, 100)), 3);
	assert_int_equal(yield(places, 6, root(100)), 3);
	/* One more than the newcomer's user: they would take turns for ever. */
	assert_int_equal(yield(places, 6, user(1, 100)), -1);
	assert_int_equal(yield(places, 6, user(2, 100)), -1);
}

static void
test_silent_ones_of_the_same_user(void **state)
{
	const struct place places[] = {user(1, 91), user(1, 90), user(1, 92)};
	const struct place busy[] = {user(1, 91), user(1, 93), user(1, 92)};

	(void)state;
	assert_int_equal(yield(places, 3, user(1, 100)), 1);
	assert_int_equal(yield(busy, 3, user(1, 100)), -1);
}

static void
test_root_yields_to_nobody(void **state)
{
	const struct place places[] = {root(10), root(20), root(30), user(1, 99)};
	const struct place all[] = {root(10), root(20), root(30), root(40)};

	(void)state;
	assert_int_equal(yield(places, 4, user(2, 100)), -1);
	assert_int_equal(yield(all, 4, user(2, 100)), -1);
	assert_int_equal(yield(all, 4, root(100)), 0);
}

static void
test_root_gets_in(void **state)
{
	const struct place busy[] = {root(99), root(98), root(97), user(1, 99)};
	const struct place idle[] = {root(99), root(98), root(89), user(1, 99)};
	const struct place daemon_user = {.who = 7, .privileged = true, .active_ns = NOW};

	(void)state;
	assert_int_equal(yield(busy, 4, root(100)), 3);
	assert_int_equal(yield(idle, 4, root(100)), 2);
	assert_int_equal(yield(busy, 4, daemon_user), 2);
}

static void
test_surplus(void **state)
{
	const struct place places[] = {user(1, 10), user(2, 30), user(2, 20), user(2, 100),
				       user(3, 5)};
	const struct place equal[] = {user(1, 20), user(2, 10)};

	(void)state;
	assert_int_equal(places_surplus(places, 5), 2);
	assert_int_equal(places_surplus(equal, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heaviest_yields),
		cmocka_unit_test(test_silent_ones_of_the_same_user),
		cmocka_unit_test(test_root_yields_to_nobody),
		cmocka_unit_test(test_root_gets_in),
		cmocka_unit_test(test_surplus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
