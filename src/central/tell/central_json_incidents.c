/* SPDX-License-Identifier: Apache-2.0 */
/* The incidents as JSON: those that are open, and with "all=1" those that are closed, too. */
#include "central/tell/central_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "serve/query.h"

#define CENTRAL_INCIDENTS_PIECE 50

struct central_list {
	bool begun, all, some;
	uint64_t after;          /* the number of the last incident that was looked at */
};

static int
central_list_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct central_list *list;
	char all[8];
	int rc = query_text(asked->query, "all", all, sizeof(all));

	(void)arg;
	if (rc < 0 || (all[0] && strcmp(all, "0") != 0 && strcmp(all, "1") != 0))
		return -EINVAL;
	list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->all = all[0] == '1';
	*page = list;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

/* Writes the next incidents. Returns whether there are more. */
static bool
central_list_some(FILE *out, const struct central_tell *t, void *page)
{
	struct central_list *list = page;
	const struct incident *i = NULL;
	msgpack_sbuffer packed;
	msgpack_packer pk;
	int n = 0;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	while (n++ < CENTRAL_INCIDENTS_PIECE &&
	       (i = incidents_next(t->incidents, list->after, &list->after))) {
		if (i->state != INCIDENT_OPEN && !list->all)
			continue;
		incident_pack(&pk, i, central_incident_muted(t, i), true);
		fputs(list->some ? ",\n" : "\n", out);
		central_json_record(out, &packed);
		msgpack_sbuffer_clear(&packed);
		list->some = true;
	}
	msgpack_sbuffer_destroy(&packed);
	return i;
}

static int
central_list_more(void *arg, void *page, struct buffer *out)
{
	static const struct central_json_list incidents = {"incidents", central_list_some};

	return central_json_list(&incidents, arg, page, &((struct central_list *)page)->begun, out);
}

static void
central_list_end(void *arg, void *page)
{
	(void)arg;
	free(page);
}

const struct http_source central_json_incidents_source = {.path = "/api/1/incidents",
							  .begin = central_list_begin,
							  .more = central_list_more,
							  .end = central_list_end};
