/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in records, as text for people.
 */
#ifndef RPINGMESH_CTL_VIEW_VIEW_H
#define RPINGMESH_CTL_VIEW_VIEW_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A string for people: what a terminal would obey and what is not UTF-8 becomes '?', a number
 * becomes digits. False, and buf is "-": not known. Cut at size.
 */
bool view_text(const msgpack_object *map, const char *key, char *buf, size_t size);
void view_clean(const msgpack_object *o, char *buf, size_t size);
void view_clean_text(const char *text, char *buf, size_t size);

/*
 * Whose a QP is, of a record or map with comm, pid and kernel: "python3(4711)", "[nvme_rdma]" for
 * the kernel, as ps(1) has it;
 * "?" for what is not known. Cut at size.
 */
void view_owner(const msgpack_object *map, char *buf, size_t size);

#endif
