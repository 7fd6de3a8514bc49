/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cluster/cluster.h"
#include "core/clock.h"

/* A broker that is busy may take so long to send a message back. */
#define CLUSTER_UNHEARD_NS (10 * NSEC_PER_SEC)

void
cluster_degraded(const struct cluster *cluster, degraded_hear *fn, void *arg)
{
	struct cluster_status s;
	char text[BUS_REASON + 400];

	if (!cluster_status(cluster, &s))
		return;
	if (s.bus.state != BUS_CONNECTED) {
		/* Without a reason it is the first attempt. */
		if (!s.bus.reason[0])
			return;
		snprintf(text, sizeof(text),
			 "no connection to the broker %s: %s; this host is not registered, and "
			 "gets no new pinglist",
			 s.bus.broker, s.bus.reason);
	} else if (s.bus.reason[0]) {
		snprintf(text, sizeof(text), "the broker refuses something: %s", s.bus.reason);
	} else if (s.unheard_ns && clock_mono_ns() - s.unheard_ns > CLUSTER_UNHEARD_NS) {
		snprintf(text, sizeof(text),
			 "the broker does not take this host's registration: its access list must "
			 "let this host write and read the topic %s",
			 s.topic);
	} else {
		return;
	}
	fn(arg, DEGRADED_BROKER, text);
}
