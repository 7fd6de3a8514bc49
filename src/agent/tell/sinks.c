/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/sinks.h"

#include "agent/nic/nic.h"
#include "agent/peer/last_probes.h"
#include "agent/peer/peer.h"
#include "agent/tell/ping.h"
#include "agent/tell/flow_record.h"
#include "agent/tell/metrics.h"
#include "agent/tell/peer_record.h"
#include "agent/tell/subscriptions.h"
#include "agent/tell/verdict.h"
#include "agent/tell/windows.h"
#include "serve/control.h"

static void
sinks_last_probes(void *arg, struct results_item *item)
{
	last_probes_add(arg, &item->probe.stream->last, item->probe.result);
}

static void
sinks_counters(void *arg, struct results_item *item)
{
	struct peer_info peer;

	(void)arg;
	peer_info(item->probe.stream->peer, &peer);
	if (peer.nic)
		nic_count_result(peer.nic, item->probe.result->class);
}

static void
sinks_metrics(void *arg, struct results_item *item)
{
	metrics_result(arg, item->probe.stream->peer, item->probe.result);
}

static void
sinks_metrics_corrected(void *arg, struct results_item *item)
{
	metrics_corrected(arg, item->probe.stream->peer, item->probe.result);
}

static void
sinks_verdict(void *arg, struct results_item *item)
{
	(void)arg;
	if (item->window.target)
		verdict_look(item->window.target);
}

static void
sinks_ping(void *arg, struct results_item *item)
{
	const struct ping *ping = item->probe.stream->ping;
	struct control_client *client = ping ? ping_client(ping) : NULL;

	(void)arg;
	if (client)
		control_notify(client, "ping", results_packed(item));
}

static void
sinks_pack(const void *arg, msgpack_packer *out, const struct results_item *item)
{
	const struct record_origin *origin = arg;

	switch (item->kind) {
	case RESULTS_PROBE:
		peer_record_probe(out, origin, item->probe.stream, item->probe.result);
		break;
	case RESULTS_CORRECTION:
		peer_record_correction(out, origin, item->probe.stream, item->probe.result);
		break;
	case RESULTS_WINDOW:
		windows_pack(out, origin, item->window.nic, item->window.target,
			     item->window.window);
		break;
	case RESULTS_EVENT:
		flow_record_event(out, origin, item->event.owners, item->event.event,
				  item->event.qp);
		break;
	case RESULTS_KIND_N:
		break;
	}
}

int
sinks_new(const struct sinks_env *env, struct results **results, struct subscriptions **subs)
{
	const struct {
		enum results_kind kind;
		results_hear *hear;
		void *arg;
	} sinks[] = {
		{RESULTS_PROBE, sinks_last_probes, env->last_probes},
		{RESULTS_PROBE, sinks_counters, NULL},
		{RESULTS_PROBE, sinks_metrics, env->metrics},
		{RESULTS_CORRECTION, sinks_metrics_corrected, env->metrics},
		{RESULTS_WINDOW, sinks_verdict, NULL},
		{RESULTS_PROBE, sinks_ping, NULL},
	};
	int rc = results_new(sinks_pack, env->origin, results);

	for (size_t i = 0; rc == 0 && i < sizeof(sinks) / sizeof(sinks[0]); i++)
		rc = results_add(*results, 1u << sinks[i].kind, sinks[i].hear, sinks[i].arg, NULL);
	return rc < 0 ? rc : subscriptions_new(*results, subs);
}
