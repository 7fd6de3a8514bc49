/* SPDX-License-Identifier: Apache-2.0 */
#include "record/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

/* ---- writing ---- */

static void
paths_pack_hop(msgpack_packer *out, const struct paths_path *p, size_t i)
{
	struct record r;

	record_begin(&r, RECORD_PATHS_HOP);
	record_u64(&r, "ttl", i + 1);
	if (addr_is_zero(&p->hops[i]))
		record_str(&r, "address", NULL);
	else
		record_addr(&r, "address", &p->hops[i]);
	record_end(&r, out);
}

static void
paths_pack_path(msgpack_packer *out, const struct paths_path *p)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PATHS_PATH);
	record_addr(&r, "source", &p->source);
	record_addr(&r, "destination", &p->destination);
	record_u64(&r, "src_port", p->src_port);
	record_u64(&r, "traffic_class", p->traffic_class);
	if (!addr_is_v4(&p->source))
		record_u64(&r, "flow_label", p->flow_label);
	pk = record_key(&r, "hops");
	msgpack_pack_array(pk, p->n_hops);
	for (size_t i = 0; i < p->n_hops; i++)
		paths_pack_hop(pk, p, i);
	record_bool(&r, "reached", p->reached);
	record_bool(&r, "stable", p->stable);
	record_u64(&r, "time_ns", p->time_ns);
	record_end(&r, out);
}

void
paths_pack(msgpack_packer *out, const struct paths *paths)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_PATHS);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", paths->host);
	record_u64(&r, "incarnation", paths->incarnation);
	record_u64(&r, "sequence", paths->sequence);
	record_u64(&r, "time_ns", paths->time_ns);
	record_bool(&r, "whole", paths->whole);
	if (paths->whole) {
		record_u64(&r, "part", paths->part);
		record_u64(&r, "parts", paths->parts);
	}
	pk = record_key(&r, "paths");
	msgpack_pack_array(pk, paths->n_paths);
	for (size_t i = 0; i < paths->n_paths; i++)
		paths_pack_path(pk, &paths->paths[i]);
	record_end(&r, out);
}

/* ---- reading ---- */

/* A number that must be there. */
static uint64_t
paths_number(struct strict *in, const msgpack_object *map, const char *key, uint64_t max)
{
	uint64_t value = 0;

	if (!read_u64(map, key, &value) || value > max) {
		strict_fail(in, -EINVAL, "%s is no number up to %" PRIu64, key, max);
		return 0;
	}
	return value;
}

static bool
paths_bool(struct strict *in, const msgpack_object *map, const char *key)
{
	bool value = false;

	if (!read_bool(map, key, &value))
		strict_fail(in, -EINVAL, "%s is no boolean", key);
	return value;
}

static void
paths_addr(struct strict *in, const msgpack_object *map, const char *key, struct addr *out)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || !strict_addr(o, out))
		strict_fail(in, -EINVAL, "%s is no address", key);
}

/* A router may answer from any address of the family that others can reach, or not at all. */
static void
paths_hop(struct strict *in, const msgpack_object *map, struct paths_path *p)
{
	struct addr *hop = &p->hops[p->n_hops];

	if (paths_number(in, map, "ttl", PATHS_HOPS_MAX) != (uint64_t)p->n_hops + 1)
		strict_fail(in, -EINVAL, "the ttl of hop %u is another", p->n_hops + 1u);
	if (read_find(map, "address")) {
		paths_addr(in, map, "address", hop);
		if (addr_is_v4(hop) != addr_is_v4(&p->source))
			strict_fail(in, -EINVAL, "hop %u has another address family",
				    p->n_hops + 1u);
	}
	p->n_hops++;
}

static void
paths_hops(struct strict *in, const msgpack_object *map, struct paths_path *p)
{
	const msgpack_object_array *list = strict_list(in, map, "hops", PATHS_HOPS_MAX);

	if (list && !list->size)
		strict_fail(in, -EINVAL, "hops is empty");
	for (uint32_t i = 0; list && in->rc == 0 && i < list->size; i++)
		paths_hop(in, &list->ptr[i], p);
}

static void
paths_path(struct strict *in, const msgpack_object *map, struct paths_path *p)
{
	uint64_t label = 0;

	paths_addr(in, map, "source", &p->source);
	paths_addr(in, map, "destination", &p->destination);
	if (addr_is_v4(&p->source) != addr_is_v4(&p->destination))
		strict_fail(in, -EINVAL, "source and destination are of two families");
	p->src_port = (uint16_t)paths_number(in, map, "src_port", UINT16_MAX);
	if (!p->src_port)
		strict_fail(in, -EINVAL, "src_port is zero");
	p->traffic_class = (uint8_t)paths_number(in, map, "traffic_class", UINT8_MAX);
	strict_number(in, map, "flow_label", 0, 0xfffff, &label);
	p->flow_label = addr_is_v4(&p->source) ? 0 : (uint32_t)label;
	paths_hops(in, map, p);
	p->reached = paths_bool(in, map, "reached");
	p->stable = paths_bool(in, map, "stable");
	p->time_ns = paths_number(in, map, "time_ns", INT64_MAX);
}

static void
paths_list(struct strict *in, const msgpack_object *map, struct paths *out)
{
	const msgpack_object_array *list = strict_list(in, map, "paths", PATHS_MAX);

	if (!list || !list->size)
		return;
	out->paths = calloc(list->size, sizeof(*out->paths));
	if (!out->paths) {
		strict_fail(in, -ENOMEM, "no memory");
		return;
	}
	for (uint32_t i = 0; in->rc == 0 && i < list->size; i++) {
		snprintf(in->at, sizeof(in->at), "paths[%" PRIu32 "]: ", i);
		paths_path(in, &list->ptr[i], &out->paths[out->n_paths++]);
		in->at[0] = '\0';
	}
}

static void
paths_read(struct strict *in, const msgpack_object *map, struct paths *out)
{
	strict_text(in, map, "host", out->host, sizeof(out->host));
	out->incarnation = paths_number(in, map, "incarnation", UINT64_MAX);
	out->sequence = paths_number(in, map, "sequence", UINT64_MAX);
	out->time_ns = paths_number(in, map, "time_ns", INT64_MAX);
	out->whole = paths_bool(in, map, "whole");
	if (out->whole) {
		out->parts = (uint32_t)paths_number(in, map, "parts", PATHS_PARTS_MAX);
		out->part = (uint32_t)paths_number(in, map, "part", PATHS_PARTS_MAX);
		if (out->part >= out->parts)
			strict_fail(in, -EINVAL, "part %" PRIu32 " of %" PRIu32, out->part,
				    out->parts);
	}
	paths_list(in, map, out);
}

int
paths_unpack(const void *data, size_t len, struct paths **out, char error[PATHS_ERROR])
{
	struct strict in = {.error = error, .size = PATHS_ERROR};
	struct paths *p;
	msgpack_unpacked msg;

	if (strict_open(&in, data, len, PATHS_BYTES_MAX, "paths", &msg) < 0)
		return in.rc;
	p = calloc(1, sizeof(*p));
	if (p)
		paths_read(&in, &msg.data, p);
	else
		strict_fail(&in, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&msg);
	if (in.rc == 0)
		*out = p;
	else
		paths_free(p);
	return in.rc;
}

void
paths_free(struct paths *p)
{
	if (!p)
		return;
	free(p->paths);
	free(p);
}
