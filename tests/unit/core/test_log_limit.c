/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that others can cause: the first ones, then counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/log_limit.h"
#include "log_capture.h"

#define S NSEC_PER_SEC
#define T0 (1000 * S)

static const char *const names[] = {"main", "control"};

static int
setup(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1); /* lines without a time */
	capture_begin();
	log_init(names, 2);
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	capture_end();
	return 0;
}

static void
test_first_then_count(void **state)
{
	struct log_limit *limit = calloc(1, sizeof(*limit)); /* kept: it stands in a list */

	(void)state;
	limit->lines = 1;
	capture_begin();
	for (uint64_t i = 0; i < 6284; i++)
		log_limited(limit, T0 + i * S / 200, 1, LOG_LEVEL_WARNING, "client %d", (int)i);
	log_limit_tick(T0 + 59 * S);
	assert_string_equal(capture_end(), "<4>control: client 0\n");
	capture_begin();
	log_limit_tick(T0 + 60 * S);
	log_limit_tick(T0 + 120 * S);
	log_limit_tick(UINT64_MAX);
	/* 6283 lines were held, the last of them 31.415 s after the first. */
	assert_string_equal(capture_end(),
			    "<4>control: client 6283 (and 6282 more such lines in 32 s)\n");
}

/* The flood goes on: a line in each time. Without a tick the next line says the count. */
static void
test_goes_on(void **state)
{
	struct log_limit *limit = calloc(1, sizeof(*limit));

	(void)state;
	limit->lines = 1;
	capture_begin();
	for (uint64_t s = 0; s < 180; s++)
		log_limited(limit, T0 + s * S, 0, LOG_LEVEL_INFO, "second %d", (int)s);
	log_limit_tick(UINT64_MAX);
	assert_string_equal(capture_end(),
			    "<6>main: second 0\n"
			    "<6>main: second 59 (and 58 more such lines in 59 s)\n"
			    "<6>main: second 119 (and 59 more such lines in 59 s)\n"
			    "<6>main: second 179 (and 59 more such lines in 59 s)\n");
}

static void
test_several_lines(void **state)
{
	struct log_limit *limit = calloc(1, sizeof(*limit));

	(void)state;
	limit->lines = 3;
	capture_begin();
	for (int i = 0; i < 4; i++)
		log_limited(limit, T0, 0, LOG_LEVEL_INFO, "%d", i);
	log_limit_tick(T0 + 60 * S); /* a single one needs no count */
	log_limited(limit, T0 + 200 * S, 0, LOG_LEVEL_INFO, "later");
	assert_string_equal(capture_end(),
			    "<6>main: 0\n<6>main: 1\n<6>main: 2\n<6>main: 3\n<6>main: later\n");
}

/* What is below the level counts nowhere. */
static void
test_level(void **state)
{
	struct log_limit *limit = calloc(1, sizeof(*limit)); /* stays out of the list */

	(void)state;
	limit->lines = 1;
	capture_begin();
	for (int i = 0; i < 9; i++)
		log_limited(limit, T0, 0, LOG_LEVEL_DEBUG, "%d", i);
	log_limit_tick(UINT64_MAX);
	assert_string_equal(capture_end(), "");
	free(limit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_then_count, setup),
		cmocka_unit_test_setup(test_goes_on, setup),
		cmocka_unit_test_setup(test_several_lines, setup),
		cmocka_unit_test_setup(test_level, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
