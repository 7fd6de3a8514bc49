/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the key `peers`, and its keys. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_PEER_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/conf.h"

#define CONFIG_SIZE_MIN 50u
#define CONFIG_SIZE_MAX 4096u
#define CONFIG_SIZE_MTU 0u /* a size: the path MTU */

/*
 * An entry of `peers`. No two entries have the same address, device and source. It owns its strings
 * and lists.
 */
struct config_peer {
	char *address;           /* as written: numeric address or host name */
	char *device;            /* local RDMA device to probe from; NULL: the source decides */
	char *source;            /* local numeric address to probe from; NULL: any */
	uint32_t interval_ms; /* between probes to this peer, for all sizes and flow labels */
	uint8_t traffic_class;   /* IP TOS / traffic class byte */
	uint8_t service_level;   /* 0 to 15 */
	/* probe payloads in bytes, or CONFIG_SIZE_MTU, used in turn; at least one */
	uint32_t *sizes;
	size_t n_sizes;
	uint32_t *flow_labels;   /* 20 bits each, a path for each; at least one */
	size_t n_flow_labels;
};

/* Compares address, device and source. Returns < 0, 0 or > 0. */
int config_peer_cmp(const struct config_peer *a, const struct config_peer *b);
/* Whether two entries are equal in all keys. */
bool config_peer_equal(const struct config_peer *a, const struct config_peer *b);

/* Makes a deep copy. Returns 0, or -ENOMEM. */
int config_peer_copy(const struct config_peer *from, struct config_peer *to);
/* Frees what the entry owns, and sets all of it to zero. */
void config_peer_clear(struct config_peer *peer);
/* Whether both have the same streams of probes: all keys but address, device and source. */
bool config_peer_streams_equal(const struct config_peer *a, const struct config_peer *b);

/* The keys of an entry. The first is the address. */
extern const struct conf_key config_peer_keys[];

/*
 * Reads an entry, which is a group or an address, into a peer that contains the values to start
 * from. Returns 0, or -errno after adding the mistakes to the tree's errors.
 */
int config_peer_read(struct conf_reader *r, const struct conf_node *node, struct config_peer *peer);

/*
 * Adds a mistake for each entry with the same address, device and source as one before it. peers[i]
 * is the i-th entry of the list. Returns 0 or -errno.
 */
int config_peer_check_list(struct conf_reader *r, const struct conf_node *list,
			   const struct config_peer *peers);

#define CONFIG_PEER_INTERVAL CONF_RANGE(1, 3600000)
#define CONFIG_PEER_SIZE CONF_RANGE(CONFIG_SIZE_MIN, CONFIG_SIZE_MAX), .word = "mtu"
#define CONFIG_PEER_FLOW_LABEL CONF_RANGE(0, 0xfffff), .list_max = CONF_LIST_LONG
#define CONFIG_PEER_TRAFFIC_CLASS CONF_RANGE(0, 255)
#define CONFIG_PEER_SERVICE_LEVEL CONF_RANGE(0, 15)
#define CONFIG_PEER_DEVICE CONF_RANGE(1, 63) /* IB_DEVICE_NAME_MAX */

#endif
