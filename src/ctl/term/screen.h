/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal as a screen of its own, with single keys: by the sequences that all terminals of
 * today know (ECMA-48 and xterm's alternate screen), no terminal library. Whatever way out is
 * taken, the terminal is as it was. One per process.
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
	SCREEN_UP = 0x110000, /* behind the last character */
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_OTHER,
};

/*
 * Clears the next line, not the end of this one: behind the last column that would take its last
 * character.
 */
#define SCREEN_END_LINE "\r\n\033[K"
#define SCREEN_LAST_LINE "\033[J" /* in front of the last: nothing is left below */

/*
 * Takes the terminal and catches signals (signals.h). -ENOTTY: stdin and stdout are not one, or it
 * is dumb; -errno.
 */
int screen_start(void);
/* Gives it back; any number of times. */
void screen_stop(void);

/*
 * Does what SIGTSTP and SIGCONT ask for, if they have come. True: everything has to be drawn anew.
 */
bool screen_suspend(void);

/* To be polled for reading; -1: nobody types there any more. */
int screen_fd(void);
/* Until that, a signal, or until_ns (CLOCK_MONOTONIC). */
void screen_wait(uint64_t until_ns);
/* Takes what was typed; does not wait. */
void screen_read(void);
/* The next key that was read: a character (ASCII, Ctrl-C not), or one of those above. */
int screen_key(void);

/* Draws what text has over what stands there. */
void screen_draw(const char *text, size_t len);

#endif
