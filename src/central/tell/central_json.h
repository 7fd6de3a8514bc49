/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON pages have in common. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_JSON_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_JSON_H

#include <msgpack.h>
#include <stddef.h>
#include <stdio.h>

#include "serve/buffer.h"

#define CENTRAL_JSON_TYPE "application/json"

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
/* Writes text as a JSON string. */
void central_json_text(FILE *out, const char *text);

#endif
