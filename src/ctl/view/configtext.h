/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the daemon's configuration as a configuration file, rpingmeshd.conf(5). Keys that are not
 * set are comments, as in the installed file.
 */
#ifndef RPINGMESH_CTL_VIEW_CONFIGTEXT_H
#define RPINGMESH_CTL_VIEW_CONFIGTEXT_H

#include <msgpack.h>
#include <stdio.h>

/* Writes a value in the syntax of the file: 5, true, "text", (1, "mtu"). */
void configtext_value(FILE *out, const msgpack_object *value);

/* Writes all but the peers. values: the list "values" in the answer to "config". */
void configtext_values(FILE *out, const msgpack_object *values);

/* Write the list of peers: its beginning, a page, its end. *n counts the peers so far. */
void configtext_peers_begin(FILE *out);
void configtext_peers(FILE *out, const msgpack_object *peers, const msgpack_object *values,
		      size_t *n);
void configtext_peers_end(FILE *out, size_t n);

#endif
