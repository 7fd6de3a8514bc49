/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/configtext.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/view/view.h"
#include "record/read.h"

#define CONFIGTEXT_MAX 512

/* Writes a string in quotes. view_clean() has replaced control characters. */
static void
configtext_str(FILE *out, const msgpack_object *o)
{
	char text[CONFIGTEXT_MAX];

	view_clean(o, text, sizeof(text));
	fputc('"', out);
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

void
configtext_value(FILE *out, const msgpack_object *value)
{
	if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		fprintf(out, "%" PRIu64, value->via.u64);
	} else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		fprintf(out, "%" PRId64, value->via.i64);
	} else if (value->type == MSGPACK_OBJECT_BOOLEAN) {
		fputs(value->via.boolean ? "true" : "false", out);
	} else if (value->type == MSGPACK_OBJECT_STR) {
		configtext_str(out, value);
	} else if (value->type == MSGPACK_OBJECT_ARRAY) {
		fputc('(', out);
		for (uint32_t i = 0; i < value->via.array.size; i++) {
			if (i)
				fputs(", ", out);
			configtext_value(out, &value->via.array.ptr[i]);
		}
		fputc(')', out);
	} else {
		fputc('?', out);
	}
}

/* Writes the file and line of a key, and whether it waits for the next start. */
static void
configtext_origin(FILE *out, const msgpack_object *record)
{
	const msgpack_object *pending = read_find(record, "pending");
	char file[CONFIGTEXT_MAX], line[32];
	bool known = view_text(record, "file", file, sizeof(file)) &&
		     view_text(record, "line", line, sizeof(line));

	if (!pending && !known)
		return;
	fputs("  #", out);
	if (pending) {
		fputs(" from the next start on ", out);
		configtext_value(out, pending);
		fputs(known ? "," : ", the default", out);
	}
	if (known)
		fprintf(out, " %s:%s", file, line);
}

/* Writes one line. A default is a comment, so that it stays a default when the file is read. */
static void
configtext_key(FILE *out, const msgpack_object *record, const char *name, const char *indent)
{
	const msgpack_object *value = read_find(record, "value");
	bool def = true;

	read_bool(record, "default", &def);
	fprintf(out, "%s%s%s = ", indent, def && !read_find(record, "pending") ? "#" : "", name);
	if (value)
		configtext_value(out, value);
	fputc(';', out);
	configtext_origin(out, record);
	fputc('\n', out);
}

void
configtext_values(FILE *out, const msgpack_object *values)
{
	char open[128] = "", key[128];

	for (uint32_t i = 0; i < values->via.array.size; i++) {
		const msgpack_object *record = &values->via.array.ptr[i];
		char *dot;

		view_text(record, "key", key, sizeof(key));
		dot = strchr(key, '.');
		if (dot)
			*dot = '\0';
		if (open[0] && (!dot || strcmp(open, key) != 0)) {
			fputs("};\n", out);
			open[0] = '\0';
		}
		if (dot && !open[0]) {
			strcpy(open, key);
			fprintf(out, "%s = {\n", open);
		}
		configtext_key(out, record, dot ? dot + 1 : key, dot ? "    " : "");
	}
	if (open[0])
		fputs("};\n", out);
}

/* ---- peers ---- */

void
configtext_peers_begin(FILE *out)
{
	fputs("peers = (", out);
}

/*
 * The value of entries that do not set the key. NULL: it is unknown, or the key exists only for
 * peers.
 */
static const msgpack_object *
configtext_base(const msgpack_object *values, const msgpack_object *key)
{
	for (uint32_t i = 0; i < values->via.array.size; i++) {
		const msgpack_object *name = read_find(&values->via.array.ptr[i], "key");

		if (name && msgpack_object_equal(*name, *key))
			return read_find(&values->via.array.ptr[i], "value");
	}
	return NULL;
}

/*
 * Writes an entry as a group with the values that differ from the keys outside peers. If there are
 * none, writes the address alone.
 */
static void
configtext_peer(FILE *out, const msgpack_object *peer, const msgpack_object *values)
{
	const msgpack_object *address = read_find(peer, "address");
	bool group = false;
	char key[64];

	for (uint32_t i = 0; address && i < peer->via.map.size; i++) {
		const msgpack_object_kv *kv = &peer->via.map.ptr[i];
		const msgpack_object *base = configtext_base(values, &kv->key);

		if (&kv->val == address || kv->val.type == MSGPACK_OBJECT_NIL ||
		    (base && msgpack_object_equal(*base, kv->val)))
			continue;
		if (!group) {
			fputs("{ address = ", out);
			configtext_value(out, address);
			fputc(';', out);
		}
		group = true;
		view_clean(&kv->key, key, sizeof(key));
		fprintf(out, " %s = ", key);
		configtext_value(out, &kv->val);
		fputc(';', out);
	}
	if (group)
		fputs(" }", out);
	else if (address)
		configtext_value(out, address);
}

void
configtext_peers(FILE *out, const msgpack_object *peers, const msgpack_object *values, size_t *n)
{
	for (uint32_t i = 0; i < peers->via.array.size; i++) {
		fputs((*n)++ ? ",\n    " : "\n    ", out);
		configtext_peer(out, &peers->via.array.ptr[i], values);
	}
}

void
configtext_peers_end(FILE *out, size_t n)
{
	fputs(n ? "\n);\n" : ");\n", out);
}
