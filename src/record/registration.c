/* SPDX-License-Identifier: Apache-2.0 */
#include "record/registration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
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

void
registration_record_port(struct record *r, const struct registration_port *port)
{
	msgpack_packer *pk;

	record_str(r, "device", port->device);
	record_u64(r, "port", port->port);
	registration_pack_addrs(record_key(r, "addresses"), port);
	pk = record_key(r, "tors");
	msgpack_pack_array(pk, port->n_tors);
	for (size_t i = 0; i < port->n_tors; i++)
		record_pack_str(pk, port->tors[i]);
	record_str(r, "tor_by", registration_tor_by_names[port->tor_by]);
	record_str(r, "rail", port->rail[0] ? port->rail : NULL);
	record_u64_if(r, "speed_mbps", port->speed_mbps, port->speed_mbps != 0);
	record_u64_if(r, "mtu", port->mtu, port->mtu != 0);
	record_str(r, "clock", probe_clock_name(port->hw_clock ? PROBE_CLOCK_HW : PROBE_CLOCK_SW));
	record_u64(r, "out_per_s", port->out_per_s);
	record_u64(r, "in_per_s", port->in_per_s);
	record_u64(r, "src_ports", port->src_ports);
}

static void
registration_pack_port(msgpack_packer *out, const struct registration_port *port)
{
	struct record r;

	record_begin(&r, RECORD_REGISTRATION_PORT);
	registration_record_port(&r, port);
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

static void
registration_addrs(struct strict *in, const msgpack_object *map, struct registration_port *port)
{
	const msgpack_object_array *list =
		strict_list(in, map, "addresses", REGISTRATION_ADDRS_MAX);

	for (uint32_t i = 0; list && i < list->size; i++)
		if (strict_addr(&list->ptr[i], &port->addrs[i]))
			port->n_addrs++;
		else
			strict_fail(in, -EINVAL, "addresses[%" PRIu32 "] is no address", i);
}

static void
registration_tors(struct strict *in, const msgpack_object *map, struct registration_port *port)
{
	const msgpack_object_array *list =
		strict_list(in, map, "tors", REGISTRATION_TORS_MAX);

	for (uint32_t i = 0; list && i < list->size; i++)
		if (strict_copy(&list->ptr[i], port->tors[i], REGISTRATION_NAME))
			port->n_tors++;
		else
			strict_fail(in, -EINVAL, "tors[%" PRIu32 "] is no name", i);
	port->tor_by = read_word(map, "tor_by", registration_tor_by_names, REGISTRATION_TOR_N);
	if (port->tor_by == REGISTRATION_TOR_N || !port->n_tors)
		port->tor_by = REGISTRATION_TOR_NONE; /* perhaps a word of a newer agent */
}

static void
registration_port(struct strict *in, const msgpack_object *map, struct registration_port *port)
{
	uint64_t n = 0;

	if (map->type != MSGPACK_OBJECT_MAP) {
		strict_fail(in, -EINVAL, "no map");
		return;
	}
	strict_text(in, map, "device", port->device, sizeof(port->device));
	strict_number(in, map, "port", 1, 255, &n);
	if (!n)
		strict_fail(in, -EINVAL, "port is no number from 1 to 255");
	port->port = (uint8_t)n;
	registration_addrs(in, map, port);
	registration_tors(in, map, port);
	if (read_find(map, "rail"))
		strict_text(in, map, "rail", port->rail, sizeof(port->rail));
	strict_number(in, map, "speed_mbps", 0, UINT32_MAX, &port->speed_mbps);
	port->mtu = strict_u32(in, map, "mtu", 0);
	port->hw_clock = read_is(map, "clock", probe_clock_name(PROBE_CLOCK_HW));
	port->out_per_s = strict_u32(in, map, "out_per_s", 0);
	port->in_per_s = strict_u32(in, map, "in_per_s", 0);
	port->src_ports = strict_u32(in, map, "src_ports", 0);
}

static bool
registration_has(const struct registration *r, const struct registration_port *port)
{
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i].port == port->port &&
		    strcmp(r->ports[i].device, port->device) == 0)
			return true;
	return false;
}

static void
registration_ports(struct strict *in, const msgpack_object *map, struct registration *out)
{
	const msgpack_object_array *list =
		strict_list(in, map, "ports", REGISTRATION_PORTS_MAX);

	if (!list || !list->size)
		return;
	out->ports = calloc(list->size, sizeof(*out->ports));
	if (!out->ports) {
		strict_fail(in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; in->rc == 0 && i < list->size; i++) {
		snprintf(in->at, sizeof(in->at), "ports[%" PRIu32 "]: ", i);
		registration_port(in, &list->ptr[i], &out->ports[i]);
		if (registration_has(out, &out->ports[i]))
			strict_fail(in, -EINVAL, "a second port of this name");
		out->n_ports++;
		in->at[0] = '\0';
	}
}

static void
registration_labels(struct strict *in, const msgpack_object *map, struct registration *out)
{
	const msgpack_object *labels = read_map(map, "labels");
	const msgpack_object_map *table = labels ? &labels->via.map : NULL;

	if (!table || !table->size)
		return;
	if (table->size > REGISTRATION_LABELS_MAX) {
		strict_fail(in, -EINVAL, "more than %u labels", REGISTRATION_LABELS_MAX);
		return;
	}
	out->labels = calloc(table->size, sizeof(*out->labels));
	if (!out->labels) {
		strict_fail(in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; i < table->size; i++) {
		struct registration_label *label = &out->labels[out->n_labels++];

		if (!strict_copy(&table->ptr[i].key, label->name, sizeof(label->name)) ||
		    !strict_copy(&table->ptr[i].val, label->value, sizeof(label->value)))
			strict_fail(in, -EINVAL, "labels[%" PRIu32 "] is no pair of strings", i);
	}
}

static void
registration_read(struct strict *in, const msgpack_object *map, struct registration *out)
{
	strict_text(in, map, "host", out->host, sizeof(out->host));
	strict_text(in, map, "version", out->version, sizeof(out->version));
	if (!read_u64(map, "incarnation", &out->incarnation))
		strict_fail(in, -EINVAL, "incarnation is no number");
	strict_number(in, map, "time_ns", 0, INT64_MAX, &out->time_ns);
	read_bool(map, "leaving", &out->leaving);
	registration_ports(in, map, out);
	registration_labels(in, map, out);
}

int
registration_unpack(const void *data, size_t len, struct registration **out,
		    char error[REGISTRATION_ERROR])
{
	struct strict in = {.error = error, .size = REGISTRATION_ERROR};
	struct registration *r;
	msgpack_unpacked msg;

	if (strict_open(&in, data, len, REGISTRATION_BYTES_MAX, "registration", &msg) < 0)
		return in.rc;
	r = calloc(1, sizeof(*r));
	if (r)
		registration_read(&in, &msg.data, r);
	else
		strict_fail(&in, -ENOMEM, "no memory");
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
