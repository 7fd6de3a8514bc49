/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of a nic's port and interface, beside what became of its probes. */
#ifndef RPINGMESH_AGENT_NIC_NIC_COUNTERS_H
#define RPINGMESH_AGENT_NIC_NIC_COUNTERS_H

#include <stdbool.h>

#include "stat/result.h"
#include "record/record.h"

struct nic;

/* Makes them, stopped. Without memory the nic does without. */
void nic_counters_make(struct nic *nic);
/* The device is open, or its addresses have changed and with them perhaps its interface. */
void nic_counters_start(struct nic *nic);

/* Each probe of this nic. */
void nic_counters_result(struct nic *nic, enum probe_class c);

/*
 * "rxe0/1: net_rx_dropped +12 … while 3 probes were lost", for a minute after it was so; false:
 * nothing to say.
 */
#define NIC_COUNTERS_SENTENCE 384
bool nic_counters_text(const struct nic *nic, char text[NIC_COUNTERS_SENTENCE]);

/* Keys counters, counters_span_ns, counters_time_ns, counters_read_max_ns of the device record. */
void nic_counters_record(struct record *r, const struct nic *nic);

#endif
