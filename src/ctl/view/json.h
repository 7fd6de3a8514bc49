/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack as JSON (RFC 8259), on one line. Always valid JSON, whatever comes in: bytes that are
 * not UTF-8 become U+FFFD, NaN and infinities null, binary data and extensions hexadecimal strings,
 * keys strings. What a terminal would obey is escaped.
 */
#ifndef RPINGMESH_CTL_VIEW_JSON_H
#define RPINGMESH_CTL_VIEW_JSON_H

#include <msgpack.h>
#include <stdio.h>

void json_write(FILE *out, const msgpack_object *o);

/* And a newline. A map that has no "type" gets this one, if it is not NULL. */
void json_line(FILE *out, const msgpack_object *o, const char *type);

#endif
