/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/cluster_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/work.h"
#include "record/frame.h"
#include "record/pinglist.h"
#include "record/record.h"

#define CLUSTER_FILE_NAME "pinglist"
#define CLUSTER_FILE_ORIGIN_MAX 4096

char *
cluster_file_origin(const char *broker, const char *prefix)
{
	char *origin;

	return asprintf(&origin, "%.2000s %.2000s", broker, prefix) < 0 ? NULL : origin;
}

char *
cluster_file_path(const char *directory)
{
	char *path;

	return asprintf(&path, "%s/" CLUSTER_FILE_NAME, directory) < 0 ? NULL : path;
}

/* ---- in the thread ---- */

/* The words follow on the loop, because strerror(3) is not for threads. */
static void
cluster_file_fail(struct cluster_file *file, const char *what, int err)
{
	file->rc = -err;
	file->what = what;
}

static void
cluster_file_unpack(struct cluster_file *file)
{
	file->rc = pinglist_unpack(file->data, file->size, &file->list, file->error);
}

/* Reads all of an open file that has `size` bytes. */
static int
cluster_file_fill(struct cluster_file *file, int fd, size_t size)
{
	ssize_t n;

	file->data = malloc(size + 1);
	if (!file->data)
		return -ENOMEM;
	while (file->size < size) {
		n = read(fd, file->data + file->size, size - file->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		file->size += (size_t)n;
	}
	return 0;
}

static int
cluster_file_load(struct cluster_file *file, int fd)
{
	struct stat st;
	uint64_t now = clock_wall_ns();

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > PINGLIST_BYTES_MAX + CLUSTER_FILE_ORIGIN_MAX)
		return -EFBIG;
	file->age_ns = (int64_t)(now - (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC);
	if (file->age_ns < 0)
		file->age_ns = 0;
	return cluster_file_fill(file, fd, (size_t)st.st_size);
}

/* Packs the origin as it stands behind the list. */
static void
cluster_file_pack_origin(const struct cluster_file *file, msgpack_sbuffer *out)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(out);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	record_pack_str(&pk, file->origin);
}

/* Cuts the origin off. Returns 0, or -EINVAL if it is another one, with the reason in `why`. */
static int
cluster_file_cut_origin(struct cluster_file *file, char why[PINGLIST_ERROR])
{
	struct frame_scan scan;
	msgpack_sbuffer own;
	ssize_t n;
	bool same;

	frame_scan_start(&scan, PINGLIST_BYTES_MAX);
	n = frame_scan_next(&scan, (const uint8_t *)file->data, file->size);
	if (n <= 0 || (size_t)n == file->size)
		return 0;
	cluster_file_pack_origin(file, &own);
	same = own.size == file->size - (size_t)n &&
	       memcmp(own.data, file->data + n, own.size) == 0;
	msgpack_sbuffer_destroy(&own);
	file->size = (size_t)n;
	if (!same)
		snprintf(why, PINGLIST_ERROR, "it came from another broker, or has another prefix");
	return same ? 0 : -EINVAL;
}

static void
cluster_file_read(struct cluster_file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char why[PINGLIST_ERROR];
	int rc = fd < 0 ? -errno : cluster_file_load(file, fd);

	if (fd >= 0)
		close(fd);
	if (rc < 0) {
		cluster_file_fail(file, "read", -rc);
		return;
	}
	file->rc = cluster_file_cut_origin(file, why);
	if (file->rc == 0)
		file->rc = pinglist_unpack(file->data, file->size, &file->list, why);
	if (file->rc < 0)
		snprintf(file->error, sizeof(file->error), "%.200s is ignored: %s", file->path,
			 why);
}

static int
cluster_file_append(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int
cluster_file_put(int fd, const struct cluster_file *file)
{
	msgpack_sbuffer origin;
	int rc = cluster_file_append(fd, file->data, file->size);

	cluster_file_pack_origin(file, &origin);
	if (rc == 0)
		rc = cluster_file_append(fd, origin.data, origin.size);
	msgpack_sbuffer_destroy(&origin);
	return rc == 0 && fsync(fd) < 0 ? -errno : rc;
}

/* A crash leaves the old file or the new one. */
static void
cluster_file_write(struct cluster_file *file)
{
	char *fresh;
	int fd, rc;

	if (asprintf(&fresh, "%s.new", file->path) < 0) {
		cluster_file_fail(file, "write", ENOMEM);
		return;
	}
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -errno : cluster_file_put(fd, file);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(fresh, file->path) < 0)
		rc = -errno;
	if (rc < 0) {
		cluster_file_fail(file, "write", -rc);
		unlink(fresh);
	}
	free(fresh);
}

static void
cluster_file_touch(struct cluster_file *file)
{
	if (utimensat(AT_FDCWD, file->path, NULL, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		cluster_file_fail(file, "change", errno);
}

static void
cluster_file_remove(struct cluster_file *file)
{
	if (unlink(file->path) < 0 && errno != ENOENT)
		cluster_file_fail(file, "remove", errno);
}

static void
cluster_file_run(void *arg)
{
	static void (*const tasks[])(struct cluster_file *file) = {
		[CLUSTER_FILE_UNPACK] = cluster_file_unpack,
		[CLUSTER_FILE_READ] = cluster_file_read,
		[CLUSTER_FILE_WRITE] = cluster_file_write,
		[CLUSTER_FILE_TOUCH] = cluster_file_touch,
		[CLUSTER_FILE_REMOVE] = cluster_file_remove,
	};
	struct cluster_file *file = arg;

	tasks[file->task](file);
}

/* ---- on the loop ---- */

static void
cluster_file_done(void *arg)
{
	struct cluster_file *file = arg;

	if (file->what)
		snprintf(file->error, sizeof(file->error), "cannot %s %.200s: %s", file->what,
			 file->path, strerror(-file->rc));
	file->done(file->arg, file);
}

static void
cluster_file_clear(struct cluster_file *file)
{
	free(file->path);
	free(file->data);
	free(file->origin);
	pinglist_free(file->list);
}

static void
cluster_file_free(void *arg)
{
	cluster_file_clear(arg);
	free(arg);
}

int
cluster_file_start(struct work *work, const struct cluster_file *file, struct work_job **job)
{
	static const struct work_ops ops = {.run = cluster_file_run,
					    .done = cluster_file_done,
					    .free = cluster_file_free};
	struct cluster_file *copy = malloc(sizeof(*copy));
	struct cluster_file owned = *file;
	int rc = copy ? 0 : -ENOMEM;

	*job = NULL;
	if (copy) {
		*copy = owned;
		rc = work_start(work, &ops, copy, job);
	}
	if (rc < 0) {
		cluster_file_clear(&owned);
		free(copy);
	}
	return rc;
}
