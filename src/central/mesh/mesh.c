/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: objects
 *
 * The mesh owns the bus, the registry, the plan and the drains. plan_timer runs the plan when
 * something has changed, at the next hour, or when the next drain ends. tick_timer serves the
 * registry and sends signs of life. send_timer publishes (mesh_send.c), and sync_timer waits until
 * the broker has sent what it had kept (mesh_sync.c).
 *
 * A message of the bus changes the registry, which calls mesh_changed(). That notes the host in
 * `touched` and arms plan_timer. So a thousand messages cost one run, and between two runs the plan
 * is what the last one has made. A run puts the hosts whose lists have changed into `waiting`.
 */
#include "central/mesh/mesh_impl.h"

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
#include "config.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "plan/plan.h"
#include "record/report.h"
#include "rpingmesh/log_subsystems.h"

/* After a change, so that hosts which come together are planned together. */
#define MESH_SOON_NS (200 * NSEC_PER_MSEC)
/* After a plan that took long, so that the loop has time for other work. */
#define MESH_REST 4

static struct registry_time
mesh_now(void)
{
	return (struct registry_time){clock_mono_ns(), clock_wall_ns()};
}

/* ---- plan ---- */

void
mesh_plan_in(struct mesh *m, uint64_t delay_ns)
{
	uint64_t at_ns = clock_mono_ns() + delay_ns;

	if (m->plan_ns && m->plan_ns <= at_ns)
		return;
	m->plan_ns = at_ns;
	loop_timer_set(m->plan_timer, delay_ns);
}

void
mesh_plan_soon(struct mesh *m)
{
	uint64_t rest_ns = MESH_REST * m->stats.plan_ns;

	mesh_plan_in(m, rest_ns > MESH_SOON_NS ? rest_ns : MESH_SOON_NS);
}

bool
mesh_has(const struct mesh *m, const char *name)
{
	const struct registry_host *host = registry_find(m->registry, name);
	struct registry_host_info info = {.state = REGISTRY_GONE};

	if (host)
		registry_host_info(host, &info);
	return info.state != REGISTRY_GONE;
}

void
mesh_list_changed(void *arg, const char *host)
{
	struct mesh *m = arg;

	if (mesh_names_add(&m->waiting, host) < 0)
		mesh_no_memory(m);
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

void
mesh_refuse(struct mesh *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->stats.refused_why, sizeof(m->stats.refused_why), fmt, ap);
	va_end(ap);
	m->stats.refused++;
	log_some(5, CLUSTER, WARNING, "%s", m->stats.refused_why);
}

/* The last message of a host is refused, so it has no part, or the one of before. */
static void
mesh_refuse_host(struct mesh *m, const char *name, const char *why)
{
	mesh_refuse(m, "%s", why);
	mesh_wrong_set(&m->wrong, MESH_WRONG_MESSAGE, name, why);
}

static int
mesh_put(struct mesh *m, const struct registry_host_info *info)
{
	struct plan_port ports[REGISTRATION_PORTS_MAX];
	const char *tors[REGISTRATION_PORTS_MAX][REGISTRATION_TORS_MAX];
	const struct drain *drain = mesh_drained(m, info->name);
	const struct plan_host planned = {
		.name = info->name,
		.ports = ports,
		.n_ports = info->registration->n_ports,
		.drained_until_s = drain ? drain->until_ns / NSEC_PER_SEC + 1 : 0,
	};

	mesh_plan_ports(m, info->registration, ports, tors);
	return plan_put(m->plan, &planned);
}

int
mesh_apply(struct mesh *m, const char *name)
{
	struct registry_host_info info;
	char why[200];
	int rc = 0;

	if (mesh_has(m, name)) {
		registry_host_info(registry_find(m->registry, name), &info);
		rc = mesh_put(m, &info);
	} else {
		plan_remove(m->plan, name);
		mesh_list_changed(m, name);
	}
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	snprintf(why, sizeof(why), "%s: its registration has %s", name,
		 rc == -E2BIG ? "too many addresses under too many ToR switches" :
				"two ports of one name");
	mesh_refuse_host(m, name, why);
	return 0;
}

void
mesh_touch(struct mesh *m, const char *host)
{
	if (mesh_names_add(&m->touched, host) < 0)
		mesh_no_memory(m);
	mesh_plan_soon(m);
}

static void
mesh_changed(void *arg, const struct registry_host *host)
{
	struct registry_host_info info;
	struct mesh *m = arg;

	registry_host_info(host, &info);
	mesh_tell_watchers(m, host);
	mesh_touch(m, info.name);
}

/* ---- what comes over the bus ---- */

static void
mesh_take_registration(struct mesh *m, const char *name, struct registration *r, bool retained)
{
	const struct registry_time now = mesh_now();
	char why[200];
	int rc;

	if (strcmp(r->host, name) != 0) {
		snprintf(why, sizeof(why), "the topic of host %s has a registration of %s", name,
			 r->host);
		mesh_refuse_host(m, name, why);
		registration_free(r);
		return;
	}
	if (r->leaving) {
		registry_left(m->registry, name, REGISTRY_LEFT_GOODBYE, &now);
		registration_free(r);
		return;
	}
	rc = registry_seen(m->registry, r, retained, &now);
	if (rc == -ENOSPC) {
		mesh_refuse(m, "%s is refused: there are max_hosts (%" PRIu32 ") hosts", name,
			    m->config->max_hosts);
		mesh_wrong_set(&m->wrong, MESH_WRONG_FULL, name, "there are max_hosts hosts");
	} else if (rc < 0) {
		mesh_no_memory(m);
		mesh_wrong_set(&m->wrong, MESH_WRONG_MESSAGE, name,
			       "there was no memory for it until its host registers anew");
	}
}

static void
mesh_hear_host(struct mesh *m, const char *name, const void *payload, size_t size, bool retained)
{
	const struct registry_time now = mesh_now();
	char error[REGISTRATION_ERROR], why[REGISTRATION_ERROR + 100];
	struct registration *r;

	mesh_wrong_end(&m->wrong, MESH_WRONG_MESSAGE, name);
	mesh_wrong_end(&m->wrong, MESH_WRONG_FULL, name);
	if (size == 0) {
		registry_left(m->registry, name, REGISTRY_LEFT_WILL, &now);
	} else if (registration_unpack(payload, size, &r, error) == 0) {
		mesh_take_registration(m, name, r, retained);
	} else {
		snprintf(why, sizeof(why), "the registration of %s is wrong: %s", name, error);
		mesh_refuse_host(m, name, why);
	}
	loop_timer_set(m->tick_timer, 0);
}

static void
mesh_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	char name[REGISTRATION_HOST];
	struct mesh *m = user;

	if (retained)
		m->retained_ns = clock_mono_ns();
	if (topic_name(topic, m->config->prefix, "host", name, sizeof(name)) == 0)
		mesh_hear_host(m, name, payload, size, retained);
	else if (topic_name(topic, m->config->prefix, "drain", name, sizeof(name)) == 0)
		mesh_hear_drain(m, name, payload, size);
	else if (topic_name(topic, m->config->prefix, "central", name, sizeof(name)) == 0)
		mesh_hear_beat(m, payload, size, retained);
	else if (!mesh_pass_on(m, topic, payload, size))
		mesh_refuse(m, "topic %s names no host", topic);
}

/* The bus counts it. */
static void
mesh_too_long(void *user, const char *topic)
{
	char name[REGISTRATION_HOST], why[200];
	struct mesh *m = user;

	if (topic_name(topic, m->config->prefix, "host", name, sizeof(name)) < 0)
		return;
	snprintf(why, sizeof(why), "the registration of %s is too long", name);
	mesh_wrong_set(&m->wrong, MESH_WRONG_MESSAGE, name, why);
}

static void
mesh_connected(void *user, bool connected)
{
	struct mesh *m = user;

	if (connected) {
		mesh_doubt_drains(m);
		return;
	}
	m->synced = false;
	m->granted = 0;
	registry_offline(m->registry);
}

/*
 * A broker may refuse subscriptions for a while. Without drains and registrations, nothing is known
 * of the hosts. What was kept may come before the answer to the subscription.
 */
static void
mesh_granted(void *user, const char *filter)
{
	static const char *const kinds[] = {"drain", "host"};
	const struct registry_time now = mesh_now();
	struct mesh *m = user;
	char own[TOPIC_SIZE];

	static_assert(MESH_GRANTED == (1u << sizeof(kinds) / sizeof(kinds[0])) - 1, "a bit each");
	if (m->granted == MESH_GRANTED)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (topic_make(own, sizeof(own), m->config->prefix, kinds[i], NULL) == 0 &&
		    strcmp(own, filter) == 0)
			m->granted |= 1u << i;
	if (m->granted != MESH_GRANTED)
		return;
	registry_resync(m->registry, &now);
	mesh_sync_begin(m);
	loop_timer_set(m->tick_timer, 0);
}

static void
mesh_room(void *user)
{
	mesh_send_soon(user);
}

/* ---- time ---- */

static void
mesh_tick(void *arg)
{
	struct mesh *m = arg;
	const struct registry_time now = mesh_now();
	uint64_t next = registry_tick(m->registry, &now);

	mesh_judge(m);
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
	static const struct bus_ops ops = {
		.message = mesh_message, .too_long = mesh_too_long, .changed = mesh_connected,
		.granted = mesh_granted, .room = mesh_room};
	const struct central_config *c = m->config;
	char client_id[64];
	const struct bus_config config = {
		BUS_CONFIG_WITH(REPORT_BYTES_MAX),
		.broker = c->broker,
		.client_id = client_id,
		.ca = mesh_or_null(c->ca),
		.certificate = mesh_or_null(c->certificate),
		.key = mesh_or_null(c->key),
		.user = mesh_or_null(c->user),
		.password_file = mesh_or_null(c->password_file),
		.turns = true,
	};

	snprintf(client_id, sizeof(client_id), "rpingmesh-central-%016" PRIx64,
		 m->beat.incarnation);
	return bus_new(m->loop, names, &config, &ops, m, &m->bus);
}

static int
mesh_subscribe(struct mesh *m)
{
	/*
	 * Drains first, so that they count from the first plan on; mesh_sync.c needs the last. All
	 * registrations come at once. With QoS 1, mosquitto 2.0.11 drops those beyond its
	 * max_queued_messages and max_inflight_messages, 1,020 by default, and says nothing.
	 */
	static const struct {
		const char *kind;
		int qos;
	} filters[] = {{"drain", 1}, {"host", 0}, {"central", 1}};
	char filter[TOPIC_SIZE];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(filters) / sizeof(filters[0]); i++) {
		rc = topic_make(filter, sizeof(filter), m->config->prefix, filters[i].kind, NULL);
		if (rc == 0)
			rc = bus_subscribe(m->bus, filter, filters[i].qos);
	}
	return rc;
}

static int
mesh_new_plan(struct mesh *m)
{
	struct plan_options options = {.paths = m->config->paths,
				       .paths_seen = mesh_paths_seen,
				       .arg = m,
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
		rc = loop_timer_new(m->loop, "lists", mesh_plan_lists, m, &m->list_timer);
	if (rc == 0)
		rc = loop_timer_take_turns(m->list_timer);
	if (rc == 0)
		rc = loop_timer_new(m->loop, "registry", mesh_tick, m, &m->tick_timer);
	if (rc == 0)
		rc = loop_timer_new(m->loop, "send", mesh_send, m, &m->send_timer);
	if (rc == 0)
		rc = loop_timer_take_turns(m->send_timer);
	if (rc == 0)
		rc = loop_timer_new(m->loop, "sync", mesh_sync_time, m, &m->sync_timer);
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
	mesh_names_begin(&m->touched);
	mesh_names_begin(&m->waiting);
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
	if (!m)
		return;
	bus_free(m->bus, false);
	mesh_free_drains(m);
	mesh_names_clear(&m->touched);
	mesh_names_clear(&m->waiting);
	loop_timer_free(m->plan_timer);
	loop_timer_free(m->list_timer);
	loop_timer_free(m->tick_timer);
	loop_timer_free(m->send_timer);
	loop_timer_free(m->sync_timer);
	registry_free(m->registry);
	plan_free(m->plan);
	free(m);
}

void
mesh_configure(struct mesh *m, const struct central_config *config)
{
	bool planned = config->budget_percent != m->config->budget_percent;
	const struct registry_host *host = planned ? registry_next(m->registry, 0) : NULL;
	struct registry_host_info info;

	if (config->trace_per_s != m->config->trace_per_s) {
		m->beat_ns = 0;
		loop_timer_set(m->tick_timer, 0);
	}
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

const struct mesh_wrong *
mesh_wrong(const struct mesh *m)
{
	return &m->wrong;
}

int
mesh_pack_list(const struct mesh *m, const char *host, msgpack_packer *out)
{
	return mesh_list_pack(m->plan, host, out) < 0 ? -ENOMEM : 0;
}
