/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tree. The grammar is libconfig's: settings are NAME = VALUE, ended by ';' or ',' or
 * nothing; values are numbers, true, false, strings, ( ) and [ ] with values between commas, { }
 * with settings; comments are #, // and C's. A line that begins with @include "FILE" stands for
 * that file, which is looked up beside the including one.
 */
#ifndef RPINGMESH_CORE_CONF_PARSE_H
#define RPINGMESH_CORE_CONF_PARSE_H

#include "core/conf_tree.h"

#define CONF_PARSE_NESTING 16u   /* brackets in one another; bounds the recursion over a tree */

/*
 * Reads a file, or a text that messages call `name`, into *tree, which is to be freed with
 * conf_tree_clear() either way. Returns 0, or -errno with at least one error noted: -ENOENT,
 * -EACCES and so on for the file itself, -EINVAL for what is in it or in an included file, -EFBIG,
 * -ELOOP (too many included files), -ENOMEM. After -EINVAL from the grammar the tree has every
 * setting, and those with a mistake are broken: one mistake is noted in each setting of the file's
 * top level.
 */
int conf_parse_file(struct conf_tree *tree, const char *path, struct conf_errors *errors);
int conf_parse_text(struct conf_tree *tree, const char *text, const char *name,
		    struct conf_errors *errors);

#endif
