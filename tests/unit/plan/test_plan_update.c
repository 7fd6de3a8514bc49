/* SPDX-License-Identifier: Apache-2.0 */
/* Planners agree whatever they went through, and what changes is no more than need be. */
#include <errno.h>

#include "plan_fake.h"

static void
same_lists(struct fake *a, struct fake *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct plan_target *x = &a->entries[i].target, *y = &b->entries[i].target;

		assert_memory_equal(a->entries[i].host, b->entries[i].host,
				    offsetof(struct fake_entry, target));
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->tuples, y->tuples);
		assert_int_equal(x->interval_us, y->interval_us);
		assert_memory_equal(x->labels, y->labels, sizeof(x->labels));
	}
	assert_int_equal(plan_digest(a->plan), plan_digest(b->plan));
}

/* One gets all at once, the other backwards, with detours, and earlier. */
static void
test_two_planners_agree(void **state)
{
	struct plan_options options = fake_options(8);
	struct fake a, b;

	(void)state;
	fake_start(&a, &options);
	fake_start(&b, &options);
	fake_grid(&a, 6, 5);
	for (unsigned int i = 30; i-- > 0;) {
		char name[32], tor[32], address[32];

		snprintf(name, sizeof(name), "h%u-%u", i / 5, i % 5);
		snprintf(tor, sizeof(tor), "tor%u", i / 5);
		snprintf(address, sizeof(address), "10.%u.0.%u", i / 5, i % 5 + 1);
		fake_put1(&b, name, "elsewhere", address);
		fake_run(&b, FAKE_NOW_S - 7200 + i * 200);
		fake_put1(&b, "passer-by", tor, "10.99.0.1");
		fake_run(&b, FAKE_NOW_S - 7200 + i * 200);
		fake_put1(&b, name, tor, address);
		plan_remove(b.plan, i % 2 ? "passer-by" : "nobody");
	}
	plan_remove(b.plan, "passer-by");
	fake_run_grid(&a, 6, 5, FAKE_NOW_S);
	fake_run_grid(&b, 6, 5, FAKE_NOW_S);
	same_lists(&a, &b);
	fake_end(&a);
	fake_end(&b);
}

/* Between a change and the next run, lists lack what has gone, and nothing else breaks. */
static void
test_list_before_run(void **state)
{
	struct plan_options options = fake_options(8);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 2, 6);
	fake_run(&f, FAKE_NOW_S);
	for (unsigned int h = 0; h < 6; h++) {
		char name[32], address[32];

		snprintf(name, sizeof(name), "h1-%u", h);
		snprintf(address, sizeof(address), "10.1.9.%u", h + 1);
		if (h % 2)
			fake_put1(&f, name, "tor1", address);
		else
			plan_remove(f.plan, name);
	}
	for (unsigned int h = 0; h < 6; h++) {
		char name[32];

		f.n = 0;
		snprintf(name, sizeof(name), "h0-%u", h);
		fake_read(&f, name);
		for (size_t i = 0; i < f.n; i++)
			assert_int_not_equal(f.entries[i].to[1], '1');
	}
	fake_run(&f, FAKE_NOW_S);
	fake_end(&f);
}

/* The generation is a hash of the list: the same after there and back. */
static void
test_generation_is_content(void **state)
{
	struct plan_options options = fake_options(8);
	uint64_t before, with;
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 3, 4);
	fake_run(&f, FAKE_NOW_S);
	before = plan_list(f.plan, "h0-0", NULL, NULL);
	fake_put1(&f, "new", "tor0", "10.0.0.99");
	fake_run(&f, FAKE_NOW_S);
	with = plan_list(f.plan, "h0-0", NULL, NULL);
	assert_int_not_equal(before, with);
	plan_remove(f.plan, "new");
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(plan_list(f.plan, "h0-0", NULL, NULL), before);
	/* The same registration again changes nothing, nor does a run. */
	fake_put1(&f, "h0-0", "tor0", "10.0.0.1");
	fake_run(&f, FAKE_NOW_S);
	assert_int_equal(f.n_changed, 0);
	fake_end(&f);
}

/* Each name or address that lists show counts. */
static void
test_readdressed_moved_renamed(void **state)
{
	struct plan_options options = fake_options(8);
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	fake_grid(&f, 3, 4);
	fake_run(&f, FAKE_NOW_S);
	fake_put1(&f, "h1-1", "tor1", "10.1.0.77");
	fake_run(&f, FAKE_NOW_S);
	fake_run_grid(&f, 3, 4, FAKE_NOW_S);
	for (size_t i = 0; i < f.n; i++)
		if (strcmp(f.entries[i].to, "h1-1") == 0) {
			char text[ADDR_TEXT];

			assert_string_equal(addr_text(&f.entries[i].address, text), "10.1.0.77");
		}
	fake_put1(&f, "h1-1", "tor2", "10.1.0.77");
	fake_run_grid(&f, 3, 4, FAKE_NOW_S);
	assert_int_equal(fake_count(&f, "h1-1", "h2-0", PLAN_TOR), 1);
	assert_int_equal(fake_count(&f, "h1-1", "h1-0", PLAN_TOR), 0);
	plan_remove(f.plan, "h1-1");
	fake_put1(&f, "renamed", "tor2", "10.1.0.77");
	fake_run_grid(&f, 3, 4, FAKE_NOW_S);
	assert_int_equal(fake_count(&f, "h2-0", "renamed", PLAN_TOR), 1);
	assert_int_equal(fake_count(&f, NULL, "h1-1", PLAN_TOR), 0);
	fake_end(&f);
}

/*
 * One host under a ToR of 10, of 40 ToRs with 16 paths: its ToR has some 115 to 200 tuples in, so
 * that beside the ten of its ToR some 20 hosts are to probe it, and a few more make room. Those
 * told are those whose lists differ.
 */
static void
test_a_host_joins(void **state)
{
	struct plan_options options = fake_options(16);
	unsigned int differ = 0;
	struct fake a, b;

	(void)state;
	fake_start(&a, &options);
	fake_start(&b, &options);
	fake_grid(&a, 40, 10);
	fake_grid(&b, 40, 10);
	fake_run(&a, FAKE_NOW_S);
	fake_run(&b, FAKE_NOW_S);
	fake_put1(&a, "h5-x", "tor5", "10.5.0.99");
	fake_run(&a, FAKE_NOW_S);
	for (unsigned int t = 0; t < 40; t++)
		for (unsigned int h = 0; h < 10; h++) {
			char name[32];

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			differ += plan_list(a.plan, name, NULL, NULL) !=
				  plan_list(b.plan, name, NULL, NULL);
		}
	assert_int_equal(a.n_changed, differ + 1);
	assert_in_range(differ, 11, 45);
	fake_end(&a);
	fake_end(&b);
}

/* A run in steps gives what a whole one gives, and tells of each host once. */
static void
test_steps(void **state)
{
	struct plan_options options = fake_options(4);
	unsigned int steps = 0;
	struct fake a, b;

	(void)state;
	fake_start(&a, &options);
	fake_start(&b, &options);
	fake_grid(&a, 4, 4);
	fake_grid(&b, 4, 4);
	fake_run(&a, FAKE_NOW_S);
	assert_int_equal(plan_begin(b.plan, FAKE_NOW_S), 0);
	assert_int_equal(b.n_changed, 0);
	while (plan_next(b.plan, fake_changed, &b))
		assert_int_equal(b.n_changed, ++steps);
	assert_int_equal(steps, 16);
	assert_false(plan_next(b.plan, fake_changed, &b));
	assert_int_equal(plan_digest(a.plan), plan_digest(b.plan));
	/* Of those that may have changed, only some have. */
	fake_put1(&a, "h1-x", "tor1", "10.1.0.99");
	fake_put1(&b, "h1-x", "tor1", "10.1.0.99");
	fake_run(&a, FAKE_NOW_S);
	b.n_changed = steps = 0;
	assert_int_equal(plan_begin(b.plan, FAKE_NOW_S), 0);
	while (plan_next(b.plan, fake_changed, &b))
		steps++;
	assert_int_equal(b.n_changed, a.n_changed);
	assert_in_range(b.n_changed, 5, steps);
	assert_int_equal(plan_digest(a.plan), plan_digest(b.plan));
	fake_end(&a);
	fake_end(&b);
}

/* 64 ports of 8 addresses under one ToR, and under two. */
static void
test_too_many_places(void **state)
{
	static struct plan_port ports[PLAN_PORTS];
	static struct addr addresses[PLAN_PORTS][8];
	static char devices[PLAN_PORTS][16];
	static const char *const tors[] = {"tor0", "tor1"};
	const struct plan_host host = {"h", ports, PLAN_PORTS, 0};
	struct plan_options options = fake_options(4);
	char text[ADDR_TEXT];
	struct fake f;

	(void)state;
	fake_start(&f, &options);
	for (int i = 0; i < PLAN_PORTS; i++) {
		snprintf(devices[i], sizeof(devices[i]), "mlx5_%d", i);
		for (int k = 0; k < 8; k++) {
			snprintf(text, sizeof(text), "10.0.%d.%d", i, k + 1);
			assert_int_equal(addr_parse(text, &addresses[i][k]), 0);
		}
		ports[i] = (struct plan_port){.device = devices[i], .addresses = addresses[i],
					      .n_addresses = 8, .tors = tors, .n_tors = 1,
					      .rail = ""};
	}
	assert_int_equal(plan_put(f.plan, &host), 0);
	ports[0].n_tors = 2;
	assert_int_equal(plan_put(f.plan, &host), -E2BIG);
	/* What was there remains, and the same address twice is one. */
	addresses[0][7] = addresses[0][6];
	addresses[1][7] = addresses[1][6];
	addresses[2][7] = addresses[2][6];
	ports[0].n_addresses = 4;
	assert_int_equal(plan_put(f.plan, &host), 0);
	fake_end(&f);
}

/* How many entries of `a` the lists `b` do not have, of hosts that are not under a ToR. */
static unsigned int
count_others(const struct fake *a, const struct fake *b, const char *under, const char *to)
{
	unsigned int n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct fake_entry *e = &a->entries[i];
		bool has = strncmp(e->host, under, strlen(under)) == 0 ||
			   strncmp(e->to, to, strlen(to)) != 0;

		for (size_t k = 0; k < b->n && !has; k++)
			has = strcmp(b->entries[k].host, e->host) == 0 &&
			      strcmp(b->entries[k].to, e->to) == 0 &&
			      b->entries[k].target.kind == e->target.kind;
		n += !has;
	}
	return n;
}

/*
 * Of hosts under other ToRs, only targets under the ToR of the one that comes change: at each hour
 * some probe it, and at some hours others make room, which then probe another port there.
 */
static void
test_others_make_room(void **state)
{
	struct plan_options options = fake_options(4);
	unsigned int room = 0;

	(void)state;
	for (uint64_t hour = 0; hour < 100; hour++) {
		struct fake a, b;

		fake_start(&a, &options);
		fake_start(&b, &options);
		fake_grid(&a, 4, 4);
		fake_grid(&b, 4, 4);
		fake_run_grid(&a, 4, 4, FAKE_NOW_S + hour * 3600);
		fake_put1(&b, "h1-x", "tor1", "10.1.0.99");
		fake_run_grid(&b, 4, 4, FAKE_NOW_S + hour * 3600);
		for (unsigned int t = 0; t < 4; t++) {
			char to[8];

			snprintf(to, sizeof(to), "h%u-", t);
			if (t == 1)
				continue;
			assert_int_equal(count_others(&a, &b, "h1-", to), 0);
			assert_int_equal(count_others(&b, &a, "h1-", to), 0);
		}
		room += count_others(&b, &a, "h1-", "h1-") > fake_count(&b, NULL, "h1-x",
									PLAN_FABRIC);
		fake_end(&a);
		fake_end(&b);
	}
	assert_in_range(room, 1, 90);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_planners_agree),
		cmocka_unit_test(test_list_before_run),
		cmocka_unit_test(test_generation_is_content),
		cmocka_unit_test(test_readdressed_moved_renamed),
		cmocka_unit_test(test_a_host_joins),
		cmocka_unit_test(test_others_make_room),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_too_many_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
