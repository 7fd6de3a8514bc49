/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of 5-tuples (records `path`), as a list of routers or as a tree with shares. */
#ifndef RPINGMESH_CTL_VIEW_PATHTREE_H
#define RPINGMESH_CTL_VIEW_PATHTREE_H

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes one path: its 5-tuple, and a line for each router. now_ns: wall clock. */
void pathtree_list(const msgpack_object *path, uint64_t now_ns, FILE *out);

/*
 * Writes all paths of an array as a tree from each source address, with the number of paths across
 * each router, and why others are not known. Returns 0, or -ENOMEM.
 */
int pathtree_write(const msgpack_object *paths, FILE *out);

/* "leaf1 > spine2 > leaf3", of an array of hops; "" if it is empty. Returns buf. */
const char *pathtree_line(const msgpack_object *hops, char *buf, size_t size);

#endif
