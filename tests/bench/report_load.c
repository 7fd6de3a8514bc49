/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reports of the hosts of a cluster at one broker, over one connection: 8 ports a host, 50
 * streams a port, a report every 5 s, every fifth whole; one stream in 20 has lost a probe.
 * tests/bench/report_load.py runs it.
 *
 *     report_load BROKER HOSTS SECONDS
 *
 * Prints the reports and the bytes that were sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"
#include "report_made.h"

#define PERIOD_NS (REPORT_MADE_S * NSEC_PER_SEC)
#define STEP_NS (10 * NSEC_PER_MSEC)

static struct loop *loop;
static struct loop_timer *timer;
static struct bus *bus;
static uint64_t n_hosts, n_sent, n_bytes, start_ns, end_ns;
static bool connected;

static void
send_report(uint64_t host, uint64_t sequence)
{
	char name[REPORT_MADE_NAME], tor[32], topic[TOPIC_SIZE];
	struct report r;
	msgpack_sbuffer body;
	msgpack_packer pk;

	report_made(host, sequence, clock_wall_ns(), name, &r);
	snprintf(tor, sizeof(tor), "leaf-%u", (unsigned int)(host / 8));
	topic_make_shard(topic, sizeof(topic), "rpingmesh", "report", tor, name);
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	report_pack(&pk, &r);
	if (bus_publish(bus, topic, body.data, body.size, 0) == 0) {
		n_sent++;
		n_bytes += body.size;
	}
	msgpack_sbuffer_destroy(&body);
}

/* As many reports as are due by now, the hosts one after the other. */
static void
step(void *arg)
{
	static uint64_t done;
	uint64_t now_ns = clock_mono_ns(), due;

	(void)arg;
	if (!connected || now_ns >= end_ns + 2 * NSEC_PER_SEC) {
		if (connected)
			loop_stop(loop);
		loop_timer_set(timer, STEP_NS);
		return;
	}
	due = ((now_ns < end_ns ? now_ns : end_ns) - start_ns) * n_hosts / PERIOD_NS;
	for (unsigned int i = 0; done < due && i < 200; i++, done++)
		send_report(done % n_hosts, done / n_hosts + 1);
	loop_timer_set(timer, STEP_NS);
}

static void
on_changed(void *user, bool is_connected)
{
	const uint64_t *run_ns = user;

	if (!is_connected || connected)
		return;
	connected = true;
	start_ns = clock_mono_ns();
	end_ns = start_ns + *run_ns;
}

static void
on_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	(void)user, (void)topic, (void)payload, (void)size, (void)retained;
}

int
main(int argc, char **argv)
{
	static const struct bus_ops ops = {.message = on_message, .changed = on_changed};
	struct bus_config config = {BUS_CONFIG_DEFAULTS, .client_id = "report-load"};
	struct names *names;
	uint64_t run_ns;

	if (argc != 4) {
		fprintf(stderr, "usage: report_load BROKER HOSTS SECONDS\n");
		return 1;
	}
	config.broker = argv[1];
	config.queue_bytes = 64 << 20;
	n_hosts = strtoull(argv[2], NULL, 10);
	run_ns = strtoull(argv[3], NULL, 10) * NSEC_PER_SEC;
	if (loop_new(&loop) < 0 || names_new(loop, &names) < 0 ||
	    loop_timer_new(loop, "step", step, NULL, &timer) < 0 ||
	    bus_new(loop, names, &config, &ops, &run_ns, &bus) < 0)
		return 1;
	loop_timer_set(timer, 0);
	loop_run(loop);
	printf("%llu %llu\n", (unsigned long long)n_sent, (unsigned long long)n_bytes);
	return 0;
}
