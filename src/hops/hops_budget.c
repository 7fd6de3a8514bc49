/* SPDX-License-Identifier: Apache-2.0 */
#include "hops/hops_budget.h"

#include "core/clock.h"

#define HOPS_DEBT_NS (60 * NSEC_PER_SEC)
#define HOPS_SHARE_BURST_NS NSEC_PER_SEC

/* FNV-1a. Answers are the network's: whoever finds collisions gets a few datagrams more. */
static uint32_t
hops_budget_slot(const struct addr *address)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(address->raw); i++)
		hash = (hash ^ address->raw[i]) * 16777619u;
	return hash % HOPS_SWITCHES;
}

/* A share of the cluster is one of what all hosts send at a time, too. */
static void
hops_budget_share(struct bucket_rate *rate, uint64_t share_ns)
{
	uint64_t slack_ns = HOPS_SHARE_BURST_NS;

	if (share_ns <= rate->interval_ns)
		return;
	rate->interval_ns = share_ns;
	if (rate->slack_ns > slack_ns)
		rate->slack_ns = slack_ns;
}

void
hops_budget_set(struct hops_budget *budget, const struct hops_config *config, uint64_t now_ns)
{
	bucket_rate_set(&budget->host_rate, config->per_s, config->burst);
	hops_budget_share(&budget->host_rate, config->share_ns);
	bucket_rate_set(&budget->switch_rate, config->switch_per_s, config->switch_burst);
	bucket_fit(&budget->host, &budget->host_rate, now_ns);
	for (size_t i = 0; i < HOPS_SWITCHES; i++)
		bucket_fit(&budget->switches[i].bucket, &budget->switch_rate, now_ns);
}

uint64_t
hops_budget_ready_ns(const struct hops_budget *budget, const struct addr *address)
{
	const struct hops_switch *s = &budget->switches[hops_budget_slot(address)];
	uint64_t host_ns = bucket_ready_ns(&budget->host, &budget->host_rate), switch_ns;

	if (!addr_equal(&s->address, address))
		return host_ns;
	switch_ns = bucket_ready_ns(&s->bucket, &budget->switch_rate);
	return switch_ns > host_ns ? switch_ns : host_ns;
}

void
hops_budget_take(struct hops_budget *budget, uint64_t now_ns)
{
	bucket_take(&budget->host, &budget->host_rate, now_ns);
}

void
hops_budget_charge(struct hops_budget *budget, const struct addr *address, uint64_t now_ns)
{
	struct hops_switch *s = &budget->switches[hops_budget_slot(address)];

	if (!addr_equal(&s->address, address))
		*s = (struct hops_switch){.address = *address};
	bucket_take(&s->bucket, &budget->switch_rate, now_ns);
	/* Anybody can forge answers; they make no debt that lasts. */
	if (bucket_ready_ns(&s->bucket, &budget->switch_rate) > now_ns + HOPS_DEBT_NS)
		bucket_fit(&s->bucket, &budget->switch_rate, now_ns);
}
