/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong at present: it begins, changes, ends, and is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "central/mesh/mesh_wrong.h"

static struct mesh_wrong wrong;
static const struct mesh_wrong_entry *last;

static int
setup(void **state)
{
	(void)state;
	wrong = (struct mesh_wrong){.n = 0};
	return 0;
}

static void
test_begins_and_ends(void **state)
{
	(void)state;
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 0);
	assert_null(last);
	mesh_wrong_end(&wrong, MESH_WRONG_MESSAGE, "a");
	mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, "a", "one");
	mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, "b", "two");
	mesh_wrong_set(&wrong, MESH_WRONG_LIST, "a", "long");
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 2);
	assert_string_equal(last->why, "two");
	mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, "a", "three");
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 2);
	assert_string_equal(last->name, "a");
	assert_string_equal(last->why, "three");
	mesh_wrong_end(&wrong, MESH_WRONG_MESSAGE, "a");
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 1);
	assert_string_equal(last->name, "b");
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_LIST, &last), 1);
	assert_string_equal(last->why, "long");
}

static void
test_bound(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 3 * MESH_WRONG_MAX; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, name, name);
	}
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), MESH_WRONG_MAX);
	assert_string_equal(last->why, "h191");
	for (int i = 0; i < 3 * MESH_WRONG_MAX; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		mesh_wrong_end(&wrong, MESH_WRONG_MESSAGE, name);
	}
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 0);
}

static void
test_long_names(void **state)
{
	char name[300], why[1000];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(why, 'w', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, name, why);
	mesh_wrong_set(&wrong, MESH_WRONG_MESSAGE, name, why);
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 1);
	assert_int_equal(strlen(last->why), MESH_WRONG_WHY - 1);
	mesh_wrong_end(&wrong, MESH_WRONG_MESSAGE, name);
	assert_int_equal(mesh_wrong_count(&wrong, MESH_WRONG_MESSAGE, &last), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_begins_and_ends, setup),
		cmocka_unit_test_setup(test_bound, setup),
		cmocka_unit_test_setup(test_long_names, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
