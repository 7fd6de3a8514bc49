/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts values of records to text for people.
 */
#ifndef RPINGMESH_CTL_VIEW_VIEW_H
#define RPINGMESH_CTL_VIEW_VIEW_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Writes a string for people: control characters and bytes that are not UTF-8 become '?', and a
 * number becomes digits. Cuts it at `size`. If the key is unknown, returns false, and buf is "-".
 */
bool view_text(const msgpack_object *map, const char *key, char *buf, size_t size);
void view_clean(const msgpack_object *o, char *buf, size_t size);
void view_clean_text(const char *text, char *buf, size_t size);

/*
 * Writes the owner of a QP from a map with comm, pid and kernel: "python3(4711)", or "[nvme_rdma]"
 * for the kernel, as in ps(1). "?" means unknown. Cuts it at `size`.
 */
void view_owner(const msgpack_object *map, char *buf, size_t size);

#endif
