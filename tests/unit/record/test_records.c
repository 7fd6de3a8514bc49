/* SPDX-License-Identifier: Apache-2.0 */
/* The table of records: it is whole, and a writer that leaves it is caught. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/record.h"
#include "record/records.h"

static void
check_field(const struct record_field *f)
{
	assert_non_null(f->meaning);
	assert_true(f->name || f->classes || f->include != RECORD_TABLE);
	assert_true(f->min <= f->max);
	assert_true(f->words < RECORD_WORDS_N);
	/* Names that end in _ns promise a unit. */
	if (f->name && strlen(f->name) > 3 && !strcmp(f->name + strlen(f->name) - 3, "_ns") &&
	    f->unit)
		assert_string_equal(f->unit, "ns");
}

static void
test_whole(void **state)
{
	(void)state;
	for (enum record_map map = RECORD_TABLE + 1; map < RECORD_MAP_N; map++) {
		assert_string_not_equal(record_map_name(map), "?");
		assert_non_null(record_map_fields(map));
		for (const struct record_field *f = record_map_fields(map); f->type; f++)
			check_field(f);
	}
	assert_string_equal(record_map_name(RECORD_TABLE), "?");
	assert_null(record_map_fields(RECORD_TABLE));
}

static void
test_has(void **state)
{
	(void)state;
	assert_true(record_map_has(RECORD_PROBE, "rtt_ns"));
	assert_false(record_map_has(RECORD_PROBE, "rtt"));
	assert_false(record_map_has(RECORD_PROBE, "sent"));
	/* By way of the maps that it includes: totals, and of these the classes. */
	assert_true(record_map_has(RECORD_PEER, "sent"));
	assert_true(record_map_has(RECORD_PEER, "ack2_missing"));
	assert_true(record_map_has(RECORD_PEER, "loss_verdict"));
	assert_false(record_map_has(RECORD_CLASSES, "sent"));
	assert_false(record_map_has(RECORD_NOTHING, "ok"));
}

/* Whether packing this key ends the program. */
static bool
is_caught(enum record_map map, const char *key)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct record r;

		fclose(stderr);
		signal(SIGABRT, SIG_DFL);
		record_checked = true;
		record_begin(&r, map);
		record_u64(&r, key, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
test_checked(void **state)
{
	(void)state;
	assert_true(is_caught(RECORD_WINDOW, "of_tomorrow"));
	assert_true(is_caught(RECORD_RECENT, "sent"));
	assert_false(is_caught(RECORD_WINDOW, "lost"));
	assert_false(is_caught(RECORD_TABLE, "of_tomorrow"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_checked),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
