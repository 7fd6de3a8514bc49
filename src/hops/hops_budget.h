/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many datagrams may go: from this host, and to each address that answers. Pure; all times are
 * CLOCK_MONOTONIC.
 */
#ifndef RPINGMESH_HOPS_HOPS_BUDGET_H
#define RPINGMESH_HOPS_HOPS_BUDGET_H

#include "core/bucket.h"
#include "hops/hops_path.h"

#define HOPS_SWITCHES 1024u /* addresses that have a bucket; a power of two */

struct hops_switch {
	struct addr address;
	struct bucket bucket;
};

struct hops_budget {
	struct bucket_rate host_rate, switch_rate;
	struct bucket host;
	/* Two addresses with one slot push each other out, and may get a little more then. */
	struct hops_switch switches[HOPS_SWITCHES];
};

void hops_budget_set(struct hops_budget *budget, const struct hops_config *config,
		     uint64_t now_ns);

/* The time from which on one may go to this address. */
uint64_t hops_budget_ready_ns(const struct hops_budget *budget, const struct addr *address);
/* One goes. */
void hops_budget_take(struct hops_budget *budget, uint64_t now_ns);
/* This address is going to answer one, or has done so. */
void hops_budget_charge(struct hops_budget *budget, const struct addr *address, uint64_t now_ns);

#endif
