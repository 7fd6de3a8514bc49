/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/flowtable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/format.h"
#include "ctl/view/pathtree.h"
#include "ctl/view/peer.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/read.h"
#include "stat/result.h"

enum flowtable_column {
	FLOWTABLE_FLOW,
	FLOWTABLE_OWNER,
	FLOWTABLE_JOB,
	FLOWTABLE_QPN,
	FLOWTABLE_REMOTE,
	FLOWTABLE_TYPE,
	FLOWTABLE_STATE,
	FLOWTABLE_LABEL,
	FLOWTABLE_DEVICE,
	FLOWTABLE_SOURCE,
	FLOWTABLE_DESTINATION,
	FLOWTABLE_HOST,
	FLOWTABLE_PORT,
	FLOWTABLE_TCLASS,
	FLOWTABLE_MTU,
	FLOWTABLE_QPS,
	FLOWTABLE_PATH,
	FLOWTABLE_PROBE_PORT,
	FLOWTABLE_HOPS,
	FLOWTABLE_LOSS,
	FLOWTABLE_P50,
	FLOWTABLE_P99,
	FLOWTABLE_PROBER,
	FLOWTABLE_RESPONDER,
	FLOWTABLE_NOISE,
	FLOWTABLE_VERDICT,
	FLOWTABLE_AGE,
	FLOWTABLE_PROBING,
	FLOWTABLE_REASON,
	FLOWTABLE_COLUMN_N
};

/*
 * The columns of both tables. In the table of flows, those of QPs are empty, and the other way
 * round; empty columns are left out.
 */
static const struct table_column flowtable_columns[FLOWTABLE_COLUMN_N] = {
	[FLOWTABLE_FLOW] = {.title = "FLOW", .key = "id", .priority = 11, .right = true},
	[FLOWTABLE_OWNER] = {.title = "OWNER", .priority = 1},
	[FLOWTABLE_JOB] = {.title = "JOB", .priority = 12, .optional = true},
	[FLOWTABLE_QPN] = {.title = "QPN", .right = true, .optional = true},
	[FLOWTABLE_REMOTE] = {.title = "REMOTE QPN", .right = true, .optional = true},
	[FLOWTABLE_TYPE] = {.title = "TYPE", .priority = 14, .optional = true},
	[FLOWTABLE_STATE] = {.title = "STATE", .priority = 9, .optional = true},
	[FLOWTABLE_LABEL] = {.title = "LABEL", .priority = 16, .right = true, .optional = true},
	[FLOWTABLE_DEVICE] = {.title = "DEVICE", .key = "device", .priority = 10},
	[FLOWTABLE_SOURCE] = {.title = "SOURCE", .key = "src_gid", .priority = 10},
	[FLOWTABLE_DESTINATION] = {.title = "DESTINATION", .key = "dst_gid"},
	[FLOWTABLE_HOST] = {.title = "HOST", .key = "hostname", .priority = 13, .optional = true},
	[FLOWTABLE_PORT] = {.title = "PORT", .priority = 6, .right = true},
	[FLOWTABLE_TCLASS] = {.title = "TOS",
			      .key = "traffic_class",
			      .priority = 15,
			      .right = true},
	[FLOWTABLE_MTU] = {.title = "MTU",
			   .key = "path_mtu",
			   .priority = 20,
			   .right = true,
			   .optional = true},
	[FLOWTABLE_QPS] = {.title = "QPS", .priority = 8, .right = true, .optional = true},
	[FLOWTABLE_PATH] = {.title = "PATH", .priority = 4},
	[FLOWTABLE_PROBE_PORT] = {.title = "PROBE PORT",
				  .priority = 19,
				  .right = true,
				  .optional = true},
	[FLOWTABLE_HOPS] = {.title = "HOPS", .priority = 18, .optional = true},
	[FLOWTABLE_LOSS] = {.title = "LOSS", .priority = 2, .right = true},
	[FLOWTABLE_P50] = {.title = "RTT P50", .priority = 5, .right = true},
	[FLOWTABLE_P99] = {.title = "RTT P99", .priority = 3, .right = true},
	[FLOWTABLE_PROBER] = {.title = "PROBER", .priority = 18, .right = true, .optional = true},
	[FLOWTABLE_RESPONDER] = {.title = "RESPONDER",
				 .priority = 17,
				 .right = true,
				 .optional = true},
	[FLOWTABLE_NOISE] = {.title = "NOISE", .priority = 18, .right = true, .optional = true},
	[FLOWTABLE_VERDICT] = {.title = "VERDICT", .priority = 3, .optional = true},
	[FLOWTABLE_AGE] = {.title = "AGE", .priority = 17, .right = true},
	[FLOWTABLE_PROBING] = {.title = "PROBING", .priority = 7},
	[FLOWTABLE_REASON] = {.title = "REASON", .priority = 11, .optional = true, .least = 24},
};

/* Fills the cell of the source port, also if the port is unknown. */
static void
flowtable_ports(struct table *table, const msgpack_object *flow)
{
	uint64_t port = 0, probe;
	char text[FORMAT_TEXT];
	bool known = read_u64(flow, "src_port", &port);

	table_cell(table, FLOWTABLE_PORT, TABLE_PLAIN, known ? format_u64(port, text) : "?");
	if (read_u64(flow, "probe_src_port", &probe) && !(known && probe == port))
		table_cell(table, FLOWTABLE_PROBE_PORT, TABLE_PLAIN, format_u64(probe, text));
}

static void
flowtable_path(struct table *table, const msgpack_object *flow)
{
	char text[TABLE_CELL_MAX];

	if (view_text(flow, "path", text, sizeof(text)))
		table_cell(table, FLOWTABLE_PATH,
			   read_is(flow, "path", probe_path_name(PROBE_PATH_APPROXIMATE)) ?
				   TABLE_YELLOW :
				   TABLE_PLAIN,
			   text);
}

/* The routers, such as "leaf1 > spine2 > leaf3". */
static void
flowtable_hops(struct table *table, const msgpack_object *flow)
{
	char text[TABLE_CELL_MAX];

	if (pathtree_line(read_array(flow, "hops"), text, sizeof(text))[0])
		table_cell(table, FLOWTABLE_HOPS, TABLE_PLAIN, text);
}

/*
 * Fills the cell with the state and the daemon's reason or, without one, the meaning of the state.
 */
static void
flowtable_probing(struct table *table, const msgpack_object *flow)
{
	static const struct {
		const char *shown, *reason;
		enum table_color color;
	} states[SERVICE_STATE_N] = {
		[SERVICE_PROBING] = {"probing", NULL, TABLE_GREEN},
		[SERVICE_WAITING] = {"waiting", "for its first probe", TABLE_YELLOW},
		[SERVICE_NO_DAEMON] = {"no daemon", "no rpingmeshd answers at the destination",
				       TABLE_YELLOW},
		[SERVICE_UNPROBED] = {"unprobed", NULL, TABLE_YELLOW},
	};
	enum service_state state = state_of_flow(flow);
	char text[TABLE_CELL_MAX];

	if (state == SERVICE_STATE_N)
		cell_text(table, FLOWTABLE_PROBING, flow, "probing");
	else
		table_cell(table, FLOWTABLE_PROBING, states[state].color, states[state].shown);
	if (state != SERVICE_STATE_N && states[state].reason)
		table_cell(table, FLOWTABLE_REASON, TABLE_PLAIN, states[state].reason);
	if (view_text(flow, "probing_reason", text, sizeof(text)) && text[0])
		table_cell(table, FLOWTABLE_REASON, TABLE_PLAIN, text);
}

static void
flowtable_age(struct table *table, const msgpack_object *flow)
{
	uint64_t since, now = clock_wall_ns();
	char text[FORMAT_TEXT];

	if (read_u64(flow, "since_ns", &since))
		table_cell(table, FLOWTABLE_AGE, TABLE_PLAIN,
			   format_age(now > since ? now - since : 0, text));
}

/* Begins a row with the cells that flows and QPs share. */
static int
flowtable_row(struct table *table, const msgpack_object *flow)
{
	static const struct peer_recent_columns recent = {
		.loss = FLOWTABLE_LOSS, .p50 = FLOWTABLE_P50, .p99 = FLOWTABLE_P99,
		.prober = FLOWTABLE_PROBER,
		.responder = FLOWTABLE_RESPONDER,
		.noise = FLOWTABLE_NOISE, .verdict = FLOWTABLE_VERDICT,
	};
	int rc = cell_row(table, flowtable_columns, FLOWTABLE_COLUMN_N, flow);

	if (rc < 0)
		return rc;
	flowtable_ports(table, flow);
	flowtable_path(table, flow);
	flowtable_hops(table, flow);
	peer_recent_cells(table, flow, &recent);
	flowtable_age(table, flow);
	flowtable_probing(table, flow);
	return 0;
}

/* "python3(4711)", or for three owners "python3(4711) +2". */
static void
flowtable_owner(struct table *table, const msgpack_object *flow)
{
	const msgpack_object *owners = read_array(flow, "owners"), *first;
	uint64_t others = 0;
	char text[TABLE_CELL_MAX];
	size_t at;

	if (!owners || owners->via.array.size == 0)
		return;
	first = &owners->via.array.ptr[0];
	view_owner(first, text, sizeof(text));
	at = strlen(text);
	read_u64(flow, "qps_of_other_owners", &others);
	if (owners->via.array.size > 1 || others > 0)
		snprintf(text + at, sizeof(text) - at, " +%" PRIu32 "%s",
			 owners->via.array.size - 1, others ? " or more" : "");
	table_cell(table, FLOWTABLE_OWNER, TABLE_PLAIN, text);
	cell_text(table, FLOWTABLE_JOB, first, "job");
}

static int
flowtable_flow(struct table *table, const msgpack_object *flow)
{
	int rc = flowtable_row(table, flow);

	if (rc < 0)
		return rc;
	flowtable_owner(table, flow);
	cell_text(table, FLOWTABLE_QPS, flow, "qps_total");
	return 0;
}

/* The owner of the QP; without a pid it is in the kernel. NULL: it is not in the record. */
static const msgpack_object *
flowtable_owner_of(const msgpack_object *flow, const msgpack_object *qp)
{
	const msgpack_object *owners = read_array(flow, "owners");
	uint64_t wanted, pid;
	bool user = read_u64(qp, "pid", &wanted);

	for (uint32_t i = 0; owners && i < owners->via.array.size; i++) {
		const msgpack_object *owner = &owners->via.array.ptr[i];
		bool kernel = false;

		read_bool(owner, "kernel", &kernel);
		if (user ? read_u64(owner, "pid", &pid) && pid == wanted : kernel)
			return owner;
	}
	return NULL;
}

static int
flowtable_qp(struct table *table, const msgpack_object *flow, const msgpack_object *qp)
{
	const msgpack_object *owner = flowtable_owner_of(flow, qp);
	char text[TABLE_CELL_MAX];
	int rc = flowtable_row(table, flow);

	if (rc < 0)
		return rc;
	view_owner(owner ? owner : qp, text, sizeof(text));
	table_cell(table, FLOWTABLE_OWNER, TABLE_PLAIN, text);
	cell_text(table, FLOWTABLE_JOB, owner, "job");
	cell_text(table, FLOWTABLE_QPN, qp, "qpn");
	cell_text(table, FLOWTABLE_REMOTE, qp, "remote_qpn");
	cell_text(table, FLOWTABLE_TYPE, qp, "qp_type");
	cell_text(table, FLOWTABLE_STATE, qp, "state");
	cell_label(table, FLOWTABLE_LABEL, qp);
	return 0;
}

/* Adds one row for the n QPs that are not in the record: "+36". */
static int
flowtable_rest(struct table *table, const msgpack_object *flow, uint64_t n)
{
	char text[TABLE_CELL_MAX];
	int rc = flowtable_row(table, flow);

	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text), "+%" PRIu64, n);
	if (n > 0)
		table_cell(table, FLOWTABLE_QPN, TABLE_PLAIN, text);
	return 0;
}

static int
flowtable_flow_qps(struct table *table, const msgpack_object *flow)
{
	const msgpack_object *qps = read_array(flow, "qps");
	uint64_t n = qps ? qps->via.array.size : 0, all = n;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = flowtable_qp(table, flow, &qps->via.array.ptr[i]);
	read_u64(flow, "qps_total", &all);
	if (rc == 0 && (all > n || n == 0))
		rc = flowtable_rest(table, flow, all > n ? all - n : 0);
	return rc;
}

static struct table *
flowtable_each(const struct flowlist *list,
	       int (*add)(struct table *table, const msgpack_object *flow))
{
	struct table *table = table_new(flowtable_columns, FLOWTABLE_COLUMN_N);

	for (size_t i = 0; table && i < list->n; i++) {
		if (add(table, list->flows[i]) == 0)
			continue;
		table_free(table);
		table = NULL;
	}
	return table;
}

struct table *
flowtable_flows(const struct flowlist *list)
{
	return flowtable_each(list, flowtable_flow);
}

struct table *
flowtable_qps(const struct flowlist *list)
{
	return flowtable_each(list, flowtable_flow_qps);
}
