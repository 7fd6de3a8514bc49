/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides whether a reading of a counter is possible, and how much the counter has risen. Pure.
 *
 * A counter is read every few seconds. The hardware may have been reset, or may return nonsense: a
 * NIC that has fallen off its bus reads as all ones, a driver starts from zero when it is loaded
 * again, and a register may be wrong once. A reading that cannot be explained is held until the
 * next one shows which of the two was odd:
 *
 *   reading                                        becomes
 *   all ones of 32 or 64 bits                      odd, not accepted
 *   the same as the last, or plausibly higher      accepted
 *   higher than is plausible                       held; accepted if the next is as high,
 *                                                  otherwise odd
 *   lower, and a wrap of 32 bits is plausible      accepted as a wrap
 *   lower                                          held; odd if the next is as high as before;
 *                                                  otherwise the counter was reset, and began at 0
 *
 * A rise is plausible if it is at most COUNTER_JUMP, or at most COUNTER_TIMES the largest rise
 * between two readings so far. A wrap is plausible if its rise is at most the latter.
 */
#ifndef RPINGMESH_RDMA_COUNTER_JUDGE_H
#define RPINGMESH_RDMA_COUNTER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_JUMP (1ULL << 20)
#define COUNTER_TIMES 16

struct counter_past {
	uint64_t value;    /* the last accepted reading */
	uint64_t held;     /* the reading after it, if holding */
	uint64_t max_rise; /* the largest rise between two readings */
	bool begun, holding;
};

enum counter_reading {
	COUNTER_TAKEN,
	COUNTER_RESET, /* accepted, and the counter had been reset before */
	COUNTER_HELD,  /* not accepted yet */
	COUNTER_ODD,   /* this reading, or the one held before it, was not accepted */
};

/*
 * Judges a reading. Set *past to zero before the first one, which is the base: it is accepted with
 * a rise of 0 unless it is odd. *risen is the rise since the last accepted reading, or 0 if
 * past->value has not changed.
 */
enum counter_reading counter_judge(struct counter_past *past, uint64_t value, uint64_t *risen);

/*
 * Whether a counter of the PMA has reached its maximum, where it stops (IBTA volume 1, section
 * 16.1.3.5, PortCounters). False for other counters, because their widths are unknown.
 */
bool counter_is_saturated(const char *name, uint64_t value);

#endif
