/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_degraded.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "central/config/central_config.h"
#include "central/intake/intake.h"
#include "central/history/history.h"
#include "central/history/history_mesh.h"
#include "central/judge/judge.h"
#include "central/mesh/mesh.h"
#include "central/mesh/mesh_wrong.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "central/tell/central_access.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "plan/plan.h"

/* Clocks of hosts that differ by more than this are said. */
#define CENTRAL_DEGRADED_CLOCK_NS (5 * (int64_t)NSEC_PER_SEC)

static void
central_degraded_bus(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	struct bus_status bus;
	char text[BUS_REASON + 128];

	bus_status(mesh_bus(t->mesh), &bus);
	if (bus.state != BUS_CONNECTED) {
		snprintf(text, sizeof(text),
			 "no connection to the broker %s%s%s: hosts cannot join, and no pinglist "
			 "reaches them",
			 bus.broker, bus.reason[0] ? ": " : "", bus.reason);
		fn(arg, CENTRAL_NO_BROKER, text);
	} else if (bus.reason[0]) {
		fn(arg, CENTRAL_BROKER, bus.reason);
	}
}

static void
central_degraded_held(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	struct mesh_held held;
	char text[600];

	if (!mesh_held(t->mesh, &held))
		return;
	snprintf(text, sizeof(text),
		 "rpingmesh-central on %s has planned for %" PRIu64 " hosts, and only %" PRIu64
		 " are there, so a network or the broker may be broken, and this one publishes no "
		 "pinglist for now; if the others are meant to be gone, say rpingmesh-ctl "
		 "--central confirm%s%s",
		 held.central, held.hosts, held.known, held.live ? " on " : "",
		 held.live ? held.central : "");
	fn(arg, CENTRAL_FROZEN, text);
}

static void
central_degraded_registry(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	const struct mesh_wrong_entry *last;
	struct registry_stats s;
	char text[400];
	size_t n;

	registry_stats(mesh_registry(t->mesh), &s);
	if (s.frozen) {
		snprintf(text, sizeof(text),
			 "%" PRIu32 " of %" PRIu32 " hosts have left at once, so a network or "
			 "the broker may be broken, and they stay in the plan for now; if they are "
			 "meant to be gone, say rpingmesh-ctl --central confirm",
			 s.left_at_once,
			 s.hosts[REGISTRY_PRESENT] + s.hosts[REGISTRY_LEAVING]);
		fn(arg, CENTRAL_FROZEN, text);
	}
	n = mesh_wrong_count(mesh_wrong(t->mesh), MESH_WRONG_FULL, &last);
	if (n) {
		snprintf(text, sizeof(text),
			 "registrations of new hosts were refused, because there are max_hosts "
			 "(%" PRIu32 ") hosts: %zu%s; the last is that of %s; raise it",
			 t->config->max_hosts, n, n == MESH_WRONG_MAX ? "+" : "", last->name);
		fn(arg, CENTRAL_MAX_HOSTS, text);
	}
}

static void
central_degraded_wrong(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	const struct mesh_wrong_entry *last;
	char text[MESH_WRONG_WHY + 200];
	size_t n = mesh_wrong_count(mesh_wrong(t->mesh), MESH_WRONG_MESSAGE, &last);

	if (n) {
		snprintf(text, sizeof(text),
			 "registrations are refused, so these hosts take no part: %zu%s; the last: "
			 "%s",
			 n, n == MESH_WRONG_MAX ? "+" : "", last->why);
		fn(arg, CENTRAL_REFUSED, text);
	}
	n = mesh_wrong_count(mesh_wrong(t->mesh), MESH_WRONG_LIST, &last);
	if (n) {
		snprintf(text, sizeof(text),
			 "pinglists are longer than agents take, so empty ones are published: %zu; "
			 "the last is that of %s: give these hosts fewer addresses",
			 n, last->name);
		fn(arg, CENTRAL_TOO_LONG, text);
	}
}

/* ---- hosts ---- */

/* Hosts of which something is odd, each with its number and the first name. */
struct central_odd {
	unsigned int twins, clocks;
	char twin[REGISTRATION_HOST], clock[REGISTRATION_HOST];
	int64_t off_ns;
};

static void
central_degraded_odd(const struct central_tell *t, struct central_odd *odd)
{
	const struct registry_host *host = registry_next(mesh_registry(t->mesh), 0);
	struct registry_host_info info;

	*odd = (struct central_odd){.twins = 0};
	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (info.state == REGISTRY_GONE)
			continue;
		if (info.twin && odd->twins++ == 0)
			snprintf(odd->twin, sizeof(odd->twin), "%s", info.name);
		if (!info.clock_known || llabs(info.clock_off_ns) < CENTRAL_DEGRADED_CLOCK_NS)
			continue;
		if (odd->clocks++ == 0) {
			snprintf(odd->clock, sizeof(odd->clock), "%s", info.name);
			odd->off_ns = info.clock_off_ns;
		}
	}
}

static void
central_degraded_hosts(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	struct central_odd odd;
	char text[400];

	central_degraded_odd(t, &odd);
	if (odd.twins) {
		snprintf(text, sizeof(text),
			 "two hosts seem to have the same name, %s%s; they write over each other's "
			 "registration: give each host a name of its own (hostname in "
			 "rpingmeshd.conf)",
			 odd.twin, odd.twins > 1 ? ", …" : "");
		fn(arg, CENTRAL_SAME_NAME, text);
	}
	if (odd.clocks) {
		snprintf(text, sizeof(text),
			 "the clock of %s is %.0f s %s ours%s; look at its time synchronisation",
			 odd.clock, (double)llabs(odd.off_ns) / 1e9,
			 odd.off_ns > 0 ? "ahead of" : "behind",
			 odd.clocks > 1 ? ", and those of other hosts differ, too" : "");
		fn(arg, CENTRAL_CLOCK, text);
	}
}

/* ---- reports ---- */

/* How long a refused report is said. */
#define CENTRAL_DEGRADED_REFUSED_NS (600 * NSEC_PER_SEC)

/* A host that has left is no news here. */
static bool
central_degraded_is_silent(const struct central_tell *t, const struct intake_host_info *info)
{
	const struct registry_host *host = registry_find(mesh_registry(t->mesh), info->name);
	struct registry_host_info known = {.state = REGISTRY_GONE};

	if (host)
		registry_host_info(host, &known);
	return info->silent && known.state == REGISTRY_PRESENT;
}

/* Without the broker, nobody is heard. */
static void
central_degraded_silent(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	const struct intake_host *host = NULL;
	struct intake_host_info info, first = {.name = NULL};
	struct bus_status bus;
	char text[300];
	unsigned int n = 0;

	bus_status(mesh_bus(t->mesh), &bus);
	if (bus.state != BUS_CONNECTED || clock_mono_ns() - bus.since_ns < 2 * INTAKE_SILENT_NS)
		return;
	while ((host = intake_next(t->intake, host))) {
		intake_host_info(host, clock_mono_ns(), &info);
		if (central_degraded_is_silent(t, &info) && n++ == 0)
			first = info;
	}
	if (!n)
		return;
	snprintf(text, sizeof(text),
		 "hosts are there, but do not report any more: %u; the first: %s, for %" PRIu64
		 " s; look at rpingmesh-ctl status there",
		 n, first.name, (uint64_t)((clock_mono_ns() - first.last_ns) / NSEC_PER_SEC));
	fn(arg, CENTRAL_SILENT, text);
}

static void
central_degraded_reports(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	struct intake_stats s;
	char text[400];

	central_degraded_silent(t, fn, arg);
	intake_stats(t->intake, clock_mono_ns(), &s);
	if (!s.refused || clock_mono_ns() - s.refused_ns >= CENTRAL_DEGRADED_REFUSED_NS)
		return;
	snprintf(text, sizeof(text), "reports of hosts are refused: %" PRIu64 "; the last: %s",
		 s.refused, s.refused_why);
	fn(arg, CENTRAL_REPORTS, text);
}

/* ---- plan ---- */

#define CENTRAL_PROBLEM_N (PLAN_NO_ADDRESS + 1)

/* The plan's problems: how many of each kind, and the first. */
struct central_problems {
	unsigned int n[CENTRAL_PROBLEM_N];
	char first[CENTRAL_PROBLEM_N][300];
};

static void
central_degraded_problem(void *arg, const struct plan_problem *problem)
{
	struct central_problems *p = arg;
	char text[ADDR_TEXT];

	if (p->n[problem->kind]++)
		return;
	snprintf(p->first[problem->kind], sizeof(p->first[0]), "%s %s/%u%s%s%s%s", problem->host,
		 problem->device, problem->port, problem->address ? ", " : "",
		 problem->address ? addr_text(problem->address, text) : "",
		 problem->holder ? ", which belongs to " : "",
		 problem->holder ? problem->holder : "");
}

static void
central_degraded_plan(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	static const struct {
		enum central_reason why;
		const char *what, *cure;
	} kinds[CENTRAL_PROBLEM_N] = {
		[PLAN_DUPLICATE] = {CENTRAL_SAME_ADDRESS,
				    "addresses belong to two ports, so only one of them is probed",
				    "; give each port an address of its own"},
		[PLAN_UNUSABLE] = {CENTRAL_NO_ADDRESS, "addresses cannot be probed", ""},
		[PLAN_NO_TOR] = {CENTRAL_NO_TOR, "ports have no ToR switch, so they take no part",
				 "; set tor in rpingmeshd.conf"},
		[PLAN_NO_ADDRESS] = {CENTRAL_NO_ADDRESS,
				     "ports have no address, so they take no part", ""},
	};
	struct central_problems p = {.n = {0}};
	char text[500];

	plan_problems(mesh_plan(t->mesh), central_degraded_problem, &p);
	for (int i = 0; i < CENTRAL_PROBLEM_N; i++) {
		if (!p.n[i])
			continue;
		snprintf(text, sizeof(text), "%s: %u; the first: %s%s", kinds[i].what, p.n[i],
			 p.first[i], kinds[i].cure);
		fn(arg, kinds[i].why, text);
	}
}

static void
central_degraded_memory(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	uint64_t now = clock_wall_ns(), age = 0;
	struct mesh_stats stats;
	char text[200];

	mesh_stats(t->mesh, &stats);
	if (!stats.incomplete_ns)
		return;
	if (now > stats.incomplete_ns)
		age = (now - stats.incomplete_ns) / NSEC_PER_SEC;
	snprintf(text, sizeof(text),
		 "there was no memory for the plan, so some pinglists may be old, for %" PRIu64
		 " s so far; see MemoryMax= of the unit, or max_hosts",
		 age);
	fn(arg, CENTRAL_MEMORY, text);
}

static void
central_degraded_share(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	struct judge_stats stats;
	char text[400];
	int most = 0;

	judge_stats(t->judge, &stats);
	for (int w = 1; w < INTAKE_WINDOWS; w++)
		if (stats.left_out[w] > stats.left_out[most])
			most = w;
	if (!stats.left_out[most])
		return;
	snprintf(text, sizeof(text),
		 "there are too many streams of probes to judge them all, so culprits are looked "
		 "for in a part of them, and small losses are found later: %" PRIu64 " of %" PRIu64
		 "; lower paths, or give each part of the cluster its own rpingmesh-central",
		 stats.rows[most], stats.rows[most] + stats.left_out[most]);
	fn(arg, CENTRAL_MEMORY, text);
}

static void
central_degraded_names(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	char text[CONF_ERROR + 300], address[ADDR_TEXT];
	struct roads_conflict conflict;
	size_t n = roads_conflicts(t->roads, &conflict);

	if (t->names_error[0]) {
		snprintf(text, sizeof(text),
			 "the names of switches could not be read; repair the file and reload: %s",
			 t->names_error);
		fn(arg, CENTRAL_NAMES, text);
	}
	if (!n)
		return;
	snprintf(text, sizeof(text),
		 "two switches claim one address, so it has the name of neither: %zu%s; one is %s, "
		 "by %s and %s; if LLDP and tor in rpingmeshd.conf are right there, name it in the "
		 "file of switches",
		 n, n == ROADS_CONFLICTS ? "+" : "", addr_text(&conflict.addr, address),
		 conflict.names[0], conflict.names[1]);
	fn(arg, CENTRAL_NAMES, text);
}

void
central_degraded(const struct central_tell *t, central_degraded_hear *fn, void *arg)
{
	char text[CONF_ERROR + 100], database[4096 + 512];

	central_degraded_bus(t, fn, arg);
	central_degraded_registry(t, fn, arg);
	central_degraded_held(t, fn, arg);
	central_degraded_wrong(t, fn, arg);
	central_degraded_hosts(t, fn, arg);
	central_degraded_memory(t, fn, arg);
	central_degraded_reports(t, fn, arg);
	central_degraded_share(t, fn, arg);
	central_degraded_plan(t, fn, arg);
	central_degraded_names(t, fn, arg);
	if (history_sentence(judge_history(t->judge), database, sizeof(database)))
		fn(arg, CENTRAL_NO_DATABASE, database);
	if (history_mesh_sentence(central_live_history(t->live), database, sizeof(database)))
		fn(arg, CENTRAL_NO_DATABASE, database);
	if (central_pages_sentence(t->pages, text, sizeof(text)))
		fn(arg, CENTRAL_LISTEN, text);
	if (central_access_sentence(t->access, database, sizeof(database)))
		fn(arg, CENTRAL_LISTEN, database);
	if (!t->config_error[0])
		return;
	snprintf(text, sizeof(text),
		 "the last reload was refused, the old configuration is in force: %s",
		 t->config_error);
	fn(arg, CENTRAL_RELOAD, text);
}
