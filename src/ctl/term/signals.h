/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C and window changes for the commands that run until told to stop. The first SIGINT,
 * SIGTERM, SIGHUP or SIGQUIT is only noted, and wakes whoever polls; the second ends the program at
 * once. SIGHUP stays ignored if it was.
 */
#ifndef RPINGMESH_CTL_TERM_SIGNALS_H
#define RPINGMESH_CTL_TERM_SIGNALS_H

#include <stdbool.h>

#define SIGNALS_EXIT 130 /* the second one: as of a shell that SIGINT ended */

/*
 * restore: called before ending at once, from within a signal handler, so that it may only do what
 * is async-signal-safe; NULL: nothing. With one, Ctrl-Z (SIGTSTP) and SIGCONT are noted, too. 0, or
 * -errno.
 */
int signals_start(void (*restore)(void));

/* To be polled for reading; -1 before the start. */
int signals_fd(void);

/* Empties the descriptor. */
void signals_drain(void);

bool signals_stop(void);

/* Whether SIGTSTP, or SIGCONT, has come since the last time that this was asked. */
bool signals_suspend(void);
bool signals_continued(void);

#endif
