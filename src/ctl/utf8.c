/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/utf8.h"

#include <string.h>

size_t
utf8_next(const char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = len ? (unsigned char)s[0] : 0xff;
	size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
	uint32_t u;

	if (n == 0 || n > len)
		return 0;
	u = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		u = u << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (u < least[n] || (u >= 0xd800 && u <= 0xdfff) || u > 0x10ffff)
		return 0;
	*code = u;
	return n;
}

bool
utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

size_t
utf8_width(const char *s)
{
	size_t width = 0;

	for (; *s; s++) {
		if (*s == '\033') {
			s += strcspn(s, "m");
			if (!*s)
				break;
		} else if (((unsigned char)*s & 0xc0) != 0x80) {
			width++;
		}
	}
	return width;
}
