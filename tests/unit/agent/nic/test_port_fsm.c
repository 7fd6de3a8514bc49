/* SPDX-License-Identifier: Apache-2.0 */
#include "port_fsm_fake.h"

#include <errno.h>
#include <stdlib.h>

#define is(f, s) assert_string_equal(port_state_name(port_fsm_state((f)->fsm)), port_state_name(s))

/* Leads a new machine into a state; with a link and an address where the state allows them. */
static void
reach(struct fake *f, enum port_state s)
{
	fake_new(f, false);
	f->link = s != PORT_DOWN;
	f->address = s != PORT_NO_ADDRESS;
	if (s != PORT_CLOSED)
		fake_event(f, PORT_EVENT_FOUND);
	if (s == PORT_OPENING) {
		fake_event(f, PORT_EVENT_LINK_UP);
		fake_event(f, PORT_EVENT_ADDRESS);
	}
	if (s == PORT_CLOSED || s == PORT_OPENING)
		return;
	fake_opened(f);
	if (s == PORT_DOWN || s == PORT_NO_ADDRESS || s == PORT_BUILDING)
		return;
	f->build_error = s == PORT_UP ? 0 : -ENOMEM;
	fake_built(f);
	while (s == PORT_GIVEN_UP && port_fsm_state(f->fsm) != s) {
		fake_wait(f);
		if (port_fsm_state(f->fsm) == PORT_BUILDING)
			fake_built(f);
	}
	f->build_error = 0;
}

#define X PORT_STATE_N /* stays */
#define CLO PORT_CLOSED
#define OPE PORT_OPENING
#define DOW PORT_DOWN
#define NOA PORT_NO_ADDRESS
#define BUI PORT_BUILDING
#define UPP PORT_UP
#define BAC PORT_BACKING_OFF

/*
 * What a reader of port_fsm.h expects of each event in each state, written down by hand. TIMER is
 * delivered when it is due.
 */
static const enum port_state table[PORT_EVENT_N][PORT_STATE_N] = {
	/*                              closed open down no_a build up back given */
	[PORT_EVENT_FOUND] =          { OPE, X,   X,   X,   X,   X,   X,   X },
	[PORT_EVENT_GONE] =           { X,   CLO, CLO, CLO, CLO, CLO, CLO, CLO },
	[PORT_EVENT_FATAL] =          { X,   X,   BAC, BAC, BAC, BAC, X,   X },
	[PORT_EVENT_OPENED] =         { X,   BUI, X,   X,   X,   X,   X,   X },
	[PORT_EVENT_OPEN_FAILED] =    { X,   BAC, X,   X,   X,   X,   X,   X },
	[PORT_EVENT_LINK_UP] =        { X,   X,   BUI, X,   X,   X,   X,   X },
	[PORT_EVENT_LINK_DOWN] =      { X,   X,   X,   DOW, X,   DOW, X,   X },
	[PORT_EVENT_ADDRESS] =        { X,   X,   X,   BUI, X,   X,   X,   X },
	[PORT_EVENT_NO_ADDRESS] =     { X,   X,   X,   X,   X,   NOA, X,   X },
	[PORT_EVENT_MTU] =            { X,   X,   X,   X,   X,   X,   X,   X },
	[PORT_EVENT_REREGISTER] =     { X,   X,   X,   X,   X,   X,   X,   X },
	[PORT_EVENT_QP_ERROR] =       { X,   X,   X,   X,   X,   BUI, X,   X },
	[PORT_EVENT_CQ_ERROR] =       { X,   X,   X,   X,   X,   BUI, X,   X },
	[PORT_EVENT_RECONFIGURED] =   { X,   X,   X,   X,   X,   BUI, X,   X },
	[PORT_EVENT_BUILT] =          { X,   X,   X,   X,   UPP, X,   X,   X },
	[PORT_EVENT_BUILD_FAILED] =   { X,   X,   X,   X,   BAC, X,   X,   X },
	[PORT_EVENT_TIMER] =          { X,   X,   X,   X,   X,   X,   BUI, BUI },
	[PORT_EVENT_RETRY] =          { X,   X,   X,   X,   X,   X,   BUI, BUI },
	[PORT_EVENT_NOT_CONFIGURED] = { X,   CLO, CLO, CLO, CLO, CLO, CLO, CLO },
};

/* Sends one event; the fake's own memory of what is answered follows. */
static void
send_one(struct fake *f, enum port_event e)
{
	f->opening &= e != PORT_EVENT_OPENED && e != PORT_EVENT_OPEN_FAILED;
	f->open |= e == PORT_EVENT_OPENED && f->opens > f->closes;
	f->building &= e != PORT_EVENT_BUILT && e != PORT_EVENT_BUILD_FAILED;
	if (port_fsm_state(f->fsm) == PORT_BUILDING)
		f->built |= e == PORT_EVENT_BUILT;
	if (e == PORT_EVENT_OPEN_FAILED && port_fsm_state(f->fsm) == PORT_OPENING)
		f->closes++; /* nothing was opened that could be closed */
	fake_event(f, e);
}

static void
test_table(void **state)
{
	(void)state;
	for (int s = 0; s < PORT_STATE_N; s++) {
		for (int e = 0; e < PORT_EVENT_N; e++) {
			enum port_state wanted =
				table[e][s] == X ? (enum port_state)s : table[e][s];
			struct port_fsm_info info;
			struct fake f;

			reach(&f, (enum port_state)s);
			is(&f, (enum port_state)s);
			if (e == PORT_EVENT_TIMER && f.armed != UINT64_MAX)
				f.now = f.armed;
			send_one(&f, (enum port_event)e);
			if (port_fsm_state(f.fsm) != wanted)
				fail_msg("%s in %s leads to %s, not %s",
					 port_event_name((enum port_event)e),
					 port_state_name((enum port_state)s),
					 port_state_name(port_fsm_state(f.fsm)),
					 port_state_name(wanted));
			port_fsm_info(f.fsm, &info);
			assert_true(f.paused == (wanted != PORT_UP));
			assert_true((info.reason == NULL) == (wanted == PORT_UP));
			assert_true((f.armed != UINT64_MAX) ==
				    (wanted == PORT_BACKING_OFF || wanted == PORT_GIVEN_UP));
			assert_true(info.events[e] >= 1);
			fake_free(&f);
		}
	}
}

/* Facts that come while it opens, builds or waits are not lost. */
static void
test_late_facts(void **state)
{
	struct fake f;

	(void)state;
	reach(&f, PORT_BUILDING);
	fake_event(&f, PORT_EVENT_LINK_DOWN);
	fake_built(&f);
	is(&f, PORT_DOWN);
	fake_event(&f, PORT_EVENT_NO_ADDRESS);
	fake_event(&f, PORT_EVENT_LINK_UP);
	is(&f, PORT_NO_ADDRESS);
	fake_event(&f, PORT_EVENT_ADDRESS);
	is(&f, PORT_UP);
	assert_int_equal(f.builds, 1);
	fake_free(&f);

	reach(&f, PORT_BACKING_OFF);
	fake_event(&f, PORT_EVENT_NO_ADDRESS);
	is(&f, PORT_BACKING_OFF);
	fake_wait(&f);
	is(&f, PORT_NO_ADDRESS);
	fake_free(&f);
}

/* A link that goes and comes costs no endpoint; a QP error while it is away does, on the way up. */
static void
test_link_keeps_endpoints(void **state)
{
	struct fake f;

	(void)state;
	fake_new(&f, true);
	fake_event(&f, PORT_EVENT_FOUND);
	is(&f, PORT_UP);
	fake_event(&f, PORT_EVENT_LINK_DOWN);
	assert_string_equal(f.reason, "port is down");
	fake_event(&f, PORT_EVENT_LINK_UP);
	is(&f, PORT_UP);
	assert_int_equal(f.builds, 1);
	fake_event(&f, PORT_EVENT_LINK_DOWN);
	fake_event(&f, PORT_EVENT_QP_ERROR);
	is(&f, PORT_DOWN);
	assert_int_equal(f.unbuilds, 1);
	fake_event(&f, PORT_EVENT_LINK_UP);
	is(&f, PORT_UP);
	assert_int_equal(f.builds, 2);
	fake_free(&f);
}

/*
 * 1, 2, 4, 8 s; then the fifth failure within a minute, and it is left alone; after that one
 * failure is enough.
 */
static void
test_backoff(void **state)
{
	struct fake f;
	uint64_t wait = S;

	(void)state;
	fake_new(&f, true);
	f.build_error = -ENOMEM;
	fake_event(&f, PORT_EVENT_FOUND);
	for (int i = 0; i < 5; i++, wait *= 2) {
		is(&f, PORT_BACKING_OFF);
		assert_int_equal(f.armed - f.now, wait);
		fake_wait(&f);
	}
	is(&f, PORT_GIVEN_UP);
	assert_int_equal(f.armed - f.now, PORT_FSM_GIVE_UP_NS);
	assert_int_equal(f.builds, 5);
	fake_wait(&f);
	is(&f, PORT_GIVEN_UP);
	assert_int_equal(f.builds, 6);
	f.build_error = 0;
	fake_wait(&f);
	is(&f, PORT_UP);
	f.now += PORT_FSM_STABLE_NS;
	f.build_error = -ENOMEM;
	fake_event(&f, PORT_EVENT_QP_ERROR);
	is(&f, PORT_BACKING_OFF);
	/* All was forgiven but this QP error. */
	assert_int_equal(f.armed - f.now, S);
	fake_free(&f);
}

/* Failures that are far enough apart do not add up, and the back-off has a limit. */
static void
test_backoff_cap(void **state)
{
	struct port_fsm_info info;
	struct fake f;

	(void)state;
	fake_new(&f, true);
	f.build_error = -ENOMEM;
	fake_event(&f, PORT_EVENT_FOUND);
	for (int i = 0; i < 20; i++) {
		is(&f, PORT_BACKING_OFF);
		assert_true(f.armed - f.now <= PORT_FSM_BACKOFF_MAX_NS);
		port_fsm_info(f.fsm, &info);
		assert_int_equal(info.error, -ENOMEM);
		/* Somebody is slow with the timer: never five within a minute. */
		f.now = f.armed + 20 * S;
		fake_event(&f, PORT_EVENT_TIMER);
	}
	assert_int_equal(info.backoff_ns, PORT_FSM_BACKOFF_MAX_NS);
	fake_free(&f);
}

/* The first queue error is answered at once, the second waits. */
static void
test_queue_errors(void **state)
{
	struct fake f;

	(void)state;
	fake_new(&f, true);
	fake_event(&f, PORT_EVENT_FOUND);
	fake_event(&f, PORT_EVENT_QP_ERROR);
	is(&f, PORT_UP);
	assert_int_equal(f.builds, 2);
	f.now += S;
	fake_event(&f, PORT_EVENT_CQ_ERROR);
	is(&f, PORT_BACKING_OFF);
	fake_wait(&f);
	is(&f, PORT_UP);
	f.now += PORT_FSM_STABLE_NS;
	fake_event(&f, PORT_EVENT_QP_ERROR);
	is(&f, PORT_UP);
	fake_free(&f);
}

/*
 * A link that flaps: left alone for a minute after the fifth time, and goes on by itself, or when
 * somebody asks.
 */
static void
test_flapping(void **state)
{
	struct fake f;

	(void)state;
	fake_new(&f, true);
	fake_event(&f, PORT_EVENT_FOUND);
	for (int i = 0; i < 5; i++) {
		is(&f, PORT_UP);
		f.now += S;
		fake_event(&f, PORT_EVENT_LINK_DOWN);
		is(&f, PORT_DOWN);
		fake_event(&f, PORT_EVENT_LINK_UP);
	}
	is(&f, PORT_GIVEN_UP);
	assert_true(f.built);
	fake_wait(&f);
	is(&f, PORT_UP);
	assert_int_equal(f.builds, 1);
	for (int i = 0; i < 5; i++) {
		fake_event(&f, PORT_EVENT_GONE);
		is(&f, PORT_CLOSED);
		f.now += S;
		fake_event(&f, PORT_EVENT_FOUND);
	}
	is(&f, PORT_GIVEN_UP);
	assert_false(f.open);
	/* Gone and back does not shorten it. */
	fake_event(&f, PORT_EVENT_GONE);
	f.now += S;
	fake_event(&f, PORT_EVENT_FOUND);
	is(&f, PORT_GIVEN_UP);
	assert_int_equal(f.armed - f.now, PORT_FSM_GIVE_UP_NS - S);
	fake_event(&f, PORT_EVENT_RETRY);
	is(&f, PORT_UP);
	fake_free(&f);
}

/* Endpoints that somebody wants otherwise, however often: no fall, no back-off. */
static void
test_reconfigured(void **state)
{
	struct fake f;

	(void)state;
	fake_new(&f, true);
	fake_event(&f, PORT_EVENT_FOUND);
	for (int i = 0; i < 20; i++) {
		fake_event(&f, PORT_EVENT_RECONFIGURED);
		is(&f, PORT_UP);
	}
	assert_int_equal(f.builds, 21);
	fake_event(&f, PORT_EVENT_LINK_DOWN);
	fake_event(&f, PORT_EVENT_RECONFIGURED);
	is(&f, PORT_DOWN);
	assert_string_equal(f.reason, "port is down");
	fake_free(&f);
}

/* A timer that comes early is asked for again and does nothing. */
static void
test_early_timer(void **state)
{
	struct fake f;
	uint64_t at;

	(void)state;
	reach(&f, PORT_BACKING_OFF);
	at = f.armed;
	f.armed = UINT64_MAX;
	f.now = at - 1;
	fake_event(&f, PORT_EVENT_TIMER);
	is(&f, PORT_BACKING_OFF);
	assert_int_equal(f.armed, at);
	fake_free(&f);
}

/*
 * Any order of events keeps the promises that the fake asserts, and up means open, link, address,
 * built.
 */
static void
test_random(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	for (int run = 0; run < 200; run++) {
		struct port_fsm_info info;
		struct fake f;

		fake_new(&f, run % 2);
		for (int i = 0; i < 2000; i++) {
			enum port_event e;

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			e = (enum port_event)(x % PORT_EVENT_N);
			f.now += (x >> 32) % (3 * S);
			f.build_error = (x >> 40) % 8 ? 0 : -ENOMEM;
			f.link = (x >> 44) % 4;
			if (e == PORT_EVENT_NOT_CONFIGURED || e == PORT_EVENT_OPEN_FAILED)
				continue;
			if (f.opening)
				fake_opened(&f);
			else if (f.building && (x >> 50) % 2)
				fake_built(&f);
			else if (e != PORT_EVENT_OPENED && e != PORT_EVENT_BUILT &&
				 e != PORT_EVENT_BUILD_FAILED)
				fake_event(&f, e);
			port_fsm_info(f.fsm, &info);
			assert_true(f.paused == (info.state != PORT_UP));
			assert_true(info.state != PORT_UP ||
				    (info.open && info.link && info.address && info.built));
			assert_true(info.open == f.open && info.built == f.built);
			assert_true(
				(info.retry_ns == UINT64_MAX) ==
				(info.state != PORT_BACKING_OFF && info.state != PORT_GIVEN_UP));
			assert_int_equal(info.retry_ns, f.armed);
		}
		fake_free(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_late_facts),
		cmocka_unit_test(test_link_keeps_endpoints),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_backoff_cap),
		cmocka_unit_test(test_queue_errors),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_reconfigured),
		cmocka_unit_test(test_early_timer),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("port_fsm", tests, NULL, NULL);
}
