/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by keys, while the table grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_index.h"

#define KEYS 100000u

static int
setup(void **state)
{
	(void)state;
	return judge_index_seed();
}

/* All keys are found after each has been added, those that were not added never. */
static void
test_growth(void **state)
{
	struct judge_index index = {.n = 0};

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++) {
		assert_int_equal(judge_index_get(&index, &i, sizeof(i)), JUDGE_NONE);
		assert_int_equal(judge_index_put(&index, &i, sizeof(i), 3 * i), 0);
		if (i % 997 == 0 || i < 40)
			for (uint32_t k = 0; k <= i; k++)
				assert_int_equal(judge_index_get(&index, &k, sizeof(k)), 3 * k);
	}
	for (uint32_t i = 0; i < 2 * KEYS; i++)
		assert_int_equal(judge_index_get(&index, &i, sizeof(i)),
				 i < KEYS ? 3 * i : JUDGE_NONE);
	judge_index_clear(&index);
	assert_int_equal(judge_index_get(&index, &(uint32_t){1}, sizeof(uint32_t)), JUDGE_NONE);
	judge_index_clear(&index);
}

/* Keys of any length, one the beginning of the next. */
static void
test_lengths(void **state)
{
	struct judge_index index = {.n = 0};
	char key[700];

	(void)state;
	memset(key, 'x', sizeof(key));
	for (uint32_t n = 0; n < sizeof(key); n++)
		assert_int_equal(judge_index_put(&index, key, n, n), 0);
	for (uint32_t n = 0; n < sizeof(key); n++)
		assert_int_equal(judge_index_get(&index, key, n), n);
	judge_index_clear(&index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
