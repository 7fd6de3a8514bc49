/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts of a cluster at one broker, without their probes: what the agents send and hear, each
 * over a connection of its own (src/bus). tests/bench/cluster_load.py runs it.
 *
 *     cluster_load BROKER HOSTS
 *
 * Each host has 8 ports on 8 rails; 32 hosts share the ToR of a rail. Ends when each host has a
 * list and none has come for QUIET_S, and prints one line for each figure: name, value, unit. Then
 * waits for a line, so that the caller can look at the broker while the hosts are connected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"
#include "record/registration.h"

#define RAILS 8
#define TOR_HOSTS 32
#define QUIET_S 10
#define GIVE_UP_S 600

struct host {
	struct bus *bus;
	bool connected, has_list;
};

static struct loop *loop;
static struct loop_timer *timer;
static unsigned int n_hosts, n_connected, n_listed;
static uint64_t n_lists, list_bytes, start_ns, connected_ns, listed_ns, last_ns;

static void
on_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	struct host *host = user;

	(void)payload;
	(void)retained;
	if (!strstr(topic, "/pinglist/") || size == 0)
		return;
	n_lists++;
	list_bytes += size;
	last_ns = clock_mono_ns();
	if (host->has_list)
		return;
	host->has_list = true;
	if (++n_listed == n_hosts)
		listed_ns = last_ns;
}

static void
on_changed(void *user, bool connected)
{
	struct host *host = user;

	if (!connected || host->connected)
		return;
	host->connected = true;
	if (++n_connected == n_hosts)
		connected_ns = clock_mono_ns();
}

static void
fill_port(struct registration_port *port, unsigned int host, unsigned int rail)
{
	char text[64];

	snprintf(port->device, sizeof(port->device), "mlx5_%u", rail);
	port->port = 1;
	snprintf(text, sizeof(text), "10.%u.%u.%u", rail, host / 250, host % 250 + 1);
	addr_parse(text, &port->addrs[0]);
	snprintf(text, sizeof(text), "fd00:%x::%x", rail, host + 1);
	addr_parse(text, &port->addrs[1]);
	port->n_addrs = 2;
	snprintf(port->tors[0], sizeof(port->tors[0]), "pod%u-rail%u", host / TOR_HOSTS, rail);
	port->n_tors = 1;
	port->tor_by = REGISTRATION_TOR_LLDP;
	snprintf(port->rail, sizeof(port->rail), "rail%u", rail);
	port->speed_mbps = 400000;
	port->mtu = 4096;
	port->hw_clock = true;
	port->out_per_s = 2000;
	port->in_per_s = 10000;
}

/* Returns the bytes of the registration. */
static size_t
set_registration(const struct host *host, const char *name, unsigned int i, const char *topic)
{
	static struct registration_port ports[RAILS];
	struct registration r = {.incarnation = i + 1, .time_ns = clock_wall_ns()};
	msgpack_sbuffer body;
	msgpack_packer pk;
	size_t size;

	memset(ports, 0, sizeof(ports));
	for (unsigned int k = 0; k < RAILS; k++)
		fill_port(&ports[k], i, k);
	snprintf(r.host, sizeof(r.host), "%s", name);
	snprintf(r.version, sizeof(r.version), "bench");
	r.ports = ports;
	r.n_ports = RAILS;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	registration_pack(&pk, &r);
	bus_set(host->bus, topic, body.data, body.size);
	size = body.size;
	msgpack_sbuffer_destroy(&body);
	return size;
}

/* As src/agent/cluster does. Returns the bytes of the registration. */
static size_t
start_host(struct names *names, const char *broker, struct host *host, unsigned int i)
{
	static const struct bus_ops ops = {.message = on_message, .changed = on_changed};
	char name[32], client_id[64], topic[TOPIC_SIZE], list[TOPIC_SIZE], beats[TOPIC_SIZE];
	struct bus_config config = {BUS_CONFIG_DEFAULTS, .broker = broker};

	snprintf(name, sizeof(name), "gpu-%04u", i);
	snprintf(client_id, sizeof(client_id), "rpingmesh-%s", name);
	topic_make(topic, sizeof(topic), "rpingmesh", "host", name);
	topic_make(list, sizeof(list), "rpingmesh", "pinglist", name);
	topic_make(beats, sizeof(beats), "rpingmesh", "central", NULL);
	config.client_id = client_id;
	config.will = topic;
	if (bus_new(loop, names, &config, &ops, host, &host->bus) < 0 ||
	    bus_subscribe(host->bus, topic, 1) < 0 || bus_subscribe(host->bus, list, 1) < 0 ||
	    bus_subscribe(host->bus, beats, 0) < 0) {
		fprintf(stderr, "%s: no bus\n", name);
		exit(1);
	}
	return set_registration(host, name, i, topic);
}

static void
look(void *arg)
{
	uint64_t now = clock_mono_ns();

	(void)arg;
	if ((n_listed == n_hosts && now - last_ns > QUIET_S * NSEC_PER_SEC) ||
	    now - start_ns > GIVE_UP_S * NSEC_PER_SEC)
		loop_stop(loop);
	else
		loop_timer_set(timer, NSEC_PER_SEC / 10);
}

static double
since(uint64_t ns)
{
	return ns ? (double)(ns - start_ns) / NSEC_PER_SEC : -1;
}

static void
print_figures(size_t registration)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("registration %zu bytes\n", registration);
	printf("all_connected %.1f s\n", since(connected_ns));
	printf("all_have_a_list %.1f s\n", since(listed_ns));
	printf("last_list %.1f s\n", since(last_ns));
	printf("lists %.2f a_host\n", (double)n_lists / n_hosts);
	printf("list %.0f bytes\n", n_lists ? (double)list_bytes / (double)n_lists : 0);
	printf("host_cpu %.2f ms\n",
	       ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3) / n_hosts);
	printf("host_memory %.1f KB\n", (double)usage.ru_maxrss / n_hosts);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct names *names;
	struct host *hosts;
	size_t bytes = 0;

	n_hosts = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	hosts = n_hosts ? calloc(n_hosts, sizeof(*hosts)) : NULL;
	if (!hosts || loop_new(&loop) < 0 || names_new(loop, &names) < 0 ||
	    loop_timer_new(loop, "look", look, NULL, &timer) < 0) {
		fprintf(stderr, "usage: cluster_load BROKER HOSTS\n");
		return 1;
	}
	start_ns = clock_mono_ns();
	for (unsigned int i = 0; i < n_hosts; i++)
		bytes = start_host(names, argv[1], &hosts[i], i);
	loop_timer_set(timer, 0);
	loop_run(loop);
	print_figures(bytes);
	getchar();
	return n_listed != n_hosts;
}
