/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: A copy owns packed bytes and an object that is decoded from them and points into them.
 */
#include "ctl/wire/copy.h"

#include <stdlib.h>

struct copy {
	msgpack_sbuffer bytes;
	msgpack_unpacked decoded;
};

struct copy *
copy_new(const msgpack_object *o)
{
	struct copy *copy = calloc(1, sizeof(*copy));
	msgpack_packer pk;
	size_t off = 0;

	if (!copy)
		return NULL;
	msgpack_sbuffer_init(&copy->bytes);
	msgpack_unpacked_init(&copy->decoded);
	msgpack_packer_init(&pk, &copy->bytes, msgpack_sbuffer_write);
	if (msgpack_pack_object(&pk, *o) < 0 ||
	    msgpack_unpack_next(&copy->decoded, copy->bytes.data, copy->bytes.size, &off) !=
		    MSGPACK_UNPACK_SUCCESS) {
		copy_free(copy);
		return NULL;
	}
	return copy;
}

const msgpack_object *
copy_object(const struct copy *copy)
{
	return &copy->decoded.data;
}

void
copy_free(struct copy *copy)
{
	if (!copy)
		return;
	msgpack_unpacked_destroy(&copy->decoded);
	msgpack_sbuffer_destroy(&copy->bytes);
	free(copy);
}
