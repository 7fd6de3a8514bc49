/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: peers and nics
 *
 * The objects of a peer on the device of its nic, and how they follow changes of the nic.
 */
#include "agent/peer/peer_impl.h"

#include "core/clock.h"
#include "core/log.h"
#include "rdma/path.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

static void
peer_path_resolved(void *arg, struct path *path, int status)
{
	struct peer *peer = arg;

	(void)path;
	/* After a failure, the waiting probe times out and reports it. */
	if (status == 0)
		prober_path_ready(peer->prober, clock_mono_ns());
	pump_soon(peer->peers->env.pump);
}

void
peer_make_path(struct peer *peer)
{
	static const struct path_ops ops = {peer_path_resolved};
	struct path_config config = {
		.device = nic_device(peer->nic),
		.sidr = nics_sidr(peer->peers->env.nics),
		.local = peer->local,
		.remote = peer->remote,
		.ops = &ops,
		.arg = peer,
	};

	path_free(peer->path);
	peer->path = NULL;
	if (path_new(&config, &peer->path) < 0)
		log_error(PEER, "%s: no memory for a path", peer->config.address);
	peer_follow_mtu(peer);
}

void
peer_take_source(struct peer *peer, const struct device_gid *gid)
{
	peer->local = gid->addr;
	peer->gid_index = gid->index;
	peer_make_path(peer);
	prober_peer_renew(peer->prober, clock_mono_ns());
}

/* The source address may have another index now, or may have left the nic. */
static void
peer_follow_gid(struct peer *peer)
{
	const struct device_gid *gid = device_find_gid(nic_device(peer->nic), &peer->local);

	if (!gid)
		gid = peer_source_on(peer, peer->nic);
	if (!gid ||
	    (peer->path && gid->index == peer->gid_index && addr_equal(&gid->addr, &peer->local)))
		return;
	peer_take_source(peer, gid);
}

static void
peers_nic_changed(struct peers *peers, const struct nic *nic)
{
	for (struct peer *peer = peers->first; peer; peer = peer->next) {
		if (peer->nic && device_find_gid(nic_device(nic), &peer->remote))
			peer_rebind(peer); /* the peer is this host itself */
		else if (peer->nic == nic)
			peer_follow_gid(peer);
		else if (peer->binding == PEER_NO_DEVICE || peer->binding == PEER_SELF)
			peer_bind(peer);
	}
}

/* Ends path and resolution on the nic's device. */
static void
peer_nic_closing(struct peer *peer)
{
	path_free(peer->path);
	peer->path = NULL;
	if (!peer->call && !peer->ask_failed)
		return;
	sidr_cancel(peer->call);
	peer->call = NULL;
	peer_resolve_failed(peer, "device is gone");
}

/* Resolves the peer again, because its path over the fabric may have changed. */
static void
peer_nic_renewed(struct peer *peer)
{
	if (!peer->prober)
		return;
	if (peer->path)
		path_reset(peer->path);
	prober_peer_renew(peer->prober, clock_mono_ns());
}

void
peers_nic_event(struct peers *peers, struct nic *nic, enum nic_event event)
{
	void (*fn)(struct peer *peer) = event == NIC_CLOSING ? peer_nic_closing :
					event == NIC_RENEWED ? peer_nic_renewed :
					event == NIC_REMOVED ? peer_rebind :
							       NULL;

	if (event == NIC_CHANGED)
		peers_nic_changed(peers, nic);
	if (event == NIC_QUEUES_MADE)
		peers_list_follow_soon(peers, 0);
	if (event == NIC_QUEUES_CLOSING)
		peers_mesh_queues_go(peers, nic);
	if (event == NIC_PORT_FREE)
		peers_list_port_free(peers);
	for (struct peer *peer = fn ? peers->first : NULL; peer; peer = peer->next)
		if (peer->nic == nic)
			fn(peer);
	if (event == NIC_CHANGED || event == NIC_CLOSING)
		peers_review_soon(peers);
	pump_soon(peers->env.pump);
}

void
peers_unauthenticated(struct peers *peers, const struct addr *remote)
{
	struct peer *peer;

	LIST_FOREACH(peer, peer_bucket(peers, remote), in_bucket)
		/* The request only claims the address. A peer that is up has signed its answer. */
		if (addr_equal(&peer->remote, remote) && !peer_is_up(peer))
			peer->no_key_ns = clock_mono_ns();
}

void
peers_sign_of_life(struct peers *peers, const struct addr *remote)
{
	struct peer *peer;

	LIST_FOREACH(peer, peer_bucket(peers, remote), in_bucket)
		if (peer->prober && addr_equal(&peer->remote, remote))
			prober_sign_of_life(peer->prober, clock_mono_ns());
	pump_soon(peers->env.pump);
}
