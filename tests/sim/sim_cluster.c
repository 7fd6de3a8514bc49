/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lives of clusters: hosts join, leave, die, restart, are renamed, readdressed and moved to another
 * ToR; hosts and centrals are cut from the broker; the broker restarts, and forgets; centrals
 * start at different times and restart; operators drain hosts; a stranger writes on all topics.
 * After each bad time comes a quiet one, and then all invariants of fleet_check.c must hold.
 *
 *     sim_cluster [--trace] [seeds [first seed]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/topic.h"
#include "central/mesh/mesh.h"
#include "core/log.h"
#include "fleet.h"

#define HOSTS_MAX 200
#define CENTRALS 3
#define ROUNDS 4
#define DRAINS 512
/* Longer than all that central and agents wait for. */
#define QUIET_NS (1200 * SEC)
#define HOUR_NS (3600 * SEC)
/* How long all lists may take to the broker, which confirms twenty at a time. */
#define LISTS_NS (120 * SEC)

/* What operators have decided about a host. */
struct life_drain {
	char host[REGISTRATION_HOST];
	uint64_t time_ns;        /* by the clock of the central that was told */
	uint64_t until_ns;       /* 0: it is not drained */
	bool unsure;             /* two decisions at nearly the same time */
};

struct life {
	struct fleet_host hosts[HOSTS_MAX];
	unsigned int n_hosts, n_tors, names;
	struct fleet_central centrals[CENTRALS];
	struct life_drain drains[DRAINS];
	bool central_ended;      /* since the last quiet time, and with it what it alone knew */
	struct fleet_event broker_back;
	bool forgets;
	bool strangers;
};
static struct life life;

/* ---- what an operator does ---- */

static void
life_port(struct fleet_port *port, unsigned int host, unsigned int number)
{
	char text[ADDR_TEXT];
	unsigned int epoch = (unsigned int)fleet_random(250);
	/* Now and then an address that others have, too. */
	unsigned int unit = fleet_rules.rich || fleet_random(40) ? host : 0;
	unsigned int families = (unsigned int)fleet_random(6);

	*port = (struct fleet_port){.out = 1000, .in = 2000, .rail = number % 2};
	if (families != 0) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", unit, number, epoch);
		addr_parse(text, &port->addrs[port->n_addrs++]);
	}
	if (families < 2) {
		snprintf(text, sizeof(text), "fd00:%x:%x::%x", unit + 1, number, epoch);
		addr_parse(text, &port->addrs[port->n_addrs++]);
	}
	port->tor = port->tor2 = (unsigned int)fleet_random(life.n_tors);
	if (fleet_rules.rich)
		return;
	if (fleet_chance(10))
		port->tor2 = (unsigned int)fleet_random(life.n_tors);
	port->out = fleet_random(4) ? 1000 : (uint32_t)fleet_random(60);
	port->in = fleet_random(4) ? 1000 : (uint32_t)fleet_random(60);
	port->source_ports = fleet_random(5) ? 0 : 1 + (uint32_t)fleet_random(8);
}

static void
life_build(unsigned int i)
{
	struct fleet_host *host = &life.hosts[i];

	/* Names that topics have to encode. */
	snprintf(host->name, sizeof(host->name), fleet_chance(8) ? "h%u.ex/a+m#p" : "h%u",
		 life.names++);
	host->n_ports = 1 + (unsigned int)fleet_random(3);
	for (unsigned int p = 0; p < host->n_ports; p++)
		life_port(&host->ports[p], i, p);
}

static void
life_end_host(struct fleet_host *host)
{
	if (fleet_chance(3))
		fleet_host_leave(host);
	else
		fleet_host_die(host, fleet_chance(2));
}

static void
life_restart(struct fleet_host *host)
{
	life_end_host(host);
	fleet_host_start(host);
}

static void
life_change(unsigned int i)
{
	struct fleet_host *host = &life.hosts[i];
	struct fleet_port *port = &host->ports[fleet_random(host->n_ports)];

	switch (fleet_random(5)) {
	case 0: /* renamed */
		life_end_host(host);
		life_build(i);
		fleet_host_start(host);
		return;
	case 1: /* readdressed */
		life_port(port, i, (unsigned int)(port - host->ports));
		break;
	case 2:
		port->tor = port->tor2 = (unsigned int)fleet_random(life.n_tors);
		break;
	case 3: /* a port goes */
		if (host->n_ports > 1)
			host->n_ports--;
		break;
	default: /* or comes */
		if (host->n_ports < 3)
			life_port(&host->ports[host->n_ports], i, host->n_ports);
		host->n_ports += host->n_ports < 3;
		break;
	}
	fleet_say("%s is changed", host->name);
	fleet_host_publish(host);
}

static void
life_host(void)
{
	unsigned int i = (unsigned int)fleet_random(life.n_hosts);
	struct fleet_host *host = &life.hosts[i];
	unsigned int what = (unsigned int)fleet_random(10);

	if (!host->bus) {
		if (fleet_chance(2))
			life_build(i);
		fleet_host_start(host);
	} else if (what < 3) {
		life_end_host(host);
	} else if (what < 5) {
		life_restart(host);
	} else if (what < 8) {
		life_change(i);
	} else {
		fleet_say("%s is %s", host->name, host->loop.cut ? "back" : "cut off");
		fleet_broker_cut(&host->loop, !host->loop.cut);
	}
}

/* Many at once. */
static void
life_rack(void)
{
	unsigned int first = (unsigned int)fleet_random(life.n_hosts);
	unsigned int n = 1 + (unsigned int)fleet_random(life.n_hosts);
	unsigned int what = (unsigned int)fleet_random(3);

	fleet_say("%u hosts %s", n, what == 0 ? "die" : what == 1 ? "are cut off" : "are back");
	for (unsigned int i = 0; i < n; i++) {
		struct fleet_host *host = &life.hosts[(first + i) % life.n_hosts];

		if (what == 0)
			fleet_host_die(host, fleet_chance(2));
		else
			fleet_broker_cut(&host->loop, what == 1);
		if (what == 2 && !host->bus)
			fleet_host_start(host);
	}
}

/* ---- what happens to centrals and the broker ---- */

static void
life_central(void)
{
	struct fleet_central *c = &life.centrals[fleet_random(CENTRALS)];

	if (!c->mesh) {
		fleet_central_start(c);
	} else if (fleet_chance(2)) {
		fleet_central_stop(c);
		life.central_ended = true;
	} else {
		fleet_say("%s is %s", c->loop.name, c->loop.cut ? "back" : "cut off");
		fleet_broker_cut(&c->loop, !c->loop.cut);
	}
}

static void
life_broker_back(void *arg)
{
	(void)arg;
	fleet_say("the broker is back%s", life.forgets ? " and has forgotten all" : "");
	fleet_broker_start(life.forgets ? FLEET_FORGETS : FLEET_KEEPS);
}

static void
life_broker(void)
{
	if (!fleet_broker_is_up())
		return;
	fleet_say("the broker ends");
	life.forgets = fleet_chance(2);
	fleet_broker_stop(fleet_chance(2));
	fleet_event_in(&life.broker_back, fleet_random(60 * SEC));
}

static void
life_decided(const char *host, uint64_t time_ns, uint64_t until_ns)
{
	struct life_drain *d = life.drains;

	while (d->host[0] && strcmp(d->host, host) != 0)
		if (++d == life.drains + DRAINS)
			abort();
	snprintf(d->host, sizeof(d->host), "%s", host);
	/* Clocks are a second off. */
	d->unsure |= time_ns < d->time_ns + 3 * SEC;
	d->until_ns = until_ns;
	if (time_ns > d->time_ns)
		d->time_ns = time_ns;
}

/* The last decision counts, wherever it was made. */
static void
life_check_drains(void)
{
	for (struct life_drain *d = life.drains; d->host[0]; d++) {
		const struct drain *here = mesh_drained(life.centrals[0].mesh, d->host);
		uint64_t until_ns = d->until_ns > fleet_wall_ns() ? d->until_ns : 0;

		if (!d->unsure && !life.central_ended && (here ? here->until_ns : 0) != until_ns)
			fleet_broken("%s is %s, against the last decision", d->host,
				     here ? "drained" : "not drained");
		d->until_ns = here ? here->until_ns : 0;
		d->unsure = false;
	}
	life.central_ended = false;
}

static void
life_drain(void)
{
	const struct fleet_host *host = &life.hosts[fleet_random(life.n_hosts)];
	struct fleet_central *c = &life.centrals[fleet_random(CENTRALS)];
	struct drain drain = {.reason = "cables", .by = "root"};

	if (!c->mesh)
		return;
	fleet_time.running = &c->loop;
	snprintf(drain.host, sizeof(drain.host), "%s", host->name);
	drain.time_ns = clock_wall_ns();
	drain.until_ns = drain.time_ns + fleet_random(2 * HOUR_NS);
	if (fleet_chance(3)) {
		fleet_say("%s is drained no longer", drain.host);
		if (mesh_undrain(c->mesh, drain.host) == 0)
			life_decided(drain.host, drain.time_ns, 0);
	} else {
		fleet_say("%s is drained for %u s", drain.host,
			  (unsigned int)((drain.until_ns - drain.time_ns) / SEC));
		if (mesh_drain(c->mesh, &drain) == 0)
			life_decided(drain.host, drain.time_ns, drain.until_ns);
	}
	fleet_time.running = NULL;
}

/* ---- a stranger ---- */

static void
stranger_topic(char topic[TOPIC_SIZE])
{
	static const char *const kinds[] = {"host", "drain", "pinglist"};
	char name[32];

	snprintf(name, sizeof(name), "x%u", (unsigned int)fleet_random(30));
	if (topic_make(topic, TOPIC_SIZE, FLEET_PREFIX, kinds[fleet_random(3)], name) < 0)
		abort();
}

/* Bytes that mean nothing, retained; they are gone before it is quiet. */
static void
stranger_garbage(void)
{
	unsigned char bytes[200];
	char topic[TOPIC_SIZE];
	size_t n = fleet_random(sizeof(bytes));

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(fleet_chance(2) ? 0x80 + fleet_random(32) :
							     fleet_random(256));
	stranger_topic(topic);
	fleet_say("a stranger writes on %s", topic);
	fleet_broker_forge(topic, bytes, n);
}

/* A host that does not exist, with addresses of one that does; or a registration cut short. */
static void
stranger_host(void)
{
	const struct fleet_host *victim = &life.hosts[fleet_random(life.n_hosts)];
	struct fleet_host evil = {.n_ports = victim->n_ports, .incarnation = 1};
	bool whole = fleet_chance(2);
	char topic[TOPIC_SIZE];
	void *body;
	size_t size;

	memcpy(evil.ports, victim->ports, sizeof(evil.ports));
	snprintf(evil.name, sizeof(evil.name), "%c%u", whole ? 'a' : 'x',
		 (unsigned int)fleet_random(30));
	for (unsigned int i = 0; i < evil.n_ports; i++) {
		evil.ports[i].out = (uint32_t)fleet_random(1000000);
		evil.ports[i].in = (uint32_t)fleet_random(1000000);
		evil.ports[i].tor = (unsigned int)fleet_random(life.n_tors);
		evil.ports[i].tor2 = evil.ports[i].tor;
	}
	fleet_host_pack(&evil, false, &body, &size);
	if (topic_make(topic, TOPIC_SIZE, FLEET_PREFIX, "host", evil.name) < 0)
		abort();
	fleet_say("a stranger registers %s", evil.name);
	fleet_broker_forge(topic, body, whole || fleet_chance(2) ? size : fleet_random(size));
	free(body);
}

/* On the topic of a host: it, and central, must see what is true again. */
static void
stranger_takes(void)
{
	const struct fleet_host *victim = &life.hosts[fleet_random(life.n_hosts)];
	char topic[TOPIC_SIZE];

	if (topic_make(topic, TOPIC_SIZE, FLEET_PREFIX, "host", victim->name) < 0)
		abort();
	fleet_say("a stranger writes on the topic of %s", victim->name);
	fleet_broker_forge(topic, "\xc1", fleet_random(2));
}

static void
stranger_sweep_one(void *arg, const char *topic, const void *payload, size_t size)
{
	char (*found)[TOPIC_SIZE] = arg;
	char name[REGISTRATION_HOST];

	(void)payload;
	for (size_t i = 0; i < 3; i++) {
		static const char *const kinds[] = {"host", "drain", "pinglist"};

		if (topic_name(topic, FLEET_PREFIX, kinds[i], name, sizeof(name)) == 0 &&
		    (name[0] == 'x' || size == 1))
			snprintf(*found, TOPIC_SIZE, "%s", topic);
	}
}

/* An operator clears what a stranger has written, unless a host has done so. */
static void
stranger_sweep(void)
{
	char topic[TOPIC_SIZE];

	do {
		topic[0] = '\0';
		fleet_broker_each(stranger_sweep_one, &topic);
		if (topic[0])
			fleet_broker_forge(topic, NULL, 0);
	} while (topic[0]);
}

/* ---- a life ---- */

static void
life_happens(void)
{
	unsigned int what = (unsigned int)fleet_random(40);

	if (what < 2)
		life_rack();
	else if (what < 4)
		life_broker();
	else if (what < 8)
		life_central();
	else if (what < 12)
		life_drain();
	else if (what < 18 && life.strangers && fleet_chance(3))
		stranger_takes();
	else if (what < 18 && life.strangers)
		fleet_chance(2) ? stranger_garbage() : stranger_host();
	else
		life_host();
}

static void
life_watch(uint64_t until_ns)
{
	while (fleet_time.now_ns < until_ns && !fleet_failed[0]) {
		fleet_run(fleet_time.now_ns + SEC);
		for (unsigned int i = 0; i < CENTRALS; i++)
			fleet_central_watch(&life.centrals[i]);
	}
}

/*
 * Whether an hour or a drain ends soon, or an hour has just ended: lists are on their way. The
 * clocks of centrals are a second off.
 */
static bool
life_is_changing(void)
{
	uint64_t now_ns = fleet_wall_ns(), rest = now_ns % HOUR_NS;
	const struct drain *drain = NULL;

	for (unsigned int i = 0; i < CENTRALS; i++)
		while ((drain = mesh_drain_next(life.centrals[i].mesh, drain)))
			if (drain->until_ns < now_ns + LISTS_NS + 2 * SEC)
				return true;
	return rest < LISTS_NS || rest > HOUR_NS - LISTS_NS - 2 * SEC;
}

/* All is mended, and time goes by. */
static void
life_quiet(void)
{
	fleet_say("it becomes quiet");
	fleet_weather.kicks = 0;
	stranger_sweep();
	for (unsigned int i = 0; i < CENTRALS; i++)
		if (life.centrals[i].loop.cut)
			fleet_broker_cut(&life.centrals[i].loop, false);
	for (unsigned int i = 0; i < life.n_hosts; i++)
		if (life.hosts[i].loop.cut)
			fleet_broker_cut(&life.hosts[i].loop, false);
	for (unsigned int i = 0; i < CENTRALS; i++)
		if (!life.centrals[i].mesh)
			fleet_central_start(&life.centrals[i]);
	life_watch(fleet_time.now_ns + QUIET_NS);
	while (life_is_changing() && !fleet_failed[0])
		life_watch(fleet_time.now_ns + LISTS_NS);
	life_watch(fleet_time.now_ns + LISTS_NS);
	if (!fleet_failed[0])
		fleet_check(life.centrals, CENTRALS, life.hosts, life.n_hosts);
	if (!fleet_failed[0])
		life_check_drains();
}

static void
life_round(void)
{
	unsigned int n = 1 + (unsigned int)fleet_random(30);
	uint64_t pause_ns = fleet_random(2) ? 20 * SEC : 2 * SEC;

	fleet_weather.kicks = fleet_random(2) ? 100 : 0;
	while (n-- && !fleet_failed[0]) {
		life_happens();
		life_watch(fleet_time.now_ns + fleet_random(pause_ns));
	}
	if (!fleet_failed[0])
		life_quiet();
}

static void
life_begin(uint64_t seed)
{
	static const char *const names[CENTRALS] = {"central-a", "central-b", "central-c"};

	memset(&life, 0, sizeof(life));
	fleet_failed[0] = '\0';
	fleet_random_begin(seed);
	fleet_time_begin(480000 * HOUR_NS + fleet_random(HOUR_NS));
	fleet_broker_begin();
	life.broker_back = (struct fleet_event){.fn = life_broker_back};
	life.n_hosts = 3 + (unsigned int)fleet_random(fleet_chance(20) ? HOSTS_MAX - 3 : 24);
	life.n_tors = 1 + (unsigned int)fleet_random(5);
	life.strangers = fleet_chance(2);
	fleet_weather = (struct fleet_weather){
		.delay_ns = fleet_random(3) ? 1 + fleet_random(20 * MS) : 1 + fleet_random(2 * SEC),
		.twice = fleet_random(2) ? 10 : 0};
	fleet_rules = (struct fleet_rules){
		.paths = 1 + (unsigned int)fleet_random(16), .rails_isolated = fleet_chance(2),
		.budget_percent = fleet_chance(2) ? 80 : 20 + (unsigned int)fleet_random(81),
		.max_hosts = 1000, .rich = fleet_chance(2)};
	if (fleet_rules.rich)
		fleet_rules.budget_percent = 80;
	for (unsigned int i = 0; i < CENTRALS; i++) {
		life.centrals[i].loop.name = names[i];
		life.centrals[i].loop.clock_off_ns = (int64_t)fleet_random(2 * SEC) - (int64_t)SEC;
	}
}

static void
life_run(uint64_t seed)
{
	life_begin(seed);
	for (unsigned int i = 0; i < life.n_hosts; i++) {
		life_build(i);
		life.hosts[i].loop.clock_off_ns = (int64_t)fleet_random(10 * SEC);
		if (fleet_random(10))
			fleet_host_start(&life.hosts[i]);
	}
	fleet_central_start(&life.centrals[0]);
	life_watch(fleet_time.now_ns + fleet_random(300 * SEC));
	fleet_central_start(&life.centrals[1]);
	for (unsigned int i = 0; i < ROUNDS && !fleet_failed[0]; i++)
		life_round();
	for (unsigned int i = 0; i < life.n_hosts; i++)
		fleet_host_die(&life.hosts[i], true);
	for (unsigned int i = 0; i < CENTRALS; i++)
		fleet_central_stop(&life.centrals[i]);
	fleet_event_clear(&life.broker_back);
	fleet_broker_end();
	fleet_time_end();
}

int
main(int argc, char **argv)
{
	unsigned long long seeds, first;
	bool failed = false;

	if (argc > 1 && strcmp(argv[1], "--trace") == 0) {
		fleet_trace = true;
		argc--;
		argv++;
	}
	seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 40;
	first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	log_setup(LOG_TARGET_STDERR, fleet_trace ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
	printf("1..%llu\n", seeds);
	for (unsigned long long i = 0; i < seeds; i++) {
		life_run(first + i);
		printf("%sok %llu - cluster, seed %llu%s%s\n", fleet_failed[0] ? "not " : "", i + 1,
		       first + i, fleet_failed[0] ? ": " : "", fleet_failed);
		failed |= fleet_failed[0] != '\0';
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
