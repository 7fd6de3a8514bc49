/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the registration of this host. */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_HOST_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_HOST_H

struct config;
struct nics;
struct registration;
struct self;
struct uplinks;

/*
 * The ports that are open and have an address, at most REGISTRATION_PORTS_MAX. The caller frees it
 * with registration_free(). NULL: no memory.
 */
struct registration *cluster_host(const struct nics *nics, const struct self *self,
				  const struct uplinks *uplinks, const struct config *config);

#endif
