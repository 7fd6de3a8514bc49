/* SPDX-License-Identifier: Apache-2.0 */
/* The group `cluster` of the configuration. Only for this folder and its users. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_CLUSTER_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/addr.h"

struct config_cluster {
	char *broker;        /* URL; "": no cluster, and the other keys mean nothing */
	char *prefix;        /* of all topics */
	char *ca, *certificate, *key;   /* files for TLS; "": none */
	char *user, *password_file;     /* "": none */
	struct addr_net *allow; /* networks in which a pinglist may name targets */
	size_t n_allow;
	char *lldp_file;     /* that rpingmesh-lldp.service writes; "": none */
	char **labels;       /* "NAME=VALUE" */
	size_t n_labels;
	char **rails;        /* "DEVICE=RAIL"; DEVICE is a pattern of fnmatch(3) */
	size_t n_rails;
	char **tors;         /* "DEVICE=SWITCH", likewise */
	size_t n_tors;
	char *directory;     /* in which the last pinglist is kept; "": nowhere */
	uint32_t keep_s;     /* a pinglist is probed in full so long after central's last word */
	uint32_t report_s;   /* time between two reports; 0: there are none */
	uint32_t trace_s;    /* time between two traces of a path; 0: none is traced */
	uint32_t trace_per_s; /* datagrams of traces that each switch answers this host */
};

/* Checks of its strings. A pair is "NAME=VALUE", each of 1 to 64 printable characters. Pure. */
bool config_cluster_check_broker(const char *text);
bool config_cluster_check_prefix(const char *text);
bool config_cluster_check_pair(const char *text);

/* The VALUE of a pair "PATTERN=VALUE" if the device fits its pattern; else NULL. */
const char *config_cluster_value(const char *pair, const char *device);

/* Sets the defaults. Returns 0, or -ENOMEM; clear it in both cases. */
int config_cluster_defaults(struct config_cluster *cluster);
void config_cluster_clear(struct config_cluster *cluster);

/* Whether both lead to the same broker in the same way. */
bool config_cluster_same_broker(const struct config_cluster *a, const struct config_cluster *b);

#endif
