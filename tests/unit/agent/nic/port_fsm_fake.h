/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device under the port machine that answers when told, or at once, and notices what must never
 * be asked of it.
 */
#ifndef TESTS_UNIT_PORT_FSM_FAKE_H
#define TESTS_UNIT_PORT_FSM_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/nic/port_fsm.h"

#define S 1000000000ULL

struct fake {
	struct port_fsm *fsm;
	uint64_t now;
	bool at_once;         /* open and build answer from within */
	bool opening, open, building, built, paused;
	bool link, address;   /* what open finds */
	int build_error;      /* what build answers at once */
	const char *reason;
	uint64_t armed;
	unsigned int opens, closes, builds, unbuilds, renews, moves;
	struct port_transition last;
};

static inline void
fake_event(struct fake *f, enum port_event e)
{
	port_fsm_event(f->fsm, e, 0, f->now);
}

static inline void
fake_opened(struct fake *f)
{
	f->opening = false;
	f->open = true;
	fake_event(f, f->link ? PORT_EVENT_LINK_UP : PORT_EVENT_LINK_DOWN);
	fake_event(f, f->address ? PORT_EVENT_ADDRESS : PORT_EVENT_NO_ADDRESS);
	fake_event(f, PORT_EVENT_OPENED);
}

static inline void
fake_built(struct fake *f)
{
	f->building = false;
	f->built = f->build_error == 0;
	port_fsm_event(f->fsm, f->built ? PORT_EVENT_BUILT : PORT_EVENT_BUILD_FAILED,
		       f->build_error, f->now);
}

static void
fake_open(void *arg)
{
	struct fake *f = arg;

	assert_false(f->open || f->opening);
	f->opening = true;
	f->opens++;
	if (f->at_once)
		fake_opened(f);
}

static void
fake_close(void *arg)
{
	struct fake *f = arg;

	assert_true(f->open || f->opening);
	assert_true(f->paused);
	f->open = f->opening = f->building = f->built = false;
	f->closes++;
}

static void
fake_build(void *arg)
{
	struct fake *f = arg;

	assert_true(f->open && !f->building && !f->built);
	assert_true(f->paused);
	f->building = true;
	f->builds++;
	if (f->at_once)
		fake_built(f);
}

static void
fake_unbuild(void *arg)
{
	struct fake *f = arg;

	assert_true(f->built && f->paused);
	f->built = false;
	f->unbuilds++;
}

static void
fake_pause(void *arg, const char *reason)
{
	struct fake *f = arg;

	assert_non_null(reason);
	f->paused = true;
	f->reason = reason;
}

static void
fake_resume(void *arg)
{
	struct fake *f = arg;

	assert_true(f->open && f->built && f->paused);
	f->paused = false;
}

static void
fake_renew(void *arg, enum port_event event)
{
	struct fake *f = arg;

	(void)event;
	assert_true(f->open);
	f->renews++;
}

static void
fake_arm(void *arg, uint64_t at_ns)
{
	struct fake *f = arg;

	f->armed = at_ns;
}

static void
fake_moved(void *arg, const struct port_transition *t)
{
	struct fake *f = arg;

	assert_true(f->moves == 0 || t->from == f->last.to);
	assert_true(t->from != t->to);
	f->last = *t;
	f->moves++;
}

static const struct port_fsm_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.build = fake_build,
	.unbuild = fake_unbuild,
	.pause = fake_pause,
	.resume = fake_resume,
	.renew = fake_renew,
	.arm = fake_arm,
	.moved = fake_moved,
};

static inline void
fake_new(struct fake *f, bool at_once)
{
	*f = (struct fake){.now = 1000 * S,
			   .at_once = at_once,
			   .paused = true,
			   .link = true,
			   .address = true,
			   .armed = UINT64_MAX};
	assert_int_equal(port_fsm_new(&fake_ops, f, f->now, &f->fsm), 0);
}

static inline void
fake_free(struct fake *f)
{
	fake_event(f, PORT_EVENT_NOT_CONFIGURED);
	assert_false(f->open || f->opening);
	assert_int_equal(f->opens, f->closes);
	port_fsm_free(f->fsm);
}

/* On to the time that was asked for. */
static inline void
fake_wait(struct fake *f)
{
	assert_true(f->armed != UINT64_MAX && f->armed >= f->now);
	f->now = f->armed;
	fake_event(f, PORT_EVENT_TIMER);
}

#endif
