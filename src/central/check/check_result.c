/* SPDX-License-Identifier: Apache-2.0 */
/* What the hosts of a check have reported. */
#include <stdio.h>
#include <string.h>

#include "central/check/checks_impl.h"
#include "central/intake/intake.h"
#include "core/clock.h"

/* ---- reading ---- */

struct check_reader {
	struct check *check;
	struct check_member *member;
};

static struct check_tuple *
check_tuple_of(const struct check_reader *reader, const struct report_stream *stream)
{
	struct check_tuple *tuples = reader->check->tuples + reader->member->first;
	size_t low = 0, high = reader->member->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = memcmp(&tuples[mid].source, &stream->source, sizeof(stream->source));

		if (!order)
			order = memcmp(&tuples[mid].destination, &stream->destination,
				       sizeof(stream->destination));
		if (!order)
			return &tuples[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void
check_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	const struct check_reader *reader = arg;
	struct check_tuple *t = row->stream->kind == REPORT_ASK ?
					check_tuple_of(reader, row->stream) : NULL;

	(void)host;
	if (!t || (row->stream->src_port && row->stream->src_port != t->src_port &&
		   !reader->member->any_port))
		return;
	/* Probes of another size have a row of their own. */
	t->now.sent += row->counts.sent;
	t->now.answered += row->counts.answered;
	t->now.noise += row->counts.noise;
	t->now_rtt_us += row->counts.rtt_us;
}

/*
 * Where the source port cannot be chosen, others may have asked for the same 5-tuple before. What
 * was counted then is left out. A row that is no longer probed goes, and with it what it has
 * counted; if it comes back, it begins anew.
 */
static void
check_compare(const struct check *check, struct check_tuple *t)
{
	if (!check->based || t->now.sent < t->base.sent || t->now.answered < t->base.answered ||
	    t->now.noise < t->base.noise || t->now_rtt_us < t->base_rtt_us) {
		t->base = check->based ? (struct check_counts){.sent = 0} : t->now;
		t->base_rtt_us = check->based ? 0 : t->now_rtt_us;
	}
	if (t->now.sent - t->base.sent <= t->best.sent)
		return;
	t->best = (struct check_counts){t->now.sent - t->base.sent,
					t->now.answered - t->base.answered,
					t->now.noise - t->base.noise};
	t->rtt_us = t->now_rtt_us - t->base_rtt_us;
}

void
check_read(struct check *check, size_t member, const struct intake_host *host, uint64_t now_ns)
{
	struct check_reader reader = {check, &check->members[member]};
	struct check_tuple *first = check->tuples + reader.member->first;

	for (struct check_tuple *t = first; t < first + reader.member->n; t++) {
		t->now = (struct check_counts){.sent = 0};
		t->now_rtt_us = 0;
	}
	if (host)
		intake_rows(host, INTAKE_LONG, now_ns, check_row, &reader);
	for (struct check_tuple *t = first; t < first + reader.member->n; t++)
		check_compare(check, t);
}

bool
check_has_all(const struct check *check)
{
	for (size_t i = 0; i < check->n_tuples; i++)
		if (check->tuples[i].best.sent < check->count)
			return false;
	return true;
}

void
check_finish(struct check *check)
{
	for (size_t i = 0; i < check->n_members; i++) {
		struct check_member *m = &check->members[i];
		uint64_t sent = 0;

		for (size_t k = m->first; k < m->first + m->n; k++)
			sent += check->tuples[k].best.sent;
		if (!sent && !m->error[0])
			snprintf(m->error, sizeof(m->error),
				 "it has reported none of the probes that it was asked for: see "
				 "rpingmesh-ctl status there");
	}
	check->done = true;
}

/* ---- telling ---- */

static void
check_add(struct check_counts *sum, const struct check_counts *counts)
{
	sum->sent += counts->sent;
	sum->answered += counts->answered;
	sum->noise += counts->noise;
}

static bool
check_is_well(const struct check_counts *counts)
{
	return counts->answered > 0 && counts->answered + counts->noise >= counts->sent;
}

/* Adds the tuples one way. Returns whether one that has probes is not well. */
static bool
check_way(const struct check *check, size_t from, size_t to, struct check_counts *sum,
	  uint64_t *rtt_us)
{
	const struct check_member *m = &check->members[from];
	bool bad = false;

	for (size_t k = m->first; k < m->first + m->n; k++) {
		const struct check_tuple *t = &check->tuples[k];

		if (t->to != to)
			continue;
		bad |= t->best.sent && !check_is_well(&t->best);
		check_add(sum, &t->best);
		*rtt_us += t->rtt_us;
	}
	return bad;
}

static bool
check_takes_part(const struct check *check, size_t i)
{
	return check->members[i].n > 0;
}

bool
check_is_bad(const struct check *check, size_t i, size_t k)
{
	struct check_counts sum = {.sent = 0};
	uint64_t rtt_us = 0;
	bool bad;

	if (i == k || !check_takes_part(check, i) || !check_takes_part(check, k))
		return false;
	bad = check_way(check, i, k, &sum, &rtt_us);
	return check_way(check, k, i, &sum, &rtt_us) || bad || !sum.sent;
}

void
check_host(const struct check *check, size_t i, struct check_host_info *out)
{
	const struct check_member *m = &check->members[i];
	uint64_t rtt_us = 0, theirs_us = 0;

	*out = (struct check_host_info){.name = m->asked, .error = m->error[0] ? m->error : NULL};
	for (size_t k = 0; k < check->n_members; k++) {
		if (k == i || !check_takes_part(check, k) || !check_takes_part(check, i))
			continue;
		out->others++;
		out->bad += check_is_bad(check, i, k);
		check_way(check, i, k, &out->out, &rtt_us);
		check_way(check, k, i, &out->in, &theirs_us);
	}
	if (out->out.answered)
		out->rtt_ns = rtt_us * NSEC_PER_USEC / out->out.answered;
	out->well = !out->error && out->others > 0 && !out->bad;
}

void
check_info(const struct check *check, struct check_info *out)
{
	uint64_t now_ns = clock_mono_ns();

	*out = (struct check_info){.id = check->id, .done = check->done,
				   .left_ns = check->done || now_ns > check->end_ns ?
						      0 : check->end_ns - now_ns,
				   .hosts = check->n_members, .tuples = check->n_tuples};
}
