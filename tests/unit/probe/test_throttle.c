/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's self-protection against tables, and in a loop with made-up daemons whose use follows
 * from the rate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clock.h"
#include "probe/throttle.h"

#define MIB (1024ULL * 1024)

static struct throttle
at_step(uint32_t step)
{
	struct throttle_limits limits = {.cpu_percent = 20, .memory_bytes = 512 * MIB};
	struct throttle t;

	throttle_init(&t, &limits);
	for (uint32_t i = 0; i < step; i++)
		assert_true(throttle_fsm(&t, THROTTLE_OVER));
	assert_int_equal(t.step, step);
	return t;
}

/* Each state with each event; reduced at both of its ends and in the middle. */
static void
test_table(void **state)
{
	static const struct {
		uint32_t step;
		enum throttle_state from;
		enum throttle_event event;
		uint32_t to_step;
		enum throttle_state to;
	} rows[] = {
		{0, THROTTLE_FULL, THROTTLE_OVER, 1, THROTTLE_REDUCED},
		{0, THROTTLE_FULL, THROTTLE_WITHIN, 0, THROTTLE_FULL},
		{0, THROTTLE_FULL, THROTTLE_UNDER, 0, THROTTLE_FULL},
		{0, THROTTLE_FULL, THROTTLE_UNLIMITED, 0, THROTTLE_FULL},
		{1, THROTTLE_REDUCED, THROTTLE_OVER, 2, THROTTLE_REDUCED},
		{1, THROTTLE_REDUCED, THROTTLE_WITHIN, 1, THROTTLE_REDUCED},
		{1, THROTTLE_REDUCED, THROTTLE_UNDER, 0, THROTTLE_FULL},
		{1, THROTTLE_REDUCED, THROTTLE_UNLIMITED, 0, THROTTLE_FULL},
		{3, THROTTLE_REDUCED, THROTTLE_OVER, 4, THROTTLE_REDUCED},
		{3, THROTTLE_REDUCED, THROTTLE_UNDER, 2, THROTTLE_REDUCED},
		{5, THROTTLE_REDUCED, THROTTLE_OVER, 6, THROTTLE_LEAST},
		{5, THROTTLE_REDUCED, THROTTLE_UNLIMITED, 0, THROTTLE_FULL},
		{6, THROTTLE_LEAST, THROTTLE_OVER, 6, THROTTLE_LEAST},
		{6, THROTTLE_LEAST, THROTTLE_WITHIN, 6, THROTTLE_LEAST},
		{6, THROTTLE_LEAST, THROTTLE_UNDER, 5, THROTTLE_REDUCED},
		{6, THROTTLE_LEAST, THROTTLE_UNLIMITED, 0, THROTTLE_FULL},
	};
	bool seen[THROTTLE_STATE_N][THROTTLE_EVENT_N] = {{false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct throttle t = at_step(rows[i].step);

		assert_int_equal(t.state, rows[i].from);
		assert_int_equal(throttle_fsm(&t, rows[i].event), rows[i].to_step != rows[i].step);
		assert_int_equal(t.step, rows[i].to_step);
		assert_int_equal(t.state, rows[i].to);
		seen[rows[i].from][rows[i].event] = true;
	}
	for (int s = 0; s < THROTTLE_STATE_N; s++)
		for (int e = 0; e < THROTTLE_EVENT_N; e++)
			assert_true(seen[s][e]);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(throttle_reason_name(THROTTLE_REASON_MEMORY), "memory");
	assert_string_equal(throttle_reason_name((enum throttle_reason)99), "?");
}

/* A daemon: what it uses for itself, and for its probes at their full rate. */
struct plant {
	struct throttle t;
	struct throttle_sample s;
	double base_percent, probes_percent, others_percent;
	uint64_t memory;
	uint32_t ups, downs;
};

static struct plant
plant_new(double base_percent, double probes_percent, uint64_t memory)
{
	struct throttle_limits limits = {.cpu_percent = 20, .memory_bytes = 512 * MIB};
	struct plant p = {.base_percent = base_percent,
			  .probes_percent = probes_percent,
			  .memory = memory};

	throttle_init(&p.t, &limits);
	p.s = (struct throttle_sample){.now_ns = 5 * NSEC_PER_SEC,
				       .cpu_ns = 123456789,
				       .memory_bytes = memory};
	assert_false(throttle_tell(&p.t, &p.s));
	return p;
}

/* jitter_permille: how much a second's use is above or below the mean, in turn. */
static void
plant_run(struct plant *p, uint32_t seconds, uint32_t jitter_permille)
{
	for (uint32_t i = 0; i < seconds; i++) {
		uint32_t step = p->t.step;
		bool changed;
		double percent = p->base_percent + p->probes_percent / (double)(1u << step);

		percent *= 1 + (i % 2 ? 1.0 : -1.0) * jitter_permille / 1000;
		p->s.now_ns += NSEC_PER_SEC;
		p->s.cpu_ns += (uint64_t)((percent + p->others_percent) * 1e7);
		p->s.others_ns += (uint64_t)(p->others_percent * 1e7);
		p->s.memory_bytes = p->memory;
		changed = throttle_tell(&p->t, &p->s);
		assert_int_equal(changed, p->t.step != step);
		p->downs += p->t.step == step + 1;
		p->ups += p->t.step + 1 == step;
		assert_true(p->t.step <= step + 1 && p->t.step + 1 >= step);
	}
}

static void
test_well_below(void **state)
{
	struct plant p = plant_new(1, 15, 100 * MIB);

	(void)state;
	plant_run(&p, 3600, 200);
	assert_int_equal(p.downs + p.ups, 0);
	assert_true(throttle_is_at_ease(&p.t));
	assert_true(p.t.measured);
	assert_in_range(p.t.cpu_permille, 120, 200);
}

/*
 * Others cause ten times the budget: probes that cost 8 of 20 percent go on, those that cost more
 * than the half that is theirs are held back until they fit, and come back afterwards.
 */
static void
test_others(void **state)
{
	struct plant p = plant_new(1, 7, 100 * MIB);

	(void)state;
	p.others_percent = 200;
	plant_run(&p, 3600, 100);
	assert_int_equal(p.downs, 0);
	assert_in_range(p.t.others_permille, 1800, 2200);
	p = plant_new(1, 12, 100 * MIB);
	p.others_percent = 200;
	plant_run(&p, 60, 0);
	assert_int_equal(p.t.step, 1);
	p.others_percent = 0;
	plant_run(&p, 60, 0);
	assert_int_equal(p.t.step, 0);
}

/* One bad second is none; two in a row are. */
static void
test_spike(void **state)
{
	struct plant p = plant_new(1, 10, 100 * MIB);

	(void)state;
	for (int i = 0; i < 100; i++) {
		p.base_percent = 80;
		plant_run(&p, 1, 0);
		assert_false(throttle_is_at_ease(&p.t));
		p.base_percent = 1;
		plant_run(&p, 1, 0);
	}
	assert_int_equal(p.t.step, 0);
	p.base_percent = 80;
	plant_run(&p, 2, 0);
	assert_int_equal(p.t.step, 1);
	assert_int_equal(p.t.reason, THROTTLE_REASON_CPU);
}

/*
 * 100 % for probes alone: 50, 25, 12.5 is the first that fits, in three steps of two seconds; up
 * again is known not to fit.
 */
static void
test_settles(void **state)
{
	struct plant p = plant_new(0, 100, 100 * MIB);

	(void)state;
	plant_run(&p, 2 * 3, 0);
	assert_int_equal(p.t.step, 3);
	/*
	 * 12.5 is within the room for a try: each of them fails, and they come ever later, half an
	 * hour apart in the end.
	 */
	plant_run(&p, 24 * 3600, 0);
	assert_int_equal(p.downs, p.ups + 3);
	assert_in_range(p.ups, 1, 6 + 24 * 2);
	p.ups = 0;
	plant_run(&p, 24 * 3600, 100);
	assert_in_range(p.ups, 1, 48);
}

/* Where a step up does not leave the room for a try either, there is none. */
static void
test_no_swing(void **state)
{
	struct plant p = plant_new(10, 24, 100 * MIB);

	(void)state;
	plant_run(&p, 3600, 50);
	/* 34, 22, 16: more than 80 % of the budget at times, so that no try begins. */
	assert_int_equal(p.t.step, 2);
	assert_int_equal(p.ups, 0);
}

/* A load that comes and goes: full rate again within a minute of calm. */
static void
test_recovers(void **state)
{
	struct plant p = plant_new(0, 2000, 100 * MIB);

	(void)state;
	plant_run(&p, 60, 0);
	assert_int_equal(p.t.state, THROTTLE_LEAST);
	p.probes_percent = 8;
	plant_run(&p, THROTTLE_STEPS * THROTTLE_CALM_SAMPLES, 0);
	assert_int_equal(p.t.state, THROTTLE_FULL);
	assert_int_equal(p.t.reason, THROTTLE_REASON_NONE);
	assert_int_equal(p.ups, THROTTLE_STEPS);
}

/*
 * Most of the use does not hang on the rate: twice of it is never known to fit, so a try is made,
 * and holds.
 */
static void
test_try(void **state)
{
	struct plant p = plant_new(12, 40, 100 * MIB);

	(void)state;
	plant_run(&p, 30, 0);
	assert_in_range(p.t.step, 3, 4);
	p.probes_percent = 3;
	plant_run(&p, 4 * (THROTTLE_PATIENCE_MIN + 1), 0);
	assert_int_equal(p.t.step, 0);
	plant_run(&p, 3600, 0);
	assert_int_equal(p.t.step, 0);
}

/* Memory does not fall with the rate: down to the last step, and up again once there is room. */
static void
test_memory(void **state)
{
	struct plant p = plant_new(1, 5, 513 * MIB);

	(void)state;
	plant_run(&p, 2 * THROTTLE_STEPS, 0);
	assert_int_equal(p.t.state, THROTTLE_LEAST);
	assert_int_equal(p.t.reason, THROTTLE_REASON_MEMORY);
	p.memory = 480 * MIB;
	plant_run(&p, 3600, 0);
	assert_int_equal(p.t.state, THROTTLE_LEAST);
	p.memory = 400 * MIB;
	plant_run(&p, THROTTLE_STEPS * (THROTTLE_PATIENCE_MIN + 1), 0);
	assert_int_equal(p.t.state, THROTTLE_FULL);
	p.memory = 0;
	plant_run(&p, 100, 0);
	assert_int_equal(p.t.state, THROTTLE_FULL);
}

static void
test_limits(void **state)
{
	struct throttle_limits more = {.cpu_percent = 100}, none = {0},
			       memory = {.memory_bytes = MIB};
	struct plant p = plant_new(0, 40, 100 * MIB);

	(void)state;
	plant_run(&p, 300, 0);
	assert_int_equal(p.t.step, 1 + (p.t.step > 1));
	assert_false(throttle_set_limits(&p.t, &more));
	plant_run(&p, 2 * THROTTLE_CALM_SAMPLES, 0);
	assert_int_equal(p.t.step, 0);
	assert_false(throttle_set_limits(&p.t, &memory));
	plant_run(&p, 4, 0);
	assert_int_equal(p.t.step, 2);
	assert_int_equal(p.t.reason, THROTTLE_REASON_MEMORY);
	assert_true(throttle_set_limits(&p.t, &none));
	assert_int_equal(p.t.step, 0);
	p.probes_percent = 100;
	plant_run(&p, 1000, 0);
	assert_int_equal(p.t.step, 0);
	assert_in_range(p.t.cpu_permille, 999, 1001);
}

/* Samples that follow too soon, go back in time, or come after a pause. */
static void
test_odd_samples(void **state)
{
	struct plant p = plant_new(0, 100, 100 * MIB);
	struct throttle_sample s = p.s;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		s.now_ns += 1000;
		s.cpu_ns += NSEC_PER_SEC;
		assert_false(throttle_tell(&p.t, &s));
	}
	assert_false(p.t.measured);
	s.now_ns -= NSEC_PER_SEC;
	s.cpu_ns = UINT64_MAX;
	assert_false(throttle_tell(&p.t, &s));
	s.now_ns += NSEC_PER_SEC;
	s.cpu_ns = 0;
	assert_false(throttle_tell(&p.t, &s));
	assert_false(p.t.measured);
	s.now_ns += NSEC_PER_SEC;
	s.cpu_ns = UINT64_MAX;
	assert_false(throttle_tell(&p.t, &s));
	assert_int_equal(p.t.cpu_permille, UINT32_MAX);
	p = plant_new(0, 100, 100 * MIB);
	for (int i = 0; i < 100; i++) {
		plant_run(&p, 1, 0);
		throttle_pause(&p.t);
		assert_false(throttle_tell(&p.t, &p.s));
	}
	assert_int_equal(p.t.step, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_well_below),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_no_swing),
		cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_try),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_odd_samples),
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
