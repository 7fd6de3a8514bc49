/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a reading of a counter can be, and how far the counter has risen by it. Pure.
 *
 * A counter is read every few seconds from hardware that may have been reset, or that answers with
 * nonsense: a NIC that has fallen off its bus reads as all ones, a driver that is loaded anew
 * starts from zero, a wrong register shows once. What cannot be explained at once is held until the
 * next reading says which of the two was odd:
 *
 *   reading                                        becomes
 *   all ones of 32 or 64 bits                      odd: not taken
 *   as high as the last one, or plausibly higher   taken
 *   a jump beyond what is plausible                held; taken if the next is as high, else odd
 *   lower, and a wrap of 32 bits is plausible      taken, as a wrap
 *   lower                                          held; odd if the next is as high as before,
 *                                                  else the counter was reset, and began at 0
 *
 * A rise is plausible if it is at most COUNTER_JUMP, or COUNTER_TIMES as much as the counter has
 * ever risen between two readings; a wrap if it is a rise of at most the latter.
 */
#ifndef RPINGMESH_RDMA_COUNTER_JUDGE_H
#define RPINGMESH_RDMA_COUNTER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_JUMP (1ULL << 20)
#define COUNTER_TIMES 16

struct counter_past {
	uint64_t value;    /* the last that was taken */
	uint64_t held;     /* the reading after it, if holding */
	uint64_t max_rise; /* the most that it has risen between two readings */
	bool begun, holding;
};

enum counter_reading {
	COUNTER_TAKEN,
	COUNTER_RESET, /* taken, and the counter had been reset before */
	COUNTER_HELD,  /* not taken yet */
	COUNTER_ODD,   /* this reading, or the one held before it, was not taken */
};

/*
 * Zero *past before the first reading, which is the base: it is taken with a rise of 0 unless it is
 * odd. *risen is by how much the counter has risen since the last reading that was taken; 0 unless
 * past->value has changed.
 */
enum counter_reading counter_judge(struct counter_past *past, uint64_t value, uint64_t *risen);

/*
 * Whether a counter of the PMA stands at its end: it stops there, and does not count on (IBTA
 * volume 1, section 16.1.3.5, PortCounters). False for others: their widths are not known.
 */
bool counter_is_saturated(const char *name, uint64_t value);

#endif
