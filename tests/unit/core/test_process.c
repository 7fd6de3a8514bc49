/* SPDX-License-Identifier: Apache-2.0 */
/* What the process uses, against what the test itself takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/process.h"

#define TAKEN ((size_t)64 << 20)

static void
test_fds(void **state)
{
	uint64_t before = process_fds();
	int fd = dup(0);

	(void)state;
	assert_true(before > 0);
	assert_true(fd >= 0);
	assert_int_equal(process_fds(), before + 1);
	close(fd);
	assert_int_equal(process_fds(), before);
}

static void
test_memory(void **state)
{
	uint64_t before = process_memory_bytes();
	char *taken = malloc(TAKEN);

	(void)state;
	assert_non_null(taken);
	memset(taken, 1, TAKEN);
	assert_true(process_memory_bytes() >= before + TAKEN / 2);
	free(taken);
}

static void
test_cpu(void **state)
{
	uint64_t before = process_cpu_ns();
	clock_t begin = clock();

	(void)state;
	while (clock() - begin < CLOCKS_PER_SEC / 10)
		;
	assert_true(process_cpu_ns() - before >= 50000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
