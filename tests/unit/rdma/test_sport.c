/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/udp_port.h"
#include "rdma/sport.h"

/*
 * Port of QPN 17 as tcpdump saw it on soft-RoCE of Linux 5.10 and 6.1, and the hash of the kernel's
 * source by hand.
 */
static void
test_rxe(void **state)
{
	enum sport_rule rule = sport_rule_of("rxe");

	(void)state;
	assert_int_equal(sport_of(rule, 17, 0), 57236);
	assert_int_equal(sport_of(rule, 17, 0x12345), 57236);
	/* 18 * 0x61c88647 mod 2^32 = 0xe01970fe; its upper 14 bits are 14342 */
	assert_int_equal(sport_of(rule, 18, 0), 49152 + 14342);
}

/*
 * 0xabcde gave 64756 on the wire (soft-RoCE's RC QPs fold the flow label with the same function of
 * the kernel).
 */
static void
test_mlx5(void **state)
{
	enum sport_rule rule = sport_rule_of("mlx5_core");

	(void)state;
	assert_int_equal(sport_of(rule, 17, 0xabcde), 64756);
	assert_int_equal(sport_of(rule, 99, 1), 0xc001);
	assert_int_equal(sport_of(rule, 17, 0), UDP_PORT_UNKNOWN);
}

/* A guess would be a defect. */
static void
test_unknown(void **state)
{
	(void)state;
	assert_int_equal(sport_of(sport_rule_of("bnxt_re"), 17, 5), UDP_PORT_UNKNOWN);
	assert_int_equal(sport_of(sport_rule_of(""), 17, 5), UDP_PORT_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rxe),
		cmocka_unit_test(test_mlx5),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests_name("sport", tests, NULL, NULL);
}
