/* SPDX-License-Identifier: Apache-2.0 */
/* The paths that hosts have traced: all of a host, or those that somebody asks for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/roads/roads.h"
#include "central/tell/central_roads.h"
#include "central/tell/central_tell.h"
#include "record/record.h"
#include "record/registration.h"
#include "serve/control.h"
#include "serve/param.h"

#define CENTRAL_PATH_TEXT 254 /* HOST/DEVICE, [ADDRESS]:PORT */

/* One end of the paths that are asked for. */
struct central_path_end {
	char host[REGISTRATION_HOST];     /* "": any */
	char device[REGISTRATION_NAME];   /* "": any */
	struct addr addr;                 /* zero: any */
	uint16_t port;                    /* 0: any */
};

struct central_path_asked {
	const struct roads *roads;
	struct central_path_end from, to;
	const struct param_page *page;
	msgpack_packer pk;
	uint64_t seen, n;
};

/* ---- records ---- */

static void
central_path_place(msgpack_packer *out, size_t i, const struct addr *a, const char *name)
{
	struct record r;

	record_begin(&r, RECORD_PLACE);
	record_u64(&r, "ttl", i + 1);
	if (addr_is_zero(a))
		record_str(&r, "address", NULL);
	else
		record_addr(&r, "address", a);
	record_str(&r, "name", name);
	record_end(&r, out);
}

static void
central_path_hops(struct record *r, const struct roads *roads, const struct roads_path *path)
{
	msgpack_packer *pk = record_key(r, "hops");

	msgpack_pack_array(pk, path->n_hops);
	for (size_t i = 0; i < path->n_hops; i++) {
		struct roads_switch sw = {.name = NULL};

		roads_switch(roads, path->switches[i], &sw);
		central_path_place(pk, i, &path->hops[i], sw.name);
	}
}

/* All but the last of its links end at a router. */
static void
central_path_before(struct record *r, const struct roads *roads, const struct roads_path *path)
{
	msgpack_packer *pk = record_key(r, "before");
	size_t n = path->n_before ? path->n_before - 1u : 0;

	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		struct roads_switch sw = {.name = NULL};
		struct roads_link link = {.tuples = 0};

		if (roads_link(roads, path->before[i], &link))
			roads_switch(roads, link.to_switch, &sw);
		central_path_place(pk, i, &link.to, sw.name);
	}
}

static void
central_path_record(msgpack_packer *out, const struct roads *roads, const struct roads_path *path)
{
	const char *device, *other;
	struct record r;

	roads_owner(roads, &path->tuple.source, &device);
	record_begin(&r, RECORD_KNOWN_PATH);
	record_str(&r, "host", path->host);
	record_str(&r, "device", device);
	record_str(&r, "hostname", roads_owner(roads, &path->tuple.destination, &other));
	record_addr(&r, "source", &path->tuple.source);
	record_addr(&r, "destination", &path->tuple.destination);
	record_u64(&r, "src_port", path->tuple.src_port);
	record_u64(&r, "traffic_class", path->tuple.traffic_class);
	record_u64_if(&r, "flow_label", path->flow_label, !addr_is_v4(&path->tuple.source));
	central_path_hops(&r, roads, path);
	record_bool(&r, "reached", path->reached);
	record_bool(&r, "stable", path->stable);
	record_u64(&r, "time_ns", path->traced_ns);
	central_path_before(&r, roads, path);
	record_end(&r, out);
}

/* ---- which ---- */

/* Whether it is this address, of this host and device; NULL: not known. */
static bool
central_path_fits(const struct central_path_end *end, const struct addr *a, const char *host,
		  const char *device)
{
	if (!addr_is_zero(&end->addr) && !addr_equal(&end->addr, a))
		return false;
	if (end->host[0] && (!host || strcmp(host, end->host) != 0))
		return false;
	return !end->device[0] || (device && strcmp(device, end->device) == 0);
}

/* Goes on through the whole list, because their number is said, too; that costs little a path. */
static void
central_path_take(void *arg, const struct roads_between *between)
{
	struct central_path_asked *asked = arg;
	struct roads_path path;

	if ((asked->from.port && asked->from.port != between->src_port) ||
	    !central_path_fits(&asked->from, between->source, between->source_host,
			       between->source_device) ||
	    !central_path_fits(&asked->to, between->destination, between->destination_host,
			       between->destination_device))
		return;
	if (asked->seen++ < asked->page->after || asked->n == asked->page->limit)
		return;
	asked->n++;
	roads_path(asked->roads, between->id, &path);
	central_path_record(&asked->pk, asked->roads, &path);
}

static void
central_path_answer(const struct control_call *call, struct central_path_asked *asked,
		    const char *host)
{
	uint64_t next = asked->page->after;
	msgpack_sbuffer packed;
	struct record r;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&asked->pk, &packed, msgpack_sbuffer_write);
	roads_each_of_host(asked->roads, host, central_path_take, asked);
	next += asked->n;
	record_begin(&r, RECORD_KNOWN_PATHS);
	record_u64(&r, "paths_total", asked->seen);
	msgpack_pack_array(record_key(&r, "paths"), asked->n);
	msgpack_sbuffer_write(&r.body, packed.data, packed.size);
	record_u64_if(&r, "next", next, asked->n && asked->seen > next);
	record_end(&r, call->result);
	msgpack_sbuffer_destroy(&packed);
}

/* ---- the method paths ---- */

int
central_roads_paths(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct central_path_asked asked = {.roads = t->roads};
	char host[REGISTRATION_HOST] = "";
	const msgpack_object_map *map;
	struct param_page page;
	int rc = param_page(call->params, &page, call->error);

	if (rc == 0)
		rc = param_map(call->params, &map, call->error);
	if (rc == 0)
		rc = param_text(map, "host", host, sizeof(host), call->error);
	if (rc < 0)
		return rc;
	asked.page = &page;
	central_path_answer(call, &asked, host);
	return 0;
}

/* ---- the method path ---- */

static int
central_path_port(const char *text, uint16_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || n < 1 || n > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

/* Reads ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. Changes the text. */
static int
central_path_addr(char *text, struct central_path_end *end)
{
	char *port = strrchr(text, ':'), *first = text;

	if (addr_parse(text, &end->addr) == 0)
		return 0;
	if (!port || central_path_port(port + 1, &end->port) < 0)
		return -EINVAL;
	*port = '\0';
	if (*first == '[' && port > first + 1 && port[-1] == ']') {
		port[-1] = '\0';
		first++;
	} else if (strchr(first, ':')) {
		return -EINVAL; /* IPv6 without brackets */
	}
	return addr_parse(first, &end->addr);
}

/* Reads HOST or HOST/DEVICE. */
static int
central_path_host(const char *text, struct central_path_end *end)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len == 0 || len >= sizeof(end->host) ||
	    (slash && (!slash[1] || strlen(slash + 1) >= sizeof(end->device))))
		return -EINVAL;
	memcpy(end->host, text, len);
	if (slash)
		strcpy(end->device, slash + 1);
	return 0;
}

static int
central_path_end(const msgpack_object_map *map, const char *key, struct central_path_end *end,
		 struct control_error *error)
{
	char text[CENTRAL_PATH_TEXT], copy[CENTRAL_PATH_TEXT];
	int rc = param_text(map, key, text, sizeof(text), error);

	if (rc < 0 || !text[0])
		return rc;
	strcpy(copy, text);
	if (central_path_addr(copy, end) == 0)
		return 0;
	*end = (struct central_path_end){.port = 0};
	if (central_path_host(text, end) == 0)
		return 0;
	return param_bad(error, key, "HOST, HOST/DEVICE, ADDRESS or, of a flow, ADDRESS:PORT");
}

static int
central_path_unknown(struct control_error *error, const char *what, const struct addr *a)
{
	char text[ADDR_TEXT];

	error->code = ENOENT;
	if (a)
		addr_text(a, text);
	snprintf(error->message, sizeof(error->message),
		 a ? "no host has registered the address %s" : "no host \"%s\"", a ? text : what);
	return -ENOENT;
}

/* The host whose paths they are. */
static int
central_path_whose(const struct roads *roads, const struct central_path_end *from,
		   char host[REGISTRATION_HOST], struct control_error *error)
{
	const char *device, *owner = from->host;

	if (!owner[0])
		owner = roads_owner(roads, &from->addr, &device);
	if (!owner)
		return central_path_unknown(error, NULL, &from->addr);
	snprintf(host, REGISTRATION_HOST, "%s", owner);
	return roads_knows(roads, host) ? 0 : central_path_unknown(error, host, NULL);
}

static int
central_path_params(const struct control_call *call, struct central_path_asked *asked,
		    struct param_page *page)
{
	struct central_path_end *from = &asked->from, *to = &asked->to;
	char device[REGISTRATION_NAME] = "";
	const msgpack_object_map *map;
	int rc = param_page(call->params, page, call->error);

	if (rc == 0)
		rc = param_map(call->params, &map, call->error);
	if (rc == 0)
		rc = central_path_end(map, "target", from, call->error);
	if (rc == 0)
		rc = central_path_end(map, "peer", to, call->error);
	if (rc == 0)
		rc = param_text(map, "device", device, sizeof(device), call->error);
	if (rc < 0)
		return rc;
	if (device[0])
		strcpy(from->device, device);
	if (!from->host[0] && addr_is_zero(&from->addr))
		return param_bad(call->error, "target", "a host, or an address");
	if (to->port)
		return param_bad(call->error, "peer", "a host, or an address without a port");
	return 0;
}

int
central_roads_path(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	struct central_path_asked asked = {.roads = t->roads};
	char host[REGISTRATION_HOST];
	struct param_page page;
	int rc = central_path_params(call, &asked, &page);

	if (rc == 0)
		rc = central_path_whose(t->roads, &asked.from, host, call->error);
	if (rc == 0 && asked.to.host[0] && !roads_knows(t->roads, asked.to.host))
		rc = central_path_unknown(call->error, asked.to.host, NULL);
	if (rc < 0)
		return rc;
	asked.page = &page;
	central_path_answer(call, &asked, host);
	return 0;
}
