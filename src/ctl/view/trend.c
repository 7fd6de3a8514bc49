/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: trends
 *
 * A tree contains the series. The key of a series is that of a peer (device, source, address) or of
 * a stream of probes (also kind, flow, flow label, traffic class and service level). A series is a
 * ring of its last windows. Each window is added to the series of its stream and to that of its
 * peer. The series of the stream shows whether the window has come before.
 */
#include "ctl/view/trend.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/view/bars.h"
#include "ctl/view/spark.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define TREND_KEY 256
#define TREND_SERIES_MAX 65536u /* a daemon has far fewer */

struct trend_window {
	uint64_t start_ns, end_ns, start_mono_ns;
	struct histogram rtt;
	uint64_t lost, of;
};

struct trend {
	char key[TREND_KEY];
	struct trend_window windows[TREND_WINDOWS];
	size_t next, n; /* a ring: index of the next window, and the number of windows */
};

struct trends {
	void *tree;
	size_t n;
};

struct trends *
trends_new(void)
{
	return calloc(1, sizeof(struct trends));
}

static void
trend_free(void *arg)
{
	struct trend *trend = arg;

	for (size_t i = 0; i < TREND_WINDOWS; i++)
		histogram_clear(&trend->windows[i].rtt);
	free(trend);
}

void
trends_free(struct trends *trends)
{
	if (!trends)
		return;
	tdestroy(trends->tree, trend_free);
	free(trends);
}

/* ---- keys ---- */

static void
trend_key(const msgpack_object *record, bool stream, char key[TREND_KEY])
{
	static const char *const more[] = {"kind", "flow", "flow_label", "traffic_class",
					   "service_level"};
	char text[64];
	size_t at;

	view_text(record, "device", text, sizeof(text));
	at = (size_t)snprintf(key, TREND_KEY, "%s", text);
	view_text(record, "source", text, sizeof(text));
	at += (size_t)snprintf(key + at, TREND_KEY - at, "\t%s", text);
	if (!view_text(record, "peer", text, sizeof(text)))
		view_text(record, "address", text, sizeof(text));
	at += (size_t)snprintf(key + at, TREND_KEY - at, "\t%s", text);
	for (size_t i = 0; stream && i < sizeof(more) / sizeof(more[0]) && at < TREND_KEY; i++) {
		view_text(record, more[i], text, 16);
		at += (size_t)snprintf(key + at, TREND_KEY - at, "\t%s", text);
	}
}

static int
trend_compare(const void *a, const void *b)
{
	const struct trend *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static struct trend *
trends_find(const struct trends *trends, const char key[TREND_KEY])
{
	struct trend like;
	struct trend *const *found;

	strcpy(like.key, key);
	found = tfind(&like, &trends->tree, trend_compare);
	return found ? *found : NULL;
}

/* Returns the series, made if necessary. NULL: no memory, or there are too many. */
static struct trend *
trends_get(struct trends *trends, const char key[TREND_KEY])
{
	struct trend *trend = trends_find(trends, key);

	if (trend || trends->n == TREND_SERIES_MAX)
		return trend;
	trend = calloc(1, sizeof(*trend));
	if (!trend)
		return NULL;
	strcpy(trend->key, key);
	if (!tsearch(trend, &trends->tree, trend_compare)) {
		free(trend);
		return NULL;
	}
	trends->n++;
	return trend;
}

/* ---- new windows ---- */

/* The index in the ring of the i-th window, counted back from the newest. */
static size_t
trend_at(const struct trend *trend, size_t i)
{
	return (trend->next + TREND_WINDOWS - 1 - i) % TREND_WINDOWS;
}

static const struct trend_window *
trend_back(const struct trend *trend, size_t i)
{
	return &trend->windows[trend_at(trend, i)];
}

static bool
trend_has(const struct trend *trend, const struct trend_window *w)
{
	for (size_t i = 0; i < trend->n; i++) {
		const struct trend_window *old = trend_back(trend, i);

		if (old->start_ns == w->start_ns && old->end_ns == w->end_ns &&
		    old->start_mono_ns == w->start_mono_ns)
			return true;
	}
	return false;
}

static struct trend_window *
trend_slot(struct trend *trend, const struct trend_window *w)
{
	struct trend_window *slot;

	for (size_t i = 0; i < trend->n; i++) {
		slot = &trend->windows[trend_at(trend, i)];
		if (slot->start_ns != w->start_ns)
			continue;
		slot->end_ns = w->end_ns > slot->end_ns ? w->end_ns : slot->end_ns;
		return slot;
	}
	slot = &trend->windows[trend->next];
	trend->next = (trend->next + 1) % TREND_WINDOWS;
	trend->n += trend->n < TREND_WINDOWS;
	histogram_clear(&slot->rtt);
	*slot = (struct trend_window){.start_ns = w->start_ns,
				      .end_ns = w->end_ns,
				      .start_mono_ns = w->start_mono_ns};
	return slot;
}

static int
trend_merge(struct trend *trend, const struct trend_window *w)
{
	struct trend_window *slot = trend_slot(trend, w);

	slot->lost += w->lost;
	slot->of += w->of;
	return histogram_merge(&slot->rtt, &w->rtt);
}

static int
trends_add_window(struct trends *trends, const msgpack_object *record, const struct trend_window *w,
		  bool told)
{
	char key[TREND_KEY];
	struct trend *trend;
	int rc = 0;

	trend_key(record, true, key);
	trend = trends_get(trends, key);
	if (!trend)
		return -ENOMEM;
	if (!told && trend_has(trend, w))
		return 0;
	rc = trend_merge(trend, w);
	trend_key(record, false, key);
	trend = trends_get(trends, key);
	if (!trend)
		return -ENOMEM;
	return trend_merge(trend, w) < 0 ? -ENOMEM : rc;
}

int
trends_add(struct trends *trends, const msgpack_object *record, bool told)
{
	struct trend_window w = {0};
	int rc;

	if (!read_u64(record, "start_ns", &w.start_ns) || !read_u64(record, "end_ns", &w.end_ns) ||
	    w.end_ns <= w.start_ns)
		return 0;
	read_u64(record, "start_mono_ns", &w.start_mono_ns);
	if (!read_u64(record, "loss_lost", &w.lost) || !read_u64(record, "loss_of", &w.of) ||
	    w.lost > w.of)
		w.lost = w.of = 0;
	if (bars_read(read_map(record, "rtt"), &w.rtt) == -ENOMEM)
		return -ENOMEM;
	rc = trends_add_window(trends, record, &w, told);
	histogram_clear(&w.rtt);
	return rc;
}

/* ---- as sparklines ---- */

struct trend_line {
	uint64_t rtt[TREND_WINDOWS];
	double loss[TREND_WINDOWS];
	size_t at; /* the first valid element, as the line is filled from its end */
};

static void
trend_line_put(struct trend_line *line, const struct trend_window *w)
{
	if (line->at == 0)
		return;
	line->at--;
	line->rtt[line->at] =
		w && w->rtt.count ? histogram_quantile(&w->rtt, 500000) : SPARK_UNKNOWN;
	line->loss[line->at] = w && w->of ? (double)w->lost / (double)w->of : (double)NAN;
}

/* Adds the windows that are missing between two times. */
static void
trend_line_gap(struct trend_line *line, uint64_t from_ns, uint64_t to_ns, uint64_t length_ns)
{
	uint64_t n = to_ns > from_ns ? (to_ns - from_ns + length_ns / 2) / length_ns : 0;

	for (; n > 0 && line->at > 0; n--)
		trend_line_put(line, NULL);
}

static uint64_t
trend_length(const struct trend_window *w)
{
	return w->end_ns - w->start_ns;
}

/*
 * A whole window begins and ends at multiples of its length. The first window of a daemon, and one
 * that was cut, do not.
 */
static bool
trend_is_whole(const struct trend_window *w)
{
	return w->start_ns % trend_length(w) == 0 && w->end_ns % trend_length(w) == 0;
}

static void
trend_line_make(const struct trend *trend, uint64_t now_wall_ns, struct trend_line *line)
{
	const struct trend_window *w = trend_back(trend, 0), *older;
	uint64_t length_ns = trend_length(w), due_ns = now_wall_ns;

	line->at = TREND_WINDOWS;
	/* The newest window is still open, and the one before may have probes in flight. */
	due_ns = due_ns > 2 * length_ns ? due_ns - due_ns % length_ns - length_ns : 0;
	if (due_ns > w->end_ns && trend_is_whole(w))
		trend_line_gap(line, w->end_ns, due_ns, length_ns);
	for (size_t i = 0; i < trend->n; i++) {
		w = trend_back(trend, i);
		trend_line_put(line, w);
		if (i + 1 == trend->n)
			break;
		older = trend_back(trend, i + 1);
		length_ns = trend_length(w) > trend_length(older) ? trend_length(w) :
								    trend_length(older);
		trend_line_gap(line, older->end_ns, w->start_ns, length_ns);
	}
}

bool
trends_spark(const struct trends *trends, const msgpack_object *record, uint64_t now_wall_ns,
	     bool unicode, char rtt[TREND_TEXT], char loss[TREND_TEXT])
{
	const struct trend *trend;
	struct trend_line line;
	char key[TREND_KEY];
	size_t n;

	trend_key(record, read_find(record, "kind") != NULL, key);
	trend = trends_find(trends, key);
	rtt[0] = loss[0] = '\0';
	if (!trend || trend->n == 0)
		return false;
	trend_line_make(trend, now_wall_ns, &line);
	n = TREND_WINDOWS - line.at;
	spark_scaled(line.rtt + line.at, n, unicode, rtt);
	spark_loss(line.loss + line.at, n, unicode, loss);
	return true;
}
