/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of one path, or of the sum of paths. */
#include <string.h>

#include "agent/tell/metrics_impl.h"

/* Whether the path shows this class: loss ratios need the first two, the others only what was. */
static bool
metrics_path_shows(const struct metric_path *path, int class)
{
	return class == PROBE_OK || class == PROBE_LOST || path->by_class[class] > 0;
}

/* labels have room for one more. */
void
metrics_path_classes(struct exposition *e, const struct exposition_label *labels,
		     const struct metric_path *path)
{
	struct exposition_label more[EXPOSITION_LABELS_MAX];
	size_t n = 0;

	while (labels[n].name)
		n++;
	memcpy(more, labels, sizeof(more));
	for (int c = 0; c < PROBE_CLASS_N; c++) {
		if (!metrics_path_shows(path, c))
			continue;
		more[n] = (struct exposition_label){"class", probe_class_name((enum probe_class)c)};
		exposition_u64(e, more, path->by_class[c]);
	}
}

void
metrics_path_noise(struct exposition *e, const struct exposition_label *labels,
		   const struct metric_path *path)
{
	exposition_u64(e, labels, path->noise);
}

/* Nearly all paths have none. */
void
metrics_path_corrected(struct exposition *e, const struct exposition_label *labels,
		       const struct metric_path *path)
{
	if (path->corrected)
		exposition_u64(e, labels, path->corrected);
}

void
metrics_path_lost_noise(struct exposition *e, const struct exposition_label *labels,
			const struct metric_path *path)
{
	exposition_u64(e, labels, path->lost_noise);
}

void
metrics_path_answered_noise(struct exposition *e, const struct exposition_label *labels,
			    const struct metric_path *path)
{
	exposition_u64(e, labels, path->answered_noise);
}

/* Writes nothing if the histogram is empty, because a dead peer has only zeros. */
static void
metrics_path_histogram(struct exposition *e, const struct exposition_label *labels,
		       const struct metric_histogram *h)
{
	if (h->count)
		exposition_histogram(e, labels, metric_bound_ns, h->n, METRIC_BOUNDS, h->count,
				     h->sum_ns);
}

void
metrics_path_rtt(struct exposition *e, const struct exposition_label *labels,
		 const struct metric_path *path)
{
	metrics_path_histogram(e, labels, &path->rtt);
}

void
metrics_path_prober(struct exposition *e, const struct exposition_label *labels,
		    const struct metric_path *path)
{
	metrics_path_histogram(e, labels, &path->prober_delay);
}

void
metrics_path_responder(struct exposition *e, const struct exposition_label *labels,
		       const struct metric_path *path)
{
	metrics_path_histogram(e, labels, &path->responder_delay);
}
