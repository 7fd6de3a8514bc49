/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEYS_FILE_MAX 4097 /* with a '\0' */
#define KEYS_HEX (2 * SIPHASH_KEY)
#define KEYS_BASE64 24 /* 16 bytes, and "==" */
#define KEYS_SPACE " \t\r"

/* The value of a digit, or -1. */
static int
keys_digit(const char *digits, char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool
keys_hex(const char *text, uint8_t *bytes)
{
	/* The upper-case letters come again: 16 to 21 stand for 10 to 15. */
	static const char digits[] = "0123456789abcdefABCDEF";

	for (size_t i = 0; i < SIPHASH_KEY; i++) {
		int high = keys_digit(digits, text[2 * i]),
		    low = keys_digit(digits, text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		high -= high > 15 ? 6 : 0;
		low -= low > 15 ? 6 : 0;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
keys_base64(const char *text, uint8_t *bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	uint32_t bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < KEYS_BASE64 - 2; i++) {
		int digit = keys_digit(digits, text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 && n < SIPHASH_KEY)
			bytes[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* Four bits are unused. */
	return n == SIPHASH_KEY && !(bits & 15) && strcmp(text + KEYS_BASE64 - 2, "==") == 0;
}

/* Reads a line that is not empty. Returns what is wrong with it, or NULL. */
static const char *
keys_line(struct keys *keys, const char *name, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	uint8_t *bytes;

	if (!text)
		return "no key behind the name";
	if (strlen(name) >= KEYS_NAME)
		return "a name of more than 32 bytes";
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~')
			return "a name that is not printable ASCII";
	if (keys->n == KEYS_MAX)
		return "more than 8 keys";
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->key[i].name, name) == 0)
			return "a name that another key has";
	bytes = keys->key[keys->n].bytes;
	if (!(length == KEYS_HEX && keys_hex(text, bytes)) &&
	    !(length == KEYS_BASE64 && keys_base64(text, bytes)))
		return "a key that is not 32 hexadecimal digits or 24 characters of base64";
	snprintf(keys->key[keys->n++].name, KEYS_NAME, "%s", name);
	return NULL;
}

static int
keys_parse(char *text, struct keys *out, char error[KEYS_ERROR])
{
	const char *what = NULL, *name;
	unsigned int number = 0;
	char *save, *next;

	for (char *line = text; line && !what; line = next) {
		number++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "#")] = '\0';
		name = strtok_r(line, KEYS_SPACE, &save);
		if (!name)
			continue;
		what = keys_line(out, name, strtok_r(NULL, KEYS_SPACE, &save));
		if (!what && strtok_r(NULL, KEYS_SPACE, &save))
			what = "more than a name and a key";
	}
	if (!what && out->n)
		return 0;
	if (what)
		snprintf(error, KEYS_ERROR, "line %u has %s", number, what);
	else
		snprintf(error, KEYS_ERROR, "it has no key");
	return -EINVAL;
}

int
keys_load(const char *path, struct keys *out, char error[KEYS_ERROR])
{
	char text[KEYS_FILE_MAX];
	struct keys keys = {.n = 0};
	int rc = secret_read(path, text, sizeof(text), error);

	if (rc < 0)
		return rc;
	rc = keys_parse(text, &keys, error);
	explicit_bzero(text, sizeof(text));
	if (rc == 0)
		*out = keys;
	return rc;
}
