/* SPDX-License-Identifier: Apache-2.0 */
#include "central/central_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_config.h"
#include "central/config/central_switches.h"
#include "central/config/central_tables.h"
#include "central/config/central_topology.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "record/paths.h"
#include "rpingmesh/log_subsystems.h"

struct central_paths {
	struct mesh *mesh;
	struct roads *roads;
	struct loop_timer *tick;
	struct central_tables tables;
};

static void
central_paths_heard(void *arg, const char *host, const void *payload, size_t size)
{
	struct central_paths *c = arg;
	char error[PATHS_ERROR];
	struct paths *paths;
	int rc;

	if (paths_unpack(payload, size, &paths, error) < 0) {
		roads_refuse(c->roads, host, error);
		return;
	}
	if (strcmp(paths->host, host) != 0) {
		snprintf(error, sizeof(error), "the topic has those of %s", paths->host);
		roads_refuse(c->roads, host, error);
	} else {
		rc = roads_take(c->roads, paths, clock_wall_ns());
		if (rc == -ENOMEM)
			log_some(1, CLUSTER, ERROR, "no memory for the paths of %s", host);
	}
	paths_free(paths);
}

/* A host is below one leaf switch as a whole. With several ports, each may have another one. */
static void
central_paths_leaf(struct central_paths *c, const struct registry_host_info *info)
{
	const char *leaf = NULL;

	if (info->registration->n_ports == 1)
		leaf = central_topology_leaf(c->tables.topology, info->name);
	if (roads_put_leaf(c->roads, info->name, leaf) == -ENOMEM)
		log_some(1, CLUSTER, ERROR, "no memory for the leaf switch of %s", info->name);
}

static void
central_paths_host(void *arg, const struct registry_host *host)
{
	struct registry_host_info info;
	struct central_paths *c = arg;

	registry_host_info(host, &info);
	if (info.state == REGISTRY_GONE)
		roads_drop_host(c->roads, info.name);
	else if (roads_put_host(c->roads, info.registration) < 0)
		log_some(1, CLUSTER, ERROR, "no memory for the paths of %s", info.name);
	else
		central_paths_leaf(c, &info);
}

static void
central_paths_wider(void *arg)
{
	struct central_paths *c = arg;

	mesh_paths_changed(c->mesh);
}

static unsigned int
central_paths_seen(void *arg, const char *tor, const char *other)
{
	const struct central_paths *c = arg;

	(void)other;
	return roads_width(c->roads, tor);
}

static void
central_paths_tick(void *arg)
{
	struct central_paths *c = arg;

	roads_tick(c->roads, clock_wall_ns());
	loop_timer_set(c->tick, NSEC_PER_SEC);
}

int
central_paths_new(struct loop *loop, struct mesh *mesh, const struct central_config *config,
		  struct central_paths **out)
{
	struct central_paths *c = calloc(1, sizeof(*c));
	const struct roads_ops ops = {.width = central_paths_wider, .arg = c};
	int rc = c ? roads_new(&ops, config->paths, &c->roads) : -ENOMEM;

	if (rc == 0)
		rc = loop_timer_new(loop, "paths", central_paths_tick, c, &c->tick);
	if (rc == 0)
		rc = mesh_watch(mesh, central_paths_host, c);
	if (rc == 0)
		rc = mesh_hear(mesh, "path", 1, central_paths_heard, c);
	if (rc < 0) {
		central_paths_free(c);
		return rc;
	}
	c->mesh = mesh;
	mesh_set_paths(mesh, central_paths_seen, c);
	central_paths_tick(c);
	*out = c;
	return 0;
}

void
central_paths_free(struct central_paths *c)
{
	if (!c)
		return;
	loop_timer_free(c->tick);
	roads_free(c->roads);
	central_tables_clear(&c->tables);
	free(c);
}

const struct central_topology *
central_paths_topology(const struct central_paths *c)
{
	return c->tables.topology;
}

static void
central_paths_leaves(struct central_paths *c)
{
	const struct registry_host *host = registry_next(mesh_registry(c->mesh), 0);
	struct registry_host_info info;

	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (info.state != REGISTRY_GONE)
			central_paths_leaf(c, &info);
	}
}

void
central_paths_names(struct central_paths *c, struct central_tables *tables)
{
	const struct central_switches *s = tables->switches;
	int rc = 0;

	central_tables_clear(&c->tables);
	c->tables = *tables;
	*tables = (struct central_tables){0};
	roads_forget_leaves(c->roads);
	central_paths_leaves(c);
	roads_forget_file(c->roads);
	for (size_t i = 0; rc == 0 && s && i < s->n; i++)
		rc = roads_name_file(c->roads, &s->entries[i].addr, s->entries[i].name,
				     s->entries[i].port);
	if (rc < 0)
		log_error(CLUSTER, "no memory for the names of switches");
}

struct roads *
central_paths_roads(struct central_paths *c)
{
	return c->roads;
}
