/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands.
 */
#ifndef RPINGMESH_CTL_CTL_H
#define RPINGMESH_CTL_CTL_H

struct ctl;

/* Runs the program, without what main() does once for a process. Returns the exit code. */
int ctl_run(struct ctl *ctl, int argc, char **argv);

#endif
