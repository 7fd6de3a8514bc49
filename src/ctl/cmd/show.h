/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that ask once for a list of records and print it as a table, or as JSON.
 */
#ifndef RPINGMESH_CTL_CMD_SHOW_H
#define RPINGMESH_CTL_CMD_SHOW_H

#include <msgpack.h>

#include "ctl/cmd/cmd.h"
#include "ctl/view/table.h"

struct show {
	const char *method;
	const char *none; /* printed instead of an empty table */
	struct table *(*table)(const msgpack_object *list); /* NULL: no memory */
	bool (*bad)(const msgpack_object *list); /* whether the answer is bad news; NULL: never */
};

/* Asks and prints. What to exit with. */
int show_run(const struct ctl *ctl, const struct show *show);

/* Prints a table as wide as the terminal, and frees it. NULL: there was no memory for it. */
int show_table(const struct ctl *ctl, struct table *table);

/* The complaint; CMD_BAD_NEWS. */
int show_no_memory(void);

#endif
