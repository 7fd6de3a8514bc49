/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole central of a large cluster, at the virtual broker of tests/sim: from the registrations
 * that the broker has kept to all pinglists published, then one host that joins. Rail-optimised:
 * each host has a port on each of 8 rails, and each pod a ToR for each rail.
 *
 *     central [HOSTS [PODS [PATHS]]]     12500 200 64 unless given: 100,000 ports, 1,600 ToRs
 *
 * Prints one line for each figure: name, value, unit, goal. Processor time is that of this process
 * (getrusage(2)) and includes the broker's. Memory is what central has allocated, without the
 * broker's. Figures of a joining host are medians over JOINS hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bus/topic.h"
#include "core/log.h"
#include "tests/sim/fleet.h"

#define RAILS 8
#define JOINS 15

static struct fleet_central central = {.loop = {.name = "central"}};

static double
cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return 1e3 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* The host is at the broker, as if it had registered. */
static void
put(unsigned int i, unsigned int pod)
{
	struct fleet_host host = {.n_ports = RAILS, .incarnation = i + 1};
	char text[ADDR_TEXT], topic[TOPIC_SIZE];
	void *body;
	size_t size;

	snprintf(host.name, sizeof(host.name), "host%05u", i);
	for (unsigned int r = 0; r < RAILS; r++) {
		struct fleet_port *port = &host.ports[r];

		*port = (struct fleet_port){.n_addrs = 1, .tor = pod * RAILS + r, .rail = r,
					    .out = 190, .in = 380};
		port->tor2 = port->tor;
		snprintf(text, sizeof(text), "10.%u.%u.%u", r * 8 + (i >> 16), i >> 8 & 255,
			 i & 255);
		addr_parse(text, &port->addrs[0]);
	}
	fleet_host_pack(&host, false, &body, &size);
	if (topic_make(topic, sizeof(topic), FLEET_PREFIX, "host", host.name) < 0)
		exit(1);
	fleet_broker_forge(topic, body, size);
	free(body);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
joins(unsigned int hosts, unsigned int pods)
{
	double ms[JOINS], lists[JOINS];
	struct fleet_broker_stats before, after;

	for (unsigned int i = 0; i < JOINS; i++) {
		double start = cpu_ms();

		fleet_broker_stats(&before);
		put(hosts + i, i * 7 % pods);
		fleet_run(fleet_time.now_ns + 10 * SEC);
		fleet_broker_stats(&after);
		ms[i] = cpu_ms() - start;
		lists[i] = 100.0 * (double)(after.published - before.published) / hosts;
	}
	qsort(ms, JOINS, sizeof(*ms), compare);
	qsort(lists, JOINS, sizeof(*lists), compare);
	printf("central_join_median %.2f ms -\n", ms[JOINS / 2]);
	printf("central_join_lists_median %.3f %% 1\n", lists[JOINS / 2]);
}

int
main(int argc, char **argv)
{
	unsigned int hosts = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 12500;
	unsigned int pods = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 200;
	struct fleet_broker_stats before, stats;
	double start;

	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	fleet_rules = (struct fleet_rules){.paths = 64, .budget_percent = 80, .max_hosts = 20000};
	if (argc > 3)
		fleet_rules.paths = (unsigned int)strtoul(argv[3], NULL, 10);
	/* A minute after the full hour. */
	fleet_time_begin(480000 * 3600 * SEC - 940 * SEC);
	fleet_broker_begin();
	for (unsigned int i = 0; i < hosts; i++)
		put(i, (unsigned int)((uint64_t)i * pods / hosts));
	fleet_broker_stats(&before);
	start = cpu_ms();
	fleet_central_start(&central);
	fleet_run(fleet_time.now_ns + 60 * SEC);
	fleet_broker_stats(&stats);
	printf("central_ports %u - -\n", hosts * RAILS);
	printf("central_first %.2f s 5\n", (cpu_ms() - start) / 1e3);
	printf("central_lists %.0f MB -\n", (double)(stats.bytes - before.bytes) / 1e6);
	printf("central_published %llu - -\n",
	       (unsigned long long)(stats.published - before.published));
	joins(hosts, pods);
	printf("central_memory %.0f MiB 1024\n",
	       (double)central.loop.most_allocated / (1 << 20));
	fleet_central_stop(&central);
	fleet_broker_end();
	fleet_time_end();
	return 0;
}
