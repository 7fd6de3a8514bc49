/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts of a cluster at one broker, over one connection: their registrations and paths, then
 * their reports, each host one every 5 s (report_made.h). tests/bench/report_load.py runs it.
 *
 *     report_load BROKER HOSTS SECONDS [broken]
 *
 * Says what it begins with ("registrations", "paths", "reports"). At the end, prints the reports
 * that were sent, their bytes, and how many seconds behind its time table it was at most. "broken":
 * one switch loses probes from the middle of the reports on.
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
/* Of what comes before the reports: messages a step, as long as the queue has room. */
#define STEP_MESSAGES 20u
#define QUEUED_MAX 200u
#define SETTLE_NS (3 * NSEC_PER_SEC)

static struct loop *loop;
static struct loop_timer *timer;
static struct bus *bus;
static uint64_t n_hosts, run_ns, n_sent, n_bytes, start_ns, end_ns, behind_ns;
static uint64_t n_registered, n_paths, n_reports;
static bool connected, breaks;

static void
publish(const char *kind, const struct report_made_host *host, const msgpack_sbuffer *body)
{
	char tor[32], topic[TOPIC_SIZE];

	snprintf(tor, sizeof(tor), "pod%u-rail0", (unsigned int)(host->number / 64));
	topic_make_shard(topic, sizeof(topic), "rpingmesh", kind, tor, host->name);
	if (bus_publish(bus, topic, body->data, body->size, kind[0] == 'p') == 0 &&
	    kind[0] == 'r') {
		n_sent++;
		n_bytes += body->size;
	}
}

static void
send_registration(uint64_t number)
{
	struct report_made_host host = {(uint32_t)number, (uint32_t)n_hosts, clock_wall_ns(), ""};
	char topic[TOPIC_SIZE];
	struct registration r;
	msgpack_sbuffer body;
	msgpack_packer pk;

	report_made_registration(&host, &r);
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	registration_pack(&pk, &r);
	topic_make(topic, sizeof(topic), "rpingmesh", "host", host.name);
	bus_retain(bus, topic, body.data, body.size);
	msgpack_sbuffer_destroy(&body);
}

static void
send_paths(uint64_t number)
{
	struct report_made_host host = {(uint32_t)(number / REPORT_MADE_PARTS), (uint32_t)n_hosts,
					clock_wall_ns(), ""};
	msgpack_sbuffer body;
	msgpack_packer pk;
	struct paths p;

	report_made_paths(&host, (uint32_t)(number % REPORT_MADE_PARTS), &p);
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	paths_pack(&pk, &p);
	publish("path", &host, &body);
	msgpack_sbuffer_destroy(&body);
}

static void
send_report(uint64_t number, uint64_t sequence)
{
	struct report_made_host host = {(uint32_t)number, (uint32_t)n_hosts, clock_wall_ns(), ""};
	msgpack_sbuffer body;
	msgpack_packer pk;
	struct report r;

	report_made(&host, sequence, &r);
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	report_pack(&pk, &r);
	publish("report", &host, &body);
	msgpack_sbuffer_destroy(&body);
}

static void
say(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

/* As many as there is room for. Returns whether all are sent and confirmed. */
static bool
send_some(uint64_t *done, uint64_t n, void (*one)(uint64_t number))
{
	struct bus_status status;

	bus_status(bus, &status);
	for (unsigned int i = 0; *done < n && i < STEP_MESSAGES && status.queued + i < QUEUED_MAX;
	     i++)
		one((*done)++);
	return *done == n && status.queued == 0;
}

/* As many reports as are due by now, the hosts one after the other. */
static void
send_due(void)
{
	uint64_t now_ns = clock_mono_ns(), due;

	if (now_ns >= end_ns + 5 * NSEC_PER_SEC)
		loop_stop(loop);
	report_made_broken = breaks && now_ns > (start_ns + end_ns) / 2;
	due = ((now_ns < end_ns ? now_ns : end_ns) - start_ns) * n_hosts / PERIOD_NS;
	for (unsigned int i = 0; n_reports < due && i < 200; i++, n_reports++)
		send_report(n_reports % n_hosts, n_reports / n_hosts + 1);
	if ((due - n_reports) * PERIOD_NS / n_hosts > behind_ns)
		behind_ns = (due - n_reports) * PERIOD_NS / n_hosts;
}

static void
step(void *arg)
{
	static enum { REGISTRATIONS, PATHS, REPORTS } phase;
	static uint64_t done_ns;

	(void)arg;
	loop_timer_set(timer, STEP_NS);
	if (!connected)
		return;
	if (phase == REPORTS) {
		send_due();
		return;
	}
	if (!(phase == PATHS ? send_some(&n_paths, n_hosts * REPORT_MADE_PARTS, send_paths) :
			       send_some(&n_registered, n_hosts, send_registration)))
		done_ns = clock_mono_ns();
	if (clock_mono_ns() - done_ns < SETTLE_NS)
		return;
	say(++phase == PATHS ? "paths" : "reports");
	done_ns = start_ns = clock_mono_ns();
	end_ns = start_ns + run_ns;
}

static void
on_changed(void *user, bool is_connected)
{
	(void)user;
	if (is_connected && !connected)
		say("registrations");
	connected |= is_connected;
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

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: report_load BROKER HOSTS SECONDS [broken]\n");
		return 1;
	}
	config.broker = argv[1];
	config.queue_bytes = 64 << 20;
	n_hosts = strtoull(argv[2], NULL, 10);
	run_ns = strtoull(argv[3], NULL, 10) * NSEC_PER_SEC;
	breaks = argc == 5;
	if (loop_new(&loop) < 0 || names_new(loop, &names) < 0 ||
	    loop_timer_new(loop, "step", step, NULL, &timer) < 0 ||
	    bus_new(loop, names, &config, &ops, NULL, &bus) < 0)
		return 1;
	loop_timer_set(timer, 0);
	loop_run(loop);
	printf("%llu %llu %.2f\n", (unsigned long long)n_sent, (unsigned long long)n_bytes,
	       (double)behind_ns / NSEC_PER_SEC);
	return 0;
}
