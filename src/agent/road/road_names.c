/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of hops. Few look-ups run at a time, because a name server that does not answer keeps a
 * worker for seconds.
 */
#include "agent/road/road_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/names.h"

#define ROADS_NAMES_MAX 4096u
#define ROADS_NAMES_BUCKETS 256u
#define ROADS_NAMES_RUNNING 2u
#define ROADS_NAME_NS (3600 * NSEC_PER_SEC) /* a name, or that there is none, holds so long */

struct roads_name {
	LIST_ENTRY(roads_name) in_bucket;
	STAILQ_ENTRY(roads_name) waiting;
	struct roads *roads;
	struct addr addr;
	char *name;          /* owned; NULL: none */
	bool waits;
	struct names_lookup *lookup;
	uint64_t until_ns;
};

struct roads_names {
	LIST_HEAD(, roads_name) bucket[ROADS_NAMES_BUCKETS];
	STAILQ_HEAD(, roads_name) waiting;
	uint32_t n, running;
};

int
roads_names_new(struct roads *roads)
{
	roads->names = calloc(1, sizeof(*roads->names));
	if (!roads->names)
		return -ENOMEM;
	STAILQ_INIT(&roads->names->waiting);
	return 0;
}

void
roads_names_free(struct roads *roads)
{
	struct roads_names *names = roads->names;
	struct roads_name *name;

	if (!names)
		return;
	for (size_t i = 0; i < ROADS_NAMES_BUCKETS; i++)
		while ((name = LIST_FIRST(&names->bucket[i]))) {
			LIST_REMOVE(name, in_bucket);
			names_cancel(name->lookup);
			free(name->name);
			free(name);
		}
	free(names);
}

static void roads_names_next(struct roads *roads);

static void
roads_names_found(void *arg, const char *text, const char *reason)
{
	struct roads_name *name = arg;
	struct roads *roads = name->roads;

	name->lookup = NULL;
	if (!reason) {
		free(name->name);
		name->name = text ? strdup(text) : NULL;
	}
	roads->names->running--;
	roads_names_next(roads);
}

static void
roads_names_next(struct roads *roads)
{
	struct roads_names *names = roads->names;
	struct roads_name *name;

	while (names->running < ROADS_NAMES_RUNNING && (name = STAILQ_FIRST(&names->waiting))) {
		STAILQ_REMOVE_HEAD(&names->waiting, waiting);
		name->waits = false;
		if (names_reverse(roads->env.names, &name->addr, roads_names_found, name,
				  &name->lookup) == 0)
			names->running++;
	}
}

/* One of the same place that nobody has asked for within its time makes room. */
static bool
roads_names_drop(struct roads_names *names, uint64_t hash)
{
	struct roads_name *name;

	LIST_FOREACH(name, &names->bucket[hash % ROADS_NAMES_BUCKETS], in_bucket)
		if (!name->lookup && !name->waits && clock_mono_ns() >= name->until_ns)
			break;
	if (!name)
		return false;
	LIST_REMOVE(name, in_bucket);
	free(name->name);
	free(name);
	names->n--;
	return true;
}

static struct roads_name *
roads_names_get(struct roads *roads, const struct addr *hop)
{
	struct roads_names *names = roads->names;
	uint64_t hash = siphash(roads->key, hop->raw, sizeof(hop->raw));
	struct roads_name *name;

	LIST_FOREACH(name, &names->bucket[hash % ROADS_NAMES_BUCKETS], in_bucket)
		if (addr_equal(&name->addr, hop))
			return name;
	if (names->n >= ROADS_NAMES_MAX && !roads_names_drop(names, hash))
		return NULL;
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	name->roads = roads;
	name->addr = *hop;
	LIST_INSERT_HEAD(&names->bucket[hash % ROADS_NAMES_BUCKETS], name, in_bucket);
	names->n++;
	return name;
}

const char *
roads_name(struct roads *roads, const struct addr *hop)
{
	struct roads_name *name = roads_names_get(roads, hop);
	uint64_t now_ns = clock_mono_ns();

	if (!name)
		return NULL;
	if (now_ns >= name->until_ns && !name->lookup && !name->waits) {
		name->until_ns = now_ns + ROADS_NAME_NS;
		name->waits = true;
		STAILQ_INSERT_TAIL(&roads->names->waiting, name, waiting);
		roads_names_next(roads);
	}
	return name->name;
}
