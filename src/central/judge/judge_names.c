/* SPDX-License-Identifier: Apache-2.0 */
/* From candidates with numbers to culprits with names, and back. */
#include <stdio.h>
#include <string.h>

#include "central/judge/judge_case_impl.h"

static void
judge_put_addrs(struct incident_culprit *out, const struct addr *addrs, size_t n)
{
	for (size_t i = 0; i < n && i < INCIDENT_ADDRS_MAX; i++)
		addr_text(&addrs[i], out->addresses[out->n_addresses++]);
}

static const char *
judge_host_name(const struct judge_case *c, uint32_t nic)
{
	return c->hosts[c->lnics[nic].host].name;
}

static void
judge_name_as_nic(const struct judge_case *c, uint32_t id, struct incident_culprit *out)
{
	const struct judge_nic *nic = &c->nics[id];

	out->kind = INCIDENT_NIC;
	snprintf(out->name, sizeof(out->name), "%s/%s/%u", judge_host_name(c, id), nic->device,
		 nic->port);
	snprintf(out->host, sizeof(out->host), "%s", judge_host_name(c, id));
	snprintf(out->device, sizeof(out->device), "%s", nic->device);
	judge_put_addrs(out, nic->addrs, nic->n_addrs);
}

/* The name of an end: of the switch, or of the host. */
static const char *
judge_end(const struct judge_case *c, uint32_t at, uint32_t nic, const struct addr *addr,
	  char text[ADDR_TEXT])
{
	if (at != LOCATE_NONE)
		return c->switches[at].name;
	return nic != LOCATE_NONE ? judge_host_name(c, nic) : addr_text(addr, text);
}

static void
judge_name_as_link(const struct judge_case *c, uint32_t id, const char *arrow,
		   struct incident_culprit *out)
{
	const struct locate_link *l = &c->llinks[id];
	char from[ADDR_TEXT], to[ADDR_TEXT];

	out->kind = INCIDENT_LINK;
	snprintf(out->name, sizeof(out->name), "%s %s %s",
		 judge_end(c, l->from, l->nic, &c->links[id].from, from), arrow,
		 judge_end(c, l->to, l->nic, &c->links[id].to, to));
	addr_text(&c->links[id].from, out->from);
	addr_text(&c->links[id].to, out->to);
	judge_put_addrs(out, &c->links[id].from, 1);
	judge_put_addrs(out, &c->links[id].to, 1);
}

/* That of the probes, or that of their ACKs: what is lost on the way back has that 5-tuple. */
static void
judge_name_as_tuple(const struct judge_case *c, const struct locate_candidate *candidate,
		    struct incident_culprit *out)
{
	const struct judge_row *row = &c->rows[candidate->id];
	const struct locate_row *l = &c->lrows[candidate->id];
	bool back = candidate->direction == LOCATE_BACK;

	out->kind = INCIDENT_TUPLES;
	addr_text(back ? &row->destination : &row->source, out->from);
	addr_text(back ? &row->source : &row->destination, out->to);
	snprintf(out->name, sizeof(out->name), "%s -> %s port %u class %u", out->from, out->to,
		 back ? row->back_port : row->src_port, row->traffic_class);
	snprintf(out->host, sizeof(out->host), "%s", judge_host_name(c, back ? l->to : l->from));
}

void
judge_name(const struct judge_case *c, const struct locate_candidate *candidate,
	   struct incident_culprit *out)
{
	*out = (struct incident_culprit){.kind = INCIDENT_UNKNOWN};
	switch (candidate->kind) {
	case LOCATE_NIC:
		judge_name_as_nic(c, candidate->id, out);
		break;
	case LOCATE_LINK:
		judge_name_as_link(c, candidate->id, "->", out);
		break;
	case LOCATE_CABLE:
		judge_name_as_link(c, candidate->id, "<->", out);
		break;
	case LOCATE_SWITCH:
		out->kind = INCIDENT_SWITCH;
		snprintf(out->name, sizeof(out->name), "%s", c->switches[candidate->id].name);
		judge_put_addrs(out, c->switches[candidate->id].addrs,
				c->switches[candidate->id].n_addrs);
		break;
	case LOCATE_HOST:
		out->kind = INCIDENT_HOST;
		snprintf(out->name, sizeof(out->name), "%s", c->hosts[candidate->id].name);
		snprintf(out->host, sizeof(out->host), "%s", c->hosts[candidate->id].name);
		break;
	case LOCATE_TUPLES:
		judge_name_as_tuple(c, candidate, out);
		break;
	case LOCATE_ABOVE:
		snprintf(out->name, sizeof(out->name), "above %s", c->switches[candidate->id].name);
		break;
	case LOCATE_UNKNOWN:
		snprintf(out->name, sizeof(out->name), "unknown");
		break;
	}
}

/* ---- back ---- */

static bool
judge_find_text(const struct judge_index *index, const char *text, uint32_t *id)
{
	*id = judge_index_get(index, text, strlen(text));
	return *id != JUDGE_NONE;
}

static bool
judge_find_link(const struct judge_case *c, const struct incident_culprit *culprit, uint32_t *id)
{
	struct judge_link key;

	if (addr_parse(culprit->from, &key.from) < 0 || addr_parse(culprit->to, &key.to) < 0)
		return false;
	*id = judge_index_get(&c->links_by_addrs, &key, sizeof(key));
	return *id != JUDGE_NONE;
}

/* The first row whose ACKs have this 5-tuple, or JUDGE_NONE. */
static uint32_t
judge_find_acks(const struct judge_case *c, const struct judge_tuple *tuple)
{
	uint32_t nic = judge_index_get(&c->nics_by_addr, &tuple->destination,
				       sizeof(tuple->destination));
	const struct judge_host *host = nic == JUDGE_NONE ? NULL : &c->hosts[c->lnics[nic].host];

	for (size_t i = 0; host && i < host->n_rows; i++) {
		const struct judge_row *row = &c->rows[host->first_row + i];

		if (tuple->ports == ((uint32_t)row->back_port << 8 | row->traffic_class) &&
		    addr_equal(&row->destination, &tuple->source) &&
		    addr_equal(&row->source, &tuple->destination))
			return (uint32_t)(host->first_row + i);
	}
	return JUDGE_NONE;
}

static bool
judge_find_tuple(const struct judge_case *c, const struct incident_culprit *culprit, uint32_t *id)
{
	const char *at = strstr(culprit->name, " port ");
	struct judge_tuple key = {.ports = 0};
	unsigned int port, class;

	if (!at || sscanf(at, " port %u class %u", &port, &class) != 2 ||
	    addr_parse(culprit->from, &key.source) < 0 ||
	    addr_parse(culprit->to, &key.destination) < 0)
		return false;
	key.ports = port << 8 | class;
	*id = judge_find_row(c, &key);
	if (*id == JUDGE_NONE)
		*id = judge_find_acks(c, &key);
	return *id != JUDGE_NONE;
}

bool
judge_find_back(const struct judge_case *c, const struct incident_culprit *culprit,
		enum locate_kind *kind, uint32_t *id)
{
	static const char above[] = "above ";

	switch (culprit->kind) {
	case INCIDENT_NIC:
		*kind = LOCATE_NIC;
		return judge_find_text(&c->nics_by_name, culprit->name, id);
	case INCIDENT_LINK:
		*kind = strstr(culprit->name, " <-> ") ? LOCATE_CABLE : LOCATE_LINK;
		return judge_find_link(c, culprit, id);
	case INCIDENT_SWITCH:
		*kind = LOCATE_SWITCH;
		return judge_find_text(&c->switches_by_name, culprit->name, id);
	case INCIDENT_HOST:
		*kind = LOCATE_HOST;
		return judge_find_text(&c->hosts_by_name, culprit->name, id);
	case INCIDENT_TUPLES:
		*kind = LOCATE_TUPLES;
		return judge_find_tuple(c, culprit, id);
	case INCIDENT_UNKNOWN:
	case INCIDENT_KIND_N:
		break;
	}
	*kind = LOCATE_ABOVE;
	return strncmp(culprit->name, above, strlen(above)) == 0 &&
	       judge_find_text(&c->switches_by_name, culprit->name + strlen(above), id);
}
