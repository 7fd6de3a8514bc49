/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that hosts share. A file contains a line "NAME KEY" for each; KEY is 16 bytes as 32
 * hexadecimal digits or in base64 (RFC 4648, section 4). "#" begins a comment.
 */
#ifndef RPINGMESH_CORE_KEYS_H
#define RPINGMESH_CORE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "core/secret.h"
#include "core/siphash.h"

#define KEYS_MAX 8
#define KEYS_NAME 33   /* bytes of a name with its '\0' */
#define KEYS_ERROR SECRET_ERROR

struct keys {
	size_t n;
	struct {
		char name[KEYS_NAME];
		uint8_t bytes[SIPHASH_KEY];
	} key[KEYS_MAX];
};

/*
 * Reads a file that no other user may read or write. Returns 0 and sets *out to at least one key,
 * in the order of the file; or returns -errno and puts the reason into error. Blocks while the file
 * is read.
 */
int keys_load(const char *path, struct keys *out, char error[KEYS_ERROR]);

#endif
