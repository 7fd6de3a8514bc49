/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the page of metrics
 *
 * The page is made family by family; families by path or by peer are made in pieces of
 * METRICS_PIECE of them, or fewer peers if these have many targets. The next peer is found by its
 * id, as peers may go meanwhile.
 * Each sample is right at the time when it is written, so later families may include later results.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/tell.h"
#include "agent/tell/metrics_impl.h"

#define METRICS_PIECE 25 /* paths with a histogram of 25 lines each; well below 1 ms */
#define METRICS_PIECE_TARGETS 16 /* of a peer: their windows take as long to add up as a path */

bool
metrics_has_path_histograms(const struct metrics *m)
{
	return metric_paths_count(m->paths) <= m->t->config->metrics_path_histograms;
}

static int
metrics_begin(void *arg, const struct http_asked *asked, void **out, const char **type)
{
	struct metrics_page *page = calloc(1, sizeof(*page));
	struct metrics *metrics = arg;

	if (!page || !metrics->paths) {
		free(page);
		return -ENOMEM;
	}
	page->metrics = metrics;
	page->format = exposition_negotiate(asked->accept);
	page->path_histograms = metrics_has_path_histograms(page->metrics);
	metric_paths_hold(page->metrics->paths);
	*type = exposition_content_type(page->format);
	*out = page;
	return 0;
}

static void
metrics_end(void *arg, void *state)
{
	struct metrics *metrics = arg;

	metric_paths_release(metrics->paths);
	free(state);
}

/* The sums of all paths: few, as there is one for each device and kind. */
static void
metrics_sums(const struct metrics *m, const struct metrics_family *family, struct exposition *e)
{
	const struct metric_path *sum;

	for (size_t i = 0; (sum = metric_paths_sum_at(m->paths, i)); i++) {
		struct exposition_label labels[EXPOSITION_LABELS_MAX] = {
			{"device", sum->device}, {"kind", probe_kind_name(sum->kind)},
		};

		family->path(e, labels, sum);
	}
}

/* Writes some paths of a family. Returns whether the family is complete. */
static bool
metrics_some_paths(struct metrics_page *page, const struct metrics_family *family,
		   struct exposition *e)
{
	const struct metrics *m = page->metrics;
	const char *by = m->t->config->metrics_by_tor ? "tor" : "peer";
	size_t end = page->at + METRICS_PIECE;
	const struct metric_path *path;

	while (page->at < end && (path = metric_paths_at(m->paths, page->at))) {
		struct exposition_label labels[EXPOSITION_LABELS_MAX] = {
			{"device", path->device}, {by, path->peer}, {"kind",
			 probe_kind_name(path->kind)},
		};

		family->path(e, labels, path);
		page->at++;
	}
	return !metric_paths_at(m->paths, page->at);
}

/* The next peer of the mesh after page->after, this host itself left out. */
static bool
metrics_next_peer(const struct metrics_page *page, struct peer **at, struct peer_info *peer)
{
	while ((*at = peers_next(page->metrics->t->peers, *at))) {
		peer_info(*at, peer);
		if (peer->id > page->after && peer->meshed && peer->binding != PEER_SELF)
			return true;
	}
	return false;
}

/* What the peer takes from a piece. */
static size_t
metrics_peer_cost(const struct peer_info *peer)
{
	struct prober_peer_info info = {0};

	if (peer->prober)
		prober_peer_info(peer->prober, &info);
	return 1 + info.targets / METRICS_PIECE_TARGETS;
}

static bool
metrics_some_peers(struct metrics_page *page, const struct metrics_family *family,
		   struct exposition *e)
{
	size_t max = page->metrics->t->config->metrics_max_paths, used = 0;
	struct peer_info peer;

	for (struct peer *p = NULL; page->at < max && metrics_next_peer(page, &p, &peer);) {
		char local[ADDR_TEXT];
		const char *source = peer.nic ? addr_text(&peer.local, local) : peer.source;
		struct exposition_label labels[EXPOSITION_LABELS_MAX] = {
			{"device", peer.nic ? nic_name(peer.nic) : peer.device},
			{"source", source},
			{"peer", peer.address},
		};

		if (used >= METRICS_PIECE)
			return false;
		used += metrics_peer_cost(&peer);
		family->peer(e, labels, p);
		page->after = peer.id;
		page->at++;
	}
	return true;
}

/* Writes samples of a family. Returns whether it is complete. */
static bool
metrics_samples(struct metrics_page *page, const struct metrics_family *family,
		struct exposition *e)
{
	if (family->path && (page->path_histograms || family->head.type != EXPOSITION_HISTOGRAM))
		return metrics_some_paths(page, family, e);
	if (family->peer)
		return metrics_some_peers(page, family, e);
	if (family->path)
		metrics_sums(page->metrics, family, e);
	else if (family->device)
		metrics_devices(e, page->metrics, family->device);
	else
		family->write(e, page->metrics);
	return true;
}

/* Writes one piece: some samples of a family, or the next families that need no pieces. */
static int
metrics_more(void *arg, void *state, struct buffer *out)
{
	const struct metrics_family *family;
	struct metrics_page *page = state;
	struct exposition e = {.out = out, .format = page->format};

	(void)arg;
	do {
		family = &metrics_families[page->next];
		if (page->begun)
			e.family = &family->head;
		else
			exposition_family(&e, &family->head);
		page->begun = !metrics_samples(page, family, &e);
		if (!page->begun) {
			page->next++;
			page->at = page->after = 0;
		}
	} while (!family->path && !family->peer && page->next < metrics_n_families);
	if (page->next < metrics_n_families)
		return e.failed ? -ENOMEM : 1;
	exposition_end(&e);
	return e.failed ? -ENOMEM : 0;
}

const struct http_source metrics_source = {.path = "/metrics",
					   .begin = metrics_begin,
					   .more = metrics_more,
					   .end = metrics_end};
