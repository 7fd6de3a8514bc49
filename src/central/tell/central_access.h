/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may look at the pages, and who may change something there: whoever has the token of
 * `view_token_file` or `token_file` (rpingmesh-central.conf(5)). If such a file cannot be read,
 * nobody may.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_ACCESS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/http.h"

struct central_access;
struct central_config;

/* Nobody may do anything before central_access_sync(). Returns 0 and sets *out, or -ENOMEM. */
int central_access_new(struct central_access **out);
/* NULL is allowed. */
void central_access_free(struct central_access *access);

/* Reads the files. Blocks meanwhile, so call it only at the start and for a reload. */
void central_access_sync(struct central_access *access, const struct central_config *config);

/* Borrowed. */
const struct http_guard *central_access_guard(const struct central_access *access);

/* Why a token could not be read. Returns false if there is no such problem. */
bool central_access_sentence(const struct central_access *access, char *text, size_t room);

#endif
