/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_impl.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "rdma/counters.h"
#include "rpingmesh/log_subsystems.h"

#define NIC_COUNTERS_BLAME_NS (60 * NSEC_PER_SEC)

/* Lists bad counters that have risen, "net_rx_dropped +12, out_of_seq_request +3", or "". */
static void
nic_counters_risen(const struct nic *nic, char text[NIC_BLAMED])
{
	const struct counter *c;
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; (c = counters_get(nic->counters, i)); i++) {
		char one[COUNTERS_NAME + 32];
		size_t len;

		if (!c->bad || c->delta == 0)
			continue;
		len = (size_t)snprintf(one, sizeof(one), "%s%s +%" PRIu64, at ? ", " : "", c->name,
				       c->delta);
		if (at + len >= NIC_BLAMED)
			break;
		memcpy(text + at, one, len + 1);
		at += len;
	}
}

/*
 * Names counters only if they rise while probes are lost. A probe is known to be lost some timeouts
 * after its packet was dropped, so the counters may have risen in the round before.
 */
static void
nic_counters_sampled(void *arg)
{
	struct nic *nic = arg;
	uint64_t lost = nic->not_answered - nic->not_answered_sampled;
	char text[NIC_BLAMED], before[NIC_BLAMED];

	nic->not_answered_sampled = nic->not_answered;
	memcpy(before, nic->risen, sizeof(before));
	nic_counters_risen(nic, nic->risen);
	memcpy(text, nic->risen[0] ? nic->risen : before, sizeof(text));
	if (lost == 0 || !text[0])
		return;
	if (!nic->blamed[0] || clock_mono_ns() - nic->blamed_ns > NIC_COUNTERS_BLAME_NS)
		log_warning(DEVICE, "%s/%u: %" PRIu64 " probes lost while counters rose: %s",
			    nic->name, nic->port, lost, text);
	memcpy(nic->blamed, text, sizeof(text));
	nic->blamed_lost = lost;
	nic->blamed_ns = clock_mono_ns();
}

void
nic_counters_make(struct nic *nic)
{
	struct counters_config config = {
		.loop = nic->nics->env.loop,
		.device = nic->name,
		.port = nic->port,
		.sampled = nic_counters_sampled,
		.arg = nic,
		.sysfs = "/sys",
		.work = nic->nics->counting,
	};

	if (counters_new(&config, &nic->counters) < 0)
		log_warning(DEVICE, "%s/%u: no memory for its counters", nic->name, nic->port);
}

void
nic_counters_start(struct nic *nic)
{
	const struct device_gid *gid = device_primary_gid(nic->device);
	char netdev[IF_NAMESIZE];

	if (nic->counters)
		counters_start(nic->counters,
			       gid && gid->ifindex ? if_indextoname(gid->ifindex, netdev) : NULL);
}

void
nic_count_result(struct nic *nic, enum probe_class c)
{
	nic->not_answered += probe_class_is_lost(c);
}

bool
nic_counters_text(const struct nic *nic, char text[NIC_SENTENCE])
{
	if (!nic->blamed[0] || clock_mono_ns() - nic->blamed_ns > NIC_COUNTERS_BLAME_NS)
		return false;
	snprintf(text, NIC_SENTENCE,
		 "%s/%u: in the last minute, while %" PRIu64 " probes were lost, counters rose: %s",
		 nic->name, nic->port, nic->blamed_lost, nic->blamed);
	return true;
}
