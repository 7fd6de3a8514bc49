/* SPDX-License-Identifier: Apache-2.0 */
#include "central/mesh/mesh_names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct mesh_name {
	TAILQ_ENTRY(mesh_name) link;
	const char *text; /* for a key: of the caller; else `own` */
	char own[];
};

static int
mesh_names_compare(const void *a, const void *b)
{
	const struct mesh_name *x = a, *y = b;

	return strcmp(x->text, y->text);
}

void
mesh_names_begin(struct mesh_names *names)
{
	TAILQ_INIT(&names->list);
	names->by_name = NULL;
}

void
mesh_names_clear(struct mesh_names *names)
{
	while (mesh_names_first(names))
		mesh_names_drop_first(names);
}

int
mesh_names_add(struct mesh_names *names, const char *text)
{
	const struct mesh_name key = {.text = text};
	struct mesh_name *name;

	if (tfind(&key, &names->by_name, mesh_names_compare))
		return 0;
	name = malloc(sizeof(*name) + strlen(text) + 1);
	if (!name)
		return -ENOMEM;
	strcpy(name->own, text);
	name->text = name->own;
	if (!tsearch(name, &names->by_name, mesh_names_compare)) {
		free(name);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&names->list, name, link);
	return 0;
}

const char *
mesh_names_first(const struct mesh_names *names)
{
	const struct mesh_name *name = TAILQ_FIRST(&names->list);

	return name ? name->text : NULL;
}

void
mesh_names_drop_first(struct mesh_names *names)
{
	struct mesh_name *name = TAILQ_FIRST(&names->list);

	TAILQ_REMOVE(&names->list, name, link);
	tdelete(name, &names->by_name, mesh_names_compare);
	free(name);
}
