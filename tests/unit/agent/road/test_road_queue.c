/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/road/road_queue.h"

#define N 7
static struct road_queue queue;
static struct road_turn turn[N];

static int
setup(void **state)
{
	(void)state;
	for (int i = 0; i < N; i++)
		turn[i] = (struct road_turn){.why = ROAD_WHY_NEW};
	return road_queue_reserve(&queue, N);
}

static int
teardown(void **state)
{
	(void)state;
	road_queue_clear(&queue);
	return 0;
}

/* What central asks for, new ones, those that lose, then the one that is due for the longest. */
static void
test_order(void **state)
{
	(void)state;
	road_queue_put(&queue, &turn[0], ROAD_WHY_AGAIN, 20);
	road_queue_put(&queue, &turn[1], ROAD_WHY_AGAIN, 10);
	road_queue_put(&queue, &turn[2], ROAD_WHY_LOSING, 90);
	road_queue_put(&queue, &turn[3], ROAD_WHY_NEW, 95);
	road_queue_put(&queue, &turn[4], ROAD_WHY_NEW, 94);
	road_queue_put(&queue, &turn[5], ROAD_WHY_NEW, 101);
	road_queue_put(&queue, &turn[6], ROAD_WHY_AGAIN, 5);
	road_queue_put(&queue, &turn[6], ROAD_WHY_ASKED, 96);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[6]);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[4]);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[3]);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[2]);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[1]);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 100), &turn[0]);
	assert_null(road_queue_take(&queue, ROAD_WHY_AGAIN, 100));
	assert_int_equal(road_queue_next_ns(&queue, ROAD_WHY_AGAIN), 101);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_AGAIN, 101), &turn[5]);
	assert_int_equal(road_queue_next_ns(&queue, ROAD_WHY_AGAIN), UINT64_MAX);
}

/* Places that are kept for what is urgent. */
static void
test_last(void **state)
{
	(void)state;
	road_queue_put(&queue, &turn[0], ROAD_WHY_AGAIN, 10);
	road_queue_put(&queue, &turn[1], ROAD_WHY_LOSING, 50);
	assert_int_equal(road_queue_next_ns(&queue, ROAD_WHY_LOSING), 50);
	assert_int_equal(road_queue_next_ns(&queue, ROAD_WHY_AGAIN), 10);
	assert_null(road_queue_take(&queue, ROAD_WHY_LOSING, 49));
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_LOSING, 50), &turn[1]);
	assert_null(road_queue_take(&queue, ROAD_WHY_LOSING, 50));
}

/* What becomes urgent moves up; what is urgent does not move down. */
static void
test_moves(void **state)
{
	(void)state;
	road_queue_put(&queue, &turn[0], ROAD_WHY_AGAIN, 1000);
	road_queue_put(&queue, &turn[0], ROAD_WHY_LOSING, 10);
	road_queue_put(&queue, &turn[0], ROAD_WHY_AGAIN, 2000);
	assert_int_equal(road_queue_next_ns(&queue, ROAD_WHY_AGAIN), 10);
	assert_ptr_equal(road_queue_take(&queue, ROAD_WHY_LOSING, 10), &turn[0]);
	assert_null(road_queue_take(&queue, ROAD_WHY_AGAIN, UINT64_MAX));
	road_queue_put(&queue, &turn[0], ROAD_WHY_AGAIN, 2000);
	road_queue_remove(&queue, &turn[0]);
	road_queue_remove(&queue, &turn[0]);
	assert_null(road_queue_take(&queue, ROAD_WHY_AGAIN, UINT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
