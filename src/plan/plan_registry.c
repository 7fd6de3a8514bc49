/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts, their ports, and the groups that their members are in.
 *
 * An address belongs to one port. If several have it, the first in the order of hosts, ports and
 * addresses holds it, whoever registered first: so all planners choose the same. The index has the
 * holders, and each holder the others, in this order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan_impl.h"

int
plan_insert(void ***array, size_t *n, size_t *room, size_t at, void *element)
{
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 8;
		void **grown = reallocarray(*array, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*array = grown;
		*room = more;
	}
	memmove(*array + at + 1, *array + at, (*n - at) * sizeof(**array));
	(*array)[at] = element;
	(*n)++;
	return 0;
}

/* The node of that name, or NULL; *at is its place, or the one to insert it at. */
struct plan_node *
plan_find(const struct plan *plan, const char *name, size_t *at)
{
	size_t low = 0, high = plan->n_nodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(plan->nodes[middle]->name, name);

		if (order == 0) {
			*at = middle;
			return plan->nodes[middle];
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return NULL;
}

static int
plan_nic_compare(const struct plan_nic *a, const struct plan_nic *b)
{
	int order = a->host == b->host ? 0 : strcmp(a->host->name, b->host->name);

	order = order ? order : strcmp(a->device, b->device);
	return order ? order : (a->port > b->port) - (a->port < b->port);
}

static int
plan_address_compare(const struct plan_address *a, const struct plan_address *b)
{
	int order = plan_nic_compare(a->nic, b->nic);

	return order ? order : memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

int
plan_member_compare(const struct plan_member *a, const struct plan_member *b)
{
	return plan_address_compare(a->address, b->address);
}

/* Groups. */

static int
plan_group_compare(const struct plan_group *g, const char *tor, const char *rail, bool v6)
{
	int order = strcmp(g->rail, rail);

	order = order ? order : g->v6 - v6;
	return order ? order : strcmp(g->tor, tor);
}

void
plan_group_free(struct plan_group *group)
{
	if (!group)
		return;
	free(group->tor);
	free(group->rail);
	free(group->members);
	free(group->near);
	free(group->near_first);
	free(group->edges);
	free(group->slots);
	free(group);
}

static struct plan_group *
plan_group_new(const char *tor, const char *rail, bool v6)
{
	struct plan_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->tor = strdup(tor);
	group->rail = strdup(rail);
	group->v6 = v6;
	if (!group->tor || !group->rail) {
		plan_group_free(group);
		return NULL;
	}
	group->hash = plan_hash_text(plan_hash_text(v6, tor), rail);
	return group;
}

/* The group of an address under a ToR, which is made if there is none. NULL if out of memory. */
static struct plan_group *
plan_group_get(struct plan *plan, const struct plan_nic *nic, const char *tor, bool v6)
{
	const char *rail = plan->options.rails_isolated ? nic->rail : "";
	size_t low = 0, high = plan->n_groups;
	struct plan_group *group;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = plan_group_compare(plan->groups[middle], tor, rail, v6);

		if (order == 0)
			return plan->groups[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	group = plan_group_new(tor, rail, v6);
	if (group && plan_insert((void ***)&plan->groups, &plan->n_groups, &plan->groups_room, low,
				 group)) {
		plan_group_free(group);
		return NULL;
	}
	plan->rebuild = true;
	return group;
}

/* The lists of all its members may change. */
void
plan_group_stale(struct plan_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		group->members[i]->address->nic->host->stale = true;
}

void
plan_group_dirty(struct plan_group *group)
{
	group->dirty = group->place_from = group->place_to = true;
}

/* Where the member is, or is to be inserted. */
static size_t
plan_group_place(const struct plan_group *group, const struct plan_member *member)
{
	size_t low = 0, high = group->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plan_member_compare(group->members[middle], member) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Members. */

static void
plan_member_off(struct plan *plan, struct plan_member *member)
{
	struct plan_group *group = member->group;
	size_t at;

	if (!group)
		return;
	at = plan_group_place(group, member);
	memmove(group->members + at, group->members + at + 1,
		(--group->n - at) * sizeof(*group->members));
	member->group = NULL;
	member->first_slot = 0;
	member->address->nic->n_on--;
	plan_group_dirty(group);
	plan->rebuild = plan->rebuild || !group->n;
}

static int
plan_member_on(struct plan *plan, struct plan_member *member, const char *tor)
{
	struct plan_nic *nic = member->address->nic;
	bool v6 = !addr_is_v4(&member->address->addr);
	struct plan_group *group;

	if (member->group)
		return 0;
	group = plan_group_get(plan, nic, tor, v6);
	if (!group || plan_insert((void ***)&group->members, &group->n, &group->room,
				  plan_group_place(group, member), member))
		return -ENOMEM;
	member->group = group;
	nic->n_on++;
	plan_group_dirty(group);
	return 0;
}

/* A port that has one place more or less shares its budget among its places anew. */
static void
plan_nic_dirty(struct plan_nic *nic)
{
	for (size_t i = 0; i < nic->n_members; i++)
		if (nic->members[i].group)
			plan_group_dirty(nic->members[i].group);
}

static int
plan_address_set(struct plan *plan, struct plan_address *address)
{
	struct plan_nic *nic = address->nic;
	size_t first = (size_t)(address - nic->addresses) * nic->n_tors;
	int err = 0;

	for (size_t i = 0; i < nic->n_tors; i++) {
		struct plan_member *member = &nic->members[first + i];

		if (address->used && nic->host->on)
			err = plan_member_on(plan, member, nic->tors[i]) ? -ENOMEM : err;
		else
			plan_member_off(plan, member);
	}
	plan_nic_dirty(nic);
	nic->host->stale = true;
	return err;
}

/* Addresses. */

static struct plan_address **
plan_index_chain(const struct plan *plan, const struct addr *addr)
{
	return &plan->index[plan_hash(addr, sizeof(*addr)) & (plan->index_size - 1)];
}

static bool
plan_address_usable(const struct addr *addr)
{
	static const struct addr v4_zero = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};

	return !addr_is_zero(addr) && !addr_is_link_local(addr) && !addr_equal(addr, &v4_zero);
}

/* Where the holder of an address is linked, or where one is to be. */
static struct plan_address **
plan_index_find(const struct plan *plan, const struct addr *addr)
{
	struct plan_address **a = plan_index_chain(plan, addr);

	while (*a && !addr_equal(&(*a)->addr, addr))
		a = &(*a)->next;
	return a;
}

/* Who uses an address, or NULL. */
const struct plan_address *
plan_holder(const struct plan *plan, const struct addr *addr)
{
	return plan->index ? *plan_index_find(plan, addr) : NULL;
}

/* Another one becomes the holder. */
static int
plan_index_hand_over(struct plan *plan, struct plan_address **holder, struct plan_address *to)
{
	struct plan_address *from = *holder;

	to->rivals = from->rivals;
	from->rivals = (struct plan_rivals){.n = 0};
	to->next = from->next;
	*holder = to;
	from->used = false;
	to->used = true;
	(void)plan_address_set(plan, from); /* it needs no memory to take no part */
	return plan_address_set(plan, to);
}

/* Where a rival of the holder is, or is to be inserted. */
static size_t
plan_rivals_place(const struct plan_rivals *rivals, const struct plan_address *address)
{
	size_t low = 0, high = rivals->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plan_address_compare(rivals->at[middle], address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
plan_rivals_drop(struct plan_rivals *rivals, size_t at)
{
	memmove(rivals->at + at, rivals->at + at + 1, (--rivals->n - at) * sizeof(*rivals->at));
	if (rivals->n)
		return;
	free(rivals->at);
	*rivals = (struct plan_rivals){.n = 0};
}

static int
plan_index_grow(struct plan *plan)
{
	size_t size = plan->index_size ? plan->index_size * 2 : 64, old_size = plan->index_size;
	struct plan_address **old = plan->index, **grown;

	if (plan->n_index < plan->index_size)
		return 0;
	grown = calloc(size, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->index = grown;
	plan->index_size = size;
	for (size_t i = 0; i < old_size; i++)
		for (struct plan_address *a = old[i], *next; a; a = next) {
			struct plan_address **chain = plan_index_chain(plan, &a->addr);

			next = a->next;
			a->next = *chain;
			*chain = a;
		}
	free(old);
	return 0;
}

static int
plan_index_add(struct plan *plan, struct plan_address *address)
{
	struct plan_address **holder, *rival;
	struct plan_rivals *rivals;

	if (!plan_address_usable(&address->addr))
		return 0;
	if (plan_index_grow(plan))
		return -ENOMEM;
	holder = plan_index_find(plan, &address->addr);
	if (!*holder) {
		*holder = address;
		plan->n_index++;
		address->used = true;
		return plan_address_set(plan, address);
	}
	rivals = &(*holder)->rivals;
	rival = plan_address_compare(address, *holder) < 0 ? *holder : address;
	if (plan_insert((void ***)&rivals->at, &rivals->n, &rivals->room,
			plan_rivals_place(rivals, rival), rival))
		return -ENOMEM;
	return rival == address ? 0 : plan_index_hand_over(plan, holder, address);
}

static void
plan_index_remove(struct plan *plan, struct plan_address *address)
{
	struct plan_address **holder = plan->index ? plan_index_find(plan, &address->addr) : NULL;
	struct plan_rivals *rivals;
	size_t at;

	if (!holder || !*holder)
		return;
	rivals = &(*holder)->rivals;
	if (*holder != address) {
		at = plan_rivals_place(rivals, address);
		if (at < rivals->n && rivals->at[at] == address)
			plan_rivals_drop(rivals, at);
	} else if (rivals->n) {
		struct plan_address *next = rivals->at[0];

		plan_rivals_drop(rivals, 0);
		/* If there is no memory for it, it takes no part until it registers. */
		(void)plan_index_hand_over(plan, holder, next);
	} else {
		*holder = address->next;
		plan->n_index--;
	}
}

/* Hosts. */

/* Whether a host takes part; a drained one keeps its addresses. */
int
plan_node_on(struct plan *plan, struct plan_node *node, bool on)
{
	int err = 0;

	node->on = on;
	for (size_t i = 0; i < node->n_nics; i++)
		for (size_t k = 0; k < node->nics[i].n_addresses; k++)
			err = plan_address_set(plan, &node->nics[i].addresses[k]) ? -ENOMEM : err;
	return err;
}

int
plan_node_enter(struct plan *plan, struct plan_node *node)
{
	int err = 0;

	for (size_t i = 0; i < node->n_nics && !err; i++)
		for (size_t k = 0; k < node->nics[i].n_addresses && !err; k++)
			err = plan_index_add(plan, &node->nics[i].addresses[k]);
	return err;
}

/* Slots may point at it until the next run. */
void
plan_node_leave(struct plan *plan, struct plan_node *node)
{
	for (size_t i = 0; i < node->n_nics; i++)
		for (size_t k = 0; k < node->nics[i].n_addresses; k++) {
			struct plan_address *address = &node->nics[i].addresses[k];

			plan_index_remove(plan, address);
			address->used = false;
			(void)plan_address_set(plan, address);
		}
	node->next_gone = plan->gone;
	plan->gone = node;
}
