/* SPDX-License-Identifier: Apache-2.0 */
#include "central/picture/picture_impl.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/siphash.h"
#include "record/registration.h"

#define PICTURE_FIRST 64u

/* A node of by_name. */
struct picture_group {
	const char *name;    /* borrowed from names */
	uint32_t index;
};

static int
picture_group_compare(const void *a, const void *b)
{
	return strcmp(((const struct picture_group *)a)->name,
		      ((const struct picture_group *)b)->name);
}

/* Makes room for one more element of this size. Returns 0 or -ENOMEM. */
static int
picture_room(void **array, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room ? 2 * *room : PICTURE_FIRST;
	void *grown;

	if (n < *room)
		return 0;
	grown = realloc(*array, more * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}

/* The name of the group of a port: its ToR, or all of them. */
static void
picture_group_name(const struct registration_port *port, const struct picture_naming *naming,
		   char name[PICTURE_NAME])
{
	size_t at = 0, begin = 0;

	snprintf(name, PICTURE_NAME, "?");
	for (size_t i = 0; i < port->n_tors && at < PICTURE_NAME; i++) {
		const char *tor = naming->name ? naming->name(naming->arg, port->tors[i]) :
						 port->tors[i];

		/* A router has an address of each family. */
		if (naming->name && i > 0 && strcmp(name + begin, tor) == 0)
			continue;
		begin = i ? at + 1 : at;
		at += (size_t)snprintf(name + at, PICTURE_NAME - at, "%s%s", i ? "+" : "", tor);
	}
}

static int
picture_group_new(struct picture_ports *p, const char *name, uint32_t *index)
{
	struct picture_group *group = malloc(sizeof(*group));
	char *copy = strdup(name);

	if (!group || !copy ||
	    picture_room((void **)&p->names, p->n_names, &p->room_names, sizeof(*p->names)) < 0)
		goto fail;
	*group = (struct picture_group){copy, p->n_names};
	if (!tsearch(group, &p->by_name, picture_group_compare))
		goto fail;
	p->names[p->n_names] = copy;
	*index = p->n_names++;
	return 0;
fail:
	free(group);
	free(copy);
	return -ENOMEM;
}

static int
picture_group_get(struct picture_ports *p, const char *name, uint32_t *index)
{
	const struct picture_group key = {.name = name};
	struct picture_group *const *found = tfind(&key, &p->by_name, picture_group_compare);

	if (!found)
		return picture_group_new(p, name, index);
	*index = (*found)->index;
	return 0;
}

static struct picture_address *
picture_address_place(const struct picture_ports *p, const struct addr *a)
{
	uint32_t mask = p->size - 1;

	for (uint32_t i = (uint32_t)siphash(p->key, a->raw, sizeof(a->raw)) & mask;;
	     i = (i + 1) & mask)
		if (p->table[i].port == 0 || addr_equal(&p->table[i].addr, a))
			return &p->table[i];
}

static int
picture_addresses_grow(struct picture_ports *p)
{
	struct picture_address *old = p->table;
	uint32_t n = p->size;

	p->size = n ? 2 * n : PICTURE_FIRST;
	p->table = calloc(p->size, sizeof(*p->table));
	if (!p->table) {
		p->table = old;
		p->size = n;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		if (old[i].port > 0)
			*picture_address_place(p, &old[i].addr) = old[i];
	free(old);
	return 0;
}

/* The first port with an address has it. */
static int
picture_address_add(struct picture_ports *p, const struct addr *a, uint32_t port)
{
	struct picture_address *place;

	if (2 * p->used >= p->size && picture_addresses_grow(p) < 0)
		return -ENOMEM;
	place = picture_address_place(p, a);
	if (place->port > 0)
		return 0;
	*place = (struct picture_address){*a, port + 1};
	p->used++;
	return 0;
}

static int
picture_port_add(struct picture_ports *p, const char *host, const struct registration_port *port,
		 const struct picture_naming *naming)
{
	char name[PICTURE_NAME];
	struct picture_port *new;
	int rc = picture_room((void **)&p->ports, p->n_ports, &p->room_ports, sizeof(*p->ports));

	if (rc < 0)
		return rc;
	picture_group_name(port, naming, name);
	new = &p->ports[p->n_ports];
	rc = picture_group_get(p, name, &new->group);
	if (rc < 0)
		return rc;
	new->host = strdup(host);
	if (!new->host)
		return -ENOMEM;
	snprintf(new->device, sizeof(new->device), "%s", port->device);
	p->n_ports++;
	for (size_t i = 0; rc == 0 && i < port->n_addrs; i++)
		rc = picture_address_add(p, &port->addrs[i], p->n_ports - 1);
	return rc;
}

int
picture_ports_add(struct picture_ports *p, const struct registration *host,
		  const struct picture_naming *naming)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < host->n_ports; i++)
		rc = picture_port_add(p, host->host, &host->ports[i], naming);
	return rc;
}

static int
picture_names_compare(const void *a, const void *b)
{
	/* Numbers in names by their value: tor2 before tor10. */
	int order = strverscmp(*(char *const *)a, *(char *const *)b);

	return order ? order : strcmp(*(char *const *)a, *(char *const *)b);
}

int
picture_ports_sort(struct picture_ports *p)
{
	uint32_t *places = malloc((p->n_names + 1) * sizeof(*places));

	if (!places)
		return -ENOMEM;
	if (p->n_names > 0)
		qsort(p->names, p->n_names, sizeof(*p->names), picture_names_compare);
	for (uint32_t i = 0; i < p->n_names; i++) {
		const struct picture_group key = {.name = p->names[i]};
		struct picture_group *const *found = tfind(&key, &p->by_name,
							   picture_group_compare);

		places[(*found)->index] = i;
	}
	for (uint32_t i = 0; i < p->n_ports; i++)
		p->ports[i].group = places[p->ports[i].group];
	free(places);
	tdestroy(p->by_name, free);
	p->by_name = NULL;
	return 0;
}

const struct picture_port *
picture_ports_find(const struct picture_ports *p, const struct addr *a)
{
	const struct picture_address *place = p->size ? picture_address_place(p, a) : NULL;

	return place && place->port > 0 ? &p->ports[place->port - 1] : NULL;
}

uint32_t
picture_ports_group(const struct picture_ports *p, const char *name)
{
	char *const *found = NULL;

	if (p->n_names > 0)
		found = bsearch(&name, p->names, p->n_names, sizeof(*p->names),
				picture_names_compare);
	return found ? (uint32_t)(found - p->names) : UINT32_MAX;
}

void
picture_ports_clear(struct picture_ports *p)
{
	for (uint32_t i = 0; i < p->n_ports; i++)
		free(p->ports[i].host);
	for (uint32_t i = 0; i < p->n_names; i++)
		free(p->names[i]);
	tdestroy(p->by_name, free);
	free(p->ports);
	free(p->names);
	free(p->table);
	p->ports = NULL;
	p->names = NULL;
	p->table = NULL;
	p->by_name = NULL;
	p->n_ports = p->room_ports = p->n_names = p->room_names = p->size = p->used = 0;
}
