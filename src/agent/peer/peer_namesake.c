/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: namesakes
 *
 * Two daemons that report the same host name, for example on two machines made from one image. In
 * tables and metrics they look like one host. A host with several addresses is no namesake of
 * itself: its daemon has one incarnation. After a restart, the peers of such a host learn the new
 * incarnation one by one, within PROBER_KEEP_NS, so only what lasts longer counts.
 */
#include "agent/peer/peer_impl.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "probe/wire.h"
#include "rpingmesh/log_subsystems.h"

#define PEER_NAMESAKE_NS (PROBER_KEEP_NS + 100 * NSEC_PER_SEC)
#define PEER_NAMESAKE_LOOKS 64 /* one host may be a peer under thousands of addresses */
#define PEER_NAMESAKE_OURS "this host"

static struct peer_hosts *
peer_hosts(struct peers *peers, const char *hostname)
{
	return &peers->hosts[peer_hash(hostname, strlen(hostname))];
}

void
peer_set_hostname(struct peer *peer, const char *hostname)
{
	char fit[sizeof(peer->hostname)];

	snprintf(fit, sizeof(fit), "%s", hostname);
	if (strcmp(fit, peer->hostname) == 0)
		return;
	if (peer->hostname[0])
		LIST_REMOVE(peer, in_hosts);
	memcpy(peer->hostname, fit, sizeof(peer->hostname));
	if (peer->hostname[0])
		LIST_INSERT_HEAD(peer_hosts(peer->peers, peer->hostname), peer, in_hosts);
}

/* The incarnation of a peer that is up; 0: it is not. */
static uint64_t
peer_living(const struct peer *peer)
{
	struct prober_peer_info info;

	if (peer->binding != PEER_BOUND)
		return 0;
	prober_peer_info(peer->prober, &info);
	return info.state == PROBER_PEER_UP ? info.session.incarnation : 0;
}

/* The address of a namesake that is up, or NULL. */
static const char *
peer_namesake_now(const struct peer *peer)
{
	const struct self *self = peer->peers->env.self;
	uint64_t incarnation = peer_living(peer), theirs;
	char ours[sizeof(peer->hostname)];
	const struct peer *other;
	int looks = 0;

	if (!incarnation || !peer->hostname[0])
		return NULL;
	wire_fit_name(self->hostname, ours);
	if (strcmp(ours, peer->hostname) == 0 && incarnation != self->incarnation)
		return PEER_NAMESAKE_OURS;
	LIST_FOREACH(other, peer_hosts(peer->peers, peer->hostname), in_hosts) {
		if (looks++ == PEER_NAMESAKE_LOOKS)
			break;
		theirs = peer_living(other);
		if (theirs && theirs != incarnation && strcmp(other->hostname, peer->hostname) == 0)
			return other->config.address;
	}
	return NULL;
}

const char *
peer_namesake(const struct peer *peer)
{
	uint64_t since_ns = peer->namesake_ns;

	return since_ns && clock_mono_ns() >= since_ns + PEER_NAMESAKE_NS ?
		       peer_namesake_now(peer) :
		       NULL;
}

void
peer_look_for_namesake(struct peer *peer, uint64_t now_ns)
{
	const char *namesake = peer_namesake_now(peer);

	if (!namesake)
		peer->namesake_ns = 0;
	else if (!peer->namesake_ns)
		peer->namesake_ns = now_ns;
	namesake = peer_namesake(peer);
	if (namesake && !peer->namesake_told)
		log_some(PEER_LINES, PEER, WARNING, "%s: host %s, as %s is, but another host",
			 peer->config.address, peer->hostname, namesake);
	peer->namesake_told = namesake != NULL;
}
