/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: metrics
 *
 * struct metrics lives as long as the daemon, and owns the port and the counts of all paths.
 * Counting begins with the first address to serve at and continues without one, so that counters
 * never fall.
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

int
metrics_new(const struct tell *t, struct metrics **out)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	struct http_port_config port = {
		.loop = t->loop, .key = "metrics.listen", .n_sources = 1};
	int rc;

	if (!metrics)
		return -ENOMEM;
	metrics->t = t;
	metrics->source = metrics_source;
	metrics->source.arg = metrics;
	metrics->started_wall_ns = clock_wall_of(t->self->started_ns);
	port.sources = &metrics->source;
	rc = http_port_new(&port, &metrics->port);
	if (rc < 0)
		free(metrics);
	else
		*out = metrics;
	return rc;
}

void
metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	http_port_free(metrics->port);
	metric_paths_free(metrics->paths);
	free(metrics);
}

void
metrics_sync(struct metrics *metrics)
{
	const struct config *config = metrics->t->config;

	if (config->metrics_listen[0] && !metrics->paths &&
	    metric_paths_new(config->metrics_max_paths, &metrics->paths) < 0)
		log_error(MAIN, "no memory for metrics until the next reload");
	if (metrics->paths)
		metric_paths_set_max(metrics->paths, config->metrics_max_paths);
	http_port_listen(metrics->port, config->metrics_listen);
}

void
metrics_retry(struct metrics *metrics)
{
	http_port_retry(metrics->port);
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
	char fault[256];

	if (!http_port_fault(metrics->port, fault, sizeof(fault)))
		return false;
	snprintf(text, room, "no metrics: %s; tried again every few seconds", fault);
	return true;
}
