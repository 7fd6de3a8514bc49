/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the ToR mesh, one by one, and what is wrong with what hosts register. */
#include "plan_fake.h"

#include <errno.h>
#include <math.h>

static void
test_all_under_a_tor(void **state)
{
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 1, 5);
	fake_run_grid(&f, 1, 5, FAKE_NOW_S);
	assert_int_equal(f.n, 5 * 4);
	for (unsigned int a = 0; a < 5; a++)
		for (unsigned int b = 0; b < 5; b++) {
			char from[32], to[32];

			snprintf(from, sizeof(from), "h0-%u", a);
			snprintf(to, sizeof(to), "h0-%u", b);
			assert_int_equal(fake_count(&f, from, to, PLAN_TOR), a != b);
		}
	assert_string_equal(f.entries[0].tor, "tor0");
	/* Ten a second over four targets. */
	assert_int_equal(f.entries[0].target.interval_us, 400000);
	assert_true(fabs(fake_rate(&f, "h0-3", NULL) - 10) < 0.01);
	assert_int_equal(fake_coverage(&f, "tor0").mesh_interval_us, 400000);
	fake_end(&f);
}

static void
test_nobody_alone_empty(void **state)
{
	struct plan_options options = fake_options(4);
	struct fake_port none;
	struct fake f;

	(void)state;
	memset(&none, 0, sizeof(none));
	fake_start(&f, &options);
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(f.n_changed, 0);
	fake_put1(&f, "alone", "tor", "10.0.0.1");
	assert_int_equal(fake_put(&f, "portless", &none, 0), 0);
	fake_run(&f, FAKE_NOW_S);
	/* An empty list is a list. */
	assert_int_equal(f.n_changed, 2);
	fake_read(&f, "alone");
	fake_read(&f, "portless");
	fake_read(&f, "unknown");
	assert_int_equal(f.n, 0);
	assert_int_equal(fake_coverage(&f, "tor").others, 0);
	assert_int_equal(fake_coverage(&f, "tor").capped, 0);
	fake_end(&f);
}

static void
test_two_ports(void **state)
{
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 1, 2);
	fake_run_grid(&f, 1, 2, FAKE_NOW_S);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.entries[0].target.interval_us, 100000);
	fake_end(&f);
}

/* yuuki/rpingmesh issue 39. */
static void
test_never_within_a_host(void **state)
{
	const struct fake_port two[] = {PORT("mlx5_0", "10.0.0.1", "t", ""),
					PORT("mlx5_1", "10.0.0.2", "t", "")};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	assert_int_equal(fake_put(&f, "a", two, 2), 0);
	fake_put1(&f, "b", "t", "10.0.0.3");
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "a");
	fake_read(&f, "b");
	assert_int_equal(fake_count(&f, "a", "a", PLAN_TOR), 0);
	/* Every port probes, not the first of a host (yuuki 31). */
	assert_int_equal(fake_count(&f, "a", "b", PLAN_TOR), 2);
	assert_int_equal(fake_count(&f, "b", "a", PLAN_TOR), 2);
	fake_end(&f);
}

/* yuuki/rpingmesh issue 41. */
static void
test_within_a_family(void **state)
{
	const struct fake_port both = {.device = "mlx5_0", .address = "10.0.0.1",
				       .address2 = "fd00::1", .tor = "t"};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	assert_int_equal(fake_put(&f, "both", &both, 1), 0);
	fake_put1(&f, "four", "t", "10.0.0.2");
	fake_put1(&f, "six", "t", "fd00::3");
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "both");
	fake_read(&f, "four");
	fake_read(&f, "six");
	assert_int_equal(f.n, 4);
	for (size_t i = 0; i < f.n; i++)
		assert_int_equal(addr_is_v4(&f.entries[i].from_address),
				 addr_is_v4(&f.entries[i].address));
	assert_int_equal(fake_count(&f, "four", "six", PLAN_TOR), 0);
	/* Both families of the port share its ten a second. */
	assert_true(fabs(fake_rate(&f, "both", NULL) - 10) < 0.01);
	fake_end(&f);
}

/* Rails by their names, not by the index of the device (DapengSun/rpingmesh). */
static void
test_isolated_rails(void **state)
{
	const struct fake_port a[] = {PORT("mlx5_0", "10.0.0.1", "t", "r0"),
				      PORT("mlx5_1", "10.1.0.1", "t", "r1")};
	const struct fake_port b[] = {PORT("mlx5_0", "10.1.0.2", "t", "r1"),
				      PORT("mlx5_1", "10.0.0.2", "t", "r0")};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	for (int isolated = 0; isolated < 2; isolated++) {
		options.rails_isolated = isolated;
		fake_start(&f, &options);
		assert_int_equal(fake_put(&f, "a", a, 2), 0);
		assert_int_equal(fake_put(&f, "b", b, 2), 0);
		fake_run(&f, FAKE_NOW_S);
		fake_read(&f, "a");
		assert_int_equal(f.n, isolated ? 2 : 4);
		for (size_t i = 0; isolated && i < f.n; i++)
			assert_string_not_equal(f.entries[i].device, f.entries[i].to_device);
		fake_end(&f);
	}
}

/* Two ports that are bonded over the same two switches probe each other once, at the full rate. */
static void
test_bond_over_two_switches(void **state)
{
	const struct fake_port a = {.device = "bond0", .address = "10.0.0.1", .tor = "t1",
				    .tor2 = "t2"};
	const struct fake_port b = {.device = "bond0", .address = "10.0.0.2", .tor = "t2",
				    .tor2 = "t1"};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	assert_int_equal(fake_put(&f, "a", &a, 1), 0);
	assert_int_equal(fake_put(&f, "b", &b, 1), 0);
	fake_put1(&f, "c", "t2", "10.0.0.3");
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "a");
	assert_int_equal(fake_count(&f, "a", "b", PLAN_TOR), 1);
	assert_int_equal(fake_count(&f, "a", "c", PLAN_TOR), 1);
	/* c is under a switch of a's own: nothing between them crosses the fabric. */
	assert_int_equal(fake_count(&f, "a", NULL, PLAN_FABRIC), 0);
	assert_true(fabs(fake_rate(&f, "a", NULL) - 10) < 0.01);
	assert_true(fake_coverage(&f, "t1").capped & PLAN_CAP_NO_PORT);
	fake_end(&f);
}

/* A port answers no more than its budget, however many probe it, and sends no more. */
static void
test_budgets(void **state)
{
	const struct fake_port weak = {.device = "mlx5_0", .address = "10.0.0.200", .tor = "tor0",
				       .out = 6, .in = 4};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 1, 40);
	assert_int_equal(fake_put(&f, "weak", &weak, 1), 0);
	fake_run_grid(&f, 1, 40, FAKE_NOW_S);
	fake_read(&f, "weak");
	assert_int_equal(fake_count(&f, NULL, "weak", PLAN_TOR), 40);
	assert_true(fake_rate(&f, NULL, "weak") <= 4);
	assert_true(fake_rate(&f, "weak", NULL) <= 6);
	assert_true(fake_rate(&f, NULL, "weak") > 1.9);
	fake_end(&f);
}

/* All hosts under one "switch", such as one subnet: a port gets at most about PLAN_MESH targets. */
static void
test_a_large_tor(void **state)
{
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	for (unsigned int i = 0; i < 2000; i++) {
		char name[32], address[32];

		snprintf(name, sizeof(name), "h%u", i);
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 250, i % 250 + 1);
		fake_put1(&f, name, "t", address);
	}
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "h7");
	assert_in_range(f.n, PLAN_MESH / 4, PLAN_MESH * 3 / 2);
	assert_true(fake_coverage(&f, "t").capped & PLAN_CAP_MESH);
	assert_true(fabs(fake_rate(&f, "h7", NULL) - 10) < 0.01);
	fake_end(&f);
}

static void
test_drained(void **state)
{
	const struct fake_port port = {.device = "mlx5_0", .address = "10.0.0.9", .tor = "tor0"};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 1, 3);
	assert_int_equal(fake_put_drained(&f, "d", &port, 1, FAKE_NOW_S + 10), 0);
	fake_run_grid(&f, 1, 3, FAKE_NOW_S + 9);
	fake_read(&f, "d");
	assert_int_equal(fake_count(&f, NULL, "d", PLAN_TOR), 0);
	assert_int_equal(fake_count(&f, "d", NULL, PLAN_TOR), 0);
	fake_run_grid(&f, 1, 3, FAKE_NOW_S + 10);
	fake_read(&f, "d");
	assert_int_equal(f.n_changed, 4);
	assert_int_equal(fake_count(&f, NULL, "d", PLAN_TOR), 3);
	assert_int_equal(fake_count(&f, "d", NULL, PLAN_TOR), 3);
	fake_end(&f);
}

static void
test_gone(void **state)
{
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 2, 3);
	fake_run_grid(&f, 2, 3, FAKE_NOW_S);
	plan_remove(f.plan, "h0-1");
	plan_remove(f.plan, "nobody");
	fake_run_grid(&f, 2, 3, FAKE_NOW_S);
	assert_int_equal(fake_count(&f, NULL, "h0-1", PLAN_TOR), 0);
	assert_int_equal(fake_count(&f, NULL, "h0-1", PLAN_FABRIC), 0);
	fake_end(&f);
}

/* A registration replaces the set of ports, an empty one too (yuuki/rpingmesh 28). */
static void
test_a_port_goes(void **state)
{
	const struct fake_port two[] = {PORT("mlx5_0", "10.0.0.1", "t", ""),
					PORT("mlx5_1", "10.0.0.2", "t", "")};
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_put1(&f, "b", "t", "10.0.0.3");
	for (size_t n = 2; n + 1 > 0; n--) {
		assert_int_equal(fake_put(&f, "a", two, n), 0);
		fake_run(&f, FAKE_NOW_S);
		f.n = 0;
		fake_read(&f, "b");
		assert_int_equal(f.n, n);
	}
	fake_end(&f);
}

struct problems {
	unsigned int n, kinds;
	struct plan_problem last;
};

static void
problem(void *arg, const struct plan_problem *p)
{
	struct problems *all = arg;

	all->n++;
	all->kinds |= 1u << p->kind;
	all->last = *p;
}

/* Whoever comes first in the order of names keeps the address, whoever registered first. */
static void
test_duplicate_addresses(void **state)
{
	const char *const order[2][2] = {{"a", "z"}, {"z", "a"}};
	struct plan_options options = fake_options(4);
	uint64_t digest[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct problems all;
		struct fake f;

		memset(&all, 0, sizeof(all));
		fake_start(&f, &options);
		fake_put1(&f, "other", "t", "10.0.0.9");
		fake_put1(&f, order[i][0], "t", "10.0.0.1");
		fake_run(&f, FAKE_NOW_S);
		fake_put1(&f, order[i][1], "t", "10.0.0.1");
		fake_run(&f, FAKE_NOW_S);
		fake_read(&f, "other");
		assert_int_equal(f.n, 1);
		assert_string_equal(f.entries[0].to, "a");
		plan_problems(f.plan, problem, &all);
		assert_int_equal(all.n, 1);
		assert_int_equal(all.last.kind, PLAN_DUPLICATE);
		assert_string_equal(all.last.host, "z");
		assert_string_equal(all.last.holder, "a");
		digest[i] = plan_digest(f.plan);
		/* Its next owner takes over. */
		plan_remove(f.plan, "a");
		fake_run(&f, FAKE_NOW_S);
		f.n = 0;
		fake_read(&f, "other");
		assert_string_equal(f.entries[0].to, "z");
		fake_end(&f);
	}
	assert_int_equal(digest[0], digest[1]);
}

static void
check_holder(struct fake *f, const bool *here, unsigned int n)
{
	char first[32] = "", name[32];
	unsigned int many = 0;
	struct problems all;

	memset(&all, 0, sizeof(all));
	for (unsigned int i = 0; i < n; i++) {
		if (here[i] && many++ == 0)
			snprintf(first, sizeof(first), "m%02u", i);
	}
	plan_problems(f->plan, problem, &all);
	assert_int_equal(all.n, many > 1 ? many - 1 : 0);
	fake_run(f, FAKE_NOW_S);
	f->n = 0;
	fake_read(f, "other");
	assert_int_equal(f->n, many > 0);
	if (f->n)
		assert_string_equal(f->entries[0].to, first);
	if (all.n)
		assert_string_equal(all.last.holder, first);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%02u", i);
		f->n = 0;
		fake_read(f, name);
		assert_int_equal(f->n, strcmp(name, first) == 0);
	}
}

/* An internal bridge has the same address everywhere. Hosts come and go in any order. */
static void
test_one_address_of_many(void **state)
{
	struct plan_options options = fake_options(4);
	bool here[41] = {false};
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_put1(&f, "other", "t", "10.0.0.9");
	/* 17, 7 and 41 have no common factor, so each host comes once, and goes once. */
	for (unsigned int i = 0; i < 2 * 41; i++) {
		unsigned int h = (i * (i < 41 ? 17 : 7) + 20) % 41;
		char name[32];

		snprintf(name, sizeof(name), "m%02u", h);
		here[h] = !here[h];
		if (here[h])
			fake_put1(&f, name, "t", "192.168.100.1");
		else
			plan_remove(f.plan, name);
		check_holder(&f, here, 41);
	}
	fake_end(&f);
}

static void
test_what_cannot_be_probed(void **state)
{
	const struct fake_port ports[] = {
		{.device = "a", .address = "fe80::1", .tor = "t"},
		{.device = "b", .address = "0.0.0.0", .tor = "t"},
		{.device = "c", .address = "10.0.0.1"},
		{.device = "d", .tor = "t"},
	};
	struct plan_options options = fake_options(4);
	struct problems all;
	struct fake f;

	(void)state;
	memset(&all, 0, sizeof(all));
	fake_start(&f, &options);
	fake_put1(&f, "h", "t", "10.0.0.2");
	assert_int_equal(fake_put(&f, "x", ports, 4), 0);
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "h");
	assert_int_equal(f.n, 0);
	plan_problems(f.plan, problem, &all);
	assert_int_equal(all.n, 4);
	assert_int_equal(all.kinds,
			 1u << PLAN_UNUSABLE | 1u << PLAN_NO_TOR | 1u << PLAN_NO_ADDRESS);
	fake_end(&f);
}

static void
test_refused(void **state)
{
	const struct fake_port twice[] = {PORT("a", "10.0.0.1", "t", ""),
					  PORT("a", "10.0.0.2", "t", "")};
	struct plan_options options = fake_options(0);
	struct plan *plan;
	struct fake f;

	(void)state;
	assert_int_equal(plan_new(&options, &plan), -EINVAL);
	options.paths = 1000000;
	assert_int_equal(plan_new(&options, &plan), -EINVAL);
	options.paths = 4;
	fake_start(&f, &options);
	assert_int_equal(fake_put(&f, "a", twice, 2), -EINVAL);
	assert_int_equal(fake_put(&f, "", twice, 1), -EINVAL);
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(f.n_changed, 0);
	fake_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_under_a_tor),
		cmocka_unit_test(test_nobody_alone_empty),
		cmocka_unit_test(test_two_ports),
		cmocka_unit_test(test_never_within_a_host),
		cmocka_unit_test(test_within_a_family),
		cmocka_unit_test(test_isolated_rails),
		cmocka_unit_test(test_bond_over_two_switches),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_a_large_tor),
		cmocka_unit_test(test_drained),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_a_port_goes),
		cmocka_unit_test(test_duplicate_addresses),
		cmocka_unit_test(test_one_address_of_many),
		cmocka_unit_test(test_what_cannot_be_probed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
