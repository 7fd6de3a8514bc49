/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the parameters of control methods: one map in the params array. Checks each key, because
 * the sender is not trusted. Functions that return int return 0, or -EINVAL with *error, which
 * names the key and the expected value. Pure.
 */
#ifndef RPINGMESH_SERVE_PARAM_H
#define RPINGMESH_SERVE_PARAM_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/rpc.h"

/* Fills *error for a key. Returns -EINVAL. */
int param_bad(struct control_error *error, const char *key, const char *expected);

/* Gets the map in params, or NULL if there is none. */
int param_map(const msgpack_object *params, const msgpack_object_map **out,
	      struct control_error *error);

/* The value of a key; NULL: it is missing or nil, or there is no map. */
const msgpack_object *param_find(const msgpack_object_map *map, const char *key);

/* Whether the object is this string. */
bool param_is(const msgpack_object *o, const char *text);

/* Reads a string; buf is "" if the key is missing. */
int param_text(const msgpack_object_map *map, const char *key, char *buf, size_t size,
	       struct control_error *error);

struct param_range {
	const char *key;
	uint64_t fallback, min, max; /* fallback: if the key is missing */
	const char *expected;        /* in words */
};
int param_number(const msgpack_object_map *map, const struct param_range *range, uint64_t *out,
		 struct control_error *error);

/* A part of a long list. */
#define PARAM_PAGE_MAX 256
struct param_page {
	uint64_t after;  /* 0: from the start */
	uint32_t limit;  /* 1 to PARAM_PAGE_MAX */
	bool asked;      /* the parameters contain one of these */
};
int param_page(const msgpack_object *params, struct param_page *out, struct control_error *error);

#endif
