/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the result of a check
 *
 * The source port of a check is random, so rows that have it are of this check. But a host may not
 * be able to choose the port, or may not know it. Then any probes count that it has sent from this
 * source to this destination because somebody has asked, if they are no older than the check:
 * earlier checks and the judge ask for the same. A report has the probes of some seconds. So if the
 * host has such rows already, nothing counts before it has reported what it did when the check was
 * made, and rounds wait for that.
 */
#include <stdio.h>
#include <string.h>

#include "central/check/checks_impl.h"
#include "central/intake/intake.h"
#include "core/clock.h"

/* ---- reading ---- */

struct check_reader {
	struct check *check;
	struct check_member *member;
	uint64_t now_ns;
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

/* Slots that ended before the check was made are left out: they go at some time. */
static void
check_add_slots(const struct check_reader *reader, const struct intake_stored *row,
		struct check_sum *sum)
{
	const uint64_t slot_ns = intake_slot_ns(INTAKE_LONG);
	const uint32_t n = (uint32_t)(intake_window_ns(INTAKE_LONG) / slot_ns);

	for (uint32_t age = 0; age < n; age++) {
		struct intake_counts c;
		uint64_t begin_ns;

		if (!intake_stored_slot(row, (struct intake_slot){INTAKE_LONG, age},
					reader->now_ns, &c, &begin_ns) ||
		    begin_ns + slot_ns <= reader->check->made_ns)
			return;
		sum->sent += c.sent;
		sum->answered += c.answered;
		sum->noise += c.noise;
		sum->rtt_us += c.rtt_us;
	}
}

static void
check_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	const struct check_reader *reader = arg;
	struct check_tuple *t = row->stream->kind == REPORT_ASK ?
					check_tuple_of(reader, row->stream) : NULL;

	(void)host;
	if (!t)
		return;
	if (!reader->member->read)
		reader->member->old = true;
	/* Probes of another size have a row of their own. */
	check_add_slots(reader, row->stored,
			&t->seen[row->stream->src_port == t->src_port ? CHECK_PLANNED :
									CHECK_OTHER].now);
}

static bool
check_sum_is_less(const struct check_sum *a, const struct check_sum *b)
{
	return a->sent < b->sent || a->answered < b->answered || a->noise < b->noise ||
	       a->rtt_us < b->rtt_us;
}

/* A row that is no longer probed goes, and what it has counted; if it comes back, it is new. */
static void
check_compare(struct check_seen *seen, bool counts)
{
	struct check_sum *best = &seen->best;

	if (!counts || check_sum_is_less(&seen->now, &seen->base))
		seen->base = seen->now;
	if (seen->now.sent - seen->base.sent <= best->sent)
		return;
	best->sent = seen->now.sent - seen->base.sent;
	best->answered = seen->now.answered - seen->base.answered;
	best->noise = seen->now.noise - seen->base.noise;
	best->rtt_us = seen->now.rtt_us - seen->base.rtt_us;
}

static void
check_read_rows(struct check *check, size_t member, const struct intake_host *host,
		uint64_t now_ns)
{
	struct check_reader reader = {check, &check->members[member], now_ns};
	const struct check_member *m = reader.member;

	for (size_t i = m->first; i < m->first + m->n; i++)
		for (int by = 0; by < CHECK_BY_N; by++)
			check->tuples[i].seen[by].now = (struct check_sum){.sent = 0};
	intake_rows(host, INTAKE_LONG, now_ns, check_row, &reader);
	for (size_t i = m->first; i < m->first + m->n; i++) {
		check_compare(&check->tuples[i].seen[CHECK_PLANNED], m->read);
		check_compare(&check->tuples[i].seen[CHECK_OTHER], m->ready);
	}
}

bool
check_read(struct check *check, size_t member, const struct intake_host *host, uint64_t now_ns)
{
	struct check_member *m = &check->members[member];
	struct intake_host_info info = {.reports = 0};

	if (host)
		intake_host_info(host, now_ns, &info);
	if (!m->n || (m->read && info.reports == m->reports))
		return false;
	if (host)
		check_read_rows(check, member, host, now_ns);
	if (!m->read)
		m->old |= m->any_port;
	if (!m->ready)
		m->ready = !m->old || info.until_ns >= check->made_ns;
	m->read = true;
	m->reports = info.reports;
	return true;
}

bool
check_is_ready(const struct check *check, uint64_t now_ns)
{
	if (now_ns >= check->made_ns + CHECK_WAIT_NS)
		return true;
	for (size_t i = 0; i < check->n_members; i++)
		if (check->members[i].n && !check->members[i].ready)
			return false;
	return true;
}

/* ---- what counts ---- */

static const struct check_sum *
check_best(const struct check_tuple *t)
{
	return &t->seen[t->seen[CHECK_PLANNED].best.sent ? CHECK_PLANNED : CHECK_OTHER].best;
}

/*
 * Until its round is over, the planned port of a host that seems to choose it may yet appear:
 * others may have asked for another one.
 */
static bool
check_tuple_is_over(const struct check *check, const struct check_member *m,
		    const struct check_tuple *t, uint64_t now_ns)
{
	const struct check_sum *best = check_best(t);

	return best->sent >= check->count &&
	       (best == &t->seen[CHECK_PLANNED].best || m->any_port ||
		now_ns >= check->began_ns + (t->round + 1) * check->round_ns);
}

bool
check_has_all(const struct check *check, uint64_t now_ns)
{
	for (size_t i = 0; i < check->n_members; i++) {
		const struct check_member *m = &check->members[i];

		for (size_t k = m->first; k < m->first + m->n; k++)
			if (!check_tuple_is_over(check, m, &check->tuples[k], now_ns))
				return false;
	}
	return true;
}

/* Whether it was probed less often than was asked for, if at all. */
static bool
check_lacks(const struct check *check, const struct check_tuple *t)
{
	return check_best(t)->sent < check->count;
}

static void
check_finish_member(const struct check *check, struct check_member *m)
{
	size_t lack = 0;

	m->sent = 0;
	for (size_t k = m->first; k < m->first + m->n; k++) {
		m->sent += check_best(&check->tuples[k])->sent;
		lack += check_lacks(check, &check->tuples[k]);
	}
	if (m->error[0] || !lack)
		return;
	if (!m->sent)
		snprintf(m->error, sizeof(m->error),
			 "it has reported none of the probes that it was asked for: see "
			 "rpingmesh-ctl status there");
	else
		snprintf(m->error, sizeof(m->error),
			 "%zu of its %zu 5-tuples were not probed, or fewer than %u times: see "
			 "rpingmesh-ctl status there", lack, m->n, check->count);
}

void
check_finish(struct check *check)
{
	for (size_t i = 0; i < check->n_members; i++)
		check_finish_member(check, &check->members[i]);
	check->done = true;
}

/* ---- telling ---- */

static bool
check_is_well(const struct check_sum *sum)
{
	return sum->answered > 0 && (uint64_t)sum->answered + sum->noise >= sum->sent;
}

/* The tuples from one member to another. */
struct check_way {
	struct check_counts counts;
	uint64_t rtt_us;
	size_t tuples;
	bool bad;    /* one that has probes is not well */
	bool lacks;  /* one has too few, though the member has probed others */
};

static void
check_way(const struct check *check, size_t from, size_t to, struct check_way *way)
{
	const struct check_member *m = &check->members[from];

	*way = (struct check_way){.tuples = 0};
	for (size_t k = m->first; k < m->first + m->n; k++) {
		const struct check_tuple *t = &check->tuples[k];
		const struct check_sum *best = check_best(t);

		if (t->to != to)
			continue;
		way->tuples++;
		way->bad |= best->sent && !check_is_well(best);
		way->lacks |= m->sent && check_lacks(check, t);
		way->counts.sent += best->sent;
		way->counts.answered += best->answered;
		way->counts.noise += best->noise;
		way->rtt_us += best->rtt_us;
	}
	way->counts.wanted = (uint64_t)way->tuples * check->count;
}

/* What lacks is not held against the one that was to be probed. */
static bool
check_ways_are_bad(const struct check_way *out, const struct check_way *in)
{
	return (out->tuples || in->tuples) &&
	       (out->bad || in->bad || out->lacks || !(out->counts.sent + in->counts.sent));
}

bool
check_is_bad(const struct check *check, size_t i, size_t k)
{
	struct check_way out, in;

	if (i == k)
		return false;
	check_way(check, i, k, &out);
	check_way(check, k, i, &in);
	return check_ways_are_bad(&out, &in);
}

static void
check_counts_add(struct check_counts *sum, const struct check_counts *counts)
{
	sum->wanted += counts->wanted;
	sum->sent += counts->sent;
	sum->answered += counts->answered;
	sum->noise += counts->noise;
}

void
check_host(const struct check *check, size_t i, struct check_host_info *out)
{
	const struct check_member *m = &check->members[i];
	struct check_way there, back;
	uint64_t rtt_us = 0;

	*out = (struct check_host_info){.name = m->asked, .error = m->error[0] ? m->error : NULL};
	for (size_t k = 0; k < check->n_members; k++) {
		if (k == i)
			continue;
		check_way(check, i, k, &there);
		check_way(check, k, i, &back);
		out->others += there.tuples || back.tuples;
		out->bad += check_ways_are_bad(&there, &back);
		check_counts_add(&out->out, &there.counts);
		check_counts_add(&out->in, &back.counts);
		rtt_us += there.rtt_us;
	}
	if (out->out.answered)
		out->rtt_ns = rtt_us * NSEC_PER_USEC / out->out.answered;
	out->well = !out->error && out->others > 0 && !out->bad;
}

const char *
check_name(const struct check *check, size_t i)
{
	return check->members[i].asked;
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
