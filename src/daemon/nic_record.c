/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/nic_record.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "core/clock.h"
#include "daemon/daemon.h"
#include "daemon/nic.h"
#include "report/record.h"

/* CLOCK_MONOTONIC 0 means never. */
static void
nic_record_when(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

/* As the kernel writes a GID: an IPv4 address is ::ffff:a.b.c.d there. */
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
		record_begin(&map, NULL);
		record_u64(&map, "index", gids[i].index);
		record_str(&map, "gid", nic_record_gid_text(&gids[i].addr, raw));
		record_str(&map, "address", addr_text(&gids[i].addr, text));
		record_str(&map, "type", "RoCE v2");
		record_end(&map, pk);
	}
}

static void
nic_record_open(struct record *r, const struct nic *nic)
{
	const struct device_gid *gid = device_primary_gid(nic->device);
	const char *driver = device_get_driver(nic->device);
	char text[ADDR_TEXT], netdev[IF_NAMESIZE], guid[20];

	device_guid_text(nic->device, guid);
	record_str(r, "link_layer", "Ethernet"); /* device_list() takes no other */
	record_str(r, "netdev", gid && gid->ifindex ? if_indextoname(gid->ifindex, netdev) : NULL);
	record_str(r, "node_guid", guid);
	record_str(r, "driver", driver[0] ? driver : NULL);
	record_u64(r, "mtu", device_get_mtu(nic->device));
	record_str(r, "gid", gid ? addr_text(&gid->addr, text) : NULL);
	record_u64_if(r, "gid_index", gid ? gid->index : 0, gid != NULL);
	nic_record_gids(r, nic->device);
	nic_record_when(r, "last_change_ns", device_changed_ns(nic->device));
	record_u64_if(r, "qpn", nic->prober_ep ? endpoint_qpn(nic->prober_ep) : 0, nic->prober_ep != NULL);
	record_u64_if(r, "responder_qpn", nic->responder_ep ? endpoint_qpn(nic->responder_ep) : 0,
		      nic->responder_ep != NULL);
}

void
nic_record(msgpack_packer *out, const struct nic *nic)
{
	struct endpoint_stats prober, responder;
	struct prober_device_info info;
	struct record r;

	nic_stats(nic, &prober, &responder);
	prober_device_info(nic->budget, clock_mono_ns(), &info);
	record_begin(&r, "device");
	record_str(&r, "device", nic->name);
	record_u64(&r, "port", nic->port);
	record_str(&r, "state", nic->down_reason ? "down" : "up");
	record_str(&r, "state_reason", nic->down_reason);
	nic_clock_record(&r, nic);
	if (nic->device)
		nic_record_open(&r, nic);
	record_u64(&r, "probes_per_s_max", prober_device_throttled_rate(nic->budget));
	record_u64(&r, "in_flight", info.in_flight);
	record_u64(&r, "posted", info.posted);
	record_u64(&r, "deferred", info.deferred);
	record_u64(&r, "skipped", info.skipped);
	record_u64(&r, "posted_service", info.posted_service);
	record_u64(&r, "skipped_service", info.skipped_service);
	record_u64(&r, "probes_per_s", info.posted_last_s);
	record_u64(&r, "probes_per_s_service", info.posted_service_last_s);
	record_u64(&r, "send_errors", prober.send_errors + responder.send_errors);
	record_u64(&r, "receives", prober.receives + responder.receives);
	record_u64(&r, "receive_errors", prober.receive_errors + responder.receive_errors);
	record_u64(&r, "receive_queue_full", prober.receive_queue_full + responder.receive_queue_full);
	record_end(&r, out);
}
