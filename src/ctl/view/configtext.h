/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's configuration as the text of a configuration file, rpingmeshd.conf(5): keys that
 * nothing sets are comments, as in the installed file.
 */
#ifndef RPINGMESH_CTL_VIEW_CONFIGTEXT_H
#define RPINGMESH_CTL_VIEW_CONFIGTEXT_H

#include <msgpack.h>
#include <stdio.h>

/* A value as a file has it: 5, true, "text", (1, "mtu"). */
void configtext_value(FILE *out, const msgpack_object *value);

/* All but the peers; values: the list of that name of the answer to "config". */
void configtext_values(FILE *out, const msgpack_object *values);

/* The list of peers: the beginning, a page of them, the end. *n counts those written. */
void configtext_peers_begin(FILE *out);
void configtext_peers(FILE *out, const msgpack_object *peers, const msgpack_object *values,
		      size_t *n);
void configtext_peers_end(FILE *out, size_t n);

#endif
