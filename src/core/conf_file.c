/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
conf_file_stamp(const char *path, struct conf_file *out)
{
	struct stat st;

	*out = (struct conf_file){.path = out->path};
	if (stat(path, &st) < 0)
		return;
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	out->size = (uint64_t)st.st_size;
	out->mtime_s = st.st_mtim.tv_sec;
	out->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
}

const char *
conf_file_changed(const struct conf_file *file)
{
	struct conf_file now = {0};

	conf_file_stamp(file->path, &now);
	if (!now.ino)
		return "it cannot be found any more";
	if (now.dev != file->dev || now.ino != file->ino)
		return "it has been replaced since it was read";
	if (now.size != file->size || now.mtime_s != file->mtime_s ||
	    now.mtime_ns != file->mtime_ns)
		return "it has been changed since it was read";
	return NULL;
}

static int
conf_file_read_fd(int fd, char **out)
{
	size_t len = 0, size = 4096;
	char *buf = malloc(size);
	ssize_t n;

	while (buf && (n = read(fd, buf + len, size - len - 1)) != 0) {
		char *more;

		if (n < 0) {
			n = -errno;
			free(buf);
			return (int)n;
		}
		len += (size_t)n;
		if (len > CONF_FILE_MAX) {
			free(buf);
			return -EFBIG;
		}
		if (len + 1 < size)
			continue;
		more = realloc(buf, size *= 2);
		if (!more)
			free(buf);
		buf = more;
	}
	if (!buf)
		return -ENOMEM;
	/* The text after a NUL byte would be ignored without a message. */
	if (memchr(buf, '\0', len)) {
		free(buf);
		return -EILSEQ;
	}
	buf[len] = '\0';
	*out = buf;
	return 0;
}

/* With O_NONBLOCK, open(2) does not wait for the writer of a FIFO. */
int
conf_file_read(const char *path, char **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		rc = -ENODEV;
	else
		rc = conf_file_read_fd(fd, out);
	close(fd);
	return rc;
}

const char *
conf_file_cause(int rc)
{
	switch (-rc) {
	case ENOENT:
		return "no such file; create it (--print-default-config writes a commented one) "
		       "or name another";
	case EACCES:
		return "permission denied; let the daemon's user read it and search its "
		       "directories";
	case EISDIR:
		return "it is a directory; name a file";
	case ENODEV:
		return "it is not a regular file; name one";
	case EFBIG:
		return "it is too large; a configuration has at most 8 MiB";
	case EILSEQ:
		return "it holds NUL bytes; a configuration is text";
	default:
		return strerror(-rc);
	}
}

