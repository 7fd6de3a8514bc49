/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: who is there, who has left, and when many leave at once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/registry/registry.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)

static struct registry *registry;
static struct registry_time now;
static unsigned int n_changed;
static char changed_last[REGISTRATION_HOST];

static void
changed(void *arg, const struct registry_host *host)
{
	struct registry_host_info info;

	(void)arg;
	registry_host_info(host, &info);
	snprintf(changed_last, sizeof(changed_last), "%s", info.name);
	n_changed++;
}

static void
begin(uint32_t max_hosts)
{
	static const struct registry_ops ops = {.changed = changed};

	now = (struct registry_time){100 * S, WALL};
	n_changed = 0;
	assert_int_equal(registry_new(max_hosts, &ops, &registry), 0);
}

/* Time passes; ticks come when they are due, and once at the end. */
static void
pass(uint64_t ns)
{
	uint64_t end = now.mono_ns + ns, next;

	for (;;) {
		next = registry_tick(registry, &now);
		if (now.mono_ns == end)
			return;
		assert_true(next > now.mono_ns);
		next = next < end ? next : end;
		now.wall_ns += next - now.mono_ns;
		now.mono_ns = next;
	}
}

static int
seen(const char *name, uint64_t incarnation)
{
	struct registration *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	snprintf(r->host, sizeof(r->host), "%s", name);
	r->incarnation = incarnation;
	r->time_ns = now.wall_ns;
	return registry_seen(registry, r, false, &now);
}

static struct registry_host_info
info(const char *name)
{
	struct registry_host_info out;

	assert_non_null(registry_find(registry, name));
	registry_host_info(registry_find(registry, name), &out);
	return out;
}

static struct registry_stats
stats(void)
{
	struct registry_stats out;

	registry_stats(registry, &out);
	return out;
}

static void
seen_many(unsigned int n)
{
	char name[16];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "h%u", i);
		assert_int_equal(seen(name, i + 1), 0);
	}
}

static void
left_many(unsigned int first, unsigned int n, enum registry_left how)
{
	char name[16];

	for (unsigned int i = first; i < first + n; i++) {
		snprintf(name, sizeof(name), "h%u", i);
		registry_left(registry, name, how, &now);
	}
}

static void
test_join_and_leave(void **state)
{
	(void)state;
	begin(100);
	assert_null(registry_find(registry, "h1"));
	seen("h1", 1);
	assert_int_equal(n_changed, 1);
	seen("h1", 1);
	assert_int_equal(n_changed, 1);
	assert_int_equal(info("h1").state, REGISTRY_PRESENT);
	pass(5 * S);
	registry_left(registry, "h1", REGISTRY_LEFT_WILL, &now);
	registry_left(registry, "nobody", REGISTRY_LEFT_WILL, &now);
	pass(2 * S);
	assert_int_equal(info("h1").state, REGISTRY_LEAVING);
	assert_int_equal(n_changed, 1);
	pass(1 * S);
	assert_int_equal(info("h1").state, REGISTRY_GONE);
	assert_int_equal(info("h1").left, REGISTRY_LEFT_WILL);
	assert_int_equal(info("h1").left_at.wall_ns, WALL + 5 * S);
	assert_int_equal(info("h1").first_seen.wall_ns, WALL);
	assert_int_equal(n_changed, 2);
	seen("h1", 2);
	assert_int_equal(info("h1").joins, 2);
	assert_int_equal(n_changed, 3);
	registry_free(registry);
}

/* A restart is over before the host is gone: the plan does not move. */
static void
test_restart(void **state)
{
	(void)state;
	begin(100);
	seen("h1", 1);
	registry_left(registry, "h1", REGISTRY_LEFT_GOODBYE, &now);
	pass(2 * S);
	seen("h1", 1);
	pass(60 * S);
	assert_int_equal(info("h1").state, REGISTRY_PRESENT);
	assert_int_equal(info("h1").joins, 1);
	assert_int_equal(n_changed, 1);
	registry_free(registry);
}

static void
test_few(void **state)
{
	(void)state;
	assert_int_equal(registry_few(1), 2);
	assert_int_equal(registry_few(29), 2);
	assert_int_equal(registry_few(64), 6);
	assert_int_equal(registry_few(12500), 1250);
}

/* One more than a tenth, and nobody is removed until that is confirmed by time. */
static void
test_freeze(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	left_many(0, 11, REGISTRY_LEFT_WILL);
	pass(REGISTRY_CONFIRM_NS - S);
	assert_true(stats().frozen);
	assert_int_equal(stats().frozen_since.wall_ns, WALL);
	assert_int_equal(stats().hosts[REGISTRY_LEAVING], 11);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 0);
	assert_int_equal(n_changed, 100);
	pass(S);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 11);
	pass(10 * S);
	assert_false(stats().frozen);
	registry_free(registry);
}

static void
test_no_freeze(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	left_many(0, 10, REGISTRY_LEFT_WILL);
	pass(REGISTRY_SETTLE_NS);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 10);
	/* Saying goodbye is no fault, however many do. */
	left_many(10, 80, REGISTRY_LEFT_GOODBYE);
	pass(REGISTRY_SETTLE_NS);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 90);
	assert_false(stats().frozen);
	registry_free(registry);
}

/* Keepalive runs out host by host, so a partition comes in drops. */
static void
test_freeze_in_drops(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	for (unsigned int i = 0; i < 50; i++) {
		left_many(i, 1, REGISTRY_LEFT_WILL);
		pass(S);
	}
	assert_true(stats().frozen);
	assert_in_range(stats().hosts[REGISTRY_GONE], 0, 10);
	/* All come back. */
	seen_many(100);
	pass(REGISTRY_AT_ONCE_NS + 10 * S);
	assert_false(stats().frozen);
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 100);
	registry_free(registry);
}

static void
test_confirm(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	left_many(0, 30, REGISTRY_LEFT_WILL);
	pass(10 * S);
	assert_true(stats().frozen);
	assert_int_equal(registry_confirm(registry, &now), 30);
	assert_false(stats().frozen);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 30);
	assert_int_equal(n_changed, 130);
	/* How they have left remains true. */
	assert_int_equal(info("h0").left, REGISTRY_LEFT_WILL);
	assert_true(info("h0").confirmed);
	pass(S);
	assert_false(stats().frozen);
	/* Who comes back and leaves anew is not confirmed. */
	seen("h0", 2);
	assert_false(info("h0").confirmed);
	registry_left(registry, "h0", REGISTRY_LEFT_WILL, &now);
	pass(REGISTRY_SETTLE_NS);
	assert_int_equal(info("h0").state, REGISTRY_GONE);
	assert_false(info("h0").confirmed);
	registry_free(registry);
}

/* The broker has forgotten all, and agents come back with pauses. */
static void
test_broker_forgets(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	registry_offline(registry);
	registry_resync(registry, &now);
	pass(100 * S);
	seen_many(99);
	pass(100 * S);
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 99);
	assert_int_equal(info("h99").left, REGISTRY_LEFT_UNSEEN);
	assert_int_equal(n_changed, 101);
	/* Nobody comes back: frozen, not empty. */
	registry_offline(registry);
	registry_resync(registry, &now);
	pass(300 * S);
	assert_true(stats().frozen);
	assert_int_equal(stats().hosts[REGISTRY_LEAVING], 99);
	assert_int_equal(n_changed, 101);
	registry_free(registry);
}

/* The broker sends what it has kept before it answers to the subscription. */
static void
test_seen_first(void **state)
{
	(void)state;
	begin(1000);
	seen_many(10);
	registry_offline(registry);
	seen_many(9);
	registry_resync(registry, &now);
	pass(REGISTRY_RESYNC_NS + 10 * S);
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 9);
	assert_int_equal(info("h9").left, REGISTRY_LEFT_UNSEEN);
	registry_free(registry);
}

/* Central loses the broker: hosts that it cannot hear of are not gone, however long that lasts. */
static void
test_offline(void **state)
{
	(void)state;
	begin(1000);
	seen_many(100);
	registry_resync(registry, &now);
	pass(S);
	left_many(0, 5, REGISTRY_LEFT_WILL);
	registry_offline(registry);
	pass(86400 * S);
	assert_int_equal(n_changed, 100);
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 95);
	assert_int_equal(stats().hosts[REGISTRY_LEAVING], 5);
	registry_resync(registry, &now);
	for (unsigned int i = 5; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%u", i);
		seen(name, i + 1);
	}
	pass(REGISTRY_SETTLE_NS - S);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 0);
	pass(S);
	assert_int_equal(stats().hosts[REGISTRY_GONE], 5);
	pass(REGISTRY_RESYNC_NS + 10 * S);
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 95);
	registry_free(registry);
}

static void
test_twins(void **state)
{
	(void)state;
	begin(100);
	seen("h1", 1);
	seen("h1", 2); /* a restart */
	seen("h1", 3);
	assert_false(info("h1").twin);
	seen("h1", 2);
	assert_true(info("h1").twin);
	assert_int_equal(stats().twins, 1);
	pass(REGISTRY_TWIN_NS + S);
	assert_false(info("h1").twin);
	assert_int_equal(stats().twins, 0);
	registry_free(registry);
}

static void
test_clocks(void **state)
{
	struct registration *r = calloc(1, sizeof(*r));

	(void)state;
	begin(100);
	assert_non_null(r);
	strcpy(r->host, "h1");
	r->time_ns = now.wall_ns - 3600 * S;
	registry_seen(registry, r, true, &now);
	assert_false(info("h1").clock_known);
	now.wall_ns += 7 * S;
	seen("h1", 1);
	assert_true(info("h1").clock_known);
	assert_int_equal(info("h1").clock_off_ns, 0);
	/* The same again, as it was written a day ago, says nothing of the clock. */
	r = calloc(1, sizeof(*r));
	assert_non_null(r);
	strcpy(r->host, "h1");
	r->incarnation = 1;
	r->time_ns = now.wall_ns - 86400 * S;
	registry_seen(registry, r, false, &now);
	assert_int_equal(info("h1").clock_off_ns, 0);
	registry_free(registry);
}

static void
test_full(void **state)
{
	(void)state;
	begin(10);
	seen_many(10);
	assert_int_equal(seen("one more", 1), -ENOSPC);
	assert_int_equal(seen("h3", 99), 0);
	assert_int_equal(stats().refused_full, 1);
	left_many(4, 1, REGISTRY_LEFT_GOODBYE);
	pass(10 * S);
	assert_int_equal(seen("one more", 1), 0);
	assert_null(registry_find(registry, "h4"));
	assert_int_equal(stats().hosts[REGISTRY_PRESENT], 10);
	registry_free(registry);
}

/*
 * At random: within any REGISTRY_AT_ONCE_NS no more than a tenth goes without a goodbye or a
 * confirmation, and the counts are those of the list.
 */
static void
random_step(unsigned int *seed, unsigned int hosts)
{
	char name[16];

	snprintf(name, sizeof(name), "h%u", (unsigned int)rand_r(seed) % hosts);
	switch (rand_r(seed) % 8) {
	case 0:
	case 1:
	case 2:
		seen(name, (uint64_t)rand_r(seed) % 3 + 1);
		break;
	case 3:
		registry_left(registry, name, REGISTRY_LEFT_WILL, &now);
		break;
	case 4:
		registry_left(registry, name, REGISTRY_LEFT_GOODBYE, &now);
		break;
	case 5:
		if (rand_r(seed) % 50 == 0)
			registry_offline(registry);
		if (rand_r(seed) % 20 == 0)
			registry_resync(registry, &now);
		break;
	default:
		pass((uint64_t)(rand_r(seed) % 10) * S / 2);
	}
}

static void
check_books(void)
{
	struct registry_stats s = stats();
	uint32_t n[REGISTRY_STATE_N] = {0}, unsaid = 0;
	const struct registry_host *host = NULL;
	struct registry_host_info i = {.id = 0};

	while ((host = registry_next(registry, i.id))) {
		registry_host_info(host, &i);
		n[i.state]++;
		unsaid += i.state == REGISTRY_GONE && i.left >= REGISTRY_LEFT_WILL &&
			  now.mono_ns - i.left_at.mono_ns < REGISTRY_AT_ONCE_NS;
	}
	assert_memory_equal(n, s.hosts, sizeof(n));
	assert_in_range(unsaid, 0, registry_few(80));
}

static void
test_random(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		unsigned int s = seed;

		begin(80);
		for (int i = 0; i < 2000; i++) {
			random_step(&s, 90);
			check_books();
		}
		registry_free(registry);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_and_leave), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_few),	       cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_no_freeze),      cmocka_unit_test(test_freeze_in_drops),
		cmocka_unit_test(test_confirm),	       cmocka_unit_test(test_broker_forgets),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_seen_first),	       cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_full),	       cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
