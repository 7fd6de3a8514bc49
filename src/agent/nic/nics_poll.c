/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_impl.h"

#include "core/clock.h"

#define NICS_POLL_MESSAGES 2 /* answers to a probe: ACK1 and ACK2 */

void
nics_poll_posted(struct nics *nics)
{
	if (nics->config->busy_poll_us)
		nics->poll_expected += NICS_POLL_MESSAGES;
}

/* Polls each queue once. Returns the number of messages to the probers' endpoints. */
static uint32_t
nics_poll_all(const struct nics *nics, uint64_t now_ns)
{
	uint32_t n = 0;

	for (struct nic *nic = nics->first; nic; nic = nic->next) {
		if (nic->prober_ep)
			n += endpoint_poll(nic->prober_ep, now_ns);
		/* Remote probers must not wait meanwhile. */
		if (nic->responder_ep)
			endpoint_poll(nic->responder_ep, now_ns);
	}
	return n;
}

void
nics_poll(struct nics *nics)
{
	uint64_t begun_ns = clock_mono_ns(),
		 until_ns = begun_ns + nics->config->busy_poll_us * NSEC_PER_USEC;
	uint64_t now_ns = begun_ns;
	uint32_t expected = nics->poll_expected, n = 0;

	nics->poll_expected = 0;
	if (expected == 0 || begun_ns < nics->poll_rest_ns)
		return;
	nics->polling = true;
	while (n < expected && now_ns < until_ns) {
		n += nics_poll_all(nics, now_ns);
		now_ns = clock_mono_ns();
	}
	nics->polling = false;
	nics->poll_rest_ns = now_ns + (now_ns - begun_ns);
}
