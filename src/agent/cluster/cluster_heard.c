/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/cluster_heard.h"

#include <stdlib.h>
#include <string.h>

#include "record/strict.h"

static bool
cluster_heard_room(struct cluster_heard *heard)
{
	size_t room = heard->room ? 2 * heard->room : 64;
	struct report_heard *more;

	if (heard->n < heard->room)
		return true;
	if (heard->n == REPORT_STREAMS_MAX)
		return false;
	more = reallocarray(heard->of, room, sizeof(*more));
	if (!more)
		return false;
	heard->of = more;
	heard->room = room;
	return true;
}

void
cluster_heard_add(struct cluster_heard *heard, const struct responder_way_info *way, uint64_t n)
{
	if (way->src_port == PROBE_PORT_UNKNOWN || !strict_addr_fits(&way->remote) ||
	    !strict_addr_fits(&way->local) || !cluster_heard_room(heard))
		return;
	heard->of[heard->n++] = (struct report_heard){
		.source = way->remote,
		.destination = way->local,
		.src_port = way->src_port,
		.traffic_class = way->traffic_class,
		.received = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
	};
}

/* What has much in common stands together. */
static int
cluster_heard_compare(const void *a, const void *b)
{
	const struct report_heard *x = a, *y = b;
	int rc = memcmp(&x->destination, &y->destination, sizeof(x->destination));

	if (rc == 0)
		rc = x->traffic_class - y->traffic_class;
	if (rc == 0)
		rc = memcmp(&x->source, &y->source, sizeof(x->source));
	return rc ? rc : x->src_port - y->src_port;
}

void
cluster_heard_fill(struct cluster_heard *heard, struct report *report)
{
	static struct report_heard none;

	if (heard->n)
		qsort(heard->of, heard->n, sizeof(*heard->of), cluster_heard_compare);
	report->heard = heard->n ? heard->of : &none;
	report->n_heard = heard->n;
}

void
cluster_heard_clear(struct cluster_heard *heard)
{
	free(heard->of);
	*heard = (struct cluster_heard){0};
}
