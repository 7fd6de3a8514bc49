/* SPDX-License-Identifier: Apache-2.0 */
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
