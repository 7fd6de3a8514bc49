/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planners in the life of a cluster: hosts join, leave, move to another ToR, get other addresses,
 * are drained, a third of them disappears and returns, hours pass, paths are seen.
 *
 * The model knows each host's ports and nothing of how lists are made. Planner `a` gets every
 * change at once and runs after each. Planner `b` learns late, of many hosts at once, in another
 * order. Now and then a planner `c` begins anew.
 *
 * Whatever happens: no list has a pair outside the rules, and all pairs of a ToR mesh are there; no
 * port sends or answers more than its budget; a list changes exactly when `changed` says so, and a
 * second run changes nothing; coverage counts what the lists have and reaches what it promises
 * unless it says why not; planners that know the same have the same digest. At the end the share of
 * ToRs whose tuples cover all paths, by throwing them, is that which coverage has said.
 *
 *     sim_plan [seeds [first seed]]
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

#define HOSTS 48
#define PORTS 3
#define TORS 10
#define STEPS 60
#define LISTED 20000
#define NO_TOR 255

struct sim_nic {
	struct addr address[2];     /* IPv4, IPv6 */
	bool v4, v6;
	uint8_t tor[2], rail;       /* tor[1] may be NO_TOR */
	uint32_t out, in, source_ports;
};

struct sim_host {
	bool there, known_to_b;     /* b: has this version */
	uint64_t drained_until_s;
	unsigned int n;
	struct sim_nic nic[PORTS];
	uint64_t generation;        /* of its list, after the last run */
	bool told;                  /* `changed` was called for it */
};

struct sim_entry {
	unsigned int host, nic, to_host, to_nic;
	bool v6;
	enum plan_kind kind;
	unsigned int tuples;
	double rate;
};

struct sim {
	uint64_t seed, random, now_s;
	const char *failed;         /* the first invariant that did not hold */
	struct plan_options options;
	struct plan *a, *b;
	struct sim_host host[HOSTS];
	uint8_t paths[TORS];        /* seen at each ToR */
	struct sim_entry entry[LISTED];
	size_t n;
	unsigned int reading;       /* the host whose list is being read */
	bool again;                 /* a second run: nothing may change */
	/* Over the whole life. */
	double covered_said, covered_variance;
	unsigned int covered;
};

static uint64_t
sim_random(struct sim *s, uint64_t below)
{
	s->random += 0x9e3779b97f4a7c15u;
	uint64_t x = s->random;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x ^ x >> 31) % below;
}

static void
sim_check(struct sim *s, bool holds, const char *what)
{
	if (!holds && !s->failed)
		s->failed = what;
}

static unsigned int
sim_seen(void *arg, const char *tor, const char *other)
{
	const struct sim *s = arg;
	unsigned int a = s->paths[atoi(tor + 3)], b = s->paths[atoi(other + 3)];

	return a > b ? a : b;
}

/* The model. */

static void
sim_new_nic(struct sim *s, struct sim_nic *nic, unsigned int host, unsigned int port)
{
	char text[ADDR_TEXT];
	uint64_t families = sim_random(s, 8);
	/* Now and then an address that others have. */
	unsigned int unit = sim_random(s, 40) ? host : 0;
	unsigned int epoch = (unsigned int)sim_random(s, 250);

	memset(nic, 0, sizeof(*nic));
	nic->v4 = families != 0;
	nic->v6 = families < 2;
	snprintf(text, sizeof(text), "10.%u.%u.%u", unit, port, unit == host ? epoch : 7);
	addr_parse(text, &nic->address[0]);
	snprintf(text, sizeof(text), "fd00:%x:%x::%x", unit + 1, port, unit == host ? epoch : 7);
	addr_parse(text, &nic->address[1]);
	nic->tor[0] = (uint8_t)sim_random(s, TORS);
	nic->tor[1] = sim_random(s, 10) ? NO_TOR : (uint8_t)((nic->tor[0] + 1) % TORS);
	nic->rail = (uint8_t)sim_random(s, 2);
	nic->out = sim_random(s, 4) ? 400 : (uint32_t)sim_random(s, 40);
	nic->in = sim_random(s, 4) ? 400 : (uint32_t)sim_random(s, 40);
	nic->source_ports = sim_random(s, 5) ? 0 : 1 + (uint32_t)sim_random(s, 8);
}

static void
sim_new_host(struct sim *s, unsigned int h)
{
	struct sim_host *host = &s->host[h];

	host->there = true;
	host->known_to_b = false;
	host->drained_until_s = 0;
	host->n = (unsigned int)sim_random(s, 12) ? 1 + (unsigned int)sim_random(s, PORTS) : 0;
	for (unsigned int i = 0; i < host->n; i++)
		sim_new_nic(s, &host->nic[i], h, i);
}

/* Who has an address: the first host and port that claim it, drained or not. */
static bool
sim_owner(const struct sim *s, const struct addr *address, unsigned int *h, unsigned int *p)
{
	for (*h = 0; *h < HOSTS; ++*h)
		for (*p = 0; s->host[*h].there && *p < s->host[*h].n; ++*p) {
			const struct sim_nic *nic = &s->host[*h].nic[*p];

			if ((nic->v4 && addr_equal(&nic->address[0], address)) ||
			    (nic->v6 && addr_equal(&nic->address[1], address)))
				return true;
		}
	return false;
}

static bool
sim_owns(const struct sim *s, unsigned int h, unsigned int p, bool v6)
{
	const struct sim_nic *nic = &s->host[h].nic[p];
	unsigned int owner, port;

	return (v6 ? nic->v6 : nic->v4) && sim_owner(s, &nic->address[v6], &owner, &port) &&
	       owner == h && port == p;
}

static bool
sim_on(const struct sim *s, unsigned int h)
{
	return s->host[h].there && s->now_s >= s->host[h].drained_until_s;
}

static bool
sim_share_tor(const struct sim_nic *a, const struct sim_nic *b)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			if (a->tor[i] != NO_TOR && a->tor[i] == b->tor[k])
				return true;
	return false;
}

/* Telling a planner. */

static void
sim_put(struct sim *s, struct plan *plan, unsigned int h)
{
	static const char *const tors[TORS] = {"tor0", "tor1", "tor2", "tor3", "tor4",
					       "tor5", "tor6", "tor7", "tor8", "tor9"};
	const struct sim_host *host = &s->host[h];
	struct plan_port ports[PORTS];
	struct addr addresses[PORTS][2];
	const char *names[PORTS][2];
	char name[16], devices[PORTS][16];
	struct plan_host out = {name, ports, host->n, host->drained_until_s};

	snprintf(name, sizeof(name), "h%02u", h);
	if (!host->there) {
		plan_remove(plan, name);
		return;
	}
	for (unsigned int i = 0; i < host->n; i++) {
		const struct sim_nic *nic = &host->nic[i];

		snprintf(devices[i], sizeof(devices[i]), "d%u", i);
		ports[i] = (struct plan_port){.device = devices[i], .port = 1,
					      .addresses = addresses[i], .tors = names[i],
					      .rail = nic->rail ? "r1" : "r0",
					      .budget_out = nic->out, .budget_in = nic->in,
					      .source_ports = nic->source_ports};
		if (nic->v4)
			addresses[i][ports[i].n_addresses++] = nic->address[0];
		if (nic->v6)
			addresses[i][ports[i].n_addresses++] = nic->address[1];
		names[i][ports[i].n_tors++] = tors[nic->tor[0]];
		if (nic->tor[1] != NO_TOR)
			names[i][ports[i].n_tors++] = tors[nic->tor[1]];
	}
	sim_check(s, plan_put(plan, &out) == 0, "a registration is refused");
}

static void
sim_changed(void *arg, const char *host)
{
	struct sim *s = arg;

	sim_check(s, !s->again, "a second run changes a list");
	s->host[atoi(host + 1)].told = true;
}

static void
sim_ignore(void *arg, const char *host)
{
	(void)arg;
	(void)host;
}

/* What happens. */

static void
sim_happens(struct sim *s)
{
	unsigned int h = (unsigned int)sim_random(s, HOSTS), what = (unsigned int)sim_random(s, 12);
	struct sim_host *host = &s->host[h];

	host->known_to_b = false;
	if (what < 4 || !host->there)
		sim_new_host(s, h);
	else if (what < 6)
		host->there = false;
	else if (what < 8 && host->n)
		host->nic[0].tor[0] = (uint8_t)sim_random(s, TORS);
	else if (what < 10)
		host->drained_until_s = s->now_s + sim_random(s, 4000);
	else if (host->n)
		sim_new_nic(s, &host->nic[0], h, 0);
	if (host->n && host->nic[0].tor[1] == host->nic[0].tor[0])
		host->nic[0].tor[1] = NO_TOR;
	sim_put(s, s->a, h);
}

/* A third of the hosts is cut off, or all are back. */
static void
sim_partition(struct sim *s)
{
	bool back = sim_random(s, 2);

	for (unsigned int h = 0; h < HOSTS; h++) {
		if (back && !s->host[h].there)
			sim_new_host(s, h);
		else if (!back && h % 3 == 0)
			s->host[h].there = false;
		s->host[h].known_to_b = false;
		sim_put(s, s->a, h);
	}
}

static void
sim_step(struct sim *s)
{
	unsigned int what = (unsigned int)sim_random(s, 20);

	if (what == 0)
		sim_partition(s);
	else if (what == 1) {
		s->paths[sim_random(s, TORS)] = (uint8_t)sim_random(s, 12);
		plan_paths_changed(s->a);
		plan_paths_changed(s->b);
	} else
		sim_happens(s);
	s->now_s += sim_random(s, 900);
}

/* Looking. */

static void
sim_listed(void *arg, const struct plan_source *source, const struct plan_target *target)
{
	struct sim *s = arg;
	struct sim_entry *e = &s->entry[s->n];

	sim_check(s, s->n + 1 < LISTED, "too long lists");
	if (s->n + 1 < LISTED)
		s->n++;
	e->host = s->reading;
	e->nic = (unsigned int)atoi(source->device + 1);
	e->v6 = !addr_is_v4(target->address);
	e->kind = target->kind;
	e->tuples = target->tuples;
	e->rate = target->tuples * 1e6 / (double)target->interval_us;
	sim_check(s, target->tuples >= 1 && target->tuples <= PLAN_LABELS, "number of tuples");
	sim_check(s, sim_owner(s, target->address, &e->to_host, &e->to_nic),
		  "a target that is gone");
	if (s->failed)
		return;
	sim_check(s, e->to_host == (unsigned int)atoi(target->host + 1) &&
		  e->to_nic == (unsigned int)atoi(target->device + 1), "a target's name");
	sim_check(s, addr_is_v4(source->address) == addr_is_v4(target->address), "families");
	sim_check(s, sim_owns(s, e->host, e->nic, e->v6), "a source with another's address");
	sim_check(s, target->n_labels ==
		  (e->kind == PLAN_TOR || s->host[e->host].nic[e->nic].source_ports
		   ? 0 : target->tuples), "labels");
}

static void
sim_pair(struct sim *s, const struct sim_entry *e)
{
	const struct sim_nic *from = &s->host[e->host].nic[e->nic];
	const struct sim_nic *to = &s->host[e->to_host].nic[e->to_nic];

	sim_check(s, e->host != e->to_host, "a pair within a host");
	sim_check(s, sim_on(s, e->host) && sim_on(s, e->to_host), "a drained host");
	sim_check(s, !s->options.rails_isolated || from->rail == to->rail, "isolated rails");
	sim_check(s, sim_share_tor(from, to) == (e->kind == PLAN_TOR), "the kind of a pair");
}

/* All pairs of the mesh that the model has, and no other, each once. */
static void
sim_mesh(struct sim *s)
{
	static unsigned int want[HOSTS * PORTS][HOSTS * PORTS];

	memset(want, 0, sizeof(want));
	for (size_t i = 0; i < s->n; i++)
		if (s->entry[i].kind == PLAN_TOR)
			want[s->entry[i].host * PORTS + s->entry[i].nic]
			    [s->entry[i].to_host * PORTS + s->entry[i].to_nic] +=
				s->entry[i].v6 ? 100 : 1;
	for (unsigned int a = 0; a < HOSTS * PORTS; a++)
		for (unsigned int b = 0; b < HOSTS * PORTS; b++) {
			unsigned int x = a / PORTS, y = b / PORTS, expected = 0;
			const struct sim_nic *from = &s->host[x].nic[a % PORTS];
			const struct sim_nic *to = &s->host[y].nic[b % PORTS];

			if (x != y && sim_on(s, x) && sim_on(s, y) && a % PORTS < s->host[x].n &&
			    b % PORTS < s->host[y].n && sim_share_tor(from, to) && from->out &&
			    to->in && (!s->options.rails_isolated || from->rail == to->rail))
				for (int v6 = 0; v6 < 2; v6++)
					if (sim_owns(s, x, a % PORTS, v6) &&
					    sim_owns(s, y, b % PORTS, v6))
						expected += v6 ? 100 : 1;
			sim_check(s, want[a][b] == expected, "the mesh under a ToR");
		}
}

static void
sim_budgets(struct sim *s)
{
	double out[HOSTS][PORTS] = {{0}}, in[HOSTS][PORTS] = {{0}};

	for (size_t i = 0; i < s->n; i++) {
		out[s->entry[i].host][s->entry[i].nic] += s->entry[i].rate;
		in[s->entry[i].to_host][s->entry[i].to_nic] += s->entry[i].rate;
	}
	for (unsigned int h = 0; h < HOSTS; h++)
		for (unsigned int p = 0; p < PORTS; p++) {
			const struct sim_nic *nic = &s->host[h].nic[p];

			sim_check(s, out[h][p] <= nic->out + 1e-6, "a budget to send");
			sim_check(s, in[h][p] <= nic->in + 1e-6, "a budget to answer");
		}
}

static bool
sim_throw(struct sim *s, unsigned int paths, unsigned int tuples)
{
	bool hit[1024] = {false};
	unsigned int n = 0;

	while (tuples--) {
		uint64_t path = sim_random(s, paths);

		n += !hit[path];
		hit[path] = true;
	}
	return n == paths;
}

static void
sim_coverage(void *arg, const struct plan_coverage *c)
{
	struct sim *s = arg;

	s->covered_said += c->all_out;
	s->covered_variance += c->all_out * (1 - c->all_out);
	s->covered += sim_throw(s, c->paths, c->out);
	if (c->partners && !c->capped) {
		sim_check(s, c->out >= c->wanted && c->in >= c->wanted, "too few tuples");
		sim_check(s, c->all_out >= 0.99 && c->all_in >= 0.99, "too little coverage");
		sim_check(s, c->rate_out >= 9.99 / 4 && c->rate_in >= 9.99 / 4, "too low a rate");
	}
	sim_check(s, c->partners == c->others, "ToRs left out");
}

struct sim_sum {
	struct sim *sim;
	unsigned int tuples;
};

static void
sim_sum_pair(void *arg, const struct plan_coverage_pair *pair)
{
	((struct sim_sum *)arg)->tuples += pair->tuples;
}

static void
sim_look(struct sim *s)
{
	struct sim_sum sum = {s, 0};

	s->n = 0;
	for (unsigned int h = 0; h < HOSTS; h++) {
		char name[16];
		uint64_t generation;

		snprintf(name, sizeof(name), "h%02u", h);
		s->reading = h;
		generation = plan_list(s->a, name, sim_listed, s);
		if (s->host[h].there)
			sim_check(s, (generation != s->host[h].generation) == s->host[h].told,
				  "a list changes untold, or is told unchanged");
		s->host[h].generation = s->host[h].there ? generation : 0;
		s->host[h].told = false;
	}
	for (size_t i = 0; i < s->n && !s->failed; i++) {
		sim_pair(s, &s->entry[i]);
		sum.tuples -= s->entry[i].kind == PLAN_FABRIC ? s->entry[i].tuples : 0;
	}
	if (s->failed)
		return;
	sim_mesh(s);
	sim_budgets(s);
	plan_coverage(s->a, sim_coverage, s);
	plan_coverage_pairs(s->a, sim_sum_pair, &sum);
	sim_check(s, sum.tuples == 0, "coverage counts other tuples than the lists");
}

/* b learns what it has missed, beginning somewhere. */
static void
sim_catch_up(struct sim *s, struct plan *plan, bool all)
{
	unsigned int first = (unsigned int)sim_random(s, HOSTS);

	for (unsigned int i = 0; i < HOSTS; i++) {
		unsigned int h = (first + i * 5) % HOSTS;

		if (all || !s->host[h].known_to_b)
			sim_put(s, plan, h);
	}
	sim_check(s, plan_run(plan, s->now_s, sim_ignore, NULL) == 0, "b runs");
	sim_check(s, plan_digest(plan) == plan_digest(s->a), "two planners disagree");
}

static void
sim_compare(struct sim *s)
{
	struct plan *c;

	if (sim_random(s, 4) == 0) {
		sim_catch_up(s, s->b, false);
		for (unsigned int h = 0; h < HOSTS; h++)
			s->host[h].known_to_b = true;
	}
	if (sim_random(s, 8) == 0 && plan_new(&s->options, &c) == 0) {
		sim_catch_up(s, c, true);
		plan_free(c);
	}
}

static bool
sim_run(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = s->random = seed;
	s->now_s = 1000000 + sim_random(s, 1000000);
	s->options = (struct plan_options){.paths = 1 + (unsigned int)sim_random(s, 20),
					   .paths_seen = sim_seen, .arg = s,
					   .rails_isolated = sim_random(s, 2)};
	if (plan_new(&s->options, &s->a) || plan_new(&s->options, &s->b))
		return false;
	for (unsigned int step = 0; step < STEPS && !s->failed; step++) {
		sim_step(s);
		s->again = false;
		sim_check(s, plan_run(s->a, s->now_s, sim_changed, s) == 0, "a runs");
		s->again = true;
		sim_check(s, plan_run(s->a, s->now_s, sim_changed, s) == 0, "a runs again");
		sim_look(s);
		sim_compare(s);
	}
	/* Five standard errors. */
	sim_check(s, fabs(s->covered - s->covered_said) <= 5 * sqrt(s->covered_variance) + 1,
		  "coverage promises what throwing does not show");
	plan_free(s->a);
	plan_free(s->b);
	return !s->failed;
}

int
main(int argc, char **argv)
{
	unsigned long long seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10,
			   first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct sim *s = malloc(sizeof(*s));
	bool failed = false;

	if (!s)
		return EXIT_FAILURE;
	printf("1..%llu\n", seeds);
	for (unsigned long long i = 0; i < seeds; i++) {
		bool ok = sim_run(s, first + i);

		printf("%sok %llu - plan, seed %llu%s%s\n", ok ? "" : "not ", i + 1, first + i,
		       ok ? "" : ": ", ok ? "" : s->failed);
		failed |= !ok;
	}
	free(s);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
