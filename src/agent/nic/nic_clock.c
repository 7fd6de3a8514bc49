/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_clock.h"

#include "core/log.h"
#include "agent/daemon.h"
#include "agent/nic/nic.h"
#include "record/record.h"

#define NIC_CLOCK_CONFIGURED "clock = \"software\" in the configuration"

void
nic_clock_init(struct nic *nic)
{
	hwclock_init(&nic->clock.hw, nic->name, "the device is not open");
	prober_device_set_clock(nic->budget, &nic->clock.hw);
}

/* A clock that is distrusted stays so if it is the same one. */
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

	c->software = nic->d->config->clock_software;
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

void
nic_clock_record(struct record *r, const struct nic *nic)
{
	const struct nic_clock *c = &nic->clock;
	bool used = hwclock_is_used(&c->hw);
	uint64_t wrap_ns = hwclock_wrap_ns(&c->hw);

	record_str(r, "clock", probe_clock_name(used ? PROBE_CLOCK_HW : PROBE_CLOCK_SW));
	record_str(r, "clock_reason", used ? c->reason : c->hw.reason);
	record_u64_if(r, "clock_khz", c->hw.khz, c->hw.khz != 0);
	record_u64_if(r, "clock_wrap_ns", wrap_ns, wrap_ns != 0);
	record_u64(r, "clock_rejected", c->hw.rejected);
}

const char *
nic_clock_degraded(const struct nic *nic)
{
	return nic->clock.hw.state == HWCLOCK_DISTRUSTED ? nic->clock.hw.reason : NULL;
}
