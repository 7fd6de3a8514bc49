/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration in force: read again on SIGHUP or by the control method "reload", which are one
 * path, and shown as records (rpingmesh-control(7)).
 */
#ifndef RPINGMESH_AGENT_TELL_RELOAD_H
#define RPINGMESH_AGENT_TELL_RELOAD_H

#include <msgpack.h>

#include "agent/config/config.h"
#include "agent/tell/params.h"

struct tell;
struct reload;

/* Names of peers that an outcome lists of each kind; all are counted. */
#define RELOAD_NAMES_MAX 16

/*
 * Reads the configuration file, which there is, again; a bad one changes nothing and is shown in
 * status. What it changed is logged, and reload_record() has it. 0 or -errno, *error set then.
 */
int reload_read(struct tell *t, char error[CONF_ERROR]);

/* What the last reload that was not refused has changed: the answer to "reload". */
void reload_record(msgpack_packer *out, const struct tell *t);
/* The answers to "config" and "config_peers". */
void reload_record_config(msgpack_packer *out, const struct tell *t);
void reload_record_peers(msgpack_packer *out, const struct tell *t,
			 const struct params_page *page);

void reload_free(struct reload *reload);

#endif
