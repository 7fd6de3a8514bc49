/* SPDX-License-Identifier: Apache-2.0 */
/* A SIDR listener for each address of a nic. */
#ifndef RPINGMESH_AGENT_NIC_NIC_LISTEN_H
#define RPINGMESH_AGENT_NIC_NIC_LISTEN_H

struct nic;

/*
 * One listener for each address, none for addresses that have left or for a device that is not
 * open. nic->deaf says afterwards whether one is missing.
 */
void nic_listen_sync(struct nic *nic);
/* None at all. */
void nic_listen_stop(struct nic *nic);

#endif
