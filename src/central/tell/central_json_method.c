/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: lists of control methods as JSON
 *
 * A page asks the control method of its name for one part of the list after the other, and writes
 * the records.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/tell/central_methods.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"
#include "record/registration.h"
#include "serve/param.h"
#include "serve/query.h"
#include "serve/rpc.h"

struct central_listing {
	const struct control_method *method; /* its list has its name */
	char host[REGISTRATION_HOST];        /* "": of no host */
	uint64_t after;
	bool begun, some;
};

static int
central_listing_begin(const char *method, const struct http_asked *asked, void **page,
		      const char **type)
{
	struct central_listing *list = calloc(1, sizeof(*list));
	int rc = list ? query_text(asked->query, "host", list->host, sizeof(list->host)) : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < central_methods_count; i++)
		if (strcmp(central_methods_table[i].name, method) == 0)
			list->method = &central_methods_table[i];
	/* Paths are those of a host. */
	if (rc == 0 && strcmp(method, "paths") == 0 && !list->host[0])
		rc = -EINVAL;
	if (rc < 0) {
		free(list);
		return rc;
	}
	*page = list;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

/* Packs [{after, limit, host}]. */
static void
central_listing_params(msgpack_packer *pk, const struct central_listing *list)
{
	msgpack_pack_array(pk, 1);
	msgpack_pack_map(pk, list->host[0] ? 3 : 2);
	record_pack_str(pk, "after");
	msgpack_pack_uint64(pk, list->after);
	record_pack_str(pk, "limit");
	msgpack_pack_uint64(pk, PARAM_PAGE_MAX);
	if (!list->host[0])
		return;
	record_pack_str(pk, "host");
	record_pack_str(pk, list->host);
}

/* Asks the method for the next part, which goes to `result`. Returns 0 or -errno. */
static int
central_listing_ask(const struct central_listing *list, void *tell, msgpack_sbuffer *result)
{
	msgpack_sbuffer packed;
	msgpack_unpacked params;
	msgpack_packer pk, out;
	struct control_error error;
	struct control_call call = {.arg = tell, .params = &params.data, .result = &out,
				    .error = &error};
	int rc = -ENOMEM;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	msgpack_packer_init(&out, result, msgpack_sbuffer_write);
	msgpack_unpacked_init(&params);
	central_listing_params(&pk, list);
	if (msgpack_unpack_next(&params, packed.data, packed.size, NULL) == MSGPACK_UNPACK_SUCCESS)
		rc = list->method->call(&call);
	msgpack_unpacked_destroy(&params);
	msgpack_sbuffer_destroy(&packed);
	return rc;
}

/* Writes a part. Returns whether there are more. */
static bool
central_listing_write(FILE *out, struct central_listing *list, const msgpack_object *part)
{
	const msgpack_object *records = read_find(part, list->method->name);
	uint64_t after = 0;
	bool more = read_u64(part, "next", &after) && after > list->after;

	if (!list->begun)
		fprintf(out, "{\"%s\":[", list->method->name);
	list->begun = true;
	for (uint32_t i = 0; records && records->type == MSGPACK_OBJECT_ARRAY &&
			     i < records->via.array.size; i++) {
		fputs(list->some ? ",\n" : "\n", out);
		json_write(out, &records->via.array.ptr[i]);
		list->some = true;
	}
	list->after = after;
	if (!more)
		fputs("\n],\"next\":null}\n", out);
	return more;
}

static int
central_listing_more(void *arg, void *page, struct buffer *out)
{
	struct central_listing *list = page;
	struct central_json_piece piece;
	msgpack_unpacked part;
	msgpack_sbuffer packed;
	bool more = false;
	int rc;

	msgpack_sbuffer_init(&packed);
	msgpack_unpacked_init(&part);
	rc = central_listing_ask(list, arg, &packed);
	if (rc == 0 && msgpack_unpack_next(&part, packed.data, packed.size, NULL) !=
			       MSGPACK_UNPACK_SUCCESS)
		rc = -ENOMEM;
	if (rc == 0)
		rc = central_json_open(&piece);
	if (rc == 0) {
		more = central_listing_write(piece.file, list, &part.data);
		rc = central_json_close(&piece, out);
	}
	msgpack_unpacked_destroy(&part);
	msgpack_sbuffer_destroy(&packed);
	return rc < 0 ? rc : more;
}

static void
central_listing_end(void *arg, void *page)
{
	(void)arg;
	free(page);
}

static int
central_listing_coverage(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)arg;
	return central_listing_begin("coverage", asked, page, type);
}

static int
central_listing_paths(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)arg;
	return central_listing_begin("paths", asked, page, type);
}

static int
central_listing_switches(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)arg;
	return central_listing_begin("switches", asked, page, type);
}

static int
central_listing_tors(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	(void)arg;
	return central_listing_begin("tors", asked, page, type);
}

const struct http_source central_json_coverage_source = {.path = "/api/1/coverage",
							 .begin = central_listing_coverage,
							 .more = central_listing_more,
							 .end = central_listing_end};
const struct http_source central_json_paths_source = {.path = "/api/1/paths",
						      .begin = central_listing_paths,
						      .more = central_listing_more,
						      .end = central_listing_end};
const struct http_source central_json_switches_source = {.path = "/api/1/switches",
							 .begin = central_listing_switches,
							 .more = central_listing_more,
							 .end = central_listing_end};
const struct http_source central_json_tors_source = {.path = "/api/1/tors",
						     .begin = central_listing_tors,
						     .more = central_listing_more,
						     .end = central_listing_end};
