/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a URL (application/x-www-form-urlencoded). Pure. */
#ifndef RPINGMESH_SERVE_QUERY_H
#define RPINGMESH_SERVE_QUERY_H

#include <stddef.h>

/*
 * Copies the parameter of this key, decoded, to out; "" if there is none. query: what stands behind
 * '?', or NULL. Returns 0, or -EINVAL: it is longer than out, or badly encoded, or contains NUL.
 */
int query_text(const char *query, const char *key, char *out, size_t size);

#endif
