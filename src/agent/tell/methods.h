/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the control socket (rpingmesh-control(7)).
 */
#ifndef RPINGMESH_AGENT_TELL_METHODS_H
#define RPINGMESH_AGENT_TELL_METHODS_H

#include <stddef.h>

#include "serve/control.h"

/* All methods, for control_new() with a struct tell as arg. */
extern const struct control_method methods_table[];
extern const size_t methods_count;

/* For control_config.gone: ends the client's pings and subscriptions. */
void methods_client_gone(void *arg, struct control_client *client);

#endif
