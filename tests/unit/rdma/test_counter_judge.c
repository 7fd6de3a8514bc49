/* SPDX-License-Identifier: Apache-2.0 */
/* Readings of counters as hardware gives them, and what a person would say that happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdma/counter_judge.h"

enum { T = COUNTER_TAKEN, R = COUNTER_RESET, H = COUNTER_HELD, O = COUNTER_ODD, END = -1 };

struct step {
	uint64_t value;
	int reading;
	uint64_t risen;
};

static const struct {
	const char *what;
	struct step steps[8];
} lives[] = {
	{"rises", {{5, T, 0}, {5, T, 0}, {9, T, 4}, {9, T, 0}, {0, END, 0}}},
	{"loaded anew: 3300000001 -> 5 is no rise of 994,967,300",
	 {{3300000000, T, 0}, {3300000001, T, 1}, {5, H, 0}, {6, R, 6}, {9, T, 3}, {0, END, 0}}},
	{"loaded anew near the end of 32 bits",
	 {{4294900000, T, 0}, {4294900001, T, 1}, {2, H, 0}, {3, R, 3}, {0, END, 0}}},
	{"wraps at 32 bits, at the pace that it had",
	 {{4294960000, T, 0}, {4294967000, T, 7000}, {6704, T, 7000}, {13704, T, 7000}, {0, END,
	 0}}},
	{"does not wrap beyond 32 bits",
	 {{4294967301, T, 0}, {4294968301, T, 1000}, {3, H, 0}, {3, R, 3}, {0, END, 0}}},
	{"cleared by hand", {{1000, T, 0}, {0, H, 0}, {0, R, 0}, {2, T, 2}, {0, END, 0}}},
	{"all ones of 32 bits: the NIC has fallen off its bus",
	 {{7, T, 0}, {0xffffffff, O, 0}, {0xffffffff, O, 0}, {8, T, 1}, {0, END, 0}}},
	{"all ones of 64 bits", {{7, T, 0}, {UINT64_MAX, O, 0}, {7, T, 0}, {0, END, 0}}},
	{"all ones at the beginning", {{UINT64_MAX, O, 0}, {7, T, 0}, {8, T, 1}, {0, END, 0}}},
	{"one odd high sample", {{7, T, 0}, {4000000000, H, 0}, {9, O, 2}, {0, END, 0}}},
	{"one odd low sample", {{1000, T, 0}, {0, H, 0}, {1003, O, 3}, {0, END, 0}}},
	{"a true burst is late by one reading, and whole",
	 {{7, T, 0}, {5000007, H, 0}, {6000007, T, 6000000}, {9000007, T, 3000000}, {0, END, 0}}},
	{"odd high, then odd low", {{7, T, 0}, {4000000000, H, 0}, {3, H, 0}, {7, O, 0}, {0, END,
	 0}}},
	{"reset twice", {{900, T, 0}, {5, H, 0}, {3, H, 0}, {4, R, 4}, {0, END, 0}}},
	{"bytes: always fast",
	 {{0, T, 0}, {90000000, H, 0}, {180000000, T, 180000000}, {270000000, T, 90000000},
	  {0, END, 0}}},
};

static void
test_lives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct counter_past past = {.value = 0};

		for (size_t k = 0; lives[i].steps[k].reading != END; k++) {
			const struct step *s = &lives[i].steps[k];
			uint64_t risen = 99;
			int reading = (int)counter_judge(&past, s->value, &risen);

			if (reading != s->reading || risen != s->risen)
				fail_msg("%s: step %zu: %d, %llu", lives[i].what, k, reading,
					 (unsigned long long)risen);
		}
	}
}

/* Whatever comes in: what was taken never exceeds what a counter that only rises can have risen. */
static void
test_anything(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int life = 0; life < 20000; life++) {
		struct counter_past past = {.value = 0};
		uint64_t truth = 1000, total = 0, risen, first = truth;

		counter_judge(&past, truth, &risen);
		for (int k = 0; k < 50; k++) {
			uint64_t seen;

			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			truth += (random >> 40) % 100;
			/* one reading in eight is any number, and never two in a row */
			seen = k % 8 == 5 ? random : truth;
			counter_judge(&past, seen, &risen);
			total += risen;
		}
		assert_int_equal(total, truth - first);
	}
}

/* IBTA volume 1, table of PortCounters: 16, 8 and 4 bits. */
static void
test_saturated(void **state)
{
	(void)state;
	assert_true(counter_is_saturated("symbol_error", 65535));
	assert_false(counter_is_saturated("symbol_error", 65534));
	assert_true(counter_is_saturated("link_downed", 255));
	assert_true(counter_is_saturated("local_link_integrity_errors", 15));
	assert_false(counter_is_saturated("out_of_sequence", 65535));
	assert_false(counter_is_saturated("net_rx_dropped", 255));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_anything),
		cmocka_unit_test(test_saturated),
	};

	return cmocka_run_group_tests_name("counter_judge", tests, NULL, NULL);
}
