/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/owner.h"

/* Without memory, uthash does not keep the entry. */
#define HASH_NONFATAL_OOM 1
/* The default hash function falls through in a switch, which -Wimplicit-fallthrough rejects. */
#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#include <uthash.h>

/* uthash keeps the entries in the order of their last use. */
struct owners_entry {
	UT_hash_handle hh;
	uint64_t cgroup_id;
	uint64_t tried_ns;
	char *path; /* NULL: it could not be read at tried_ns */
};

struct owners {
	const char *root;
	struct owners_entry *entries;
};

int
owners_new(const char *root, struct owners **out)
{
	struct owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return -ENOMEM;
	owners->root = root;
	*out = owners;
	return 0;
}

static void
owners_entry_free(struct owners_entry *e)
{
	free(e->path);
	free(e);
}

void
owners_free(struct owners *owners)
{
	struct owners_entry *e, *next;

	if (!owners)
		return;
	HASH_ITER(hh, owners->entries, e, next)
	{
		HASH_DEL(owners->entries, e);
		owners_entry_free(e);
	}
	free(owners);
}

static void
owners_read(const struct owners *owners, struct owners_entry *e, uint32_t tgid, uint64_t now_ns)
{
	char path[OWNER_CGROUP];

	e->tried_ns = now_ns;
	if (owner_cgroup_path(owners->root, tgid, e->cgroup_id, path) == 0)
		e->path = strdup(path);
}

/* Makes the entry the last used one. Frees it if there is no memory for that. */
static struct owners_entry *
owners_keep(struct owners *owners, struct owners_entry *e)
{
	HASH_ADD(hh, owners->entries, cgroup_id, sizeof(e->cgroup_id), e);
	if (e->hh.tbl)
		return e;
	owners_entry_free(e);
	return NULL;
}

static struct owners_entry *
owners_make(struct owners *owners, uint64_t cgroup_id)
{
	struct owners_entry *e = calloc(1, sizeof(*e)), *oldest = owners->entries;

	if (!e)
		return NULL;
	if (HASH_COUNT(owners->entries) >= OWNERS_MAX) {
		HASH_DEL(owners->entries, oldest);
		owners_entry_free(oldest);
	}
	e->cgroup_id = cgroup_id;
	return e;
}

const char *
owners_cgroup(struct owners *owners, uint32_t tgid, uint64_t cgroup_id, uint64_t now_ns)
{
	struct owners_entry *e = NULL;

	if (!cgroup_id)
		return NULL;
	HASH_FIND(hh, owners->entries, &cgroup_id, sizeof(cgroup_id), e);
	if (e)
		HASH_DEL(owners->entries, e);
	else
		e = owners_make(owners, cgroup_id);
	if (!e)
		return NULL;
	if (!e->path && (!e->tried_ns || now_ns - e->tried_ns >= OWNERS_RETRY_NS))
		owners_read(owners, e, tgid, now_ns);
	e = owners_keep(owners, e);
	return e ? e->path : NULL;
}
