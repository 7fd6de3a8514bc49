/* SPDX-License-Identifier: Apache-2.0 */
#include "record/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "record/read.h"
#include "record/record.h"
#include "record/report_impl.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

const char *const report_kind_names[] = {"tor", "fabric", "file", "ping", "flow", "ask",
					 NULL};

/* ---- writing ---- */

static void
report_pack_port(msgpack_packer *out, const struct report_port *port)
{
	struct record r, counters;

	record_begin(&r, RECORD_REPORT_PORT);
	record_str(&r, "device", port->device);
	record_u64(&r, "port", port->port);
	record_bool(&r, "up", port->up);
	record_begin(&counters, RECORD_TABLE);
	for (size_t i = 0; i < port->n_counters; i++)
		record_u64(&counters, port->counters[i].name, port->counters[i].n);
	record_end(&counters, record_key(&r, "counters"));
	record_end(&r, out);
}

/* Whether two streams differ only in what has a list of its own. */
static bool
report_same_group(const struct report_stream *a, const struct report_stream *b)
{
	return a->port == b->port && a->traffic_class == b->traffic_class && a->kind == b->kind &&
	       a->size == b->size && addr_equal(&a->source, &b->source) &&
	       strcmp(a->device, b->device) == 0 && strcmp(a->job, b->job) == 0;
}

static size_t
report_group_end(const struct report *report, size_t first)
{
	size_t end = first + 1;

	while (end < report->n_streams &&
	       report_same_group(&report->streams[first], &report->streams[end]))
		end++;
	return end;
}

static void
report_pack_group(msgpack_packer *out, const struct report_stream *first, size_t n)
{
	msgpack_packer *pk;
	char text[ADDR_TEXT];
	struct record r;

	record_begin(&r, RECORD_REPORT_STREAMS);
	record_str(&r, "device", first->device);
	record_u64(&r, "port", first->port);
	record_addr(&r, "source", &first->source);
	record_str(&r, "kind", report_kind_names[first->kind]);
	record_u64(&r, "traffic_class", first->traffic_class);
	record_u64(&r, "size", first->size);
	record_str(&r, "job", first->job[0] ? first->job : NULL);
	pk = record_key(&r, "destinations");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		record_pack_str(pk, addr_text(&first[i].destination, text));
	pk = record_key(&r, "src_ports");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint16(pk, first[i].src_port);
	pk = record_key(&r, "back_ports");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint16(pk, first[i].back_port);
	record_end(&r, out);
}

static void
report_pack_streams(struct record *r, const struct report *report)
{
	size_t groups = 0, at, end;
	msgpack_packer *pk;

	for (at = 0; at < report->n_streams; at = report_group_end(report, at))
		groups++;
	pk = record_key(r, "streams");
	msgpack_pack_array(pk, groups);
	for (at = 0; at < report->n_streams; at = end) {
		end = report_group_end(report, at);
		report_pack_group(pk, &report->streams[at], end - at);
	}
}

static void
report_pack_row(msgpack_packer *out, const struct report_row *row)
{
	struct record r, classes;

	record_begin(&r, RECORD_REPORT_ROW);
	record_u64(&r, "place", row->place);
	record_begin(&classes, RECORD_TABLE);
	for (int c = 0; c < PROBE_CLASS_N; c++)
		if (row->classes[c])
			record_u64(&classes, probe_class_name((enum probe_class)c),
				   row->classes[c]);
	record_end(&classes, record_key(&r, "classes"));
	record_u64(&r, "noise", row->noise);
	record_u64(&r, "noise_lost", row->noise_lost);
	record_u64(&r, "corrected", row->corrected);
	record_u64(&r, "slow", row->slow);
	record_u64_if(&r, "lost_when", row->lost_when, row->lost_when != 0);
	record_end(&r, out);
}

static void
report_pack_numbers(struct record *r, const char *key, const uint32_t *numbers, size_t n)
{
	msgpack_packer *pk = record_key(r, key);

	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint32(pk, numbers[i]);
}

static void
report_pack_head(struct record *r, const struct report *report)
{
	record_u64(r, "schema", CONTROL_SCHEMA);
	record_str(r, "host", report->host);
	record_u64(r, "incarnation", report->incarnation);
	record_u64(r, "sequence", report->sequence);
	record_u64(r, "begin_ns", report->begin_ns);
	record_u64(r, "end_ns", report->end_ns);
	record_bool(r, "whole", report->whole);
	record_u64(r, "streams_of", report->streams_of);
	record_bool(r, "throttled", report->throttled);
	record_u64(r, "degraded", report->degraded);
	record_u64(r, "dropped", report->dropped);
	record_u64(r, "stalled_s", report->stalled_s);
}

void
report_pack(msgpack_packer *out, const struct report *report)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_REPORT);
	report_pack_head(&r, report);
	pk = record_key(&r, "ports");
	msgpack_pack_array(pk, report->n_ports);
	for (size_t i = 0; i < report->n_ports; i++)
		report_pack_port(pk, &report->ports[i]);
	if (report->whole)
		report_pack_streams(&r, report);
	report_pack_numbers(&r, "sent", report->sent, report->n_streams);
	report_pack_numbers(&r, "rtt_ns", report->rtt_ns, report->n_streams);
	if (report->whole && report->times)
		report_pack_times(&r, report);
	pk = record_key(&r, "rows");
	msgpack_pack_array(pk, report->n_rows);
	for (size_t i = 0; i < report->n_rows; i++)
		report_pack_row(pk, &report->rows[i]);
	if (report->whole && report->heard)
		report_pack_heard(&r, report);
	if (report->whole && report->has_delays)
		report_delays_pack(record_key(&r, "delays"), &report->delays);
	record_end(&r, out);
}

/* ---- reading ---- */

void *
report_memory(struct report_reader *r, size_t n, size_t size)
{
	void *memory = msgpack_zone_malloc(r->report->memory, n * size + 1);

	if (memory)
		memset(memory, 0, n * size);
	else
		strict_fail(&r->in, -ENOMEM, "no memory");
	return memory;
}

static const char *
report_keep(struct report_reader *r, const char *text)
{
	char *copy = report_memory(r, strlen(text) + 1, 1);

	return copy ? strcpy(copy, text) : "";
}

static const char *
report_name(struct report_reader *r, const msgpack_object *map, const char *key)
{
	char name[REPORT_NAME_MAX + 1] = "";

	strict_text(&r->in, map, key, name, sizeof(name));
	return report_keep(r, name);
}

static uint32_t
report_u32(struct report_reader *r, const msgpack_object *map, const char *key)
{
	return strict_u32(&r->in, map, key, 0);
}

static uint8_t
report_port_number(struct report_reader *r, const msgpack_object *map)
{
	uint64_t n = 0;

	strict_number(&r->in, map, "port", 1, 255, &n);
	if (!n)
		strict_fail(&r->in, -EINVAL, "port is no number from 1 to 255");
	return (uint8_t)n;
}

uint32_t *
report_numbers(struct report_reader *r, const msgpack_object *map, const char *key, uint64_t max,
	       size_t *n)
{
	const msgpack_object_array *list = strict_list(&r->in, map, key, REPORT_STREAMS_MAX);
	uint32_t *numbers = list ? report_memory(r, list->size, sizeof(*numbers)) : NULL;

	if (!numbers)
		return NULL;
	for (uint32_t i = 0; i < list->size; i++) {
		const msgpack_object *o = &list->ptr[i];

		if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max) {
			strict_fail(&r->in, -EINVAL, "%s[%" PRIu32 "] is no number to %" PRIu64,
				    key, i, max);
			return NULL;
		}
		numbers[i] = (uint32_t)o->via.u64;
	}
	*n = list->size;
	return numbers;
}

/* ---- ports ---- */

static void
report_counters(struct report_reader *r, const msgpack_object *map, struct report_port *port)
{
	const msgpack_object *counters = read_map(map, "counters");
	const msgpack_object_map *table = counters ? &counters->via.map : NULL;
	char name[REPORT_NAME_MAX + 1];

	if (!table || table->size > REPORT_COUNTERS_MAX) {
		strict_fail(&r->in, -EINVAL, "counters is no table of up to %u",
			    REPORT_COUNTERS_MAX);
		return;
	}
	port->counters = report_memory(r, table->size, sizeof(*port->counters));
	for (uint32_t i = 0; port->counters && i < table->size; i++) {
		const msgpack_object *n = &table->ptr[i].val;

		if (!strict_copy(&table->ptr[i].key, name, sizeof(name)) ||
		    n->type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
			strict_fail(&r->in, -EINVAL, "counters[%" PRIu32 "] is none", i);
			return;
		}
		port->counters[i] = (struct report_counter){report_keep(r, name), n->via.u64};
		port->n_counters++;
	}
}

static void
report_port(struct report_reader *r, const msgpack_object *map, struct report_port *port)
{
	port->device = report_name(r, map, "device");
	port->port = report_port_number(r, map);
	read_bool(map, "up", &port->up);
	report_counters(r, map, port);
}

static void
report_ports(struct report_reader *r, const msgpack_object *map)
{
	const msgpack_object_array *list = strict_list(&r->in, map, "ports", REPORT_PORTS_MAX);
	struct report *report = r->report;

	report->ports = list ? report_memory(r, list->size, sizeof(*report->ports)) : NULL;
	for (uint32_t i = 0; report->ports && r->in.rc == 0 && i < list->size; i++) {
		snprintf(r->in.at, sizeof(r->in.at), "ports[%" PRIu32 "]: ", i);
		report_port(r, &list->ptr[i], &report->ports[report->n_ports++]);
		r->in.at[0] = '\0';
	}
}

/* ---- streams ---- */

static void
report_group_head(struct report_reader *r, const msgpack_object *map, struct report_stream *s)
{
	const msgpack_object *source = read_find(map, "source");
	char job[REPORT_JOB_MAX + 1] = "";
	uint64_t class = 0;

	s->device = report_name(r, map, "device");
	s->port = report_port_number(r, map);
	if (!source || !strict_addr(source, &s->source))
		strict_fail(&r->in, -EINVAL, "source is no address");
	s->kind = (enum report_kind)read_word(map, "kind", report_kind_names, REPORT_KIND_N);
	if (s->kind == REPORT_KIND_N)
		s->kind = REPORT_PING; /* perhaps a word of a newer agent */
	strict_number(&r->in, map, "traffic_class", 0, 255, &class);
	s->traffic_class = (uint8_t)class;
	s->size = report_u32(r, map, "size");
	if (read_find(map, "job"))
		strict_text(&r->in, map, "job", job, sizeof(job));
	s->job = report_keep(r, job);
}

/* The streams of a group follow those before it. */
static void
report_group(struct report_reader *r, const msgpack_object *map)
{
	const msgpack_object_array *to = strict_list(&r->in, map, "destinations",
						     REPORT_STREAMS_MAX);
	struct report *report = r->report;
	struct report_stream head = {.port = 0}, *s = &report->streams[report->n_streams];
	size_t n_there = 0, n_back = 0;
	uint32_t *there, *back;

	report_group_head(r, map, &head);
	there = report_numbers(r, map, "src_ports", UINT16_MAX, &n_there);
	back = report_numbers(r, map, "back_ports", UINT16_MAX, &n_back);
	if (!to || !there || !back || n_there != to->size || n_back != to->size ||
	    to->size > REPORT_STREAMS_MAX - report->n_streams) {
		strict_fail(&r->in, -EINVAL,
			    "destinations, src_ports and back_ports are of different lengths, or "
			    "too long");
		return;
	}
	for (uint32_t i = 0; i < to->size; i++) {
		s[i] = head;
		s[i].src_port = (uint16_t)there[i];
		s[i].back_port = (uint16_t)back[i];
		if (!strict_addr(&to->ptr[i], &s[i].destination))
			strict_fail(&r->in, -EINVAL, "destinations[%" PRIu32 "] is no address",
				    i);
	}
	report->n_streams += to->size;
}

/* There are as many streams as numbers in "sent". */
static void
report_streams(struct report_reader *r, const msgpack_object *map, size_t n)
{
	const msgpack_object_array *list = strict_list(&r->in, map, "streams", REPORT_STREAMS_MAX);
	struct report *report = r->report;
	size_t room = 0;

	for (uint32_t i = 0; list && i < list->size; i++) {
		const msgpack_object *to = read_array(&list->ptr[i], "destinations");

		room += to ? to->via.array.size : 0;
	}
	if (!list || room != n) {
		strict_fail(&r->in, -EINVAL, "streams are not as many as sent");
		return;
	}
	report->streams = report_memory(r, n, sizeof(*report->streams));
	for (uint32_t i = 0; report->streams && r->in.rc == 0 && i < list->size; i++) {
		snprintf(r->in.at, sizeof(r->in.at), "streams[%" PRIu32 "]: ", i);
		report_group(r, &list->ptr[i]);
		r->in.at[0] = '\0';
	}
}

/* ---- rows ---- */

static enum probe_class
report_class(const msgpack_object *name)
{
	enum probe_class c = PROBE_OK + 1;

	while (c < PROBE_CLASS_N && !read_str_is(name, probe_class_name(c)))
		c++;
	return c;
}

/* Classes of a newer agent are known to be no `ok`, and nothing else. */
static void
report_classes(struct report_reader *r, const msgpack_object *map, struct report_row *row)
{
	const msgpack_object *classes = read_map(map, "classes");
	const msgpack_object_map *table = classes ? &classes->via.map : NULL;
	uint64_t left = r->report->sent[row->place];

	if (!table)
		strict_fail(&r->in, -EINVAL, "classes is no table");
	for (uint32_t i = 0; table && i < table->size; i++) {
		const msgpack_object *n = &table->ptr[i].val;
		enum probe_class c = report_class(&table->ptr[i].key);

		if (n->type != MSGPACK_OBJECT_POSITIVE_INTEGER || n->via.u64 > left) {
			strict_fail(&r->in, -EINVAL, "classes are more than what was sent");
			return;
		}
		left -= n->via.u64;
		row->classes[c < PROBE_CLASS_N ? c : PROBE_LOCAL_ERROR] += (uint32_t)n->via.u64;
	}
}

static void
report_row(struct report_reader *r, const msgpack_object *map, struct report_row *row)
{
	uint64_t sent, lost_when = 0;

	row->place = strict_u32(&r->in, map, "place", UINT32_MAX);
	if (row->place >= r->report->n_streams ||
	    (row != r->report->rows && row[-1].place >= row->place)) {
		strict_fail(&r->in, -EINVAL, "place is no place, or out of order");
		return;
	}
	sent = r->report->sent[row->place];
	report_classes(r, map, row);
	row->noise = report_u32(r, map, "noise");
	row->noise_lost = report_u32(r, map, "noise_lost");
	row->corrected = report_u32(r, map, "corrected");
	row->slow = report_u32(r, map, "slow");
	strict_number(&r->in, map, "lost_when", 0, UINT64_MAX, &lost_when);
	row->lost_when = lost_when;
	if (row->noise > sent || row->noise_lost > row->noise || row->slow > sent)
		strict_fail(&r->in, -EINVAL, "noise or slow is more than what was sent");
}

static void
report_rows(struct report_reader *r, const msgpack_object *map)
{
	struct report *report = r->report;
	const msgpack_object_array *list =
		strict_list(&r->in, map, "rows", (uint32_t)report->n_streams);

	report->rows = list ? report_memory(r, list->size, sizeof(*report->rows)) : NULL;
	for (uint32_t i = 0; report->rows && r->in.rc == 0 && i < list->size; i++) {
		snprintf(r->in.at, sizeof(r->in.at), "rows[%" PRIu32 "]: ", i);
		report_row(r, &list->ptr[i], &report->rows[report->n_rows++]);
		r->in.at[0] = '\0';
	}
}

/* ---- the whole ---- */

static void
report_head(struct report_reader *r, const msgpack_object *map)
{
	struct report *report = r->report;

	report->host = report_name(r, map, "host");
	if (!read_u64(map, "incarnation", &report->incarnation))
		strict_fail(&r->in, -EINVAL, "incarnation is no number");
	strict_number(&r->in, map, "sequence", 1, INT64_MAX, &report->sequence);
	strict_number(&r->in, map, "begin_ns", 0, INT64_MAX, &report->begin_ns);
	strict_number(&r->in, map, "end_ns", report->begin_ns, INT64_MAX, &report->end_ns);
	strict_number(&r->in, map, "streams_of", 1, INT64_MAX, &report->streams_of);
	read_bool(map, "whole", &report->whole);
	if (!report->sequence || !report->end_ns || !report->streams_of)
		strict_fail(&r->in, -EINVAL, "no sequence, end_ns or streams_of");
	if (report->whole && report->streams_of != report->sequence)
		strict_fail(&r->in, -EINVAL, "streams_of is not this whole report");
	read_bool(map, "throttled", &report->throttled);
	report->degraded = report_u32(r, map, "degraded");
	report->dropped = report_u32(r, map, "dropped");
	report->stalled_s = report_u32(r, map, "stalled_s");
}

static void
report_read(struct report_reader *r, const msgpack_object *map)
{
	struct report *report = r->report;
	size_t n = 0, n_rtt = 0;

	report_head(r, map);
	report->sent = report_numbers(r, map, "sent", UINT32_MAX, &n);
	report->rtt_ns = report_numbers(r, map, "rtt_ns", UINT32_MAX, &n_rtt);
	if (n != n_rtt)
		strict_fail(&r->in, -EINVAL, "sent and rtt_ns are of different lengths");
	if (r->in.rc == 0)
		report_ports(r, map);
	if (r->in.rc == 0 && report->whole)
		report_streams(r, map, n);
	report->n_streams = n;
	if (r->in.rc == 0 && report->whole && read_find(map, "times"))
		report_times_read(r, map);
	if (r->in.rc == 0)
		report_rows(r, map);
	if (r->in.rc == 0 && report->whole && read_find(map, "heard"))
		report_heard_read(r, map);
	if (r->in.rc == 0 && report->whole && read_find(map, "delays"))
		report_delays_read(r, map);
}

static struct report *
report_new(void)
{
	msgpack_zone *memory = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
	struct report *report = memory ? msgpack_zone_malloc(memory, sizeof(*report)) : NULL;

	if (report)
		*report = (struct report){.memory = memory};
	else if (memory)
		msgpack_zone_free(memory);
	return report;
}

int
report_unpack(const void *data, size_t len, struct report **out, char error[REPORT_ERROR])
{
	struct report_reader r = {.in = {.error = error, .size = REPORT_ERROR}};
	msgpack_unpacked msg;

	if (strict_open(&r.in, data, len, REPORT_BYTES_MAX, "report", &msg) < 0)
		return r.in.rc;
	r.report = report_new();
	if (r.report)
		report_read(&r, &msg.data);
	else
		strict_fail(&r.in, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&msg);
	if (r.in.rc == 0)
		*out = r.report;
	else
		report_free(r.report);
	return r.in.rc;
}

void
report_free(struct report *report)
{
	if (report)
		msgpack_zone_free(report->memory);
}
