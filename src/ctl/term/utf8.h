/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as far as output needs it (RFC 3629).
 */
#ifndef RPINGMESH_CTL_TERM_UTF8_H
#define RPINGMESH_CTL_TERM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The length of the character at s, and *code; 0 if the bytes are not UTF-8 (overlong and
 * surrogates are not).
 */
size_t utf8_next(const char *s, size_t len, uint32_t *code);

/*
 * What moves the cursor (C0 and C1 controls: U+009B begins a sequence in xterm), and what turns
 * text around or hides in it (Unicode's bidirectional controls, zero width, line separators): a
 * process chooses its own name.
 */
bool utf8_is_control(uint32_t code);

/*
 * Columns that a string takes on a terminal: East Asian wide characters two, combining ones and
 * colour sequences none.
 */
size_t utf8_width(const char *s);

/* How many bytes of s fit into room columns, whole characters, and how many columns these take. */
size_t utf8_cut(const char *s, size_t room, size_t *width);

/*
 * Blanks that s needs to take `columns`, as a `*` of printf(3), which counts bytes; 0: it takes
 * them already.
 */
int utf8_blanks(const char *s, size_t columns);

/* Whether the locale's characters are UTF-8. */
bool utf8_spoken(void);

#endif
