/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses text into a tree. The grammar is that of libconfig. A setting is NAME = VALUE, ended by
 * ';' or ',' or nothing. A value is a number, true, false, a string, a list of values in ( ) or [ ]
 * with commas between them, or a group of settings in { }. Comments are #, // and C's. A line that
 * begins with @include "FILE" is replaced by that file; a relative path is relative to the folder
 * of the including file.
 */
#ifndef RPINGMESH_CORE_CONF_PARSE_H
#define RPINGMESH_CORE_CONF_PARSE_H

#include "core/conf_tree.h"

#define CONF_PARSE_NESTING 16u   /* nested brackets; limits the recursion over a tree */

/*
 * Reads a file, or a text that messages call `name`, into *tree. The caller frees the tree with
 * conf_tree_clear() in any case. Returns 0, or -errno after adding at least one error to *errors:
 * -ENOENT, -EACCES and others of open(2) if the file itself cannot be read; -EINVAL for a mistake
 * in it or in an included file; -EFBIG; -ELOOP (too many included files); -ENOMEM. After a mistake
 * of grammar (-EINVAL) the tree contains every setting, and those with a mistake are marked broken.
 * Each setting of the top level gets one mistake at most.
 */
int conf_parse_file(struct conf_tree *tree, const char *path, struct conf_errors *errors);
int conf_parse_text(struct conf_tree *tree, const char *text, const char *name,
		    struct conf_errors *errors);

#endif
