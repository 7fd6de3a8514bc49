/* SPDX-License-Identifier: Apache-2.0 */
/* What the host of a report has received of whom. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "record/read.h"
#include "record/record.h"
#include "record/report_impl.h"

/* ---- writing ---- */

static size_t
report_heard_end(const struct report *report, size_t first)
{
	const struct report_heard *a = &report->heard[first];
	size_t end = first + 1;

	while (end < report->n_heard && report->heard[end].traffic_class == a->traffic_class &&
	       addr_equal(&report->heard[end].destination, &a->destination))
		end++;
	return end;
}

static void
report_pack_heard_group(msgpack_packer *out, const struct report_heard *first, size_t n)
{
	msgpack_packer *pk;
	char text[ADDR_TEXT];
	struct record r;

	record_begin(&r, RECORD_REPORT_HEARD);
	record_addr(&r, "destination", &first->destination);
	record_u64(&r, "traffic_class", first->traffic_class);
	pk = record_key(&r, "sources");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		record_pack_str(pk, addr_text(&first[i].source, text));
	pk = record_key(&r, "src_ports");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint16(pk, first[i].src_port);
	pk = record_key(&r, "received");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_uint32(pk, first[i].received);
	record_end(&r, out);
}

void
report_pack_heard(struct record *r, const struct report *report)
{
	msgpack_packer *pk = record_key(r, "heard");
	size_t groups = 0, at, end;

	for (at = 0; at < report->n_heard; at = report_heard_end(report, at))
		groups++;
	msgpack_pack_array(pk, groups);
	for (at = 0; at < report->n_heard; at = end) {
		end = report_heard_end(report, at);
		report_pack_heard_group(pk, &report->heard[at], end - at);
	}
}

/* ---- reading ---- */

static void
report_heard_group(struct report_reader *r, const msgpack_object *map, size_t room)
{
	const msgpack_object_array *from = strict_list(&r->in, map, "sources", REPORT_STREAMS_MAX);
	const msgpack_object *to = read_find(map, "destination");
	struct report_heard *heard = &r->report->heard[r->report->n_heard];
	struct addr destination;
	size_t n_ports = 0, n = 0;
	uint32_t *ports, *received;
	uint64_t class = 0;

	strict_number(&r->in, map, "traffic_class", 0, 255, &class);
	if (!to || !strict_addr(to, &destination))
		strict_fail(&r->in, -EINVAL, "destination is no address");
	ports = report_numbers(r, map, "src_ports", UINT16_MAX, &n_ports);
	received = report_numbers(r, map, "received", UINT32_MAX, &n);
	if (r->in.rc < 0)
		return;
	if (n_ports != from->size || n != from->size || from->size > room) {
		strict_fail(&r->in, -EINVAL,
			    "sources, src_ports and received are of different lengths");
		return;
	}
	for (uint32_t i = 0; i < from->size; i++) {
		heard[i] = (struct report_heard){.destination = destination,
						 .src_port = (uint16_t)ports[i],
						 .traffic_class = (uint8_t)class,
						 .received = received[i]};
		if (!strict_addr(&from->ptr[i], &heard[i].source))
			strict_fail(&r->in, -EINVAL, "sources[%" PRIu32 "] is no address", i);
	}
	r->report->n_heard += from->size;
}

void
report_heard_read(struct report_reader *r, const msgpack_object *map)
{
	const msgpack_object_array *list = strict_list(&r->in, map, "heard", REPORT_STREAMS_MAX);
	struct report *report = r->report;
	size_t n = 0;

	for (uint32_t i = 0; list && i < list->size; i++) {
		const msgpack_object *from = read_array(&list->ptr[i], "sources");

		n += from ? from->via.array.size : 0;
	}
	if (!list || n > REPORT_STREAMS_MAX) {
		strict_fail(&r->in, -EINVAL, "heard are more than %u", REPORT_STREAMS_MAX);
		return;
	}
	report->heard = report_memory(r, n, sizeof(*report->heard));
	for (uint32_t i = 0; report->heard && r->in.rc == 0 && i < list->size; i++) {
		snprintf(r->in.at, sizeof(r->in.at), "heard[%" PRIu32 "]: ", i);
		report_heard_group(r, &list->ptr[i], n - report->n_heard);
		r->in.at[0] = '\0';
	}
}
