/* SPDX-License-Identifier: Apache-2.0 */
/* The files with names that the configuration names. */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_TABLES_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_TABLES_H

#include "core/conf.h"

struct central_config;
struct central_switches;
struct central_topology;

struct central_tables {
	/* NULL: none is configured */
	struct central_switches *switches;
	struct central_topology *topology;
};

/*
 * Reads and checks them. Returns 0 and fills *out, or puts the first mistake with its file and line
 * into error and returns -errno; then *out is empty. Blocks while the files are read, so call it
 * only at the start and for a reload.
 */
int central_tables_load(const struct central_config *config, struct central_tables *out,
			char error[CONF_ERROR]);
/* All zero is empty. */
void central_tables_clear(struct central_tables *tables);

#endif
