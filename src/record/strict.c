/* SPDX-License-Identifier: Apache-2.0 */
#include "record/strict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "record/frame.h"
#include "record/read.h"
#include "rpingmesh/control.h"

int
strict_fail(struct strict *in, int rc, const char *fmt, ...)
{
	size_t n = strlen(in->at);
	va_list ap;

	if (in->rc)
		return in->rc;
	snprintf(in->error, in->size, "%s", in->at);
	if (n < in->size) {
		va_start(ap, fmt);
		vsnprintf(in->error + n, in->size - n, fmt, ap);
		va_end(ap);
	}
	in->rc = rc;
	return rc;
}

/* Whether the data is exactly one object that a decoder can take. */
static int
strict_scan(struct strict *in, const void *data, size_t len, size_t max)
{
	struct frame_scan scan;
	ssize_t n;

	if (len > max)
		return strict_fail(in, -EMSGSIZE, "%zu bytes, at most %zu are allowed", len, max);
	frame_scan_start(&scan, max);
	n = frame_scan_next(&scan, data, len);
	if (n <= 0 || (size_t)n != len)
		return strict_fail(in, -EBADMSG, "not one MessagePack object");
	return 0;
}

static int
strict_check_schema(struct strict *in, const msgpack_object *map)
{
	uint64_t schema = 0;

	if (!read_u64(map, "schema", &schema) || schema == 0)
		return strict_fail(in, -EINVAL, "schema is no number from 1");
	if (schema > CONTROL_SCHEMA)
		return strict_fail(in, -EPROTO, "schema %" PRIu64 ", this program knows up to %d",
				   schema, CONTROL_SCHEMA);
	return 0;
}

int
strict_open(struct strict *in, const void *data, size_t len, size_t max, const char *type,
	    msgpack_unpacked *msg)
{
	size_t at = 0;

	if (strict_scan(in, data, len, max) < 0)
		return in->rc;
	msgpack_unpacked_init(msg);
	if (msgpack_unpack_next(msg, data, len, &at) != MSGPACK_UNPACK_SUCCESS)
		strict_fail(in, -EBADMSG, "not one MessagePack object");
	else if (!read_is(&msg->data, "type", type))
		strict_fail(in, -EINVAL, "no %s", type);
	else
		strict_check_schema(in, &msg->data);
	if (in->rc < 0)
		msgpack_unpacked_destroy(msg);
	return in->rc;
}

bool
strict_copy(const msgpack_object *o, char *out, size_t size)
{
	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size == 0 || o->via.str.size >= size)
		return false;
	for (uint32_t i = 0; i < o->via.str.size; i++)
		if ((unsigned char)o->via.str.ptr[i] < ' ' || o->via.str.ptr[i] == 0x7f)
			return false;
	memcpy(out, o->via.str.ptr, o->via.str.size);
	out[o->via.str.size] = '\0';
	return true;
}

void
strict_text(struct strict *in, const msgpack_object *map, const char *key, char *out, size_t size)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || !strict_copy(o, out, size))
		strict_fail(in, -EINVAL, "%s is no string of 1 to %zu printable bytes", key,
			    size - 1);
}

void
strict_number(struct strict *in, const msgpack_object *map, const char *key, uint64_t min,
	      uint64_t max, uint64_t *out)
{
	uint64_t value;

	if (!read_find(map, key))
		return;
	if (read_u64(map, key, &value) && value >= min && value <= max)
		*out = value;
	else
		strict_fail(in, -EINVAL, "%s is no number from %" PRIu64 " to %" PRIu64, key, min,
			    max);
}

uint32_t
strict_u32(struct strict *in, const msgpack_object *map, const char *key, uint32_t missing)
{
	uint64_t value = missing;

	strict_number(in, map, key, 0, UINT32_MAX, &value);
	return (uint32_t)value;
}

const msgpack_object_array *
strict_list(struct strict *in, const msgpack_object *map, const char *key, uint32_t max)
{
	const msgpack_object *o = read_array(map, key);

	if (o && o->via.array.size <= max)
		return &o->via.array;
	strict_fail(in, -EINVAL, "%s is no list of at most %" PRIu32, key, max);
	return NULL;
}

bool
strict_addr_fits(const struct addr *a)
{
	static const struct addr loopback = {.raw = {[15] = 1}};

	if (addr_is_v4(a))
		return a->raw[12] != 0 && a->raw[12] != 127 && a->raw[12] < 224;
	return !addr_is_zero(a) && !addr_is_link_local(a) && a->raw[0] != 0xff &&
	       !addr_equal(a, &loopback);
}

bool
strict_addr(const msgpack_object *o, struct addr *out)
{
	char text[ADDR_TEXT];

	return strict_copy(o, text, sizeof(text)) && addr_parse(text, out) == 0 &&
	       strict_addr_fits(out);
}
