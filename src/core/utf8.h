/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of UTF-8 (RFC 3629) that output needs. Pure, except for utf8_spoken().
 */
#ifndef RPINGMESH_CORE_UTF8_H
#define RPINGMESH_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Puts the character at s into *code and returns its length in bytes, or 0 if the bytes are not
 * UTF-8. Overlong forms and surrogates are not UTF-8.
 */
size_t utf8_next(const char *s, size_t len, uint32_t *code);

/*
 * Whether the character must not be printed, because it moves the cursor (C0 and C1 controls;
 * U+009B begins a sequence in xterm) or reverses or hides text (Unicode's bidirectional controls,
 * zero width, line separators). A process may put these into its own name.
 */
bool utf8_is_control(uint32_t code);

/*
 * The number of columns of a string on a terminal. East Asian wide characters take two columns;
 * combining characters and colour sequences take none.
 */
size_t utf8_width(const char *s);

/* The bytes of s, in whole characters, that fit into `room` columns. *width: their columns. */
size_t utf8_cut(const char *s, size_t room, size_t *width);

/*
 * The number of blanks that fill s up to `columns`, as an int for printf(3)'s `*`; 0 if s is wide
 * enough.
 */
int utf8_blanks(const char *s, size_t columns);

/* Whether the locale uses UTF-8. */
bool utf8_spoken(void);

#endif
