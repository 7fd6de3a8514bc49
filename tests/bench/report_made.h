/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of the hosts of a cluster: 8 ports a host, 50 streams a port, every fifth whole; one
 * stream in 20 has lost a probe. */
#ifndef RPINGMESH_BENCH_REPORT_MADE_H
#define RPINGMESH_BENCH_REPORT_MADE_H

#include "record/report.h"

#define REPORT_MADE_STREAMS 400u
#define REPORT_MADE_S 5u /* seconds of a report */
#define REPORT_MADE_NAME 32

/* Report `sequence`, from 1, of host number `host`, whose name goes into name. Valid until the
 * next call. */
void report_made(uint64_t host, uint64_t sequence, uint64_t wall_ns, char name[REPORT_MADE_NAME],
		 struct report *out);

#endif
