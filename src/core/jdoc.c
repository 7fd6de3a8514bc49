/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: jdoc
 *
 * The values are in one array, in the order in which they begin; value 0 is the root, and an index
 * of 0 means none. The strings are in one copy of the text: they are decoded in place, because a
 * decoded string is never longer than a written one, and end where the closing quote was.
 */
#include "core/jdoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jdoc {
	struct jdoc_value *values;
	size_t n, room;
	char *text;
};

struct jdoc_reader {
	struct jdoc *json;
	char *at;          /* in json->text, which ends with a '\0' */
	const char *end;
	int rc;            /* the first error */
};

static void
jdoc_fail(struct jdoc_reader *r, int rc)
{
	if (r->rc == 0)
		r->rc = rc;
}

static void
jdoc_skip_space(struct jdoc_reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
}

/* Takes a character if it is the next one. */
static bool
jdoc_take(struct jdoc_reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* Returns the index of a new value; 0 after an error. The root has index 0, too. */
static size_t
jdoc_add(struct jdoc_reader *r, const char *key)
{
	struct jdoc *json = r->json;
	struct jdoc_value *more;

	if (json->n == json->room) {
		more = reallocarray(json->values, json->room * 2 + 16, sizeof(*more));
		if (!more) {
			jdoc_fail(r, -ENOMEM);
			return 0;
		}
		json->values = more;
		json->room = json->room * 2 + 16;
	}
	json->values[json->n] = (struct jdoc_value){.key = key};
	return json->n++;
}

/* ---- strings ---- */

static char *
jdoc_put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* Reads four hexadecimal digits. */
static bool
jdoc_hex(struct jdoc_reader *r, uint32_t *out)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *found;
	size_t digit;

	*out = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		found = r->at < r->end && *r->at ? strchr(digits, *r->at) : NULL;
		if (!found)
			return false;
		digit = (size_t)(found - digits);
		*out = *out << 4 | (uint32_t)(digit < 16 ? digit : digit - 6);
	}
	return true;
}

/* Reads what follows "\u": a character, or the two halves of one beyond 16 bits. */
static char *
jdoc_unicode(struct jdoc_reader *r, char *out)
{
	uint32_t c, low;

	if (!jdoc_hex(r, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000)) {
		jdoc_fail(r, -EINVAL);
		return out;
	}
	if (c < 0xd800 || c >= 0xe000)
		return jdoc_put_utf8(out, c);
	if (!jdoc_take(r, '\\') || !jdoc_take(r, 'u') || !jdoc_hex(r, &low) || low < 0xdc00 ||
	    low >= 0xe000) {
		jdoc_fail(r, -EINVAL);
		return out;
	}
	return jdoc_put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

static char *
jdoc_escape(struct jdoc_reader *r, char *out)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (jdoc_take(r, 'u'))
		return jdoc_unicode(r, out);
	found = r->at < r->end && *r->at ? strchr(names, *r->at) : NULL;
	if (!found) {
		jdoc_fail(r, -EINVAL);
		return out;
	}
	r->at++;
	*out++ = means[found - names];
	return out;
}

/* Reads a string whose opening quote is taken. */
static const char *
jdoc_take_string(struct jdoc_reader *r)
{
	char *begin = r->at, *out = r->at;

	while (r->rc == 0 && r->at < r->end && *r->at != '"') {
		if ((unsigned char)*r->at < 0x20)
			jdoc_fail(r, -EINVAL);
		else if (jdoc_take(r, '\\'))
			out = jdoc_escape(r, out);
		else
			*out++ = *r->at++;
	}
	if (!jdoc_take(r, '"'))
		jdoc_fail(r, -EINVAL);
	else
		*out = '\0';
	return begin;
}

/* ---- other values ---- */

static size_t
jdoc_digits(struct jdoc_reader *r)
{
	size_t n = 0;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
		r->at++;
		n++;
	}
	return n;
}

static bool
jdoc_number_parts(struct jdoc_reader *r)
{
	jdoc_take(r, '-');
	if (!jdoc_take(r, '0') && !jdoc_digits(r))
		return false;
	if (jdoc_take(r, '.') && !jdoc_digits(r))
		return false;
	if (jdoc_take(r, 'e') || jdoc_take(r, 'E')) {
		if (!jdoc_take(r, '+'))
			jdoc_take(r, '-');
		return jdoc_digits(r) > 0;
	}
	return true;
}

/* Its text cannot end in place, because a comma may follow. So it moves one byte to the left. */
static void
jdoc_number(struct jdoc_reader *r, size_t self)
{
	char *begin = r->at;
	size_t len;

	if (!jdoc_number_parts(r)) {
		jdoc_fail(r, -EINVAL);
		return;
	}
	len = (size_t)(r->at - begin);
	memmove(begin - 1, begin, len);
	begin[len - 1] = '\0';
	r->json->values[self].type = JDOC_NUMBER;
	r->json->values[self].text = begin - 1;
}

static void
jdoc_word(struct jdoc_reader *r, size_t self)
{
	static const struct {
		const char *word;
		enum jdoc_type type;
	} words[] = {{"null", JDOC_NULL}, {"false", JDOC_FALSE}, {"true", JDOC_TRUE}};
	size_t left = (size_t)(r->end - r->at), len;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		len = strlen(words[i].word);
		if (left < len || memcmp(r->at, words[i].word, len) != 0)
			continue;
		r->at += len;
		r->json->values[self].type = words[i].type;
		return;
	}
	jdoc_fail(r, -EINVAL);
}

static void jdoc_value(struct jdoc_reader *r, size_t self, unsigned int depth);

/* Reads a member, and returns its index; 0: an error. */
static size_t
jdoc_member(struct jdoc_reader *r, bool object, unsigned int depth)
{
	const char *key = NULL;
	size_t member;

	jdoc_skip_space(r);
	if (object) {
		if (!jdoc_take(r, '"'))
			jdoc_fail(r, -EINVAL);
		else
			key = jdoc_take_string(r);
		jdoc_skip_space(r);
		if (r->rc == 0 && !jdoc_take(r, ':'))
			jdoc_fail(r, -EINVAL);
	}
	if (r->rc < 0)
		return 0;
	member = jdoc_add(r, key);
	if (member)
		jdoc_value(r, member, depth + 1);
	return member;
}

static void
jdoc_members(struct jdoc_reader *r, size_t self, bool object, unsigned int depth)
{
	char close = object ? '}' : ']';
	size_t last = 0, member;

	r->json->values[self].type = object ? JDOC_OBJECT : JDOC_ARRAY;
	jdoc_skip_space(r);
	if (jdoc_take(r, close))
		return;
	do {
		member = jdoc_member(r, object, depth);
		if (r->rc < 0)
			return;
		if (last)
			r->json->values[last].next = member;
		else
			r->json->values[self].first = member;
		last = member;
		jdoc_skip_space(r);
	} while (jdoc_take(r, ','));
	if (!jdoc_take(r, close))
		jdoc_fail(r, -EINVAL);
}

static void
jdoc_value(struct jdoc_reader *r, size_t self, unsigned int depth)
{
	const char *text;

	jdoc_skip_space(r);
	if (depth > JDOC_DEPTH_MAX) {
		jdoc_fail(r, -E2BIG);
	} else if (jdoc_take(r, '{')) {
		jdoc_members(r, self, true, depth);
	} else if (jdoc_take(r, '[')) {
		jdoc_members(r, self, false, depth);
	} else if (jdoc_take(r, '"')) {
		text = jdoc_take_string(r);
		r->json->values[self].type = JDOC_STRING;
		r->json->values[self].text = text;
	} else if (r->at < r->end && (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))) {
		jdoc_number(r, self);
	} else {
		jdoc_word(r, self);
	}
}

static void
jdoc_all(struct jdoc_reader *r)
{
	jdoc_add(r, NULL);
	if (r->rc == 0)
		jdoc_value(r, 0, 1);
	jdoc_skip_space(r);
	if (r->at != r->end)
		jdoc_fail(r, -EINVAL);
}

int
jdoc_parse(const char *text, size_t len, struct jdoc **out)
{
	struct jdoc_reader r = {.json = calloc(1, sizeof(*r.json))};

	if (!r.json)
		return -ENOMEM;
	/* A byte in front, for a number at the very beginning. */
	r.json->text = malloc(len + 2);
	if (r.json->text) {
		r.at = r.json->text + 1;
		memcpy(r.at, text, len);
		r.end = r.at + len;
		r.at[len] = '\0';
		jdoc_all(&r);
	} else {
		jdoc_fail(&r, -ENOMEM);
	}
	if (r.rc == 0)
		*out = r.json;
	else
		jdoc_free(r.json);
	return r.rc;
}

void
jdoc_free(struct jdoc *json)
{
	if (!json)
		return;
	free(json->values);
	free(json->text);
	free(json);
}

const struct jdoc_value *
jdoc_root(const struct jdoc *json)
{
	return &json->values[0];
}

const struct jdoc_value *
jdoc_first(const struct jdoc *json, const struct jdoc_value *of)
{
	return of && of->first ? &json->values[of->first] : NULL;
}

const struct jdoc_value *
jdoc_next(const struct jdoc *json, const struct jdoc_value *value)
{
	return value && value->next ? &json->values[value->next] : NULL;
}

const struct jdoc_value *
jdoc_find(const struct jdoc *json, const struct jdoc_value *object, const char *key)
{
	const struct jdoc_value *member = jdoc_first(json, object);

	while (member && (!member->key || strcmp(member->key, key) != 0))
		member = jdoc_next(json, member);
	return member;
}

const char *
jdoc_string(const struct jdoc_value *value)
{
	return value && value->type == JDOC_STRING ? value->text : NULL;
}

bool
jdoc_u32(const struct jdoc_value *value, uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (!value || value->type != JDOC_NUMBER || value->text[0] == '-')
		return false;
	errno = 0;
	n = strtoull(value->text, &end, 10);
	if (errno || *end || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}
