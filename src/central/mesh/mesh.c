/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: objects
 *
 * The mesh owns the bus, the registry, the plan and the drains. One timer, plan_timer, runs the
 * plan when something has changed, at the next hour, or when the next drain ends. Another one,
 * tick_timer, serves the registry and sends signs of life.
 *
 * A message of the bus changes the registry, which calls mesh_changed(), which changes the plan and
 * arms plan_timer. Nothing is planned inside a callback of the bus, so a thousand messages cost one
 * run.
 */
#include "central/mesh/mesh.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "central/config/central_config.h"
#include "central/mesh/mesh_list.h"
#include "central/registry/registry.h"
#include "config.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "plan/plan.h"
#include "rpingmesh/log_subsystems.h"

/* After a change, so that hosts which come together are planned together. */
#define MESH_SOON_NS (200 * NSEC_PER_MSEC)
/* After a plan that took long, so that the loop has time for other work. */
#define MESH_REST 4
#define MESH_BEAT_NS (30 * NSEC_PER_SEC)
#define MESH_HOUR_S 3600

struct mesh_drain {
	TAILQ_ENTRY(mesh_drain) link;
	struct drain drain;
};

struct mesh {
	struct loop *loop;
	const struct central_config *config;
	struct bus *bus;
	struct registry *registry;
	struct plan *plan;
	struct loop_timer *plan_timer, *tick_timer;
	TAILQ_HEAD(mesh_drains, mesh_drain) drains;
	struct mesh_stats stats;
	uint64_t beat_ns;           /* of the last sign of life */
	uint64_t plan_ns;           /* when plan_timer runs */
	struct central_beat beat;
};

static struct registry_time
mesh_now(void)
{
	return (struct registry_time){clock_mono_ns(), clock_wall_ns()};
}

/* ---- plan ---- */

/* Runs the plan after delay_ns, unless it runs earlier anyway. */
static void
mesh_plan_in(struct mesh *m, uint64_t delay_ns)
{
	uint64_t at_ns = clock_mono_ns() + delay_ns;

	if (m->plan_ns && m->plan_ns <= at_ns)
		return;
	m->plan_ns = at_ns;
	loop_timer_set(m->plan_timer, delay_ns);
}

static void
mesh_plan_soon(struct mesh *m)
{
	uint64_t rest_ns = MESH_REST * m->stats.plan_ns;

	mesh_plan_in(m, rest_ns > MESH_SOON_NS ? rest_ns : MESH_SOON_NS);
}

static void
mesh_no_memory(struct mesh *m)
{
	m->stats.out_of_memory++;
	log_some(1, CLUSTER, ERROR, "no memory for the plan: some hosts have an old pinglist");
	mesh_plan_in(m, MESH_BEAT_NS);
}

static bool
mesh_has(const struct mesh *m, const char *name)
{
	const struct registry_host *host = registry_find(m->registry, name);
	struct registry_host_info info = {.state = REGISTRY_GONE};

	if (host)
		registry_host_info(host, &info);
	return info.state != REGISTRY_GONE;
}

/* Publishes the list of a host, or clears its topic. */
static void
mesh_set_list(struct mesh *m, const char *host, const msgpack_sbuffer *body)
{
	char topic[TOPIC_SIZE];

	if (topic_make(topic, sizeof(topic), m->config->prefix, "pinglist", host) < 0)
		return;
	m->stats.lists++;
	if (bus_set(m->bus, topic, body ? body->data : NULL, body ? body->size : 0) < 0)
		mesh_no_memory(m);
}

/* A drained host gets an empty list. */
static void
mesh_publish_list(void *arg, const char *host)
{
	struct mesh *m = arg;
	msgpack_sbuffer body;
	msgpack_packer pk;

	if (!mesh_has(m, host))
		return;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	if (mesh_list_pack(m->plan, host, clock_wall_ns() / NSEC_PER_SEC, &pk) == 0)
		mesh_set_list(m, host, &body);
	else
		mesh_no_memory(m);
	msgpack_sbuffer_destroy(&body);
}

static void
mesh_end_drains(struct mesh *m)
{
	struct mesh_drain *d, *next;
	uint64_t now = clock_wall_ns();

	for (d = TAILQ_FIRST(&m->drains); d; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->drain.until_ns > now)
			continue;
		log_info(CLUSTER, "the drain of %s has ended (%s)", d->drain.host,
			 d->drain.reason);
		mesh_undrain(m, d->drain.host);
	}
}

/* When the plan must run if nothing changes: at the next hour, or when a drain ends. */
static uint64_t
mesh_next_plan_ns(const struct mesh *m)
{
	uint64_t now = clock_wall_ns(), hour_ns = MESH_HOUR_S * NSEC_PER_SEC;
	uint64_t next = (now / hour_ns + 1) * hour_ns;
	const struct mesh_drain *d;

	TAILQ_FOREACH(d, &m->drains, link)
		if (d->drain.until_ns < next)
			next = d->drain.until_ns;
	return next > now ? next - now : 0;
}

static void
mesh_run_plan(void *arg)
{
	struct mesh *m = arg;
	uint64_t start_ns = clock_mono_ns(), lists = m->stats.lists;
	int rc;

	m->plan_ns = 0;
	mesh_end_drains(m);
	rc = plan_run(m->plan, clock_wall_ns() / NSEC_PER_SEC, mesh_publish_list, m);
	if (rc < 0)
		mesh_no_memory(m);
	m->stats.plans++;
	m->stats.plan_ns = clock_mono_ns() - start_ns;
	m->stats.plan_wall_ns = clock_wall_ns();
	if (m->stats.lists != lists)
		log_info(CLUSTER, "published %" PRIu64 " pinglists after %" PRIu64 " ms",
			 m->stats.lists - lists, (uint64_t)(m->stats.plan_ns / NSEC_PER_MSEC));
	mesh_plan_in(m, mesh_next_plan_ns(m));
}

/* ---- registry to plan ---- */

static void
mesh_plan_ports(const struct mesh *m, const struct registration *r, struct plan_port *ports,
		const char *tors[][REGISTRATION_TORS_MAX])
{
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct registration_port *p = &r->ports[i];

		for (size_t k = 0; k < p->n_tors; k++)
			tors[i][k] = p->tors[k];
		ports[i] = (struct plan_port){
			.device = p->device,
			.port = p->port,
			.addresses = p->addrs,
			.n_addresses = p->n_addrs,
			.tors = tors[i],
			.n_tors = p->n_tors,
			.rail = p->rail,
			.budget_out = (uint32_t)((uint64_t)p->out_per_s *
						 m->config->budget_percent / 100),
			.budget_in = (uint32_t)((uint64_t)p->in_per_s *
						m->config->budget_percent / 100),
			.source_ports = p->src_ports,
		};
	}
}

static void
mesh_refuse(struct mesh *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
mesh_refuse(struct mesh *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->stats.refused_why, sizeof(m->stats.refused_why), fmt, ap);
	va_end(ap);
	m->stats.refused++;
	log_some(5, CLUSTER, WARNING, "%s", m->stats.refused_why);
}

/* What the plan sees of a host has changed: by the registry, or by a drain. */
static void
mesh_changed(void *arg, const struct registry_host *host)
{
	struct plan_port ports[REGISTRATION_PORTS_MAX];
	const char *tors[REGISTRATION_PORTS_MAX][REGISTRATION_TORS_MAX];
	const struct drain *drain;
	struct registry_host_info info;
	struct mesh *m = arg;
	int rc = 0;

	registry_host_info(host, &info);
	if (info.state == REGISTRY_GONE) {
		plan_remove(m->plan, info.name);
		mesh_set_list(m, info.name, NULL);
	} else {
		struct plan_host planned = {.name = info.name,
					    .ports = ports,
					    .n_ports = info.registration->n_ports};

		drain = mesh_drained(m, info.name);
		planned.drained_until_s = drain ? drain->until_ns / NSEC_PER_SEC + 1 : 0;
		mesh_plan_ports(m, info.registration, ports, tors);
		rc = plan_put(m->plan, &planned);
	}
	if (rc == -EINVAL)
		mesh_refuse(m, "%s: its registration has two ports of one name", info.name);
	else if (rc < 0)
		mesh_no_memory(m);
	mesh_plan_soon(m);
}

/* ---- drains ---- */

static struct mesh_drain *
mesh_find_drain(const struct mesh *m, const char *host)
{
	struct mesh_drain *d;

	TAILQ_FOREACH(d, &m->drains, link)
		if (strcmp(d->drain.host, host) == 0)
			return d;
	return NULL;
}

const struct drain *
mesh_drained(const struct mesh *m, const char *host)
{
	const struct mesh_drain *d = mesh_find_drain(m, host);

	return d ? &d->drain : NULL;
}

const struct drain *
mesh_drain_next(const struct mesh *m, const struct drain *drain)
{
	struct mesh_drain *d = drain ? mesh_find_drain(m, drain->host) : NULL;

	d = drain ? (d ? TAILQ_NEXT(d, link) : NULL) : TAILQ_FIRST(&m->drains);
	return d ? &d->drain : NULL;
}

static void
mesh_drain_changed(struct mesh *m, const char *name)
{
	if (mesh_has(m, name))
		mesh_changed(m, registry_find(m->registry, name));
}

/* Keeps a drain that has come from the operator or from another central. */
static int
mesh_keep_drain(struct mesh *m, const struct drain *drain)
{
	struct mesh_drain *d = mesh_find_drain(m, drain->host);

	if (!d && m->stats.drains >= m->config->max_hosts)
		return -ENOSPC;
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		TAILQ_INSERT_TAIL(&m->drains, d, link);
		m->stats.drains++;
	}
	d->drain = *drain;
	mesh_drain_changed(m, drain->host);
	return 0;
}

static bool
mesh_forget_drain(struct mesh *m, const char *host)
{
	struct mesh_drain *d = mesh_find_drain(m, host);
	char name[REGISTRATION_HOST];

	if (!d)
		return false;
	snprintf(name, sizeof(name), "%s", host); /* it may be that of d */
	TAILQ_REMOVE(&m->drains, d, link);
	free(d);
	m->stats.drains--;
	mesh_drain_changed(m, name);
	return true;
}

static int
mesh_publish_drain(struct mesh *m, const char *host, const struct drain *drain)
{
	char topic[TOPIC_SIZE];
	msgpack_sbuffer body;
	msgpack_packer pk;
	int rc = topic_make(topic, sizeof(topic), m->config->prefix, "drain", host);

	if (rc < 0)
		return rc;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	if (drain)
		drain_pack(&pk, drain);
	rc = bus_set(m->bus, topic, body.data, body.size);
	msgpack_sbuffer_destroy(&body);
	return rc;
}

int
mesh_drain(struct mesh *m, const struct drain *drain)
{
	int rc = mesh_keep_drain(m, drain);

	return rc < 0 ? rc : mesh_publish_drain(m, drain->host, drain);
}

int
mesh_undrain(struct mesh *m, const char *host)
{
	int rc = mesh_find_drain(m, host) ? mesh_publish_drain(m, host, NULL) : -ENOENT;

	mesh_forget_drain(m, host);
	return rc;
}

/* ---- what comes over the bus ---- */

static void
mesh_take_registration(struct mesh *m, const char *name, struct registration *r, bool retained)
{
	const struct registry_time now = mesh_now();
	int rc;

	if (strcmp(r->host, name) != 0) {
		mesh_refuse(m, "the topic of host %s has a registration of %s", name, r->host);
		registration_free(r);
		return;
	}
	if (r->leaving) {
		registry_left(m->registry, name, REGISTRY_LEFT_GOODBYE, &now);
		registration_free(r);
		return;
	}
	rc = registry_seen(m->registry, r, retained, &now);
	if (rc == -ENOSPC)
		mesh_refuse(m, "%s is refused: there are max_hosts (%" PRIu32 ") hosts", name,
			    m->config->max_hosts);
	else if (rc < 0)
		mesh_no_memory(m);
}

static void
mesh_hear_host(struct mesh *m, const char *name, const void *payload, size_t size, bool retained)
{
	const struct registry_time now = mesh_now();
	char error[REGISTRATION_ERROR];
	struct registration *r;

	if (size == 0)
		registry_left(m->registry, name, REGISTRY_LEFT_WILL, &now);
	else if (registration_unpack(payload, size, &r, error) == 0)
		mesh_take_registration(m, name, r, retained);
	else
		mesh_refuse(m, "the registration of %s is wrong: %s", name, error);
	loop_timer_set(m->tick_timer, 0);
}

static void
mesh_hear_drain(struct mesh *m, const char *name, const void *payload, size_t size)
{
	char error[DRAIN_ERROR];
	struct drain drain;

	if (size == 0)
		mesh_forget_drain(m, name);
	else if (drain_unpack(payload, size, &drain, error) < 0)
		mesh_refuse(m, "the drain of %s is wrong: %s", name, error);
	else if (strcmp(drain.host, name) != 0)
		mesh_refuse(m, "the topic of host %s has a drain of %s", name, drain.host);
	else if (drain.until_ns > clock_wall_ns() && mesh_keep_drain(m, &drain) < 0)
		mesh_refuse(m, "the drain of %s is refused: there are too many", name);
}

static void
mesh_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	char name[REGISTRATION_HOST];
	struct mesh *m = user;

	if (topic_name(topic, m->config->prefix, "host", name, sizeof(name)) == 0)
		mesh_hear_host(m, name, payload, size, retained);
	else if (topic_name(topic, m->config->prefix, "drain", name, sizeof(name)) == 0)
		mesh_hear_drain(m, name, payload, size);
	else
		mesh_refuse(m, "topic %s names no host", topic);
}

static void
mesh_connected(void *user, bool connected)
{
	const struct registry_time now = mesh_now();
	struct mesh *m = user;

	if (!connected) {
		registry_offline(m->registry);
		return;
	}
	registry_resync(m->registry, &now);
	m->beat_ns = 0;
	loop_timer_set(m->tick_timer, 0);
}

/* ---- time ---- */

static void
mesh_send_beat(struct mesh *m)
{
	char topic[TOPIC_SIZE];
	msgpack_sbuffer body;
	msgpack_packer pk;

	m->beat_ns = clock_mono_ns();
	m->beat.time_ns = clock_wall_ns();
	if (topic_make(topic, sizeof(topic), m->config->prefix, "central", m->beat.host) < 0)
		return;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	central_beat_pack(&pk, &m->beat);
	bus_publish(m->bus, topic, body.data, body.size, 0);
	msgpack_sbuffer_destroy(&body);
}

static void
mesh_tick(void *arg)
{
	struct mesh *m = arg;
	const struct registry_time now = mesh_now();
	uint64_t next = registry_tick(m->registry, &now);

	if (m->beat_ns == 0 || now.mono_ns - m->beat_ns >= MESH_BEAT_NS)
		mesh_send_beat(m);
	if (next > m->beat_ns + MESH_BEAT_NS)
		next = m->beat_ns + MESH_BEAT_NS;
	loop_timer_set(m->tick_timer, next > now.mono_ns ? next - now.mono_ns : 0);
}

/* ---- life ---- */

static const char *
mesh_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static int
mesh_new_bus(struct mesh *m, struct names *names)
{
	static const struct bus_ops ops = {.message = mesh_message, .changed = mesh_connected};
	const struct central_config *c = m->config;
	char client_id[64];
	const struct bus_config config = {
		BUS_CONFIG_DEFAULTS,
		.broker = c->broker,
		.client_id = client_id,
		.ca = mesh_or_null(c->ca),
		.certificate = mesh_or_null(c->certificate),
		.key = mesh_or_null(c->key),
		.user = mesh_or_null(c->user),
		.password_file = mesh_or_null(c->password_file),
	};

	snprintf(client_id, sizeof(client_id), "rpingmesh-central-%016" PRIx64,
		 m->beat.incarnation);
	return bus_new(m->loop, names, &config, &ops, m, &m->bus);
}

static int
mesh_subscribe(struct mesh *m)
{
	static const char *const kinds[] = {"host", "drain"};
	char filter[TOPIC_SIZE];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		rc = topic_make(filter, sizeof(filter), m->config->prefix, kinds[i], NULL);
		if (rc == 0)
			rc = bus_subscribe(m->bus, filter, 1);
	}
	return rc;
}

static int
mesh_new_plan(struct mesh *m)
{
	struct plan_options options = {.paths = m->config->paths,
				       .rails_isolated = m->config->rails_isolated,
				       .n_classes = (unsigned int)m->config->n_classes};

	static_assert(CENTRAL_CLASSES_MAX <= PLAN_CLASSES, "a plan takes all classes");
	for (size_t i = 0; i < m->config->n_classes; i++)
		options.classes[i] = (uint8_t)m->config->classes[i];
	return plan_new(&options, &m->plan);
}

static int
mesh_start(struct mesh *m, struct names *names)
{
	const struct registry_ops ops = {.changed = mesh_changed, .arg = m};
	int rc = registry_new(m->config->max_hosts, &ops, &m->registry);

	if (rc == 0)
		rc = mesh_new_plan(m);
	if (rc == 0)
		rc = loop_timer_new(m->loop, "plan", mesh_run_plan, m, &m->plan_timer);
	if (rc == 0)
		rc = loop_timer_new(m->loop, "registry", mesh_tick, m, &m->tick_timer);
	if (rc == 0)
		rc = mesh_new_bus(m, names);
	if (rc == 0)
		rc = mesh_subscribe(m);
	return rc;
}

int
mesh_new(struct loop *loop, struct names *names, const struct central_config *config,
	 uint64_t incarnation, struct mesh **out)
{
	struct mesh *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->loop = loop;
	m->config = config;
	TAILQ_INIT(&m->drains);
	m->beat = (struct central_beat){.incarnation = incarnation, .version = PACKAGE_VERSION};
	if (gethostname(m->beat.host, sizeof(m->beat.host)) < 0 || !m->beat.host[0])
		strcpy(m->beat.host, "central");
	m->beat.host[sizeof(m->beat.host) - 1] = '\0';
	rc = mesh_start(m, names);
	if (rc < 0)
		mesh_free(m);
	else
		*out = m;
	return rc;
}

void
mesh_free(struct mesh *m)
{
	struct mesh_drain *d;

	if (!m)
		return;
	bus_free(m->bus, false);
	loop_timer_free(m->plan_timer);
	loop_timer_free(m->tick_timer);
	registry_free(m->registry);
	plan_free(m->plan);
	while ((d = TAILQ_FIRST(&m->drains))) {
		TAILQ_REMOVE(&m->drains, d, link);
		free(d);
	}
	free(m);
}

void
mesh_configure(struct mesh *m, const struct central_config *config)
{
	bool planned = config->budget_percent != m->config->budget_percent;
	const struct registry_host *host = planned ? registry_next(m->registry, 0) : NULL;
	struct registry_host_info info;

	m->config = config;
	bus_reload(m->bus);
	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (info.state != REGISTRY_GONE)
			mesh_changed(m, host);
	}
}

/* ---- to look at ---- */

const struct registry *
mesh_registry(const struct mesh *m)
{
	return m->registry;
}

const struct plan *
mesh_plan(const struct mesh *m)
{
	return m->plan;
}

const struct bus *
mesh_bus(const struct mesh *m)
{
	return m->bus;
}

void
mesh_stats(const struct mesh *m, struct mesh_stats *out)
{
	*out = m->stats;
}

uint32_t
mesh_confirm(struct mesh *m)
{
	const struct registry_time now = mesh_now();

	return registry_confirm(m->registry, &now);
}

int
mesh_pack_list(const struct mesh *m, const char *host, msgpack_packer *out)
{
	return mesh_list_pack(m->plan, host, clock_wall_ns() / NSEC_PER_SEC, out);
}
