/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: objects
 *
 * The registry owns the hosts, which are in a list and an array in the order of their ids, and in a
 * tree by name (tsearch(3)). A host owns its last registration.
 */
#include "central/registry/registry.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

const char *const registry_state_names[] = {"present", "leaving", "gone", NULL};
const char *const registry_left_names[] = {"no", "goodbye", "will", "unseen", NULL};

struct registry_host {
	TAILQ_ENTRY(registry_host) link;
	char name[REGISTRATION_HOST];
	struct registry_host_info info;
	struct registration *registration;
	uint64_t before;            /* the incarnation before the present one; 0: none */
	uint64_t twin_ns;           /* when an earlier incarnation came back; 0: never */
	bool unseen;                /* not yet seen since the last registry_offline() */
};

struct registry {
	TAILQ_HEAD(registry_hosts, registry_host) hosts;
	void *by_name;
	struct registry_host **by_id; /* owned; ascending */
	uint32_t room;              /* of it */
	struct registry_ops ops;
	struct registry_stats stats;
	uint32_t max_hosts, n_hosts;
	uint64_t last_id;
	bool offline;               /* there is no broker, so nothing is known */
	uint64_t resync_ns;         /* when unseen hosts have left; 0: there are none */
};

int
registry_new(uint32_t max_hosts, const struct registry_ops *ops, struct registry **out)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	TAILQ_INIT(&r->hosts);
	r->ops = *ops;
	r->max_hosts = max_hosts;
	*out = r;
	return 0;
}

static int
registry_compare(const void *a, const void *b)
{
	const struct registry_host *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The place of the first host after this id. */
static uint32_t
registry_place(const struct registry *r, uint64_t after)
{
	uint32_t low = 0, high = r->n_hosts;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->by_id[middle]->info.id > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool
registry_has_place(struct registry *r)
{
	uint32_t room = r->room ? 2 * r->room : 64;
	struct registry_host **more;

	if (r->n_hosts < r->room)
		return true;
	more = reallocarray(r->by_id, room, sizeof(struct registry_host *));
	if (!more)
		return false;
	r->by_id = more;
	r->room = room;
	return true;
}

static void
registry_forget(struct registry *r, struct registry_host *host)
{
	uint32_t place = registry_place(r, host->info.id - 1);

	tdelete(host, &r->by_name, registry_compare);
	TAILQ_REMOVE(&r->hosts, host, link);
	r->stats.hosts[host->info.state]--;
	r->n_hosts--;
	memmove(&r->by_id[place], &r->by_id[place + 1],
		(r->n_hosts - place) * sizeof(struct registry_host *));
	registration_free(host->registration);
	free(host);
}

void
registry_free(struct registry *r)
{
	struct registry_host *host;

	if (!r)
		return;
	while ((host = TAILQ_LAST(&r->hosts, registry_hosts))) /* none in by_id moves up */
		registry_forget(r, host);
	free(r->by_id);
	free(r);
}

/* ---- looking up ---- */

static struct registry_host *
registry_get(const struct registry *r, const char *name)
{
	struct registry_host key;
	void *const *found;

	if (strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	found = tfind(&key, &r->by_name, registry_compare);
	return found ? *found : NULL;
}

const struct registry_host *
registry_find(const struct registry *r, const char *name)
{
	return registry_get(r, name);
}

const struct registry_host *
registry_next(const struct registry *r, uint64_t after)
{
	uint32_t place = registry_place(r, after);

	return place < r->n_hosts ? r->by_id[place] : NULL;
}

const struct registry_host *
registry_after(const struct registry_host *host)
{
	return TAILQ_NEXT(host, link);
}

void
registry_host_info(const struct registry_host *host, struct registry_host_info *out)
{
	*out = host->info;
	out->name = host->name;
	out->registration = host->registration;
	out->twin = host->twin_ns != 0;
}

void
registry_stats(const struct registry *r, struct registry_stats *out)
{
	*out = r->stats;
}

/* ---- joining ---- */

static void
registry_set_state(struct registry *r, struct registry_host *host, enum registry_state state)
{
	r->stats.hosts[host->info.state]--;
	r->stats.hosts[state]++;
	host->info.state = state;
}

/* Makes room for one more host: the one that has been gone for the longest time goes. */
static bool
registry_make_room(struct registry *r)
{
	struct registry_host *host, *oldest = NULL;

	if (r->n_hosts < r->max_hosts)
		return true;
	if (r->stats.hosts[REGISTRY_GONE] == 0)
		return false;
	TAILQ_FOREACH(host, &r->hosts, link)
		if (host->info.state == REGISTRY_GONE &&
		    (!oldest || host->info.left_at.mono_ns < oldest->info.left_at.mono_ns))
			oldest = host;
	registry_forget(r, oldest);
	return true;
}

static int
registry_add(struct registry *r, const char *name, const struct registry_time *now,
	     struct registry_host **out)
{
	struct registry_host *host;

	if (!registry_make_room(r)) {
		r->stats.refused_full++;
		return -ENOSPC;
	}
	host = registry_has_place(r) ? calloc(1, sizeof(*host)) : NULL;
	if (!host)
		return -ENOMEM;
	strcpy(host->name, name);
	if (!tsearch(host, &r->by_name, registry_compare)) {
		free(host);
		return -ENOMEM;
	}
	host->info.id = ++r->last_id;
	host->info.first_seen = *now;
	host->info.state = REGISTRY_GONE;
	r->stats.hosts[REGISTRY_GONE]++;
	r->by_id[r->n_hosts++] = host;
	TAILQ_INSERT_TAIL(&r->hosts, host, link);
	*out = host;
	return 0;
}

/*
 * Two hosts with one name take turns: each writes over the other's registration, again and again.
 * After a restart, the incarnation before never comes back.
 */
static void
registry_look_for_twin(struct registry *r, struct registry_host *host, uint64_t incarnation,
		       uint64_t now_ns)
{
	uint64_t present = host->registration ? host->registration->incarnation : 0;

	if (!present || incarnation == present)
		return;
	if (incarnation == host->before) {
		r->stats.twins += host->twin_ns == 0;
		host->twin_ns = now_ns;
	}
	host->before = present;
}

static void
registry_compare_clocks(struct registry_host *host, const struct registration *registration,
			bool retained, const struct registry_time *now)
{
	if (retained || !registration->time_ns)
		return;
	host->info.clock_off_ns = (int64_t)(registration->time_ns - now->wall_ns);
	host->info.clock_known = true;
}

int
registry_seen(struct registry *r, struct registration *registration, bool retained,
	      const struct registry_time *now)
{
	struct registry_host *host = registry_get(r, registration->host);
	bool changed;
	int rc = host ? 0 : registry_add(r, registration->host, now, &host);

	if (rc < 0) {
		registration_free(registration);
		return rc;
	}
	r->stats.registrations++;
	registry_look_for_twin(r, host, registration->incarnation, now->mono_ns);
	changed = host->info.state == REGISTRY_GONE || !host->registration ||
		  !registration_equal(host->registration, registration);
	/* The same again may be old bytes, which an agent sends anew to another broker. */
	if (changed)
		registry_compare_clocks(host, registration, retained, now);
	registration_free(host->registration);
	host->registration = registration;
	host->unseen = false;
	host->info.last_seen = *now;
	host->info.joins += host->info.state == REGISTRY_GONE;
	host->info.left = REGISTRY_LEFT_NOT;
	host->info.confirmed = false;
	registry_set_state(r, host, REGISTRY_PRESENT);
	if (changed)
		r->ops.changed(r->ops.arg, host);
	return 0;
}

/* ---- leaving ---- */

static void
registry_leave(struct registry *r, struct registry_host *host, enum registry_left how,
	       const struct registry_time *now)
{
	if (host->info.state != REGISTRY_PRESENT)
		return;
	host->info.left = how;
	host->info.left_at = *now;
	registry_set_state(r, host, REGISTRY_LEAVING);
}

void
registry_left(struct registry *r, const char *name, enum registry_left how,
	      const struct registry_time *now)
{
	struct registry_host *host = registry_get(r, name);

	if (host)
		registry_leave(r, host, how, now);
}

void
registry_resync(struct registry *r, const struct registry_time *now)
{
	struct registry_host *host;

	r->offline = false;
	TAILQ_FOREACH(host, &r->hosts, link)
		/* They could not come back meanwhile. */
		if (host->info.state == REGISTRY_LEAVING)
			host->info.left_at.mono_ns = now->mono_ns;
	r->resync_ns = now->mono_ns + REGISTRY_RESYNC_NS;
}

void
registry_offline(struct registry *r)
{
	struct registry_host *host;

	r->offline = true;
	r->resync_ns = 0;
	TAILQ_FOREACH(host, &r->hosts, link)
		host->unseen = host->info.state == REGISTRY_PRESENT;
}

uint32_t
registry_few(uint32_t hosts)
{
	return hosts / 10 > 2 ? hosts / 10 : 2;
}

static void
registry_judge(struct registry *r, const struct registry_time *now)
{
	const struct registry_host *host;
	uint32_t recent = 0, all = 0; /* all: before they left */
	bool frozen;

	TAILQ_FOREACH(host, &r->hosts, link) {
		if (host->info.state == REGISTRY_GONE &&
		    now->mono_ns - host->info.left_at.mono_ns >= REGISTRY_AT_ONCE_NS)
			continue;
		all++;
		recent += host->info.left >= REGISTRY_LEFT_WILL && !host->info.confirmed;
	}
	frozen = recent > registry_few(all);
	if (frozen && !r->stats.frozen)
		r->stats.frozen_since = *now;
	r->stats.frozen = frozen;
	r->stats.left_at_once = recent;
}

/* When a host that is leaving will be gone. */
static uint64_t
registry_gone_ns(const struct registry *r, const struct registry_host *host)
{
	bool wait = r->stats.frozen && host->info.left != REGISTRY_LEFT_GOODBYE;

	return host->info.left_at.mono_ns + (wait ? REGISTRY_CONFIRM_NS : REGISTRY_SETTLE_NS);
}

static void
registry_gone(struct registry *r, struct registry_host *host)
{
	registry_set_state(r, host, REGISTRY_GONE);
	r->ops.changed(r->ops.arg, host);
}

static void
registry_expire_twin(struct registry *r, struct registry_host *host, uint64_t now_ns)
{
	if (!host->twin_ns || now_ns - host->twin_ns <= REGISTRY_TWIN_NS)
		return;
	host->twin_ns = 0;
	r->stats.twins--;
}

static void
registry_end_resync(struct registry *r, const struct registry_time *now)
{
	struct registry_host *host;

	if (!r->resync_ns || now->mono_ns < r->resync_ns)
		return;
	r->resync_ns = 0;
	TAILQ_FOREACH(host, &r->hosts, link)
		if (host->unseen)
			registry_leave(r, host, REGISTRY_LEFT_UNSEEN, now);
}

uint32_t
registry_confirm(struct registry *r, const struct registry_time *now)
{
	struct registry_host *host;
	uint32_t n = 0;

	TAILQ_FOREACH(host, &r->hosts, link) {
		if (host->info.state != REGISTRY_LEAVING)
			continue;
		host->info.confirmed = true;
		registry_gone(r, host);
		n++;
	}
	registry_judge(r, now);
	return n;
}

uint64_t
registry_tick(struct registry *r, const struct registry_time *now)
{
	uint64_t next, due;
	struct registry_host *host;

	if (r->offline)
		return UINT64_MAX;
	registry_end_resync(r, now);
	registry_judge(r, now);
	next = r->resync_ns ? r->resync_ns : UINT64_MAX;
	TAILQ_FOREACH(host, &r->hosts, link) {
		registry_expire_twin(r, host, now->mono_ns);
		if (host->twin_ns && host->twin_ns + REGISTRY_TWIN_NS + 1 < next)
			next = host->twin_ns + REGISTRY_TWIN_NS + 1;
		if (host->info.state != REGISTRY_LEAVING)
			continue;
		due = registry_gone_ns(r, host);
		if (due <= now->mono_ns)
			registry_gone(r, host);
		else if (due < next)
			next = due;
	}
	/* Hosts that are gone for long enough end the freeze. */
	if (r->stats.left_at_once && next > now->mono_ns + REGISTRY_SETTLE_NS)
		next = now->mono_ns + REGISTRY_SETTLE_NS;
	return next;
}
