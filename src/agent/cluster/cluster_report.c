/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: reports
 *
 * Results go into cluster_rows.c as they come. The timer makes a report of it at each multiple of
 * the period, plus a part of it that depends on the name of the host; or earlier if a stream has
 * begun to lose, or has stopped, for which there is a small budget. Every
 * CLUSTER_REPORT_WHOLE-th report is whole, with the times of all streams and what the responder has
 * heard; and whole is each after the streams have changed.
 *
 * What was counted is forgotten only once the bus has taken the report, so nothing is counted
 * twice, and nothing is lost while there is no connection. What the bus drops later is a number
 * that central misses.
 */
#include "agent/cluster/cluster_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_heard.h"
#include "agent/cluster/cluster_rows.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "bus/bus.h"
#include "bus/topic.h"
#include "core/bucket.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/siphash.h"
#include "rdma/counters.h"
#include "record/registration.h"
#include "record/strict.h"
#include "stat/histogram.h"

#define CLUSTER_REPORT_WHOLE 5u
/* After a change; what follows within this time is in the same report. */
#define CLUSTER_REPORT_SOON_NS (500 * NSEC_PER_MSEC)
#define CLUSTER_REPORT_EARLY 3u /* at once; then one in five seconds */

/* The last total of a counter. */
struct cluster_past {
	char device[REPORT_NAME_MAX + 1], name[COUNTERS_NAME];
	uint8_t port;
	uint64_t total; /* in the last report that was taken */
	uint64_t now;   /* in the one that is being made */
};

struct cluster_report {
	struct cluster_report_env env;
	struct cluster_rows *rows;
	struct cluster_heard heard;
	struct loop_timer *timer;
	const struct config *config;  /* NULL: none yet */
	struct bus *bus;              /* NULL: none */
	char topic[TOPIC_SIZE];
	uint64_t sequence, streams_of;
	uint64_t begin_ns;            /* wall clock: what was counted is from then on */
	bool whole;                   /* the next one must be */
	struct bucket early;
	uint64_t stalled_second;      /* the last one, CLOCK_MONOTONIC */
	uint32_t stalled_s;
	struct histogram prober, responder; /* delays since they were reported */
	struct cluster_past *past;    /* of all ports; those of ports that are gone remain */
	size_t n_past;
	struct cluster_report_status status;
};

/* ---- counters of ports ---- */

struct cluster_report_ports {
	struct report_port ports[REPORT_PORTS_MAX];
	struct report_counter counters[REPORT_PORTS_MAX][REPORT_COUNTERS_MAX];
	size_t n;
};

/* The rise since the last call; 0 at the first one. */
static uint64_t
cluster_report_rise(struct cluster_report *report, const struct nic *nic, const char *name,
		    uint64_t total)
{
	struct cluster_past *p = report->past, *end = p + report->n_past, *more;
	uint64_t rise;

	while (p != end && (p->port != nic_port(nic) || strcmp(p->name, name) != 0 ||
			    strcmp(p->device, nic_name(nic)) != 0))
		p++;
	if (p != end) {
		if (total < p->total)
			p->total = total;
		rise = total - p->total;
		p->now = total;
		return rise;
	}
	if (report->n_past >= REPORT_PORTS_MAX * REPORT_COUNTERS_MAX)
		return 0;
	more = reallocarray(report->past, report->n_past + 1, sizeof(*more));
	if (!more)
		return 0;
	report->past = more;
	p = &more[report->n_past++];
	*p = (struct cluster_past){.port = nic_port(nic), .total = total, .now = total};
	snprintf(p->device, sizeof(p->device), "%s", nic_name(nic));
	snprintf(p->name, sizeof(p->name), "%s", name);
	return 0;
}

static void
cluster_report_count(struct cluster_report *report, const struct nic *nic,
		     struct report_port *port, const char *name, uint64_t total)
{
	uint64_t rise = cluster_report_rise(report, nic, name, total);

	if (rise && port->n_counters < REPORT_COUNTERS_MAX)
		port->counters[port->n_counters++] = (struct report_counter){name, rise};
}

static void
cluster_report_port(struct cluster_report *report, const struct nic *nic,
		    struct report_port *port)
{
	const struct counter *counter;
	struct nic_info info;

	nic_info(nic, &info);
	port->device = nic_name(nic);
	port->port = nic_port(nic);
	port->up = !nic_down_reason(nic);
	cluster_report_count(report, nic, port, "flaps", info.history->flaps_total);
	for (size_t i = 0; info.counters && (counter = counters_get(info.counters, i)); i++)
		if (counter->bad)
			cluster_report_count(report, nic, port, counter->name, counter->total);
}

static void
cluster_report_ports(struct cluster_report *report, struct cluster_report_ports *ports)
{
	ports->n = 0;
	for (struct nic *nic = NULL; (nic = nics_next(report->env.nics, nic)) &&
				     ports->n < REPORT_PORTS_MAX;) {
		ports->ports[ports->n] = (struct report_port){
			.counters = ports->counters[ports->n]};
		cluster_report_port(report, nic, &ports->ports[ports->n++]);
	}
}

/* ---- the report ---- */

static int
cluster_report_publish(struct cluster_report *report, const struct report *what)
{
	msgpack_sbuffer packed;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	report_pack(&pk, what);
	rc = bus_publish(report->bus, report->topic, packed.data, packed.size, 0);
	if (rc == 0)
		report->status.bytes += packed.size;
	msgpack_sbuffer_destroy(&packed);
	return rc;
}

static void
cluster_report_forget_delays(struct cluster_report *report)
{
	histogram_clear(&report->prober);
	histogram_clear(&report->responder);
}

static void
cluster_report_done(struct cluster_report *report, const struct report *what)
{
	cluster_rows_reported(report->rows, what->times != NULL);
	if (what->heard)
		cluster_heard_clear(&report->heard);
	if (what->has_delays)
		cluster_report_forget_delays(report);
	for (size_t i = 0; i < report->n_past; i++)
		report->past[i].total = report->past[i].now;
	report->sequence = what->sequence;
	report->streams_of = what->streams_of;
	report->begin_ns = what->end_ns;
	report->whole = false;
	report->stalled_s = 0;
	report->status.reports++;
	report->status.streams = (uint32_t)what->n_streams;
	report->status.last_ns = clock_mono_ns();
}

/* One report takes what fits. The rest waits in the responder. */
static void
cluster_report_hear(struct cluster_report *report, struct report *what)
{
	struct responder_way_info way;
	uint64_t n;

	while (report->env.responder && report->heard.n < REPORT_STREAMS_MAX &&
	       (n = responder_take_heard(report->env.responder, &way)))
		cluster_heard_add(&report->heard, &way, n);
	cluster_heard_fill(&report->heard, what);
}

/* 0 is unknown, so what is shorter than 1 ns is 1 ns. */
static uint32_t
cluster_report_quantile(const struct histogram *h, uint32_t per_million)
{
	uint64_t ns = histogram_quantile(h, per_million);

	if (h->count && !ns)
		return 1;
	return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static void
cluster_report_delays(struct cluster_report *report, struct report *what)
{
	if (report->env.responder)
		responder_take_delays(report->env.responder, &report->responder);
	what->delays = (struct report_delays){
		.prober_p50_ns = cluster_report_quantile(&report->prober, 500000),
		.prober_p99_ns = cluster_report_quantile(&report->prober, 990000),
		.responder_p50_ns = cluster_report_quantile(&report->responder, 500000),
		.responder_p99_ns = cluster_report_quantile(&report->responder, 990000),
	};
	what->has_delays = true;
}

/*
 * The seconds in which probes may have been lost because of a stall. A process that was stopped for
 * a while may have had no probe on its way.
 */
static uint32_t
cluster_report_stalled_s(const struct cluster_report *report,
			 const struct cluster_report_state *state)
{
	uint64_t losing_ns = report->config->timeout_ms * NSEC_PER_MSEC / 2;
	uint64_t s = (state->stall_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC;

	if (!report->status.last_ns || state->stall_ns < losing_ns || s < report->stalled_s)
		return report->stalled_s;
	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static void
cluster_report_make(struct cluster_report *report, struct cluster_report_ports *ports)
{
	struct report what = {
		.host = report->env.self->hostname,
		.incarnation = report->env.self->incarnation,
		.sequence = report->sequence + 1,
		.begin_ns = report->begin_ns,
		.end_ns = clock_wall_ns(),
		.ports = ports->ports,
	};
	struct cluster_report_state state = {.since_ns = report->status.last_ns};
	bool timed = what.sequence % CLUSTER_REPORT_WHOLE == 0, changed;

	if (cluster_rows_fill(report->rows, clock_mono_ns(), timed, &what, &changed) < 0)
		return;
	if (what.begin_ns > what.end_ns) /* the clock was set back */
		what.begin_ns = what.end_ns;
	if (timed) {
		cluster_report_hear(report, &what);
		cluster_report_delays(report, &what);
	}
	what.whole = changed || report->whole || timed;
	what.streams_of = what.whole ? what.sequence : report->streams_of;
	if (report->env.state)
		report->env.state(report->env.arg, &state);
	what.throttled = state.throttled;
	what.degraded = state.degraded;
	what.stalled_s = cluster_report_stalled_s(report, &state);
	cluster_report_ports(report, ports);
	what.n_ports = ports->n;
	if (cluster_report_publish(report, &what) == 0)
		cluster_report_done(report, &what);
	else
		report->status.refused++;
}

static bool
cluster_report_is_on(const struct cluster_report *report)
{
	return report->bus && report->config && report->config->cluster.report_s;
}

static void
cluster_report_next(struct cluster_report *report)
{
	static const uint8_t zero[SIPHASH_KEY];
	const char *host = report->env.self->hostname;
	uint64_t period, own;

	if (!cluster_report_is_on(report))
		return;
	period = report->config->cluster.report_s * NSEC_PER_SEC;
	own = siphash(zero, host, strlen(host)) % period;
	loop_timer_set(report->timer, period - (clock_wall_ns() + period - own) % period);
}

static void
cluster_report_time(void *arg)
{
	struct cluster_report *report = arg;
	struct cluster_report_ports *ports;
	struct bus_status bus;

	if (!cluster_report_is_on(report))
		return;
	bus_status(report->bus, &bus);
	ports = bus.state == BUS_CONNECTED ? calloc(1, sizeof(*ports)) : NULL;
	if (ports)
		cluster_report_make(report, ports);
	free(ports);
	cluster_report_next(report);
}

/* ---- results ---- */

static enum report_kind
cluster_report_kind(const struct peer_stream *stream, const struct peer_info *peer)
{
	if (stream->ping)
		return REPORT_PING;
	if (stream->service)
		return REPORT_FLOW;
	if (stream->asked)
		return REPORT_ASK;
	if (!peer->listed)
		return REPORT_FILE;
	return peer->listed->fabric ? REPORT_FABRIC : REPORT_TOR;
}

/* Returns false if nobody can know where the probe was to go. */
static bool
cluster_report_key(const struct peer_stream *stream, const struct probe_result *r,
		   struct report_stream *key)
{
	struct peer_info peer;

	peer_info(stream->peer, &peer);
	if (!peer.nic || !peer.remote)
		return false;
	*key = (struct report_stream){
		.device = nic_name(peer.nic),
		.port = nic_port(peer.nic),
		.traffic_class = r->traffic_class,
		.kind = cluster_report_kind(stream, &peer),
		.size = r->size,
		.source = addr_is_zero(&r->source) ? peer.local : r->source,
		.destination = *peer.remote,
		.src_port = r->src_port,
	};
	/* Central refuses a report that has another address. */
	return strict_addr_fits(&key->source) && strict_addr_fits(&key->destination);
}

/* A second counts once, however many results it has. */
static void
cluster_report_stalled(struct cluster_report *report, const struct probe_result *r)
{
	uint64_t second = r->due_ns / NSEC_PER_SEC;

	if (!cluster_rows_stalled(r) || second <= report->stalled_second)
		return;
	report->stalled_second = second;
	report->stalled_s++;
}

static void
cluster_report_soon(struct cluster_report *report)
{
	static const struct bucket_rate rate = {
		.interval_ns = 5 * NSEC_PER_SEC,
		.slack_ns = 5 * NSEC_PER_SEC * (CLUSTER_REPORT_EARLY - 1),
	};
	uint64_t now_ns = clock_mono_ns();

	if (!bucket_is_ready(&report->early, &rate, now_ns))
		return;
	bucket_take(&report->early, &rate, now_ns);
	loop_timer_set(report->timer, CLUSTER_REPORT_SOON_NS);
}

void
cluster_report_result(struct cluster_report *report, const struct peer_stream *stream,
		      const struct probe_result *r)
{
	struct report_stream key;

	if (!cluster_report_is_on(report) || !cluster_report_key(stream, r, &key))
		return;
	cluster_report_stalled(report, r);
	if (r->measured && probe_class_is_answered(r->class))
		histogram_add(&report->prober, r->prober_delay_ns);
	if (cluster_rows_add(report->rows, &key, stream, r))
		cluster_report_soon(report);
}

void
cluster_report_correct(struct cluster_report *report, const struct peer_stream *stream,
		       const struct probe_result *r)
{
	struct report_stream key;

	if (cluster_report_is_on(report) && cluster_report_key(stream, r, &key))
		cluster_rows_correct(report->rows, &key, stream, r);
}

static void
cluster_report_job(void *arg, const void *of, char job[REPORT_JOB_MAX + 1])
{
	const struct cluster_report *report = arg;
	const struct peer_stream *stream = of;

	if (stream->service)
		report->env.job(report->env.arg, stream, job);
}

/* ---- life ---- */

int
cluster_report_new(const struct cluster_report_env *env, struct cluster_report **out)
{
	struct cluster_report *report = calloc(1, sizeof(*report));
	int rc;

	if (!report)
		return -ENOMEM;
	report->env = *env;
	rc = cluster_rows_new(cluster_report_job, report, &report->rows);
	if (rc == 0)
		rc = loop_timer_new(env->loop, "report", cluster_report_time, report,
				    &report->timer);
	if (rc < 0)
		cluster_report_free(report);
	else
		*out = report;
	return rc;
}

void
cluster_report_free(struct cluster_report *report)
{
	if (!report)
		return;
	loop_timer_free(report->timer);
	cluster_rows_free(report->rows);
	cluster_heard_clear(&report->heard);
	cluster_report_forget_delays(report);
	free(report->past);
	free(report);
}

void
cluster_report_to(struct cluster_report *report, struct bus *bus, const char *prefix,
		  const struct registration *last)
{
	const char *tor = last && last->n_ports && last->ports[0].n_tors ? last->ports[0].tors[0] :
									   "";

	if (bus && !report->bus)
		report->begin_ns = clock_wall_ns();
	if (!bus)
		cluster_rows_reported(report->rows, true);
	if (!bus)
		cluster_report_forget_delays(report);
	report->bus = bus;
	report->whole = true;
	if (bus && topic_make_shard(report->topic, sizeof(report->topic), prefix, "report", tor,
				    report->env.self->hostname) < 0)
		report->bus = NULL;
	cluster_report_next(report);
}

void
cluster_report_configure(struct cluster_report *report, const struct config *config)
{
	report->config = config;
	cluster_report_next(report);
}

void
cluster_report_status(const struct cluster_report *report, struct cluster_report_status *out)
{
	*out = report->status;
}
