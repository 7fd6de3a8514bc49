/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checks that no other user can read or write the file. */
static int
secret_check(int fd, char error[SECRET_ERROR])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		snprintf(error, SECRET_ERROR, "it is not a file");
	else if (st.st_mode & (S_IWGRP | S_IRWXO))
		snprintf(error, SECRET_ERROR,
			 "its mode is %03o: other users may read it, or its group may write to it "
			 "(chmod 600 or 640)",
			 st.st_mode & 0777);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(error, SECRET_ERROR, "it belongs to uid %u, neither root nor the daemon",
			 (unsigned int)st.st_uid);
	else
		return 0;
	return -EACCES;
}

static int
secret_fill(int fd, char *buf, size_t size, char error[SECRET_ERROR])
{
	size_t n = 0;
	ssize_t more = 1;

	while (n < size && more > 0) {
		more = read(fd, buf + n, size - n);
		if (more < 0 && errno != EINTR)
			return -errno;
		n += more > 0 ? (size_t)more : 0;
		more = more < 0 ? 1 : more;
	}
	if (n == size || memchr(buf, '\0', n)) {
		snprintf(error, SECRET_ERROR, "it is no text, or longer than %zu KB", size / 1024);
		return -EINVAL;
	}
	buf[n] = '\0';
	return 0;
}

int
secret_read(const char *path, char *buf, size_t size, char error[SECRET_ERROR])
{
	/* With O_NONBLOCK, open(2) does not wait if the path is a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = fd < 0 ? -errno : 0;

	error[0] = '\0';
	if (rc == 0)
		rc = secret_check(fd, error);
	if (rc == 0)
		rc = secret_fill(fd, buf, size, error);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return 0;
	explicit_bzero(buf, size);
	if (!error[0])
		snprintf(error, SECRET_ERROR, "%s", strerror(-rc));
	return rc;
}
