/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a record that others may have written, and refuses it as a whole at the first mistake
 * (read.h reads leniently). A key that is missing, or nil, is a mistake where a function does not
 * say otherwise.
 */
#ifndef RPINGMESH_RECORD_STRICT_H
#define RPINGMESH_RECORD_STRICT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;

/* The first mistake. All zero but `error` and `size` at the start. */
struct strict {
	char *error;   /* receives the mistake in words */
	size_t size;   /* of error */
	int rc;        /* 0, or -errno of the mistake */
	char at[48];   /* "" or "ports[3]: ", put in front of the words */
};

/* Notes a mistake, unless there is one already. Returns the rc of the first one. */
int strict_fail(struct strict *in, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Unpacks data: exactly one map of at most max bytes, whose "type" is this and whose "schema" this
 * program knows. Returns 0; the caller destroys *msg. Or notes -EMSGSIZE, -EBADMSG, -EINVAL or
 * -EPROTO (a newer schema) and returns it; then *msg is destroyed.
 */
int strict_open(struct strict *in, const void *data, size_t len, size_t max, const char *type,
		msgpack_unpacked *msg);

/*
 * A name: 1 to size - 1 bytes without control characters, because it is shown to people and may be
 * part of a topic. Returns false if the object is none.
 */
bool strict_copy(const msgpack_object *o, char *out, size_t size);
/* The same of a key. */
void strict_text(struct strict *in, const msgpack_object *map, const char *key, char *out,
		 size_t size);

/* A number from min to max. If the key is missing, *out remains. */
void strict_number(struct strict *in, const msgpack_object *map, const char *key, uint64_t min,
		   uint64_t max, uint64_t *out);
/* The same for 32 bits and min 0; returns `missing` if the key is missing. */
uint32_t strict_u32(struct strict *in, const msgpack_object *map, const char *key,
		    uint32_t missing);

/* An array of at most max elements; NULL after a mistake. */
const msgpack_object_array *strict_list(struct strict *in, const msgpack_object *map,
					const char *key, uint32_t max);

/*
 * An address that another host can probe: neither zero, nor loopback, nor link-local of IPv6, nor
 * multicast or broadcast.
 */
bool strict_addr(const msgpack_object *o, struct addr *out);
/* Whether strict_addr() takes the address. */
bool strict_addr_fits(const struct addr *a);

#endif
