/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods for configuration and log (rpingmesh-control(7)), for methods_table.
 */
#ifndef RPINGMESH_AGENT_TELL_METHODS_ADMIN_H
#define RPINGMESH_AGENT_TELL_METHODS_ADMIN_H

#include "serve/control.h"

struct param_page;
struct tell;

typedef int methods_call(const struct control_call *call);

/* Reads the parameters of a page and packs the answer with pack(). */
int methods_paged(const struct control_call *call,
		  void (*pack)(const struct tell *t, const struct param_page *page,
			       msgpack_packer *result));

methods_call methods_config, methods_config_peers, methods_reload, methods_log_level,
	methods_log_level_set;

#endif
