/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses the terminal as a full screen with single keys. It needs no terminal library, only sequences
 * that all terminals of today understand (ECMA-48 and xterm's alternate screen). However the
 * program ends, the terminal is restored. There is one screen in a process.
 */
#ifndef RPINGMESH_CTL_TERM_SCREEN_H
#define RPINGMESH_CTL_TERM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum screen_key {
	SCREEN_NONE = -1,
	SCREEN_EOF = -2,
	SCREEN_ESCAPE = 0x1b,
	SCREEN_BACKSPACE = 0x7f,
	SCREEN_UP = 0x110000, /* above the last character of Unicode */
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_OTHER,
};

/*
 * Ends a line and clears the next one. It does not clear the rest of this line, because after the
 * last column that would delete the last character.
 */
#define SCREEN_END_LINE "\r\n\033[K"
#define SCREEN_LAST_LINE "\033[J" /* before the last line: clears all below */

/*
 * Takes over the terminal and catches signals (signals.h). Returns 0, or -errno; -ENOTTY: stdin or
 * stdout is no terminal, or the terminal is dumb.
 */
int screen_start(void);
/* Restores the terminal. May be called any number of times. */
void screen_stop(void);

/*
 * Suspends or resumes if SIGTSTP or SIGCONT has come. Returns true if everything has to be drawn
 * again.
 */
bool screen_suspend(void);

/* The descriptor to poll for input; -1: there is no more input. */
int screen_fd(void);
/* Waits until there is input, a signal comes, or it is until_ns (CLOCK_MONOTONIC). */
void screen_wait(uint64_t until_ns);
/* Reads what was typed. Does not wait. */
void screen_read(void);
/* The next key that was read: an ASCII character except Ctrl-C, or an enum screen_key. */
int screen_key(void);

/* Draws the text over the present contents. */
void screen_draw(const char *text, size_t len);

#endif
