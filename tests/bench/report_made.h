/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hosts of a made-up cluster publish: registrations, paths, reports. A host has 8 ports,
 * each on a rail of its own, with 50 streams, 20 of them under its ToR. A pod has 64 hosts, and a
 * ToR for each rail; 64 spines connect the ToRs of a rail. Every fifth report is whole. One row in
 * 1,000 has lost a probe of 50, at random: 2e-5 of all. If report_made_broken is set, one spine
 * loses a probe of each stream that crosses it, there or back.
 */
#ifndef RPINGMESH_BENCH_REPORT_MADE_H
#define RPINGMESH_BENCH_REPORT_MADE_H

#include "record/paths.h"
#include "record/registration.h"
#include "record/report.h"

#define REPORT_MADE_STREAMS 400u
#define REPORT_MADE_S 5u /* seconds of a report */
#define REPORT_MADE_NAME 32
#define REPORT_MADE_PARTS 2u /* messages with the paths of a host */

struct report_made_host {
	uint32_t number, n_hosts;
	uint64_t wall_ns;
	char name[REPORT_MADE_NAME];
};
extern bool report_made_broken;

/* What is made is valid until the next call. All need number, n_hosts and wall_ns; set name. */
void report_made_registration(struct report_made_host *host, struct registration *out);
/* Part 0: of the host's own probes. Part 1: of its answers. */
void report_made_paths(struct report_made_host *host, uint32_t part, struct paths *out);
/* Report `sequence`, from 1. */
void report_made(struct report_made_host *host, uint64_t sequence, struct report *out);

#endif
