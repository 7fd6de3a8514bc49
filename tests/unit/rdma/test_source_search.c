/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for QPs with wanted ports, against two ways to give out numbers: that of Linux 6.1,
 * which goes round, and that of 5.10, which gives the lowest free number from the last one on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdma/source_search.h"

#define QPN_MIN 17
#define QPN_MAX 131072

struct numbers {
	bool used[QPN_MAX + 1];
	uint32_t last;
	bool reuses; /* 5.10 */
	uint32_t bare;
};

static uint32_t
numbers_take(struct numbers *n)
{
	uint32_t qpn = n->reuses ? n->last : n->last + 1;

	while (qpn > QPN_MAX || n->used[qpn])
		qpn = qpn >= QPN_MAX ? QPN_MIN : qpn + 1;
	n->used[qpn] = true;
	n->last = qpn;
	return qpn;
}

/*
 * hash_32(qpn, 14) + 0xc000, one bit at a time: the kernel's golden ratio times the number, top 14
 * bits of 32. The values that were seen on a wire stand in test_sport.c.
 */
static uint16_t
port_of(uint32_t qpn)
{
	uint32_t hash = 0;

	for (int bit = 0; bit < 32; bit++)
		if (qpn >> bit & 1)
			hash += 0x61c88647u << bit;
	return (uint16_t)(0xc000 + hash / 0x40000);
}

/*
 * Endpoints are told from each other by their addresses only; the number stands where it points to.
 */
static uint32_t made[QPN_MAX + 1];

static struct endpoint *
endpoint_of(uint32_t qpn)
{
	made[qpn] = qpn;
	return (struct endpoint *)(void *)&made[qpn];
}

static uint32_t
qpn_of(const struct endpoint *endpoint)
{
	return *(const uint32_t *)(const void *)endpoint;
}

/* One try as sources.c does it. Returns false if there was nothing to do. */
static bool
step(struct source_search *search, struct numbers *n)
{
	enum source_step what = source_search_next(search);
	uint32_t qpn;

	if (what == SOURCE_STEP_NONE)
		return false;
	qpn = numbers_take(n);
	if (what == SOURCE_STEP_BARE) {
		if (n->bare)
			n->used[n->bare] = false;
		n->bare = qpn;
		source_search_made(search, qpn, NULL);
	} else if (!source_search_made(search, qpn, endpoint_of(qpn))) {
		n->used[qpn] = false;
	}
	return true;
}

static uint32_t
run(struct source_search *search, struct numbers *n)
{
	uint32_t steps = 0;

	while (step(search, n))
		steps++;
	n->used[n->bare] = false;
	n->bare = 0;
	source_search_pause(search);
	return steps;
}

static struct numbers *
numbers_new(bool reuses)
{
	struct numbers *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->last = 1000;
	n->reuses = reuses;
	return n;
}

static void
test_found(void **state)
{
	struct source_search search;
	struct sources_stats stats;

	(void)state;
	for (int reuses = 0; reuses < 2; reuses++) {
		struct numbers *n = numbers_new(reuses);
		uint32_t steps;

		source_search_init(&search, 16, 16);
		assert_int_equal(source_search_next(&search), SOURCE_STEP_NONE);
		assert_int_equal(source_search_want(&search, port_of(1010), SOURCE_SERVICE), 0);
		steps = run(&search, n);
		assert_int_equal(qpn_of(source_search_get(&search, port_of(1010))), 1010);
		assert_in_range(steps, 10, 11);
		source_search_stats(&search, &stats);
		assert_int_equal(stats.wanted, 1);
		assert_int_equal(stats.found, 1);
		assert_int_equal(stats.tries, steps);
		assert_int_equal(stats.given_up, 0);
		/*
		 * Several at once, two of them neighbours, and one that is behind: the numbers go
		 * round.
		 */
		assert_int_equal(source_search_want(&search, port_of(1500), SOURCE_SERVICE), 0);
		assert_int_equal(source_search_want(&search, port_of(1501), SOURCE_SERVICE), 0);
		assert_int_equal(source_search_want(&search, port_of(500), SOURCE_SERVICE), 0);
		steps = run(&search, n);
		assert_int_equal(qpn_of(source_search_get(&search, port_of(1500))), 1500);
		assert_int_equal(qpn_of(source_search_get(&search, port_of(1501))), 1501);
		assert_int_equal(port_of(qpn_of(source_search_get(&search, port_of(500)))),
				 port_of(500));
		assert_true(steps < QPN_MAX);
		free(n);
	}
}

static void
test_counted(void **state)
{
	struct numbers *n = numbers_new(false);
	struct source_search search;
	uint16_t port = port_of(1003);

	(void)state;
	source_search_init(&search, 16, 16);
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	run(&search, n);
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	assert_non_null(source_search_get(&search, port));
	/*
	 * An endpoint that has another port, or a port that another endpoint has, stays the
	 * caller's.
	 */
	assert_false(source_search_made(&search, 1004, endpoint_of(1004)));
	assert_false(source_search_made(&search, 1003, endpoint_of(1003)));
	assert_int_equal(qpn_of(source_search_unwant(&search, port, SOURCE_SERVICE)), 1003);
	assert_null(source_search_get(&search, port));
	assert_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	/* Not wanted any more before it was found: the search ends. */
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_next(&search), SOURCE_STEP_BARE);
	assert_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	assert_int_equal(source_search_next(&search), SOURCE_STEP_NONE);
	free(n);
}

static void
test_limits(void **state)
{
	struct source_search search;
	struct sources_stats stats;

	(void)state;
	source_search_init(&search, 2, 2);
	assert_int_equal(source_search_want(&search, 0xc000, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, 0xc001, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, 0xc002, SOURCE_SERVICE), -ENOSPC);
	assert_int_equal(source_search_want(&search, 0xc001, SOURCE_SERVICE), 0);
	source_search_unwant(&search, 0xc000, SOURCE_SERVICE);
	assert_int_equal(source_search_want(&search, 0xbfff, SOURCE_SERVICE), -ERANGE);
	assert_int_equal(source_search_want(&search, 0xffff, SOURCE_SERVICE), 0);
	source_search_stats(&search, &stats);
	assert_int_equal(stats.wanted, 2);
	source_search_init(&search, 1000, 1000);
	for (uint16_t i = 0; i < SOURCES_MAX; i++)
		assert_int_equal(source_search_want(&search, (uint16_t)(0xc000 + i),
						    SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, 0xd000, SOURCE_SERVICE), -ENOSPC);
	source_search_init(&search, 0, 0);
	assert_int_equal(source_search_want(&search, 0xd000, SOURCE_SERVICE), -ENOSPC);
}

/* The mesh may have two of four places; ports that both want count for both. */
static void
test_mesh(void **state)
{
	struct source_search search;

	(void)state;
	source_search_init(&search, 4, 2);
	assert_int_equal(source_search_want(&search, 0xc000, SOURCE_MESH), 0);
	assert_int_equal(source_search_want(&search, 0xc001, SOURCE_MESH), 0);
	assert_int_equal(source_search_want(&search, 0xc002, SOURCE_MESH), -ENOSPC);
	assert_int_equal(source_search_want(&search, 0xc001, SOURCE_MESH), 0);
	assert_int_equal(source_search_want(&search, 0xc002, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, 0xc002, SOURCE_MESH), -ENOSPC);
	assert_int_equal(source_search_want(&search, 0xc003, SOURCE_SERVICE), 0);
	assert_int_equal(source_search_want(&search, 0xc004, SOURCE_SERVICE), -ENOSPC);
	assert_int_equal(source_search_want(&search, 0xc000, SOURCE_SERVICE), 0);
	/* The mesh leaves a port that a service keeps. */
	assert_null(source_search_unwant(&search, 0xc000, SOURCE_MESH));
	assert_int_equal(source_search_want(&search, 0xc004, SOURCE_SERVICE), -ENOSPC);
	assert_int_equal(source_search_want(&search, 0xc002, SOURCE_MESH), 0);
	assert_null(source_search_unwant(&search, 0xc000, SOURCE_SERVICE));
	assert_int_equal(source_search_want(&search, 0xc004, SOURCE_SERVICE), 0);
}

/* All QPNs with the port are others'. */
static void
test_given_up(void **state)
{
	struct numbers *n = numbers_new(false);
	struct source_search search;
	struct sources_stats stats;
	uint16_t port = port_of(5000);
	uint32_t others = 0;

	(void)state;
	for (uint32_t qpn = QPN_MIN; qpn <= QPN_MAX; qpn++)
		others += n->used[qpn] = port_of(qpn) == port;
	assert_in_range(others, 7, 9);
	source_search_init(&search, 16, 16);
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_int_equal(run(&search, n), SOURCES_TRIES);
	source_search_stats(&search, &stats);
	assert_int_equal(stats.given_up, 1);
	assert_int_equal(stats.found, 0);
	/* Wanted by one more, after a QP has gone. */
	n->used[5000] = false;
	n->last = 4990;
	assert_int_equal(source_search_want(&search, port, SOURCE_SERVICE), 0);
	assert_in_range(run(&search, n), 10, 11);
	assert_int_equal(qpn_of(source_search_get(&search, port)), 5000);
	assert_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	assert_non_null(source_search_unwant(&search, port, SOURCE_SERVICE));
	free(n);
}

/*
 * Somebody else makes QPs all the time: numbers are missed, and found where they come round again.
 */
static void
test_others(void **state)
{
	struct numbers *n = numbers_new(false);
	struct source_search search;
	uint32_t i = 0;

	(void)state;
	source_search_init(&search, 16, 16);
	for (uint32_t qpn = 2000; qpn < 2016; qpn++)
		assert_int_equal(source_search_want(&search, port_of(qpn), SOURCE_SERVICE), 0);
	while (step(&search, n)) {
		if (i++ % 3 == 0)
			n->used[numbers_take(n)] = false;
	}
	assert_true(i < SOURCES_TRIES);
	for (uint32_t qpn = 2000; qpn < 2016; qpn++) {
		const struct endpoint *endpoint = source_search_get(&search, port_of(qpn));

		assert_non_null(endpoint);
		assert_int_equal(port_of(qpn_of(endpoint)), port_of(qpn));
	}
	free(n);
}

static void
test_pause(void **state)
{
	struct source_search search;

	(void)state;
	source_search_init(&search, 16, 16);
	/* 2 % of the time: 1 ms of work, then 50 ms without. */
	assert_int_equal(source_search_pause_ns(&search, 3000000), 150000000);
	assert_int_equal(source_search_pause_ns(&search, 1000000), 50000000);
	/* A second once is a stall of the host, twice it is the device. */
	assert_int_equal(source_search_pause_ns(&search, 1000000000), 50000000);
	assert_int_equal(source_search_pause_ns(&search, 1000000), 50000000);
	assert_int_equal(source_search_pause_ns(&search, 1000000000), 50000000);
	assert_int_equal(source_search_pause_ns(&search, 1000000000), 50000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests_name("source_search", tests, NULL, NULL);
}
