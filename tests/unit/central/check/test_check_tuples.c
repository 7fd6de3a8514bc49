/* SPDX-License-Identifier: Apache-2.0 */
/* Whom each host of a check is to probe. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check_fixture.h"

#define S 1000000000ULL

static struct fixture f;

static size_t
tuples(size_t from, size_t to)
{
	const struct check_member *m = &f.check->members[from];
	size_t n = 0;

	for (size_t i = m->first; i < m->first + m->n; i++)
		n += f.check->tuples[i].to == to;
	return n;
}

static struct check_host_info
told(size_t host)
{
	struct check_host_info out;

	check_host(f.check, host, &out);
	return out;
}

static void
test_pairs(void **state)
{
	(void)state;
	fixture_begin(&f, 4, 10);
	assert_int_equal(fixture_plan(&f, 0), 0);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(tuples(i, k), i != k);
	/* Twice 15 s, which is as seldom as hosts may report. */
	assert_true(f.check->lasts_ns >= f.check->rounds * f.check->round_ns + 30 * S);
	fixture_end(&f);
}

/* c has another family than a and b, and d has both. */
static void
test_families(void **state)
{
	(void)state;
	fixture_begin(&f, 4, 10);
	addr_parse("2001:db8::3", &f.ports[2][0].addrs[0]);
	addr_parse("2001:db8::4", &f.ports[3][0].addrs[1]);
	f.ports[3][0].n_addrs = 2;
	assert_int_equal(fixture_plan(&f, 0), 0);
	assert_int_equal(tuples(0, 1) + tuples(0, 3) + tuples(2, 3) + tuples(3, 2), 4);
	assert_int_equal(tuples(0, 2) + tuples(2, 0), 0);
	assert_int_equal(told(0).others, 2);
	assert_int_equal(told(2).others, 1);
	assert_false(check_is_bad(f.check, 0, 2));
	for (size_t i = 0; i < f.check->n_tuples; i++)
		f.check->tuples[i].seen[CHECK_PLANNED].best = (struct check_sum){10, 10, 0, 10};
	check_finish(f.check);
	for (size_t i = 0; i < 4; i++)
		assert_true(told(i).well);
	fixture_end(&f);
}

static void
test_alone(void **state)
{
	(void)state;
	fixture_begin(&f, 3, 10);
	addr_parse("2001:db8::3", &f.ports[2][0].addrs[0]);
	assert_int_equal(fixture_plan(&f, 0), 0);
	for (size_t i = 0; i < f.check->n_tuples; i++)
		f.check->tuples[i].seen[CHECK_PLANNED].best = (struct check_sum){10, 10, 0, 10};
	check_finish(f.check);
	assert_true(told(0).well);
	assert_true(told(1).well);
	assert_false(told(2).well);
	assert_string_equal(told(2).error, "it has no address of the family of the others");
	fixture_end(&f);
}

/* The second port of a has no address, and the first one of b, which is of the same rail as a's. */
static void
test_port_without_address(void **state)
{
	(void)state;
	fixture_begin(&f, 2, 10);
	for (size_t i = 0; i < 2; i++) {
		f.ports[i][1] = f.ports[i][0];
		f.ports[i][i == 0].n_addrs = 0;
		f.ports[i][i == 0].out_per_s = 0;
		strcpy(f.ports[i][0].rail, "r0");
		f.hosts[i].n_ports = 2;
	}
	assert_int_equal(fixture_plan(&f, 0), 0);
	assert_int_equal(tuples(0, 1), 1);
	assert_int_equal(tuples(1, 0), 1);
	assert_int_equal(f.check->interval_ns, S / 5);
	fixture_end(&f);
}

/* Too long: who keeps it up is named. */
static void
test_budget(void **state)
{
	(void)state;
	fixture_begin(&f, 3, 100);
	f.ports[1][0].in_per_s = 2;
	assert_int_equal(fixture_plan(&f, 0), -EINVAL);
	assert_non_null(strstr(f.error, "leave out b (2 probes/s)"));
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_port_without_address),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
