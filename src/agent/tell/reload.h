/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The present configuration: reads it again, on SIGHUP or by the control method "reload", and shows
 * it as records (rpingmesh-control(7)).
 */
#ifndef RPINGMESH_AGENT_TELL_RELOAD_H
#define RPINGMESH_AGENT_TELL_RELOAD_H

#include <msgpack.h>

#include "agent/config/config.h"
#include "serve/param.h"

struct tell;
struct reload;

/* The most names of peers that a result lists of each kind; it counts all. */
#define RELOAD_NAMES_MAX 16

/*
 * Reads the configuration file again; t->config_path must not be NULL. A file with a mistake
 * changes nothing, and the status shows the mistake. Otherwise logs the changes, which
 * reload_record() packs. Returns 0, or -errno with *error. Blocks while files are read.
 */
int reload_read(struct tell *t, char error[CONF_ERROR]);

/* Packs the changes of the last successful reload: the answer to "reload". */
void reload_record(msgpack_packer *out, const struct tell *t);
/* Pack the answers to "config" and "config_peers". */
void reload_record_config(msgpack_packer *out, const struct tell *t);
void reload_record_peers(const struct tell *t, const struct param_page *page,
			 msgpack_packer *out);

void reload_free(struct reload *reload);

#endif
