/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control socket's methods answer (rpingmesh-control(7)).
 */
#ifndef RPINGMESH_AGENT_TELL_METHODS_H
#define RPINGMESH_AGENT_TELL_METHODS_H

#include <stddef.h>

#include "serve/control.h"

/* All methods, for control_new() with a struct tell as arg. */
extern const struct control_method methods_table[];
extern const size_t methods_count;

void methods_client_gone(void *arg, struct control_client *client);

#endif
