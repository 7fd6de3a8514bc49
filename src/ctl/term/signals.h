/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C and changes of the window size, for commands that run until they are stopped. The first
 * SIGINT, SIGTERM, SIGHUP or SIGQUIT sets a flag and makes signals_fd() readable; the second ends
 * the program at once. If SIGHUP was ignored at the start, it stays so.
 */
#ifndef RPINGMESH_CTL_TERM_SIGNALS_H
#define RPINGMESH_CTL_TERM_SIGNALS_H

#include <stdbool.h>

#define SIGNALS_EXIT 130 /* after the second signal: what a shell returns after SIGINT */

/*
 * Catches the signals. restore() is called before the program ends at once. It runs in a signal
 * handler, so it must be async-signal-safe; it may be NULL. If it is not NULL, Ctrl-Z (SIGTSTP) and
 * SIGCONT set flags, too. Returns 0, or -errno.
 */
int signals_start(void (*restore)(void));

/* The descriptor to poll for reading; -1 before the start. */
int signals_fd(void);

/* Empties the descriptor. */
void signals_drain(void);

/* Whether one of the signals to stop has come. */
bool signals_stop(void);

/* Whether SIGTSTP, or SIGCONT, has come since the last call. */
bool signals_suspend(void);
bool signals_continued(void);

#endif
