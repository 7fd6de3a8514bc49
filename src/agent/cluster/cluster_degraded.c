/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "agent/cluster/cluster.h"
#include "core/clock.h"
#include "record/registration.h"

/* A broker that is busy may take so long to send a message back. */
#define CLUSTER_UNHEARD_NS (10 * NSEC_PER_SEC)

static void
cluster_degraded_entries(const struct cluster_counts *n, degraded_hear *fn, void *arg)
{
	char text[400];

	if (!cluster_counts_refused(n))
		return;
	snprintf(text, sizeof(text),
		 "%u of %u entries of the pinglist are refused: cluster.allow %u, "
		 "max_probes_per_s %u, no such port here %u, this host itself %u, no room %u",
		 cluster_counts_refused(n), n->targets, n->refused_allow, n->refused_budget,
		 n->refused_port, n->refused_own, n->refused_room);
	fn(arg, DEGRADED_PINGLIST, text);
}

static void
cluster_degraded_list(const struct cluster_list_status *list, degraded_hear *fn, void *arg)
{
	char text[CLUSTER_FILE_ERROR + 64];

	if (list->has)
		cluster_degraded_entries(&list->counts, fn, arg);
	if (list->error[0]) {
		snprintf(text, sizeof(text), "the last pinglist is refused: %s", list->error);
		fn(arg, DEGRADED_PINGLIST, text);
	}
	if (list->file_error[0]) {
		snprintf(text, sizeof(text), "the file of the pinglist: %s", list->file_error);
		fn(arg, DEGRADED_PINGLIST, text);
	}
	if (list->slow) {
		snprintf(text, sizeof(text),
			 "central has said nothing for %" PRIu64 " s: probing at a tenth",
			 (uint64_t)(list->silent_ns / NSEC_PER_SEC));
		fn(arg, DEGRADED_CENTRAL, text);
	}
}

static void
cluster_degraded_broker(const struct cluster_status *s, degraded_hear *fn, void *arg)
{
	char text[BUS_REASON + 400];

	if (s->bus.state != BUS_CONNECTED) {
		/* Without a reason it is the first attempt. */
		if (!s->bus.reason[0])
			return;
		snprintf(text, sizeof(text),
			 "no connection to the broker %s: %s; this host is not registered, and "
			 "gets no new pinglist",
			 s->bus.broker, s->bus.reason);
	} else if (s->bus.reason[0]) {
		snprintf(text, sizeof(text), "the broker refuses something: %s", s->bus.reason);
	} else if (s->unheard_ns && clock_mono_ns() - s->unheard_ns > CLUSTER_UNHEARD_NS) {
		snprintf(text, sizeof(text),
			 "the broker does not take this host's registration: its access list must "
			 "let this host write and read the topic %s",
			 s->topic);
	} else {
		return;
	}
	fn(arg, DEGRADED_BROKER, text);
}

static void
cluster_degraded_fault(const char *fault, degraded_hear *fn, void *arg)
{
	char text[REGISTRATION_ERROR + 64];

	snprintf(text, sizeof(text), "central refuses this host's registration: %s", fault);
	fn(arg, DEGRADED_CENTRAL, text);
}

void
cluster_degraded(const struct cluster *cluster, degraded_hear *fn, void *arg)
{
	struct cluster_status s;

	if (!cluster_status(cluster, &s))
		return;
	cluster_degraded_broker(&s, fn, arg);
	if (s.fault)
		cluster_degraded_fault(s.fault, fn, arg);
	cluster_degraded_list(&s.list, fn, arg);
}
