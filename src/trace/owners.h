/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache of cgroup paths by cgroup id. A path is read from /proc once for each cgroup, not for each
 * QP, and is still known when the process has ended. There are at most OWNERS_MAX entries; a new
 * one replaces the one that has not been used for the longest time.
 */
#ifndef RPINGMESH_TRACE_OWNERS_H
#define RPINGMESH_TRACE_OWNERS_H

#include <stdint.h>

struct owners;

#define OWNERS_MAX 4096
#define OWNERS_RETRY_NS \
	1000000000ULL /* time until a path that could not be read is tried again */

/*
 * root: as in owner_cgroup_path(); must outlive the cache. Returns 0 and sets *out, which the
 * caller owns, or -ENOMEM.
 */
int owners_new(const char *root, struct owners **out);
/* NULL is allowed. */
void owners_free(struct owners *owners);

/* The path, borrowed until the next call, or NULL if it is unknown. Reads /proc if necessary. */
const char *owners_cgroup(struct owners *owners, uint32_t tgid, uint64_t cgroup_id,
			  uint64_t now_ns);

#endif
