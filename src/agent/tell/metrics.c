/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: metrics
 *
 * struct metrics lives as long as the daemon, and owns the server and the counts of all paths.
 * Counting begins with the first server and continues without one, so that counters never fall.
 */
#include "agent/tell/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "agent/tell/metrics_impl.h"
#include "agent/base/self.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/tell.h"
#include "rpingmesh/log_subsystems.h"

#define METRICS_RETRY_NS (5 * NSEC_PER_SEC)

int
metrics_new(const struct tell *t, struct metrics **out)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return -ENOMEM;
	metrics->t = t;
	metrics->started_wall_ns = clock_wall_of(t->self->started_ns);
	*out = metrics;
	return 0;
}

static void
metrics_stop(struct metrics *metrics)
{
	struct http_stats last = {0};

	if (!metrics->http)
		return;
	http_stats(metrics->http, &last);
	metrics->past.answered += last.answered;
	metrics->past.cut += last.cut;
	metrics->past.refused += last.refused;
	metrics->past.bad += last.bad;
	http_free(metrics->http);
	metrics->http = NULL;
}

void
metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	metrics_stop(metrics);
	metric_paths_free(metrics->paths);
	free(metrics);
}

static const char *
metrics_cure(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return " (another program listens there: choose another port in metrics.listen)";
	case EADDRNOTAVAIL:
		return " (no interface has this address)";
	case EACCES:
		return " (ports below 1024 need CAP_NET_BIND_SERVICE)";
	default:
		return "";
	}
}

static void
metrics_start(struct metrics *metrics)
{
	struct http_source source = metrics_source;
	int before = metrics->error;

	source.arg = metrics;
	metrics->error = metrics->paths ? 0 :
					  metric_paths_new(metrics->t->config->metrics_max_paths,
							   &metrics->paths);
	if (metrics->error == 0)
		metrics->error = http_new(metrics->t->loop, metrics->listen, "/metrics", &source,
					  &metrics->http);
	metrics->retry_ns = clock_mono_ns() + METRICS_RETRY_NS;
	if (metrics->error == 0)
		log_info(MAIN, "metrics on http://%s/metrics", metrics->listen);
	else if (metrics->error != before)
		log_error(MAIN, "metrics.listen %s: %s%s; tried again every few seconds",
			  metrics->listen, strerror(-metrics->error), metrics_cure(metrics->error));
}

void
metrics_sync(struct metrics *metrics)
{
	const struct config *config = metrics->t->config;

	if (metrics->paths)
		metric_paths_set_max(metrics->paths, config->metrics_max_paths);
	if (strcmp(metrics->listen, config->metrics_listen) == 0)
		return;
	metrics_stop(metrics);
	metrics->error = 0;
	snprintf(metrics->listen, sizeof(metrics->listen), "%s", config->metrics_listen);
	if (metrics->listen[0])
		metrics_start(metrics);
}

void
metrics_retry(struct metrics *metrics)
{
	if (metrics->listen[0] && !metrics->http && clock_mono_ns() >= metrics->retry_ns)
		metrics_start(metrics);
}

static void
metrics_add(struct metrics *metrics, const struct peer *peer, const struct probe_result *r,
	    void (*add)(struct metric_paths *paths, const char *device, const char *name,
			const struct probe_result *r, uint64_t now_ns))
{
	struct peer_info info;
	const char *name;

	if (!metrics->paths)
		return;
	peer_info(peer, &info);
	name = metrics->t->config->metrics_by_tor ? info.tor : info.address;
	add(metrics->paths, info.nic ? nic_name(info.nic) : "", name ? name : "", r,
	    clock_mono_ns());
}

void
metrics_result(struct metrics *metrics, const struct peer *peer, const struct probe_result *r)
{
	metrics_add(metrics, peer, r, metric_paths_add);
}

void
metrics_corrected(struct metrics *metrics, const struct peer *peer, const struct probe_result *r)
{
	metrics_add(metrics, peer, r, metric_paths_correct);
}

bool
metrics_sentence(const struct metrics *metrics, char *text, size_t room)
{
	if (!metrics->listen[0] || metrics->http)
		return false;
	snprintf(text, room, "no metrics: %s: %s%s; tried again every few seconds", metrics->listen,
		 strerror(-metrics->error), metrics_cure(metrics->error));
	return true;
}
