/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/nic/port_history.h"

#define S 1000000000ULL
#define WALL (1700000000ULL * S)

struct at {
	struct port_history h;
	uint64_t now, since;
	enum port_state state;
};

static void
move(struct at *a, enum port_state to, enum port_event event, int error, uint64_t after_ns)
{
	struct port_transition t = {.from = a->state, .to = to, .event = event, .error = error};

	a->now += after_ns;
	t.at_ns = a->now;
	t.lasted_ns = a->now - a->since;
	port_history_add(&a->h, &t, WALL + a->now);
	a->state = to;
	a->since = a->now;
}

static void
begin(struct at *a)
{
	*a = (struct at){.now = 100 * S, .since = 100 * S, .state = PORT_CLOSED};
	move(a, PORT_OPENING, PORT_EVENT_FOUND, 0, S);
	move(a, PORT_BUILDING, PORT_EVENT_OPENED, 0, 0);
	move(a, PORT_UP, PORT_EVENT_BUILT, 0, 0);
}

static void
entry(const struct at *a, size_t i, enum port_state from, enum port_state to, enum port_event event,
      uint64_t lasted_ns)
{
	const struct port_history_entry *e = port_history_get(&a->h, i, a->now);

	assert_non_null(e);
	assert_string_equal(port_state_name(e->from), port_state_name(from));
	assert_string_equal(port_state_name(e->to), port_state_name(to));
	assert_string_equal(port_event_name(e->event), port_event_name(event));
	assert_int_equal(e->lasted_ns, lasted_ns);
	assert_int_equal(e->wall_ns, WALL + e->at_ns);
}

/* Removed and added again: two entries, without the steps on the way. */
static void
test_steps_are_left_out(void **state)
{
	struct at a;

	(void)state;
	begin(&a);
	entry(&a, 0, PORT_CLOSED, PORT_UP, PORT_EVENT_FOUND, S);
	move(&a, PORT_CLOSED, PORT_EVENT_GONE, 0, 60 * S);
	move(&a, PORT_OPENING, PORT_EVENT_FOUND, 0, 5 * S);
	move(&a, PORT_BUILDING, PORT_EVENT_OPENED, 0, 0);
	move(&a, PORT_UP, PORT_EVENT_BUILT, 0, 0);
	entry(&a, 1, PORT_UP, PORT_CLOSED, PORT_EVENT_GONE, 60 * S);
	entry(&a, 0, PORT_CLOSED, PORT_UP, PORT_EVENT_FOUND, 5 * S);
	assert_null(port_history_get(&a.h, 3, a.now));
	assert_int_equal(port_history_flaps(&a.h, a.now), 1);
}

/* A rebuild shows as up -> up; a back-off after a back-off does not show, and its time adds up. */
static void
test_rebuild_and_backoff(void **state)
{
	struct at a;

	(void)state;
	begin(&a);
	move(&a, PORT_BUILDING, PORT_EVENT_QP_ERROR, 0, 10 * S);
	move(&a, PORT_UP, PORT_EVENT_BUILT, 0, 0);
	entry(&a, 0, PORT_UP, PORT_UP, PORT_EVENT_QP_ERROR, 10 * S);
	move(&a, PORT_BUILDING, PORT_EVENT_QP_ERROR, 0, 7 * S);
	move(&a, PORT_BACKING_OFF, PORT_EVENT_BUILD_FAILED, -12, 0);
	entry(&a, 0, PORT_UP, PORT_BACKING_OFF, PORT_EVENT_BUILD_FAILED, 7 * S);
	assert_int_equal(port_history_get(&a.h, 0, a.now)->error, -12);
	move(&a, PORT_BUILDING, PORT_EVENT_TIMER, 0, S);
	move(&a, PORT_BACKING_OFF, PORT_EVENT_BUILD_FAILED, -12, 0);
	move(&a, PORT_BUILDING, PORT_EVENT_TIMER, 0, 2 * S);
	move(&a, PORT_UP, PORT_EVENT_BUILT, 0, 0);
	entry(&a, 0, PORT_BACKING_OFF, PORT_UP, PORT_EVENT_TIMER, 3 * S);
	entry(&a, 1, PORT_UP, PORT_BACKING_OFF, PORT_EVENT_BUILD_FAILED, 7 * S);
	assert_int_equal(port_history_flaps(&a.h, a.now), 2);
}

/* More than the ring holds: the newest stay. A day later all are gone. Flaps are counted on. */
static void
test_ring_and_age(void **state)
{
	struct at a;

	(void)state;
	begin(&a);
	for (int i = 0; i < 100; i++) {
		move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0, 2 * S);
		move(&a, PORT_UP, PORT_EVENT_LINK_UP, 0, S);
	}
	assert_non_null(port_history_get(&a.h, PORT_HISTORY_MAX - 1, a.now));
	assert_null(port_history_get(&a.h, PORT_HISTORY_MAX, a.now));
	entry(&a, 1, PORT_UP, PORT_DOWN, PORT_EVENT_LINK_DOWN, 2 * S);
	assert_int_equal(port_history_flaps(&a.h, a.now), 100);
	assert_int_equal(a.h.flaps_total, 100);
	assert_null(port_history_get(&a.h, 0, a.now + PORT_HISTORY_KEEP_NS + 1));
}

/* Counted over an hour, to the minute. */
static void
test_flaps_of_the_hour(void **state)
{
	struct at a;

	(void)state;
	begin(&a);
	a.now = a.since = 600 * S;
	for (int i = 0; i < 3; i++) {
		move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0, 1200 * S); /* at 1800, 3000, 4200 s */
		move(&a, PORT_UP, PORT_EVENT_LINK_UP, 0, 0);
	}
	assert_int_equal(port_history_flaps(&a.h, 4200 * S), 3);
	assert_int_equal(port_history_flaps(&a.h, 5399 * S), 3);
	assert_int_equal(port_history_flaps(&a.h, 5400 * S), 2);
	assert_int_equal(port_history_flaps(&a.h, 7799 * S), 1);
	assert_int_equal(port_history_flaps(&a.h, 7800 * S), 0);
	/* A minute's place in the ring is used again an hour later, by whoever came in between. */
	begin(&a);
	a.now = a.since = 0;
	for (int i = 0; i < 3; i++) {
		move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0,
		     i ? 1800 * S : 600 * S); /* at 600, 2400, 4200 s */
		move(&a, PORT_UP, PORT_EVENT_LINK_UP, 0, 0);
	}
	assert_int_equal(port_history_flaps(&a.h, a.now), 2);
	/* And by one that came much later. */
	a.now = 600 * S + 3 * 3600 * S;
	move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0, 0);
	assert_int_equal(port_history_flaps(&a.h, a.now), 1);
}

static void
test_acknowledge(void **state)
{
	struct at a;

	(void)state;
	begin(&a);
	move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0, S);
	move(&a, PORT_UP, PORT_EVENT_LINK_UP, 0, S);
	assert_false(port_history_get(&a.h, 0, a.now)->acknowledged);
	assert_int_equal(port_history_acknowledge(&a.h, a.now), 1);
	assert_int_equal(port_history_flaps(&a.h, a.now), 0);
	assert_true(port_history_get(&a.h, 1, a.now)->acknowledged);
	move(&a, PORT_DOWN, PORT_EVENT_LINK_DOWN, 0, S);
	assert_false(port_history_get(&a.h, 0, a.now)->acknowledged);
	assert_int_equal(port_history_flaps(&a.h, a.now), 1);
	assert_int_equal(a.h.flaps_total, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_are_left_out),
		cmocka_unit_test(test_rebuild_and_backoff),
		cmocka_unit_test(test_ring_and_age),
		cmocka_unit_test(test_flaps_of_the_hour),
		cmocka_unit_test(test_acknowledge),
	};

	return cmocka_run_group_tests_name("port_history", tests, NULL, NULL);
}
