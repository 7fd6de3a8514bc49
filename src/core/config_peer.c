/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

void
config_peer_clear(struct config_peer *peer)
{
	free(peer->address);
	free(peer->device);
	free(peer->source);
	free(peer->sizes);
	free(peer->flow_labels);
	*peer = (struct config_peer){0};
}

static bool
config_peer_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool
config_peer_list(uint32_t **to, const uint32_t *from, size_t n)
{
	*to = n ? malloc(n * sizeof(**to)) : NULL;
	if (*to)
		memcpy(*to, from, n * sizeof(**to));
	return !n || *to;
}

int
config_peer_copy(const struct config_peer *from, struct config_peer *to)
{
	struct config_peer c = *from;

	c.address = c.device = c.source = NULL;
	c.sizes = c.flow_labels = NULL;
	if (config_peer_text(&c.address, from->address) &&
	    config_peer_text(&c.device, from->device) &&
	    config_peer_text(&c.source, from->source) &&
	    config_peer_list(&c.sizes, from->sizes, from->n_sizes) &&
	    config_peer_list(&c.flow_labels, from->flow_labels, from->n_flow_labels)) {
		*to = c;
		return 0;
	}
	config_peer_clear(&c);
	return -ENOMEM;
}

bool
config_peer_streams_equal(const struct config_peer *a, const struct config_peer *b)
{
	return a->interval_ms == b->interval_ms && a->traffic_class == b->traffic_class &&
	       a->service_level == b->service_level && a->n_sizes == b->n_sizes &&
	       a->n_flow_labels == b->n_flow_labels &&
	       (!a->n_sizes || memcmp(a->sizes, b->sizes, a->n_sizes * sizeof(a->sizes[0])) == 0) &&
	       (!a->n_flow_labels || memcmp(a->flow_labels, b->flow_labels,
					    a->n_flow_labels * sizeof(a->flow_labels[0])) == 0);
}
