/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom each host probes when. In a circle of n hosts, each probes those that are 1 to k behind it
 * in the first round, the next k in the second, and so on: so each is probed by k others at a time,
 * too. A host probes from each of its ports, to the port of the same rail, or else of the same
 * number; with very many ports, only from some of them to each host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/check/checks_impl.h"
#include "core/clock.h"
#include "core/udp_port.h"
#include "record/ask.h"

#define CHECK_SHARE 4u           /* this part of the budget of a port */
#define CHECK_AT_ONCE 32u        /* 5-tuples of a host in a round */
#define CHECK_INTERVAL_NS (200 * NSEC_PER_MSEC)
#define CHECK_SLOWEST_NS (500 * NSEC_PER_MSEC) /* rather fewer at a time */
#define CHECK_SETTLE_NS (3 * NSEC_PER_SEC) /* until a host has the ask, and knows its peers */
#define CHECK_LATE_NS (31 * NSEC_PER_SEC)  /* two periods of reports (report_s), and a look */

static uint16_t
check_port(uint64_t *random)
{
	/* splitmix64: any port will do. */
	uint64_t z = (*random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (uint16_t)(UDP_PORT_MIN + (z ^ (z >> 31)) % (65536 - UDP_PORT_MIN));
}

static const struct registration_port *
check_other_port(const struct registration *of, const struct registration_port *port, size_t number)
{
	for (size_t i = 0; port->rail[0] && i < of->n_ports; i++)
		if (strcmp(of->ports[i].rail, port->rail) == 0)
			return &of->ports[i];
	return &of->ports[number % of->n_ports];
}

/* Addresses of one family; false: there are none. */
static bool
check_ports_addrs(const struct registration_port *a, const struct registration_port *b,
		  struct check_tuple *out)
{
	for (size_t i = 0; i < a->n_addrs; i++)
		for (size_t k = 0; k < b->n_addrs; k++)
			if (addr_is_v4(&a->addrs[i]) == addr_is_v4(&b->addrs[k])) {
				out->source = a->addrs[i];
				out->destination = b->addrs[k];
				return true;
			}
	return false;
}

/* Any other port is better than none. */
static bool
check_addrs(const struct registration *of, const struct registration_port *port, size_t number,
	    struct check_tuple *out)
{
	if (check_ports_addrs(port, check_other_port(of, port, number), out))
		return true;
	for (size_t i = 0; i < of->n_ports; i++)
		if (check_ports_addrs(port, &of->ports[i], out))
			return true;
	return false;
}

static int
check_tuple_order(const void *a, const void *b)
{
	const struct check_tuple *x = a, *y = b;
	int order = memcmp(&x->source, &y->source, sizeof(x->source));

	return order ? order : memcmp(&x->destination, &y->destination, sizeof(x->destination));
}

/* How many ports of a host probe one other host. */
static size_t
check_ports_each(const struct check *check, const size_t *at, size_t n)
{
	size_t ports = 1, most = CHECKS_TUPLES / (n * (n - 1));

	for (size_t i = 0; i < n; i++)
		if (check->members[at[i]].ports->n_ports > ports)
			ports = check->members[at[i]].ports->n_ports;
	if (ports > most)
		ports = most;
	return ports < CHECK_AT_ONCE ? ports : CHECK_AT_ONCE;
}

/* The smallest budget of all ports that are probed, and the member that has it. */
struct check_budget {
	uint64_t per_s;
	size_t of;
};

static struct check_budget
check_budget(const struct check *check, const size_t *at, size_t n)
{
	struct check_budget least = {UINT32_MAX, at[0]};

	for (size_t i = 0; i < n; i++) {
		const struct registration *r = check->members[at[i]].ports;

		for (size_t k = 0; k < r->n_ports; k++) {
			const struct registration_port *p = &r->ports[k];
			uint64_t per_s = p->out_per_s < p->in_per_s ? p->out_per_s : p->in_per_s;

			if (p->n_addrs && per_s < least.per_s)
				least = (struct check_budget){per_s, at[i]};
		}
	}
	if (!least.per_s)
		least.per_s = 1;
	return least;
}

/* Sets how often is probed, and returns how many others each host probes at a time. */
static size_t
check_pace(struct check *check, size_t n, size_t each, uint64_t budget)
{
	size_t k = CHECK_AT_ONCE / each;
	uint64_t fit = budget * CHECK_SLOWEST_NS / NSEC_PER_SEC / CHECK_SHARE;

	if (k > n - 1)
		k = n - 1;
	if (k > fit)
		k = fit ? (size_t)fit : 1;
	check->interval_ns = CHECK_SHARE * k * NSEC_PER_SEC / budget;
	if (check->interval_ns < CHECK_INTERVAL_NS)
		check->interval_ns = CHECK_INTERVAL_NS;
	check->rounds = (uint32_t)((n - 1 + k - 1) / k);
	check->round_ns = check->count * check->interval_ns + CHECK_SETTLE_NS;
	return k;
}

static int
check_pace_is_good(struct check *check, const struct check_budget *budget,
		   char error[CHECKS_ERROR])
{
	check->lasts_ns = check->rounds * check->round_ns + CHECK_LATE_NS;
	if (check->interval_ns <= ASK_INTERVAL_MAX_NS && check->round_ns <= ASK_LONGEST_NS &&
	    check->lasts_ns <= CHECKS_LONGEST_NS)
		return 0;
	snprintf(error, CHECKS_ERROR,
		 "that would take %llu s, more than is allowed: ask for fewer hosts or probes, or "
		 "leave out %s (%llu probes/s)",
		 (unsigned long long)(check->lasts_ns / NSEC_PER_SEC),
		 check->members[budget->of].name, (unsigned long long)budget->per_s);
	return -EINVAL;
}

static void
check_add_pair(struct check *check, size_t from, size_t to, size_t each, uint32_t round,
	       uint64_t *random)
{
	const struct registration *a = check->members[from].ports, *b = check->members[to].ports;
	size_t some = check->n_tuples + each;

	for (size_t i = 0; i < a->n_ports && check->n_tuples < some; i++) {
		size_t number = (from + to + i) % a->n_ports;
		struct check_tuple *t = &check->tuples[check->n_tuples];

		*t = (struct check_tuple){.to = (uint32_t)to, .round = round,
					  .src_port = check_port(random)};
		if (check_addrs(b, &a->ports[number], number, t))
			check->n_tuples++;
	}
}

static void
check_plan_member(struct check *check, size_t at, size_t first)
{
	struct check_member *member = &check->members[at];

	member->first = first;
	member->n = check->n_tuples - first;
	qsort(check->tuples + first, member->n, sizeof(*check->tuples), check_tuple_order);
	if (!member->n)
		snprintf(member->error, sizeof(member->error),
			 "it has no address of the family of the others");
}

int
check_plan(struct check *check, uint64_t random, char error[CHECKS_ERROR])
{
	size_t at[CHECKS_HOSTS_MAX], n = 0, each, k;
	struct check_budget budget;
	int rc;

	for (size_t i = 0; i < check->n_members; i++)
		if (check->members[i].ports)
			at[n++] = i;
	if (n < 2) {
		snprintf(error, CHECKS_ERROR, "fewer than two of these hosts can probe: %.140s",
			 check->n_members && check->members[0].error[0] ?
				 check->members[0].error : "name two at least");
		return -EINVAL;
	}
	each = check_ports_each(check, at, n);
	budget = check_budget(check, at, n);
	k = check_pace(check, n, each, budget.per_s);
	rc = check_pace_is_good(check, &budget, error);
	if (rc < 0)
		return rc;
	check->tuples = calloc(n * (n - 1) * each, sizeof(*check->tuples));
	if (!check->tuples)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t first = check->n_tuples;

		for (size_t d = 1; d < n; d++)
			check_add_pair(check, at[i], at[(i + d) % n], each, (uint32_t)((d - 1) / k),
				       &random);
		check_plan_member(check, at[i], first);
	}
	return 0;
}
