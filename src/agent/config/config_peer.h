/* SPDX-License-Identifier: Apache-2.0 */
/* How the key `peers` is read. Internal to the configuration of rpingmeshd. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_PEER_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_PEER_H

#include "core/conf.h"

/*
 * A list of entries with the `keys` of the key, or of addresses, which are the first of these keys.
 * Read into the peers of a struct config, whose other keys are there already.
 */
extern const struct conf_kind config_peers;

#endif
