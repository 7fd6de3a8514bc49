/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a configuration: reads them as text, and finds out whether they have changed since. */
#ifndef RPINGMESH_CORE_CONF_FILE_H
#define RPINGMESH_CORE_CONF_FILE_H

#include <stdint.h>

#define CONF_FILE_MAX (8u << 20) /* bytes, together with included files */

/* A file that was read, with its state at that time. */
struct conf_file {
	char *path; /* owned by the owner of the struct */
	uint64_t dev, ino, size;
	int64_t mtime_s;
	uint32_t mtime_ns;
};

/* Puts the present state of a file into *out; all zero if it is unknown. Leaves out->path alone. */
void conf_file_stamp(const char *path, struct conf_file *out);

/* How the file has changed since it was read, as static text; NULL if it has not. */
const char *conf_file_changed(const struct conf_file *file);

/*
 * Reads a text file into a string that the caller frees. Returns 0 or -errno, among others -EISDIR,
 * -ENODEV (neither a regular file nor a character device), -EFBIG (more than CONF_FILE_MAX) and
 * -EILSEQ (the file contains NUL bytes). Blocks while the disk is read, but does not wait for the
 * writer of a FIFO.
 */
int conf_file_read(const char *path, char **out);

/* Explains an error of conf_file_read(), as static text; for the most common ones with the cure. */
const char *conf_file_cause(int rc);

#endif
