/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_record.h"

#include <unistd.h>

#include "bus/bus.h"
#include "central/check/checks.h"
#include "central/intake/intake.h"
#include "central/judge/judge.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/tell/central_degraded.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pairs.h"
#include "central/tell/central_roads.h"
#include "central/tell/central_tell.h"
#include "central/tell/central_tors.h"
#include "config.h"
#include "core/clock.h"
#include "core/loop.h"
#include "plan/plan.h"
#include "record/record.h"
#include "rpingmesh/control.h"
#include "serve/control.h"

/* ---- status ---- */

struct central_sentences {
	msgpack_sbuffer packed;
	msgpack_packer pk;
	size_t n;
};

static void
central_sentence(void *arg, enum central_reason why, const char *sentence)
{
	struct central_sentences *s = arg;

	(void)why;
	record_pack_str(&s->pk, sentence);
	s->n++;
}

/* Collects the sentences once, because a problem may end between counting and packing. */
static void
central_record_degraded(struct record *r, const struct central_tell *t)
{
	msgpack_packer *pk = record_key(r, "degraded");
	struct central_sentences s = {.n = 0};

	msgpack_sbuffer_init(&s.packed);
	msgpack_packer_init(&s.pk, &s.packed, msgpack_sbuffer_write);
	central_degraded(t, central_sentence, &s);
	msgpack_pack_array(pk, s.n);
	if (s.packed.size)
		pk->callback(pk->data, s.packed.data, s.packed.size);
	msgpack_sbuffer_destroy(&s.packed);
}

static void
central_record_bus(struct record *r, const struct bus *bus)
{
	struct bus_status s;
	struct record map;

	bus_status(bus, &s);
	record_begin(&map, RECORD_BUS);
	record_str(&map, "broker", s.broker);
	record_str(&map, "state", bus_state_name(s.state));
	record_str(&map, "reason", s.reason[0] ? s.reason : NULL);
	record_str(&map, "address", s.address[0] ? s.address : NULL);
	record_u64(&map, "connects", s.connects);
	record_u64(&map, "lost", s.lost);
	record_u64(&map, "published", s.published);
	record_u64(&map, "received", s.received);
	record_u64(&map, "dropped", s.dropped);
	record_u64(&map, "refused", s.refused);
	record_u64(&map, "queued", s.queued);
	record_end(&map, record_key(r, "bus"));
}

static void
central_record_mesh(struct record *r, const struct central_tell *t)
{
	struct registry_stats s;
	struct mesh_stats m;
	struct mesh_held held;

	registry_stats(mesh_registry(t->mesh), &s);
	mesh_stats(t->mesh, &m);
	record_u64(r, "hosts_present", s.hosts[REGISTRY_PRESENT]);
	record_u64(r, "hosts_leaving", s.hosts[REGISTRY_LEAVING]);
	record_u64(r, "hosts_gone", s.hosts[REGISTRY_GONE]);
	record_bool(r, "frozen", s.frozen || mesh_held(t->mesh, &held));
	record_u64_if(r, "frozen_since_ns", s.frozen_since.wall_ns, s.frozen);
	record_u64_if(r, "incomplete_since_ns", m.incomplete_ns, m.incomplete_ns != 0);
	record_u64(r, "drains", m.drains);
	record_u64(r, "registrations", s.registrations);
	record_u64(r, "refused", m.refused);
	record_str(r, "refused_why", m.refused_why[0] ? m.refused_why : NULL);
	record_u64(r, "plans", m.plans);
	record_u64(r, "plan_duration_ns", m.plan_ns);
	record_u64_if(r, "planned_ns", m.plan_wall_ns, m.plan_wall_ns != 0);
	record_u64(r, "plan_digest", plan_digest(mesh_plan(t->mesh)));
	record_u64(r, "lists_published", m.lists);
}

static void
central_record_asks(struct record *r, const struct central_tell *t)
{
	struct central_pairs_info pairs;
	struct checks_stats checks;
	struct judge_stats s;

	judge_stats(t->judge, &s);
	record_u64(r, "asks", s.asks.messages);
	record_u64(r, "asked_probes", s.asks.probes);
	record_u64(r, "asked_traces", s.asks.traces);
	record_u64(r, "asks_live", s.asks.live);
	record_u64(r, "asks_limited", s.asks.limited);
	central_pairs_info(central_live_pairs(t->live), &pairs);
	record_u64(r, "metrics_pairs", pairs.n);
	record_u64(r, "metrics_pairs_left_out", pairs.left_out);
	checks_stats(t->checks, &checks);
	record_u64(r, "checks", checks.begun);
	record_u64(r, "checks_running", checks.running);
}

static void
central_record_intake(struct record *r, const struct central_tell *t)
{
	struct intake_stats s;

	intake_stats(t->intake, clock_mono_ns(), &s);
	record_u64(r, "reporting", s.hosts);
	record_u64(r, "silent", s.silent);
	record_u64(r, "reports", s.reports);
	record_u64(r, "reports_lost", s.lost);
	record_u64(r, "reports_late", s.late);
	record_u64(r, "reports_refused", s.refused);
	record_str(r, "reports_refused_why", s.refused_why[0] ? s.refused_why : NULL);
	record_u64(r, "report_rows", s.rows);
}

void
central_record_status(msgpack_packer *out, const struct central_tell *t)
{
	struct loop_stats loop;
	char host[REGISTRATION_HOST] = "";
	struct record r;

	gethostname(host, sizeof(host) - 1);
	loop_stats(t->loop, &loop);
	record_begin(&r, RECORD_CENTRAL_STATUS);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "version", PACKAGE_VERSION);
	record_u64(&r, "pid", (uint64_t)getpid());
	record_str(&r, "hostname", host);
	record_u64(&r, "incarnation", t->incarnation);
	record_u64(&r, "uptime_s", (clock_mono_ns() - t->started_ns) / NSEC_PER_SEC);
	record_u64(&r, "time_ns", clock_wall_ns());
	record_str(&r, "config_file", t->config_path);
	record_str(&r, "config_error", t->config_error[0] ? t->config_error : NULL);
	central_record_degraded(&r, t);
	central_record_mesh(&r, t);
	central_roads_status(&r, t);
	central_record_intake(&r, t);
	central_record_asks(&r, t);
	central_record_bus(&r, mesh_bus(t->mesh));
	record_u64(&r, "loop_stall_max_ns", loop.stall_max_ns);
	record_str(&r, "loop_stall_max_who", loop.stall_max_who);
	record_end(&r, out);
}

/* ---- hosts and ports ---- */

static void
central_record_labels(struct record *r, const struct registration *reg)
{
	struct record map;

	record_begin(&map, RECORD_TABLE);
	for (size_t i = 0; i < reg->n_labels; i++)
		record_str(&map, reg->labels[i].name, reg->labels[i].value);
	record_end(&map, record_key(r, "labels"));
}

static void
central_record_reports(struct record *r, const struct intake *intake, const char *name)
{
	const struct intake_host *host = intake_find(intake, name);
	struct intake_host_info info = {.reports = 0};
	uint64_t now_ns = clock_mono_ns();

	if (host)
		intake_host_info(host, now_ns, &info);
	record_u64(r, "reports", info.reports);
	record_u64(r, "reports_lost", info.lost);
	record_u64_if(r, "report_age_ns", now_ns - info.last_ns, host != NULL);
	record_u64(r, "report_rows", info.n_rows);
	if (info.has_delays)
		report_delays_pack(record_key(r, "delays"), &info.delays);
	else
		record_str(r, "delays", NULL);
}

void
central_record_host(msgpack_packer *out, const struct central_tell *t,
		    const struct registry_host *host)
{
	struct registry_host_info i;
	const struct drain *drain;
	struct record r;

	registry_host_info(host, &i);
	drain = mesh_drained(t->mesh, i.name);
	record_begin(&r, RECORD_HOST);
	record_str(&r, "host", i.name);
	record_str(&r, "state", registry_state_names[i.state]);
	record_str(&r, "left", i.left ? registry_left_names[i.left] : NULL);
	record_bool(&r, "confirmed", i.confirmed);
	record_u64(&r, "first_seen_ns", i.first_seen.wall_ns);
	record_u64(&r, "last_seen_ns", i.last_seen.wall_ns);
	record_u64_if(&r, "left_ns", i.left_at.wall_ns, i.left != REGISTRY_LEFT_NOT);
	record_u64(&r, "joins", i.joins);
	record_bool(&r, "twin", i.twin);
	record_double_if(&r, "clock_off_s", (double)i.clock_off_ns / 1e9, i.clock_known);
	record_str(&r, "version", i.registration->version);
	record_u64(&r, "incarnation", i.registration->incarnation);
	record_u64(&r, "ports", i.registration->n_ports);
	central_record_labels(&r, i.registration);
	central_record_reports(&r, t->intake, i.name);
	if (drain)
		drain_pack(record_key(&r, "drain"), drain);
	else
		record_str(&r, "drain", NULL);
	record_end(&r, out);
}

void
central_record_port(msgpack_packer *out, const struct registry_host *host, size_t n)
{
	const struct registration_port *p;
	struct registry_host_info info;
	struct record r;

	registry_host_info(host, &info);
	p = &info.registration->ports[n];
	record_begin(&r, RECORD_HOST_PORT);
	record_str(&r, "host", info.name);
	record_str(&r, "state", registry_state_names[info.state]);
	registration_record_port(&r, p);
	record_end(&r, out);
}

/* ---- switches ---- */

/* The names of the bits that are set, as a list. */
static void
central_record_bits(struct record *r, const char *key, unsigned int bits, const char *const *names)
{
	msgpack_packer *pk = record_key(r, key);

	msgpack_pack_array(pk, (size_t)__builtin_popcount(bits));
	for (int i = 0; bits; i++, bits >>= 1)
		if (bits & 1)
			record_pack_str(pk, names[i]);
}

void
central_record_tor(msgpack_packer *out, const struct central_tor *tor)
{
	struct record r;

	record_begin(&r, RECORD_TOR);
	record_str(&r, "tor", tor->name[0] ? tor->name : NULL);
	central_record_bits(&r, "by", tor->by, registration_tor_by_names);
	record_u64(&r, "ports", tor->ports);
	record_u64(&r, "hosts", tor->hosts);
	record_u64(&r, "drained", tor->drained);
	record_u64(&r, "paths", tor->paths);
	record_u64(&r, "wanted", tor->wanted);
	record_u64(&r, "out", tor->out);
	record_u64(&r, "in", tor->in);
	record_double(&r, "share_out", tor->share_out);
	record_double(&r, "share_in", tor->share_in);
	record_double(&r, "probes_out", tor->probes_out);
	record_double(&r, "probes_in", tor->probes_in);
	record_u64(&r, "partners", tor->partners);
	record_u64(&r, "others", tor->others);
	central_record_bits(&r, "problems", central_tor_problems(tor), central_tor_problem_names);
	record_end(&r, out);
}

/* ---- coverage ---- */

void
central_record_coverage(msgpack_packer *out, const struct plan_coverage *c)
{
	struct record r;

	record_begin(&r, RECORD_COVERAGE);
	record_str(&r, "tor", c->tor);
	record_str(&r, "rail", c->rail[0] ? c->rail : NULL);
	record_str(&r, "family", c->v6 ? "ipv6" : "ipv4");
	record_u64(&r, "ports", c->ports);
	record_u64(&r, "paths", c->paths);
	record_u64(&r, "wanted", c->wanted);
	record_u64(&r, "partners", c->partners);
	record_u64(&r, "others", c->others);
	record_u64(&r, "hours", c->hours);
	record_u64(&r, "out", c->out);
	record_u64(&r, "in", c->in);
	record_double(&r, "all_out", c->all_out);
	record_double(&r, "all_in", c->all_in);
	record_double(&r, "share_out", c->share_out);
	record_double(&r, "share_in", c->share_in);
	record_double(&r, "rate_out", c->rate_out);
	record_double(&r, "rate_in", c->rate_in);
	record_u64_if(&r, "mesh_interval_ns", c->mesh_interval_us * NSEC_PER_USEC,
		      c->mesh_interval_us != 0);
	central_record_bits(&r, "capped", c->capped, central_tor_problem_names);
	record_end(&r, out);
}
