/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a large cluster: processor time and memory for the first lists, and for one host that
 * joins, and how many lists that changes. Rail-optimised: each host has a port on each of 8 rails,
 * and each pod a ToR for each rail.
 *
 *     plan [HOSTS [PODS [PATHS]]]     12500 200 64 unless given: 100,000 ports, 1,600 ToRs
 *
 * Prints one line for each figure: name, value, unit, goal. Processor time is that of this process
 * (getrusage(2)), so the load of the machine matters little. Figures of a joining host are medians
 * and maxima over JOINS hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "plan/plan.h"

#define RAILS 8
#define JOINS 31
#define CROWD 70
#define HOUR 3600u
#define NOW_S (480000u * HOUR)

static unsigned int n_changed;

static void
changed(void *arg, const char *host)
{
	(void)arg;
	(void)host;
	n_changed++;
}

static double
cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return 1e3 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double
rss_mib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss / 1024;
}

static void
put(struct plan *plan, unsigned int i, unsigned int pod)
{
	struct plan_port ports[RAILS];
	struct addr addresses[RAILS];
	char name[32], tors[RAILS][32], devices[RAILS][16], rails[RAILS][8], text[32];
	const char *tor[RAILS];
	struct plan_host host = {name, ports, RAILS, 0};

	snprintf(name, sizeof(name), "host%05u", i);
	for (unsigned int r = 0; r < RAILS; r++) {
		snprintf(tors[r], sizeof(tors[r]), "leaf-%u-%u", pod, r);
		snprintf(devices[r], sizeof(devices[r]), "mlx5_%u", r);
		snprintf(rails[r], sizeof(rails[r]), "rail%u", r);
		snprintf(text, sizeof(text), "10.%u.%u.%u", r * 8 + (i >> 16), i >> 8 & 255,
			 i & 255);
		addr_parse(text, &addresses[r]);
		tor[r] = tors[r];
		ports[r] = (struct plan_port){.device = devices[r], .port = 1,
					      .addresses = &addresses[r], .n_addresses = 1,
					      .tors = &tor[r], .n_tors = 1, .rail = rails[r],
					      .budget_out = 150, .budget_in = 300};
	}
	if (plan_put(plan, &host))
		exit(1);
}

/* Returns the number of lists that have changed. */
static unsigned int
run(struct plan *plan, uint64_t now_s)
{
	n_changed = 0;
	if (plan_run(plan, now_s, changed, NULL))
		exit(1);
	return n_changed;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Hosts join one by one, each under the ToRs of another pod. */
static void
joins(struct plan *plan, unsigned int hosts, unsigned int pods)
{
	double ms[JOINS], lists[JOINS];

	for (unsigned int i = 0; i < JOINS; i++) {
		double before = cpu_ms();

		put(plan, hosts + i, i * 7 % pods);
		lists[i] = 100.0 * run(plan, NOW_S + HOUR) / hosts;
		ms[i] = cpu_ms() - before;
	}
	qsort(ms, JOINS, sizeof(*ms), compare);
	qsort(lists, JOINS, sizeof(*lists), compare);
	printf("join_median %.2f ms 10\n", ms[JOINS / 2]);
	printf("join_max %.2f ms -\n", ms[JOINS - 1]);
	printf("join_lists_median %.3f %% 1\n", lists[JOINS / 2]);
	printf("join_lists_max %.3f %% 1\n", lists[JOINS - 1]);
}

/*
 * Hosts that have as many addresses under as many ToRs as they may, all under the same: how long
 * one step of a run takes at most, in which the loop of central is away.
 */
static void
crowd(void)
{
	static struct plan_port ports[PLAN_PORTS];
	static struct addr addresses[PLAN_PORTS][2];
	static char devices[PLAN_PORTS][16];
	static const char *const tors[] = {"leaf-0", "leaf-1", "leaf-2", "leaf-3"};
	const struct plan_options options = {.paths = 64};
	double before, begin, step = 0;
	struct plan *plan;

	if (plan_new(&options, &plan))
		exit(1);
	for (unsigned int i = 0; i < CROWD; i++) {
		char name[32], text[32];
		struct plan_host host = {name, ports, PLAN_PORTS, 0};

		snprintf(name, sizeof(name), "host%02u", i);
		for (unsigned int p = 0; p < PLAN_PORTS; p++) {
			snprintf(devices[p], sizeof(devices[p]), "mlx5_%u", p);
			for (unsigned int a = 0; a < 2; a++) {
				snprintf(text, sizeof(text), "10.%u.%u.%u", i, p, a + 1);
				addr_parse(text, &addresses[p][a]);
			}
			ports[p] = (struct plan_port){.device = devices[p], .port = 1,
						      .addresses = addresses[p], .n_addresses = 2,
						      .tors = tors, .n_tors = 4, .rail = "",
						      .budget_out = 150, .budget_in = 300};
		}
		if (plan_put(plan, &host))
			exit(1);
	}
	before = cpu_ms();
	if (plan_begin(plan, NOW_S))
		exit(1);
	begin = cpu_ms() - before;
	for (bool more = true; more;) {
		before = cpu_ms();
		more = plan_next(plan, changed, NULL);
		if (cpu_ms() - before > step)
			step = cpu_ms() - before;
	}
	printf("crowd_begin %.1f ms -\n", begin);
	printf("crowd_step_max %.1f ms 50\n", step);
	plan_free(plan);
}

static void
coverage(void *arg, const struct plan_coverage *c)
{
	double *worst = arg;

	if (c->all_out < worst[0])
		worst[0] = c->all_out;
	if (c->rate_out < worst[1])
		worst[1] = c->rate_out;
	worst[2] = c->hours;
	worst[3] += c->out;
	worst[4] += c->capped != 0;
}

int
main(int argc, char **argv)
{
	unsigned int hosts = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 12500;
	unsigned int pods = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 200;
	struct plan_options options = {.paths = 64};
	double before, worst[5] = {1, 1e9, 0, 0, 0};
	struct plan *plan;

	if (argc > 3)
		options.paths = (unsigned int)strtoul(argv[3], NULL, 10);
	if (plan_new(&options, &plan))
		return 1;
	before = cpu_ms();
	for (unsigned int i = 0; i < hosts; i++)
		put(plan, i, (unsigned int)((uint64_t)i * pods / hosts));
	run(plan, NOW_S);
	printf("ports %u - -\n", hosts * RAILS);
	printf("first %.2f s 5\n", (cpu_ms() - before) / 1e3);
	before = cpu_ms();
	run(plan, NOW_S + HOUR);
	printf("hour %.2f s 5\n", (cpu_ms() - before) / 1e3);
	joins(plan, hosts, pods);
	printf("memory %.0f MiB 1024\n", rss_mib());
	plan_coverage(plan, coverage, worst);
	printf("coverage_least %.4f - 0.99\n", worst[0]);
	printf("rate_least %.2f probes/s 10\n", worst[1]);
	printf("all_pairs %.0f h -\n", worst[2]);
	printf("tuples %.0f - -\n", worst[3]);
	printf("capped_tors %.0f - 0\n", worst[4]);
	plan_free(plan);
	crowd();
	return 0;
}
