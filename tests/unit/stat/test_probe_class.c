/* SPDX-License-Identifier: Apache-2.0 */
/* The table of classes: a row for each, complete and unlike the others, and how the known count. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stat/probe_class.h"

static void
check_word(const char *word)
{
	assert_non_null(word);
	assert_true(*word);
	for (const char *p = word; *p; p++)
		assert_true(islower(*p) || isdigit(*p) || *p == '_');
}

static void
test_rows(void **state)
{
	(void)state;
	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++) {
		check_word(probe_class_name(c));
		check_word(probe_class_short(c));
		assert_non_null(probe_class_meaning(c));
		assert_true(strlen(probe_class_short(c)) <= strlen("unresolved"));
		assert_true(strlen(probe_class_meaning(c)) > strlen("answered"));
		assert_false(probe_class_is_answered(c) && probe_class_is_lost(c));
		for (enum probe_class d = 0; d < c; d++) {
			assert_string_not_equal(probe_class_name(c), probe_class_name(d));
			assert_string_not_equal(probe_class_short(c), probe_class_short(d));
		}
	}
}

/* As rpingmesh(7) has it: the kinds of classes, and what a loss ratio is made of. */
static void
test_counts(void **state)
{
	static const struct {
		enum probe_class class;
		const char *name;
		bool answered, lost;
	} expected[] = {
		{PROBE_OK, "ok", true, false},
		{PROBE_LOST, "lost", false, true},
		{PROBE_LATE, "late", true, false},
		{PROBE_PEER_RESTARTED, "peer_restarted", false, false},
		{PROBE_PEER_DOWN, "peer_down", false, false},
		{PROBE_UNRESOLVED, "unresolved", false, false},
		{PROBE_LOCAL_ERROR, "local_error", false, false},
		{PROBE_ACK2_MISSING, "ack2_missing", false, true},
		{PROBE_ACK1_MISSING, "ack1_missing", false, true},
		{PROBE_REFUSED, "refused", false, false},
		{PROBE_UNREACHABLE, "unreachable", false, false},
	};

	(void)state;
	/* A new class belongs here as well. */
	assert_int_equal(sizeof(expected) / sizeof(expected[0]), PROBE_CLASS_N);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		enum probe_class c = expected[i].class;

		assert_int_equal(c, i);
		assert_string_equal(probe_class_name(c), expected[i].name);
		assert_int_equal(probe_class_is_answered(c), expected[i].answered);
		assert_int_equal(probe_class_is_lost(c), expected[i].lost);
	}
}

static void
test_out_of_range(void **state)
{
	(void)state;
	assert_string_equal(probe_class_name(PROBE_CLASS_N), "?");
	assert_string_equal(probe_class_short((enum probe_class)-1), "?");
	assert_string_equal(probe_class_meaning(PROBE_CLASS_N), "?");
	assert_false(probe_class_is_answered(PROBE_CLASS_N));
	assert_false(probe_class_is_lost(PROBE_CLASS_N));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_out_of_range),
	};

	return cmocka_run_group_tests_name("probe_class", tests, NULL, NULL);
}
