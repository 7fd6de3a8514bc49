/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"

static bool
conf_check_label(const char *label, size_t len)
{
	if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii((unsigned char)label[i]) ||
		    (!isalnum((unsigned char)label[i]) && label[i] != '-'))
			return false;
	return true;
}

bool
conf_check_hostname(const char *text)
{
	size_t total = strlen(text), len;
	const char *label;

	if (total > 253)
		return false;
	for (label = text;; label += len + 1) {
		len = strcspn(label, ".");
		if (!conf_check_label(label, len))
			return false;
		/* A dot at the end means that the name is complete. */
		if (label[len] == '\0' || label[len + 1] == '\0')
			break;
	}
	/* 10.0.0.256 is a wrong address, not a name. */
	return strspn(label, "0123456789") != len;
}

bool
conf_check_path(const char *text)
{
	size_t len = strlen(text);

	return text[0] == '/' && text[len - 1] != '/' && conf_check_printable(text);
}

bool
conf_check_group(const char *text)
{
	if (!isascii((unsigned char)text[0]) ||
	    (!isalpha((unsigned char)text[0]) && text[0] != '_'))
		return false;
	for (const char *p = text; *p; p++)
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && !strchr("_.-", *p)))
			return false;
	return true;
}

bool
conf_check_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			return false;
	return true;
}

static bool
conf_check_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && len <= 5 && !text[len] && atoi(text) > 0 && atoi(text) <= 65535;
}

bool
conf_check_listen(const char *text)
{
	bool v6 = text[0] == '[';
	const char *host = text + v6;
	size_t len = strcspn(host, v6 ? "]" : ":");
	char buf[ADDR_TEXT];
	struct addr a;

	if (len >= sizeof(buf) || strncmp(host + len, v6 ? "]:" : ":", v6 ? 2 : 1) != 0)
		return false;
	memcpy(buf, host, len);
	buf[len] = '\0';
	if (addr_parse(buf, &a) < 0 || v6 != (strchr(buf, ':') != NULL))
		return false;
	return conf_check_port(host + len + (v6 ? 2 : 1));
}
