/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "agent/tell/metric_paths.h"

static struct probe_result
measured(uint64_t rtt_ns)
{
	return (struct probe_result){.class = PROBE_OK,
				     .measured = true,
				     .rtt_ns = rtt_ns,
				     .prober_delay_ns = 5,
				     .responder_delay_ns = 20000000000};
}

static const struct metric_path *
find(const struct metric_paths *paths, const char *device, const char *peer, enum probe_kind kind)
{
	const struct metric_path *path;

	for (size_t i = 0; (path = metric_paths_at(paths, i)); i++)
		if (strcmp(path->device, device) == 0 && strcmp(path->peer, peer) == 0 &&
		    path->kind == kind)
			return path;
	return NULL;
}

static void
test_histogram(void **state)
{
	struct metric_histogram h = {.count = 0};

	(void)state;
	metric_histogram_add(&h, 0);
	metric_histogram_add(&h, 1000);
	metric_histogram_add(&h, 1001);
	metric_histogram_add(&h, 10000000000);
	metric_histogram_add(&h, 10000000001);
	assert_int_equal(h.count, 5);
	assert_int_equal(h.sum_ns, 20000002002);
	assert_int_equal(h.n[0], 2);
	assert_int_equal(h.n[1], 1);
	assert_int_equal(h.n[METRIC_BOUNDS - 1], 1);
	for (size_t i = 1; i < METRIC_BOUNDS; i++)
		assert_true(metric_bound_ns[i] > metric_bound_ns[i - 1]);
	assert_int_equal(metric_bound_ns[METRIC_BOUNDS - 1], 10 * NSEC_PER_SEC);
	metric_histogram_add(&h, UINT64_MAX);
	assert_true(h.sum_ns == UINT64_MAX);
}

static void
test_counts(void **state)
{
	struct probe_result r = measured(30000);
	const struct metric_path *path;
	struct metric_paths *paths;

	(void)state;
	assert_int_equal(metric_paths_new(10, &paths), 0);
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 1);
	r.host_noise = PROBE_NOISE_RESPONDER;
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 2);
	r.clock = PROBE_CLOCK_HW;
	r.stalled = true;
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 3);
	r = (struct probe_result){.class = PROBE_LOST};
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 4);
	r.host_noise = PROBE_NOISE_PROBER;
	r.stalled = true;
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 5);
	r.kind = PROBE_KIND_SERVICE;
	metric_paths_add(paths, "rxe0", "10.0.0.2", &r, 5);
	r = (struct probe_result){.class = PROBE_UNREACHABLE};
	metric_paths_add(paths, "rxe0", "10.0.0.9", &r, 5);
	metric_paths_add(paths, "rxe0", "10.0.0.9", &r, 5);
	r.class = PROBE_LOST;
	metric_paths_correct(paths, "rxe0", "10.0.0.9", &r, 6);
	/* Counters never fall. */
	path = find(paths, "rxe0", "10.0.0.9", PROBE_KIND_MESH);
	assert_int_equal(path->by_class[PROBE_UNREACHABLE], 2);
	assert_int_equal(path->by_class[PROBE_LOST], 1);
	assert_int_equal(path->corrected, 1);
	path = find(paths, "rxe0", "10.0.0.2", PROBE_KIND_MESH);
	assert_non_null(path);
	assert_int_equal(path->by_class[PROBE_OK], 3);
	assert_int_equal(path->corrected, 0);
	assert_int_equal(path->by_class[PROBE_LOST], 2);
	assert_int_equal(path->noise, 3);
	assert_int_equal(path->lost_noise, 1);
	assert_int_equal(path->answered_noise, 1);
	/* The software stamps under noise are left out, the hardware's are not. */
	assert_int_equal(path->rtt.count, 2);
	assert_int_equal(path->prober_delay.count, 3);
	assert_int_equal(path->responder_delay.count, 3);
	assert_int_equal(path->responder_delay.n[METRIC_BOUNDS - 1], 0);
	assert_int_equal(find(paths, "rxe0", "10.0.0.2", PROBE_KIND_SERVICE)->by_class[PROBE_LOST],
			 1);
	assert_null(metric_paths_at(paths, 3));
	metric_paths_free(paths);
}

/* Sums stay true, whatever has no place of its own. */
static void
test_overflow(void **state)
{
	struct probe_result r = measured(1);
	struct metric_paths *paths;
	uint64_t sum = 0, n = 0;
	char peer[16];

	(void)state;
	assert_int_equal(metric_paths_new(3, &paths), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(peer, sizeof(peer), "10.0.0.%d", i % 10);
		metric_paths_add(paths, i % 2 ? "rxe1" : "rxe0", peer, &r, 1 + (uint64_t)i);
	}
	for (const struct metric_path *path; (path = metric_paths_at(paths, n)); n++)
		sum += path->by_class[PROBE_OK];
	assert_int_equal(n, 5);
	assert_int_equal(sum, 100);
	assert_int_equal(find(paths, "rxe0", METRIC_PATHS_OTHER, PROBE_KIND_MESH)
				 ->by_class[PROBE_OK],
			 30);
	assert_int_equal(metric_paths_overflow(paths), 70);
	assert_int_equal(metric_paths_uncounted(paths), 0);
	metric_paths_free(paths);
}

/* The sums contain all that paths had, even the paths that are gone. */
static void
test_sums(void **state)
{
	struct probe_result r = measured(1);
	const struct metric_path *sum;
	struct metric_paths *paths;
	char peer[16];

	(void)state;
	assert_int_equal(metric_paths_new(2, &paths), 0);
	assert_null(metric_paths_sum_at(paths, 0));
	for (int i = 0; i < 100; i++) {
		snprintf(peer, sizeof(peer), "10.0.0.%d", i);
		metric_paths_add(paths, "rxe0", peer, &r, 1 + (uint64_t)i * METRIC_PATHS_IDLE_NS);
	}
	r.kind = PROBE_KIND_PING;
	metric_paths_add(paths, "rxe0", "10.0.0.1", &r, 1);
	r.kind = PROBE_KIND_MESH;
	metric_paths_add(paths, "rxe1", "10.0.0.1", &r, 1);
	sum = metric_paths_sum_at(paths, 0);
	assert_non_null(sum);
	assert_string_equal(sum->device, "rxe0");
	assert_string_equal(sum->peer, "");
	assert_int_equal(sum->kind, PROBE_KIND_MESH);
	assert_int_equal(sum->by_class[PROBE_OK], 100);
	assert_int_equal(sum->rtt.count, 100);
	assert_int_equal(sum->rtt.n[0], 100);
	assert_int_equal(metric_paths_sum_at(paths, 1)->rtt.count, 1);
	assert_string_equal(metric_paths_sum_at(paths, 2)->device, "rxe1");
	assert_null(metric_paths_sum_at(paths, 3));
	metric_paths_free(paths);
}

/* The one that has been idle for longest gives way, but not while somebody reads. */
static void
test_idle(void **state)
{
	struct probe_result r = measured(1);
	struct metric_paths *paths;
	uint64_t now = 1;

	(void)state;
	assert_int_equal(metric_paths_new(2, &paths), 0);
	metric_paths_add(paths, "rxe0", "a", &r, now);
	metric_paths_add(paths, "rxe0", "b", &r, now + 5);
	metric_paths_add(paths, "rxe0", "c", &r, now + METRIC_PATHS_IDLE_NS - 1);
	assert_null(find(paths, "rxe0", "c", PROBE_KIND_MESH));
	metric_paths_hold(paths);
	metric_paths_add(paths, "rxe0", "c", &r, now + METRIC_PATHS_IDLE_NS);
	assert_null(find(paths, "rxe0", "c", PROBE_KIND_MESH));
	metric_paths_release(paths);
	metric_paths_add(paths, "rxe0", "c", &r, now + METRIC_PATHS_IDLE_NS);
	assert_non_null(find(paths, "rxe0", "c", PROBE_KIND_MESH));
	assert_null(find(paths, "rxe0", "a", PROBE_KIND_MESH));
	assert_non_null(find(paths, "rxe0", "b", PROBE_KIND_MESH));
	assert_int_equal(metric_paths_overflow(paths), 2);
	/* b is used again: it stays. */
	metric_paths_add(paths, "rxe0", "b", &r, now + METRIC_PATHS_IDLE_NS + 6);
	metric_paths_add(paths, "rxe0", "d", &r, now + METRIC_PATHS_IDLE_NS + 7);
	assert_null(find(paths, "rxe0", "d", PROBE_KIND_MESH));
	metric_paths_set_max(paths, 3);
	metric_paths_add(paths, "rxe0", "d", &r, now + METRIC_PATHS_IDLE_NS + 8);
	assert_non_null(find(paths, "rxe0", "d", PROBE_KIND_MESH));
	metric_paths_free(paths);
}

static void
test_long_names(void **state)
{
	struct probe_result r = measured(1);
	struct metric_paths *paths;
	char name[1000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(metric_paths_new(2, &paths), 0);
	metric_paths_add(paths, name, name, &r, 1);
	metric_paths_add(paths, name, name, &r, 2);
	assert_int_equal(metric_paths_at(paths, 0)->by_class[PROBE_OK], 2);
	assert_int_equal(strlen(metric_paths_at(paths, 0)->peer), METRIC_NAME_MAX - 1);
	metric_paths_free(paths);
	metric_paths_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("metric_paths", tests, NULL, NULL);
}
