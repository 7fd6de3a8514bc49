/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

#include <langinfo.h>
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
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff;
}

/* From EastAsianWidth.txt of Unicode 15; if most of a block is wide, the whole block. */
static const struct utf8_range {
	uint32_t first, last;
} utf8_wide[] = {
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x4dbf}, {0x4e00, 0xa4cf}, {0xa960, 0xa97f},
	 {0xac00, 0xd7a3}, {0xf900, 0xfaff},
	{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680,
	 0x1f6ff}, {0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
}, utf8_combining[] = {
	{0x300, 0x36f}, {0x483, 0x489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
	 {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	{0xe0100, 0xe01ef},
};
#define UTF8_WIDE (sizeof(utf8_wide) / sizeof(utf8_wide[0]))
#define UTF8_COMBINING (sizeof(utf8_combining) / sizeof(utf8_combining[0]))

static bool
utf8_in(uint32_t code, const struct utf8_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

static size_t
utf8_columns(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (utf8_in(code, utf8_combining, UTF8_COMBINING))
		return 0;
	return utf8_in(code, utf8_wide, UTF8_WIDE) ? 2 : 1;
}

/*
 * The length in bytes of the character or colour sequence at s, and its columns. s must not be at
 * its end.
 */
static size_t
utf8_step(const char *s, size_t *columns)
{
	uint32_t code = 0;
	size_t n;

	if (*s == '\033') {
		n = strcspn(s, "m");
		*columns = 0;
		return s[n] ? n + 1 : n;
	}
	n = utf8_next(s, strnlen(s, 4), &code);
	*columns = n ? utf8_columns(code) : 1;
	return n ? n : 1;
}

size_t
utf8_width(const char *s)
{
	size_t width = 0, columns;

	while (*s) {
		s += utf8_step(s, &columns);
		width += columns;
	}
	return width;
}

size_t
utf8_cut(const char *s, size_t room, size_t *width)
{
	size_t len = 0, at = 0, columns;

	while (s[len]) {
		size_t n = utf8_step(s + len, &columns);

		if (at + columns > room)
			break;
		len += n;
		at += columns;
	}
	*width = at;
	return len;
}

int
utf8_blanks(const char *s, size_t columns)
{
	size_t width = utf8_width(s);

	return width < columns ? (int)(columns - width) : 0;
}

bool
utf8_spoken(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
