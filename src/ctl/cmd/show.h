/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For commands that ask once for a list of records and print it as a table or as JSON.
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
	bool (*bad)(const msgpack_object *list); /* whether to exit with CMD_BAD_NEWS; NULL: no */
};

/* Asks and prints. Returns the exit code. */
int show_run(const struct ctl *ctl, const struct show *show);

/*
 * Prints a table in the width of the terminal, and frees it. NULL: there was no memory for it.
 * Returns the exit code.
 */
int show_table(const struct ctl *ctl, struct table *table);

/* Complains that there is no memory. Returns CMD_BAD_NEWS. */
int show_no_memory(void);

#endif
