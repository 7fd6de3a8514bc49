/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If there are more streams of probes than a case may have, it takes a share of them, and all
 * hosts and NICs are still judged: each `one_of`th 5-tuple, by its hash, whether it loses or not,
 * so that rates stay what they are. All sizes of a 5-tuple share its fate. What was asked for is
 * always taken, as far as there is room.
 */
#include "central/judge/judge_case_impl.h"

/* Rows of a case, which have about 300 bytes each, with their paths. */
#define JUDGE_ROWS_MAX 6000000u

static uint64_t
judge_share_max(const struct judge_case *c)
{
	return c->sources.rows_max ? c->sources.rows_max : JUDGE_ROWS_MAX;
}

void
judge_share_begin(struct judge_case *c)
{
	struct intake_stats intake;

	intake_stats(c->sources.intake, c->now_ns, &intake);
	c->one_of = 1 + (uint32_t)((intake.rows ? intake.rows - 1 : 0) / judge_share_max(c));
}

bool
judge_share_has(struct judge_case *c, const struct report_stream *s)
{
	uint64_t max = judge_share_max(c);
	struct judge_tuple key;
	/* The hash does not part them exactly. */
	bool has = c->n_rows - c->buried < max + max / 8;

	if (has && c->one_of > 1 && s->kind != REPORT_ASK) {
		key = (struct judge_tuple){s->source, s->destination,
					   (uint32_t)s->src_port << 8 | s->traffic_class};
		has = judge_index_hash(&key, sizeof(key)) / 65536u % c->one_of == 0;
	}
	c->stats.left_out += !has;
	return has;
}
