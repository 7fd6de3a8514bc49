/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes that were posted and have ended as unreachable. Nobody knew whether the host or the
 * network was the reason. A copy of each stays in the table of flights and in the list `doubtful`
 * of its peer, until one of these is known:
 *
 *   an answer to it has come, however late          it has arrived, and remains unreachable
 *   the same incarnation answers a probe that was   the network has lost it: the result is
 *   posted at least one timeout later               corrected to `lost`, or `ack2_missing`
 *   another incarnation answers, or in another      nothing more can be known: the peer may have
 *   session; our device or path ends; its target    lost it when it ended the session, such as
 *   or its peer goes                                with its port
 */
#include "probe/prober_impl.h"

#include <stdlib.h>

#define DOUBT_MAX 16384 /* of all peers; more are not kept */

/* While ACK2 is due, it is read soon after it has come: it tells of a stall until then. */
static void
doubt_ack2_due(struct prober_probe *probe, bool due)
{
	struct prober_device *device = probe->target->peer->device;

	if (probe->ack2_due == due)
		return;
	probe->ack2_due = due;
	if (due)
		device->ack2_due++;
	else
		device->ack2_due--;
}

void
prober_doubt_keep(const struct prober_probe *probe)
{
	struct prober_peer *peer = probe->target->peer;
	struct prober *prober = peer->prober;
	struct prober_probe *kept;

	if (!probe->tx.done || prober->n_doubtful >= DOUBT_MAX)
		return;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return;
	*kept = *probe;
	if (prober_timer_new(prober, &kept->timer, probe->timer.fire) < 0) {
		free(kept);
		return;
	}
	kept->doubtful = true;
	kept->ended = false;
	kept->window = kept->device_window = NULL;
	TAILQ_INSERT_TAIL(&peer->doubtful, kept, in_unproven);
	prober_probe_list(kept, true);
	prober->n_doubtful++;
	doubt_ack2_due(kept, kept->ack1);
}

void
prober_doubt_arrived(struct prober_probe *probe)
{
	probe->arrived = true;
	doubt_ack2_due(probe, true);
}

static void
doubt_end(struct prober_probe *probe)
{
	struct prober_peer *peer = probe->target->peer;

	TAILQ_REMOVE(&peer->doubtful, probe, in_unproven);
	prober_probe_list(probe, false);
	peer->prober->n_doubtful--;
	doubt_ack2_due(probe, false);
	probe->doubtful = false;
}

void
prober_doubt_drop(struct prober_probe *probe)
{
	doubt_end(probe);
	prober_probe_free(probe);
}

void
prober_doubt_drop_all(struct prober_peer *peer, const struct prober_target *target)
{
	struct prober_probe *probe, *next;

	for (probe = TAILQ_FIRST(&peer->doubtful); probe; probe = next) {
		next = TAILQ_NEXT(probe, in_unproven);
		if (!target || probe->target == target)
			prober_doubt_drop(probe);
	}
}

static void
doubt_correct(struct prober_probe *probe, uint64_t now_ns)
{
	struct prober_target *target = probe->target;
	struct probe_result r;

	doubt_end(probe);
	probe->class = probe->ack1 ? PROBE_ACK2_MISSING : PROBE_LOST;
	probe->reason = NULL;
	probe->corrected = probe->ended = true;
	probe->host_noise = prober_noise_of(probe);
	probe->stalled = prober_is_stalled(probe);
	TAILQ_INSERT_TAIL(&target->probes, probe, in_target);
	TAILQ_INSERT_TAIL(&target->peer->prober->ended, probe, in_ended);
	prober_measure_result(probe, &r);
	prober_count_corrected(probe, &r, now_ns);
}

void
prober_doubt_judge(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns)
{
	struct prober_probe *probe, *next;

	for (probe = TAILQ_FIRST(&peer->doubtful); probe; probe = next) {
		next = TAILQ_NEXT(probe, in_unproven);
		if (probe->session.incarnation != peer->session.incarnation ||
		    probe->session.session != peer->session.session)
			prober_doubt_drop(probe);
		else if (posted_ns < probe->tx.t1_ns + probe->target->config.timeout_ns)
			continue;
		else if (probe->arrived)
			prober_doubt_drop(probe);
		else
			doubt_correct(probe, now_ns);
	}
}
