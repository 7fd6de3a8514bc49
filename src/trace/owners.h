/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup paths by cgroup id, remembered: read from /proc once for each cgroup and not for each QP,
 * and still known when the process has gone. Bounded: the entry that was asked for longest ago
 * makes room.
 */
#ifndef RPINGMESH_TRACE_OWNERS_H
#define RPINGMESH_TRACE_OWNERS_H

#include <stdint.h>

struct owners;

#define OWNERS_MAX 4096
#define OWNERS_RETRY_NS \
	1000000000ULL /* a cgroup whose path could not be read is not tried again for this long */

/* root: "" for the real /proc and /sys, see owner_cgroup_path(); kept. 0 and *out, or -ENOMEM. */
int owners_new(const char *root, struct owners **out);
/* NULL is allowed. */
void owners_free(struct owners *owners);

/* The path, borrowed until the next call; NULL: not known. Reads /proc if need be. */
const char *owners_cgroup(struct owners *owners, uint32_t tgid, uint64_t cgroup_id,
			  uint64_t now_ns);

#endif
