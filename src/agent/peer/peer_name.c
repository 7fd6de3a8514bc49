/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: peer names
 *
 * The name of a peer is looked up when the peer is made, and again as long as the peer exists:
 * every few seconds while it is not found, about twice a minute while the peer is not up, and every
 * few minutes while it is up. It is also looked up soon after a change of the files that names come
 * from, when the peer has gone down, and when another host answers. If the address has changed, the
 * peer starts again with the new one. If the name is not found any more, the peer keeps its
 * address, because a failure of the name server must not end a measurement. Look-ups are spread
 * over time, so that name servers do not get all at once.
 */
#include "agent/peer/peer_impl.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/names.h"
#include "rpingmesh/log_subsystems.h"

#define PEER_NAME_MISSING_NS (5 * NSEC_PER_SEC)
#define PEER_NAME_DOWN_NS (30 * NSEC_PER_SEC)
#define PEER_NAME_UP_NS (300 * NSEC_PER_SEC)
#define PEER_NAME_SOON_NS (10 * NSEC_PER_SEC)

/* The time of the next look-up of a name with an address; it varies by half of the interval. */
static uint64_t
peer_name_next_ns(const struct peer *peer)
{
	uint64_t period = peer_is_up(peer) ? PEER_NAME_UP_NS : PEER_NAME_DOWN_NS;

	return clock_mono_ns() + period * 3 / 4 + self_random() % (period / 2);
}

static void
peer_name_missing(struct peer *peer, const char *reason)
{
	log_debug(PEER, "%s: %s", peer->config.address, reason);
	if (peer->named) {
		peer->name_ask_ns = peer_name_next_ns(peer);
		return;
	}
	peer->name_ask_ns = clock_mono_ns() + PEER_NAME_MISSING_NS;
	nics_scan_soon(peer->peers->env.nics);
	peer_set_binding(peer, PEER_NO_NAME, "its name is not known to /etc/hosts or DNS");
}

static void
peer_name_moves(struct peer *peer, const struct addr *to)
{
	char was[ADDR_TEXT], is[ADDR_TEXT];

	log_warning(PEER, "%s: its address is %s now, was %s", peer->config.address,
		    addr_text(to, is), addr_text(&peer->remote, was));
	LIST_REMOVE(peer, in_bucket);
	peer->named = false;
	peer_set_hostname(peer, "");
	peer->tor[0] = '\0';
	peer_unbind(peer);
}

static void
peer_name_found(void *arg, const struct addr *addr, const char *reason)
{
	struct peer *peer = arg;
	struct addr numeric;

	peer->lookup = NULL;
	if (!addr) {
		peer_name_missing(peer, reason);
		return;
	}
	if (!peer->named || !addr_equal(addr, &peer->remote)) {
		if (peer->named)
			peer_name_moves(peer, addr);
		peer->remote = *addr;
		peer->named = true;
		LIST_INSERT_HEAD(peer_bucket(peer->peers, addr), peer, in_bucket);
		peer_bind(peer);
	}
	peer->name_ask_ns = addr_parse(peer->config.address, &numeric) == 0 ?
				    UINT64_MAX :
				    peer_name_next_ns(peer);
}

void
peer_name_ask(struct peer *peer)
{
	if (names_find(peer->peers->env.names, peer->config.address,
		       peer->named ? &peer->remote : NULL, peer_name_found, peer,
		       &peer->lookup) < 0)
		peer_name_found(peer, NULL, "out of memory");
}

static void
peer_name_ask_within(struct peer *peer, uint64_t spread_ns)
{
	uint64_t at_ns = clock_mono_ns() + (spread_ns ? self_random() % spread_ns : 0);

	if (peer->name_ask_ns != UINT64_MAX && peer->name_ask_ns > at_ns)
		peer->name_ask_ns = at_ns;
}

void
peer_name_ask_soon(struct peer *peer)
{
	peer_name_ask_within(peer, PEER_NAME_SOON_NS);
}

void
peers_name_again(struct peers *peers, uint64_t spread_ns)
{
	for (struct peer *peer = peers->first; peer; peer = peer->next)
		peer_name_ask_within(peer, spread_ns);
}

void
peers_look_at_files(struct peers *peers)
{
	uint64_t files = names_files();

	if (files == peers->files)
		return;
	peers->files = files;
	peers_name_again(peers, PEER_NAME_SOON_NS);
}
