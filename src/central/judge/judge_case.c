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

/* Messages from this size on count as large. */
#define JUDGE_LARGE 1024u

#define JUDGE_ROOM(c, name) \
	judge_room((void **)&(c)->name, &(c)->room_##name, (c)->n_##name, sizeof(*(c)->name))
#define JUDGE_LROOM(c, name, n) \
	judge_room((void **)&(c)->name, &(c)->room_##name, n, sizeof(*(c)->name))

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
	c->lnics[number] = (struct locate_nic){
		.host = host, .tor = LOCATE_NONE, .excuses = excuses};
	if (port->n_tors)
		c->lnics[number].tor = judge_tor_of(c, port->tors[0]);
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

static int
judge_add_host(struct judge_case *c, const struct registry_host *host)
{
	const struct intake_host *reports;
	struct intake_host_info intake, *info = NULL;
	struct registry_host_info h;
	uint32_t number = (uint32_t)c->n_hosts;
	int rc = JUDGE_ROOM(c, hosts);

	if (rc == 0)
		rc = JUDGE_LROOM(c, lhosts, c->n_hosts);
	if (rc < 0)
		return rc;
	registry_host_info(host, &h);
	c->after = h.id;
	reports = intake_find(c->sources.intake, h.name);
	if (reports) {
		info = &intake;
		intake_host_info(reports, c->now_ns, info);
	}
	snprintf(c->hosts[number].name, REGISTRATION_HOST, "%s", h.name);
	c->lhosts[number] = (struct locate_host){
		.excuses = judge_host_excuses(c, &h, info), .silent = info && info->silent,
		.said = judge_said(c, info)};
	c->hosts[number].clock_known = info;
	c->hosts[number].clock_off_ns = info ? info->clock_off_ns : 0;
	c->hosts[number].reported_ns =
		info && !info->silent && !c->lhosts[number].excuses &&
				!judge_was_away(c, info) ? info->last_ns : 0;
	c->n_hosts++;
	for (size_t i = 0; rc == 0 && i < h.registration->n_ports; i++)
		rc = judge_add_nic(c, number, &h.registration->ports[i],
				   judge_port_is_down(info, &h.registration->ports[i]) ?
					   LOCATE_LOCAL_ERROR : 0);
	return rc == 0 ? judge_index_put(&c->hosts_by_name, h.name, strlen(h.name), number) : rc;
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
	if (!s->n_addrs)
		s->n_addrs = (uint8_t)roads_switch_addresses(c->sources.roads, id, s->addrs,
							     INCIDENT_ADDRS_MAX);
	return number;
}

/*
 * The switch at the other end of a NIC, by its name. One that only has an address is worth less
 * than what the host says: the switch has others, by which other links know it.
 */
static void
judge_see_tor(struct judge_case *c, const struct locate_link *link, const struct roads_link *info)
{
	struct roads_switch seen;
	uint32_t *tor = &c->lnics[link->nic].tor;

	if (roads_switch(c->sources.roads, info->from_switch ? info->from_switch : info->to_switch,
			 &seen) && (seen.by != ROADS_BY_ADDRESS || *tor == LOCATE_NONE))
		*tor = link->from != LOCATE_NONE ? link->from : link->to;
}

static uint32_t
judge_add_link(struct judge_case *c, const struct roads_link *info)
{
	const struct judge_link link = {info->from, info->to};
	uint32_t number = (uint32_t)c->n_links;
	uint32_t from = judge_index_get(&c->nics_by_addr, &link.from, sizeof(link.from));
	uint32_t to = judge_index_get(&c->nics_by_addr, &link.to, sizeof(link.to));
	struct locate_link *l;

	if (JUDGE_ROOM(c, links) < 0 || JUDGE_LROOM(c, llinks, c->n_links) < 0 ||
	    judge_index_put(&c->links_by_addrs, &link, sizeof(link), number) < 0) {
		c->failed = -ENOMEM;
		return JUDGE_NONE;
	}
	c->links[number] = link;
	l = &c->llinks[number];
	*l = (struct locate_link){.from = judge_road_switch(c, info->from_switch),
				  .to = judge_road_switch(c, info->to_switch),
				  .nic = info->from_switch ? (info->to_switch ? LOCATE_NONE : to) :
							     from,
				  .reverse = LOCATE_NONE};
	if (l->nic != LOCATE_NONE)
		judge_see_tor(c, l, info);
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

static int
judge_add_step(struct judge_case *c, uint32_t id)
{
	uint32_t number = judge_link_of(c, id);

	if (number == JUDGE_NONE || JUDGE_ROOM(c, steps) < 0)
		return -ENOMEM;
	c->steps[c->n_steps++] = number;
	return 0;
}

/* Another link may have got an id since the last host. */
static void
judge_check_ids(struct judge_case *c)
{
	uint64_t forgotten = roads_links_forgotten(c->sources.roads);

	if (c->room_by_id && forgotten != c->forgotten)
		memset(c->by_id, 0, c->room_by_id * sizeof(*c->by_id));
	c->forgotten = forgotten;
}

/* The number of a path; LOCATE_NONE: it is not known. */
static uint32_t
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

/* The path of a tuple from the NIC may hold for what is lost since `losing_ns`. */
static void
judge_add_fresh(struct judge_case *c, uint32_t path, const struct roads_tuple *tuple, uint32_t nic,
		uint64_t losing_ns)
{
	const struct judge_host *host = &c->hosts[c->lnics[nic].host];
	const struct judge_losing losing = {
		.now_ns = c->wall_ns, .begin_ns = c->wall_ns - intake_window_ns(c->window),
		.losing_ns = c->wall_ns - c->now_ns + losing_ns,
		.clock_known = host->clock_known, .clock_off_ns = host->clock_off_ns};
	struct roads_path whole;

	if (path != LOCATE_NONE && roads_find(c->sources.roads, tuple, &whole) &&
	    judge_path_is_fresh(&whole, &losing))
		c->paths[path].flags |= LOCATE_PATH_FRESH;
}

/* ---- rows ---- */

/*
 * The last row has been losing since then, unless its 5-tuple has for longer: some of its rows may
 * be of probes that were asked for later.
 */
static void
judge_row_loses(struct judge_case *c, uint64_t losing_ns)
{
	struct judge_row *row = &c->rows[c->n_rows - 1];
	const struct locate_row *l = &c->lrows[c->n_rows - 1];
	const struct roads_tuple there = {row->source, row->destination, row->src_port,
					  row->traffic_class};
	const struct roads_tuple back = {row->destination, row->source, row->back_port,
					 row->traffic_class};
	uint64_t before_ns = c->rows[row->tuple].losing_ns;

	row->losing_ns = before_ns && before_ns < losing_ns ? before_ns : losing_ns;
	judge_add_fresh(c, l->there, &there, l->from, row->losing_ns);
	judge_add_fresh(c, l->back, &back, l->to, row->losing_ns);
}

static uint32_t
judge_job_of(struct judge_case *c, const char *name)
{
	uint32_t number;

	if (!name || !name[0])
		return JUDGE_NONE;
	number = judge_index_get(&c->jobs_by_name, name, strlen(name));
	if (number != JUDGE_NONE)
		return number;
	if (JUDGE_ROOM(c, jobs) < 0 ||
	    judge_index_put(&c->jobs_by_name, name, strlen(name), (uint32_t)c->n_jobs) < 0) {
		c->failed = -ENOMEM;
		return JUDGE_NONE;
	}
	snprintf(c->jobs[c->n_jobs].name, INCIDENT_JOB, "%s", name);
	return (uint32_t)c->n_jobs++;
}

/* Room for all rows of a host, in the table of their 5-tuples. Returns 0 or -ENOMEM. */
static int
judge_clear_tuples(struct judge_case *c, uint32_t n_rows)
{
	size_t n = 16;
	uint32_t *slots;

	while (n < 2 * (size_t)n_rows)
		n *= 2;
	if (n > c->room_slots) {
		slots = reallocarray(c->slots, n, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		c->slots = slots;
		c->room_slots = n;
	}
	c->n_slots = n;
	memset(c->slots, 0xff, n * sizeof(*c->slots)); /* JUDGE_NONE */
	return 0;
}

static bool
judge_has_tuple(const struct judge_row *row, const struct judge_tuple *tuple)
{
	return tuple->ports == ((uint32_t)row->src_port << 8 | row->traffic_class) &&
	       addr_equal(&row->destination, &tuple->destination) &&
	       addr_equal(&row->source, &tuple->source);
}

uint32_t
judge_find_row(const struct judge_case *c, const struct judge_tuple *tuple)
{
	uint32_t nic = judge_index_get(&c->nics_by_addr, &tuple->source, sizeof(tuple->source));
	const struct judge_host *host = nic == JUDGE_NONE ? NULL : &c->hosts[c->lnics[nic].host];

	for (size_t i = 0; host && i < host->n_rows; i++)
		if (judge_has_tuple(&c->rows[host->first_row + i], tuple))
			return (uint32_t)(host->first_row + i);
	return JUDGE_NONE;
}

/*
 * A number that the rows of one 5-tuple share: the size classes. Only rows of one host have the
 * same source. The row is the last one, and not counted yet.
 */
static uint32_t
judge_tuple_of(const struct judge_case *c, const struct judge_row *row)
{
	const struct judge_tuple key = {row->source, row->destination,
		 (uint32_t)row->src_port << 8 | row->traffic_class};
	size_t at = judge_index_hash(&key, sizeof(key)) & (c->n_slots - 1);

	while (c->slots[at] != JUDGE_NONE && !judge_has_tuple(&c->rows[c->slots[at]], &key))
		at = (at + 1) & (c->n_slots - 1);
	if (c->slots[at] == JUDGE_NONE)
		c->slots[at] = (uint32_t)c->n_rows;
	return c->slots[at];
}

static void
judge_fill_row(struct judge_case *c, const struct intake_row *row, uint32_t from, uint32_t to)
{
	const struct report_stream *s = row->stream;
	const struct roads_tuple there = {s->source, s->destination, s->src_port,
					  s->traffic_class};
	struct roads_way_links ways[2] = {{.id = row->hints->ways[0]}, {.id = row->hints->ways[1]}};
	uint64_t lost = (uint64_t)row->counts.lost + judge_unreachable(c, row, from, to);
	uint64_t sent = row->counts.answered + lost + row->counts.back_lost;
	struct locate_row *l = &c->lrows[c->n_rows];

	if (sent > UINT32_MAX)
		return; /* nobody sends so many: somebody lies */
	roads_find_both(c->sources.roads, &there, s->back_port, ways);
	row->hints->ways[0] = ways[0].id;
	row->hints->ways[1] = ways[1].id;
	*l = (struct locate_row){.from = from, .to = to, .there = judge_add_path(c, &ways[0]),
				 .back = judge_add_path(c, &ways[1]),
				 .sent = (uint32_t)sent, .lost = (uint32_t)lost,
				 .half = row->counts.back_lost,
				 .slow = row->counts.slow, .large = s->size >= JUDGE_LARGE};
	if (l->slow > row->counts.answered)
		l->slow = row->counts.answered;
	c->rows[c->n_rows] = (struct judge_row){
		.place = row->place, .src_port = s->src_port, .back_port = s->back_port,
		.traffic_class = s->traffic_class, .source = s->source,
		.destination = s->destination,
		.other = row->counts.sent > sent ? row->counts.sent - (uint32_t)sent : 0,
		.burst = s->kind == REPORT_ASK,
		.extra_ns = row->counts.slow ? intake_stored_extra_ns(row->stored, c->now_ns) : 0,
		.job = s->kind == REPORT_FLOW ? judge_job_of(c, s->job) : JUDGE_NONE};
	l->tuple = c->rows[c->n_rows].tuple = judge_tuple_of(c, &c->rows[c->n_rows]);
	c->n_rows++;
	if (row->losing_ns && (l->lost || l->half))
		judge_row_loses(c, row->losing_ns);
	if (c->window == INTAKE_SHORT && (l->lost || l->half) &&
	    !intake_stored_seconds(row->stored, c->now_ns, &l->lost_due))
		l->lost_due = 0;
	c->stats.probes += l->sent;
	c->stats.losses += l->lost + l->half;
}

/* The NIC of an address. The hint is the number that it had last time, plus one. */
static uint32_t
judge_nic_of(const struct judge_case *c, const struct addr *addr, uint32_t *hint)
{
	const struct judge_nic *nic = *hint && *hint <= c->n_nics ? &c->nics[*hint - 1] : NULL;
	uint32_t number;

	/* Of two NICs with one address, only the index knows which one it is. */
	if (nic && !c->doubles && nic->n_addrs && addr_equal(&nic->addrs[0], addr))
		return *hint - 1;
	number = judge_index_get(&c->nics_by_addr, addr, sizeof(*addr));
	*hint = number == JUDGE_NONE ? 0 : number + 1;
	return number;
}

static void
judge_hear_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	const struct report_stream *s = row->stream;
	struct judge_case *c = arg;
	uint32_t from = judge_nic_of(c, &s->source, &row->hints->nics[0]);
	uint32_t to = judge_nic_of(c, &s->destination, &row->hints->nics[1]);

	(void)host;
	if (c->failed || from == JUDGE_NONE || to == JUDGE_NONE || from == to ||
	    c->lnics[from].host != c->next || !judge_share_has(c, s))
		return;
	if (JUDGE_ROOM(c, rows) < 0 || JUDGE_LROOM(c, lrows, c->n_rows) < 0) {
		c->failed = -ENOMEM;
		return;
	}
	judge_fill_row(c, row, from, to);
}

/* ---- when ---- */

/* The rows of one host, as they are some slots later, when the window contains less of them. */
struct judge_later {
	struct judge_case *c;
	size_t at;             /* of `rows`: the next one */
	struct judge_counts {
		uint32_t lost, slow;
	} *counts;             /* of the rows from `first` on */
	size_t first;
};

static void
judge_hear_later(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct judge_later *l = arg;

	(void)host;
	while (l->at < l->c->n_rows && l->c->rows[l->at].place < row->place)
		l->at++;
	if (l->at == l->c->n_rows || l->c->rows[l->at].place != row->place)
		return;
	l->counts[l->at - l->first] = (struct judge_counts){
		row->counts.lost + row->counts.back_lost + row->counts.unreachable,
		row->counts.slow};
}

/* In which slot the losses of the rows from `first` on lie: what each slot adds. */
static int
judge_when(struct judge_case *c, const struct intake_host *reports, size_t first)
{
	size_t n = c->n_rows - first;
	struct judge_counts *now = calloc(2 * n, sizeof(*now)), *later = now + n;
	uint64_t slot_ns = intake_slot_ns(c->window);
	unsigned int slots = (unsigned int)(intake_window_ns(c->window) / slot_ns);
	struct judge_later l = {.c = c, .first = first};

	if (!now)
		return -ENOMEM;
	for (unsigned int k = 0; k <= slots; k++) {
		memset(later, 0, n * sizeof(*later));
		l.at = first;
		l.counts = later;
		intake_rows(reports, c->window, c->now_ns + k * slot_ns, judge_hear_later, &l);
		for (size_t i = 0; k && i < n; i++) {
			c->lrows[first + i].lost_when |= (uint64_t)(later[i].lost < now[i].lost)
							 << (k - 1);
			c->lrows[first + i].slow_when |= (uint64_t)(later[i].slow < now[i].slow)
							 << (k - 1);
		}
		memcpy(now, later, n * sizeof(*now));
	}
	free(now);
	return 0;
}

/* Adds the rows of a host. When they have lost something is asked only if they have. */
static int
judge_add_rows(struct judge_case *c, const struct intake_host *reports)
{
	struct intake_host_info info;
	size_t first = c->n_rows;

	intake_host_info(reports, c->now_ns, &info);
	judge_check_ids(c);
	c->failed = judge_clear_tuples(c, info.n_rows);
	if (c->failed)
		return c->failed;
	intake_rows(reports, c->window, c->now_ns, judge_hear_row, c);
	c->hosts[c->next].first_row = first;
	c->hosts[c->next].n_rows = c->n_rows - first;
	if (c->failed == 0 && c->window == INTAKE_MIDDLE)
		c->failed = judge_hear_peers(c, first);
	for (size_t i = first; c->failed == 0 && i < c->n_rows; i++)
		if (c->lrows[i].lost || c->lrows[i].half || c->lrows[i].slow)
			return judge_when(c, reports, first);
	return c->failed;
}

int
judge_case_more(struct judge_case *c)
{
	const struct intake_host *reports;
	const struct registry_host *host;
	int rc;

	if (!c->registered) {
		host = registry_next(mesh_registry(c->sources.mesh), c->after);
		rc = host ? judge_add_host(c, host) : 0;
		c->registered = !host;
		rc = rc < 0 ? rc : c->failed;
		return rc < 0 ? rc : 1;
	}
	if (c->next == c->n_hosts)
		return 0;
	reports = intake_find(c->sources.intake, c->hosts[c->next].name);
	rc = reports ? judge_add_rows(c, reports) : 0;
	c->next++;
	return rc < 0 ? rc : 1;
}

/* ---- life ---- */

int
judge_case_new(const struct judge_sources *sources, enum intake_window window, uint64_t now_ns,
	       struct judge_case **out)
{
	struct judge_case *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->sources = *sources;
	c->window = window;
	c->now_ns = c->random = now_ns;
	c->wall_ns = clock_wall_ns() - (clock_mono_ns() - now_ns);
	judge_share_begin(c);
	*out = c;
	return 0;
}

void
judge_case_free(struct judge_case *c)
{
	if (!c)
		return;
	judge_index_clear(&c->hosts_by_name);
	judge_index_clear(&c->nics_by_addr);
	judge_index_clear(&c->nics_by_name);
	judge_index_clear(&c->switches_by_name);
	judge_index_clear(&c->links_by_addrs);
	judge_index_clear(&c->jobs_by_name);
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
	free(c->asks);
	free(c->wants);
	free(c);
}

/* Results stay, and their names, and all numbers. */
struct judge_case *
judge_case_strip(struct judge_case *c)
{
	struct judge_case *out = malloc(sizeof(*out));

	if (!out)
		return NULL;
	*out = *c;
	out->result = NULL;
	out->findings = NULL;
	out->found_in = NULL;
	out->n_findings = 0;
	out->asks = NULL;
	out->wants = NULL;
	out->hosts = NULL;
	c->hosts_by_name = c->nics_by_addr = c->nics_by_name = c->switches_by_name =
		c->links_by_addrs = c->jobs_by_name = (struct judge_index){.n = 0};
	c->nics = NULL;
	c->switches = NULL;
	c->links = NULL;
	c->rows = NULL;
	c->jobs = NULL;
	c->lhosts = NULL;
	c->lnics = NULL;
	c->llinks = NULL;
	c->lrows = NULL;
	c->paths = NULL;
	c->firsts = NULL;
	c->steps = NULL;
	c->slots = NULL;
	c->by_id = NULL;
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
	out->rows = c->n_rows;
}
