/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPINGMESH_CORE_STDFD_H
#define RPINGMESH_CORE_STDFD_H

/*
 * Call this first in main(). If the program was started without descriptors 0, 1 or 2, the first
 * files and sockets would get these numbers, and all that is printed. Opens /dev/null for each
 * missing one, in the wrong direction, so that using it fails (EBADF). Returns 0, or -errno.
 */
int stdfd_open(void);

#endif
