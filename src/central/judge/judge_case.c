/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/judge/judge_case_impl.h"
#include "central/judge/judge_fresh.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "core/clock.h"

/* ---- hosts and NICs ---- */

static unsigned int
judge_host_excuses(const struct judge_case *c, const struct registry_host_info *host,
		   const struct intake_host_info *info)
{
	uint64_t begin = c->now_ns - intake_window_ns(c->window);
	unsigned int excuses = host->state == REGISTRY_PRESENT ? 0 : LOCATE_GONE;

	if (!info)
		return excuses;
	excuses |= info->throttled ? LOCATE_THROTTLED : 0;
	/* Long windows are too long to leave a host out of them for a second. */
	if (c->window != INTAKE_SHORT)
		return excuses;
	excuses |= info->restarts && info->started_ns > begin ? LOCATE_RESTARTED : 0;
	excuses |= info->stalled_ns > begin ? LOCATE_STALLED : 0;
	return excuses;
}

/* Long windows have no seconds. If it has stalled, it is excused. */
static uint32_t
judge_said(const struct judge_case *c, const struct intake_host_info *info)
{
	uint64_t now_s = c->now_ns / NSEC_PER_SEC;
	uint64_t until_s = info ? info->until_ns / NSEC_PER_SEC : 0;

	if (!until_s || c->window != INTAKE_SHORT || now_s > until_s + INTAKE_SECONDS)
		return LOCATE_NONE;
	return now_s > until_s ? (uint32_t)(now_s - until_s) : 0;
}

/*
 * Within the window: it may have been down for a part of it; or have stood still, which counts more
 * exactly in longer windows (judge_unreachable()).
 */
static bool
judge_was_away(const struct judge_case *c, const struct intake_host_info *info)
{
	uint64_t window_ns = intake_window_ns(c->window);

	return (info->restarts && info->started_ns + window_ns > c->now_ns) ||
	       (c->window == INTAKE_SHORT && info->stalled_ns &&
		info->stalled_ns + window_ns > c->now_ns);
}

static bool
judge_port_is_down(const struct intake_host_info *info, const struct registration_port *port)
{
	for (size_t i = 0; info && i < info->n_ports; i++)
		if (info->ports[i].port == port->port &&
		    strcmp(info->ports[i].device, port->device) == 0)
			return !info->ports[i].up;
	return false;
}

static uint32_t
judge_switch_of(struct judge_case *c, const char *name)
{
	uint32_t number = judge_index_get(&c->switches_by_name, name, strlen(name));

	if (number != JUDGE_NONE)
		return number;
	if (JUDGE_ROOM(c, switches) < 0 || judge_index_put(&c->switches_by_name, name, strlen(name),
							   (uint32_t)c->n_switches) < 0) {
		c->failed = -ENOMEM;
		return JUDGE_NONE;
	}
	c->switches[c->n_switches] = (struct judge_switch){.n_addrs = 0};
	snprintf(c->switches[c->n_switches].name, REGISTRATION_NAME, "%s", name);
	return (uint32_t)c->n_switches++;
}

static int
judge_name_nic(struct judge_case *c, uint32_t number)
{
	const struct judge_nic *nic = &c->nics[number];
	char name[INCIDENT_NAME];

	snprintf(name, sizeof(name), "%s/%s/%u", c->hosts[c->lnics[number].host].name, nic->device,
		 nic->port);
	return judge_index_put(&c->nics_by_name, name, strlen(name), number);
}

/*
 * A ToR that its host knows by its address alone. The switch has a name if paths or the file give
 * it one, and is to have that name also in a window in which no path crosses it.
 */
static uint32_t
judge_tor_of(struct judge_case *c, const char *tor)
{
	const char *name = NULL;
	struct addr a;

	if (addr_parse(tor, &a) == 0)
		name = roads_switch_name(c->sources.roads, &a);
	return judge_switch_of(c, name ? name : tor);
}

static int
judge_add_nic(struct judge_case *c, uint32_t host, const struct registration_port *port,
	      unsigned int excuses)
{
	uint32_t number = (uint32_t)c->n_nics;
	struct judge_nic *nic;
	int rc = JUDGE_ROOM(c, nics);

	if (rc == 0)
		rc = JUDGE_LROOM(c, lnics, c->n_nics);
	if (rc < 0)
		return rc;
	nic = &c->nics[c->n_nics++];
	*nic = (struct judge_nic){.port = port->port, .n_addrs = (uint8_t)port->n_addrs,
				  .src_ports = port->src_ports};
	memcpy(nic->device, port->device, sizeof(nic->device));
	memcpy(nic->addrs, port->addrs, port->n_addrs * sizeof(*nic->addrs));
	nic->tor = port->n_tors ? judge_tor_of(c, port->tors[0]) : LOCATE_NONE;
	c->lnics[number] = (struct locate_nic){
		.host = host, .tor = nic->tor, .excuses = excuses};
	/* Of two ports with one address, the first one counts. */
	for (size_t i = 0; rc == 0 && i < port->n_addrs; i++)
		if (judge_index_get(&c->nics_by_addr, &port->addrs[i], sizeof(port->addrs[i])) ==
		    JUDGE_NONE)
			rc = judge_index_put(&c->nics_by_addr, &port->addrs[i],
					     sizeof(port->addrs[i]), number);
		else
			c->doubles = true;
	return rc < 0 ? rc : judge_name_nic(c, number);
}

/* What is known of the host now, in this window. */
static void
judge_fill_host(struct judge_case *c, uint32_t number, const struct registry_host_info *h,
		const struct intake_host_info *info)
{
	struct judge_host *host = &c->hosts[number];

	c->lhosts[number] = (struct locate_host){
		.excuses = judge_host_excuses(c, h, info), .silent = info && info->silent,
		.said = judge_said(c, info)};
	host->clock_known = info;
	host->clock_off_ns = info ? info->clock_off_ns : 0;
	host->reported_ns = info && !info->silent && !c->lhosts[number].excuses &&
					    !judge_was_away(c, info) ? info->last_ns : 0;
}

static int
judge_add_host(struct judge_case *c, const struct registry_host_info *h,
	       const struct intake_host_info *info)
{
	uint32_t number = (uint32_t)c->n_hosts;
	int rc = JUDGE_ROOM(c, hosts);

	if (rc == 0)
		rc = JUDGE_LROOM(c, lhosts, c->n_hosts);
	if (rc < 0)
		return rc;
	c->hosts[number] = (struct judge_host){.id = h->id, .first_nic = (uint32_t)c->n_nics};
	snprintf(c->hosts[number].name, REGISTRATION_HOST, "%s", h->name);
	judge_fill_host(c, number, h, info);
	c->n_hosts++;
	for (size_t i = 0; rc == 0 && i < h->registration->n_ports; i++)
		rc = judge_add_nic(c, number, &h->registration->ports[i],
				   judge_port_is_down(info, &h->registration->ports[i]) ?
					   LOCATE_LOCAL_ERROR : 0);
	return rc == 0 ? judge_index_put(&c->hosts_by_name, h->name, strlen(h->name), number) : rc;
}

/* Whether the NIC is as this port was registered. */
static bool
judge_nic_is(struct judge_case *c, const struct judge_nic *nic,
	     const struct registration_port *port)
{
	return nic->port == port->port && nic->src_ports == port->src_ports &&
	       nic->n_addrs == port->n_addrs &&
	       memcmp(nic->addrs, port->addrs, port->n_addrs * sizeof(*nic->addrs)) == 0 &&
	       strcmp(nic->device, port->device) == 0 &&
	       nic->tor == (port->n_tors ? judge_tor_of(c, port->tors[0]) : LOCATE_NONE);
}

/* Whether the host with this number is as it is registered now; then its state is made new. */
static bool
judge_renew_host(struct judge_case *c, uint32_t number, const struct registry_host_info *h,
		 const struct intake_host_info *info)
{
	const struct judge_host *host = &c->hosts[number];
	size_t n = h->registration->n_ports;

	if (host->id != h->id || host->first_nic + n > c->n_nics ||
	    (host->first_nic + n < c->n_nics && c->lnics[host->first_nic + n].host == number))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct registration_port *port = &h->registration->ports[i];
		struct locate_nic *nic = &c->lnics[host->first_nic + i];

		if (nic->host != number || !judge_nic_is(c, &c->nics[host->first_nic + i], port))
			return false;
		nic->excuses = judge_port_is_down(info, port) ? LOCATE_LOCAL_ERROR : 0;
	}
	judge_fill_host(c, number, h, info);
	return true;
}

/* ---- links and paths ---- */

static uint32_t
judge_road_switch(struct judge_case *c, uint32_t id)
{
	struct roads_switch info;
	struct judge_switch *s;
	uint32_t number;

	if (!id || !roads_switch(c->sources.roads, id, &info))
		return LOCATE_NONE;
	number = judge_switch_of(c, info.name);
	if (number == JUDGE_NONE)
		return LOCATE_NONE;
	s = &c->switches[number];
	s->named = info.by != ROADS_BY_ADDRESS;
	if (!s->n_addrs)
		s->n_addrs = (uint8_t)roads_switch_addresses(c->sources.roads, id, s->addrs,
							     INCIDENT_ADDRS_MAX);
	return number;
}

static struct locate_link
judge_link_ends(struct judge_case *c, const struct roads_link *info)
{
	uint32_t from = judge_index_get(&c->nics_by_addr, &info->from, sizeof(info->from));
	uint32_t to = judge_index_get(&c->nics_by_addr, &info->to, sizeof(info->to));

	return (struct locate_link){
		.from = judge_road_switch(c, info->from_switch),
		.to = judge_road_switch(c, info->to_switch),
		.nic = info->from_switch ? (info->to_switch ? LOCATE_NONE : to) : from,
		.reverse = LOCATE_NONE};
}

static uint32_t
judge_add_link(struct judge_case *c, const struct roads_link *info)
{
	const struct judge_link link = {info->from, info->to};
	uint32_t number = (uint32_t)c->n_links;

	if (JUDGE_ROOM(c, links) < 0 || JUDGE_LROOM(c, llinks, c->n_links) < 0 ||
	    JUDGE_LROOM(c, uses, c->n_links) < 0 ||
	    judge_index_put(&c->links_by_addrs, &link, sizeof(link), number) < 0) {
		c->failed = -ENOMEM;
		return JUDGE_NONE;
	}
	c->links[number] = link;
	c->llinks[number] = judge_link_ends(c, info);
	c->uses[number] = 0;
	c->n_links++;
	return number;
}

/* The number of a link that this case has, or JUDGE_NONE. */
static uint32_t
judge_find_link(const struct judge_case *c, const struct roads_link *info)
{
	const struct judge_link key = {info->from, info->to};

	return judge_index_get(&c->links_by_addrs, &key, sizeof(key));
}

/* Room for the id. Returns 0 or -ENOMEM. */
static int
judge_room_for_id(struct judge_case *c, uint32_t id)
{
	while (id >= c->room_by_id) {
		size_t before = c->room_by_id;

		if (judge_room((void **)&c->by_id, &c->room_by_id, before, sizeof(*c->by_id)) < 0)
			return -ENOMEM;
		memset(c->by_id + before, 0, (c->room_by_id - before) * sizeof(*c->by_id));
	}
	return 0;
}

/* The number of a link of roads, or JUDGE_NONE: no memory. */
static uint32_t
judge_link_of(struct judge_case *c, uint32_t id)
{
	struct roads_link info;
	uint32_t number;

	if (id < c->room_by_id && c->by_id[id])
		return c->by_id[id] - 1;
	roads_link(c->sources.roads, id, &info);
	number = judge_find_link(c, &info);
	if (number == JUDGE_NONE)
		number = judge_add_link(c, &info);
	if (number == JUDGE_NONE || judge_room_for_id(c, id) < 0)
		return JUDGE_NONE;
	c->by_id[id] = number + 1;
	return number;
}

/* One that no row has crossed for a while may have other ends, whose names nobody has followed. */
static void
judge_use_link(struct judge_case *c, uint32_t number, uint32_t id)
{
	struct roads_link info;
	struct locate_link now;

	if (c->uses[number]++ || number >= c->n_chosen)
		return;
	roads_link(c->sources.roads, id, &info);
	now = judge_link_ends(c, &info);
	c->renewed |= now.from != c->unjoined[number].from || now.to != c->unjoined[number].to ||
		      now.nic != c->unjoined[number].nic;
	c->unjoined[number] = now;
}

static int
judge_add_step(struct judge_case *c, uint32_t id)
{
	uint32_t number = judge_link_of(c, id);

	if (number == JUDGE_NONE || JUDGE_ROOM(c, steps) < 0)
		return -ENOMEM;
	judge_use_link(c, number, id);
	c->steps[c->n_steps++] = number;
	return 0;
}

void
judge_check_ids(struct judge_case *c)
{
	uint64_t forgotten = roads_links_forgotten(c->sources.roads);

	if (c->room_by_id && forgotten != c->forgotten)
		memset(c->by_id, 0, c->room_by_id * sizeof(*c->by_id));
	c->forgotten = forgotten;
}

uint32_t
judge_add_path(struct judge_case *c, const struct roads_way_links *path)
{
	size_t first = c->n_steps;

	if (!path->known)
		return LOCATE_NONE;
	if (JUDGE_ROOM(c, paths) < 0 || JUDGE_ROOM(c, firsts) < 0) {
		c->failed = -ENOMEM;
		return LOCATE_NONE;
	}
	for (uint8_t i = 0; c->failed == 0 && i < path->n_links; i++)
		c->failed = judge_add_step(c, path->links[i]);
	c->paths[c->n_paths] = (struct locate_path){
		.n_links = (uint32_t)(c->n_steps - first),
		.flags = (path->complete ? LOCATE_PATH_COMPLETE : 0) |
			 (path->stable ? LOCATE_PATH_STABLE : 0)};
	c->firsts[c->n_paths] = first;
	c->n_firsts++;
	return (uint32_t)c->n_paths++;
}

void
judge_drop_path(struct judge_case *c, uint32_t path)
{
	size_t first = path == LOCATE_NONE ? 0 : c->firsts[path];
	size_t end = path == LOCATE_NONE ? 0 : first + c->paths[path].n_links;

	for (size_t i = first; i < end; i++)
		c->uses[i < c->n_joined ? c->unjoined_steps[i] : c->steps[i]]--;
}

void
judge_add_fresh(struct judge_case *c, uint32_t path, const struct roads_tuple *tuple, uint32_t nic,
		uint64_t losing_ns)
{
	const struct judge_host *host = &c->hosts[c->lnics[nic].host];
	const struct judge_losing losing = {
		.now_ns = c->wall_ns, .begin_ns = c->wall_ns - intake_window_ns(c->window),
		.losing_ns = c->wall_ns - c->now_ns + losing_ns,
		.clock_known = host->clock_known, .clock_off_ns = host->clock_off_ns};
	struct roads_path whole;

	if (path == LOCATE_NONE || c->paths[path].flags & LOCATE_PATH_FRESH ||
	    !roads_find(c->sources.roads, tuple, &whole) || !judge_path_is_fresh(&whole, &losing))
		return;
	if (JUDGE_ROOM(c, fresh) < 0) {
		c->failed = -ENOMEM;
		return;
	}
	c->fresh[c->n_fresh++] = path;
	c->paths[path].flags |= LOCATE_PATH_FRESH;
}

/* ---- all hosts ---- */

static void
judge_case_clear_indices(struct judge_case *c)
{
	judge_index_clear(&c->hosts_by_name);
	judge_index_clear(&c->nics_by_addr);
	judge_index_clear(&c->nics_by_name);
	judge_index_clear(&c->switches_by_name);
	judge_index_clear(&c->links_by_addrs);
	judge_index_clear(&c->jobs_by_name);
}

/* Begins anew: what was known is not what it was. */
static void
judge_case_reset(struct judge_case *c)
{
	judge_case_clear_indices(c);
	c->n_hosts = c->n_nics = c->n_switches = c->n_links = c->n_rows = c->n_jobs = 0;
	c->n_paths = c->n_firsts = c->n_steps = c->n_fresh = 0;
	c->n_chosen = c->n_joined = c->n_linked = c->buried = 0;
	if (c->room_by_id)
		memset(c->by_id, 0, c->room_by_id * sizeof(*c->by_id));
	c->renamed = roads_renamed(c->sources.roads);
	c->doubles = c->renewed = false;
	c->after = 0;
	c->at = 0;
}

/* The next host of the registry: it is known already, or added. */
static int
judge_register(struct judge_case *c, const struct registry_host *host)
{
	struct intake_host_info intake, *info = NULL;
	const struct intake_host *reports;
	struct registry_host_info h;
	int rc = 0;

	registry_host_info(host, &h);
	reports = intake_find(c->sources.intake, h.name);
	if (reports) {
		info = &intake;
		intake_host_info(reports, c->now_ns, info);
	}
	if (c->at == c->n_hosts) {
		rc = judge_add_host(c, &h, info);
	} else if (!judge_renew_host(c, c->at, &h, info)) {
		judge_case_reset(c);
		return 0;
	}
	c->after = h.id;
	c->at++;
	return rc < 0 ? rc : c->failed;
}

int
judge_case_more(struct judge_case *c)
{
	const struct registry_host *host;
	int rc;

	if (!c->registered) {
		host = registry_next(mesh_registry(c->sources.mesh), c->after);
		if (!host && c->at < c->n_hosts) {
			judge_case_reset(c); /* the last ones are forgotten */
			return 1;
		}
		c->registered = !host;
		rc = host ? judge_register(c, host) : 0;
		return rc < 0 ? rc : 1;
	}
	if (c->next == c->n_hosts)
		return 0;
	rc = judge_take_rows(c, intake_find(c->sources.intake, c->hosts[c->next].name));
	c->next++;
	return rc < 0 ? rc : 1;
}

/* ---- life ---- */

static void
judge_forget_fresh(struct judge_case *c)
{
	for (size_t i = 0; i < c->n_fresh; i++)
		c->paths[c->fresh[i]].flags &= ~(unsigned int)LOCATE_PATH_FRESH;
	c->n_fresh = 0;
}

void
judge_case_begin(struct judge_case *c, enum intake_window window, uint64_t now_ns)
{
	uint32_t one_of = c->one_of;

	c->window = window;
	c->now_ns = c->random = now_ns;
	c->wall_ns = clock_wall_ns() - (clock_mono_ns() - now_ns);
	c->n_asks = c->next = c->at = 0;
	c->after = 0;
	c->registered = false;
	c->failed = 0;
	c->stats = (struct judge_case_stats){.hosts = 0};
	judge_forget_fresh(c);
	judge_share_begin(c);
	if (c->n_hosts && (c->doubles || c->one_of != one_of || c->buried > c->n_rows / 8 ||
			   c->renamed != roads_renamed(c->sources.roads)))
		judge_case_reset(c);
}

int
judge_case_new(const struct judge_sources *sources, enum intake_window window, uint64_t now_ns,
	       struct judge_case **out)
{
	struct judge_case *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->sources = *sources;
	c->renamed = roads_renamed(sources->roads);
	judge_case_begin(c, window, now_ns);
	*out = c;
	return 0;
}

void
judge_case_free(struct judge_case *c)
{
	if (!c)
		return;
	judge_case_clear_indices(c);
	judge_find_free(c);
	locate_free(c->result);
	free(c->hosts);
	free(c->nics);
	free(c->switches);
	free(c->links);
	free(c->rows);
	free(c->jobs);
	free(c->lhosts);
	free(c->lnics);
	free(c->llinks);
	free(c->lrows);
	free(c->paths);
	free(c->firsts);
	free(c->steps);
	free(c->slots);
	free(c->by_id);
	free(c->clean);
	free(c->sums);
	free(c->fresh);
	free(c->chosen);
	free(c->unjoined);
	free(c->unjoined_steps);
	free(c->uses);
	free(c->used);
	free(c->asks);
	free(c->wants);
	free(c);
}

/* Results stay, and all numbers. */
struct judge_case *
judge_case_strip(struct judge_case *c)
{
	struct judge_case *out = malloc(sizeof(*out)), kept;

	if (!out)
		return NULL;
	*out = kept = *c;
	out->result = NULL;
	out->findings = NULL;
	out->found_in = NULL;
	out->n_findings = 0;
	out->asks = NULL;
	out->n_asks = out->room_asks = 0;
	out->wants = NULL;
	out->n_wants = out->room_wants = 0;
	free(c->wants); /* they borrow names of hosts */
	*c = (struct judge_case){
		.window = kept.window, .now_ns = kept.now_ns, .n_hosts = kept.n_hosts,
		.n_nics = kept.n_nics, .n_switches = kept.n_switches, .n_links = kept.n_links,
		.n_paths = kept.n_paths, .stats = kept.stats,
		.asks = kept.asks, .n_asks = kept.n_asks, .result = kept.result,
		.findings = kept.findings, .found_in = kept.found_in,
		.n_findings = kept.n_findings};
	return out;
}

enum intake_window
judge_case_window(const struct judge_case *c)
{
	return c->window;
}

void
judge_case_stats(const struct judge_case *c, struct judge_case_stats *out)
{
	*out = c->stats;
	out->hosts = c->n_hosts;
	out->nics = c->n_nics;
	out->switches = c->n_switches;
	out->links = c->n_links;
	out->paths = c->n_paths;
	out->rows = c->stats.rows;
}
