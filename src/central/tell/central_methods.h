/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control methods of rpingmesh-central (rpingmesh-control(7)). Their arg is the struct
 * central_tell.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_METHODS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_METHODS_H

#include <stddef.h>

#include "serve/rpc.h"

extern const struct control_method central_methods_table[];
extern const size_t central_methods_count;

#endif
