/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page that rpingmesh-central serves: the files of this folder, which embed.sh makes part of
 * the program. The page loads nothing from elsewhere. What it shows comes from /api/1/… .
 */
#ifndef RPINGMESH_WEB_WEB_H
#define RPINGMESH_WEB_WEB_H

#include <stddef.h>

struct web_file {
	const char *path;  /* of the URL */
	const char *type;  /* for Content-Type */
	const unsigned char *data;
	size_t len;
};

extern const struct web_file web_files[];
extern const size_t web_files_n;

#endif
