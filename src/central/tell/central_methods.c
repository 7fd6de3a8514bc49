/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_methods.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/tell/central_check.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_record.h"
#include "central/tell/central_roads.h"
#include "central/tell/central_tell.h"
#include "central/tell/central_tors.h"
#include "core/clock.h"
#include "core/log.h"
#include "plan/plan.h"
#include "record/record.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/control.h"
#include "serve/param.h"

static int central_error(struct control_error *error, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int
central_error(struct control_error *error, int rc, const char *fmt, ...)
{
	va_list ap;

	error->code = -rc;
	va_start(ap, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, ap);
	va_end(ap);
	return rc;
}

static int
central_status(const struct control_call *call)
{
	central_record_status(call->result, call->arg);
	return 0;
}

/* ---- hosts and ports, in pages of hosts ---- */

/* A page of hosts: the first ones after an id. */
struct central_hosts {
	const struct registry_host *at[PARAM_PAGE_MAX];
	uint32_t n;
	uint64_t next; /* the id to go on after; 0: this is the last page */
};

static void
central_hosts_page(const struct registry *registry, const struct param_page *page,
		   struct central_hosts *out)
{
	const struct registry_host *host = registry_next(registry, page->after);
	struct registry_host_info info = {.id = page->after};

	*out = (struct central_hosts){.n = 0};
	for (; host; host = registry_after(host)) {
		if (out->n == page->limit) {
			out->next = info.id;
			return;
		}
		registry_host_info(host, &info);
		out->at[out->n++] = host;
	}
}

static int
central_hosts(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct central_hosts hosts;
	struct param_page page;
	struct record r;
	int rc = param_page(call->params, &page, call->error);

	if (rc < 0)
		return rc;
	central_hosts_page(mesh_registry(t->mesh), &page, &hosts);
	record_begin(&r, RECORD_HOSTS);
	msgpack_pack_array(record_key(&r, "hosts"), hosts.n);
	for (uint32_t i = 0; i < hosts.n; i++)
		central_record_host(&r.pk, t, hosts.at[i]);
	record_u64_if(&r, "next", hosts.next, hosts.next != 0);
	record_end(&r, call->result);
	return 0;
}

static size_t
central_ports_of(const struct registry_host *host)
{
	struct registry_host_info info;

	registry_host_info(host, &info);
	return info.state == REGISTRY_GONE ? 0 : info.registration->n_ports;
}

static int
central_ports(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct central_hosts hosts;
	struct param_page page;
	struct record r;
	size_t n = 0;
	int rc = param_page(call->params, &page, call->error);

	if (rc < 0)
		return rc;
	central_hosts_page(mesh_registry(t->mesh), &page, &hosts);
	for (uint32_t i = 0; i < hosts.n; i++)
		n += central_ports_of(hosts.at[i]);
	record_begin(&r, RECORD_PORTS);
	msgpack_pack_array(record_key(&r, "ports"), n);
	for (uint32_t i = 0; i < hosts.n; i++)
		for (size_t k = 0; k < central_ports_of(hosts.at[i]); k++)
			central_record_port(&r.pk, hosts.at[i], k);
	record_u64_if(&r, "next", hosts.next, hosts.next != 0);
	record_end(&r, call->result);
	return 0;
}

/* ---- coverage ---- */

struct central_coverage {
	const struct param_page *page;
	msgpack_packer *pk;    /* NULL: only count */
	uint64_t seen;         /* of all */
	uint32_t n;            /* of the page */
};

static void
central_coverage_row(void *arg, const struct plan_coverage *coverage)
{
	struct central_coverage *c = arg;
	uint64_t at = c->seen++;

	if (at < c->page->after || c->n == c->page->limit)
		return;
	c->n++;
	if (c->pk)
		central_record_coverage(c->pk, coverage);
}

static int
central_coverage(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct param_page page;
	struct central_coverage count = {.page = &page}, rows = {.page = &page};
	struct record r;
	int rc = param_page(call->params, &page, call->error);

	if (rc < 0)
		return rc;
	plan_coverage(mesh_plan(t->mesh), central_coverage_row, &count);
	record_begin(&r, RECORD_COVERAGES);
	rows.pk = record_key(&r, "coverage");
	msgpack_pack_array(rows.pk, count.n);
	plan_coverage(mesh_plan(t->mesh), central_coverage_row, &rows);
	record_u64_if(&r, "next", page.after + count.n, page.after + count.n < count.seen);
	record_end(&r, call->result);
	return 0;
}

/* ---- switches ---- */

static int
central_tors(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct central_tors tors;
	struct param_page page;
	uint64_t end;
	struct record r;
	int rc = param_page(call->params, &page, call->error);

	if (rc < 0)
		return rc;
	rc = central_tors_collect(t->mesh, &tors);
	end = page.after + page.limit < tors.n ? page.after + page.limit : tors.n;
	record_begin(&r, RECORD_TORS);
	msgpack_pack_array(record_key(&r, "tors"), page.after < end ? end - page.after : 0);
	for (uint64_t i = page.after; i < end; i++)
		central_record_tor(&r.pk, tors.at[i]);
	record_u64_if(&r, "next", end, end < tors.n);
	record_end(&r, call->result);
	central_tors_clear(&tors);
	return rc < 0 ? central_error(call->error, rc, "no memory for the list") : 0;
}

/* ---- one host ---- */

/* Reads the key "host". */
static int
central_param_host(const struct control_call *call, const msgpack_object_map **map,
		   char host[REGISTRATION_HOST])
{
	int rc = param_map(call->params, map, call->error);

	if (rc == 0)
		rc = param_text(*map, "host", host, REGISTRATION_HOST, call->error);
	if (rc == 0 && !host[0])
		rc = param_bad(call->error, "host", "the name of a host");
	return rc;
}

static int
central_pinglist(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	const msgpack_object_map *map;
	char host[REGISTRATION_HOST];
	int rc = central_param_host(call, &map, host);

	if (rc < 0)
		return rc;
	if (!registry_find(mesh_registry(t->mesh), host))
		return central_error(call->error, -ENOENT, "no host \"%s\"", host);
	rc = mesh_pack_list(t->mesh, host, call->result);
	return rc < 0 ? central_error(call->error, rc, "no memory for the list of %s", host) : 0;
}

struct central_words {
	const char *key, *expected;
	char *buf;
	size_t size;
};

/* A text that drain_unpack() of another central takes, too. */
static int
central_param_words(const struct control_call *call, const msgpack_object_map *map,
		    const struct central_words *w)
{
	int rc = param_text(map, w->key, w->buf, w->size, call->error);

	for (const char *c = w->buf; rc == 0 && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return param_bad(call->error, w->key, "text without control characters");
	return rc == 0 && !w->buf[0] ? param_bad(call->error, w->key, w->expected) : rc;
}

static int
central_param_drain(const struct control_call *call, struct drain *drain)
{
	const struct param_range until = {"until_ns", 0, 1, INT64_MAX, "a time by the wall clock"};
	const struct central_words reason = {"reason", "why, in words", drain->reason,
					     sizeof(drain->reason)};
	const struct central_words by = {"by", "who asks", drain->by, sizeof(drain->by)};
	const msgpack_object_map *map;
	int rc = central_param_host(call, &map, drain->host);

	if (rc == 0)
		rc = central_param_words(call, map, &reason);
	if (rc == 0)
		rc = central_param_words(call, map, &by);
	if (rc == 0)
		rc = param_number(map, &until, &drain->until_ns, call->error);
	if (rc < 0)
		return rc;
	drain->time_ns = clock_wall_ns();
	if (drain->until_ns <= drain->time_ns ||
	    drain->until_ns - drain->time_ns > MESH_DRAIN_MAX_NS)
		return param_bad(call->error, "until_ns", "a time within the next 366 days");
	return 0;
}

static int
central_drain(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct drain drain;
	int rc = central_param_drain(call, &drain);

	if (rc < 0)
		return rc;
	rc = mesh_drain(t->mesh, &drain);
	if (rc < 0)
		return central_error(call->error, rc, "cannot drain %s: too many drains",
				     drain.host);
	log_info(CONTROL, "client %llu: %s is drained by %s: %s",
		 (unsigned long long)control_client_id(call->client), drain.host, drain.by,
		 drain.reason);
	drain_pack(call->result, &drain);
	return 0;
}

static int
central_undrain(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	const msgpack_object_map *map;
	char host[REGISTRATION_HOST];
	int rc = central_param_host(call, &map, host);

	if (rc < 0)
		return rc;
	rc = mesh_undrain(t->mesh, host);
	if (rc < 0)
		return central_error(call->error, rc, "\"%s\" is not drained", host);
	log_info(CONTROL, "client %llu: %s is no longer drained",
		 (unsigned long long)control_client_id(call->client), host);
	msgpack_pack_map(call->result, 0);
	return 0;
}

static int
central_drains(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	const struct drain *d = NULL;
	msgpack_packer *pk;
	struct record r;
	size_t n = 0;

	while ((d = mesh_drain_next(t->mesh, d)))
		n++;
	record_begin(&r, RECORD_DRAINED);
	pk = record_key(&r, "drains");
	msgpack_pack_array(pk, n);
	while ((d = mesh_drain_next(t->mesh, d)))
		drain_pack(pk, d);
	record_end(&r, call->result);
	return 0;
}

/* ---- changes ---- */

static int
central_confirm(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct mesh_held held;
	struct record r;
	uint32_t n;

	if (mesh_held(t->mesh, &held) && held.live)
		return central_error(call->error, -EBUSY,
				     "rpingmesh-central on %s is still there and plans for %llu "
				     "hosts: confirm there", held.central,
				     (unsigned long long)held.hosts);
	n = mesh_confirm(t->mesh);
	log_info(CONTROL, "client %llu: %u hosts are confirmed to be gone",
		 (unsigned long long)control_client_id(call->client), n);
	record_begin(&r, RECORD_CONFIRMED);
	record_u64(&r, "hosts", n);
	record_end(&r, call->result);
	return 0;
}

static int
central_reload_method(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	char text[CONF_ERROR];
	int rc = t->reload(t->arg, text);

	if (rc < 0)
		return central_error(call->error, rc == -EACCES || rc == -EPERM ? -EINVAL : rc,
				     "%s", text);
	msgpack_pack_map(call->result, 0);
	return 0;
}

const struct control_method central_methods_table[] = {
	{"status", "state of rpingmesh-central, with all that is wrong", CONTROL_READ,
	 central_status},
	{"hosts", "the hosts of the cluster, in pages", CONTROL_READ, central_hosts},
	{"ports", "the RDMA ports of these hosts, in pages of hosts", CONTROL_READ, central_ports},
	{"tors", "the top-of-rack switches of these ports, in pages", CONTROL_READ, central_tors},
	{"coverage", "what the plan covers, for each ToR switch, in pages", CONTROL_READ,
	 central_coverage},
	{"links", "the links that 5-tuples cross, in pages", CONTROL_READ, central_roads_links},
	{"switches", "the switches that 5-tuples cross, in pages", CONTROL_READ,
	 central_roads_switches},
	{"paths", "the paths that a host has traced, in pages", CONTROL_READ, central_roads_paths},
	{"path", "the paths from a host or of a flow, in pages", CONTROL_READ, central_roads_path},
	{"pinglist", "whom the ports of a host probe", CONTROL_READ, central_pinglist},
	{"drains", "the hosts that take no part in the mesh for a while", CONTROL_READ,
	 central_drains},
	{"drain", "takes a host out of the mesh for a while", CONTROL_CHANGE, central_drain},
	{"undrain", "ends that", CONTROL_CHANGE, central_undrain},
	{"confirm", "confirms that all hosts that have left at once are gone", CONTROL_CHANGE,
	 central_confirm},
	{"incidents", "what is wrong in the cluster, in pages", CONTROL_READ,
	 central_incidents_method},
	{"incident", "the story of an incident", CONTROL_READ, central_incident_method},
	{"incident_acknowledge", "says that somebody works on it", CONTROL_CHANGE,
	 central_incident_acknowledge},
	{"incident_mute", "mutes it for a while", CONTROL_CHANGE, central_incident_mute},
	{"incident_unmute", "ends that", CONTROL_CHANGE, central_incident_unmute},
	{"check", "lets some hosts probe each other now", CONTROL_READ, central_check_method},
	{"checked", "what has come of that", CONTROL_READ, central_checked_method},
	{"reload", "reads the configuration file again", CONTROL_CHANGE, central_reload_method},
};
const size_t central_methods_count =
	sizeof(central_methods_table) / sizeof(central_methods_table[0]);
