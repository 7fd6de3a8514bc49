/* SPDX-License-Identifier: Apache-2.0 */
#include "record/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "record/read.h"

static void
json_char(FILE *out, const char *s, size_t n, uint32_t code)
{
	static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
	const char *at = code > 0 && code < 0x80 ? strchr(plain, (int)code) : NULL;

	if (at)
		fprintf(out, "\\%c", escaped[at - plain]);
	else if (utf8_is_control(code))
		fprintf(out, "\\u%04x", (unsigned int)code);
	else
		fwrite(s, 1, n, out);
}

static void
json_str(FILE *out, const char *s, size_t len)
{
	fputc('"', out);
	while (len > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(s, len, &code);

		if (n == 0)
			fputs("\\ufffd", out);
		else
			json_char(out, s, n, code);
		s += n ? n : 1;
		len -= n ? n : 1;
	}
	fputc('"', out);
}

static void
json_hex(FILE *out, const char *s, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", (unsigned char)s[i]);
	fputc('"', out);
}

/* Writes the shortest text that is read back as the same number. */
static void
json_double(FILE *out, double d)
{
	char buf[32];

	if (!isfinite(d)) {
		fputs("null", out);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, d);
		if (strtod(buf, NULL) >= d && strtod(buf, NULL) <= d)
			break;
	}
	fputs(buf, out);
}

static void
json_key(FILE *out, const msgpack_object *key)
{
	bool bare = key->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
		    key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
		    key->type == MSGPACK_OBJECT_BOOLEAN || key->type == MSGPACK_OBJECT_FLOAT64 ||
		    key->type == MSGPACK_OBJECT_FLOAT32 || key->type == MSGPACK_OBJECT_NIL;

	if (key->type == MSGPACK_OBJECT_ARRAY || key->type == MSGPACK_OBJECT_MAP) {
		fputs("\"?\"", out);
		return;
	}
	if (bare)
		fputc('"', out);
	json_write(out, key);
	if (bare)
		fputc('"', out);
}

static void
json_array(FILE *out, const msgpack_object_array *a)
{
	fputc('[', out);
	for (uint32_t i = 0; i < a->size; i++) {
		if (i)
			fputc(',', out);
		json_write(out, &a->ptr[i]);
	}
	fputc(']', out);
}

static void
json_map(FILE *out, const msgpack_object_map *m, const char *type)
{
	fputc('{', out);
	if (type) {
		fputs("\"type\":", out);
		json_str(out, type, strlen(type));
	}
	for (uint32_t i = 0; i < m->size; i++) {
		if (i || type)
			fputc(',', out);
		json_key(out, &m->ptr[i].key);
		fputc(':', out);
		json_write(out, &m->ptr[i].val);
	}
	fputc('}', out);
}

/* FRAME_DEPTH_MAX limits the recursion. */
void
json_write(FILE *out, const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		fputs("null", out);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		fputs(o->via.boolean ? "true" : "false", out);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		fprintf(out, "%" PRIu64, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		fprintf(out, "%" PRId64, o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		json_double(out, o->via.f64);
		break;
	case MSGPACK_OBJECT_STR:
		json_str(out, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
		json_hex(out, o->via.bin.ptr, o->via.bin.size);
		break;
	case MSGPACK_OBJECT_EXT:
		json_hex(out, o->via.ext.ptr, o->via.ext.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
		json_array(out, &o->via.array);
		break;
	case MSGPACK_OBJECT_MAP:
		json_map(out, &o->via.map, NULL);
		break;
	}
}

void
json_line(FILE *out, const msgpack_object *o, const char *type)
{
	if (o->type == MSGPACK_OBJECT_MAP)
		json_map(out, &o->via.map, type && !read_find(o, "type") ? type : NULL);
	else
		json_write(out, o);
	fputc('\n', out);
}
