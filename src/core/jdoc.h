/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a JSON text (RFC 8259) of another program into a tree. The text is not trusted: memory is a
 * small multiple of its length, and the depth is bounded. Strings with a NUL are refused.
 */
#ifndef RPINGMESH_CORE_JDOC_H
#define RPINGMESH_CORE_JDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JDOC_DEPTH_MAX 32u

struct jdoc;

enum jdoc_type {
	JDOC_NULL,
	JDOC_FALSE,
	JDOC_TRUE,
	JDOC_NUMBER,
	JDOC_STRING,
	JDOC_ARRAY,
	JDOC_OBJECT,
};

struct jdoc_value {
	enum jdoc_type type;
	const char *key;  /* in an object; else NULL */
	const char *text; /* of a string, or of a number as it is written; else NULL */
	size_t first;     /* for jdoc_first() and jdoc_next() */
	size_t next;
};

/*
 * Returns 0 and sets *out, which the caller frees with jdoc_free(), or returns -errno: -EINVAL if
 * it is no JSON, -E2BIG if it is too deep, -ENOMEM.
 */
int jdoc_parse(const char *text, size_t len, struct jdoc **out);

/* NULL is allowed. */
void jdoc_free(struct jdoc *json);

/* Values are borrowed from json. Each function takes NULL as a value, and then finds nothing. */
const struct jdoc_value *jdoc_root(const struct jdoc *json);
/* Walks the members of an object or an array. NULL: there are no more. */
const struct jdoc_value *jdoc_first(const struct jdoc *json, const struct jdoc_value *of);
const struct jdoc_value *jdoc_next(const struct jdoc *json, const struct jdoc_value *value);
/* The first member of an object with this key, or NULL. */
const struct jdoc_value *jdoc_find(const struct jdoc *json, const struct jdoc_value *object,
				   const char *key);
/* The string, or NULL if the value is none. */
const char *jdoc_string(const struct jdoc_value *value);
/* Returns false if the value is no integer from 0 to UINT32_MAX. */
bool jdoc_u32(const struct jdoc_value *value, uint32_t *out);

#endif
