/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/nic_record.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "core/clock.h"
#include "agent/nic/nic.h"
#include "rdma/counters.h"
#include "record/record.h"
#include "rpingmesh/states.h"

/* CLOCK_MONOTONIC 0 means never. */
static void
nic_record_when(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

/* Writes a GID as the kernel does, so an IPv4 address is ::ffff:a.b.c.d. */
static const char *
nic_record_gid_text(const struct addr *addr, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(AF_INET6, addr->raw, text, INET6_ADDRSTRLEN);
}

static void
nic_record_gids(struct record *r, const struct device *device)
{
	msgpack_packer *pk = record_key(r, "gids");
	const struct device_gid *gids;
	char text[ADDR_TEXT], raw[INET6_ADDRSTRLEN];
	struct record map;
	size_t n;

	gids = device_gids(device, &n);
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		record_begin(&map, RECORD_GID);
		record_u64(&map, "index", gids[i].index);
		record_str(&map, "gid", nic_record_gid_text(&gids[i].addr, raw));
		record_str(&map, "address", addr_text(&gids[i].addr, text));
		record_str(&map, "type", "RoCE v2");
		record_end(&map, pk);
	}
}

static void
nic_record_open(struct record *r, const struct device *device, const struct nic_info *info)
{
	const struct device_gid *gid = device_primary_gid(device);
	const char *driver = device_get_driver(device);
	char text[ADDR_TEXT], netdev[IF_NAMESIZE], guid[20];

	device_guid_text(device, guid);
	record_str(r, "link_layer", "Ethernet"); /* device_list() lists no others */
	record_str(r, "netdev", gid && gid->ifindex ? if_indextoname(gid->ifindex, netdev) : NULL);
	record_str(r, "node_guid", guid);
	record_str(r, "driver", driver[0] ? driver : NULL);
	record_u64(r, "mtu", device_get_mtu(device));
	record_str(r, "gid", gid ? addr_text(&gid->addr, text) : NULL);
	record_u64_if(r, "gid_index", gid ? gid->index : 0, gid != NULL);
	nic_record_gids(r, device);
	record_u64(r, "gids_foreign", device_foreign_gids(device));
	nic_record_when(r, "last_change_ns", device_changed_ns(device));
	record_u64_if(r, "qpn", info->qpn, info->qpn != 0);
	record_u64_if(r, "responder_qpn", info->responder_qpn, info->responder_qpn != 0);
}

/* Adds the source QPs of a device whose QPs determine the UDP source port. */
static void
nic_record_sources(struct record *r, const struct sources_stats *stats)
{
	struct record map;

	record_begin(&map, RECORD_SOURCE_QPS);
	record_u64(&map, "wanted", stats->wanted);
	record_u64(&map, "found", stats->found);
	record_u64(&map, "tries", stats->tries);
	record_u64(&map, "given_up", stats->given_up);
	record_end(&map, record_key(r, "source_qps"));
}

/* Packs the history, the newest entry first. */
static void
nic_record_history(struct record *r, const struct port_history *history, uint64_t now_ns)
{
	const struct port_history_entry *e;
	struct record map;
	msgpack_packer *pk;
	size_t n = 0;

	while (port_history_get(history, n, now_ns))
		n++;
	pk = record_key(r, "history");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		e = port_history_get(history, i, now_ns);
		record_begin(&map, RECORD_HISTORY);
		record_u64(&map, "time_ns", e->wall_ns);
		record_str(&map, "from", port_state_name(e->from));
		record_str(&map, "to", port_state_name(e->to));
		record_str(&map, "event", port_event_name(e->event));
		record_str(&map, "error", e->error ? strerror(-e->error) : NULL);
		record_u64(&map, "lasted_ns", e->lasted_ns);
		record_bool(&map, "acknowledged", e->acknowledged);
		record_end(&map, pk);
	}
}

/* Adds the counts of the kernel's events and of the port's, without those that are 0. */
static void
nic_record_events(struct record *r, const struct nic_info *info)
{
	struct record map;

	record_begin(&map, RECORD_TABLE);
	for (int e = 0; e < PORT_EVENT_N; e++)
		if (info->port.events[e])
			record_u64(&map, port_event_name((enum port_event)e), info->port.events[e]);
	record_end(&map, record_key(r, "events"));
	record_begin(&map, RECORD_TABLE);
	for (int a = 0; a < DEVICE_ASYNC_N; a++)
		if (info->async_counts[a])
			record_u64(&map, device_async_name((enum device_async)a),
				   info->async_counts[a]);
	record_end(&map, record_key(r, "async_events"));
}

static void
nic_record_port(struct record *r, const struct nic_info *info)
{
	const struct port_fsm_info *port = &info->port;
	const struct port_history *history = info->history;
	uint64_t now = clock_mono_ns();

	record_str(r, "port_state", port_state_name(port->state));
	nic_record_when(r, "port_state_since_ns", port->since_ns);
	record_str(r, "error", port->error ? strerror(-port->error) : NULL);
	nic_record_when(r, "retry_ns", port->retry_ns == UINT64_MAX ? 0 : port->retry_ns);
	record_u64(r, "flaps", port_history_flaps(history, now));
	record_u64(r, "flaps_total", history->flaps_total);
	record_u64_if(r, "last_flap_ns", history->last_flap_wall_ns,
		      history->last_flap_wall_ns != 0);
	record_u64(r, "rebuilds",
		   port->entered[PORT_BUILDING] ? port->entered[PORT_BUILDING] - 1 : 0);
	nic_record_events(r, info);
	nic_record_history(r, history, now);
}

static void
nic_record_clock(struct record *r, const struct nic_clock *c)
{
	bool used = hwclock_is_used(&c->hw);
	uint64_t wrap_ns = hwclock_wrap_ns(&c->hw);

	record_str(r, "clock", probe_clock_name(used ? PROBE_CLOCK_HW : PROBE_CLOCK_SW));
	record_str(r, "clock_reason", used ? c->reason : c->hw.reason);
	record_u64_if(r, "clock_khz", c->hw.khz, c->hw.khz != 0);
	record_u64_if(r, "clock_wrap_ns", wrap_ns, wrap_ns != 0);
	record_u64(r, "clock_rejected", c->hw.rejected);
}

static void
nic_record_counters(struct record *r, const struct counters *counters)
{
	const struct counter *c;
	struct counters_info info;
	struct record map, one;

	counters_info(counters, &info);
	record_u64_if(r, "counters_time_ns", info.sampled_ns ? clock_wall_of(info.sampled_ns) : 0,
		      info.sampled_ns != 0);
	record_u64_if(r, "counters_span_ns", info.span_ns, info.span_ns != 0);
	record_u64(r, "counters_read_max_ns", info.read_max_ns);
	record_str(r, "counters_read_max_name", info.read_max_name[0] ? info.read_max_name : NULL);
	record_u64(r, "counters_late", info.late);
	record_begin(&map, RECORD_TABLE);
	for (size_t i = 0; (c = counters_get(counters, i)); i++) {
		record_begin(&one, RECORD_COUNTER);
		record_u64(&one, "value", c->value);
		record_u64(&one, "delta", c->delta);
		record_u64(&one, "total", c->total);
		record_bool(&one, "bad", c->bad);
		record_u64(&one, "resets", c->resets);
		record_u64(&one, "odd", c->odd);
		record_bool(&one, "saturated", c->saturated);
		record_end(&one, record_key(&map, c->name));
	}
	record_end(&map, record_key(r, "counters"));
}

void
nic_record(msgpack_packer *out, const struct nic *nic)
{
	static const char *const names[] = DEVICE_STATE_NAMES;
	struct prober_device_info info;
	struct nic_info nic_is;
	struct record r;

	nic_info(nic, &nic_is);
	prober_device_info(nic_budget(nic), clock_mono_ns(), &info);
	record_begin(&r, RECORD_DEVICE);
	record_str(&r, "device", nic_name(nic));
	record_u64(&r, "port", nic_port(nic));
	record_str(&r, "state", names[nic_down_reason(nic) ? DEVICE_DOWN : DEVICE_UP]);
	record_str(&r, "state_reason", nic_down_reason(nic));
	nic_record_clock(&r, nic_is.clock);
	if (nic_device(nic))
		nic_record_open(&r, nic_device(nic), &nic_is);
	record_u64(&r, "probes_per_s_max", prober_device_throttled_rate(nic_budget(nic)));
	record_u64(&r, "in_flight", info.in_flight);
	record_u64(&r, "posted", info.posted);
	record_u64(&r, "deferred", info.deferred);
	record_u64(&r, "skipped", info.skipped);
	record_u64(&r, "posted_service", info.posted_service);
	record_u64(&r, "skipped_service", info.skipped_service);
	record_u64(&r, "probes_per_s", info.posted_last_s);
	record_u64(&r, "probes_per_s_service", info.posted_service_last_s);
	if (nic_is.has_sources)
		nic_record_sources(&r, &nic_is.sources);
	record_u64(&r, "send_errors", nic_is.stats.send_errors);
	record_u64(&r, "receives", nic_is.stats.receives);
	record_u64(&r, "receive_errors", nic_is.stats.receive_errors);
	record_u64(&r, "receives_too_long", nic_is.stats.receives_too_long);
	record_u64(&r, "receive_queue_full", nic_is.stats.receive_queue_full);
	nic_record_port(&r, &nic_is);
	if (nic_is.counters)
		nic_record_counters(&r, nic_is.counters);
	record_end(&r, out);
}
