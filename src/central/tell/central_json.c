/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: records as JSON
 *
 * A page is the answer of the control method of that name. The one of hosts is made in pieces of
 * CENTRAL_JSON_PIECE of them. The next host is found by its id, as hosts may go meanwhile.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <msgpack.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_record.h"
#include "central/tell/central_roads.h"
#include "central/tell/central_tell.h"
#include "record/json.h"

#define CENTRAL_JSON_PIECE 50

/* A page that is being written. */
struct central_json {
	bool begun;
	uint64_t after; /* the id of the last host */
};

static int
central_json_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct central_json *json = calloc(1, sizeof(*json));

	(void)arg;
	(void)asked;
	if (!json)
		return -ENOMEM;
	*page = json;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

static void
central_json_end(void *arg, void *page)
{
	(void)arg;
	free(page);
}

int
central_json_open(struct central_json_piece *piece)
{
	*piece = (struct central_json_piece){0};
	piece->file = open_memstream(&piece->text, &piece->len);
	return piece->file ? 0 : -ENOMEM;
}

int
central_json_close(struct central_json_piece *piece, struct buffer *out)
{
	int rc = fclose(piece->file) == 0 ? 0 : -ENOMEM;

	if (rc == 0)
		rc = buffer_reserve(out, piece->len);
	if (rc == 0)
		buffer_add(out, piece->text, piece->len);
	free(piece->text);
	return rc;
}

void
central_json_record(FILE *out, const msgpack_sbuffer *packed)
{
	msgpack_unpacked record;

	msgpack_unpacked_init(&record);
	if (msgpack_unpack_next(&record, packed->data, packed->size, NULL) ==
	    MSGPACK_UNPACK_SUCCESS)
		json_write(out, &record.data);
	msgpack_unpacked_destroy(&record);
}

void
central_json_text(FILE *out, const char *text)
{
	const msgpack_object o = {.type = MSGPACK_OBJECT_STR,
				  .via.str = {(uint32_t)strlen(text), text}};

	json_write(out, &o);
}

int
central_json_list(const struct central_json_list *list, const struct central_tell *t, void *page,
		  bool *begun, struct buffer *out)
{
	struct central_json_piece piece;
	bool more;
	int rc;

	if (central_json_open(&piece) < 0)
		return -ENOMEM;
	if (!*begun)
		fprintf(piece.file, "{\"%s\":[", list->name);
	*begun = true;
	more = list->some(piece.file, t, page);
	if (!more)
		fputs("\n],\"next\":null}\n", piece.file);
	rc = central_json_close(&piece, out);
	return rc < 0 ? rc : more;
}

static int
central_json_status(void *arg, void *page, struct buffer *out)
{
	struct central_json_piece piece;
	msgpack_sbuffer packed;
	msgpack_packer pk;

	(void)page;
	if (central_json_open(&piece) < 0)
		return -ENOMEM;
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	central_record_status(&pk, arg);
	central_json_record(piece.file, &packed);
	fputc('\n', piece.file);
	msgpack_sbuffer_destroy(&packed);
	return central_json_close(&piece, out);
}

/* Writes the next hosts. Returns whether there are more. */
static bool
central_json_some_hosts(FILE *file, const struct central_tell *t, void *page)
{
	struct central_json *json = page;
	const struct registry_host *host = registry_next(mesh_registry(t->mesh), json->after);
	struct registry_host_info info;
	msgpack_sbuffer packed;
	msgpack_packer pk;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	for (int i = 0; host && i < CENTRAL_JSON_PIECE; i++, host = registry_after(host)) {
		registry_host_info(host, &info);
		central_record_host(&pk, t, host);
		fputs(json->after ? ",\n" : "\n", file);
		central_json_record(file, &packed);
		msgpack_sbuffer_clear(&packed);
		json->after = info.id;
	}
	msgpack_sbuffer_destroy(&packed);
	return host;
}

static int
central_json_hosts(void *arg, void *page, struct buffer *out)
{
	static const struct central_json_list list = {"hosts", central_json_some_hosts};

	return central_json_list(&list, arg, page, &((struct central_json *)page)->begun, out);
}

/* Writes the next links. Returns whether there are more. */
static bool
central_json_some_links(FILE *file, const struct central_tell *t, void *page)
{
	struct central_json *json = page;
	msgpack_sbuffer packed;
	msgpack_packer pk;
	uint32_t id = 1;

	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	for (int i = 0; id && i < CENTRAL_JSON_PIECE; i++) {
		id = central_roads_link(&pk, t, (uint32_t)json->after);
		if (!id)
			break;
		fputs(json->after ? ",\n" : "\n", file);
		central_json_record(file, &packed);
		msgpack_sbuffer_clear(&packed);
		json->after = id;
	}
	msgpack_sbuffer_destroy(&packed);
	return id;
}

static int
central_json_links(void *arg, void *page, struct buffer *out)
{
	static const struct central_json_list list = {"links", central_json_some_links};

	return central_json_list(&list, arg, page, &((struct central_json *)page)->begun, out);
}

const struct http_source central_json_links_source = {.path = "/api/1/links",
						      .begin = central_json_begin,
						      .more = central_json_links,
						      .end = central_json_end};
const struct http_source central_json_hosts_source = {.path = "/api/1/hosts",
						      .begin = central_json_begin,
						      .more = central_json_hosts,
						      .end = central_json_end};
const struct http_source central_json_status_source = {.path = "/api/1/status",
						       .begin = central_json_begin,
						       .more = central_json_status,
						       .end = central_json_end};
