/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records. A daemon of another version may leave keys out or mean something else by them,
 * so every look-up can fail: what is missing, nil or of the wrong type is not known, and nothing
 * worse.
 */
#ifndef RPINGMESH_CTL_VIEW_VIEW_H
#define RPINGMESH_CTL_VIEW_VIEW_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* map may be NULL or no map. NULL: no such key, or nil. */
const msgpack_object *view_find(const msgpack_object *map, const char *key);
const msgpack_object *view_map(const msgpack_object *map, const char *key);
const msgpack_object *view_array(const msgpack_object *map, const char *key);

/* False and *out untouched: not known. */
bool view_u64(const msgpack_object *map, const char *key, uint64_t *out);
bool view_double(const msgpack_object *map, const char *key, double *out); /* integers too */
bool view_bool(const msgpack_object *map, const char *key, bool *out);

/*
 * A string for people: what a terminal would obey and what is not UTF-8 becomes '?', a number
 * becomes digits. False, and buf is "-": not known. Cut at size.
 */
bool view_text(const msgpack_object *map, const char *key, char *buf, size_t size);
void view_clean(const msgpack_object *o, char *buf, size_t size);

bool view_is(const msgpack_object *map, const char *key, const char *text);

/* Notifications: whether a method's name is this one. */
bool view_str_is(const msgpack_object *o, const char *text);

/*
 * Whose a QP is, of a record or map with comm, pid and kernel: "python3(4711)", "[nvme_rdma]" for
 * the kernel, as ps(1) has it;
 * "?" for what is not known. Cut at size.
 */
void view_owner(const msgpack_object *map, char *buf, size_t size);

#endif
