/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the fabric, one by one. */
#include "plan_fake.h"

#include <math.h>

static unsigned int
tor_of(const char *host)
{
	return (unsigned int)strtoul(host + 1, NULL, 10);
}

/* Tuples out of a ToR of the grid, or into it, and their rate. */
static unsigned int
tuples(const struct fake *f, unsigned int tor, bool out, double *rate)
{
	unsigned int n = 0;

	*rate = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct fake_entry *e = &f->entries[i];

		if (e->target.kind != PLAN_FABRIC || tor_of(out ? e->host : e->to) != tor)
			continue;
		n += e->target.tuples;
		*rate += e->target.tuples * 1e6 / (double)e->target.interval_us;
	}
	return n;
}

/* At least k tuples (the table of test_coupon) out and in, at ten probes a second for each path. */
static void
test_enough_tuples(void **state)
{
	static const struct {
		unsigned int paths, k, tors;
	} cases[] = {{2, 8, 2}, {4, 21, 4}, {16, 115, 2}, {16, 115, 7}, {16, 115, 60},
		     {32, 255, 40}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_options options = fake_options(cases[i].paths);
		struct fake f;

		fake_start(&f, &options);
		fake_grid(&f, cases[i].tors, 8);
		fake_run_grid(&f, cases[i].tors, 8, FAKE_NOW_S);
		for (unsigned int t = 0; t < cases[i].tors; t++)
			for (int out = 0; out < 2; out++) {
				double rate;

				assert_true(tuples(&f, t, out, &rate) >= cases[i].k);
				assert_true(rate >= 9.99 * cases[i].paths);
			}
		fake_end(&f);
	}
}

/* Each entry is between two ToRs, and a ToR probes exactly those that probe it. */
static void
test_both_directions(void **state)
{
	struct plan_options options = fake_options(16);
	struct fake f;
	unsigned int pairs[60][60] = {{0}};

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 60, 4);
	fake_run_grid(&f, 60, 4, FAKE_NOW_S);
	for (size_t i = 0; i < f.n; i++) {
		const struct fake_entry *e = &f.entries[i];
		unsigned int from = tor_of(e->host), to = tor_of(e->to);

		assert_int_equal(e->target.kind == PLAN_TOR, from == to);
		if (e->target.kind == PLAN_FABRIC)
			pairs[from][to] += e->target.tuples;
	}
	for (unsigned int a = 0; a < 60; a++)
		for (unsigned int b = 0; b < 60; b++)
			assert_int_equal(pairs[a][b], pairs[b][a]);
	fake_end(&f);
}

/* Every pair of ToRs has had its turn when `hours` of coverage are over. */
static void
test_all_pairs_in_turn(void **state)
{
	struct plan_options options = fake_options(2);
	bool seen[100][100] = {{false}};
	unsigned int hours, n = 0;
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 100, 2);
	fake_run(&f, FAKE_NOW_S);
	hours = fake_coverage(&f, "tor7").hours;
	assert_in_range(hours, 2 * PLAN_TURN, 100);
	assert_int_equal(fake_coverage(&f, "tor7").others, 99);
	for (unsigned int hour = 0; hour < hours; hour++) {
		fake_run_grid(&f, 100, 2, FAKE_NOW_S + hour * 3600);
		for (size_t i = 0; i < f.n; i++)
			seen[tor_of(f.entries[i].host)][tor_of(f.entries[i].to)] = true;
	}
	for (unsigned int a = 0; a < 100; a++)
		for (unsigned int b = 0; b < 100; b++)
			n += seen[a][b];
	assert_int_equal(n, 100 * 100);
	fake_end(&f);
}

static int
compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, 64);
}

/* Tuples as (source, destination, label), sorted; returns how many. */
static size_t
labels_of(const struct fake *f, char (*out)[64])
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		for (unsigned int k = 0; k < f->entries[i].target.n_labels; k++) {
			memset(out[n], 0, 64);
			snprintf(out[n++], 64, "%.20s %.20s %u", f->entries[i].host,
				 f->entries[i].to, f->entries[i].target.labels[k]);
		}
	qsort(out, n, 64, compare_entries);
	return n;
}

/* From one hour to the next about a fifth of the tuples changes; within an hour none. */
static void
test_a_fifth_an_hour(void **state)
{
	static char before[200000][64], after[200000][64];

	(void)state;
	for (unsigned int tors = 2; tors <= 200; tors *= 10) {
		struct plan_options options = fake_options(32);
		unsigned int hosts = tors == 2 ? 20 : 4;
		size_t n, m, same = 0;
		struct fake f;

		fake_start(&f, &options);
		fake_grid(&f, tors, hosts);
		fake_run_grid(&f, tors, hosts, FAKE_NOW_S);
		n = labels_of(&f, before);
		fake_run(&f, FAKE_NOW_S + 3599);
		assert_int_equal(f.n_changed, 0);
		fake_run_grid(&f, tors, hosts, FAKE_NOW_S + 3600);
		m = labels_of(&f, after);
		for (size_t i = 0, k = 0; i < n && k < m;) {
			int order = compare_entries(before[i], after[k]);

			same += order == 0;
			i += order <= 0;
			k += order >= 0;
		}
		assert_in_range(n - same, n / 10, n * 35 / 100);
		fake_end(&f);
	}
}

/* The labels of one target lead to different source ports, by the kernel's rule. */
static void
test_source_ports_differ(void **state)
{
	struct plan_options options = fake_options(32);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 2, 4);
	fake_run_grid(&f, 2, 4, FAKE_NOW_S);
	for (size_t i = 0; i < f.n; i++) {
		const struct plan_target *t = &f.entries[i].target;

		for (unsigned int a = 0; a < t->n_labels; a++) {
			assert_in_range(t->labels[a], 1, 0xfffff);
			for (unsigned int b = 0; b < a; b++)
				assert_int_not_equal((t->labels[a] ^ t->labels[a] >> 14) & 0x3fff,
						     (t->labels[b] ^ t->labels[b] >> 14) & 0x3fff);
		}
	}
	fake_end(&f);
}

/*
 * No port under a ToR sends or answers more than twice the mean of its tuples, 16 a second; and
 * nearly all take part, with slots of 5 a second at most.
 */
static void
test_even_over_ports(void **state)
{
	struct plan_options options = fake_options(32);
	unsigned int few = 0;
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 6, 20);
	fake_run_grid(&f, 6, 20, FAKE_NOW_S);
	for (unsigned int t = 0; t < 6; t++)
		for (unsigned int h = 0; h < 20; h++) {
			char name[32];
			double out, in;

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			out = fake_rate(&f, name, NULL) - 10;
			in = fake_rate(&f, NULL, name) - 10;
			assert_true(out < 32 && in < 32);
			few += (out < 4) + (in < 4);
		}
	assert_in_range(few, 0, 6 * 20 * 2 / 20);
	fake_end(&f);
}

static void
test_never_within_a_host(void **state)
{
	struct plan_options options = fake_options(8);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	for (unsigned int h = 0; h < 3; h++) {
		struct fake_port ports[4];
		char name[32], address[4][32], device[4][16], tor[4][16];

		memset(ports, 0, sizeof(ports));
		for (unsigned int p = 0; p < 4; p++) {
			snprintf(address[p], 32, "10.%u.0.%u", p, h + 1);
			snprintf(device[p], 16, "mlx5_%u", p);
			snprintf(tor[p], 16, "leaf%u", p);
			ports[p].device = device[p];
			ports[p].address = address[p];
			ports[p].tor = tor[p];
		}
		snprintf(name, sizeof(name), "h%u", h);
		assert_int_equal(fake_put(&f, name, ports, 4), 0);
	}
	/* A ToR with ports of one host only. */
	fake_put1(&f, "h9", "leaf9", "10.9.0.1");
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "h0");
	fake_read(&f, "h1");
	fake_read(&f, "h2");
	fake_read(&f, "h9");
	assert_int_equal(fake_count(&f, "h0", "h0", PLAN_FABRIC), 0);
	assert_int_equal(fake_count(&f, "h1", "h1", PLAN_FABRIC), 0);
	assert_true(fake_count(&f, "h0", "h1", PLAN_FABRIC) > 0);
	assert_int_equal(fake_coverage(&f, "leaf1").capped, 0);
	assert_int_equal(fake_coverage(&f, "leaf9").capped, 0);
	fake_end(&f);
}

static void
test_within_family_and_rail(void **state)
{
	struct plan_options options = fake_options(4);
	const struct fake_port a[] = {PORT("x0", "10.0.0.1", "t0", "r0"),
				      PORT("x1", "10.0.1.1", "t1", "r1"),
				      PORT("x2", "fd00::1", "t2", "r0")};
	const struct fake_port b[] = {PORT("x0", "10.0.0.2", "t3", "r0"),
				      PORT("x1", "10.0.1.2", "t4", "r1"),
				      PORT("x2", "fd00::2", "t5", "r0")};
	struct fake f;

	(void)state;
	options.rails_isolated = true;
	fake_start(&f, &options);
	assert_int_equal(fake_put(&f, "a", a, 3), 0);
	assert_int_equal(fake_put(&f, "b", b, 3), 0);
	fake_run(&f, FAKE_NOW_S);
	fake_read(&f, "a");
	assert_true(f.n > 0);
	for (size_t i = 0; i < f.n; i++)
		assert_string_equal(f.entries[i].device, f.entries[i].to_device);
	assert_true(fake_coverage(&f, "t2").v6);
	assert_string_equal(fake_coverage(&f, "t1").rail, "r1");
	fake_end(&f);
}

/* Both families of a ToR share its links: 10 a second for each path in all. */
static void
test_families_share_links(void **state)
{
	struct plan_options options = fake_options(8);
	struct fake f;
	double rate = 0;

	(void)state;
	fake_start(&f, &options);
	for (unsigned int t = 0; t < 2; t++)
		for (unsigned int h = 0; h < 4; h++) {
			char name[32], four[32], six[32];
			struct fake_port port = {.device = "d", .address = four, .address2 = six,
						 .tor = t ? "tor1" : "tor0"};

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			snprintf(four, sizeof(four), "10.%u.0.%u", t, h + 1);
			snprintf(six, sizeof(six), "fd00:%u::%u", t, h + 1);
			assert_int_equal(fake_put(&f, name, &port, 1), 0);
		}
	fake_run_grid(&f, 2, 4, FAKE_NOW_S);
	tuples(&f, 0, true, &rate);
	assert_true(fabs(rate - 80) < 8);
	fake_end(&f);
}

/* A port of 30 a second carries 30 at most; then probes are rarer, which coverage says. */
static void
test_budgets(void **state)
{
	struct plan_options options = fake_options(16);
	struct plan_coverage c;
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	for (unsigned int t = 0; t < 3; t++)
		for (unsigned int h = 0; h < 3; h++) {
			char name[32], tor[32], address[32];
			struct fake_port port = {.device = "d", .address = address, .tor = tor,
						 .out = t ? 1000 : 30, .in = t ? 1000 : 40};

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			snprintf(tor, sizeof(tor), "tor%u", t);
			snprintf(address, sizeof(address), "10.%u.0.%u", t, h + 1);
			assert_int_equal(fake_put(&f, name, &port, 1), 0);
		}
	fake_run_grid(&f, 3, 3, FAKE_NOW_S);
	for (unsigned int h = 0; h < 3; h++) {
		char name[32];

		snprintf(name, sizeof(name), "h0-%u", h);
		assert_true(fake_rate(&f, name, NULL) <= 30);
		assert_true(fake_rate(&f, NULL, name) <= 40);
	}
	c = fake_coverage(&f, "tor0");
	assert_true(c.capped & PLAN_CAP_RATE);
	assert_true(c.out >= 115 && c.in >= 115);
	assert_true(c.rate_out < 5 && c.rate_out > 1);
	assert_true(fake_coverage(&f, "tor1").rate_out < 10.1);
	fake_end(&f);
}

/* Ports that only answer, or only probe. */
static void
test_one_way_ports(void **state)
{
	struct plan_options options = fake_options(4);
	struct addr address;
	const char *tor = "tor9";
	struct plan_port port = {.device = "d", .port = 1, .addresses = &address, .n_addresses = 1,
				 .tors = &tor, .n_tors = 1, .rail = "", .budget_in = 1000};
	struct plan_host host = {"storage", &port, 1, 0};
	struct fake f;

	(void)state;
	assert_int_equal(addr_parse("10.9.0.1", &address), 0);
	fake_start(&f, &options);
	fake_grid(&f, 2, 3);
	fake_put1(&f, "mate", tor, "10.9.0.2");
	assert_int_equal(plan_put(f.plan, &host), 0);
	fake_run_grid(&f, 2, 3, FAKE_NOW_S);
	fake_read(&f, "storage");
	assert_int_equal(fake_count(&f, "storage", NULL, PLAN_FABRIC), 0);
	assert_int_equal(fake_count(&f, "storage", NULL, PLAN_TOR), 0);
	assert_true(fake_count(&f, NULL, "storage", PLAN_FABRIC) > 0);
	fake_end(&f);
}

/* A port whose source ports cannot be chosen is asked for some, and for no more than it has. */
static void
test_source_ports_by_number(void **state)
{
	struct plan_options options = fake_options(16);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	for (unsigned int t = 0; t < 2; t++)
		for (unsigned int h = 0; h < 4; h++) {
			char name[32], address[32];
			struct fake_port port = {.device = "rxe0", .address = address,
						 .tor = t ? "tor1" : "tor0", .source_ports = 3};

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			snprintf(address, sizeof(address), "10.%u.0.%u", t, h + 1);
			assert_int_equal(fake_put(&f, name, &port, 1), 0);
		}
	fake_run_grid(&f, 2, 4, FAKE_NOW_S);
	for (size_t i = 0; i < f.n; i++) {
		assert_int_equal(f.entries[i].target.n_labels, 0);
		assert_in_range(f.entries[i].target.tuples, 1, 3);
	}
	assert_true(fake_coverage(&f, "tor0").capped & PLAN_CAP_SOURCE_PORTS);
	fake_end(&f);
}

static unsigned int
seen_paths(void *arg, const char *tor, const char *other)
{
	return tor[3] + other[3] == '0' + '1' ? *(unsigned int *)arg : 0;
}

/* Widths come from what has been seen, where something has. */
static void
test_paths_seen(void **state)
{
	unsigned int seen = 0;
	struct plan_options options = fake_options(4);
	struct fake f;

	(void)state;
	options.paths_seen = seen_paths;
	options.arg = &seen;
	fake_start(&f, &options);
	fake_grid(&f, 3, 8);
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(fake_coverage(&f, "tor0").wanted, 21);
	seen = 8;
	plan_paths_changed(f.plan);
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(fake_coverage(&f, "tor0").paths, 8);
	assert_int_equal(fake_coverage(&f, "tor0").wanted, 51);
	/* Two of three ToRs have 8 paths; all three give them enough tuples. */
	assert_int_equal(fake_coverage(&f, "tor2").wanted, 21);
	assert_true(fake_coverage(&f, "tor0").out >= 51);
	assert_true(fake_coverage(&f, "tor1").in >= 51);
	assert_true(fake_coverage(&f, "tor0").rate_out > 9.99);
	seen = 100000;
	plan_paths_changed(f.plan);
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(fake_coverage(&f, "tor0").paths, 1024);
	fake_end(&f);
}

/* What coverage says is what the lists have, and its probability that of a simulation. */
static void
test_coverage_is_true(void **state)
{
	struct plan_options options = fake_options(8);
	struct plan_coverage c;
	struct fake f;
	unsigned int all = 0;
	uint64_t random = 7;
	double rate;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 5, 6);
	fake_run_grid(&f, 5, 6, FAKE_NOW_S);
	c = fake_coverage(&f, "tor3");
	assert_int_equal(c.out, tuples(&f, 3, true, &rate));
	assert_true(fabs(c.rate_out - rate / 8) < 0.001);
	assert_int_equal(c.in, tuples(&f, 3, false, &rate));
	assert_true(fabs(c.rate_in - rate / 8) < 0.001);
	assert_int_equal(c.ports, 6);
	assert_int_equal(c.partners, 4);
	for (unsigned int i = 0; i < 5000; i++) {
		unsigned int covered = 0;

		for (unsigned int k = 0; k < c.out; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			covered |= 1u << (random >> 61);
		}
		all += covered == 0xff;
	}
	assert_true(fabs(all / 5000.0 - c.all_out) < 0.006);
	assert_true(c.all_out >= 0.99);
	fake_end(&f);
}

static void
test_classes(void **state)
{
	struct plan_options options = fake_options(8);
	unsigned int n[256] = {0};
	struct fake f;

	(void)state;
	options.n_classes = 2;
	options.classes[0] = 104;
	options.classes[1] = 0;
	fake_start(&f, &options);
	fake_grid(&f, 4, 6);
	fake_run_grid(&f, 4, 6, FAKE_NOW_S);
	for (size_t i = 0; i < f.n; i++)
		n[f.entries[i].target.traffic_class]++;
	assert_int_equal(n[0] + n[104], f.n);
	assert_in_range(n[104], f.n / 3, f.n * 2 / 3);
	fake_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough_tuples),
		cmocka_unit_test(test_both_directions),
		cmocka_unit_test(test_all_pairs_in_turn),
		cmocka_unit_test(test_a_fifth_an_hour),
		cmocka_unit_test(test_source_ports_differ),
		cmocka_unit_test(test_even_over_ports),
		cmocka_unit_test(test_never_within_a_host),
		cmocka_unit_test(test_within_family_and_rail),
		cmocka_unit_test(test_families_share_links),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_one_way_ports),
		cmocka_unit_test(test_source_ports_by_number),
		cmocka_unit_test(test_paths_seen),
		cmocka_unit_test(test_coverage_is_true),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
