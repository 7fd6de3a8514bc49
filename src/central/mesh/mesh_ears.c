/* SPDX-License-Identifier: Apache-2.0 */
/* What the mesh passes on to the other rooms of central, and asks of them. */
#include <errno.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "central/config/central_config.h"
#include "central/mesh/mesh_impl.h"
#include "plan/plan.h"

static bool
mesh_is_for(const struct mesh *m, const struct mesh_ear *ear, const char *topic, char *name,
	    size_t size)
{
	struct topic_shard of = {.prefix = m->config->prefix, .kind = ear->kind};

	return (ear->shards ? topic_shard_name(topic, &of, name, size) :
			      topic_name(topic, of.prefix, of.kind, name, size)) == 0;
}

bool
mesh_pass_on(struct mesh *m, const char *topic, const void *payload, size_t size)
{
	char name[REGISTRATION_HOST];

	for (size_t i = 0; i < m->n_ears; i++) {
		if (!mesh_is_for(m, &m->ears[i], topic, name, sizeof(name)))
			continue;
		m->ears[i].fn(m->ears[i].arg, name, payload, size);
		return true;
	}
	return false;
}

static int
mesh_add_ear(struct mesh *m, const char *filter, int qos, const struct mesh_ear *ear)
{
	int rc = m->n_ears == MESH_EARS ? -ENOSPC : bus_subscribe(m->bus, filter, qos);

	if (rc == 0)
		m->ears[m->n_ears++] = *ear;
	return rc;
}

int
mesh_hear(struct mesh *m, const char *kind, int qos, mesh_heard_fn *fn, void *arg)
{
	const struct mesh_ear ear = {kind, true, fn, arg};
	char filter[TOPIC_SIZE];
	int rc = topic_make_shard(filter, sizeof(filter), m->config->prefix, kind, "", NULL);

	return rc < 0 ? rc : mesh_add_ear(m, filter, qos, &ear);
}

int
mesh_hear_names(struct mesh *m, const char *kind, int qos, mesh_heard_fn *fn, void *arg)
{
	const struct mesh_ear ear = {kind, false, fn, arg};
	char filter[TOPIC_SIZE];
	int rc = topic_make(filter, sizeof(filter), m->config->prefix, kind, NULL);

	return rc < 0 ? rc : mesh_add_ear(m, filter, qos, &ear);
}

int
mesh_watch(struct mesh *m, mesh_watch_fn *fn, void *arg)
{
	if (m->n_watchers == MESH_EARS)
		return -ENOSPC;
	m->watchers[m->n_watchers++] = (struct mesh_watcher){fn, arg};
	return 0;
}

void
mesh_tell_watchers(const struct mesh *m, const struct registry_host *host)
{
	for (size_t i = 0; i < m->n_watchers; i++)
		m->watchers[i].fn(m->watchers[i].arg, host);
}

void
mesh_set_paths(struct mesh *m, mesh_paths_fn *fn, void *arg)
{
	m->paths = fn;
	m->paths_arg = arg;
}

void
mesh_paths_changed(struct mesh *m)
{
	plan_paths_changed(m->plan);
	mesh_plan_soon(m);
}

unsigned int
mesh_paths_seen(void *arg, const char *tor, const char *other)
{
	const struct mesh *m = arg;

	return m->paths ? m->paths(m->paths_arg, tor, other) : 0;
}
