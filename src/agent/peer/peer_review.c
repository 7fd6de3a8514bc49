/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: peer review
 *
 * The nic and source address of a peer are chosen when it is bound. The reasons of this choice may
 * change: a route comes late, an address returns, there is a nearer rail. So they are chosen again
 * soon after each change, and the peer moves if the result differs. A peer whose nic is down stays
 * there, so that users see that it cannot be probed. Only when the nic has been down for
 * PEER_REVIEW_AWAY_NS and does not have the source address, it follows the kernel's route to
 * another nic. The MTU of the route is asked for at each review, too.
 */
#include "agent/peer/peer_impl.h"

#include "core/clock.h"
#include "core/log.h"
#include "rdma/device.h"
#include "rpingmesh/log_subsystems.h"

#define PEER_REVIEW_AFTER_NS (500 * NSEC_PER_MSEC) /* many changes come at the same time */
#define PEER_REVIEW_PAUSE_NS (10 * NSEC_PER_SEC)   /* some hosts change a route every second */
#define PEER_REVIEW_AWAY_NS (30 * NSEC_PER_SEC)
#define PEER_REVIEW_AT_ONCE 512 /* peers; each needs a few system calls */

static void
peers_review_by(struct peers *peers, uint64_t at_ns)
{
	uint64_t *due_ns = peers->reviewed_id ? &peers->review_again_ns : &peers->review_ns;

	if (at_ns < *due_ns)
		*due_ns = at_ns;
}

/* Whether the peer may move to this source. If it has to wait, plans another review. */
static bool
peer_review_allows(const struct peer *peer, const struct peer_source *source)
{
	const struct device *device = nic_device(peer->nic);
	uint64_t at_ns = nic_down_ns(peer->nic) + PEER_REVIEW_AWAY_NS;

	if (!nic_down_reason(peer->nic))
		return true;
	if (!source->routed || (device && device_find_gid(device, &peer->local)))
		return false;
	if (clock_mono_ns() >= at_ns)
		return true;
	peers_review_by(peer->peers, at_ns);
	return false;
}

static void
peer_review(struct peer *peer)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];
	struct peer_source source;

	if (peer->binding != PEER_BOUND)
		return;
	peer_follow_mtu(peer);
	if (!peer_source_choose(peer, &source) ||
	    (source.nic == peer->nic && addr_equal(&source.gid->addr, &peer->local)) ||
	    !peer_review_allows(peer, &source))
		return;
	log_info(PEER, "%s: probed from %s (%s) now, was %s (%s)", peer->config.address,
		 nic_name(source.nic), addr_text(&source.gid->addr, to), nic_name(peer->nic),
		 addr_text(&peer->local, from));
	if (source.nic == peer->nic)
		peer_take_source(peer, source.gid);
	else
		peer_rebind(peer);
}

void
peers_review_soon(struct peers *peers)
{
	uint64_t at_ns = clock_mono_ns() + PEER_REVIEW_AFTER_NS;

	if (at_ns < peers->reviewed_ns + PEER_REVIEW_PAUSE_NS)
		at_ns = peers->reviewed_ns + PEER_REVIEW_PAUSE_NS;
	if (peers->review_ns == UINT64_MAX)
		nics_scan_soon(peers->env.nics);
	peers_review_by(peers, at_ns);
}

void
peers_review(struct peers *peers, uint64_t now_ns)
{
	unsigned int n = 0;

	if (now_ns < peers->review_ns)
		return;
	for (struct peer *peer = peers->first; peer; peer = peer->next) {
		if (peer->id <= peers->reviewed_id)
			continue;
		if (n++ == PEER_REVIEW_AT_ONCE) {
			nics_scan_soon(peers->env.nics);
			return;
		}
		peers->reviewed_id = peer->id;
		peer_review(peer);
	}
	peers->review_ns = peers->review_again_ns;
	peers->review_again_ns = UINT64_MAX;
	peers->reviewed_id = 0;
	peers->reviewed_ns = now_ns;
}
