/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"

static bool
config_check_label(const char *label, size_t len)
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
config_check_hostname(const char *text)
{
	size_t total = strlen(text), len;
	const char *label;

	if (total > 253)
		return false;
	for (label = text;; label += len + 1) {
		len = strcspn(label, ".");
		if (!config_check_label(label, len))
			return false;
		/* A dot at the end means that the name is complete. */
		if (label[len] == '\0' || label[len + 1] == '\0')
			break;
	}
	/* 10.0.0.256 is a wrong address, not a name. */
	return strspn(label, "0123456789") != len;
}

static bool
config_check_graphic(const char *text, const char *except)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text > '~' ||
		    strchr(except, *text))
			return false;
	return true;
}

/* "mlx5_0:1", "^mlx5_0" and "=mlx5_0" of NCCL_IB_HCA */
static bool
config_check_is_nccl(const char *text)
{
	const char *colon = strrchr(text, ':');

	return text[0] == '^' || text[0] == '=' ||
	       (colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")]);
}

bool
config_check_device(const char *text)
{
	return config_check_graphic(text, "\\?*[]/") && !config_check_is_nccl(text);
}

bool
config_check_pattern(const char *text)
{
	const char *p = text;

	if (!config_check_graphic(text, "/") || config_check_is_nccl(text))
		return false;
	while ((p = strpbrk(p, "\\["))) {
		if (*p == '\\') {
			if (!p[1])
				return false;
			p += 2;
			continue;
		}
		p += p[1] == '!' || p[1] == '^' ? 2 : 1;
		/* A ']' at the first place is an ordinary character. */
		p = *p ? strchr(p + 1, ']') : NULL;
		if (!p)
			return false;
	}
	return true;
}

bool
config_check_path(const char *text)
{
	size_t len = strlen(text);

	return text[0] == '/' && text[len - 1] != '/' && config_check_printable(text);
}

bool
config_check_group(const char *text)
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
config_check_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			return false;
	return true;
}

static bool
config_check_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && len <= 5 && !text[len] && atoi(text) > 0 && atoi(text) <= 65535;
}

bool
config_check_listen(const char *text)
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
	return config_check_port(host + len + (v6 ? 2 : 1));
}

/* A unicast address that another host can have, and on which daemons listen. */
static bool
config_check_unicast(const struct addr *a)
{
	static const struct addr loopback = {.raw = {[15] = 1}};

	if (addr_is_v4(a))
		return a->raw[12] != 0 && a->raw[12] != 127 && a->raw[12] < 224;
	return !addr_is_zero(a) && !addr_equal(a, &loopback) && !addr_is_link_local(a) &&
	       a->raw[0] != 0xff;
}

bool
config_check_source(const char *text)
{
	struct addr a;

	return addr_parse(text, &a) == 0 && config_check_unicast(&a);
}

bool
config_check_address(const char *text)
{
	struct addr a;

	return addr_parse(text, &a) == 0 ? config_check_unicast(&a) : config_check_hostname(text);
}
