/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: streams
 *
 * Each stream is in a hash table by what a result says of it, and in `order`, which is sorted for
 * the report: what streams have in common stands together. The source port of the answers is known
 * only from an answer, so it is no part of the key. If it changes, or a stream comes or goes, the
 * streams have changed, and the next report must name them.
 */
#include "agent/cluster/cluster_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/siphash.h"
#include "stat/histogram.h"

#define CLUSTER_ROWS_BUCKETS 4096u

struct cluster_row {
	struct cluster_row *next;      /* in its bucket */
	struct report_stream stream;
	char device[REPORT_NAME_MAX + 1], job[REPORT_JOB_MAX + 1];
	struct report_row counts;      /* place is not used */
	uint64_t lost_ns;              /* what the lowest bit of counts.lost_when stands for */
	uint32_t sent, answers;        /* answers: with a time, without noise */
	uint64_t rtt_ns;               /* their sum */
	struct histogram times;        /* theirs, by the middle of their buckets; since these were
					  reported */
	double usual_ns;
	uint64_t slow_ns;              /* since when all answers are slow; 0: the last one is not */
	uint32_t learned, good;        /* answers that usual_ns knows; those since the last loss */
	bool loses;
	uint64_t last_ns;              /* of its last result */
};

struct cluster_rows {
	struct cluster_row *buckets[CLUSTER_ROWS_BUCKETS];
	struct cluster_row **order;
	uint32_t n;
	uint64_t dropped;              /* results without a stream, since the last report */
	bool changed;
	cluster_rows_job *job;
	void *arg;
	/* What cluster_rows_fill() lends. */
	struct report_stream *streams;
	struct report_row *bad;
	uint32_t *sent, *rtt_ns;
	struct report_times *times;
	struct report_bucket *time_buckets; /* of all times */
};

int
cluster_rows_new(cluster_rows_job *job, void *arg, struct cluster_rows **out)
{
	struct cluster_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	rows->job = job;
	rows->arg = arg;
	*out = rows;
	return 0;
}

static void
cluster_row_free(struct cluster_row *row)
{
	histogram_clear(&row->times);
	free(row);
}

/* What was lent. */
static void
cluster_rows_take_back(struct cluster_rows *rows)
{
	free(rows->streams);
	free(rows->bad);
	free(rows->sent);
	free(rows->rtt_ns);
	free(rows->times);
	free(rows->time_buckets);
}

void
cluster_rows_free(struct cluster_rows *rows)
{
	if (!rows)
		return;
	for (uint32_t i = 0; i < rows->n; i++)
		cluster_row_free(rows->order[i]);
	free(rows->order);
	cluster_rows_take_back(rows);
	free(rows);
}

/* ---- finding ---- */

static struct cluster_row **
cluster_rows_bucket(struct cluster_rows *rows, const struct report_stream *key)
{
	static const uint8_t zero[SIPHASH_KEY];
	struct {
		struct addr source, destination;
		uint32_t size;
		uint16_t src_port;
		uint8_t class, kind;
	} of = {key->source, key->destination, key->size, key->src_port, key->traffic_class,
		(uint8_t)key->kind};

	static_assert(sizeof(of) == 40, "no holes");
	return &rows->buckets[siphash(zero, &of, sizeof(of)) % CLUSTER_ROWS_BUCKETS];
}

static bool
cluster_row_is(const struct cluster_row *row, const struct report_stream *key)
{
	const struct report_stream *s = &row->stream;

	return s->src_port == key->src_port && s->size == key->size && s->kind == key->kind &&
	       s->traffic_class == key->traffic_class && s->port == key->port &&
	       addr_equal(&s->destination, &key->destination) &&
	       addr_equal(&s->source, &key->source) && strcmp(s->device, key->device) == 0;
}

static struct cluster_row *
cluster_row_new(struct cluster_rows *rows, const struct report_stream *key, const void *of)
{
	struct cluster_row *row = calloc(1, sizeof(*row)), **order;

	order = row ? reallocarray(rows->order, rows->n + 1, sizeof(struct cluster_row *)) : NULL;
	if (!order) {
		free(row);
		return NULL;
	}
	rows->order = order;
	rows->order[rows->n++] = row;
	row->stream = *key;
	row->stream.back_port = 0;
	snprintf(row->device, sizeof(row->device), "%s", key->device);
	rows->job(rows->arg, of, row->job);
	row->stream.device = row->device;
	row->stream.job = row->job;
	rows->changed = true;
	return row;
}

/* NULL: there is no room. */
static struct cluster_row *
cluster_rows_get(struct cluster_rows *rows, const struct report_stream *key, const void *of)
{
	struct cluster_row **bucket = cluster_rows_bucket(rows, key), *row = *bucket;

	while (row && !cluster_row_is(row, key))
		row = row->next;
	if (row)
		return row;
	if (rows->n < REPORT_STREAMS_MAX)
		row = cluster_row_new(rows, key, of);
	if (!row) {
		rows->dropped++;
		return NULL;
	}
	row->next = *bucket;
	*bucket = row;
	return row;
}

/* ---- counting ---- */

/* Whether an answer that was due then is slow. It may be the one that makes that usual. */
static bool
cluster_row_slow(struct cluster_row *row, double rtt, uint64_t due_ns)
{
	if (row->learned < CLUSTER_ROWS_LEARN || rtt <= 3 * row->usual_ns ||
	    rtt <= row->usual_ns + CLUSTER_ROWS_SLOW_NS) {
		row->slow_ns = 0;
		return false;
	}
	if (!row->slow_ns)
		row->slow_ns = due_ns;
	if (due_ns < row->slow_ns + CLUSTER_ROWS_USUAL_NS)
		return true;
	row->slow_ns = 0;
	row->learned = 0;
	row->usual_ns = 0;
	return false;
}

static void
cluster_row_time(struct cluster_row *row, uint64_t rtt_ns, uint64_t due_ns)
{
	double rtt = (double)rtt_ns;

	row->answers++;
	row->rtt_ns += rtt_ns;
	/* Without memory, the answer is not among them. */
	histogram_add(&row->times, report_time_ns(report_time_bucket(rtt_ns)));
	if (cluster_row_slow(row, rtt, due_ns)) {
		row->counts.slow++;
		return;
	}
	row->learned += row->learned < 1024;
	row->usual_ns += (rtt - row->usual_ns) / row->learned;
}

/* Returns whether it has begun to lose, or has stopped. */
static bool
cluster_row_judge(struct cluster_row *row, const struct probe_result *r)
{
	bool lost = probe_class_is_lost(r->class) || r->class == PROBE_UNREACHABLE;
	bool loses = row->loses;

	if (r->stalled || (!lost && !probe_class_is_answered(r->class)))
		return false;
	row->good = lost ? 0 : row->good + (row->good < CLUSTER_ROWS_GOOD);
	if (lost)
		row->loses = true;
	else if (row->good >= CLUSTER_ROWS_GOOD)
		row->loses = false;
	return row->loses != loses;
}

/* Moves the bits n eighths of a second into the past. */
static uint64_t
cluster_row_older(uint64_t when, uint64_t n)
{
	uint64_t last = when && n ? 1ULL << 63 : 0; /* nothing falls out of it */

	if (n > 63)
		return last;
	return n && when >> (63 - n) ? when << n | last : when << n;
}

/* Something that was due then is lost. */
static void
cluster_row_lost(struct cluster_row *row, uint64_t due_ns)
{
	uint64_t *when = &row->counts.lost_when, at = due_ns / CLUSTER_ROWS_EIGHTH_NS, newest;

	if (!*when)
		row->lost_ns = due_ns;
	newest = row->lost_ns / CLUSTER_ROWS_EIGHTH_NS;
	if (at > newest) {
		*when = cluster_row_older(*when, at - newest);
		row->lost_ns = due_ns;
		newest = at;
	}
	*when |= 1ULL << (newest - at < 63 ? newest - at : 63);
}

static void
cluster_rows_back(struct cluster_rows *rows, struct cluster_row *row, uint16_t back_port)
{
	if (back_port == PROBE_PORT_UNKNOWN || back_port == row->stream.back_port)
		return;
	row->stream.back_port = back_port;
	rows->changed = true;
}

bool
cluster_rows_stalled(const struct probe_result *r)
{
	return r->stalled && r->host_noise & PROBE_NOISE_PROBER;
}

bool
cluster_rows_add(struct cluster_rows *rows, const struct report_stream *key, const void *of,
		 const struct probe_result *r)
{
	struct cluster_row *row = cluster_rows_get(rows, key, of);
	bool lost = probe_class_is_lost(r->class), answered = probe_class_is_answered(r->class);

	if (!row)
		return false;
	cluster_rows_back(rows, row, r->return_src_port);
	row->last_ns = r->due_ns;
	row->sent++;
	row->counts.classes[r->class] += r->class != PROBE_OK;
	row->counts.noise += r->stalled && (lost || answered);
	row->counts.noise_lost += r->stalled && lost;
	if (!r->stalled && (lost || r->class == PROBE_UNREACHABLE))
		cluster_row_lost(row, r->due_ns);
	if (r->measured && answered && r->host_noise == PROBE_NOISE_NONE)
		cluster_row_time(row, r->rtt_ns, r->due_ns);
	return cluster_row_judge(row, r);
}

void
cluster_rows_correct(struct cluster_rows *rows, const struct report_stream *key, const void *of,
		     const struct probe_result *r)
{
	struct cluster_row *row = cluster_rows_get(rows, key, of);

	if (!row || !probe_class_is_lost(r->class))
		return;
	if (r->due_ns > row->last_ns)
		row->last_ns = r->due_ns;
	row->counts.corrected++;
	cluster_row_lost(row, r->due_ns);
}

/* ---- reporting ---- */

/* What has much in common stands together. */
static int
cluster_row_compare(const void *a, const void *b)
{
	const struct report_stream *x = &(*(struct cluster_row *const *)a)->stream;
	const struct report_stream *y = &(*(struct cluster_row *const *)b)->stream;
	int rc = strcmp(x->device, y->device);

	if (rc == 0)
		rc = x->port - y->port;
	if (rc == 0)
		rc = (int)x->kind - (int)y->kind;
	if (rc == 0)
		rc = x->traffic_class - y->traffic_class;
	if (rc == 0)
		rc = (x->size > y->size) - (x->size < y->size);
	if (rc == 0)
		rc = memcmp(&x->source, &y->source, sizeof(x->source));
	if (rc == 0)
		rc = strcmp(x->job, y->job);
	if (rc == 0)
		rc = memcmp(&x->destination, &y->destination, sizeof(x->destination));
	return rc ? rc : (x->src_port > y->src_port) - (x->src_port < y->src_port);
}

static void
cluster_rows_forget(struct cluster_rows *rows, struct cluster_row *row)
{
	struct cluster_row **link = cluster_rows_bucket(rows, &row->stream);

	while (*link != row)
		link = &(*link)->next;
	*link = row->next;
	cluster_row_free(row);
	rows->changed = true;
}

static void
cluster_rows_expire(struct cluster_rows *rows, uint64_t now_ns)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rows->n; i++) {
		struct cluster_row *row = rows->order[i];

		if (row->sent == 0 && now_ns > row->last_ns + CLUSTER_ROWS_KEEP_NS)
			cluster_rows_forget(rows, row);
		else
			rows->order[n++] = row;
	}
	rows->n = n;
}

static bool
cluster_row_is_bad(const struct cluster_row *row)
{
	for (int c = 0; c < PROBE_CLASS_N; c++)
		if (row->counts.classes[c])
			return true;
	return row->counts.noise || row->counts.corrected || row->counts.slow;
}

static uint32_t
cluster_row_rtt(const struct cluster_row *row)
{
	uint64_t mean = row->answers ? row->rtt_ns / row->answers : 0;

	return mean < UINT32_MAX ? (uint32_t)mean : UINT32_MAX;
}

static int
cluster_rows_room(struct cluster_rows *rows)
{
	size_t n = rows->n + 1;

	cluster_rows_take_back(rows);
	rows->times = NULL;
	rows->time_buckets = NULL;
	rows->streams = calloc(n, sizeof(*rows->streams));
	rows->bad = calloc(n, sizeof(*rows->bad));
	rows->sent = calloc(n, sizeof(*rows->sent));
	rows->rtt_ns = calloc(n, sizeof(*rows->rtt_ns));
	return rows->streams && rows->bad && rows->sent && rows->rtt_ns ? 0 : -ENOMEM;
}

/* If there are too many buckets, the lowest ones count as the highest of these. */
static uint32_t
cluster_row_times(const struct cluster_row *row, struct report_bucket *out)
{
	const struct histogram *h = &row->times;
	uint32_t skip = h->n_bins > REPORT_TIMES_MAX ? h->n_bins - REPORT_TIMES_MAX : 0, n = 0;

	for (uint32_t i = 0; i < h->n_bins; i++) {
		uint64_t ns = histogram_middle_ns(h->bins[i].bucket);

		if (i <= skip)
			out[0] = (struct report_bucket){report_time_bucket(ns), out[0].n};
		else
			out[++n] = (struct report_bucket){report_time_bucket(ns), 0};
		out[n].n += (uint32_t)h->bins[i].count;
	}
	return h->n_bins ? n + 1 : 0;
}

static int
cluster_rows_times(struct cluster_rows *rows)
{
	struct report_bucket *next;
	size_t n = 1;

	for (uint32_t i = 0; i < rows->n; i++)
		n += rows->order[i]->times.n_bins < REPORT_TIMES_MAX ?
			rows->order[i]->times.n_bins : REPORT_TIMES_MAX;
	rows->times = calloc(rows->n + 1u, sizeof(*rows->times));
	rows->time_buckets = next = calloc(n, sizeof(*next));
	if (!rows->times || !next)
		return -ENOMEM;
	for (uint32_t i = 0; i < rows->n; i++) {
		n = cluster_row_times(rows->order[i], next);
		rows->times[i] = (struct report_times){next, (uint32_t)n};
		next += n;
	}
	return 0;
}

/* When it has lost something, as seen from now. */
static uint64_t
cluster_row_when(const struct cluster_row *row, uint64_t now_ns)
{
	uint64_t ago_ns = now_ns > row->lost_ns ? now_ns - row->lost_ns : 0;

	return cluster_row_older(row->counts.lost_when, ago_ns / CLUSTER_ROWS_EIGHTH_NS);
}

int
cluster_rows_fill(struct cluster_rows *rows, uint64_t now_ns, bool timed, struct report *report,
		  bool *changed)
{
	cluster_rows_expire(rows, now_ns);
	if (rows->changed)
		qsort(rows->order, rows->n, sizeof(struct cluster_row *), cluster_row_compare);
	if (cluster_rows_room(rows) < 0 || (timed && cluster_rows_times(rows) < 0))
		return -ENOMEM;
	report->n_rows = 0;
	for (uint32_t i = 0; i < rows->n; i++) {
		const struct cluster_row *row = rows->order[i];

		rows->streams[i] = row->stream;
		rows->sent[i] = row->sent;
		rows->rtt_ns[i] = cluster_row_rtt(row);
		if (!cluster_row_is_bad(row))
			continue;
		rows->bad[report->n_rows] = row->counts;
		rows->bad[report->n_rows].lost_when = cluster_row_when(row, now_ns);
		rows->bad[report->n_rows++].place = i;
	}
	report->streams = rows->streams;
	report->n_streams = rows->n;
	report->sent = rows->sent;
	report->rtt_ns = rows->rtt_ns;
	report->times = rows->times;
	report->rows = rows->bad;
	report->dropped = rows->dropped < UINT32_MAX ? (uint32_t)rows->dropped : UINT32_MAX;
	*changed = rows->changed;
	return 0;
}

void
cluster_rows_reported(struct cluster_rows *rows, bool timed)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		struct cluster_row *row = rows->order[i];

		row->counts = (struct report_row){0};
		row->sent = row->answers = 0;
		row->rtt_ns = 0;
		if (timed)
			histogram_clear(&row->times);
	}
	rows->dropped = 0;
	rows->changed = false;
}
