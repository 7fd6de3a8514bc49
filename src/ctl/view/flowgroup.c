/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: flowgroup
 *
 * Each flow has one part for each of its groups. The parts are sorted by the name of the group, and
 * the parts with the same name make a group.
 */
#include "ctl/view/flowgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/view/format.h"
#include "ctl/view/peer.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

const char *const flowgroup_names[FLOWGROUP_N] = {
	[FLOWGROUP_JOB] = "job",
	[FLOWGROUP_PROCESS] = "process",
	[FLOWGROUP_DEVICE] = "device",
	[FLOWGROUP_REMOTE] = "remote",
};

struct flowgroup_part {
	char name[FLOWGROUP_NAME];
	const msgpack_object *flow;
	size_t index; /* of the flow */
	uint64_t qps;
};

struct flowgroup_parts {
	struct flowgroup_part *parts;
	size_t n, room;
};

/* Adds a part, whose name the caller fills in. NULL: no memory. */
static struct flowgroup_part *
flowgroup_part(struct flowgroup_parts *parts, const msgpack_object *flow, size_t index,
	       uint64_t qps)
{
	struct flowgroup_part *part;

	if (parts->n == parts->room) {
		size_t room = parts->room ? 2 * parts->room : 64;

		part = reallocarray(parts->parts, room, sizeof(*part));
		if (!part)
			return NULL;
		parts->parts = part;
		parts->room = room;
	}
	part = &parts->parts[parts->n++];
	*part = (struct flowgroup_part){.name = "?", .flow = flow, .index = index, .qps = qps};
	return part;
}

static uint64_t
flowgroup_u64(const msgpack_object *map, const char *key)
{
	uint64_t n = 0;

	read_u64(map, key, &n);
	return n;
}

static int
flowgroup_owners(struct flowgroup_parts *parts, const msgpack_object *flow, size_t index,
		 enum flowgroup_by by)
{
	const msgpack_object *owners = read_array(flow, "owners");
	uint64_t listed = owners ? owners->via.array.size : 0,
		 others = flowgroup_u64(flow, "qps_of_other_owners");

	for (uint32_t i = 0; i < listed; i++) {
		const msgpack_object *owner = &owners->via.array.ptr[i];
		struct flowgroup_part *part =
			flowgroup_part(parts, flow, index, flowgroup_u64(owner, "qps"));

		if (!part)
			return -ENOMEM;
		if (by == FLOWGROUP_PROCESS)
			view_owner(owner, part->name, sizeof(part->name));
		else
			view_text(owner, "job", part->name, sizeof(part->name));
	}
	if (listed == 0 && others == 0)
		others = flowgroup_u64(flow, "qps_total");
	if ((listed == 0 || others > 0) && !flowgroup_part(parts, flow, index, others))
		return -ENOMEM;
	return 0;
}

static int
flowgroup_flow(struct flowgroup_parts *parts, const msgpack_object *flow, size_t index,
	       enum flowgroup_by by)
{
	struct flowgroup_part *part;

	if (by == FLOWGROUP_JOB || by == FLOWGROUP_PROCESS)
		return flowgroup_owners(parts, flow, index, by);
	part = flowgroup_part(parts, flow, index, flowgroup_u64(flow, "qps_total"));
	if (!part)
		return -ENOMEM;
	view_text(flow, by == FLOWGROUP_DEVICE ? "device" : "dst_gid", part->name,
		  sizeof(part->name));
	return 0;
}

/* Orders by name, then as in the list. */
static int
flowgroup_part_order(const void *a, const void *b)
{
	const struct flowgroup_part *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static void
flowgroup_measure(struct flowgroup *group, const msgpack_object *flow)
{
	const msgpack_object *recent = read_map(flow, "recent");
	struct flowlist_badness badness = flowlist_badness(flow);
	uint64_t p50 = flowgroup_u64(recent, "rtt_p50_ns");

	group->flows++;
	group->probing += state_of_flow(flow) == SERVICE_PROBING;
	group->answered += flowgroup_u64(recent, "answered");
	group->lost += flowgroup_u64(recent, "lost");
	if (badness.rtt_ns > group->worst.rtt_ns)
		group->worst.rtt_ns = badness.rtt_ns;
	if (p50 > group->p50_ns)
		group->p50_ns = p50;
}

/*
 * Adds up the parts. A flow counts once in a group, even if several of its owners are in it.
 * Returns the number of groups.
 */
static size_t
flowgroup_fold(const struct flowgroup_parts *parts, struct flowgroup *groups)
{
	size_t n = 0;

	for (size_t i = 0; i < parts->n; i++) {
		const struct flowgroup_part *part = &parts->parts[i];
		bool same = i > 0 && strcmp(part->name, part[-1].name) == 0;

		if (!same) {
			groups[n] = (struct flowgroup){.flow = part->flow, .worst.loss = -1};
			strcpy(groups[n++].name, part->name);
		}
		if (!same || part->index != part[-1].index)
			flowgroup_measure(&groups[n - 1], part->flow);
		groups[n - 1].qps += part->qps;
	}
	for (size_t i = 0; i < n; i++)
		if (groups[i].answered + groups[i].lost > 0)
			groups[i].worst.loss = (double)groups[i].lost /
					       (double)(groups[i].answered + groups[i].lost);
	return n;
}

static int
flowgroup_order(const void *a, const void *b)
{
	const struct flowgroup *x = a, *y = b;
	int order = flowlist_compare(&x->worst, &y->worst);

	return order ? order : strcmp(x->name, y->name);
}

int
flowgroup_make(const struct flowlist *list, enum flowgroup_by by, struct flowgroup **out, size_t *n)
{
	struct flowgroup_parts parts = {0};
	struct flowgroup *groups = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->n; i++)
		rc = flowgroup_flow(&parts, list->flows[i], i, by);
	if (rc == 0 && !(groups = calloc(parts.n ? parts.n : 1, sizeof(*groups))))
		rc = -ENOMEM;
	if (rc == 0 && parts.n > 0) {
		qsort(parts.parts, parts.n, sizeof(*parts.parts), flowgroup_part_order);
		*n = flowgroup_fold(&parts, groups);
		qsort(groups, *n, sizeof(*groups), flowgroup_order);
	} else {
		*n = 0;
	}
	free(parts.parts);
	*out = groups;
	return rc;
}

enum flowgroup_column {
	FLOWGROUP_COLUMN_NAME,
	FLOWGROUP_COLUMN_HOST,
	FLOWGROUP_COLUMN_FLOWS,
	FLOWGROUP_COLUMN_QPS,
	FLOWGROUP_COLUMN_PROBING,
	FLOWGROUP_COLUMN_LOSS,
	FLOWGROUP_COLUMN_P50,
	FLOWGROUP_COLUMN_P99,
	FLOWGROUP_COLUMN_N
};

#define FLOWGROUP_COLUMNS(name) { \
	[FLOWGROUP_COLUMN_NAME] = {.title = name}, \
	[FLOWGROUP_COLUMN_HOST] = {.title = "HOST", .priority = 6, .optional = true}, \
	[FLOWGROUP_COLUMN_FLOWS] = {.title = "FLOWS", .priority = 3, .right = true}, \
	[FLOWGROUP_COLUMN_QPS] = {.title = "QPS", .priority = 4, .right = true}, \
	[FLOWGROUP_COLUMN_PROBING] = {.title = "PROBING", .priority = 7, .right = true}, \
	[FLOWGROUP_COLUMN_LOSS] = {.title = "LOSS", .priority = 1, .right = true}, \
	[FLOWGROUP_COLUMN_P50] = {.title = "WORST P50", .priority = 5, .right = true}, \
	[FLOWGROUP_COLUMN_P99] = {.title = "WORST P99", .priority = 2, .right = true}, \
}

static const struct table_column flowgroup_columns[FLOWGROUP_N][FLOWGROUP_COLUMN_N] = {
	[FLOWGROUP_JOB] = FLOWGROUP_COLUMNS("JOB"),
	[FLOWGROUP_PROCESS] = FLOWGROUP_COLUMNS("PROCESS"),
	[FLOWGROUP_DEVICE] = FLOWGROUP_COLUMNS("DEVICE"),
	[FLOWGROUP_REMOTE] = FLOWGROUP_COLUMNS("REMOTE"),
};

static void
flowgroup_ns(struct table *table, size_t column, uint64_t ns)
{
	char text[FORMAT_TEXT];

	if (ns > 0)
		table_cell(table, column, TABLE_PLAIN, format_ns(ns, text));
}

static int
flowgroup_row(struct table *table, const struct flowgroup *group, enum flowgroup_by by)
{
	char text[TABLE_CELL_MAX];
	int rc = table_row(table);

	if (rc < 0)
		return rc;
	table_cell(table, FLOWGROUP_COLUMN_NAME, TABLE_PLAIN, group->name);
	if (by == FLOWGROUP_REMOTE && view_text(group->flow, "hostname", text, sizeof(text)))
		table_cell(table, FLOWGROUP_COLUMN_HOST, TABLE_PLAIN, text);
	table_cell(table, FLOWGROUP_COLUMN_FLOWS, TABLE_PLAIN, format_u64(group->flows, text));
	table_cell(table, FLOWGROUP_COLUMN_QPS, TABLE_PLAIN, format_u64(group->qps, text));
	table_cell(table, FLOWGROUP_COLUMN_PROBING, TABLE_PLAIN, format_u64(group->probing, text));
	if (group->worst.loss >= 0)
		table_cell(table, FLOWGROUP_COLUMN_LOSS, peer_loss_color(group->worst.loss),
			   format_ratio(group->worst.loss, text));
	flowgroup_ns(table, FLOWGROUP_COLUMN_P50, group->p50_ns);
	flowgroup_ns(table, FLOWGROUP_COLUMN_P99, group->worst.rtt_ns);
	return 0;
}

struct table *
flowgroup_table(const struct flowgroup *groups, size_t n, enum flowgroup_by by)
{
	struct table *table = table_new(flowgroup_columns[by], FLOWGROUP_COLUMN_N);

	for (size_t i = 0; table && i < n; i++) {
		if (flowgroup_row(table, &groups[i], by) == 0)
			continue;
		table_free(table);
		table = NULL;
	}
	return table;
}

static void
flowgroup_pack(msgpack_packer *pk, const struct flowgroup *group, enum flowgroup_by by)
{
	char host[FLOWGROUP_NAME];
	bool known = view_text(group->flow, "hostname", host, sizeof(host));
	struct record r;

	record_begin(&r, RECORD_FLOW_GROUP);
	record_str(&r, "by", flowgroup_names[by]);
	record_str(&r, "name", strcmp(group->name, "-") != 0 ? group->name : NULL);
	if (by == FLOWGROUP_REMOTE)
		record_str(&r, "hostname", known ? host : NULL);
	record_u64(&r, "flows", group->flows);
	record_u64(&r, "qps", group->qps);
	record_u64(&r, "flows_probing", group->probing);
	record_u64(&r, "answered", group->answered);
	record_u64(&r, "lost", group->lost);
	record_double_if(&r, "lost_ratio", group->worst.loss, group->worst.loss >= 0);
	record_u64_if(&r, "rtt_p50_worst_ns", group->p50_ns, group->p50_ns > 0);
	record_u64_if(&r, "rtt_p99_worst_ns", group->worst.rtt_ns, group->worst.rtt_ns > 0);
	record_end(&r, pk);
}

void
flowgroup_json(const struct flowgroup *groups, size_t n, enum flowgroup_by by, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		msgpack_unpacked record;
		msgpack_sbuffer bytes;
		msgpack_packer pk;
		size_t off = 0;

		msgpack_sbuffer_init(&bytes);
		msgpack_packer_init(&pk, &bytes, msgpack_sbuffer_write);
		msgpack_unpacked_init(&record);
		flowgroup_pack(&pk, &groups[i], by);
		if (msgpack_unpack_next(&record, bytes.data, bytes.size, &off) ==
		    MSGPACK_UNPACK_SUCCESS)
			json_line(out, &record.data, NULL);
		msgpack_unpacked_destroy(&record);
		msgpack_sbuffer_destroy(&bytes);
	}
}
