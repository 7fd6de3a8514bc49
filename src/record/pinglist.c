/* SPDX-License-Identifier: Apache-2.0 */
#include "record/pinglist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

static const char *const pinglist_kinds[] = {"tor", "fabric", NULL};

/* ---- writing ---- */

/* Whether two targets differ only in what a target of a group says of itself. */
static bool
pinglist_same_group(const struct pinglist_target *a, const struct pinglist_target *b)
{
	return a->fabric == b->fabric && a->traffic_class == b->traffic_class &&
	       a->interval_ns == b->interval_ns && strcmp(a->tor, b->tor) == 0;
}

static size_t
pinglist_group_end(const struct pinglist_port *port, size_t first)
{
	size_t end = first + 1;

	while (end < port->n_targets &&
	       pinglist_same_group(&port->targets[first], &port->targets[end]))
		end++;
	return end;
}

static void
pinglist_pack_target(msgpack_packer *out, const struct pinglist_target *t)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PINGLIST_TARGET);
	record_addr(&r, "address", &t->address);
	record_str(&r, "host", t->host);
	record_str(&r, "device", t->device);
	record_u64(&r, "port", t->port);
	if (t->n_labels) {
		pk = record_key(&r, "labels");
		msgpack_pack_array(pk, t->n_labels);
		for (size_t i = 0; i < t->n_labels; i++)
			msgpack_pack_uint32(pk, t->labels[i]);
	} else {
		record_u64(&r, "tuples", t->tuples);
	}
	record_end(&r, out);
}

static void
pinglist_pack_group(msgpack_packer *out, const struct pinglist_target *first, size_t n)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PINGLIST_GROUP);
	record_str(&r, "kind", pinglist_kinds[first->fabric]);
	record_str(&r, "tor", first->tor[0] ? first->tor : NULL);
	record_u64(&r, "traffic_class", first->traffic_class);
	record_u64(&r, "interval_ns", first->interval_ns);
	pk = record_key(&r, "targets");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		pinglist_pack_target(pk, &first[i]);
	record_end(&r, out);
}

static void
pinglist_pack_port(msgpack_packer *out, const struct pinglist_port *port)
{
	size_t groups = 0, at, end;
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PINGLIST_PORT);
	record_str(&r, "device", port->device);
	record_u64(&r, "port", port->port);
	record_addr(&r, "source", &port->source);
	for (at = 0; at < port->n_targets; at = pinglist_group_end(port, at))
		groups++;
	pk = record_key(&r, "groups");
	msgpack_pack_array(pk, groups);
	for (at = 0; at < port->n_targets; at = end) {
		end = pinglist_group_end(port, at);
		pinglist_pack_group(pk, &port->targets[at], end - at);
	}
	record_end(&r, out);
}

void
pinglist_pack(msgpack_packer *out, const struct pinglist *list)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PINGLIST);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", list->host);
	record_u64(&r, "generation", list->generation);
	pk = record_key(&r, "ports");
	msgpack_pack_array(pk, list->n_ports);
	for (size_t i = 0; i < list->n_ports; i++)
		pinglist_pack_port(pk, &list->ports[i]);
	record_end(&r, out);
}

/* ---- reading ---- */

/*
 * `names` has a byte for each byte of the data. A string with its '\0' is never longer than what it
 * was packed into, which has at least one byte in front. The ToR of a group is stored once.
 */
struct pinglist_reader {
	struct strict in;
	struct pinglist *list;
	size_t used, size;        /* bytes of list->names */
	size_t n_targets;         /* of all ports so far */
};

static const char *
pinglist_name(struct pinglist_reader *r, const msgpack_object *map, const char *key)
{
	char name[PINGLIST_NAME_MAX + 1] = "";
	char *copy = r->list->names + r->used;
	size_t len;

	strict_text(&r->in, map, key, name, sizeof(name));
	len = strlen(name) + 1;
	if (len > r->size - r->used) {
		strict_fail(&r->in, -EINVAL, "%s is longer than its record", key);
		return "";
	}
	memcpy(copy, name, len);
	r->used += len;
	return copy;
}

static void
pinglist_labels(struct pinglist_reader *r, const msgpack_object *map, struct pinglist_target *t)
{
	const msgpack_object_array *list;
	uint64_t tuples = 0;

	if (!read_find(map, "labels")) {
		strict_number(&r->in, map, "tuples", 1, PINGLIST_LABELS_MAX, &tuples);
		if (!tuples)
			strict_fail(&r->in, -EINVAL, "neither labels nor tuples");
		t->tuples = (uint32_t)tuples;
		return;
	}
	list = strict_list(&r->in, map, "labels", PINGLIST_LABELS_MAX);
	if (!list || !list->size) {
		strict_fail(&r->in, -EINVAL, "labels is empty");
		return;
	}
	for (uint32_t i = 0; i < list->size; i++) {
		const msgpack_object *o = &list->ptr[i];

		if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > 0xfffff) {
			strict_fail(&r->in, -EINVAL, "labels[%" PRIu32 "] is no flow label", i);
			return;
		}
		t->labels[t->n_labels++] = (uint32_t)o->via.u64;
	}
	t->tuples = list->size;
}

static void
pinglist_target(struct pinglist_reader *r, const msgpack_object *map, struct pinglist_target *t)
{
	const msgpack_object *address = read_find(map, "address");
	uint64_t port = 0;

	if (!address || !strict_addr(address, &t->address))
		strict_fail(&r->in, -EINVAL, "address is no address");
	t->host = pinglist_name(r, map, "host");
	t->device = pinglist_name(r, map, "device");
	strict_number(&r->in, map, "port", 1, 255, &port);
	if (!port)
		strict_fail(&r->in, -EINVAL, "port is no number from 1 to 255");
	t->port = (uint8_t)port;
	pinglist_labels(r, map, t);
}

/* Reads the keys that all targets of the group share, into *t. */
static void
pinglist_group_head(struct pinglist_reader *r, const msgpack_object *map,
		    struct pinglist_target *t)
{
	unsigned int kind = read_word(map, "kind", pinglist_kinds, 2);
	uint64_t class = 0;

	if (kind == 2)
		strict_fail(&r->in, -EINVAL, "kind is neither tor nor fabric");
	t->fabric = kind == 1;
	t->tor = read_find(map, "tor") ? pinglist_name(r, map, "tor") : "";
	strict_number(&r->in, map, "traffic_class", 0, 255, &class);
	t->traffic_class = (uint8_t)class;
	strict_number(&r->in, map, "interval_ns", PINGLIST_INTERVAL_MIN_NS,
		      PINGLIST_INTERVAL_MAX_NS, &t->interval_ns);
	if (!t->interval_ns)
		strict_fail(&r->in, -EINVAL, "no interval_ns");
}

static void
pinglist_group(struct pinglist_reader *r, const msgpack_object *map, struct pinglist_port *port)
{
	struct pinglist_target head = {.fabric = false}, *targets;
	const msgpack_object_array *list;

	pinglist_group_head(r, map, &head);
	list = strict_list(&r->in, map, "targets",
			   PINGLIST_TARGETS_MAX - (uint32_t)r->n_targets);
	if (!list || !list->size)
		return;
	targets = reallocarray(port->targets, port->n_targets + list->size, sizeof(*targets));
	if (!targets) {
		strict_fail(&r->in, -ENOMEM, "no memory");
		return;
	}
	port->targets = targets;
	for (uint32_t i = 0; r->in.rc == 0 && i < list->size; i++) {
		targets[port->n_targets] = head;
		pinglist_target(r, &list->ptr[i], &targets[port->n_targets++]);
	}
	r->n_targets += list->size;
}

static void
pinglist_port(struct pinglist_reader *r, const msgpack_object *map, struct pinglist_port *port)
{
	const msgpack_object *source = read_find(map, "source");
	const msgpack_object_array *groups;
	uint64_t n = 0;

	port->device = pinglist_name(r, map, "device");
	strict_number(&r->in, map, "port", 1, 255, &n);
	if (!n)
		strict_fail(&r->in, -EINVAL, "port is no number from 1 to 255");
	port->port = (uint8_t)n;
	if (!source || !strict_addr(source, &port->source))
		strict_fail(&r->in, -EINVAL, "source is no address");
	groups = strict_list(&r->in, map, "groups", PINGLIST_TARGETS_MAX);
	for (uint32_t i = 0; groups && r->in.rc == 0 && i < groups->size; i++)
		pinglist_group(r, &groups->ptr[i], port);
}

static void
pinglist_ports(struct pinglist_reader *r, const msgpack_object *map)
{
	const msgpack_object_array *list = strict_list(&r->in, map, "ports", PINGLIST_PORTS_MAX);

	if (!list || !list->size)
		return;
	r->list->ports = calloc(list->size, sizeof(*r->list->ports));
	if (!r->list->ports) {
		strict_fail(&r->in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; r->in.rc == 0 && i < list->size; i++) {
		snprintf(r->in.at, sizeof(r->in.at), "ports[%" PRIu32 "]: ", i);
		pinglist_port(r, &list->ptr[i], &r->list->ports[r->list->n_ports++]);
		r->in.at[0] = '\0';
	}
}

static void
pinglist_read(struct pinglist_reader *r, const msgpack_object *map)
{
	r->list->host = pinglist_name(r, map, "host");
	if (!read_u64(map, "generation", &r->list->generation))
		strict_fail(&r->in, -EINVAL, "generation is no number");
	pinglist_ports(r, map);
}

int
pinglist_unpack(const void *data, size_t len, struct pinglist **out, char error[PINGLIST_ERROR])
{
	struct pinglist_reader r = {.in = {.error = error, .size = PINGLIST_ERROR}, .size = len};
	msgpack_unpacked msg;

	if (strict_open(&r.in, data, len, PINGLIST_BYTES_MAX, "pinglist", &msg) < 0)
		return r.in.rc;
	r.list = calloc(1, sizeof(*r.list));
	if (r.list)
		r.list->names = malloc(len);
	if (r.list && r.list->names)
		pinglist_read(&r, &msg.data);
	else
		strict_fail(&r.in, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&msg);
	if (r.in.rc == 0)
		*out = r.list;
	else
		pinglist_free(r.list);
	return r.in.rc;
}

void
pinglist_free(struct pinglist *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n_ports; i++)
		free(list->ports[i].targets);
	free(list->ports);
	free(list->names);
	free(list);
}
