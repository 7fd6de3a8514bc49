/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a peer is probed from: rails. What the configuration binds it to; else the nic that the
 * kernel's route to the peer leaves by; else the nic whose address is most like the peer's. Pure
 * look-ups; nothing is sent, nothing blocks.
 */
#ifndef RPINGMESH_AGENT_PEER_PEER_SOURCE_H
#define RPINGMESH_AGENT_PEER_PEER_SOURCE_H

struct device_gid;
struct nic;
struct peer;

/* The nic for a peer whose address is known, and its source there. NULL: none fits. */
struct nic *peer_source_choose(const struct peer *peer, const struct device_gid **gid);

/*
 * A source on this nic for the peer; NULL: none fits. Borrowed from the device, until its next
 * change.
 */
const struct device_gid *peer_source_on(const struct peer *peer, const struct nic *nic);

/* Why peer_source_choose() found none: static text. */
const char *peer_source_missing(const struct peer *peer);

#endif
