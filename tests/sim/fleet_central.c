/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of rpingmesh-central: the real mesh with its registry and plan. Beside it, an observer
 * looks once a second at what it makes of its hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_config.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "fleet.h"

/* rpingmesh-central(8): a tenth, and more than two, within two minutes; then ten minutes. */
#define WATCH_FEW(n) ((n) / 10 > 2 ? (n) / 10 : 2)
#define WATCH_AT_ONCE_NS (120 * SEC)
#define WATCH_AWAY_NS (600 * SEC)

/* A host as it was a second ago. */
struct fleet_watch {
	uint64_t id;
	enum registry_state state;
	bool goodbye;
	uint64_t left_ns;         /* when it was first seen not to be present */
};

struct fleet_rules fleet_rules;

static struct central_config *
central_settings(void)
{
	char text[512];
	struct central_config *config;
	struct conf_errors errors = {0};

	snprintf(text, sizeof(text),
		 "broker = \"mqtt://10.0.0.1\"\nprefix = \"%s\"\npaths = %u\n"
		 "rails_isolated = %s\nbudget_percent = %u\nmax_hosts = %u\n",
		 FLEET_PREFIX, fleet_rules.paths, fleet_rules.rails_isolated ? "true" : "false",
		 fleet_rules.budget_percent, fleet_rules.max_hosts);
	if (central_config_parse(text, "sim", &config, &errors) < 0) {
		fprintf(stderr, "# %s\n", errors.errors[0].text);
		abort();
	}
	return config;
}

void
fleet_central_start(struct fleet_central *c)
{
	fleet_time.running = &c->loop;
	fleet_say("%s starts", c->loop.name);
	c->loop.allocated = 0;
	c->config = central_settings();
	if (mesh_new(&c->loop, NULL, c->config, 1 + fleet_random(UINT32_MAX), &c->mesh) < 0)
		abort();
	fleet_time.running = NULL;
}

void
fleet_central_stop(struct fleet_central *c)
{
	if (!c->mesh)
		return;
	fleet_time.running = &c->loop;
	fleet_say("%s ends", c->loop.name);
	/* What it has sent while it was cut off is lost with it. */
	if (c->loop.cut)
		fleet_broker_died(&c->loop, false);
	mesh_free(c->mesh);
	central_config_free(c->config);
	c->mesh = NULL;
	/* msgpack and tsearch(3) have memory that is not counted. */
	fleet_time.running = NULL;
	fleet_free(c->watch);
	c->watch = NULL;
	c->n_watch = 0;
}

static const struct fleet_watch *
watch_find(const struct fleet_central *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_watch; i++)
		if (c->watch[i].id == id)
			return &c->watch[i];
	return NULL;
}

/* A host is gone without proof: how many others have left with it? */
static void
watch_removed(const struct fleet_central *c, const char *host)
{
	uint32_t recent = 0, all = 0;

	for (size_t i = 0; i < c->n_watch; i++) {
		const struct fleet_watch *w = &c->watch[i];
		bool gone = w->state == REGISTRY_GONE &&
			    fleet_time.now_ns - w->left_ns >= WATCH_AT_ONCE_NS - 2 * SEC;

		all += !gone;
		/* Who left a moment ago may have done so afterwards. */
		recent += !gone && w->state != REGISTRY_PRESENT && !w->goodbye &&
			  fleet_time.now_ns - w->left_ns >= 2 * SEC;
	}
	fleet_say("%s has removed %s; %u of %u have left", c->loop.name, host, recent, all);
	if (recent > WATCH_FEW(all))
		fleet_broken("%s has removed %s, when %u of %u hosts had left at once",
			     c->loop.name, host, recent, all);
}

/* Returns whether the host has been removed without proof that it is gone. */
static bool
watch_host(const struct fleet_central *c, const struct registry_host_info *info,
	   struct fleet_watch *now)
{
	const struct fleet_watch *before = watch_find(c, info->id);

	*now = (struct fleet_watch){.id = info->id, .state = info->state,
				    .goodbye = info->left == REGISTRY_LEFT_GOODBYE ||
					       info->confirmed};
	/* It may have come back and left again within this second. */
	if (info->state != REGISTRY_PRESENT)
		now->left_ns = before && before->state != REGISTRY_PRESENT &&
					       info->last_seen.mono_ns < before->left_ns ?
				       before->left_ns :
				       fleet_time.now_ns;
	return info->state == REGISTRY_GONE && before && before->state != REGISTRY_GONE &&
	       !now->goodbye && fleet_time.now_ns - now->left_ns < WATCH_AWAY_NS - 2 * SEC;
}

static void
watch_all(struct fleet_central *c, struct fleet_watch *now, const char **removed)
{
	const struct registry_host *host;
	struct registry_host_info info;
	size_t n = 0;

	for (host = registry_next(mesh_registry(c->mesh), 0); host; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (watch_host(c, &info, &now[n++]))
			*removed = info.name;
	}
	fleet_free(c->watch);
	c->watch = now;
	c->n_watch = n;
}

void
fleet_central_watch(struct fleet_central *c)
{
	const char *removed = NULL;
	struct registry_stats stats;
	size_t n = 0;

	if (!c->mesh)
		return;
	registry_stats(mesh_registry(c->mesh), &stats);
	for (int i = 0; i < REGISTRY_STATE_N; i++)
		n += stats.hosts[i];
	if (n > fleet_rules.max_hosts)
		fleet_broken("%s knows more than max_hosts hosts", c->loop.name);
	watch_all(c, fleet_alloc((n + 1) * sizeof(*c->watch)), &removed);
	if (removed)
		watch_removed(c, removed);
}
