/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: windows of a row
 *
 * A window consists of slots, which are used in turn. The number of a slot is the time divided by
 * its length. The first count in a new slot empties it, and those that were skipped.
 */
#include "central/intake/intake_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* Fewer slow answers say nothing of how slow they are. */
#define INTAKE_EXTRA_ANSWERS 1.0

static const struct {
	uint64_t slot_ns;
	uint32_t first, n;   /* slots of struct intake_stored */
} intake_windows[] = {
	[INTAKE_SHORT] = {5 * NSEC_PER_SEC, 0, 4},
	[INTAKE_MIDDLE] = {60 * NSEC_PER_SEC, 4, 5},
	[INTAKE_LONG] = {900 * NSEC_PER_SEC, 9, 4},
};

uint64_t
intake_slot_ns(enum intake_window window)
{
	return intake_windows[window].slot_ns;
}

uint64_t
intake_window_ns(enum intake_window window)
{
	return intake_windows[window].slot_ns * intake_windows[window].n;
}

/* ---- which rows ---- */

static int
intake_compare(const void *a, const void *b)
{
	const struct report_stream *x = &(*(struct intake_stored *const *)a)->stream;
	const struct report_stream *y = &(*(struct intake_stored *const *)b)->stream;
	int rc = memcmp(&x->destination, &y->destination, sizeof(x->destination));

	if (rc == 0)
		rc = memcmp(&x->source, &y->source, sizeof(x->source));
	if (rc == 0)
		rc = (x->src_port > y->src_port) - (x->src_port < y->src_port);
	if (rc == 0)
		rc = (x->back_port > y->back_port) - (x->back_port < y->back_port);
	if (rc == 0)
		rc = (x->size > y->size) - (x->size < y->size);
	if (rc == 0)
		rc = x->traffic_class - y->traffic_class;
	if (rc == 0)
		rc = (int)x->kind - (int)y->kind;
	if (rc == 0)
		rc = x->port - y->port;
	if (rc == 0)
		rc = strcmp(x->device, y->device);
	return rc ? rc : strcmp(x->job, y->job);
}

static bool
intake_same(const struct report_stream *a, const struct report_stream *b)
{
	struct intake_stored x = {.stream = *a}, y = {.stream = *b};
	const struct intake_stored *p = &x, *q = &y;

	return intake_compare(&p, &q) == 0;
}

bool
intake_table_same(const struct intake_table *table, const struct report *report)
{
	if (table->n != report->n_streams)
		return false;
	for (uint32_t i = 0; i < table->n; i++)
		if (!intake_same(&table->rows[i].stream, &report->streams[i]))
			return false;
	return true;
}

static void
intake_rows_free(struct intake_stored *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].job);
		free(rows[i].rare);
	}
	free(rows);
}

void
intake_table_clear(struct intake_table *table)
{
	intake_rows_free(table->rows, table->n);
	free(table->times);
	*table = (struct intake_table){.rows = NULL};
}

/* Each old row goes to one new row at most. */
static void
intake_carry(struct intake_stored **sorted, size_t n, struct intake_stored *row)
{
	struct intake_stored *const *found =
		n ? bsearch(&row, sorted, n, sizeof(struct intake_stored *), intake_compare) : NULL;
	struct intake_stored *old = found ? *found : NULL;

	if (!old)
		return;
	memcpy(row->newest, old->newest, sizeof(row->newest));
	memcpy(row->slots, old->slots, sizeof(row->slots));
	row->lost_s = old->lost_s;
	row->losing_s = old->losing_s;
	row->due_s = old->due_s;
	row->due_when = old->due_when;
	row->vague_s = old->vague_s;
	row->rare = old->rare;
	row->n_rare = old->n_rare;
	row->rare_in = old->rare_in;
	old->rare = NULL;
	old->n_rare = old->rare_in = 0;
	memset(old->slots, 0, sizeof(old->slots));
	row->hints = old->hints;
	row->times = old->times;
	row->n_times = old->n_times;
}

/* The same name as that of the stream, which lasts as long as the port; "": none has it. */
static const char *
intake_device(const char *const *devices, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(devices[i], name) == 0)
			return devices[i];
	return "";
}

static struct intake_stored *
intake_rows_new(const struct report *report, const char *const *devices)
{
	struct intake_stored *rows = calloc(report->n_streams + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < report->n_streams; i++) {
		struct report_stream *s = &rows[i].stream;

		*s = report->streams[i];
		s->device = intake_device(devices, report->n_ports, s->device);
		if (!s->job[0]) {
			s->job = ""; /* that of the report goes with it */
			continue;
		}
		s->job = rows[i].job = strdup(s->job);
		if (!s->job) {
			intake_rows_free(rows, i);
			return NULL;
		}
	}
	return rows;
}

int
intake_table_name(struct intake_table *table, const struct report *report,
		  const char *const *devices)
{
	struct intake_stored *rows = intake_rows_new(report, devices);
	struct intake_stored **sorted = calloc((size_t)table->n + 1,
					       sizeof(struct intake_stored *));

	if (!rows || !sorted) {
		intake_rows_free(rows, rows ? report->n_streams : 0);
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < table->n; i++)
		sorted[i] = &table->rows[i];
	qsort(sorted, table->n, sizeof(struct intake_stored *), intake_compare);
	for (size_t i = 0; i < report->n_streams; i++)
		intake_carry(sorted, table->n, &rows[i]);
	free(sorted);
	intake_rows_free(table->rows, table->n);
	table->n_rare = 0;
	for (size_t i = 0; i < report->n_streams; i++)
		table->n_rare += rows[i].n_rare;
	table->rows = rows;
	table->n = (uint32_t)report->n_streams;
	table->named = report->sequence;
	return 0;
}

/* ---- what they count ---- */

/* Adds a slot to a sum. */
static void
intake_slot_sum(const struct intake_stored *row, uint32_t at, struct intake_counts *sum)
{
	sum->sent += row->slots[at].sent;
	sum->answered += row->slots[at].sent;
	sum->rtt_us += row->slots[at].rtt_us;
	for (uint32_t i = 0; i < row->n_rare; i++) {
		const struct intake_rare *rare = &row->rare[i];

		if (rare->slot != at)
			continue;
		sum->answered -= rare->unanswered;
		sum->lost += rare->lost;
		sum->back_lost += rare->back_lost;
		sum->unreachable += rare->unreachable;
		sum->noise += rare->noise;
		sum->slow += rare->slow;
	}
}

/* Not below the number of slots, because 0 is that of none. */
static uint32_t
intake_number(enum intake_window w, uint64_t now_ns)
{
	return (uint32_t)(now_ns / intake_windows[w].slot_ns) + intake_windows[w].n;
}

static void
intake_rare_clear(struct intake_stored *row, uint32_t at)
{
	for (uint32_t i = 0; i < row->n_rare; i++) {
		if (row->rare[i].slot != at)
			continue;
		row->rare[i] = row->rare[--row->n_rare];
		row->rare_in &= (uint16_t)~(1u << at);
		break;
	}
	if (row->n_rare)
		return;
	free(row->rare);
	row->rare = NULL;
}

/* Empties the slots up to this one, which is the newest one then. */
static void
intake_advance(struct intake_stored *row, enum intake_window w, uint32_t number)
{
	const uint32_t n = intake_windows[w].n, first = intake_windows[w].first;

	if (number - row->newest[w] >= n)
		row->newest[w] = number - n;
	while (row->newest[w] != number) {
		uint32_t at = first + ++row->newest[w] % n;

		row->slots[at] = (struct intake_usual){0};
		if (row->rare)
			intake_rare_clear(row, at);
	}
}

/* Adds an empty one if there is none. Without memory, returns NULL. */
static struct intake_rare *
intake_rare(struct intake_stored *row, uint32_t at)
{
	struct intake_rare *more;

	for (uint32_t i = 0; i < row->n_rare; i++)
		if (row->rare[i].slot == at)
			return &row->rare[i];
	more = reallocarray(row->rare, row->n_rare + 1u, sizeof(*more));
	if (!more)
		return NULL;
	row->rare = more;
	row->rare_in |= (uint16_t)(1u << at);
	more[row->n_rare] = (struct intake_rare){.slot = at};
	return &more[row->n_rare++];
}

/*
 * The ages of the slots that a window up to this one has of the row: from `first` to below `end`.
 * The row may have newer ones, because the window was begun before its last report came.
 */
struct intake_ages {
	uint32_t first, end;
};

static struct intake_ages
intake_ages_of(const struct intake_stored *row, enum intake_window w, uint32_t number)
{
	const uint32_t n = intake_windows[w].n, newer = row->newest[w] - number;

	if (number >= row->newest[w])
		return (struct intake_ages){number - row->newest[w], n};
	return (struct intake_ages){0, newer < n ? n - newer : 0};
}

void
intake_stored_sum(const struct intake_stored *row, enum intake_window w, uint64_t now_ns,
		  struct intake_counts *out)
{
	const uint32_t n = intake_windows[w].n, number = intake_number(w, now_ns);
	const struct intake_ages ages = intake_ages_of(row, w, number);

	*out = (struct intake_counts){0};
	for (uint32_t age = ages.first; age < ages.end; age++)
		intake_slot_sum(row, intake_windows[w].first + (number - age) % n, out);
}

uint32_t
intake_stored_usual(const struct intake_stored *row, enum intake_window w, uint64_t now_ns)
{
	const uint32_t n = intake_windows[w].n, first = intake_windows[w].first;
	const uint32_t number = intake_number(w, now_ns);
	const struct intake_ages ages = intake_ages_of(row, w, number);
	uint32_t sent = 0;

	if (row->rare_in >> first & ((1u << n) - 1))
		return INTAKE_LOOK;
	for (uint32_t age = ages.first; age < ages.end; age++)
		sent += row->slots[first + (number - age) % n].sent;
	return sent;
}

bool
intake_stored_seconds(const struct intake_stored *row, uint64_t now_ns, uint32_t *seconds)
{
	uint32_t now_s = (uint32_t)(now_ns / NSEC_PER_SEC), later = now_s - row->due_s;

	/* The clock of a host may be ahead of ours by the time of a message. */
	*seconds = row->due_s > now_s ? row->due_when :
		   later < INTAKE_SECONDS ? row->due_when << later : 0;
	*seconds &= (1u << INTAKE_SECONDS) - 1;
	return !row->vague_s || now_s - row->vague_s >= INTAKE_SECONDS;
}

bool
intake_stored_slot(const struct intake_stored *row, struct intake_slot slot, uint64_t now_ns,
		   struct intake_counts *out, uint64_t *begin_ns)
{
	const uint32_t n = intake_windows[slot.window].n;
	const uint32_t number = intake_number(slot.window, now_ns);
	const uint64_t slot_ns = intake_windows[slot.window].slot_ns;
	const struct intake_ages ages = intake_ages_of(row, slot.window, number);

	if (slot.age >= n || slot.age > now_ns / slot_ns)
		return false;
	*begin_ns = (now_ns / slot_ns - slot.age) * slot_ns;
	*out = (struct intake_counts){0};
	if (slot.age >= ages.first && slot.age < ages.end)
		intake_slot_sum(row, intake_windows[slot.window].first + (number - slot.age) % n,
				out);
	return true;
}

static int
intake_compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint32_t
intake_stored_usual_ns(const struct intake_stored *row, uint64_t now_ns)
{
	const uint32_t n = intake_windows[INTAKE_LONG].n;
	const uint32_t age = intake_ages_of(row, INTAKE_LONG,
					    intake_number(INTAKE_LONG, now_ns)).first;
	uint32_t means[INTAKE_SLOTS], n_means = 0;

	for (uint32_t i = 0; age < n && i < n - age; i++) {
		struct intake_counts c = {0};

		intake_slot_sum(row, intake_windows[INTAKE_LONG].first +
					     (row->newest[INTAKE_LONG] - i) % n, &c);
		if (c.answered)
			means[n_means++] = (uint32_t)((uint64_t)c.rtt_us * NSEC_PER_USEC /
						      c.answered);
	}
	if (!n_means)
		return 0;
	qsort(means, n_means, sizeof(means[0]), intake_compare_numbers);
	return means[(n_means - 1) / 2];
}

/* Sums over slots, for a straight line through their means, weighted by their answers. */
struct intake_line {
	double n, x, y, xx, xy; /* x: the share that is slow; y: the mean, in µs */
};

static void
intake_line_add(struct intake_line *line, const struct intake_counts *c)
{
	double n = c->answered, x, y;

	if (!c->answered)
		return;
	x = c->slow / n;
	y = c->rtt_us / n;
	line->n += n;
	line->x += n * x;
	line->y += n * y;
	line->xx += n * x * x;
	line->xy += n * x * y;
}

uint64_t
intake_stored_extra_ns(const struct intake_stored *row, uint64_t now_ns)
{
	struct intake_line line = {.n = 0};
	double apart, slope;

	for (enum intake_window w = 0; w < INTAKE_WINDOWS; w++) {
		const uint32_t n = intake_windows[w].n;
		const uint32_t age = intake_ages_of(row, w, intake_number(w, now_ns)).first;

		for (uint32_t i = 0; age < n && i < n - age; i++) {
			struct intake_counts c = {0};

			intake_slot_sum(row, intake_windows[w].first + (row->newest[w] - i) % n,
					&c);
			intake_line_add(&line, &c);
		}
	}
	/* As many answers as that are slow in some slots, and not in others. */
	apart = line.n > 0 ? line.xx - line.x * line.x / line.n : 0;
	if (apart < INTAKE_EXTRA_ANSWERS)
		return 0;
	slope = (line.xy - line.x * line.y / line.n) / apart;
	return slope > 0 ? (uint64_t)(slope * NSEC_PER_USEC) : 0;
}

static uint32_t
intake_least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Takes up to n away from *count, and from *n. */
static void
intake_less(uint32_t *count, uint32_t *n)
{
	uint32_t part = intake_least(*count, *n);

	*count -= part;
	*n -= part;
}

/* What a stall of a host may have lost is not lost, and what it might have, is not answered. */
static void
intake_except_noise(struct intake_counts *c, const struct report_row *row)
{
	uint32_t lost = row->noise_lost, answered = row->noise - row->noise_lost;

	c->noise = row->noise;
	intake_less(&c->lost, &lost);
	intake_less(&c->back_lost, &lost);
	intake_less(&c->answered, &answered);
	c->slow = intake_least(row->slow, c->answered);
}

static void
intake_count_row(struct intake_counts *c, const struct report_row *row)
{
	uint32_t not_ok = 0;

	for (int i = 0; i < PROBE_CLASS_N; i++)
		not_ok += row->classes[i];
	c->answered = c->sent - not_ok + row->classes[PROBE_LATE];
	c->lost = row->classes[PROBE_LOST];
	c->back_lost = row->classes[PROBE_ACK1_MISSING] + row->classes[PROBE_ACK2_MISSING];
	c->unreachable = row->classes[PROBE_UNREACHABLE];
	intake_except_noise(c, row);
	/* They were in an earlier report, as unreachable. */
	c->sent += row->corrected;
	c->lost += row->corrected;
}

/* Something that was lost was due then. */
static void
intake_row_due(struct intake_stored *row, uint32_t due_s)
{
	uint32_t later = due_s - row->due_s;

	if (!row->due_when || (later > 31 && due_s > row->due_s))
		row->due_when = 0;
	else if (due_s > row->due_s)
		row->due_when <<= later;
	if (!row->due_when || due_s > row->due_s)
		row->due_s = due_s;
	if (row->due_s - due_s < 32)
		row->due_when |= 1u << (row->due_s - due_s);
}

/* `when` as in report_row, of a report whose time ended then. */
static void
intake_row_loses(struct intake_stored *row, uint64_t when, uint64_t end_ns, uint64_t now_ns)
{
	uint32_t now_s = (uint32_t)(now_ns / NSEC_PER_SEC);
	uint64_t ago_ns;

	if (!when || when >> 63)
		row->vague_s = now_s;
	for (; when; when &= when - 1) {
		ago_ns = (uint64_t)__builtin_ctzll(when) * INTAKE_EIGHTH_NS + INTAKE_EIGHTH_NS / 2;
		if (ago_ns <= end_ns) /* if not, no window goes back so far */
			intake_row_due(row, (uint32_t)((end_ns - ago_ns) / NSEC_PER_SEC));
	}
	if (!row->lost_s || now_s - row->lost_s > INTAKE_LOSING_NS / NSEC_PER_SEC)
		row->losing_s = now_s + 1; /* rather later than it was */
	row->lost_s = now_s;
}

/* The slots that a report counts in. */
struct intake_places {
	enum intake_window first;
	uint32_t number[INTAKE_WINDOWS], at[INTAKE_WINDOWS];
};

static bool
intake_row_makes_room(struct intake_stored *row, const struct intake_places *places)
{
	for (enum intake_window w = places->first; w < INTAKE_WINDOWS; w++)
		if (!intake_rare(row, places->at[w]))
			return false;
	return true;
}

static void
intake_row_add_rare(struct intake_stored *row, uint32_t at, const struct intake_counts *c)
{
	struct intake_rare *rare = intake_rare(row, at);

	rare->unanswered += c->sent - c->answered;
	rare->lost += c->lost;
	rare->back_lost += c->back_lost;
	rare->unreachable += c->unreachable;
	rare->noise += c->noise;
	rare->slow += c->slow;
}

static void
intake_row_add(struct intake_stored *row, const struct intake_counts *c,
	       const struct intake_places *places)
{
	const bool usual = c->answered == c->sent && !(c->noise | c->slow | c->back_lost);

	for (enum intake_window w = places->first; w < INTAKE_WINDOWS; w++)
		if (row->newest[w] != places->number[w])
			intake_advance(row, w, places->number[w]);
	if (!usual && !intake_row_makes_room(row, places))
		return;
	for (enum intake_window w = places->first; w < INTAKE_WINDOWS; w++) {
		struct intake_usual *slot = &row->slots[places->at[w]];

		slot->sent += c->sent;
		slot->rtt_us += c->rtt_us;
		if (!usual)
			intake_row_add_rare(row, places->at[w], c);
	}
}

void
intake_table_add(struct intake_table *table, const struct report *report, enum intake_window first,
		 const struct intake_span *span)
{
	struct intake_places places = {.first = first};
	size_t n_bad = 0;

	for (enum intake_window w = first; w < INTAKE_WINDOWS; w++) {
		places.number[w] = intake_number(w, span->now_ns);
		places.at[w] = intake_windows[w].first + places.number[w] % intake_windows[w].n;
	}
	for (uint32_t i = 0; i < table->n; i++) {
		struct intake_counts c = {.sent = report->sent[i], .answered = report->sent[i]};
		struct intake_stored *row = &table->rows[i];
		const struct report_row *bad = NULL;

		if (n_bad < report->n_rows && report->rows[n_bad].place == i)
			bad = &report->rows[n_bad++];
		if (bad)
			intake_count_row(&c, bad);
		if (!c.sent)
			continue;
		c.rtt_us = (uint32_t)((uint64_t)report->rtt_ns[i] * c.answered / NSEC_PER_USEC);
		table->n_rare -= row->n_rare;
		intake_row_add(row, &c, &places);
		table->n_rare += row->n_rare;
		if (bad && (c.lost || c.back_lost || c.unreachable))
			intake_row_loses(row, bad->lost_when, span->end_ns, span->now_ns);
	}
}

void
intake_table_times(struct intake_table *table, const struct report *report)
{
	size_t n = 0;

	if (!report->times)
		return;
	for (uint32_t i = 0; i < table->n; i++)
		n += report->times[i].n;
	free(table->times);
	table->times = malloc((n + 1) * sizeof(*table->times));
	table->n_times = 0;
	for (uint32_t i = 0; i < table->n; i++) {
		const struct report_times *from = &report->times[i];

		table->rows[i].times = (uint32_t)table->n_times;
		table->rows[i].n_times = table->times ? (uint16_t)from->n : 0;
		if (!table->rows[i].n_times)
			continue;
		memcpy(&table->times[table->n_times], from->buckets,
		       from->n * sizeof(*table->times));
		table->n_times += from->n;
	}
}
