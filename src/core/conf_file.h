/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a configuration: read as text, and recognised when they have changed since. */
#ifndef RPINGMESH_CORE_CONF_FILE_H
#define RPINGMESH_CORE_CONF_FILE_H

#include <stdint.h>

#define CONF_FILE_MAX (8u << 20) /* bytes, included files and all */

/* A file that was read, as it was then. */
struct conf_file {
	char *path; /* owned by whoever has the struct */
	uint64_t dev, ino, size;
	int64_t mtime_s;
	uint32_t mtime_ns;
};

/* Notes what a file looks like now; all zero if that is unknown. Leaves `path` alone. */
void conf_file_stamp(const char *path, struct conf_file *out);

/* Why the file is not the one that was read any more, as static text; NULL if it still is. */
const char *conf_file_changed(const struct conf_file *file);

/*
 * Reads a text file into a string that the caller frees. 0 or -errno: -EISDIR, -ENODEV (neither a
 * regular file nor a character device), -EFBIG, -EILSEQ (NUL bytes) among others. May block for as
 * long as the disk does, but does not wait for a FIFO's writer.
 */
int conf_file_read(const char *path, char **out);

/* The cause of what conf_file_read() returned and, for the commonest, the cure. */
const char *conf_file_cause(int rc);

#endif
