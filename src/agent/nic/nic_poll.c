/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_poll.h"

#include "core/clock.h"
#include "agent/daemon.h"
#include "agent/nic/nic.h"

#define NIC_POLL_MESSAGES 2 /* that answer a probe: ACK1, ACK2 */

void
nic_poll_posted(struct daemon *d)
{
	if (d->config->busy_poll_us)
		d->poll_expected += NIC_POLL_MESSAGES;
}

/* One look at each queue. Returns how many messages there were at the probers'. */
static uint32_t
nic_poll_all(const struct daemon *d, uint64_t now_ns)
{
	uint32_t n = 0;

	for (struct nic *nic = d->nics; nic; nic = nic->next) {
		if (nic->prober_ep)
			n += endpoint_poll(nic->prober_ep, now_ns);
		/* Whoever probes us shall not wait meanwhile. */
		if (nic->responder_ep)
			endpoint_poll(nic->responder_ep, now_ns);
	}
	return n;
}

void
nic_poll(struct daemon *d)
{
	uint64_t begun_ns = clock_mono_ns(),
		 until_ns = begun_ns + d->config->busy_poll_us * NSEC_PER_USEC;
	uint64_t now_ns = begun_ns;
	uint32_t expected = d->poll_expected, n = 0;

	d->poll_expected = 0;
	if (expected == 0 || begun_ns < d->poll_rest_ns)
		return;
	while (n < expected && now_ns < until_ns) {
		n += nic_poll_all(d, now_ns);
		now_ns = clock_mono_ns();
	}
	d->poll_rest_ns = now_ns + (now_ns - begun_ns);
}
