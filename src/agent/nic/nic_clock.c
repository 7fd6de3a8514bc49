/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_impl.h"

#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

#define NIC_CLOCK_CONFIGURED "clock = \"software\" in the configuration"

void
nic_clock_init(struct nic *nic)
{
	hwclock_init(&nic->clock.hw, nic->name, "the device is not open");
	prober_device_set_clock(nic->budget, &nic->clock.hw);
}

/* If it is still the same clock, it keeps its state. */
static void
nic_clock_set(struct hwclock *hw, const struct cq_clock *clock)
{
	if (hw->state == HWCLOCK_ABSENT || hw->khz != clock->khz || hw->mask != clock->mask)
		hwclock_set(hw, clock->khz, clock->mask);
}

void
nic_clock_choose(struct nic *nic)
{
	struct nic_clock *c = &nic->clock;
	struct cq_clock clock = {.stamps = CQ_STAMPS_NONE, .reason = NIC_CLOCK_CONFIGURED};
	const char *before = c->hw.reason;

	c->software = nic->nics->config->clock_software;
	if (!c->software)
		cq_query_clock(device_context(nic->device), &clock);
	c->stamps = clock.stamps;
	c->reason = clock.reason;
	if (clock.stamps == CQ_STAMPS_NONE)
		hwclock_clear(&c->hw, clock.reason);
	else
		nic_clock_set(&c->hw, &clock);
	if (c->hw.state == HWCLOCK_ABSENT) {
		c->stamps = CQ_STAMPS_NONE;
		if (c->hw.reason != before)
			log_info(DEVICE, "%s: times by the host's clock: %s", nic->name,
				 c->hw.reason);
	}
}

void
nic_clock_gone(struct nic *nic)
{
	hwclock_clear(&nic->clock.hw, "the device is not open");
}
