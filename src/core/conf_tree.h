/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration as a tree of values, each with the line where it stands, and the list of what is
 * wrong with it. conf_parse.c builds the tree of a file, conf.c reads a program's keys from it.
 */
#ifndef RPINGMESH_CORE_CONF_TREE_H
#define RPINGMESH_CORE_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf_file.h"

#define CONF_ERROR 512       /* room for "file:line: key: expected …, found …" */
#define CONF_ERRORS_MAX 20u  /* mistakes that are kept; the others are only counted */

struct conf_error {
	size_t file;
	unsigned int line;
	char text[CONF_ERROR];
};

/*
 * The mistakes of a configuration, in the order of their lines. Zero is an empty one. Control
 * characters in a text are shown as '?'.
 */
struct conf_errors {
	struct conf_error errors[CONF_ERRORS_MAX];
	unsigned int n; /* all of them, also those that are not kept */
};

/* The line `i` of what an operator is to read: the mistakes that are kept, then "… N more". */
const char *conf_errors_line(const struct conf_errors *errors, unsigned int i,
			     char buf[CONF_ERROR]);

/* Notes that memory is short. */
void conf_errors_no_memory(struct conf_errors *errors);

enum conf_type {
	CONF_INTEGER,
	CONF_FLOAT,
	CONF_BOOL,
	CONF_STRING,
	CONF_LIST,
	CONF_GROUP,
};

/* A value. What is in it belongs to the tree. */
struct conf_node {
	struct conf_node *parent; /* NULL: the group that the whole file is */
	struct conf_node *next;   /* in the same list or group */
	char *name;               /* of a member of a group; NULL: an element of a list */
	unsigned int index;       /* among the parent's */
	enum conf_type type;
	bool broken;              /* a mistake of grammar in it is noted; the value is unknown */
	size_t file;              /* index into the tree's files */
	unsigned int line;
	union {
		long long integer; /* of a bool, too: 0 or 1 */
		double real;
		char *string;
		struct {
			struct conf_node *first, *last;
			unsigned int n;
		} in; /* a list or group */
	};
};

struct conf_tree {
	struct conf_node root;
	struct conf_file *files; /* the first is the configuration itself */
	size_t n_files;
	struct conf_errors *errors; /* borrowed */
};

/* Frees what the tree has; it is an empty one then. */
void conf_tree_clear(struct conf_tree *tree);

/* Appends a value, which may have a name, to a list or group. NULL: no memory. */
struct conf_node *conf_tree_add(struct conf_node *parent, const char *name, size_t len);
/* Appends a file. 0 and its index in *out, or -ENOMEM. */
int conf_tree_add_file(struct conf_tree *tree, const char *path, size_t *out);

/* The member of that name, or NULL. */
const struct conf_node *conf_tree_member(const struct conf_node *group, const char *name);

/* Notes a mistake: "FILE:LINE: ", or "FILE: " for line 0, and the text. Returns -EINVAL. */
int conf_tree_fail(struct conf_tree *tree, size_t file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same: "FILE:LINE: KEY: expected `expected`, found " and what the node holds, or `found`. */
int conf_tree_fail_node(struct conf_tree *tree, const struct conf_node *node, const char *expected,
			const char *found);
/* The same as conf_errors_no_memory(). Returns -ENOMEM. */
int conf_tree_no_memory(struct conf_tree *tree);

#endif
