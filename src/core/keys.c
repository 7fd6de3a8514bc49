/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_FILE_MAX 4096
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

/* Checks that no other user can read or write the file. */
static int
keys_check(int fd, char error[KEYS_ERROR])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		snprintf(error, KEYS_ERROR, "it is not a file");
	else if (st.st_mode & (S_IWGRP | S_IRWXO))
		snprintf(error, KEYS_ERROR,
			 "its mode is %03o: other users may read it, or its group may write to it "
			 "(chmod 600 or 640)",
			 st.st_mode & 0777);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(error, KEYS_ERROR, "it belongs to uid %u, neither root nor the daemon",
			 (unsigned int)st.st_uid);
	else
		return 0;
	return -EACCES;
}

static int
keys_read(int fd, struct keys *out, char error[KEYS_ERROR])
{
	char text[KEYS_FILE_MAX + 1];
	ssize_t n = 0, more = 1;
	int rc;

	while (n < KEYS_FILE_MAX && more > 0) {
		more = read(fd, text + n, (size_t)(KEYS_FILE_MAX - n));
		if (more < 0 && errno != EINTR)
			return -errno;
		n += more > 0 ? more : 0;
		more = more < 0 ? 1 : more;
	}
	if (n == KEYS_FILE_MAX || memchr(text, '\0', (size_t)n)) {
		snprintf(error, KEYS_ERROR, "it is no text, or longer than 4 KB");
		return -EINVAL;
	}
	text[n] = '\0';
	rc = keys_parse(text, out, error);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int
keys_load(const char *path, struct keys *out, char error[KEYS_ERROR])
{
	/* With O_NONBLOCK, open(2) does not wait if the path is a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = fd < 0 ? -errno : 0;
	struct keys keys = {.n = 0};

	error[0] = '\0';
	if (rc == 0)
		rc = keys_check(fd, error);
	if (rc == 0)
		rc = keys_read(fd, &keys, error);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		*out = keys;
	else if (!error[0])
		snprintf(error, KEYS_ERROR, "%s", strerror(-rc));
	return rc;
}
