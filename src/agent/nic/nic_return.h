/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back: SIDR requests of those who want to probe us, and the paths that our ACKs take. A
 * request is answered only when the path back to the prober is resolved, so that the first probe
 * finds it ready, and so that a host that cannot reach the prober says so instead of looking like
 * packet loss.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_RETURN_H
#define RPINGMESH_AGENT_NIC_NIC_RETURN_H

struct nic;
struct sidr_request;
struct sidr_request_info;

/* A request that came in on one of the nic's listeners. */
void nic_return_requested(struct nic *nic, struct sidr_request *request,
			  const struct sidr_request_info *info);

/* Forgets all return paths of the nic; requests that wait are dropped: the prober asks again. */
void nic_return_drop_paths(struct nic *nic);

#endif
