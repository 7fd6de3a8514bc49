/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each allocation fails once, and the two after it: the plan says -ENOMEM and goes on, and when
 * there is memory again, its lists are those of a planner that never lacked any.
 */
#include "plan_fake.h"

#include <errno.h>

#define NEVER UINT32_MAX

static uint32_t allocations, fails_at = NEVER;

void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool
memory_fails(void)
{
	uint32_t n = allocations++;

	return n >= fails_at && n - fails_at < 3;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return memory_fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return memory_fails() ? NULL : __real_reallocarray(p, n, size);
}

static int
put(struct plan *plan, unsigned int t, unsigned int h, unsigned int unit)
{
	char name[32], tor[32], text[32];
	const char *tors[1] = {tor};
	struct addr address;
	struct plan_port port = {.device = "d", .port = 1, .addresses = &address,
				 .n_addresses = 1, .tors = tors, .n_tors = 1, .rail = "",
				 .budget_out = 100, .budget_in = 100};
	struct plan_host host = {name, &port, 1, 0};

	snprintf(name, sizeof(name), "h%u-%u", t, h);
	snprintf(tor, sizeof(tor), "tor%u", t);
	snprintf(text, sizeof(text), "10.0.%u.%u", unit / 100, unit % 100 + 1);
	addr_parse(text, &address);
	return plan_put(plan, &host);
}

static void
changed(void *arg, const char *host)
{
	(void)arg;
	(void)host;
}

/* What is refused is put again: an agent registers anew. */
static unsigned int
live(struct plan *plan)
{
	unsigned int errors = 0;

	for (unsigned int i = 0; i < 24; i++) {
		while (put(plan, i / 6, i % 6, i) == -ENOMEM)
			errors++;
		if (i % 6 == 3)
			errors += plan_run(plan, 3600, changed, NULL) == -ENOMEM;
	}
	errors += put(plan, 3, 9, 0) == -ENOMEM;
	plan_remove(plan, "h0-0");
	errors += plan_run(plan, 3600, changed, NULL) == -ENOMEM;
	plan_remove(plan, "h3-9");
	errors += plan_run(plan, 7200, changed, NULL) == -ENOMEM;
	return errors;
}

static uint64_t
digest(uint32_t at, unsigned int *errors)
{
	struct plan_options options = fake_options(8);
	struct plan *plan;
	uint64_t found;

	assert_int_equal(plan_new(&options, &plan), 0);
	allocations = 0;
	fails_at = at;
	*errors = live(plan);
	fails_at = NEVER;
	assert_int_equal(put(plan, 0, 0, 0), 0);
	assert_int_equal(plan_run(plan, 7200, changed, NULL), 0);
	found = plan_digest(plan);
	plan_free(plan);
	return found;
}

static void
test_each_allocation(void **state)
{
	unsigned int errors;
	uint64_t want = digest(NEVER, &errors);
	uint32_t n = allocations;

	(void)state;
	assert_int_equal(errors, 0);
	assert_true(n > 100);
	for (uint32_t at = 0; at < n; at++) {
		assert_int_equal(digest(at, &errors), want);
		assert_true(errors > 0 || at > n - 16);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
