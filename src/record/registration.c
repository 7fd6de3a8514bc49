/* SPDX-License-Identifier: Apache-2.0 */
#include "record/registration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/frame.h"
#include "record/read.h"
#include "record/record.h"
#include "rpingmesh/control.h"

const char *const registration_tor_by_names[] = {"none",   "config", "lldp",
						 "router", "subnet", NULL};

/* ---- writing ---- */

static void
registration_pack_addrs(msgpack_packer *pk, const struct registration_port *port)
{
	char text[ADDR_TEXT];

	msgpack_pack_array(pk, port->n_addrs);
	for (size_t i = 0; i < port->n_addrs; i++)
		record_pack_str(pk, addr_text(&port->addrs[i], text));
}

static void
registration_pack_port(msgpack_packer *out, const struct registration_port *port)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_REGISTRATION_PORT);
	record_str(&r, "device", port->device);
	record_u64(&r, "port", port->port);
	registration_pack_addrs(record_key(&r, "addresses"), port);
	pk = record_key(&r, "tors");
	msgpack_pack_array(pk, port->n_tors);
	for (size_t i = 0; i < port->n_tors; i++)
		record_pack_str(pk, port->tors[i]);
	record_str(&r, "tor_by", registration_tor_by_names[port->tor_by]);
	record_str(&r, "rail", port->rail[0] ? port->rail : NULL);
	record_u64_if(&r, "speed_mbps", port->speed_mbps, port->speed_mbps != 0);
	record_u64_if(&r, "mtu", port->mtu, port->mtu != 0);
	record_str(&r, "clock",
		   probe_clock_name(port->hw_clock ? PROBE_CLOCK_HW : PROBE_CLOCK_SW));
	record_u64(&r, "out_per_s", port->out_per_s);
	record_u64(&r, "in_per_s", port->in_per_s);
	record_u64(&r, "src_ports", port->src_ports);
	record_end(&r, out);
}

void
registration_pack(msgpack_packer *out, const struct registration *reg)
{
	struct record r, labels;
	msgpack_packer *pk;

	record_begin(&r, RECORD_REGISTRATION);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", reg->host);
	record_u64(&r, "incarnation", reg->incarnation);
	record_str(&r, "version", reg->version);
	record_u64(&r, "time_ns", reg->time_ns);
	record_bool(&r, "leaving", reg->leaving);
	pk = record_key(&r, "ports");
	msgpack_pack_array(pk, reg->n_ports);
	for (size_t i = 0; i < reg->n_ports; i++)
		registration_pack_port(pk, &reg->ports[i]);
	record_begin(&labels, RECORD_TABLE);
	for (size_t i = 0; i < reg->n_labels; i++)
		record_str(&labels, reg->labels[i].name, reg->labels[i].value);
	record_end(&labels, record_key(&r, "labels"));
	record_end(&r, out);
}

/* ---- reading ---- */

/* What is read, and the first mistake. */
struct registration_reader {
	char *error;
	int rc;
	char at[32]; /* "" or "ports[3]: ": where we are */
};

static int
registration_fail(struct registration_reader *in, int rc, const char *fmt, ...)
{
	char text[REGISTRATION_ERROR];
	va_list ap;

	if (in->rc == 0) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		snprintf(in->error, REGISTRATION_ERROR, "%s%.*s", in->at,
			 (int)(REGISTRATION_ERROR - sizeof(in->at)), text);
		in->rc = rc;
	}
	return in->rc;
}

/* Names are shown to people and are parts of topics, so they contain no control characters. */
static bool
registration_copy(const msgpack_object *o, char *out, size_t size)
{
	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size == 0 || o->via.str.size >= size)
		return false;
	for (uint32_t i = 0; i < o->via.str.size; i++)
		if ((unsigned char)o->via.str.ptr[i] < ' ' || o->via.str.ptr[i] == 0x7f)
			return false;
	memcpy(out, o->via.str.ptr, o->via.str.size);
	out[o->via.str.size] = '\0';
	return true;
}

static void
registration_text(struct registration_reader *in, const msgpack_object *map, const char *key,
		  char *out, size_t size)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || !registration_copy(o, out, size))
		registration_fail(in, -EINVAL, "%s is no string of 1 to %zu printable bytes", key,
				  size - 1);
}

/* A key that may be missing or nil; then *out remains. */
static void
registration_number(struct registration_reader *in, const msgpack_object *map, const char *key,
		    uint64_t max, uint64_t *out)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || o->type == MSGPACK_OBJECT_NIL)
		return;
	if (!read_u64(map, key, out) || *out > max)
		registration_fail(in, -EINVAL, "%s is no number from 0 to %" PRIu64, key, max);
}

static uint32_t
registration_u32(struct registration_reader *in, const msgpack_object *map, const char *key,
		 uint32_t missing)
{
	uint64_t value = missing;

	registration_number(in, map, key, UINT32_MAX, &value);
	return (uint32_t)value;
}

/* An array of at most max elements; NULL and a mistake otherwise. */
static const msgpack_object_array *
registration_list(struct registration_reader *in, const msgpack_object *map, const char *key,
		  uint32_t max)
{
	const msgpack_object *o = read_array(map, key);

	if (o && o->via.array.size <= max)
		return &o->via.array;
	registration_fail(in, -EINVAL, "%s is no list of at most %" PRIu32, key, max);
	return NULL;
}

/* An address that another host can probe. */
static bool
registration_addr(const msgpack_object *o, struct addr *out)
{
	char text[ADDR_TEXT];

	return registration_copy(o, text, sizeof(text)) && addr_parse(text, out) == 0 &&
	       !addr_is_zero(out) && !addr_is_link_local(out) && out->raw[0] != 0xff;
}

static void
registration_addrs(struct registration_reader *in, const msgpack_object *map,
		   struct registration_port *port)
{
	const msgpack_object_array *list =
		registration_list(in, map, "addresses", REGISTRATION_ADDRS_MAX);

	for (uint32_t i = 0; list && i < list->size; i++)
		if (registration_addr(&list->ptr[i], &port->addrs[i]))
			port->n_addrs++;
		else
			registration_fail(in, -EINVAL, "addresses[%" PRIu32 "] is no address", i);
}

static void
registration_tors(struct registration_reader *in, const msgpack_object *map,
		  struct registration_port *port)
{
	const msgpack_object_array *list =
		registration_list(in, map, "tors", REGISTRATION_TORS_MAX);

	for (uint32_t i = 0; list && i < list->size; i++)
		if (registration_copy(&list->ptr[i], port->tors[i], REGISTRATION_NAME))
			port->n_tors++;
		else
			registration_fail(in, -EINVAL, "tors[%" PRIu32 "] is no name", i);
	port->tor_by = read_word(map, "tor_by", registration_tor_by_names, REGISTRATION_TOR_N);
	if (port->tor_by == REGISTRATION_TOR_N || !port->n_tors)
		port->tor_by = REGISTRATION_TOR_NONE; /* perhaps a word of a newer agent */
}

static void
registration_port(struct registration_reader *in, const msgpack_object *map,
		  struct registration_port *port)
{
	const msgpack_object *rail;
	uint64_t n = 0;

	if (map->type != MSGPACK_OBJECT_MAP) {
		registration_fail(in, -EINVAL, "no map");
		return;
	}
	rail = read_find(map, "rail");
	registration_text(in, map, "device", port->device, sizeof(port->device));
	registration_number(in, map, "port", 255, &n);
	port->port = (uint8_t)n;
	if (!n)
		registration_fail(in, -EINVAL, "port is no number from 1 to 255");
	registration_addrs(in, map, port);
	registration_tors(in, map, port);
	if (rail && rail->type != MSGPACK_OBJECT_NIL)
		registration_text(in, map, "rail", port->rail, sizeof(port->rail));
	registration_number(in, map, "speed_mbps", UINT32_MAX, &port->speed_mbps);
	port->mtu = registration_u32(in, map, "mtu", 0);
	port->hw_clock = read_is(map, "clock", probe_clock_name(PROBE_CLOCK_HW));
	port->out_per_s = registration_u32(in, map, "out_per_s", 0);
	port->in_per_s = registration_u32(in, map, "in_per_s", 0);
	port->src_ports = registration_u32(in, map, "src_ports", 0);
}

static void
registration_ports(struct registration_reader *in, const msgpack_object *map,
		   struct registration *out)
{
	const msgpack_object_array *list =
		registration_list(in, map, "ports", REGISTRATION_PORTS_MAX);

	if (!list || !list->size)
		return;
	out->ports = calloc(list->size, sizeof(*out->ports));
	if (!out->ports) {
		registration_fail(in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; in->rc == 0 && i < list->size; i++) {
		snprintf(in->at, sizeof(in->at), "ports[%" PRIu32 "]: ", i);
		registration_port(in, &list->ptr[i], &out->ports[i]);
		out->n_ports++;
		in->at[0] = '\0';
	}
}

static void
registration_labels(struct registration_reader *in, const msgpack_object *map,
		    struct registration *out)
{
	const msgpack_object *labels = read_map(map, "labels");
	const msgpack_object_map *table = labels ? &labels->via.map : NULL;

	if (!table || !table->size)
		return;
	if (table->size > REGISTRATION_LABELS_MAX) {
		registration_fail(in, -EINVAL, "more than %u labels", REGISTRATION_LABELS_MAX);
		return;
	}
	out->labels = calloc(table->size, sizeof(*out->labels));
	if (!out->labels) {
		registration_fail(in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; i < table->size; i++) {
		struct registration_label *label = &out->labels[out->n_labels++];

		if (!registration_copy(&table->ptr[i].key, label->name, sizeof(label->name)) ||
		    !registration_copy(&table->ptr[i].val, label->value, sizeof(label->value)))
			registration_fail(in, -EINVAL, "labels[%" PRIu32 "] is no pair of strings",
					  i);
	}
}

static void
registration_read(struct registration_reader *in, const msgpack_object *map,
		  struct registration *out)
{
	uint64_t schema = 0;

	if (map->type != MSGPACK_OBJECT_MAP || !read_is(map, "type", "registration")) {
		registration_fail(in, -EINVAL, "no registration");
		return;
	}
	if (!read_u64(map, "schema", &schema) || schema == 0)
		registration_fail(in, -EINVAL, "schema is no number from 1");
	else if (schema > CONTROL_SCHEMA)
		registration_fail(in, -EPROTO, "schema %" PRIu64 ", this program knows up to %d",
				  schema, CONTROL_SCHEMA);
	registration_text(in, map, "host", out->host, sizeof(out->host));
	registration_text(in, map, "version", out->version, sizeof(out->version));
	if (!read_u64(map, "incarnation", &out->incarnation))
		registration_fail(in, -EINVAL, "incarnation is no number");
	registration_number(in, map, "time_ns", INT64_MAX, &out->time_ns);
	read_bool(map, "leaving", &out->leaving);
	registration_ports(in, map, out);
	registration_labels(in, map, out);
}

/* Whether the data is exactly one object that a decoder can take. */
static int
registration_scan(struct registration_reader *in, const void *data, size_t len)
{
	struct frame_scan scan;
	ssize_t n;

	if (len > REGISTRATION_BYTES_MAX)
		return registration_fail(in, -EMSGSIZE, "%zu bytes, at most %u are allowed", len,
					 REGISTRATION_BYTES_MAX);
	frame_scan_start(&scan, REGISTRATION_BYTES_MAX);
	n = frame_scan_next(&scan, data, len);
	if (n <= 0 || (size_t)n != len)
		return registration_fail(in, -EBADMSG, "not one MessagePack object");
	return 0;
}

int
registration_unpack(const void *data, size_t len, struct registration **out,
		    char error[REGISTRATION_ERROR])
{
	struct registration_reader in = {.error = error};
	struct registration *r;
	msgpack_unpacked msg;
	size_t at = 0;

	error[0] = '\0';
	if (registration_scan(&in, data, len) < 0)
		return in.rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return registration_fail(&in, -ENOMEM, "no memory");
	msgpack_unpacked_init(&msg);
	if (msgpack_unpack_next(&msg, data, len, &at) == MSGPACK_UNPACK_SUCCESS)
		registration_read(&in, &msg.data, r);
	else
		registration_fail(&in, -EBADMSG, "not one MessagePack object");
	msgpack_unpacked_destroy(&msg);
	if (in.rc == 0)
		*out = r;
	else
		registration_free(r);
	return in.rc;
}

void
registration_free(struct registration *r)
{
	if (!r)
		return;
	free(r->ports);
	free(r->labels);
	free(r);
}

/* ---- comparing ---- */

static bool
registration_port_equal(const struct registration_port *a, const struct registration_port *b)
{
	if (strcmp(a->device, b->device) != 0 || a->port != b->port ||
	    a->n_addrs != b->n_addrs || a->n_tors != b->n_tors || a->tor_by != b->tor_by ||
	    strcmp(a->rail, b->rail) != 0 || a->speed_mbps != b->speed_mbps || a->mtu != b->mtu ||
	    a->hw_clock != b->hw_clock || a->out_per_s != b->out_per_s ||
	    a->in_per_s != b->in_per_s || a->src_ports != b->src_ports)
		return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!addr_equal(&a->addrs[i], &b->addrs[i]))
			return false;
	for (size_t i = 0; i < a->n_tors; i++)
		if (strcmp(a->tors[i], b->tors[i]) != 0)
			return false;
	return true;
}

bool
registration_equal(const struct registration *a, const struct registration *b)
{
	if (strcmp(a->host, b->host) != 0 || strcmp(a->version, b->version) != 0 ||
	    a->incarnation != b->incarnation || a->leaving != b->leaving ||
	    a->n_ports != b->n_ports || a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (!registration_port_equal(&a->ports[i], &b->ports[i]))
			return false;
	for (size_t i = 0; i < a->n_labels; i++)
		if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
		    strcmp(a->labels[i].value, b->labels[i].value) != 0)
			return false;
	return true;
}
