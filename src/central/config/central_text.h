/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of files with names share. */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_TEXT_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf.h"

#define CENTRAL_NAME 64           /* bytes of the name of a switch, a port or a host */
#define CENTRAL_NAMES_MAX 500000u /* in a file */

/* A file that is being read. */
struct central_text {
	const char *file;         /* its name in messages */
	unsigned int line;        /* that is being read, from 1 */
	char *error;              /* CONF_ERROR bytes */
};

/* Puts "FILE:LINE: ..." into the error, and returns rc. */
int central_text_fail(const struct central_text *text, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether it has 1 to CENTRAL_NAME printable characters of ASCII, without blanks. */
bool central_text_is_name(const char *text);
/* Reads a file into a string that the caller frees. Returns 0, or sets error; returns -errno. */
int central_text_load(const char *path, char **out, char error[CONF_ERROR]);
/*
 * Makes room for one element more in an array of `size` bytes each; *room: how many fit. Returns 0,
 * or fails with -ENOMEM, or with -EINVAL if there are CENTRAL_NAMES_MAX.
 */
int central_text_room(const struct central_text *text, void **array, size_t size, size_t n,
		      size_t *room);

#endif
