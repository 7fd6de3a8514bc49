/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs rpingmesh-central to judge, without a broker: a registry, the paths and the reports
 * of report_made.h, and the cases of central/judge, window after window.
 *
 *     judge_cost HOSTS [broken]
 *
 * For the first window, in which all is new, and for later ones, prints the processor time of
 * collecting (on the loop) and of judging (in the worker), in all and for each row; then memory.
 * "broken": one switch loses probes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "central/judge/judge_case.h"
#include "central/judge/judge_index.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "core/clock.h"
#include "report_made.h"

#define WINDOWS 6u /* that are measured, 5 s apart */
#define SLOTS 4u   /* rounds of reports before them */

static struct registry *registry;
static struct intake *intake;
static struct roads *roads;
static struct intake_time now = {4000 * NSEC_PER_SEC, 0};
static uint32_t n_hosts;

/* In the place of that of central/mesh. */
const struct registry *
mesh_registry(const struct mesh *mesh)
{
	(void)mesh;
	return registry;
}

static void
changed(void *arg, const struct registry_host *host)
{
	(void)arg, (void)host;
}

static void
width(void *arg)
{
	(void)arg;
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A copy that the registry may own. */
static struct registration *
copy(const struct registration *from)
{
	struct registration *r = malloc(sizeof(*r));

	if (!r)
		abort();
	*r = *from;
	r->ports = calloc(r->n_ports, sizeof(*r->ports));
	if (!r->ports)
		abort();
	memcpy(r->ports, from->ports, r->n_ports * sizeof(*r->ports));
	return r;
}

static void
put(uint32_t number)
{
	const struct registry_time at = {now.mono_ns, now.wall_ns};
	struct report_made_host host = {number, n_hosts, now.wall_ns, ""};
	struct registration r;

	report_made_registration(&host, &r);
	if (roads_put_host(roads, &r) < 0 || registry_seen(registry, copy(&r), false, &at) < 0)
		abort();
}

static void
trace(uint32_t number)
{
	struct report_made_host host = {number, n_hosts, now.wall_ns, ""};
	struct paths p;

	for (uint32_t part = 0; part < REPORT_MADE_PARTS; part++) {
		report_made_paths(&host, part, &p);
		if (roads_take(roads, &p, now.wall_ns) < 0)
			abort();
	}
}

/* All hosts report, one after the other in 5 s. */
static double
report(uint64_t sequence)
{
	const uint64_t step_ns = REPORT_MADE_S * NSEC_PER_SEC / n_hosts;
	struct report_made_host host = {.n_hosts = n_hosts};
	double took = 0, start;
	struct report r;

	for (uint32_t i = 0; i < n_hosts; i++) {
		now.mono_ns += step_ns;
		now.wall_ns += step_ns;
		host.number = i;
		host.wall_ns = now.wall_ns;
		report_made(&host, sequence, &r);
		start = cpu_ms();
		if (intake_take(intake, r.host, &r, &now) < 0)
			abort();
		took += cpu_ms() - start;
	}
	return took;
}

static void
judge(struct judge_case *c, const char *title)
{
	struct judge_case_stats stats;
	double start = cpu_ms(), collected;
	const struct incidents_finding *f;
	int rc = 1;

	while (rc == 1)
		rc = judge_case_more(c);
	collected = cpu_ms();
	if (rc < 0 || judge_case_run(c) < 0)
		abort();
	judge_case_stats(c, &stats);
	printf("%s: %zu rows, loop %.0f ms (%.0f ns a row), worker %.0f ms (%.0f ns a row), "
	       "%zu findings\n", title, stats.rows, collected - start,
	       1e6 * (collected - start) / (double)stats.rows, cpu_ms() - collected,
	       1e6 * (cpu_ms() - collected) / (double)stats.rows, judge_case_findings(c, &f));
	fflush(stdout);
}

static void
begin(void)
{
	static const struct registry_ops registry_ops = {.changed = changed};
	static const struct roads_ops roads_ops = {.width = width};
	double start = cpu_ms();

	now.wall_ns = clock_wall_ns() - clock_mono_ns() + now.mono_ns;
	if (judge_index_seed() < 0 || intake_new(n_hosts, &intake) < 0 ||
	    registry_new(n_hosts, &registry_ops, &registry) < 0 ||
	    roads_new(&roads_ops, 64, &roads) < 0)
		abort();
	roads_tick(roads, now.wall_ns);
	for (uint32_t i = 0; i < n_hosts; i++)
		put(i);
	for (uint32_t i = 0; i < n_hosts; i++)
		trace(i);
	printf("%u hosts, %u ports: paths %.1f s\n", n_hosts, n_hosts * 8,
	       (cpu_ms() - start) / 1e3);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct judge_sources sources = {0};
	struct judge_case *c, *next;
	struct rusage usage;
	uint64_t sequence = 0;
	double took = 0;

	n_hosts = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	if (n_hosts < 2) {
		fprintf(stderr, "usage: judge_cost HOSTS [broken]\n");
		return 1;
	}
	report_made_broken = argc > 2;
	begin();
	sources = (struct judge_sources){NULL, intake, roads, 0};
	while (sequence < SLOTS)
		took += report(++sequence);
	if (judge_case_new(&sources, INTAKE_SHORT, now.mono_ns, &c) < 0)
		abort();
	judge(c, "all new");
	for (unsigned int i = 0; i < WINDOWS; i++) {
		took += report(++sequence);
		next = judge_case_strip(c);
		judge_case_free(c);
		c = next;
		if (!c)
			abort();
		judge_case_begin(c, i % 3 == 2 ? INTAKE_MIDDLE : INTAKE_SHORT, now.mono_ns);
		judge(c, i % 3 == 2 ? "again, 300 s" : "again, 20 s");
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("intake %.0f ns a row, without reading the message; memory at most %.0f MB\n",
	       1e6 * took / (double)(sequence * n_hosts * REPORT_MADE_STREAMS),
	       (double)usage.ru_maxrss / 1024);
	judge_case_free(c);
	roads_free(roads);
	intake_free(intake);
	registry_free(registry);
	return 0;
}
