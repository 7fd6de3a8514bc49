/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sets *c to the next character, and moves *text past it. Returns 0 or -EINVAL. */
static int
query_char(const char **text, char *c)
{
	const char *at = *text;

	*c = *at == '+' ? ' ' : *at;
	*text = at + 1;
	if (*at != '%')
		return 0;
	if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
		return -EINVAL;
	*c = (char)strtol((const char[]){at[1], at[2], '\0'}, NULL, 16);
	*text = at + 3;
	return *c ? 0 : -EINVAL;
}

static int
query_decode(const char *text, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (text < end) {
		if (n + 1 >= size || query_char(&text, &out[n++]) < 0 || text > end)
			return -EINVAL;
	}
	out[n] = '\0';
	return 0;
}

int
query_text(const char *query, const char *key, char *out, size_t size)
{
	const size_t len = strlen(key);

	out[0] = '\0';
	while (query && *query) {
		const char *end = query + strcspn(query, "&");

		if (strncmp(query, key, len) == 0 && query[len] == '=')
			return query_decode(query + len + 1, end, out, size);
		query = *end ? end + 1 : end;
	}
	return 0;
}
