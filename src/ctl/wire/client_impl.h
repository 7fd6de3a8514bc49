/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the client library.
 */
#ifndef RPINGMESH_CTL_WIRE_CLIENT_IMPL_H
#define RPINGMESH_CTL_WIRE_CLIENT_IMPL_H

#include "ctl/wire/client.h"

/* Keeps the text as the reason and returns rc. Does not add the path of the socket. */
enum client_rc client_fail(struct client *client, enum client_rc rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
