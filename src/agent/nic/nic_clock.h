/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nic's clock: whether the times of its probes and answers are the RNIC's or the host's, and why.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_CLOCK_H
#define RPINGMESH_AGENT_NIC_NIC_CLOCK_H

#include "core/hwclock.h"
#include "rdma/cq.h"

struct daemon;
struct nic;
struct record;

struct nic_clock {
	struct hwclock hw;     /* borrowed by the prober's device and by the responder's sessions */
	enum cq_stamps stamps; /* that the nic's endpoints are made with */
	bool software;         /* by configuration */
	const char *reason;    /* static: what there is to say although hw is used; NULL */
};

/* The nic has been made, with its budget. */
void nic_clock_init(struct nic *nic);
/* Endpoints are about to be made on its device: which timestamps they shall ask for. */
void nic_clock_choose(struct nic *nic);
/* The device has gone. */
void nic_clock_gone(struct nic *nic);

/* Keys clock, clock_reason?, clock_khz?, clock_wrap_ns?, clock_rejected of the device record. */
void nic_clock_record(struct record *r, const struct nic *nic);
/* Why the clock that was chosen is not used; NULL: it is, or none was chosen. Static text. */
const char *nic_clock_degraded(const struct nic *nic);

#endif
