/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/metrics_impl.h"
#include "agent/tell/tell.h"
#include "core/clock.h"
#include "probe/prober.h"
#include "stat/sequential.h"

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

/* ---- each peer: labels have room for two more ---- */

static bool
metrics_peer_is_up(const struct peer *peer)
{
	const char *reason;

	return strcmp(peer_state(peer, &reason), prober_peer_state_name(PROBER_PEER_UP)) == 0;
}

void
metrics_peer_up(struct exposition *e, const struct exposition_label *labels,
		const struct peer *peer)
{
	struct exposition_label more[EXPOSITION_LABELS_MAX];

	struct peer_info info;

	peer_info(peer, &info);
	memcpy(more, labels, sizeof(more));
	more[3] = (struct exposition_label){"peer_host", info.hostname};
	more[4] = (struct exposition_label){"peer_tor", info.tor};
	exposition_u64(e, more, metrics_peer_is_up(peer));
}

static void
metrics_peer_word(struct exposition *e, const struct exposition_label *labels, const char *name,
		  const char *word)
{
	struct exposition_label more[EXPOSITION_LABELS_MAX];

	memcpy(more, labels, sizeof(more));
	more[3] = (struct exposition_label){name, word};
	exposition_u64(e, more, 1);
}

void
metrics_peer_state(struct exposition *e, const struct exposition_label *labels,
		   const struct peer *peer)
{
	const char *reason;

	if (!metrics_peer_is_up(peer))
		metrics_peer_word(e, labels, "state", peer_state(peer, &reason));
}

void
metrics_peer_verdict(struct exposition *e, const struct exposition_label *labels,
		     const struct peer *peer)
{
	const struct prober_target *t = NULL;
	bool holds[LASTING_N] = {false}, lossy = false;
	struct prober_target_info info;
	struct peer_info is;

	peer_info(peer, &is);
	while (is.prober && (t = prober_peer_next_target(is.prober, t))) {
		prober_target_info(t, &info);
		lossy |= info.loss.verdict == SEQUENTIAL_LOSSY;
		for (int v = 0; v < LASTING_N; v++)
			holds[v] |= lasting_since_ns(&info.lasting, (enum lasting_verdict)v) != 0;
	}
	if (lossy)
		metrics_peer_word(e, labels, "verdict", sequential_verdict_name(SEQUENTIAL_LOSSY));
	for (int v = 0; v < LASTING_N; v++)
		if (holds[v])
			metrics_peer_word(e, labels, "verdict",
					  lasting_name((enum lasting_verdict)v));
}

/* The round-trip times of the last windows of all targets of the mesh. */
static void
metrics_peer_rtt(const struct peer *peer, struct histogram *rtt)
{
	uint64_t now_ns = clock_mono_ns();
	const struct prober_target *t = NULL;
	struct prober_target_info info;
	struct peer_info is;

	peer_info(peer, &is);
	while (is.prober && (t = prober_peer_next_target(is.prober, t))) {
		const struct window *w = prober_target_window(t);

		prober_target_info(t, &info);
		if (info.config.kind == PROBE_KIND_MESH && w &&
		    window_stands_ns(w, info.config.interval_ns) > now_ns)
			(void)window_rtt(w, rtt);
	}
}

static void
metrics_peer_rtt_quantile(struct exposition *e, const struct exposition_label *labels,
			  const struct peer *peer, uint32_t per_million)
{
	struct histogram rtt = {0};

	metrics_peer_rtt(peer, &rtt);
	if (rtt.count)
		exposition_ns(e, labels, histogram_quantile(&rtt, per_million));
	histogram_clear(&rtt);
}

void
metrics_peer_rtt_p50(struct exposition *e, const struct exposition_label *labels,
		     const struct peer *peer)
{
	metrics_peer_rtt_quantile(e, labels, peer, 500000);
}

void
metrics_peer_rtt_p99(struct exposition *e, const struct exposition_label *labels,
		     const struct peer *peer)
{
	metrics_peer_rtt_quantile(e, labels, peer, 990000);
}
