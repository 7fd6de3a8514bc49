/* SPDX-License-Identifier: Apache-2.0 */
/* rpingmesh-central: the objects of its rooms, and who tells whom. Does not block. */
#ifndef RPINGMESH_CENTRAL_CENTRAL_H
#define RPINGMESH_CENTRAL_CENTRAL_H

#include "core/conf.h"

struct central;
struct central_config;
struct loop;

/*
 * Takes the configuration over; config_path may be NULL, otherwise the string must remain. Returns
 * 0 and sets *out, which the caller owns, or logs the reason and returns -errno; then the
 * configuration is freed.
 */
int central_new(struct loop *loop, struct central_config *config, const char *config_path,
		struct central **out);
/* Lists and drains remain at the broker. NULL is allowed. */
void central_free(struct central *central);

/*
 * Reads the configuration file again. Returns 0, or logs the reason, puts it into error and returns
 * -errno.
 */
int central_reload(struct central *central, char error[CONF_ERROR]);

#endif
