/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lost probes have arrived, as the peer says, so that they were lost on the way back. The
 * rows of a 5-tuple are looked at together, because peers do not tell sizes apart. Peer and prober
 * report at other times, so what fits into that difference proves nothing. Probes that were asked
 * for come at once, all within that difference, so nothing is said of a 5-tuple that has some.
 */
#include <errno.h>
#include <stdlib.h>

#include "central/judge/judge_case_impl.h"

/* The rows of one 5-tuple. */
struct judge_heard {
	uint64_t lost, answered; /* what was answered has arrived */
	uint64_t other;          /* that may have arrived, beside the lost ones */
	uint64_t arrived;        /* of `lost`, for certain */
	bool none;               /* no more have arrived than were answered */
	bool burst;              /* some of them were asked for */
};

static void
judge_heard_add(struct judge_heard *heard, const struct judge_case *c, size_t row)
{
	heard->lost += c->lrows[row].lost;
	heard->answered += c->lrows[row].sent - c->lrows[row].lost;
	heard->other += c->rows[row].other;
	heard->burst |= c->rows[row].burst;
}

/* Asks the peer of this row. */
static void
judge_heard_ask(struct judge_heard *heard, const struct judge_case *c, size_t number)
{
	const uint64_t slot_ns = intake_slot_ns(INTAKE_MIDDLE);
	const struct judge_row *row = &c->rows[number];
	const struct report_heard key = {.source = row->source,
					 .destination = row->destination,
					 .src_port = row->src_port,
					 .traffic_class = row->traffic_class};
	const struct intake_host *peer = intake_find(
		c->sources.intake, c->hosts[c->lnics[c->lrows[number].to].host].name);
	uint64_t received, late, most;

	if (!peer || !intake_received(peer, &key, c->now_ns, &received))
		return;
	/* So many more or less the peer may have counted; the last slot has only begun. */
	late = 2 + (heard->lost + heard->answered + heard->other) * INTAKE_HEARD_LATE_NS /
			   (intake_window_ns(INTAKE_MIDDLE) - slot_ns);
	most = heard->answered + heard->other + late;
	if (received > most + heard->lost)
		return; /* others have sent on this 5-tuple, too: a ping that has ended */
	heard->arrived = received > most ? received - most : 0;
	if (heard->arrived > heard->lost)
		heard->arrived = heard->lost;
	heard->none = heard->lost > 3 * late && received <= heard->answered + late;
}

static void
judge_heard_say(struct locate_row *row, const struct judge_heard *heard)
{
	if (heard->arrived)
		row->arrived = (uint32_t)(row->lost * heard->arrived / heard->lost);
	row->heard = heard->none;
}

int
judge_hear_peers(struct judge_case *c, size_t first, size_t n)
{
	struct judge_heard *heard = calloc(n + 1, sizeof(*heard)); /* by the first row */

	if (!heard)
		return -ENOMEM;
	/* If another host has probed the same 5-tuple, nobody knows whose probes have arrived. */
	for (size_t i = first; i < first + n; i++)
		if (c->rows[i].tuple >= first)
			judge_heard_add(&heard[c->rows[i].tuple - first], c, i);
	for (size_t i = 0; i < n; i++)
		if (heard[i].lost && !heard[i].burst)
			judge_heard_ask(&heard[i], c, first + i);
	for (size_t i = first; i < first + n; i++)
		if (c->rows[i].tuple >= first)
			judge_heard_say(&c->lrows[i], &heard[c->rows[i].tuple - first]);
	free(heard);
	return 0;
}
