/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C and window changes for the commands that run until told to stop. The first SIGINT, SIGTERM, SIGHUP or
 * SIGQUIT is only noted, and wakes whoever polls; the second ends the program at once.
 */
#ifndef RPINGMESH_CTL_SIGNALS_H
#define RPINGMESH_CTL_SIGNALS_H

#include <stdbool.h>

/* restore: written to the terminal before ending at once; NULL: nothing; kept by reference. 0, or -errno. */
int signals_start(const char *restore);

/* To be polled for reading; -1 before the start. */
int signals_fd(void);

/* Empties the descriptor. */
void signals_drain(void);

bool signals_stop(void);

#endif
