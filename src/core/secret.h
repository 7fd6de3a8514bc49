/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files that contain keys or passwords, and refuses those that other users can read. */
#ifndef RPINGMESH_CORE_SECRET_H
#define RPINGMESH_CORE_SECRET_H

#include <stddef.h>

#define SECRET_ERROR 160

/*
 * Reads a text of less than `size` bytes, from a file of root or of the daemon's user that others
 * may not read and its group may not write. Returns 0 and puts the text with a '\0' into buf; or
 * returns -errno, clears buf, and puts the reason into error, without the name of the file. Blocks
 * while the file is read. If you no longer need the text, clear it with explicit_bzero(3).
 */
int secret_read(const char *path, char *buf, size_t size, char error[SECRET_ERROR]);

#endif
