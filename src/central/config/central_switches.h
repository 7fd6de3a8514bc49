/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `switches`: which addresses belong to which switch (rpingmesh-central.conf(5)). A line
 * is SWITCH ADDRESS[=PORT]... A file with a mistake is refused as a whole.
 */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_SWITCHES_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_SWITCHES_H

#include <stddef.h>

#include "core/addr.h"
#include "core/conf.h"

struct central_switches_entry {
	struct addr addr;
	const char *name;         /* of the switch */
	const char *port;         /* NULL: not given */
	unsigned int line;
};

/* The entries are in the order of their addresses, and no address is there twice. */
struct central_switches {
	struct central_switches_entry *entries;
	size_t n;
	char *text;               /* that names and ports point into */
};

/*
 * Reads a text; `file` is its name in messages. Returns 0 and sets *out, which the caller frees, or
 * puts "FILE:LINE: ..." into error and returns -EINVAL or -ENOMEM.
 */
int central_switches_parse(const char *text, const char *file, struct central_switches **out,
			   char error[CONF_ERROR]);
/* The same for a file. Blocks while it is read, and may return the error of that. */
int central_switches_load(const char *path, struct central_switches **out, char error[CONF_ERROR]);
/* NULL is allowed. */
void central_switches_free(struct central_switches *switches);

#endif
