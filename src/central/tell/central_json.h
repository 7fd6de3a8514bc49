/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON pages have in common. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_JSON_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_JSON_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "serve/buffer.h"

#define CENTRAL_JSON_TYPE "application/json"

struct central_tell;

/* A piece of a page that is being written to memory. */
struct central_json_piece {
	FILE *file;
	char *text;
	size_t len;
};

/* Returns 0 or -ENOMEM. */
int central_json_open(struct central_json_piece *piece);
/* Adds what was written to out. Returns 0 or -ENOMEM. */
int central_json_close(struct central_json_piece *piece, struct buffer *out);
/* Writes a packed record, which is our own. */
void central_json_record(FILE *out, const msgpack_sbuffer *packed);
/*
 * Adds a piece of {"NAME":[…],"next":null} to out, which begins with *begun false. some() writes
 * the next records, and returns whether there are more. Returns 1 if there are, 0, or -ENOMEM.
 */
struct central_json_list {
	const char *name;
	bool (*some)(FILE *out, const struct central_tell *t, void *page);
};
int central_json_list(const struct central_json_list *list, const struct central_tell *t,
		      void *page, bool *begun, struct buffer *out);
/* Writes text as a JSON string. */
void central_json_text(FILE *out, const char *text);

#endif
