/* SPDX-License-Identifier: Apache-2.0 */
#include "central/config/central_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf_file.h"

int
central_text_fail(const struct central_text *text, int rc, const char *fmt, ...)
{
	int n = snprintf(text->error, CONF_ERROR, "%.300s:%u: ", text->file, text->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text->error + n, (size_t)(CONF_ERROR - n), fmt, ap);
	va_end(ap);
	for (char *c = text->error; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	return rc;
}

bool
central_text_is_name(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len >= 1 && len <= CENTRAL_NAME;
}

int
central_text_load(const char *path, char **out, char error[CONF_ERROR])
{
	int rc = conf_file_read(path, out);

	if (rc < 0)
		snprintf(error, CONF_ERROR, "%.300s: cannot be read: %s", path,
			 rc == -ENOENT ? "no such file" : conf_file_cause(rc));
	return rc;
}

int
central_text_room(const struct central_text *text, void **array, size_t size, size_t n,
		  size_t *room)
{
	size_t wanted = *room ? 2 * *room : 256;
	void *more;

	if (n == CENTRAL_NAMES_MAX)
		return central_text_fail(text, -EINVAL, "more than %u names", CENTRAL_NAMES_MAX);
	if (n < *room)
		return 0;
	more = reallocarray(*array, wanted, size);
	if (!more)
		return central_text_fail(text, -ENOMEM, "no memory");
	*array = more;
	*room = wanted;
	return 0;
}
