/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- the file ---- */

int
token_read(const char *path, char token[TOKEN_SIZE], char error[SECRET_ERROR])
{
	char text[2 * TOKEN_SIZE];
	int rc = secret_read(path, text, sizeof(text), error);
	size_t len = rc == 0 ? strcspn(text, "\r\n") : 0;

	memset(token, 0, TOKEN_SIZE);
	if (rc < 0)
		return rc;
	if (len < TOKEN_MIN || len >= TOKEN_SIZE || text[len + strspn(text + len, "\r\n")])
		rc = -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			rc = -EINVAL;
	if (rc == 0)
		memcpy(token, text, len);
	else
		snprintf(error, SECRET_ERROR,
			 "it is not one line of %d to %d printable characters without spaces",
			 TOKEN_MIN, TOKEN_SIZE - 1);
	explicit_bzero(text, sizeof(text));
	return rc;
}

bool
token_is(const char token[TOKEN_SIZE], const char *text)
{
	char given[TOKEN_SIZE] = {0};
	size_t len = text ? strlen(text) : 0;
	volatile unsigned char differs = len >= TOKEN_SIZE || !token[0];

	memcpy(given, text ? text : "", len < TOKEN_SIZE ? len : TOKEN_SIZE);
	for (size_t i = 0; i < TOKEN_SIZE; i++)
		differs |= (unsigned char)given[i] ^ (unsigned char)token[i];
	return !differs;
}

/* ---- Basic ---- */

/* Returns the value of a character of base64 (RFC 4648), or -1. */
static int
token_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Returns how many bytes it wrote to out, without a '\0', or -1. */
static int
token_decode(const char *text, char *out, size_t size)
{
	uint32_t bits = 0, n_bits = 0;
	size_t n = 0;

	for (; token_digit(*text) >= 0; text++) {
		bits = bits << 6 | (uint32_t)token_digit(*text);
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (n == size)
			return -1;
		out[n++] = (char)(bits >> n_bits & 0xff);
	}
	return text[strspn(text, "=")] ? -1 : (int)n;
}

bool
token_of_basic(const char *header, char token[TOKEN_SIZE])
{
	static const char scheme[] = "Basic ";
	char text[2 * TOKEN_SIZE] = {0};
	const char *colon;
	bool ok = false;

	if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0)
		return false;
	header += strlen(scheme);
	header += strspn(header, " ");
	if (token_decode(header, text, sizeof(text) - 1) > 0) {
		colon = strchr(text, ':');
		ok = colon && strlen(colon + 1) < TOKEN_SIZE;
		if (ok)
			snprintf(token, TOKEN_SIZE, "%s", colon + 1);
	}
	explicit_bzero(text, sizeof(text));
	return ok;
}

/* ---- sources of wrong ones ---- */

void
token_watch_wrong(struct token_watch *watch, uint64_t who, uint64_t now_ns)
{
	struct token_source *at = &watch->sources[0];

	for (uint32_t i = 0; i < TOKEN_SOURCES; i++) {
		struct token_source *source = &watch->sources[i];

		if (source->begin_ns && source->who == who) {
			at = source;
			break;
		}
		if (source->begin_ns < at->begin_ns)
			at = source;
	}
	if (!at->begin_ns || at->who != who || now_ns >= at->begin_ns + TOKEN_WRONG_NS)
		*at = (struct token_source){.who = who, .begin_ns = now_ns};
	at->wrong++;
}

bool
token_watch_is_shut(const struct token_watch *watch, uint64_t who, uint64_t now_ns)
{
	for (uint32_t i = 0; i < TOKEN_SOURCES; i++) {
		const struct token_source *source = &watch->sources[i];

		if (source->begin_ns && source->who == who)
			return source->wrong >= TOKEN_WRONG_MAX &&
			       now_ns < source->begin_ns + TOKEN_WRONG_NS;
	}
	return false;
}
