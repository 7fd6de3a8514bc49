/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/metrics_impl.h"
#include "agent/tell/tell.h"

static void
metrics_peers_sample(struct exposition *e, const char *label, const char *value, uint64_t n)
{
	exposition_u64(e, (struct exposition_label[]){{label, value}, {0}}, n);
}

void
metrics_peers(struct exposition *e, const struct metrics *m)
{
	uint64_t n[PROBER_PEER_STATE_N] = {0}, not_bound = 0, unprobed = 0;

	for (struct peer *peer = NULL; (peer = peers_next(m->t->peers, peer));) {
		struct prober_peer_info state;
		struct peer_info info;

		peer_info(peer, &info);
		if (info.binding != PEER_BOUND) {
			not_bound++;
		} else if (nic_down_reason(info.nic)) {
			unprobed++;
		} else {
			prober_peer_info(info.prober, &state);
			n[state.state]++;
		}
	}
	for (int i = 0; i < PROBER_PEER_STATE_N; i++)
		metrics_peers_sample(e, "state",
				     prober_peer_state_name((enum prober_peer_state)i), n[i]);
	metrics_peers_sample(e, "state", "unprobed", unprobed);
	metrics_peers_sample(e, "state", "not_bound", not_bound);
}

void
metrics_peers_not_bound(struct exposition *e, const struct metrics *m)
{
	static const char *const names[] = PEER_BINDING_NAMES;
	uint64_t n[PEER_BINDING_N] = {0};

	for (struct peer *peer = NULL; (peer = peers_next(m->t->peers, peer));) {
		struct peer_info info;

		peer_info(peer, &info);
		n[info.binding]++;
	}
	for (int i = 0; i < PEER_BINDING_N; i++)
		if (i != PEER_BOUND && i != PEER_UNPROBED)
			metrics_peers_sample(e, "reason", names[i], n[i]);
}

static bool
metrics_peer_is_up(const struct peer_info *peer)
{
	struct prober_peer_info state;

	if (peer->binding != PEER_BOUND || nic_down_reason(peer->nic))
		return false;
	prober_peer_info(peer->prober, &state);
	return state.state == PROBER_PEER_UP;
}

static void
metrics_peer(struct exposition *e, const struct peer_info *peer)
{
	char local[ADDR_TEXT];
	const char *device = peer->nic ? nic_name(peer->nic) : peer->device,
		   *source = peer->nic ? addr_text(&peer->local, local) : peer->source;
	const struct exposition_label labels[] = {
		{"device", device ? device : ""},
		{"source", source ? source : ""},
		{"peer", peer->address},
		{"peer_host", peer->hostname ? peer->hostname : ""},
		{"peer_tor", peer->tor ? peer->tor : ""},
		{0},
	};

	exposition_u64(e, labels, metrics_peer_is_up(peer));
}

void
metrics_peers_up(struct exposition *e, const struct metrics *m)
{
	uint32_t n = 0;

	for (struct peer *peer = NULL;
	     n < m->t->config->metrics_max_paths && (peer = peers_next(m->t->peers, peer));) {
		struct peer_info info;

		peer_info(peer, &info);
		if (!info.configured || info.binding == PEER_SELF)
			continue;
		metrics_peer(e, &info);
		n++;
	}
}

void
metrics_config_refused(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, m->t->config_error[0] != '\0');
}
