/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_check.h"

#include <string.h>

#include "core/addr.h"
#include "core/conf_check.h"

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

	return addr_parse(text, &a) == 0 ? config_check_unicast(&a) : conf_check_hostname(text);
}
