/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stdfd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
stdfd_open(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		/* open(2) returns the lowest free descriptor, which is the missing one. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return errno ? -errno : -EBADF;
	return 0;
}
