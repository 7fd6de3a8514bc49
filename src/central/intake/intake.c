/* SPDX-License-Identifier: Apache-2.0 */
#include "central/intake/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "central/intake/intake_rows.h"
#include "central/intake/intake_stalls.h"
#include "core/bucket.h"
#include "core/clock.h"

/* The clock of a host is compared over such a time, twice. */
#define INTAKE_CLOCK_NS (60 * NSEC_PER_SEC)
/* Reports are at most so old when they come, to count in the shortest window. */
#define INTAKE_AGE_SHORT_NS (15 * NSEC_PER_SEC)
#define INTAKE_AGE_MIDDLE_NS (90 * NSEC_PER_SEC)

/*
 * By how much our clock is ahead of that of a host, and the time of the message: the least of what
 * was seen, because some messages take longer.
 */
struct intake_clock {
	int64_t least[2];             /* in this period, and in the one before */
	uint64_t since_ns;            /* of this one; 0: nothing has been seen */
};

struct intake_host {
	TAILQ_ENTRY(intake_host) link;
	char name[REPORT_NAME_MAX + 1];
	struct intake_host_info info;
	uint64_t sequence;            /* of the last report */
	uint64_t behind;              /* the last number that had been there */
	uint32_t n_behind;            /* how many of them have ascended */
	struct bucket bucket;
	struct intake_clock clock;
	struct intake_port *ports;
	struct intake_table table;
	struct intake_heard heard;
	struct intake_stalls stalls;
};

struct intake {
	TAILQ_HEAD(intake_hosts, intake_host) hosts;
	void *by_name;                /* tsearch(3) */
	struct intake_stats stats;
	struct bucket_rate rate;
	uint32_t max_hosts;
	uint64_t n_heard;             /* of all hosts */
	uint64_t serial;              /* the last one of a table */
};

int
intake_new(uint32_t max_hosts, struct intake **out)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	TAILQ_INIT(&in->hosts);
	in->max_hosts = max_hosts;
	bucket_rate_set(&in->rate, INTAKE_PER_S, INTAKE_BURST);
	*out = in;
	return 0;
}

static int
intake_compare_hosts(const void *a, const void *b)
{
	const struct intake_host *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
intake_ports_free(struct intake_port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ports[i].counters);
	free(ports);
}

static void
intake_forget(struct intake *in, struct intake_host *host)
{
	tdelete(host, &in->by_name, intake_compare_hosts);
	TAILQ_REMOVE(&in->hosts, host, link);
	in->stats.hosts--;
	in->stats.rows -= host->table.n;
	in->stats.ports -= host->info.n_ports;
	in->n_heard -= host->heard.n;
	intake_table_clear(&host->table);
	intake_heard_clear(&host->heard);
	intake_ports_free(host->ports, host->info.n_ports);
	free(host);
}

void
intake_free(struct intake *in)
{
	struct intake_host *host;

	if (!in)
		return;
	while ((host = TAILQ_FIRST(&in->hosts)))
		intake_forget(in, host);
	free(in);
}

void
intake_tick(struct intake *in, uint64_t now_ns)
{
	struct intake_host *host, *next;

	for (host = TAILQ_FIRST(&in->hosts); host; host = next) {
		next = TAILQ_NEXT(host, link);
		if (now_ns - host->info.last_ns >= INTAKE_FORGET_NS)
			intake_forget(in, host);
	}
}

/* ---- hosts ---- */

static struct intake_host *
intake_get(const struct intake *in, const char *name)
{
	struct intake_host key;
	void *const *found;

	if (strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	found = tfind(&key, &in->by_name, intake_compare_hosts);
	return found ? *found : NULL;
}

static int
intake_add(struct intake *in, const char *name, uint64_t now_ns, struct intake_host **out)
{
	struct intake_host *host;

	if (in->stats.hosts >= in->max_hosts)
		return -ENOSPC;
	host = calloc(1, sizeof(*host));
	if (!host)
		return -ENOMEM;
	snprintf(host->name, sizeof(host->name), "%s", name);
	host->info.first_ns = host->info.last_ns = now_ns;
	if (!tsearch(host, &in->by_name, intake_compare_hosts)) {
		free(host);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&in->hosts, host, link);
	in->stats.hosts++;
	*out = host;
	return 0;
}

/* ---- ports ---- */

static struct intake_port *
intake_port_find(struct intake_port *ports, size_t n, const char *device, uint8_t port)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].port == port && strcmp(ports[i].device, device) == 0)
			return &ports[i];
	return NULL;
}

static void
intake_count(struct intake_port *port, const struct report_counter *counter, uint64_t now_ns)
{
	struct intake_counter *c;
	size_t i = 0;

	while (i < port->n_counters && strcmp(port->counters[i].name, counter->name) != 0)
		i++;
	if (i == port->n_counters) {
		if (port->n_counters == INTAKE_COUNTERS)
			return;
		if (!port->counters)
			port->counters = calloc(INTAKE_COUNTERS, sizeof(*port->counters));
		if (!port->counters)
			return;
		snprintf(port->counters[i].name, sizeof(port->counters[i].name), "%s",
			 counter->name);
		port->n_counters++;
	}
	c = &port->counters[i];
	c->total += counter->n;
	c->last = counter->n;
	c->risen_ns = now_ns;
}

static void
intake_port_take(struct intake_port *port, const struct report_port *from, uint64_t now_ns)
{
	if (port->up != from->up || !port->up_ns)
		port->up_ns = now_ns;
	port->up = from->up;
	for (size_t i = 0; i < from->n_counters; i++)
		if (from->counters[i].n)
			intake_count(port, &from->counters[i], now_ns);
}

static bool
intake_ports_same(const struct intake_host *host, const struct report *report)
{
	if (host->info.n_ports != report->n_ports)
		return false;
	for (size_t i = 0; i < report->n_ports; i++)
		if (host->ports[i].port != report->ports[i].port ||
		    strcmp(host->ports[i].device, report->ports[i].device) != 0)
			return false;
	return true;
}

/* The ports of a whole report; those that were there keep what they have counted. */
static struct intake_port *
intake_ports_new(struct intake_host *host, const struct report *report)
{
	struct intake_port *ports = calloc(report->n_ports + 1, sizeof(*ports));

	for (size_t i = 0; ports && i < report->n_ports; i++) {
		const struct report_port *from = &report->ports[i];
		struct intake_port *old = intake_port_find(host->ports, host->info.n_ports,
							   from->device, from->port);

		if (old) {
			ports[i] = *old;
			old->counters = NULL; /* a report may name a port twice */
			old->n_counters = 0;
		} else {
			snprintf(ports[i].device, sizeof(ports[i].device), "%s", from->device);
			ports[i].port = from->port;
		}
	}
	return ports;
}

static void
intake_ports_take(struct intake_host *host, const struct report *report, uint64_t now_ns)
{
	for (size_t i = 0; i < report->n_ports; i++) {
		const struct report_port *from = &report->ports[i];
		struct intake_port *port = intake_port_find(host->ports, host->info.n_ports,
							    from->device, from->port);

		if (port)
			intake_port_take(port, from, now_ns);
	}
}

/* ---- time ---- */

static int64_t
intake_clock_least(const struct intake_clock *clock)
{
	return clock->least[0] < clock->least[1] ? clock->least[0] : clock->least[1];
}

static void
intake_clock_see(struct intake_clock *clock, int64_t ahead_ns, uint64_t now_ns)
{
	if (!clock->since_ns || now_ns - clock->since_ns >= INTAKE_CLOCK_NS) {
		clock->least[1] = clock->since_ns ? clock->least[0] : ahead_ns;
		clock->least[0] = ahead_ns;
		clock->since_ns = now_ns;
	}
	if (ahead_ns < clock->least[0])
		clock->least[0] = ahead_ns;
}

/* The shortest window that the report counts in. */
static enum intake_window
intake_first_window(struct intake_host *host, const struct report *report,
		    const struct intake_time *now)
{
	int64_t ahead_ns = (int64_t)now->wall_ns - (int64_t)report->end_ns;
	uint64_t age_ns;

	intake_clock_see(&host->clock, ahead_ns, now->mono_ns);
	host->info.clock_off_ns = -intake_clock_least(&host->clock);
	/* Not below 0, but the clock of a host that lies may be off by any time. */
	age_ns = (uint64_t)ahead_ns - (uint64_t)intake_clock_least(&host->clock);
	host->info.until_ns = age_ns < now->mono_ns ? now->mono_ns - age_ns : 0;
	age_ns += report->end_ns - report->begin_ns;
	if (age_ns <= INTAKE_AGE_SHORT_NS)
		return INTAKE_SHORT;
	host->info.late++;
	return age_ns <= INTAKE_AGE_MIDDLE_NS ? INTAKE_MIDDLE : INTAKE_LONG;
}

/* ---- reports ---- */

void
intake_refuse(struct intake *in, const char *why, uint64_t now_ns)
{
	in->stats.refused++;
	in->stats.refused_ns = now_ns;
	snprintf(in->stats.refused_why, sizeof(in->stats.refused_why), "%s", why);
}

/* Whether a number that had been there is to be believed. */
static bool
intake_anew(struct intake_host *host, uint64_t sequence)
{
	host->n_behind = sequence == host->behind + 1 ? host->n_behind + 1 : 1;
	host->behind = sequence;
	return host->n_behind >= INTAKE_ANEW;
}

static void
intake_missing(struct intake *in, struct intake_host *host, uint64_t n, uint64_t now_ns)
{
	n = n < INTAKE_LOST_MAX ? n : INTAKE_LOST_MAX;
	host->info.lost += n;
	in->stats.lost += n;
	host->info.lost_ns = now_ns;
}

static int
intake_sequence(struct intake *in, struct intake_host *host, const struct report *report,
		uint64_t now_ns)
{
	struct intake_host_info *info = &host->info;

	if (info->reports && report->incarnation == info->incarnation) {
		if (report->sequence <= host->sequence && !intake_anew(host, report->sequence)) {
			info->repeated++;
			in->stats.repeated++;
			return -EALREADY;
		}
		if (report->sequence > host->sequence + 1)
			intake_missing(in, host, report->sequence - host->sequence - 1, now_ns);
	} else {
		info->restarts += info->reports > 0;
		info->incarnation = report->incarnation;
		info->started_ns = now_ns;
		info->has_delays = false;
		host->table.named = 0;
	}
	host->sequence = report->sequence;
	return 0;
}

static bool
intake_has_room(const struct intake *in, const struct intake_host *host,
		const struct report *report)
{
	return in->stats.rows - host->table.n + report->n_streams <=
	       (uint64_t)in->max_hosts * INTAKE_ROWS_A_HOST;
}

/* A whole report names ports and streams. Rows borrow the names of devices. */
static int
intake_name(struct intake *in, struct intake_host *host, const struct report *report)
{
	const char *devices[REPORT_PORTS_MAX];
	uint32_t rows = host->table.n;
	struct intake_port *ports;
	int rc;

	if (intake_table_same(&host->table, report) && intake_ports_same(host, report)) {
		host->table.named = report->sequence;
		return 0;
	}
	if (!intake_has_room(in, host, report))
		return -ENOSPC;
	ports = intake_ports_new(host, report);
	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_ports; i++)
		devices[i] = ports[i].device;
	rc = intake_table_name(&host->table, report, devices);
	if (rc < 0) /* these have the counters now */
		intake_table_clear(&host->table);
	host->table.serial = ++in->serial;
	in->stats.rows += host->table.n;
	in->stats.rows -= rows;
	in->stats.ports += report->n_ports;
	in->stats.ports -= host->info.n_ports;
	intake_ports_free(host->ports, host->info.n_ports);
	host->ports = ports;
	host->info.n_ports = report->n_ports;
	return rc;
}

/* What there is no room or memory for is not known. */
static void
intake_hear_of(struct intake *in, struct intake_host *host, const struct report *report,
	       uint64_t now_ns)
{
	uint64_t max = (uint64_t)in->max_hosts * INTAKE_ROWS_A_HOST;

	in->n_heard -= host->heard.n;
	if (in->n_heard + host->heard.n + report->n_heard > max ||
	    intake_heard_take(&host->heard, report, now_ns) < 0)
		intake_heard_clear(&host->heard);
	in->n_heard += host->heard.n;
}

static int
intake_take_rows(struct intake *in, struct intake_host *host, const struct report *report,
		 const struct intake_time *now)
{
	enum intake_window first = intake_first_window(host, report, now);
	int rc = report->whole ? intake_name(in, host, report) : 0;

	in->stats.late += first != INTAKE_SHORT;
	if (rc < 0)
		return rc;
	intake_ports_take(host, report, now->mono_ns);
	if (report->heard)
		intake_hear_of(in, host, report, now->mono_ns);
	if (report->streams_of == host->table.named && report->n_streams == host->table.n) {
		intake_table_add(&host->table, report, first,
				 &(struct intake_span){now->mono_ns, host->info.until_ns});
		intake_table_times(&host->table, report);
	} else {
		host->info.unplaced++;
		in->stats.unplaced++;
	}
	return 0;
}

static int
intake_take_host(struct intake *in, struct intake_host *host, const struct report *report,
		 const struct intake_time *now)
{
	struct intake_host_info *info = &host->info;
	int rc;

	if (!bucket_is_ready(&host->bucket, &in->rate, now->mono_ns))
		return -EBUSY;
	bucket_take(&host->bucket, &in->rate, now->mono_ns);
	rc = intake_sequence(in, host, report, now->mono_ns);
	if (rc == 0)
		rc = intake_take_rows(in, host, report, now);
	if (rc < 0)
		return rc;
	info->reports++;
	in->stats.reports++;
	info->last_ns = now->mono_ns;
	info->throttled = report->throttled;
	info->degraded = report->degraded;
	info->dropped = report->dropped;
	if (report->has_delays) {
		info->has_delays = true;
		info->delays = report->delays;
	}
	if (report->stalled_s) {
		info->stalled_ns = now->mono_ns;
		intake_stalls_add(&host->stalls, report->stalled_s, now->mono_ns);
	}
	return 0;
}

/* What is said if a report is not taken. */
static const char *
intake_why(int rc)
{
	static const struct {
		int rc;
		const char *why;
	} whys[] = {{-EINVAL, "its report is of another host"},
		    {-EBUSY, "it reports too often"},
		    {-ENOSPC, "there are too many hosts or rows"}};

	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].rc == rc)
			return whys[i].why;
	return "no memory";
}

int
intake_take(struct intake *in, const char *name, const struct report *report,
	    const struct intake_time *now)
{
	struct intake_host *host = intake_get(in, name);
	int rc = strcmp(report->host, name) == 0 ? 0 : -EINVAL;
	char why[sizeof(in->stats.refused_why)];

	if (rc == 0 && !host)
		rc = intake_add(in, name, now->mono_ns, &host);
	if (rc == 0)
		rc = intake_take_host(in, host, report, now);
	if (rc == 0 || rc == -EALREADY)
		return rc;
	snprintf(why, sizeof(why), "%s: %s", name, intake_why(rc));
	intake_refuse(in, why, now->mono_ns);
	if (host)
		host->info.refused++;
	return rc;
}

/* ---- to look at ---- */

const struct intake_host *
intake_next(const struct intake *in, const struct intake_host *host)
{
	return host ? TAILQ_NEXT(host, link) : TAILQ_FIRST(&in->hosts);
}

const struct intake_host *
intake_find(const struct intake *in, const char *name)
{
	return intake_get(in, name);
}

static bool
intake_is_silent(const struct intake_host *host, uint64_t now_ns)
{
	return now_ns - host->info.last_ns >= INTAKE_SILENT_NS;
}

uint32_t
intake_stalled_s(const struct intake_host *host, uint64_t begin_ns, uint64_t end_ns)
{
	return intake_stalls_sum(&host->stalls, begin_ns, end_ns);
}

void
intake_host_info(const struct intake_host *host, uint64_t now_ns, struct intake_host_info *out)
{
	*out = host->info;
	out->name = host->name;
	out->silent = intake_is_silent(host, now_ns);
	out->ports = host->ports;
	out->n_rows = host->table.n;
	out->serial = host->table.serial;
}

void
intake_stats(const struct intake *in, uint64_t now_ns, struct intake_stats *out)
{
	const struct intake_host *host;

	*out = in->stats;
	out->bytes = in->stats.rows * sizeof(struct intake_stored) +
		     in->n_heard * sizeof(struct intake_heard_one);
	TAILQ_FOREACH(host, &in->hosts, link) {
		out->silent += intake_is_silent(host, now_ns);
		out->bytes += host->table.n_times * sizeof(struct report_bucket) +
			      host->table.n_rare * sizeof(struct intake_rare);
	}
}

bool
intake_received(const struct intake_host *host, const struct report_heard *stream, uint64_t now_ns,
		uint64_t *received)
{
	const uint64_t window_ns = intake_window_ns(INTAKE_MIDDLE);
	const struct intake_host_info *info = &host->info;
	const struct intake_heard *heard = &host->heard;

	if (!heard->since_ns || now_ns - heard->since_ns < window_ns ||
	    now_ns - heard->last_ns > INTAKE_HEARD_LATE_NS || intake_is_silent(host, now_ns) ||
	    now_ns - info->started_ns < window_ns ||
	    (info->lost_ns && now_ns - info->lost_ns < window_ns))
		return false;
	return intake_heard_sum(heard, stream, now_ns, received);
}

void
intake_row_at(const struct intake_host *host, uint32_t place, enum intake_window window,
	      uint64_t now_ns, struct intake_row *out)
{
	struct intake_stored *stored = &host->table.rows[place];

	*out = (struct intake_row){.stream = &stored->stream,
				   .place = place,
				   .losing_ns = stored->losing_s * NSEC_PER_SEC,
				   .stored = stored,
				   .hints = &stored->hints};
	if (stored->n_times)
		out->times = (struct report_times){&host->table.times[stored->times],
						   stored->n_times};
	intake_stored_sum(stored, window, now_ns, &out->counts);
}

void
intake_rows(const struct intake_host *host, enum intake_window window, uint64_t now_ns,
	    intake_hear *fn, void *arg)
{
	struct intake_row row;

	for (uint32_t i = 0; i < host->table.n; i++) {
		intake_row_at(host, i, window, now_ns, &row);
		if (row.counts.sent)
			fn(arg, host, &row);
	}
}

void
intake_usual(const struct intake_host *host, enum intake_window window, uint64_t now_ns,
	     uint32_t *out)
{
	for (uint32_t i = 0; i < host->table.n; i++)
		out[i] = intake_stored_usual(&host->table.rows[i], window, now_ns);
}

void
intake_walk(const struct intake *in, enum intake_window window, uint64_t now_ns, intake_hear *fn,
	    void *arg)
{
	const struct intake_host *host;

	TAILQ_FOREACH(host, &in->hosts, link)
		intake_rows(host, window, now_ns, fn, arg);
}
