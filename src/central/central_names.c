/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: central_names
 *
 * The roads know which address is due. A timer grants CENTRAL_NAMES_PER_S lookups each second. Few
 * run at a time, because a name server that does not answer keeps a worker for seconds, and the
 * name of the broker needs one, too.
 */
#include "central/central_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "central/roads/roads.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"

#define CENTRAL_NAMES_RUNNING 2u
#define CENTRAL_NAMES_PER_S 100u

struct central_name {              /* one that is looked up, if there is a lookup */
	struct central_names *names;
	struct addr addr;
	struct names_lookup *lookup;
};

struct central_names {
	struct names *resolver;
	struct roads *roads;
	struct central_name_counts *counts;
	struct loop_timer *tick;
	uint64_t files;
	uint32_t granted;          /* lookups that may still begin in this second */
	struct central_name running[CENTRAL_NAMES_RUNNING];
};

static void central_names_next(struct central_names *n);

/* Takes what the resolver has found. */
static void
central_names_take(struct central_names *n, const struct addr *addr, const char *text)
{
	char address[ADDR_TEXT];
	int rc = roads_name_dns(n->roads, addr, text);

	if (rc != -EINVAL && rc != -ENOSPC)
		return;
	n->counts->refused++;
	snprintf(n->counts->refused_why, sizeof(n->counts->refused_why), rc == -EINVAL ?
			 "the name of %s is longer than 64 bytes, or no host name" :
			 "%s has a name that 1024 other addresses have",
		 addr_text(addr, address));
}

static void
central_names_found(void *arg, const char *text, const char *reason)
{
	struct central_name *name = arg;
	struct central_names *n = name->names;

	name->lookup = NULL;
	if (reason) {
		n->counts->failed++;
		n->counts->failed_why = reason;
		roads_dns_later(n->roads, &name->addr);
	} else {
		central_names_take(n, &name->addr, text);
	}
	central_names_next(n);
}

/* Returns false if there is nothing to ask for. */
static bool
central_names_ask(struct central_names *n, struct central_name *name)
{
	if (!n->granted || !roads_next_unnamed(n->roads, &name->addr))
		return false;
	n->granted--;
	if (names_reverse(n->resolver, &name->addr, central_names_found, name,
			  &name->lookup) < 0) {
		roads_dns_later(n->roads, &name->addr);
		return false;
	}
	n->counts->asked++;
	return true;
}

static void
central_names_next(struct central_names *n)
{
	for (size_t i = 0; i < CENTRAL_NAMES_RUNNING; i++)
		if (!n->running[i].lookup && !central_names_ask(n, &n->running[i]))
			return;
}

static void
central_names_tick(void *arg)
{
	struct central_names *n = arg;
	uint64_t files = names_files();

	if (files != n->files)
		roads_dns_again(n->roads);
	n->files = files;
	n->granted = CENTRAL_NAMES_PER_S;
	central_names_next(n);
	loop_timer_set(n->tick, NSEC_PER_SEC);
}

int
central_names_new(struct loop *loop, struct names *names, struct roads *roads,
		  struct central_name_counts *counts, struct central_names **out)
{
	struct central_names *n = calloc(1, sizeof(*n));
	int rc = n ? loop_timer_new(loop, "switch names", central_names_tick, n, &n->tick) :
		     -ENOMEM;

	if (rc < 0) {
		free(n);
		return rc;
	}
	n->resolver = names;
	n->roads = roads;
	n->counts = counts;
	n->files = names_files();
	for (size_t i = 0; i < CENTRAL_NAMES_RUNNING; i++)
		n->running[i].names = n;
	central_names_tick(n);
	*out = n;
	return 0;
}

void
central_names_free(struct central_names *n)
{
	if (!n)
		return;
	loop_timer_free(n->tick);
	for (size_t i = 0; i < CENTRAL_NAMES_RUNNING; i++)
		names_cancel(n->running[i].lookup);
	free(n);
}
