/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes MessagePack as JSON (RFC 8259) on one line. The output is always valid JSON: bytes that
 * are not UTF-8 become U+FFFD, NaN and infinities become null, binary data and extensions become
 * hexadecimal strings, and all keys become strings. Control characters are escaped.
 */
#ifndef RPINGMESH_RECORD_JSON_H
#define RPINGMESH_RECORD_JSON_H

#include <msgpack.h>
#include <stdio.h>

void json_write(FILE *out, const msgpack_object *o);

/* The same with a newline. If `type` is not NULL, a map without "type" gets it. */
void json_line(FILE *out, const msgpack_object *o, const char *type);

#endif
