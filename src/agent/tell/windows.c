/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: records of windows
 *
 * The prober closes windows, PROBER_WINDOW_BATCH at a time with a poll in between, and keeps the
 * last ones. Nothing is stored here.
 *
 * The cursor of a page (`after`) is the id of a flow; or the position of a device in the list, from
 * 1; or the id of a peer and the number of its targets that are done. Peers are in the order of
 * their ids, so pages stay right if a peer goes meanwhile.
 */
#include "agent/tell/windows.h"

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/tell.h"
#include "record/record.h"
#include "trace/trace.h"

#define WINDOWS_TARGET_BITS 16 /* low bits of a cursor: targets that are done; above: the peer */

/* ---- records ---- */

static void
windows_pack_device(msgpack_packer *out, const struct record_origin *origin, const struct nic *nic,
		    const struct window *w)
{
	const struct record_window_context context = {.by = RECORD_WINDOW_DEVICE,
						      .origin = origin,
						      .device = nic_name(nic),
						      .port = nic_port(nic)};

	record_window(out, &context, w);
}

static void
windows_pack_target(msgpack_packer *out, const struct record_origin *origin, const struct nic *nic,
		    const struct prober_target_info *info, const struct window *w)
{
	const struct peer_stream *stream = info->user;
	struct record_window_context context = {
		.origin = origin,
		.by = stream->service ? RECORD_WINDOW_FLOW : RECORD_WINDOW_TARGET,
		.device = nic_name(nic),
		.port = nic_port(nic),
		.flow = stream->service ? service_flow_id(stream->service) : 0,
		.kind = info->config.kind,
		.interval_ns = info->config.interval_ns,
		.flow_label = info->config.flow_label,
		.traffic_class = info->config.traffic_class,
		.service_level = info->config.service_level,
	};
	struct peer_info peer;

	peer_info(stream->peer, &peer);
	context.peer = peer.address;
	context.source = &peer.local;
	context.destination = peer.remote;
	context.hostname = peer.hostname;
	context.peer_tor = peer.tor;
	record_window(out, &context, w);
}

void
windows_pack(msgpack_packer *out, const struct record_origin *origin, const struct nic *nic,
	     const struct prober_target_info *target, const struct window *w)
{
	if (target)
		windows_pack_target(out, origin, nic, target, w);
	else
		windows_pack_device(out, origin, nic, w);
}

/* ---- pages of last windows ---- */

struct windows_pager {
	const struct tell *t;
	msgpack_sbuffer packed;
	msgpack_packer pk;
	uint32_t n, left; /* windows packed; targets, flows or devices still allowed */
	uint64_t next;    /* 0: there are no more */
};

void
windows_last(msgpack_packer *out, const struct record_origin *origin,
	     const struct prober_target *target)
{
	const struct window *w = prober_target_window(target);
	const struct peer_stream *stream;
	struct prober_target_info info;
	struct peer_info peer;

	if (!w) {
		msgpack_pack_nil(out);
		return;
	}
	prober_target_info(target, &info);
	stream = info.user;
	peer_info(stream->peer, &peer);
	windows_pack_target(out, origin, peer.nic, &info, w);
}

static void
windows_page_target(struct windows_pager *pager, const struct prober_target *target)
{
	const struct window *w = prober_target_window(target);

	if (!w)
		return;
	windows_last(&pager->pk, &pager->t->origin, target);
	pager->n++;
}

/* Packs the windows of a peer's targets, without flows and without the first `skip`. */
static void
windows_page_peer(struct windows_pager *pager, const struct peer_info *peer, uint64_t skip)
{
	const struct prober_target *t = NULL;
	struct prober_target_info info;
	uint64_t walked = 0;

	while (peer->prober && (t = prober_peer_next_target(peer->prober, t))) {
		prober_target_info(t, &info);
		if (info.config.kind == PROBE_KIND_SERVICE || ++walked <= skip)
			continue;
		if (pager->left == 0) {
			pager->next = peer->id << WINDOWS_TARGET_BITS | (walked - 1);
			return;
		}
		pager->left--;
		windows_page_target(pager, t);
	}
}

static void
windows_page_targets(struct windows_pager *pager, uint64_t after)
{
	uint64_t id = after >> WINDOWS_TARGET_BITS,
		 skip = after & ((1u << WINDOWS_TARGET_BITS) - 1);

	for (struct peer *p = NULL; !pager->next && (p = peers_next(pager->t->peers, p));) {
		struct peer_info peer;

		peer_info(p, &peer);
		if (peer.id >= id)
			windows_page_peer(pager, &peer, peer.id == id ? skip : 0);
	}
}

static void
windows_page_flows(struct windows_pager *pager, uint64_t after)
{
	const struct flows *flows = services_flows(pager->t->services);
	const struct flow *flow = flows ? flows_next(flows, after) : NULL;
	struct flow_info info = {.id = after};
	struct service_info service;

	for (; flow && pager->left > 0; flow = flows_next(flows, info.id), pager->left--) {
		flow_info(flow, &info);
		service_info(flow, &service);
		if (service.target)
			windows_page_target(pager, service.target);
	}
	pager->next = flow ? info.id : 0;
}

static void
windows_page_devices(struct windows_pager *pager, uint64_t after)
{
	uint64_t place = 0;

	for (struct nic *nic = NULL; (nic = nics_next(pager->t->nics, nic));) {
		const struct window *w;

		if (++place <= after)
			continue;
		if (pager->left == 0) {
			pager->next = place - 1;
			return;
		}
		pager->left--;
		w = prober_device_window(nic_budget(nic), NULL);
		if (!w)
			continue;
		windows_pack_device(&pager->pk, &pager->t->origin, nic, w);
		pager->n++;
	}
}

void
windows_page(const struct tell *t, enum record_window_by by, const struct param_page *page,
	     msgpack_packer *result)
{
	struct windows_pager pager = {.t = t, .left = page->limit};
	msgpack_packer *pk;
	struct record r;

	msgpack_sbuffer_init(&pager.packed);
	msgpack_packer_init(&pager.pk, &pager.packed, msgpack_sbuffer_write);
	if (by == RECORD_WINDOW_TARGET)
		windows_page_targets(&pager, page->after);
	else if (by == RECORD_WINDOW_FLOW)
		windows_page_flows(&pager, page->after);
	else
		windows_page_devices(&pager, page->after);
	record_begin(&r, RECORD_WINDOWS);
	pk = record_key(&r, "windows");
	msgpack_pack_array(pk, pager.n);
	if (pager.packed.size)
		pk->callback(pk->data, pager.packed.data, pager.packed.size);
	record_u64_if(&r, "next", pager.next, pager.next != 0);
	record_end(&r, result);
	msgpack_sbuffer_destroy(&pager.packed);
}
