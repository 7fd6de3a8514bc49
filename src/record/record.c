/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "rpingmesh/control.h"

/* This impossible number of keys marks a record for which there was no memory. */
#define RECORD_BROKEN UINT32_MAX

/* The longest string whose header is one byte (fixstr of the MessagePack specification). */
#define RECORD_FIXSTR_MAX 31

bool record_checked;

static int
record_write(void *arg, const char *buf, size_t len)
{
	struct record *r = arg;

	/* Later bytes of a broken record do not matter, because record_end() drops them all. */
	if (msgpack_sbuffer_write(&r->body, buf, len) == 0)
		return 0;
	r->n = RECORD_BROKEN;
	return -1;
}

void
record_begin(struct record *r, enum record_map map)
{
	const struct record_field *first = record_map_fields(map);

	r->n = 0;
	r->map = map;
	msgpack_sbuffer_init(&r->body);
	msgpack_packer_init(&r->pk, r, record_write);
	if (first && first->name && strcmp(first->name, "type") == 0)
		record_str(r, "type", first->one_of);
}

void
record_end(struct record *r, msgpack_packer *out)
{
	if (r->n == RECORD_BROKEN) {
		msgpack_pack_nil(out);
	} else {
		msgpack_pack_map(out, r->n);
		if (r->body.size)
			out->callback(out->data, r->body.data, r->body.size);
	}
	msgpack_sbuffer_destroy(&r->body);
}

void
record_pack_str(msgpack_packer *pk, const char *text)
{
	size_t len = strlen(text);
	char fixstr[1 + RECORD_FIXSTR_MAX];

	/* One write is enough for nearly all keys and words, because they are short. */
	if (len <= RECORD_FIXSTR_MAX) {
		fixstr[0] = (char)(0xa0 | len);
		memcpy(fixstr + 1, text, len);
		pk->callback(pk->data, fixstr, 1 + len);
		return;
	}
	msgpack_pack_str(pk, len);
	msgpack_pack_str_body(pk, text, len);
}

static void
record_check(const struct record *r, const char *key)
{
	if (r->map == RECORD_TABLE || record_map_has(r->map, key))
		return;
	fprintf(stderr, "Map %s has no \"%s\": see src/record/records.h\n", record_map_name(r->map),
		key);
	abort();
}

msgpack_packer *
record_key(struct record *r, const char *key)
{
	size_t len = strlen(key);

	if (record_checked)
		record_check(r, key);
	if (r->n != RECORD_BROKEN)
		r->n++;
	if (len > RECORD_FIXSTR_MAX || r->body.size + len >= r->body.alloc) {
		record_pack_str(&r->pk, key);
		return &r->pk;
	}
	/* A probe record has forty keys, so write short ones directly, as fixstr. */
	r->body.data[r->body.size] = (char)(0xa0 | len);
	memcpy(r->body.data + r->body.size + 1, key, len);
	r->body.size += len + 1;
	return &r->pk;
}

void
record_str(struct record *r, const char *key, const char *text)
{
	msgpack_packer *pk = record_key(r, key);

	if (text)
		record_pack_str(pk, text);
	else
		msgpack_pack_nil(pk);
}

void
record_u64(struct record *r, const char *key, uint64_t value)
{
	msgpack_pack_uint64(record_key(r, key), value);
}

void
record_u64_if(struct record *r, const char *key, uint64_t value, bool known)
{
	if (known)
		record_u64(r, key, value);
	else
		record_str(r, key, NULL);
}

void
record_bool(struct record *r, const char *key, bool value)
{
	msgpack_packer *pk = record_key(r, key);

	if (value)
		msgpack_pack_true(pk);
	else
		msgpack_pack_false(pk);
}

void
record_double(struct record *r, const char *key, double value)
{
	msgpack_pack_double(record_key(r, key), value);
}

void
record_double_if(struct record *r, const char *key, double value, bool known)
{
	if (known)
		record_double(r, key, value);
	else
		record_str(r, key, NULL);
}

void
record_totals(struct record *r, const struct probe_totals *totals)
{
	record_u64(r, "sent", totals->due);
	record_u64(r, "posted", totals->posted);
	for (int c = 0; c < PROBE_CLASS_N; c++)
		record_u64(r, probe_class_name((enum probe_class)c), totals->by_class[c]);
}

void
record_summary(struct record *r, const struct probe_summary *s)
{
	bool known = s->measured > 0;
	uint32_t judged = s->answered + s->lost;
	struct record map;

	record_begin(&map, RECORD_RECENT);
	record_double(&map, "span_s", (double)s->span_ns / 1e9);
	record_u64(&map, "results", s->results);
	record_u64(&map, "answered", s->answered);
	record_u64(&map, "lost", s->lost);
	record_u64(&map, "noise", s->noise);
	record_double_if(&map, "lost_ratio", judged ? (double)s->lost / judged : 0, judged > 0);
	record_u64_if(&map, "rtt_min_ns", s->rtt_min_ns, known);
	record_u64_if(&map, "rtt_p50_ns", s->rtt_p50_ns, known);
	record_u64_if(&map, "rtt_p99_ns", s->rtt_p99_ns, known);
	record_u64_if(&map, "rtt_max_ns", s->rtt_max_ns, known);
	record_u64_if(&map, "prober_delay_p50_ns", s->prober_delay_p50_ns, known);
	record_u64_if(&map, "responder_delay_p50_ns", s->responder_delay_p50_ns, known);
	record_end(&map, record_key(r, "recent"));
}

void
record_origin(struct record *r, const struct record_origin *origin)
{
	record_str(r, "host", origin->host);
	record_str(r, "tor", origin->tor[0] ? origin->tor : NULL);
	record_u64(r, "incarnation", origin->incarnation);
}

void
record_addr(struct record *r, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT];

	record_str(r, key, addr_text(addr, text));
}

static void
record_probe_times(struct record *r, const struct probe_result *result)
{
	static const char *const keys[] = {"t1_ns", "t2_ns", "t3_ns", "t4_ns", "t5_ns", "t6_ns"};

	record_u64_if(r, "rtt_ns", result->rtt_ns, result->measured);
	record_u64_if(r, "prober_delay_ns", result->prober_delay_ns, result->measured);
	record_u64_if(r, "responder_delay_ns", result->responder_delay_ns, result->measured);
	record_u64_if(r, "error_ns", result->error_ns, result->measured);
	for (int i = 0; i < 6; i++)
		record_u64_if(r, keys[i], result->t_ns[i], result->t_ns[i] != 0);
}

/* Which probe it is. */
static void
record_probe_identity(struct record *r, const struct record_probe_context *context,
		      const struct probe_result *result)
{
	record_u64(r, "schema", CONTROL_SCHEMA);
	record_u64(r, "time_ns", clock_wall_of(result->due_ns));
	record_origin(r, context->origin);
	record_str(r, "device", context->device);
	record_addr(r, "source", context->source);
	record_addr(r, "destination", context->destination);
	record_str(r, "peer", context->peer);
	record_str(r, "hostname", context->hostname);
	record_str(r, "peer_tor", context->peer_tor);
	if (context->ping)
		record_u64(r, "ping", context->ping);
	if (context->flow)
		record_u64(r, "flow", context->flow);
	record_u64(r, "seq", result->seq);
	record_str(r, "kind", probe_kind_name(result->kind));
}

static void
record_probe_class(struct record *r, const struct probe_result *result)
{
	record_str(r, "class", probe_class_name(result->class));
	record_str(r, "host_noise",
		   result->host_noise != PROBE_NOISE_NONE ? probe_noise_name(result->host_noise) :
							    NULL);
	record_bool(r, "stalled", result->stalled);
}

static void
record_probe_stream(struct record *r, const struct probe_result *result)
{
	record_u64_if(r, "src_port", result->src_port, result->src_port != PROBE_PORT_UNKNOWN);
	record_u64(r, "flow_label", result->flow_label);
	record_u64(r, "traffic_class", result->traffic_class);
	record_u64(r, "service_level", result->service_level);
	record_u64(r, "size", result->size);
}

void
record_probe(msgpack_packer *out, const struct record_probe_context *context,
	     const struct probe_result *result)
{
	struct record r;

	record_begin(&r, RECORD_PROBE);
	record_probe_identity(&r, context, result);
	record_probe_class(&r, result);
	record_str(&r, "reason", result->reason);
	record_probe_times(&r, result);
	record_str(&r, "clock", probe_clock_name(result->clock));
	record_probe_stream(&r, result);
	record_u64_if(&r, "return_src_port", result->return_src_port,
		      result->return_src_port != PROBE_PORT_UNKNOWN);
	record_str(&r, "path", probe_path_name(result->path));
	record_bool(&r, "posted", result->posted);
	record_bool(&r, "late", result->class == PROBE_LATE);
	record_end(&r, out);
}

void
record_correction(msgpack_packer *out, const struct record_probe_context *context,
		  const struct probe_result *result)
{
	struct record r;

	record_begin(&r, RECORD_CORRECTION);
	record_probe_identity(&r, context, result);
	record_str(&r, "was", probe_class_name(PROBE_UNREACHABLE));
	record_probe_class(&r, result);
	record_probe_stream(&r, result);
	record_end(&r, out);
}
