/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_tors.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "plan/plan.h"

/* The bits of enum plan_cap in their order, and two more. */
#define CENTRAL_TOR_NO_TOR 64u
#define CENTRAL_TOR_DRAINED 128u

const char *const central_tor_problem_names[CENTRAL_TOR_PROBLEM_N] = {
	"rate", "budget_out", "budget_in", "source_ports", "no_port", "mesh", "no_tor", "drained",
};

struct central_tors_search {
	struct central_tors *tors;
	size_t room;
	void *by_name;
	int rc;
};

static int
central_tors_compare(const void *a, const void *b)
{
	const struct central_tor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
central_tors_order(const void *a, const void *b)
{
	const struct central_tor *const *x = a, *const *y = b;

	return central_tors_compare(*x, *y);
}

static int
central_tors_add(struct central_tors_search *s, struct central_tor *tor)
{
	struct central_tors *tors = s->tors;

	if (tors->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct central_tor **at =
			reallocarray(tors->at, room, sizeof(struct central_tor *));

		if (!at)
			return -ENOMEM;
		tors->at = at;
		s->room = room;
	}
	if (!tsearch(tor, &s->by_name, central_tors_compare))
		return -ENOMEM;
	tors->at[tors->n++] = tor;
	return 0;
}

/* Finds a switch, or adds it. NULL: no memory. */
static struct central_tor *
central_tors_get(struct central_tors_search *s, const char *name)
{
	struct central_tor key = {.share_out = 1, .share_in = 1}, *tor;
	void *const *found;

	strncpy(key.name, name, sizeof(key.name) - 1);
	found = tfind(&key, &s->by_name, central_tors_compare);
	if (found)
		return *found;
	tor = malloc(sizeof(*tor));
	if (!tor) {
		s->rc = -ENOMEM;
		return NULL;
	}
	*tor = key;
	s->rc = central_tors_add(s, tor);
	if (s->rc == 0)
		return tor;
	free(tor);
	return NULL;
}

static void
central_tors_port(struct central_tors_search *s, const struct registry_host_info *host,
		  const struct registration_port *port, bool drained)
{
	size_t n = port->n_tors ? port->n_tors : 1;

	for (size_t i = 0; i < n; i++) {
		struct central_tor *tor = central_tors_get(s, port->n_tors ? port->tors[i] : "");

		if (!tor)
			return;
		tor->by |= 1u << port->tor_by;
		tor->ports++;
		if (tor->last_host == host->id)
			continue;
		tor->last_host = host->id;
		tor->hosts++;
		tor->drained += drained;
	}
}

static void
central_tors_hosts(struct central_tors_search *s, const struct mesh *mesh)
{
	const struct registry_host *host = registry_next(mesh_registry(mesh), 0);
	struct registry_host_info info;

	for (; host && s->rc == 0; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (info.state == REGISTRY_GONE)
			continue;
		for (size_t i = 0; i < info.registration->n_ports; i++)
			central_tors_port(s, &info, &info.registration->ports[i],
					  mesh_drained(mesh, info.name) != NULL);
	}
}

static void
central_tors_covered(void *arg, const struct plan_coverage *c)
{
	struct central_tors_search *s = arg;
	struct central_tor *tor = s->rc == 0 ? central_tors_get(s, c->tor) : NULL;

	if (!tor)
		return;
	tor->paths = c->paths > tor->paths ? c->paths : tor->paths;
	tor->wanted += c->wanted;
	tor->out += c->out;
	tor->in += c->in;
	tor->partners = c->partners > tor->partners ? c->partners : tor->partners;
	tor->others = c->others > tor->others ? c->others : tor->others;
	if (c->wanted && c->share_out < tor->share_out)
		tor->share_out = c->share_out;
	if (c->wanted && c->share_in < tor->share_in)
		tor->share_in = c->share_in;
	tor->probes_out += c->rate_out * c->paths;
	tor->probes_in += c->rate_in * c->paths;
	tor->capped |= c->capped;
}

static void
central_tors_keep(void *tor)
{
	(void)tor; /* it belongs to the list */
}

int
central_tors_collect(const struct mesh *mesh, struct central_tors *out)
{
	struct central_tors_search s = {.tors = out};

	*out = (struct central_tors){.n = 0};
	central_tors_hosts(&s, mesh);
	plan_coverage(mesh_plan(mesh), central_tors_covered, &s);
	tdestroy(s.by_name, central_tors_keep);
	if (out->n)
		qsort(out->at, out->n, sizeof(struct central_tor *), central_tors_order);
	return s.rc;
}

void
central_tors_clear(struct central_tors *tors)
{
	for (size_t i = 0; i < tors->n; i++)
		free(tors->at[i]);
	free(tors->at);
	*tors = (struct central_tors){.n = 0};
}

unsigned int
central_tor_problems(const struct central_tor *tor)
{
	return tor->capped | (tor->name[0] ? 0 : CENTRAL_TOR_NO_TOR) |
	       (tor->hosts && tor->drained == tor->hosts ? CENTRAL_TOR_DRAINED : 0);
}
