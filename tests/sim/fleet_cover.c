/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coverage, counted in the lists that are at the broker. How many tuples it takes is computed here
 * by following the throws one by one, which is not how src/plan/coupon.c does it.
 */
#include <math.h>
#include <string.h>

#include "central/mesh/mesh.h"
#include "fleet.h"
#include "plan/plan.h"

#define COVER_PATHS 64

struct cover {
	const struct fleet_view *view;
	const struct fleet_central *central;
	const struct plan_coverage *group;
	unsigned int out, in;
	double rate_out, rate_in;
	bool two_tors;            /* ports under two ToRs: a list does not say under which it is */
	bool plain;               /* several hosts here and under each other ToR */
	unsigned int others;
};

/* The probability that k throws hit all n paths. */
static double
cover_all(unsigned int n, unsigned int k)
{
	double p[COVER_PATHS + 1] = {1}; /* that so many are hit */

	while (k--)
		for (unsigned int i = n; i <= n; i--)
			p[i] = p[i] * i / n + (i ? p[i - 1] * (n - i + 1) / n : 0);
	return p[n];
}

static unsigned int
cover_tuples(unsigned int n)
{
	unsigned int k = n;

	while (cover_all(n, k) < 0.99)
		k++;
	return k;
}

static bool
cover_is_under(const struct fleet_node *node, const char *tor, const char *rail, bool v6)
{
	bool family = false, under = false;

	for (size_t i = 0; i < node->port->n_addrs; i++)
		family |= node->owns[i] && addr_is_v4(&node->port->addrs[i]) != v6;
	for (size_t i = 0; i < node->port->n_tors; i++)
		under |= strcmp(node->port->tors[i], tor) == 0;
	return node->on && family && under &&
	       (!fleet_rules.rails_isolated || strcmp(node->port->rail, rail) == 0);
}

static bool
cover_member(const struct cover *cover, const struct fleet_node *node)
{
	return cover_is_under(node, cover->group->tor, cover->group->rail, cover->group->v6);
}

/* The hosts under a ToR, 2 for more. */
static unsigned int
cover_hosts(const struct cover *cover, const char *tor)
{
	const char *first = NULL;

	for (size_t i = 0; i < cover->view->n_nodes; i++) {
		const struct fleet_node *node = &cover->view->nodes[i];

		if (!cover_is_under(node, tor, cover->group->rail, cover->group->v6))
			continue;
		if (first && first != node->host)
			return 2;
		first = node->host;
	}
	return first != NULL;
}

static void
cover_look(struct cover *cover)
{
	char seen[64][REGISTRATION_NAME];
	unsigned int n = 0;

	cover->plain = cover_hosts(cover, cover->group->tor) == 2;
	for (size_t i = 0; i < cover->view->n_nodes; i++) {
		const struct fleet_node *node = &cover->view->nodes[i];
		const char *tor = node->port->tors[0];
		unsigned int k = 0;

		cover->two_tors |= node->port->n_tors > 1;
		while (k < n && strcmp(seen[k], tor) != 0)
			k++;
		if (k < n || n == 64 || strcmp(tor, cover->group->tor) == 0 ||
		    !cover_hosts(cover, tor))
			continue;
		strcpy(seen[n++], tor);
		cover->plain &= cover_hosts(cover, tor) == 2;
	}
	cover->others = n;
}

static void
cover_count(struct cover *cover)
{
	for (size_t i = 0; i < cover->view->n_entries; i++) {
		const struct fleet_entry *e = &cover->view->entries[i];

		if (!e->fabric || e->v6 != cover->group->v6)
			continue;
		if (cover_member(cover, e->from)) {
			cover->out += e->tuples;
			cover->rate_out += e->rate;
		}
		if (cover_member(cover, e->to)) {
			cover->in += e->tuples;
			cover->rate_in += e->rate;
		}
	}
}

/* What rpingmesh-central(8) promises of a ToR, if nothing caps it. */
static void
cover_promised(const struct cover *cover)
{
	/* Families, and rails if isolated, share the links of a ToR. */
	unsigned int share = 2 * (fleet_rules.rails_isolated ? 2 : 1);
	double rate = 10.0 * fleet_rules.paths / share * 0.999;
	unsigned int k = cover_tuples(fleet_rules.paths);

	if (cover->out < k || cover->in < k)
		fleet_broken("%s: %u tuples out, %u in, not %u", cover->group->tor, cover->out,
			     cover->in, k);
	if (cover->rate_out < rate || cover->rate_in < rate)
		fleet_broken("%s: %.1f probes/s out, %.1f in, not %.1f", cover->group->tor,
			     cover->rate_out, cover->rate_in, rate);
}

static void
cover_group(void *arg, const struct plan_coverage *group)
{
	struct cover cover = *(struct cover *)arg;

	cover.group = group;
	cover_look(&cover);
	if (cover.two_tors)
		return;
	cover_count(&cover);
	if (cover.out != group->out || cover.in != group->in)
		fleet_broken("%s: coverage says %u tuples out, %u in; lists have %u and %u",
			     group->tor, group->out, group->in, cover.out, cover.in);
	if (cover.others != group->others)
		fleet_broken("%s: coverage says %u other ToRs; there are %u", group->tor,
			     group->others, cover.others);
	if (fabs(group->all_out - cover_all(group->paths, cover.out)) > 1e-9)
		fleet_broken("%s: coverage says that all paths are covered with %.12f",
			     group->tor, group->all_out);
	if (cover.others && cover.others == group->partners &&
	    (!group->capped || (fleet_rules.rich && cover.plain)))
		cover_promised(&cover);
}

void
fleet_check_cover(const struct fleet_view *view, const struct fleet_central *central)
{
	struct cover cover = {.view = view, .central = central};

	plan_coverage(mesh_plan(central->mesh), cover_group, &cover);
}
