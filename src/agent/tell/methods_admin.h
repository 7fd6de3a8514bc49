/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods for configuration and log (rpingmesh-control(7)), for methods_table.
 */
#ifndef RPINGMESH_AGENT_TELL_METHODS_ADMIN_H
#define RPINGMESH_AGENT_TELL_METHODS_ADMIN_H

#include "serve/control.h"

typedef int methods_call(void *arg, struct control_client *client, const msgpack_object *params,
			 msgpack_packer *result, struct control_error *error);

methods_call methods_config, methods_config_peers, methods_reload, methods_log_level,
	methods_log_level_set;

#endif
