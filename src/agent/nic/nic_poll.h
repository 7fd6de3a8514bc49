/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Busy polling: after probes have been posted, the receive queues are looked at without a pause for
 * busy_poll_us at most, so that an ACK is stamped when it comes and not when the kernel has woken
 * the daemon up. Never for more than half of the time, and never while nothing was posted.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_POLL_H
#define RPINGMESH_AGENT_NIC_NIC_POLL_H

struct daemon;

/* A probe has been posted, from a nic's own QP. */
void nic_poll_posted(struct daemon *d);
/*
 * Waits for the answers of what has been posted since the last call, as far as allowed. Their ops
 * are called from within.
 */
void nic_poll(struct daemon *d);

#endif
