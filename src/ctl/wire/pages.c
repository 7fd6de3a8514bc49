/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: pages
 *
 * An answer is valid until the next call only, so each page is copied. The records point into the
 * copies.
 */
#include "ctl/wire/pages.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/wire/client_impl.h"
#include "ctl/wire/copy.h"
#include "record/read.h"
#include "record/record.h"

struct pages_page {
	struct pages_page *next;
	struct copy *copy;
};

void
pages_free(struct pages *pages)
{
	while (pages->first) {
		struct pages_page *page = pages->first;

		pages->first = page->next;
		copy_free(page->copy);
		free(page);
	}
	free(pages->all.via.array.ptr);
	*pages = (struct pages){0};
}

/* Adds a copy, which the pages own. Returns NULL if there is no memory. */
static const msgpack_object *
pages_copy(struct pages *pages, const msgpack_object *list)
{
	struct pages_page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->copy = copy_new(list);
	if (!page->copy) {
		free(page);
		return NULL;
	}
	if (pages->last)
		pages->last->next = page;
	else
		pages->first = page;
	pages->last = page;
	return copy_object(page->copy);
}

static uint32_t
pages_params(const struct pages_query *query)
{
	uint32_t n = query->param ? 1 : 0;

	for (const struct pages_param *p = query->more; p && p->key; p++)
		n += p->value != NULL;
	return n;
}

static enum client_rc
pages_ask(struct client *client, const struct pages_query *query, uint64_t after,
	  const msgpack_object **out)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	enum client_rc rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1 + (after ? 1 : 0) + pages_params(query));
	record_pack_str(&pk, "limit");
	msgpack_pack_uint64(&pk, PAGES_LIMIT);
	if (after) {
		record_pack_str(&pk, "after");
		msgpack_pack_uint64(&pk, after);
	}
	if (query->param) {
		record_pack_str(&pk, query->param);
		record_pack_str(&pk, query->value);
	}
	for (const struct pages_param *p = query->more; p && p->key; p++) {
		if (!p->value)
			continue;
		record_pack_str(&pk, p->key);
		record_pack_str(&pk, p->value);
	}
	rc = client_call(client, query->method, &param, out);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static enum client_rc
pages_strange(struct client *client, const struct pages_query *query, const char *what,
	      const char *of)
{
	return client_fail(client, CLIENT_STRANGE,
			   "the daemon's answer to \"%s\" %s%s: its version does not fit this "
			   "program",
			   query->method, what, of);
}

/* Takes one page. Sets *after to its end, or to 0 if it was the last page. */
static enum client_rc
pages_take(struct client *client, const struct pages_query *query, struct pages *pages,
	   uint64_t *after)
{
	const msgpack_object *answer = NULL, *list;
	uint64_t next = 0;
	enum client_rc rc = pages_ask(client, query, *after, &answer);

	if (rc != CLIENT_OK)
		return rc;
	list = query->plain && answer->type == MSGPACK_OBJECT_ARRAY ?
		       answer :
		       read_array(answer, query->key);
	if (!list || (read_find(answer, "next") && !read_u64(answer, "next", &next)))
		return pages_strange(client, query, "is not a list of ", query->key);
	/* If pages made no progress, this would ask forever. */
	if (next &&
	    (next <= *after || (list->via.array.size == 0 && !query->sparse) ||
	     ++pages->n > PAGES_MAX || pages->records + list->via.array.size > PAGES_RECORDS_MAX))
		return pages_strange(client, query, "never ends", "");
	list = pages_copy(pages, list);
	if (!list)
		return client_fail(client, CLIENT_NO_MEMORY, "out of memory");
	pages->records += list->via.array.size;
	*after = next;
	return CLIENT_OK;
}

enum client_rc
pages_fetch(struct client *client, const struct pages_query *query, struct pages *out)
{
	uint64_t after = 0;
	enum client_rc rc;

	*out = (struct pages){0};
	do
		rc = pages_take(client, query, out, &after);
	while (rc == CLIENT_OK && after);
	return rc;
}

enum client_rc
pages_list(struct client *client, const char *method, struct pages *out,
	   const msgpack_object **list)
{
	const struct pages_query query = {.method = method, .key = method, .plain = true};
	enum client_rc rc = pages_fetch(client, &query, out);

	return rc == CLIENT_OK ? pages_join(client, out, list) : rc;
}

enum client_rc
pages_join(struct client *client, struct pages *out, const msgpack_object **list)
{
	msgpack_object_array *all = &out->all.via.array;

	out->all.type = MSGPACK_OBJECT_ARRAY;
	all->ptr = calloc(out->records + 1, sizeof(*all->ptr));
	if (!all->ptr)
		return client_fail(client, CLIENT_NO_MEMORY, "out of memory");
	for (const struct pages_page *page = out->first; page; page = page->next) {
		const msgpack_object_array *part = &copy_object(page->copy)->via.array;

		if (part->size)
			memcpy(all->ptr + all->size, part->ptr, part->size * sizeof(*all->ptr));
		all->size += part->size;
	}
	*list = &out->all;
	return CLIENT_OK;
}

int
pages_each(const struct pages *pages, int (*take)(void *arg, const msgpack_object *list), void *arg)
{
	int rc = 0;

	for (const struct pages_page *page = pages->first; rc == 0 && page; page = page->next)
		rc = take(arg, copy_object(page->copy));
	return rc;
}
