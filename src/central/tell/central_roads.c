/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_roads.h"

#include "central/config/central_topology.h"
#include "central/roads/roads.h"
#include "central/tell/central_tell.h"
#include "record/record.h"
#include "serve/control.h"
#include "serve/param.h"

#define CENTRAL_ROADS_ADDRESSES 64 /* of a switch that are shown */

void
central_roads_status(struct record *r, const struct central_tell *t)
{
	const struct central_name_counts *names = &t->names;
	struct roads_stats s;

	roads_stats(t->roads, &s);
	record_u64(r, "paths", s.paths);
	record_u64(r, "paths_max", ROADS_PATHS);
	record_u64(r, "paths_incomplete", s.incomplete);
	record_u64(r, "paths_unstable", s.unstable);
	record_u64(r, "paths_refused", s.refused);
	record_str(r, "paths_refused_why", s.refused_why[0] ? s.refused_why : NULL);
	record_u64(r, "paths_too_many", s.too_many);
	record_u64(r, "path_messages", s.messages);
	record_u64(r, "path_messages_lost", s.gaps);
	record_u64(r, "path_messages_old", s.old);
	record_u64(r, "links", s.links);
	record_u64(r, "switches", s.switches);
	record_u64(r, "paths_bytes", s.bytes);
	record_u64(r, "names_asked", names->asked);
	record_u64(r, "names_failed", names->failed);
	record_str(r, "names_failed_why", names->failed_why);
	record_u64(r, "names_refused", names->refused);
	record_str(r, "names_refused_why", names->refused_why[0] ? names->refused_why : NULL);
}

/* ---- links ---- */

/* One end of a link. */
struct central_end {
	const char *name_key, *port_key, *by_key;
	const struct addr *address;
	uint32_t sw;
	const char *host, *device;
};

static void
central_roads_end(struct record *r, const struct roads *roads, const struct central_end *end)
{
	const char *name = end->host, *port = end->device, *by = NULL;
	struct roads_switch sw;

	if (roads_switch(roads, end->sw, &sw)) {
		name = sw.name;
		port = roads_port_name(roads, end->address);
		by = roads_by_names[sw.by];
	}
	record_str(r, end->name_key, name);
	record_str(r, end->port_key, port);
	record_str(r, end->by_key, by);
}

uint32_t
central_roads_link(msgpack_packer *out, const struct central_tell *t, uint32_t after)
{
	const struct roads *roads = t->roads;
	struct roads_link link;
	uint32_t id = roads_link_after(roads, after, &link);
	const struct central_end from = {"from_name", "from_port", "from_by", &link.from,
					 link.from_switch, link.from_host, link.from_device};
	const struct central_end to = {"to_name", "to_port", "to_by", &link.to,
				       link.to_switch, link.to_host, link.to_device};
	struct record r;

	if (!id)
		return 0;
	record_begin(&r, RECORD_LINK);
	record_addr(&r, "from", &link.from);
	record_addr(&r, "to", &link.to);
	central_roads_end(&r, roads, &from);
	central_roads_end(&r, roads, &to);
	record_u64(&r, "tuples", link.tuples);
	record_u64(&r, "seen_ns", link.seen_ns);
	record_end(&r, out);
	return id;
}

/* Packs at most `limit` records into a list, and where to go on. */
static int
central_roads_list(const struct control_call *call, enum record_map map, const char *key,
		   uint32_t (*pack)(msgpack_packer *out, const struct central_tell *t,
				    uint32_t after))
{
	const struct central_tell *t = call->arg;
	msgpack_sbuffer packed;
	struct param_page page;
	msgpack_packer pk;
	struct record r;
	uint32_t n = 0, id, last = 0;
	int rc = param_page(call->params, &page, call->error);

	if (rc < 0)
		return rc;
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	id = page.after < UINT32_MAX ? (uint32_t)page.after : UINT32_MAX - 1;
	while (n < page.limit && (id = pack(&pk, t, id))) {
		last = id;
		n++;
	}
	record_begin(&r, map);
	msgpack_pack_array(record_key(&r, key), n);
	msgpack_sbuffer_write(&r.body, packed.data, packed.size);
	record_u64_if(&r, "next", last, n && n == page.limit);
	record_end(&r, call->result);
	msgpack_sbuffer_destroy(&packed);
	return 0;
}

int
central_roads_links(const struct control_call *call)
{
	return central_roads_list(call, RECORD_LINKS, "links", central_roads_link);
}

/* ---- switches ---- */

static void
central_roads_above(struct record *r, const struct central_topology *topology, const char *name)
{
	const struct central_topology_child *above;
	msgpack_packer *pk = record_key(r, "above");
	size_t n;

	above = central_topology_above(topology, name, &n);
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		record_pack_str(pk, above[i].parent);
}

static uint32_t
central_roads_switch(msgpack_packer *out, const struct central_tell *t, uint32_t after)
{
	const struct roads *roads = t->roads;
	struct addr addresses[CENTRAL_ROADS_ADDRESSES];
	struct roads_switch sw;
	uint32_t id = roads_switch_after(roads, after, &sw);
	char text[ADDR_TEXT];
	msgpack_packer *pk;
	struct record r;
	size_t n;

	if (!id)
		return 0;
	n = roads_switch_addresses(roads, id, addresses, CENTRAL_ROADS_ADDRESSES);
	record_begin(&r, RECORD_SWITCH);
	record_str(&r, "name", sw.name);
	record_str(&r, "by", roads_by_names[sw.by]);
	pk = record_key(&r, "addresses");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		record_pack_str(pk, addr_text(&addresses[i], text));
	central_roads_above(&r, t->topology, sw.name);
	record_u64(&r, "tuples", sw.tuples);
	record_end(&r, out);
	return id;
}

int
central_roads_switches(const struct control_call *call)
{
	return central_roads_list(call, RECORD_SWITCHES, "switches", central_roads_switch);
}
