/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of Slurm's topology.conf(5), plugin topology/tree: which hosts are below which leaf
 * switch, and which switch is below which. Lines are SwitchName=NAME with Nodes=LIST or
 * Switches=LIST; names in lists may have ranges in brackets, as in "node[001-128,200]". A file with
 * a mistake is refused as a whole.
 */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_TOPOLOGY_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "central/config/central_text.h"

/* A host or a switch below a switch. */
struct central_topology_child {
	bool is_switch;
	char name[CENTRAL_NAME + 1];
	const char *parent;
};

/* The children are in an order that only this module knows. */
struct central_topology {
	struct central_topology_child *children;
	size_t n;
	char *text;               /* that `parent` points into */
};

/*
 * Reads a text; `file` is its name in messages. Returns 0 and sets *out, which the caller frees, or
 * puts "FILE:LINE: ..." into error and returns -EINVAL or -ENOMEM. Time and memory are bounded by
 * the text and by CENTRAL_NAMES_MAX.
 */
int central_topology_parse(const char *text, const char *file, struct central_topology **out,
			   char error[CONF_ERROR]);
/* The same for a file. Blocks while it is read, and may return the error of that. */
int central_topology_load(const char *path, struct central_topology **out, char error[CONF_ERROR]);
/* NULL is allowed. */
void central_topology_free(struct central_topology *topology);

/*
 * The leaf switch of a host, by its name, or else by its name up to the first dot. NULL: it has
 * none, or several. The topology may be NULL.
 */
const char *central_topology_leaf(const struct central_topology *topology, const char *host);
/*
 * The switches above a switch. Returns the first one, and in *n how many there are; they follow one
 * another. The topology may be NULL.
 */
const struct central_topology_child *central_topology_above(const struct central_topology *topology,
							    const char *name, size_t *n);

#endif
