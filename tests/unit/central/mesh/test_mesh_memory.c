/* SPDX-License-Identifier: Apache-2.0 */
/* What is lost for want of memory is found again, and only then is it not said any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "central/mesh/mesh_impl.h"
#include "core/loop.h"

static struct mesh mesh;

static void
nothing(void *arg)
{
	(void)arg;
}

static void
no_change(void *arg, const struct registry_host *host)
{
	(void)arg;
	(void)host;
}

static int
setup(void **state)
{
	static const struct registry_ops ops = {.changed = no_change};
	static const struct registry_time now = {1, 1};

	(void)state;
	mesh = (struct mesh){.lost = false};
	mesh_names_begin(&mesh.touched);
	assert_int_equal(loop_new(&mesh.loop), 0);
	assert_int_equal(loop_timer_new(mesh.loop, "plan", nothing, NULL, &mesh.plan_timer), 0);
	assert_int_equal(registry_new(10, &ops, &mesh.registry), 0);
	for (int i = 0; i < 3; i++) {
		struct registration *r = calloc(1, sizeof(*r));

		assert_non_null(r);
		snprintf(r->host, sizeof(r->host), "h%d", i);
		assert_int_equal(registry_seen(mesh.registry, r, false, &now), 0);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mesh_names_clear(&mesh.touched);
	registry_free(mesh.registry);
	loop_timer_free(mesh.plan_timer);
	loop_free(mesh.loop);
	return 0;
}

static unsigned int
touched(void)
{
	unsigned int n = 0;

	for (; mesh_names_first(&mesh.touched); n++)
		mesh_names_drop_first(&mesh.touched);
	return n;
}

static void
test_nothing_lost(void **state)
{
	(void)state;
	mesh_find_lost(&mesh);
	assert_int_equal(touched(), 0);
	assert_false(mesh.again);
	mesh_found_lost(&mesh);
	assert_int_equal(mesh.stats.incomplete_ns, 0);
}

static void
test_found_again(void **state)
{
	uint64_t since;

	(void)state;
	mesh_no_memory(&mesh);
	since = mesh.stats.incomplete_ns;
	assert_int_not_equal(since, 0);
	assert_int_not_equal(mesh.plan_ns, 0); /* a run is due */
	mesh_find_lost(&mesh);
	assert_int_equal(touched(), 3);
	assert_true(mesh.again);
	/* This run lacks something, too. */
	mesh_no_memory(&mesh);
	mesh_found_lost(&mesh);
	assert_int_equal(mesh.stats.incomplete_ns, since);
	mesh_find_lost(&mesh);
	assert_int_equal(touched(), 3);
	mesh_found_lost(&mesh);
	assert_int_equal(mesh.stats.incomplete_ns, 0);
	assert_int_equal(mesh.stats.out_of_memory, 2);
	mesh_find_lost(&mesh);
	assert_int_equal(touched(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
