/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: rows of a case
 *
 * A row of a case is a stream of probes of a host. Which NICs, paths and 5-tuple it has stays as it
 * is from window to window, until the host reports other streams, a path from or to it changes
 * (roads_changed()), or a NIC comes that it probes. Then all rows of the host are made anew at the
 * end, and the old ones have no probes any more. If these are many, the next case begins anew.
 *
 * So what a window costs is mainly to add up the slots of rows that have lost nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/judge/judge_case_impl.h"
#include "central/roads/roads.h"

/* Messages from this size on count as large. */
#define JUDGE_LARGE 1024u

/*
 * The row has been losing since then, unless its 5-tuple has for longer: some of its rows may be of
 * probes that were asked for later.
 */
static void
judge_row_loses(struct judge_case *c, size_t at, uint64_t losing_ns)
{
	struct judge_row *row = &c->rows[at];
	const struct locate_row *l = &c->lrows[at];
	const struct roads_tuple there = {row->source, row->destination, row->src_port,
					  row->traffic_class};
	const struct roads_tuple back = {row->destination, row->source, row->back_port,
					 row->traffic_class};
	uint64_t before_ns = c->rows[row->tuple].losing_ns;

	row->losing_ns = before_ns && before_ns < losing_ns ? before_ns : losing_ns;
	judge_add_fresh(c, l->there, &there, l->from, row->losing_ns);
	judge_add_fresh(c, l->back, &back, l->to, row->losing_ns);
}

static uint32_t
judge_job_of(struct judge_case *c, const char *name)
{
	uint32_t number;

	if (!name || !name[0])
		return JUDGE_NONE;
	number = judge_index_get(&c->jobs_by_name, name, strlen(name));
	if (number != JUDGE_NONE)
		return number;
	if (JUDGE_ROOM(c, jobs) < 0 ||
	    judge_index_put(&c->jobs_by_name, name, strlen(name), (uint32_t)c->n_jobs) < 0) {
		c->failed = -ENOMEM;
		return JUDGE_NONE;
	}
	snprintf(c->jobs[c->n_jobs].name, INCIDENT_JOB, "%s", name);
	return (uint32_t)c->n_jobs++;
}

/* Room for all rows of a host, in the table of their 5-tuples. Returns 0 or -ENOMEM. */
static int
judge_clear_tuples(struct judge_case *c, uint32_t n_rows)
{
	size_t n = 16;
	uint32_t *slots;

	while (n < 2 * (size_t)n_rows)
		n *= 2;
	if (n > c->room_slots) {
		slots = reallocarray(c->slots, n, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		c->slots = slots;
		c->room_slots = n;
	}
	c->n_slots = n;
	memset(c->slots, 0xff, n * sizeof(*c->slots)); /* JUDGE_NONE */
	return 0;
}

static bool
judge_has_tuple(const struct judge_row *row, const struct judge_tuple *tuple)
{
	return tuple->ports == ((uint32_t)row->src_port << 8 | row->traffic_class) &&
	       addr_equal(&row->destination, &tuple->destination) &&
	       addr_equal(&row->source, &tuple->source);
}

uint32_t
judge_find_row(const struct judge_case *c, const struct judge_tuple *tuple)
{
	uint32_t nic = judge_index_get(&c->nics_by_addr, &tuple->source, sizeof(tuple->source));
	const struct judge_host *host = nic == JUDGE_NONE ? NULL : &c->hosts[c->lnics[nic].host];

	for (size_t i = 0; host && i < host->n_rows; i++)
		if (judge_has_tuple(&c->rows[host->first_row + i], tuple))
			return (uint32_t)(host->first_row + i);
	return JUDGE_NONE;
}

/*
 * A number that the rows of one 5-tuple share: the size classes. Only rows of one host have the
 * same source. The row is the last one, and not counted yet.
 */
static uint32_t
judge_tuple_of(const struct judge_case *c, const struct judge_row *row)
{
	const struct judge_tuple key = {row->source, row->destination,
		 (uint32_t)row->src_port << 8 | row->traffic_class};
	size_t at = judge_index_hash(&key, sizeof(key)) & (c->n_slots - 1);

	while (c->slots[at] != JUDGE_NONE && !judge_has_tuple(&c->rows[c->slots[at]], &key))
		at = (at + 1) & (c->n_slots - 1);
	if (c->slots[at] == JUDGE_NONE)
		c->slots[at] = (uint32_t)c->n_rows;
	return c->slots[at];
}

/* What does not change as long as paths, NICs and streams stay. */
static void
judge_fill_row(struct judge_case *c, const struct intake_row *row, uint32_t from, uint32_t to)
{
	const struct report_stream *s = row->stream;
	const struct roads_tuple there = {s->source, s->destination, s->src_port,
					  s->traffic_class};
	struct roads_way_links ways[2] = {{.id = row->hints->ways[0]}, {.id = row->hints->ways[1]}};
	struct locate_row *l = &c->lrows[c->n_rows];

	roads_find_both(c->sources.roads, &there, s->back_port, ways);
	row->hints->ways[0] = ways[0].id;
	row->hints->ways[1] = ways[1].id;
	c->hosts[c->next].vague |= !ways[0].lasts || !ways[1].lasts;
	*l = (struct locate_row){.from = from, .to = to, .there = judge_add_path(c, &ways[0]),
				 .back = judge_add_path(c, &ways[1]),
				 .large = s->size >= JUDGE_LARGE};
	c->rows[c->n_rows] = (struct judge_row){
		.place = row->place, .src_port = s->src_port, .back_port = s->back_port,
		.traffic_class = s->traffic_class, .source = s->source,
		.destination = s->destination, .burst = s->kind == REPORT_ASK,
		.job = s->kind == REPORT_FLOW ? judge_job_of(c, s->job) : JUDGE_NONE};
	l->tuple = c->rows[c->n_rows].tuple = judge_tuple_of(c, &c->rows[c->n_rows]);
	c->clean[c->n_rows++] = false;
}

/* What the row has met in this window. */
static void
judge_count_row(struct judge_case *c, size_t at, const struct intake_row *row)
{
	struct locate_row *l = &c->lrows[at];
	struct judge_row *r = &c->rows[at];
	uint64_t lost = (uint64_t)row->counts.lost + judge_unreachable(c, row, l->from, l->to);
	uint64_t sent = row->counts.answered + lost + row->counts.back_lost;
	bool liar = sent > UINT32_MAX; /* nobody sends so many */

	*l = (struct locate_row){.from = l->from, .to = l->to, .there = l->there, .back = l->back,
				 .tuple = l->tuple, .large = l->large};
	r->other = 0;
	r->extra_ns = r->losing_ns = 0;
	if (!liar) {
		l->sent = (uint32_t)sent;
		l->lost = (uint32_t)lost;
		l->half = row->counts.back_lost;
		l->slow = row->counts.slow < row->counts.answered ? row->counts.slow :
								    row->counts.answered;
		r->other = row->counts.sent > sent ? row->counts.sent - (uint32_t)sent : 0;
	}
	if (l->slow)
		r->extra_ns = intake_stored_extra_ns(row->stored, c->now_ns);
	if (row->losing_ns && (l->lost || l->half))
		judge_row_loses(c, at, row->losing_ns);
	if (c->window == INTAKE_SHORT && (l->lost || l->half) &&
	    !intake_stored_seconds(row->stored, c->now_ns, &l->lost_due))
		l->lost_due = 0;
	c->clean[at] = !(l->lost || l->half || l->slow || r->other);
	c->stats.probes += l->sent;
	c->stats.losses += l->lost + l->half;
	c->stats.rows += judge_has_probes(c, at);
}

/* The NIC of an address. The hint is the number that it had last time, plus one. */
static uint32_t
judge_nic_of(const struct judge_case *c, const struct addr *addr, uint32_t *hint)
{
	const struct judge_nic *nic = *hint && *hint <= c->n_nics ? &c->nics[*hint - 1] : NULL;
	uint32_t number;

	/* Of two NICs with one address, only the index knows which one it is. */
	if (nic && !c->doubles && nic->n_addrs && addr_equal(&nic->addrs[0], addr))
		return *hint - 1;
	number = judge_index_get(&c->nics_by_addr, addr, sizeof(*addr));
	*hint = number == JUDGE_NONE ? 0 : number + 1;
	return number;
}


/* The row at this place, if it is one of this case. */
static void
judge_add_row(struct judge_case *c, const struct intake_row *row)
{
	const struct report_stream *s = row->stream;
	uint32_t from = judge_nic_of(c, &s->source, &row->hints->nics[0]);
	uint32_t to = judge_nic_of(c, &s->destination, &row->hints->nics[1]);

	c->hosts[c->next].strangers |= from == JUDGE_NONE || to == JUDGE_NONE;
	if (from == JUDGE_NONE || to == JUDGE_NONE || from == to ||
	    c->lnics[from].host != c->next || !judge_share_has(c, s))
		return;
	if (JUDGE_ROOM(c, rows) < 0 || JUDGE_LROOM(c, lrows, c->n_rows) < 0 ||
	    JUDGE_LROOM(c, clean, c->n_rows) < 0) {
		c->failed = -ENOMEM;
		return;
	}
	judge_fill_row(c, row, from, to);
	judge_count_row(c, c->n_rows - 1, row);
}

/* ---- when ---- */

/* Losses, and slow probes, of what the window holds of a row some slots later. */
struct judge_counts {
	uint32_t lost, slow;
};

static struct judge_counts
judge_count_later(const struct judge_case *c, const struct intake_host *reports, uint32_t place,
		  uint64_t later_ns)
{
	struct intake_row row;

	intake_row_at(reports, place, c->window, c->now_ns + later_ns, &row);
	return (struct judge_counts){
		row.counts.lost + row.counts.back_lost + row.counts.unreachable, row.counts.slow};
}

/* In which slots the losses of the row lie: what each slot adds. */
static void
judge_when(struct judge_case *c, const struct intake_host *reports, size_t at)
{
	uint64_t slot_ns = intake_slot_ns(c->window);
	unsigned int slots = (unsigned int)(intake_window_ns(c->window) / slot_ns);
	struct judge_counts now = judge_count_later(c, reports, c->rows[at].place, 0), later;

	for (unsigned int k = 0; k < slots; k++) {
		later = judge_count_later(c, reports, c->rows[at].place, (k + 1) * slot_ns);
		c->lrows[at].lost_when |= (uint64_t)(later.lost < now.lost) << k;
		c->lrows[at].slow_when |= (uint64_t)(later.slow < now.slow) << k;
		now = later;
	}
}

/* ---- the rows of a host ---- */

/* They are there for no one any more, but for what counts them. */
static void
judge_bury(struct judge_case *c, struct judge_host *host)
{
	for (size_t i = host->first_row; i < host->first_row + host->n_rows; i++) {
		struct locate_row *l = &c->lrows[i];

		judge_drop_path(c, l->there);
		judge_drop_path(c, l->back);
		*l = (struct locate_row){.from = l->from, .to = l->to, .there = LOCATE_NONE,
					 .back = LOCATE_NONE, .tuple = l->tuple};
		c->rows[i].other = 0;
		c->rows[i].extra_ns = c->rows[i].losing_ns = 0;
		c->rows[i].job = JUDGE_NONE;
	}
	c->buried += host->n_rows;
	host->n_rows = 0;
	host->serial = 0;
	host->left_out = 0;
}

/* All of them anew. */
static int
judge_fill_rows(struct judge_case *c, const struct intake_host *reports, uint32_t n_rows)
{
	struct judge_host *host = &c->hosts[c->next];
	struct intake_row row;
	size_t left_out = c->stats.left_out;

	judge_bury(c, host);
	host->vague = host->strangers = false;
	host->first_row = c->n_rows;
	c->failed = judge_clear_tuples(c, n_rows);
	for (uint32_t i = 0; c->failed == 0 && i < n_rows; i++) {
		intake_row_at(reports, i, c->window, c->now_ns, &row);
		judge_add_row(c, &row);
	}
	host->n_rows = c->n_rows - host->first_row;
	host->left_out = c->stats.left_out - left_out;
	return c->failed;
}

/* They are what they were, only their counts are others. Nearly all have lost nothing. */
static int
judge_renew_rows(struct judge_case *c, const struct intake_host *reports, uint32_t n_rows)
{
	const struct judge_host *host = &c->hosts[c->next];
	const bool whole = host->n_rows == n_rows;
	struct intake_row row;

	while (c->room_sums < n_rows)
		if (JUDGE_LROOM(c, sums, c->room_sums) < 0)
			return -ENOMEM;
	intake_usual(reports, c->window, c->now_ns, c->sums);
	c->stats.left_out += host->left_out;
	for (size_t i = 0; i < host->n_rows; i++) {
		size_t at = host->first_row + i;
		uint32_t place = whole ? (uint32_t)i : c->rows[at].place;

		if (c->clean[at] && c->sums[place] != INTAKE_LOOK) {
			c->lrows[at].sent = c->sums[place];
			c->stats.probes += c->sums[place];
			c->stats.rows += c->sums[place] > 0;
			continue;
		}
		intake_row_at(reports, place, c->window, c->now_ns, &row);
		judge_count_row(c, at, &row);
	}
	return c->failed;
}

/* Whether something has changed in which rows the host has, and in what is known of them. */
static bool
judge_has_changed(const struct judge_case *c, const struct intake_host_info *info, uint64_t roads)
{
	const struct judge_host *host = &c->hosts[c->next];

	return !host->serial || host->serial != info->serial || !roads || host->roads != roads ||
	       host->vague || (host->strangers && host->nics != c->n_nics);
}

/* When they have lost something is asked only if they have. */
static int
judge_look_closer(struct judge_case *c, const struct intake_host *reports)
{
	const struct judge_host *host = &c->hosts[c->next];
	size_t end = host->first_row + host->n_rows, i = host->first_row;

	while (i < end && !(c->lrows[i].lost || c->lrows[i].half || c->lrows[i].slow))
		i++;
	if (i == end)
		return 0;
	for (i = host->first_row; i < end; i++)
		if (!c->clean[i])
			judge_when(c, reports, i);
	return c->window == INTAKE_MIDDLE ? judge_hear_peers(c, host->first_row, host->n_rows) : 0;
}

int
judge_take_rows(struct judge_case *c, const struct intake_host *reports)
{
	struct judge_host *host = &c->hosts[c->next];
	uint64_t roads = roads_changed(c->sources.roads, host->name);
	struct intake_host_info info;

	if (!reports) {
		judge_bury(c, host);
		return 0;
	}
	intake_host_info(reports, c->now_ns, &info);
	judge_check_ids(c);
	if (judge_has_changed(c, &info, roads)) {
		c->failed = judge_fill_rows(c, reports, info.n_rows);
		host->serial = info.serial;
		host->roads = roads;
		host->nics = c->n_nics;
	} else {
		c->failed = judge_renew_rows(c, reports, info.n_rows);
	}
	return c->failed ? c->failed : judge_look_closer(c, reports);
}
