/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPINGMESH_CORE_STDFD_H
#define RPINGMESH_CORE_STDFD_H

/*
 * To be called first in main(): descriptors 0, 1 and 2 that we were started without would be those
 * of the first sockets and files, which then got all that is printed. They become /dev/null in the
 * wrong direction, so that using them fails as it should (EBADF). 0, or -errno.
 */
int stdfd_open(void);

#endif
