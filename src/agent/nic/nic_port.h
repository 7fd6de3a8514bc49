/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nic's port machine (agent/nic/port_fsm.h), wired to its device, endpoints, listeners, peers and
 * budget.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_PORT_H
#define RPINGMESH_AGENT_NIC_NIC_PORT_H

#include <stdbool.h>

struct daemon;
struct nic;

/* Makes the machine and its timer, closed. 0 or -ENOMEM. */
int nic_port_start(struct nic *nic);
/* Closes the device, without a word in the log; safe on what nic_port_start() has left behind. */
void nic_port_stop(struct nic *nic);

/* The kernel lists the device: opened if it was closed. */
void nic_port_found(struct nic *nic);
/* It has gone: closed at once. Not from within the device's or an endpoint's callbacks. */
void nic_port_gone(struct nic *nic);
/* An endpoint says that its QP is in error: replaced from the loop. From anywhere. */
void nic_port_queues_failed(struct nic *nic);

/* The configuration wants other endpoints: replaced from the loop. */
void nic_port_rebuild(struct nic *nic);

/*
 * Marks the flaps of all nics of that name (NULL: of all) as seen, and lets those that are left
 * alone try again. How many flaps of the last hour that were; -ENODEV: no such nic.
 */
int nic_port_acknowledge(struct daemon *d, const char *name);

/*
 * "rxe0/1 flapped 3 times in the last hour, …" if it did and nobody has acknowledged it; false:
 * nothing to say.
 */
#define NIC_PORT_SENTENCE 256
bool nic_port_flaps_text(const struct nic *nic, char text[NIC_PORT_SENTENCE]);

#endif
