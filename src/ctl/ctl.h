/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands.
 */
#ifndef RPINGMESH_CTL_CTL_H
#define RPINGMESH_CTL_CTL_H

struct ctl;

/* The whole program but for what is said and done once a process. Returns what to exit with. */
int ctl_run(struct ctl *ctl, int argc, char **argv);

#endif
