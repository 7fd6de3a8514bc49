/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nobody has answered says nothing of the network as long as the peer may be down. It is loss
 * if central has heard of that host after the prober has reported it. While one of them stalls,
 * nobody is reached, either: in the window INTAKE_SHORT a host that has stalled is left out, and in
 * a longer one as many probes as would have been sent meanwhile.
 */
#include <math.h>

#include "central/judge/judge_case_impl.h"
#include "core/clock.h"

#define JUDGE_SLOTS_MAX 16u
/* A report may begin so long before a slot in which it counts. */
#define JUDGE_SLOT_LEAST_S 6.0
/* What was not answered during a stall may be reported so long after it. */
#define JUDGE_STALL_NS (60 * NSEC_PER_SEC)
/* A row that is in fewer slots may be in none for all of its time, so its rate is not known. */
#define JUDGE_SLOTS_LEAST 3u

/* A row: its slots, in which something was sent, and what was sent in a second. */
struct judge_slots {
	struct judge_slot {
		double unreachable, stalled_s;
	} of[JUDGE_SLOTS_MAX];
	uint32_t n, used;
	double per_s;
	bool stalled;
};

static void
judge_slots_add(struct judge_slots *slots, const struct intake_counts *counts, double s,
		uint32_t stalled_s)
{
	slots->of[slots->n++] = (struct judge_slot){counts->unreachable, stalled_s};
	slots->used += counts->sent > 0;
	slots->stalled |= stalled_s > 0;
	slots->per_s = fmax(slots->per_s, counts->sent / fmax(s, JUDGE_SLOT_LEAST_S));
}

static void
judge_slots_of(const struct judge_case *c, const struct intake_row *row,
	       const struct intake_host *const hosts[2], struct judge_slots *out)
{
	uint64_t slot_ns = intake_slot_ns(c->window), begin_ns, since_ns, end_ns;
	struct intake_slot slot = {.window = c->window};
	struct intake_counts counts;
	uint32_t stalled_s;

	*out = (struct judge_slots){.n = 0};
	for (; out->n < JUDGE_SLOTS_MAX; slot.age++) {
		if (!intake_stored_slot(row->stored, slot, c->now_ns, &counts, &begin_ns))
			return;
		end_ns = slot.age ? begin_ns + slot_ns : c->now_ns;
		since_ns = begin_ns > JUDGE_STALL_NS ? begin_ns - JUDGE_STALL_NS : 0;
		stalled_s = intake_stalled_s(hosts[0], since_ns, end_ns) +
			    intake_stalled_s(hosts[1], since_ns, end_ns);
		judge_slots_add(out, &counts, (double)(end_ns - begin_ns) / (double)NSEC_PER_SEC,
				stalled_s);
	}
}

uint32_t
judge_unreachable(const struct judge_case *c, const struct intake_row *row, uint32_t from,
		  uint32_t to)
{
	const struct judge_host *prober = &c->hosts[c->lnics[from].host];
	const struct judge_host *peer = &c->hosts[c->lnics[to].host];
	const struct intake_host *hosts[2];
	struct judge_slots slots;
	double sum = 0;

	if (!row->counts.unreachable || !prober->reported_ns ||
	    peer->reported_ns <= prober->reported_ns)
		return 0;
	hosts[0] = intake_find(c->sources.intake, prober->name);
	hosts[1] = intake_find(c->sources.intake, peer->name);
	if (c->window == INTAKE_SHORT || !hosts[0] || !hosts[1])
		return row->counts.unreachable;
	judge_slots_of(c, row, hosts, &slots);
	if (!slots.stalled)
		return row->counts.unreachable;
	if (slots.used < JUDGE_SLOTS_LEAST)
		return 0;
	for (uint32_t i = 0; i < slots.n; i++)
		sum += fmax(0, floor(slots.of[i].unreachable -
				     slots.of[i].stalled_s * slots.per_s));
	return (uint32_t)sum;
}
