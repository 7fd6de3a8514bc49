/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: metrics
 *
 * A page collects all figures when it begins, so they belong together, and is written in one piece.
 * The table of families says where each value stands.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "central/intake/intake.h"
#include "central/incident/incidents.h"
#include "central/judge/judge.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "central/tell/central_degraded.h"
#include "central/tell/central_metrics_lists.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "central/tell/central_tors.h"
#include "config.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/process.h"
#include "serve/control.h"
#include "serve/exposition.h"

/* All values of a page; those with unit seconds are nanoseconds. */
struct central_figures {
	enum exposition_format format;
	uint64_t one; /* of build_info */
	uint64_t degraded, reasons[CENTRAL_REASON_N], config_refused;
	uint64_t connected, connects, lost, messages[4], queued;
	uint64_t hosts[REGISTRY_STATE_N], frozen, drains, ports;
	uint64_t incidents[INCIDENT_PRIORITY_N], by_kind[INCIDENT_KIND_N], muted, opened;
	uint64_t verdicts, verdict_failures, heard[2];
	uint64_t tors[2], tuples, tuples_wanted;
	double least_share;
	uint64_t registrations, refused[2];
	uint64_t reporting[2], reports[3], report_rows;
	uint64_t paths, incomplete, links, switches[ROADS_BY_N];
	uint64_t plans, plan_failures, plan_ns, planned_ns, lists;
	uint64_t stall_ns, stalls, callbacks;
	uint64_t clients, dropped, requests[4];
	uint64_t cpu_ns, memory, fds, started_ns;
};

/* ---- collecting ---- */

static void
central_metrics_reason(void *arg, enum central_reason why, const char *sentence)
{
	struct central_figures *f = arg;

	(void)sentence;
	f->degraded++;
	f->reasons[why]++;
}

static void
central_metrics_bus(struct central_figures *f, const struct central_tell *t)
{
	struct bus_status s;

	bus_status(mesh_bus(t->mesh), &s);
	f->connected = s.state == BUS_CONNECTED;
	f->connects = s.connects;
	f->lost = s.lost;
	f->messages[0] = s.published;
	f->messages[1] = s.received;
	f->messages[2] = s.dropped;
	f->messages[3] = s.refused;
	f->queued = s.queued;
}

static void
central_metrics_mesh(struct central_figures *f, const struct central_tell *t)
{
	struct registry_stats r;
	struct mesh_stats m;
	struct mesh_held held;

	registry_stats(mesh_registry(t->mesh), &r);
	mesh_stats(t->mesh, &m);
	for (int i = 0; i < REGISTRY_STATE_N; i++)
		f->hosts[i] = r.hosts[i];
	f->frozen = r.frozen || mesh_held(t->mesh, &held);
	f->drains = m.drains;
	f->registrations = r.registrations;
	f->refused[0] = r.refused_full;
	f->refused[1] = m.refused - r.refused_full;
	f->plans = m.plans;
	f->plan_failures = m.out_of_memory;
	f->plan_ns = m.plan_ns;
	f->planned_ns = m.plan_wall_ns;
	f->lists = m.lists;
}

static void
central_metrics_intake(struct central_figures *f, const struct central_tell *t)
{
	struct intake_stats s;

	intake_stats(t->intake, clock_mono_ns(), &s);
	f->reporting[0] = s.hosts - s.silent;
	f->reporting[1] = s.silent;
	f->reports[0] = s.reports;
	f->reports[1] = s.lost;
	f->reports[2] = s.refused;
	f->report_rows = s.rows;
}

static void
central_metrics_roads(struct central_figures *f, const struct central_tell *t)
{
	struct roads_switch sw;
	struct roads_stats s;

	roads_stats(t->roads, &s);
	f->paths = s.paths;
	f->incomplete = s.incomplete;
	f->links = s.links;
	for (uint32_t id = 0; (id = roads_switch_after(t->roads, id, &sw));)
		f->switches[sw.by]++;
}

static int
central_metrics_tors(struct central_figures *f, const struct central_tell *t)
{
	struct central_tors tors;
	int rc = central_tors_collect(t->mesh, &tors);

	f->least_share = 1;
	for (size_t i = 0; i < tors.n; i++) {
		const struct central_tor *tor = tors.at[i];

		if (!tor->name[0])
			continue;
		f->tors[tor->capped != 0]++; /* a drained switch lacks nothing */
		f->tuples += tor->out;
		f->tuples_wanted += tor->wanted;
		if (tor->share_out < f->least_share)
			f->least_share = tor->share_out;
		if (tor->share_in < f->least_share)
			f->least_share = tor->share_in;
	}
	central_tors_clear(&tors);
	return rc;
}

static void
central_metrics_incidents(struct central_figures *f, const struct central_tell *t)
{
	struct incidents_stats s;
	struct judge_stats judge;

	incidents_stats(t->incidents, clock_wall_ns(), &s);
	judge_stats(t->judge, &judge);
	for (int kind = 0; kind < INCIDENT_KIND_N; kind++) {
		for (int priority = 0; priority < INCIDENT_PRIORITY_N; priority++) {
			f->incidents[priority] += s.open[kind][priority];
			f->by_kind[kind] += s.open[kind][priority];
		}
	}
	f->muted = s.muted;
	f->opened = s.opened + s.reopened;
	f->heard[0] = judge.heard;
	f->heard[1] = judge.refused;
	f->verdicts = judge.verdicts;
	f->verdict_failures = judge.failures;
}

static uint64_t
central_metrics_ports(const struct central_tell *t)
{
	const struct registry_host *host = registry_next(mesh_registry(t->mesh), 0);
	struct registry_host_info info;
	uint64_t n = 0;

	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		n += info.state == REGISTRY_GONE ? 0 : info.registration->n_ports;
	}
	return n;
}

static void
central_metrics_process(struct central_figures *f, const struct central_tell *t)
{
	struct control_stats control;
	struct http_stats http;
	struct loop_stats loop;

	loop_stats(t->loop, &loop);
	control_stats(t->control, &control);
	central_pages_stats(t->pages, &http);
	f->stall_ns = loop.stall_max_ns;
	f->stalls = loop.stalls;
	f->callbacks = loop.callbacks;
	f->clients = control.clients;
	f->dropped = control.dropped;
	f->requests[0] = http.answered;
	f->requests[1] = http.cut;
	f->requests[2] = http.refused;
	f->requests[3] = http.bad;
	f->cpu_ns = process_cpu_ns();
	f->memory = process_memory_bytes();
	f->fds = process_fds();
	f->started_ns = clock_wall_of(t->started_ns);
}

static int
central_metrics_collect(struct central_figures *f, const struct central_tell *t)
{
	f->one = 1;
	f->config_refused = t->config_error[0] != '\0';
	central_degraded(t, central_metrics_reason, f);
	central_metrics_bus(f, t);
	central_metrics_mesh(f, t);
	central_metrics_incidents(f, t);
	central_metrics_intake(f, t);
	central_metrics_roads(f, t);
	f->ports = central_metrics_ports(t);
	central_metrics_process(f, t);
	return central_metrics_tors(f, t);
}

/* ---- families ---- */

static const char *const central_metrics_version[] = {PACKAGE_VERSION};
static const char *const central_metrics_reasons[CENTRAL_REASON_N] = CENTRAL_REASON_NAMES;
static const char *const central_metrics_messages[] = {"published", "received", "dropped",
						       "refused"};
static const char *const central_metrics_covered[] = {"full", "capped"};
static const char *const central_metrics_refused[] = {"max_hosts", "invalid"};
static const char *const central_metrics_heard[] = {"taken", "refused"};
static const char *const central_metrics_reporting[] = {"reporting", "silent"};
static const char *const central_metrics_reports[] = {"taken", "lost", "refused"};
static const char *const central_metrics_results[] = {"answered", "cut", "refused", "bad"};

/* Where the values of a family are, and the values of its label, if it has one. */
struct central_family {
	struct exposition_family head;
	size_t at;
	const char *label;
	const char *const *values;
	size_t n;
};

#define AT(member) .at = offsetof(struct central_figures, member)
#define BY(name, of, count) .label = name, .values = of, .n = count
#define COUNTER EXPOSITION_COUNTER
#define GAUGE EXPOSITION_GAUGE

/*
 * In the order of the page, and before those of central_metrics_lists.c; rpingmesh-central(8) lists
 * them: tests/doc/metrics_doc.sh.
 */
static const struct central_family central_families[] = {
	{{"rpingmesh_central_build_info", GAUGE, NULL, "Version of rpingmesh-central."}, AT(one),
	 BY("version", central_metrics_version, 1)},
	{{"rpingmesh_central_degraded", GAUGE, NULL,
	  "Degraded states that rpingmesh-ctl --central status lists."}, AT(degraded)},
	{{"rpingmesh_central_degraded_reason", GAUGE, NULL, "Degraded states by reason."},
	 AT(reasons), BY("reason", central_metrics_reasons, CENTRAL_REASON_N)},
	{{"rpingmesh_central_config_refused", GAUGE, NULL,
	  "1 if the last reload was refused, else 0."}, AT(config_refused)},
	{{"rpingmesh_central_broker_connected", GAUGE, NULL,
	  "1 if there is a connection to the broker, else 0."}, AT(connected)},
	{{"rpingmesh_central_broker_connects_total", COUNTER, NULL,
	  "Connections to the broker that were made."}, AT(connects)},
	{{"rpingmesh_central_broker_lost_total", COUNTER, NULL,
	  "Connections to the broker that have ended."}, AT(lost)},
	{{"rpingmesh_central_broker_messages_total", COUNTER, NULL,
	  "Messages that the broker has taken, those that came, those dropped because too many "
	  "waited, and those refused because they were too long."},
	 AT(messages), BY("result", central_metrics_messages, 4)},
	{{"rpingmesh_central_broker_queued", GAUGE, NULL,
	  "Messages that wait for the broker."}, AT(queued)},
	{{"rpingmesh_central_hosts", GAUGE, NULL, "Hosts by state."}, AT(hosts),
	 BY("state", registry_state_names, REGISTRY_STATE_N)},
	{{"rpingmesh_central_frozen", GAUGE, NULL,
	  "1 if so many hosts have left at once that they stay in the plan, else 0."}, AT(frozen)},
	{{"rpingmesh_central_drains", GAUGE, NULL, "Drained hosts."}, AT(drains)},
	{{"rpingmesh_central_incidents", GAUGE, NULL,
	  "Open incidents that are not muted, by priority."}, AT(incidents),
	 BY("priority", incident_priority_names, INCIDENT_PRIORITY_N)},
	{{"rpingmesh_central_incidents_by_kind", GAUGE, NULL,
	  "Open incidents that are not muted, by what is to blame."}, AT(by_kind),
	 BY("kind", incident_kind_names, INCIDENT_KIND_N)},
	{{"rpingmesh_central_incidents_muted", GAUGE, NULL, "Open incidents that are muted."},
	 AT(muted)},
	{{"rpingmesh_central_incidents_opened_total", COUNTER, NULL,
	  "Incidents that were opened, or opened again."}, AT(opened)},
	{{"rpingmesh_central_incidents_heard_total", COUNTER, NULL,
	  "Incidents of other rpingmesh-centrals that were taken, and those refused."}, AT(heard),
	 BY("result", central_metrics_heard, 2)},
	{{"rpingmesh_central_verdicts_total", COUNTER, NULL,
	  "Times that the evidence was judged."}, AT(verdicts)},
	{{"rpingmesh_central_verdict_failures_total", COUNTER, NULL,
	  "Times that it could not be, for lack of memory."}, AT(verdict_failures)},
	{{"rpingmesh_central_ports", GAUGE, NULL, "RDMA ports of the hosts that are not gone."},
	 AT(ports)},
	{{"rpingmesh_central_tors", GAUGE, NULL,
	  "Top-of-rack switches, by whether all that is wanted is covered."}, AT(tors),
	 BY("coverage", central_metrics_covered, 2)},
	{{"rpingmesh_central_tuples", GAUGE, NULL,
	  "5-tuples between top-of-rack switches that pinglists have."}, AT(tuples)},
	{{"rpingmesh_central_tuples_wanted", GAUGE, NULL,
	  "5-tuples that cover all paths with a probability of 0.99."}, AT(tuples_wanted)},
	{{"rpingmesh_central_covered_least_ratio", GAUGE, "ratio",
	  "Share of its paths that the worst top-of-rack switch has covered on average."},
	 AT(least_share)},
	{{"rpingmesh_central_registrations_total", COUNTER, NULL,
	  "Registrations of hosts that were taken."}, AT(registrations)},
	{{"rpingmesh_central_refused_total", COUNTER, NULL,
	  "Registrations and drains that were refused, by reason."}, AT(refused),
	 BY("reason", central_metrics_refused, 2)},
	{{"rpingmesh_central_reporting_hosts", GAUGE, NULL,
	  "Hosts that report, and those that have not for 16 s."},
	 AT(reporting), BY("state", central_metrics_reporting, 2)},
	{{"rpingmesh_central_reports_total", COUNTER, NULL,
	  "Reports of hosts that were taken, those missing between these, and those refused."},
	 AT(reports), BY("result", central_metrics_reports, 3)},
	{{"rpingmesh_central_report_rows", GAUGE, NULL,
	  "Streams of probes in the reports of hosts."}, AT(report_rows)},
	{{"rpingmesh_central_paths", GAUGE, NULL, "Paths of 5-tuples that are known."}, AT(paths)},
	{{"rpingmesh_central_paths_incomplete", GAUGE, NULL,
	  "Those of which a router is not known."}, AT(incomplete)},
	{{"rpingmesh_central_links", GAUGE, NULL, "Links that these paths cross."}, AT(links)},
	{{"rpingmesh_central_switches", GAUGE, NULL,
	  "Switches that these paths cross, by how their names are known; address: they have "
	  "none."},
	 AT(switches), BY("by", roads_by_names, ROADS_BY_N)},
	{{"rpingmesh_central_plans_total", COUNTER, NULL, "Times that the plan was made."},
	 AT(plans)},
	{{"rpingmesh_central_plan_failures_total", COUNTER, NULL,
	  "Changes of the plan that were lost because there was no memory."}, AT(plan_failures)},
	{{"rpingmesh_central_plan_duration_seconds", GAUGE, "seconds",
	  "Time that the last plan took."}, AT(plan_ns)},
	{{"rpingmesh_central_planned_timestamp_seconds", GAUGE, "seconds",
	  "Time of the last plan since the Unix epoch."}, AT(planned_ns)},
	{{"rpingmesh_central_lists_total", COUNTER, NULL,
	  "Pinglists that were published because they had changed."}, AT(lists)},
	{{"rpingmesh_central_loop_stall_max_seconds", GAUGE, "seconds",
	  "Longest time that one callback kept the others waiting."}, AT(stall_ns)},
	{{"rpingmesh_central_loop_stalls_total", COUNTER, NULL,
	  "Callbacks that kept the others waiting for 10 ms or more."}, AT(stalls)},
	{{"rpingmesh_central_loop_callbacks_total", COUNTER, NULL,
	  "Callbacks run by the event loop."}, AT(callbacks)},
	{{"rpingmesh_central_control_clients", GAUGE, NULL, "Clients of the control socket."},
	 AT(clients)},
	{{"rpingmesh_central_control_dropped_total", COUNTER, NULL,
	  "Records not sent to clients that read too slowly."}, AT(dropped)},
	{{"rpingmesh_central_requests_total", COUNTER, NULL, "HTTP requests, by result."},
	 AT(requests), BY("result", central_metrics_results, 4)},
	{{"process_cpu_seconds_total", COUNTER, "seconds", "User and system CPU time."},
	 AT(cpu_ns)},
	{{"process_resident_memory_bytes", GAUGE, "bytes", "Resident memory."}, AT(memory)},
	{{"process_open_fds", GAUGE, NULL, "Open file descriptors."}, AT(fds)},
	{{"process_start_time_seconds", GAUGE, "seconds",
	  "Start of the process since the Unix epoch."}, AT(started_ns)},
};

/* ---- the page ---- */

static void
central_metrics_value(struct exposition *e, const struct central_family *family, const void *at,
		      const struct exposition_label *label)
{
	const char *unit = family->head.unit;

	if (unit && strcmp(unit, "ratio") == 0)
		exposition_double(e, label, *(const double *)at);
	else if (unit && strcmp(unit, "seconds") == 0)
		exposition_ns(e, label, *(const uint64_t *)at);
	else
		exposition_u64(e, label, *(const uint64_t *)at);
}

static void
central_metrics_family(struct exposition *e, const struct central_family *family,
		       const struct central_figures *f)
{
	const char *at = (const char *)f + family->at;

	exposition_family(e, &family->head);
	if (!family->label)
		central_metrics_value(e, family, at, NULL);
	for (size_t i = 0; i < family->n; i++) {
		const struct exposition_label labels[] = {{family->label, family->values[i]}, {0}};

		central_metrics_value(e, family, at + i * sizeof(uint64_t), labels);
	}
}

static int
central_metrics_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct central_figures *f = calloc(1, sizeof(*f));

	(void)arg;
	if (!f)
		return -ENOMEM;
	f->format = exposition_negotiate(asked->accept);
	*type = exposition_content_type(f->format);
	*page = f;
	return 0;
}

static int
central_metrics_more(void *arg, void *page, struct buffer *out)
{
	struct central_figures *f = page;
	struct exposition e = {.out = out, .format = f->format};
	int rc = central_metrics_collect(f, arg); /* not by begin(): HEAD needs no figures */

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(central_families) / sizeof(central_families[0]); i++)
		central_metrics_family(&e, &central_families[i], f);
	central_metrics_lists(&e, arg);
	exposition_end(&e);
	return e.failed ? -ENOMEM : 0;
}

static void
central_metrics_end(void *arg, void *page)
{
	(void)arg;
	free(page);
}

const struct http_source central_metrics_source = {.path = "/metrics",
						   .begin = central_metrics_begin,
						   .more = central_metrics_more,
						   .end = central_metrics_end};
