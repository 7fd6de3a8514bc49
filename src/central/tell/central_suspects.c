/* SPDX-License-Identifier: Apache-2.0 */
/* central_suspects.h explains the object. */
#include "central/tell/central_suspects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CENTRAL_SUSPECTS_STEP 20000u /* links in one step */
#define CENTRAL_SUSPECTS_PLACES (2 * CENTRAL_SUSPECTS_LINKS)

/* A candidate, as links and 5-tuples are compared with it. */
struct central_suspect {
	enum incident_kind kind;
	char host[REGISTRATION_HOST], device[REGISTRATION_DEVICE];
	char ends[2][INCIDENT_NAME]; /* of a link: its switches; [0] of others: the switch; or "" */
	struct addr from, to;        /* of a link or a 5-tuple; zero: none */
	bool both;                   /* of a link: its other direction, too */
	unsigned int port, class;    /* of a 5-tuple */
	struct addr addrs[INCIDENT_ADDRS_MAX];
	size_t n_addrs;
	/* Of a link: what IPv4 says of the links between its switches. */
	struct addr v4;              /* the second address of the first one; zero: none */
	bool parallel;
};

/* A link that may be of a candidate. */
struct central_suspects_found {
	struct addr from, to;
	uint8_t suspect;
	bool sure;                   /* whatever links there are beside it */
};

struct central_suspects {
	struct central_suspect of[INCIDENT_CULPRITS_MAX];
	size_t n;
	uint8_t key[SIPHASH_KEY];
	uint32_t after;              /* the last link */
	struct central_suspects_found found[CENTRAL_SUSPECTS_LINKS];
	uint32_t n_found;
	uint16_t places[CENTRAL_SUSPECTS_PLACES]; /* a hash table of those that are: 1 + index */
};

/* ---- candidates ---- */

/* "leaf1 -> spine2", or with "<->". */
static void
central_suspect_ends(struct central_suspect *s, const char *name)
{
	const char *arrow = strstr(name, s->both ? " <-> " : " -> ");
	size_t n = arrow ? (size_t)(arrow - name) : 0;

	if (!arrow)
		return;
	memcpy(s->ends[0], name, n);
	s->ends[0][n] = '\0';
	snprintf(s->ends[1], sizeof(s->ends[1]), "%s", arrow + (s->both ? 5 : 4));
}

static void
central_suspect_take(struct central_suspect *s, const struct incident_culprit *c)
{
	static const char above[] = "above ";
	const char *port = strstr(c->name, " port ");

	*s = (struct central_suspect){.kind = c->kind, .both = strstr(c->name, " <-> ") != NULL};
	snprintf(s->host, sizeof(s->host), "%s", c->host);
	snprintf(s->device, sizeof(s->device), "%s", c->device);
	if (c->kind == INCIDENT_LINK)
		central_suspect_ends(s, c->name);
	else if (c->kind == INCIDENT_SWITCH)
		snprintf(s->ends[0], sizeof(s->ends[0]), "%s", c->name);
	else if (c->kind == INCIDENT_UNKNOWN && strncmp(c->name, above, strlen(above)) == 0)
		snprintf(s->ends[0], sizeof(s->ends[0]), "%s", c->name + strlen(above));
	if (addr_parse(c->from, &s->from) < 0 || addr_parse(c->to, &s->to) < 0)
		s->from = s->to = (struct addr){{0}};
	if (port)
		sscanf(port, " port %u class %u", &s->port, &s->class);
	for (size_t i = 0; i < c->n_addresses; i++)
		if (addr_parse(c->addresses[i], &s->addrs[s->n_addrs]) == 0)
			s->n_addrs++;
}

static bool
central_suspect_has(const struct central_suspect *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_addrs; i++)
		if (addr_equal(&s->addrs[i], a))
			return true;
	return false;
}

/* Whether an end of a link is the port, or one of the host. */
static bool
central_suspect_is_port(const struct central_suspect *s, const char *host, const char *device)
{
	return host && s->host[0] && strcmp(host, s->host) == 0 &&
	       (s->kind == INCIDENT_HOST || (device && strcmp(device, s->device) == 0));
}

/* A link with the names of its switches; "": a port of a host. */
struct central_seen {
	const struct roads_link *link;
	const char *from, *to;
};

static bool
central_suspect_joins(const struct central_suspect *s, const char *from, const char *to)
{
	return s->ends[0][0] && s->ends[1][0] && strcmp(s->ends[0], from) == 0 &&
	       strcmp(s->ends[1], to) == 0;
}

/* Sets *sure to false if it depends on the links beside it. */
static bool
central_suspect_is_link(struct central_suspect *s, const struct central_seen *seen, bool *sure)
{
	const struct roads_link *l = seen->link;

	if ((addr_equal(&l->from, &s->from) && addr_equal(&l->to, &s->to)) ||
	    (s->both && addr_equal(&l->from, &s->to) && addr_equal(&l->to, &s->from)))
		return true;
	if (s->both && central_suspect_joins(s, seen->to, seen->from))
		return true;
	*sure = false;
	return central_suspect_joins(s, seen->from, seen->to);
}

static bool
central_suspect_is(struct central_suspect *s, const struct central_seen *seen, bool *sure)
{
	const struct roads_link *l = seen->link;

	switch (s->kind) {
	case INCIDENT_LINK:
		return central_suspect_is_link(s, seen, sure);
	case INCIDENT_NIC:
	case INCIDENT_HOST:
		return central_suspect_is_port(s, l->from_host, l->from_device) ||
		       central_suspect_is_port(s, l->to_host, l->to_device);
	case INCIDENT_SWITCH:
		return strcmp(seen->from, s->ends[0]) == 0 || strcmp(seen->to, s->ends[0]) == 0 ||
		       central_suspect_has(s, &l->from) || central_suspect_has(s, &l->to);
	case INCIDENT_UNKNOWN:
		return s->ends[0][0] && seen->to[0] && strcmp(seen->from, s->ends[0]) == 0;
	case INCIDENT_TUPLES:
	case INCIDENT_KIND_N:
		break;
	}
	return false;
}

/* ---- their links ---- */

/* The place of a link in the table; it is 0 if the link is not there. */
static uint32_t
central_suspects_place(const struct central_suspects *s, const struct addr *from,
		       const struct addr *to)
{
	const struct addr ends[2] = {*from, *to};
	uint64_t hash = siphash(s->key, ends, sizeof(ends));

	for (uint32_t i = (uint32_t)(hash % CENTRAL_SUSPECTS_PLACES);;
	     i = (i + 1) % CENTRAL_SUSPECTS_PLACES) {
		uint16_t at = s->places[i];

		if (!at || (addr_equal(&s->found[at - 1].from, from) &&
			    addr_equal(&s->found[at - 1].to, to)))
			return i;
	}
}

static void
central_suspects_look(struct central_suspects *s, const struct central_seen *seen)
{
	const struct roads_link *l = seen->link;

	for (size_t i = 0; i < s->n && s->n_found < CENTRAL_SUSPECTS_LINKS; i++) {
		struct central_suspect *of = &s->of[i];
		bool sure = true;

		if (!central_suspect_is(of, seen, &sure))
			continue;
		s->found[s->n_found++] =
			(struct central_suspects_found){l->from, l->to, (uint8_t)i, sure};
		/* The direction that is named, of which this may be a parallel cable. */
		if (of->kind != INCIDENT_LINK || !addr_is_v4(&l->to) ||
		    !central_suspect_joins(of, seen->from, seen->to))
			continue;
		if (addr_is_zero(&of->v4))
			of->v4 = l->to;
		of->parallel |= !addr_equal(&of->v4, &l->to);
	}
}

/* Whether it is one cable with the link that was found. */
static bool
central_suspects_same(const struct central_suspects *s, const struct central_suspects_found *found)
{
	const struct central_suspect *of = &s->of[found->suspect];

	return found->sure || addr_equal(&found->to, &of->to) ||
	       (!addr_is_zero(&of->v4) && !of->parallel);
}

/* All links are there. */
static void
central_suspects_end(struct central_suspects *s)
{
	for (uint32_t i = 0; i < s->n_found; i++)
		if (central_suspects_same(s, &s->found[i]))
			s->places[central_suspects_place(s, &s->found[i].from,
							 &s->found[i].to)] = (uint16_t)(i + 1);
}

static const char *
central_suspects_switch(const struct roads *roads, uint32_t id)
{
	struct roads_switch sw;

	return id && roads_switch(roads, id, &sw) ? sw.name : "";
}

bool
central_suspects_step(struct central_suspects *s, const struct roads *roads)
{
	struct roads_link link;
	struct central_seen seen = {.link = &link};

	for (uint32_t i = 0; i < CENTRAL_SUSPECTS_STEP; i++) {
		s->after = roads_link_after(roads, s->after, &link);
		if (!s->after) {
			central_suspects_end(s);
			return false;
		}
		seen.from = central_suspects_switch(roads, link.from_switch);
		seen.to = central_suspects_switch(roads, link.to_switch);
		central_suspects_look(s, &seen);
	}
	return true;
}

/* ---- questions ---- */

bool
central_suspects_link(const struct central_suspects *s, const struct addr *from,
		      const struct addr *to)
{
	return s->places[central_suspects_place(s, from, to)] != 0;
}

bool
central_suspects_tuple(const struct central_suspects *s, const struct roads_tuple *tuple)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct central_suspect *of = &s->of[i];

		if (of->kind == INCIDENT_TUPLES && of->port == tuple->src_port &&
		    of->class == tuple->traffic_class && addr_equal(&of->from, &tuple->source) &&
		    addr_equal(&of->to, &tuple->destination))
			return true;
	}
	return false;
}

bool
central_suspects_named(const struct central_suspects *s, size_t i, struct addr *from,
		       struct addr *to)
{
	for (size_t k = 0; k < s->n; k++)
		if (s->of[k].kind == INCIDENT_LINK && !addr_is_zero(&s->of[k].from) && i-- == 0) {
			*from = s->of[k].from;
			*to = s->of[k].to;
			return true;
		}
	return false;
}

int
central_suspects_new(const struct incident *incident, const uint8_t key[SIPHASH_KEY],
		     struct central_suspects **out)
{
	struct central_suspects *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	memcpy(s->key, key, SIPHASH_KEY);
	for (size_t i = 0; i < incident->n_culprits && i < INCIDENT_CULPRITS_MAX; i++) {
		struct central_suspect *of = &s->of[s->n++];

		central_suspect_take(of, &incident->culprits[i]);
		/* A link that nothing crosses any more is one, too. */
		if (of->kind == INCIDENT_LINK && !addr_is_zero(&of->from))
			s->found[s->n_found++] = (struct central_suspects_found){
				of->from, of->to, (uint8_t)i, true};
	}
	*out = s;
	return 0;
}

void
central_suspects_free(struct central_suspects *s)
{
	free(s);
}
