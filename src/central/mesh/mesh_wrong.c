/* SPDX-License-Identifier: Apache-2.0 */
#include "central/mesh/mesh_wrong.h"

#include <stdio.h>
#include <string.h>

void
mesh_wrong_end(struct mesh_wrong *wrong, enum mesh_wrong_kind kind, const char *name)
{
	for (size_t i = 0; i < wrong->n; i++) {
		struct mesh_wrong_entry *e = &wrong->at[i];

		if (e->kind != kind || strncmp(e->name, name, sizeof(e->name) - 1) != 0)
			continue;
		memmove(e, e + 1, (--wrong->n - i) * sizeof(*e));
		return;
	}
}

void
mesh_wrong_set(struct mesh_wrong *wrong, enum mesh_wrong_kind kind, const char *name,
	       const char *why)
{
	struct mesh_wrong_entry *e;

	mesh_wrong_end(wrong, kind, name);
	if (wrong->n == MESH_WRONG_MAX)
		memmove(&wrong->at[0], &wrong->at[1], --wrong->n * sizeof(*e));
	e = &wrong->at[wrong->n++];
	e->kind = kind;
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->why, sizeof(e->why), "%s", why);
}

size_t
mesh_wrong_count(const struct mesh_wrong *wrong, enum mesh_wrong_kind kind,
		 const struct mesh_wrong_entry **last)
{
	size_t n = 0;

	*last = NULL;
	for (size_t i = 0; i < wrong->n; i++) {
		if (wrong->at[i].kind != kind)
			continue;
		*last = &wrong->at[i];
		n++;
	}
	return n;
}
