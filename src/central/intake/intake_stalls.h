/* SPDX-License-Identifier: Apache-2.0 */
/* When one host has stalled, by its reports: how long in each minute of the last hour. Pure. */
#ifndef RPINGMESH_CENTRAL_INTAKE_INTAKE_STALLS_H
#define RPINGMESH_CENTRAL_INTAKE_INTAKE_STALLS_H

#include <stdint.h>

#define INTAKE_STALLS_MINUTES 64u

/* All zero at the start. */
struct intake_stalls {
	uint32_t newest;              /* the number of the newest minute */
	uint8_t seconds[INTAKE_STALLS_MINUTES];
};

/*
 * A report says that the host has stalled for so many seconds, some time before. If they may lie in
 * several minutes, they count in each.
 */
void intake_stalls_add(struct intake_stalls *stalls, uint32_t seconds, uint64_t now_ns);
/* The seconds of all minutes that are at least partly in this time, CLOCK_MONOTONIC. */
uint32_t intake_stalls_sum(const struct intake_stalls *stalls, uint64_t begin_ns, uint64_t end_ns);

#endif
