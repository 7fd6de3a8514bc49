/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of ten seconds, one after the other; the limits are those of rpingmeshd(8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/clock.h"
#include "stat/lasting.h"
#include "stat/window.h"

#define SEC NSEC_PER_SEC
#define US NSEC_PER_USEC

struct world {
	struct lasting lasting;
	uint64_t now_ns;
	uint8_t cut; /* of the next windows */
};

/* A window of 100 results with these times, of which `stalled` count in no loss ratio. */
static void
window(struct world *w, uint64_t rtt_ns, uint64_t delay_ns, uint64_t results, uint64_t stalled)
{
	struct window_size size = {.size = 64};
	struct window window = {
		.start_mono_ns = w->now_ns,
		.end_mono_ns = w->now_ns + 10 * SEC,
		.answered = results - stalled,
		.answered_noise = stalled / 2,
		.lost_noise = stalled - stalled / 2,
		.cut = w->cut,
		.size = &size,
		.n_sizes = 1,
	};

	for (uint64_t i = 0; i < results; i++) {
		assert_int_equal(histogram_add(&size.rtt, rtt_ns), 0);
		assert_int_equal(histogram_add(&window.responder_delay, delay_ns), 0);
	}
	lasting_add(&w->lasting, &window);
	w->now_ns += 10 * SEC;
	histogram_clear(&size.rtt);
	histogram_clear(&window.responder_delay);
}

static void
windows(struct world *w, int n, uint64_t rtt_ns, uint64_t delay_ns, uint64_t stalled)
{
	while (n-- > 0)
		window(w, rtt_ns, delay_ns, 100, stalled);
}

static bool
is(const struct world *w, enum lasting_verdict v)
{
	return lasting_since_ns(&w->lasting, v) != 0;
}

static void
test_slow(void **state)
{
	struct world w = {.now_ns = 1000 * SEC};
	uint64_t begun_ns;

	(void)state;
	windows(&w, 11, 100 * US, 10 * US, 0);
	assert_int_equal(lasting_usual_rtt_ns(&w.lasting), 0);
	windows(&w, 1, 100 * US, 10 * US, 0);
	assert_in_range(lasting_usual_rtt_ns(&w.lasting), 99 * US, 101 * US);
	begun_ns = w.now_ns;
	windows(&w, 17, 310 * US, 10 * US, 0);
	assert_false(is(&w, LASTING_SLOW));
	windows(&w, 1, 310 * US, 10 * US, 0);
	assert_true(is(&w, LASTING_SLOW));
	assert_int_equal(lasting_since_ns(&w.lasting, LASTING_SLOW), begun_ns);
	assert_in_range(lasting_usual_rtt_ns(&w.lasting), 99 * US, 101 * US);
	/* In between it goes on, and it ends after a minute of twice the usual or less. */
	windows(&w, 100, 250 * US, 10 * US, 0);
	windows(&w, 5, 195 * US, 10 * US, 0);
	assert_true(is(&w, LASTING_SLOW));
	windows(&w, 1, 195 * US, 10 * US, 0);
	assert_false(is(&w, LASTING_SLOW));
	assert_false(is(&w, LASTING_NOISY));
	assert_false(is(&w, LASTING_HOST_SLOW));
}

/* Short bursts, small differences and few results are no verdict. */
static void
test_not_slow(void **state)
{
	struct world w = {.now_ns = SEC};

	(void)state;
	windows(&w, 20, 5 * US, 10 * US, 0);
	for (int i = 0; i < 10; i++) {
		windows(&w, 17, 5000 * US, 10 * US, 0);
		windows(&w, 1, 5 * US, 10 * US, 0);
	}
	assert_false(is(&w, LASTING_SLOW));
	windows(&w, 100, 24 * US, 10 * US, 0); /* not 20 µs more */
	assert_false(is(&w, LASTING_SLOW));
	w = (struct world){.now_ns = SEC};
	windows(&w, 20, 5 * US, 10 * US, 0);
	for (int i = 0; i < 100; i++)
		window(&w, 5000 * US, 5000 * US, 0, 0); /* nothing was probed */
	assert_false(is(&w, LASTING_SLOW));
	assert_false(is(&w, LASTING_HOST_SLOW));
	assert_false(is(&w, LASTING_NOISY));
	for (int i = 0; i < 18; i++)
		window(&w, 5000 * US, 5000 * US, 1, 0); /* one probe each: eight flow labels */
	assert_true(is(&w, LASTING_SLOW));
	assert_true(is(&w, LASTING_HOST_SLOW));
}

/* A pause ends a run. */
static void
test_pause(void **state)
{
	struct world w = {.now_ns = SEC};

	(void)state;
	windows(&w, 20, 5 * US, 10 * US, 0);
	windows(&w, 17, 500 * US, 10 * US, 0);
	w.now_ns += 181 * SEC;
	windows(&w, 17, 500 * US, 10 * US, 0);
	assert_false(is(&w, LASTING_SLOW));
	windows(&w, 1, 500 * US, 10 * US, 0);
	assert_true(is(&w, LASTING_SLOW));
}

/* What is usual is learned again on another way, and after a day. */
static void
test_learned_again(void **state)
{
	struct world w = {.now_ns = SEC};

	(void)state;
	windows(&w, 20, 50 * US, 10 * US, 0);
	windows(&w, 18, 500 * US, 10 * US, 0);
	assert_true(is(&w, LASTING_SLOW));
	w.cut = WINDOW_CUT_WAY;
	windows(&w, 1, 500 * US, 10 * US, 0);
	w.cut = 0;
	assert_false(is(&w, LASTING_SLOW));
	windows(&w, 30, 500 * US, 10 * US, 0);
	assert_false(is(&w, LASTING_SLOW));
	assert_in_range(lasting_usual_rtt_ns(&w.lasting), 490 * US, 510 * US);
	windows(&w, 18, 5000 * US, 10 * US, 0);
	assert_true(is(&w, LASTING_SLOW));
	windows(&w, 24 * 360, 5000 * US, 10 * US, 0);
	assert_false(is(&w, LASTING_SLOW));
	assert_in_range(lasting_usual_rtt_ns(&w.lasting), 4900 * US, 5100 * US);
}

static void
test_host_slow(void **state)
{
	struct world w = {.now_ns = SEC};

	(void)state;
	windows(&w, 20, 50 * US, 10 * US, 0);
	windows(&w, 18, 50 * US, 190 * US, 0);
	assert_false(is(&w, LASTING_HOST_SLOW));
	windows(&w, 18, 50 * US, 400 * US, 0);
	assert_true(is(&w, LASTING_HOST_SLOW));
	assert_false(is(&w, LASTING_SLOW));
}

static void
test_noisy(void **state)
{
	struct world w = {.now_ns = SEC};

	(void)state;
	windows(&w, 100, 50 * US, 10 * US, 25);
	assert_false(is(&w, LASTING_NOISY));
	windows(&w, 17, 50 * US, 10 * US, 26);
	assert_false(is(&w, LASTING_NOISY));
	windows(&w, 1, 50 * US, 10 * US, 26);
	assert_true(is(&w, LASTING_NOISY));
	windows(&w, 10, 50 * US, 10 * US, 10);
	assert_true(is(&w, LASTING_NOISY));
	windows(&w, 6, 50 * US, 10 * US, 9);
	assert_false(is(&w, LASTING_NOISY));
	assert_false(is(&w, LASTING_SLOW));
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(lasting_name(LASTING_NOISY), "noisy");
	assert_string_equal(lasting_name(LASTING_SLOW), "slow");
	assert_string_equal(lasting_name(LASTING_HOST_SLOW), "host_slow");
	assert_string_equal(lasting_name(LASTING_N), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow),	      cmocka_unit_test(test_not_slow),
		cmocka_unit_test(test_pause),	      cmocka_unit_test(test_learned_again),
		cmocka_unit_test(test_host_slow),     cmocka_unit_test(test_noisy),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("lasting", tests, NULL, NULL);
}
