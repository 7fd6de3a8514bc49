/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration as a tree of values, each with its file and line, and the list of its mistakes.
 * conf_parse.c builds the tree of a file; conf.c reads a program's keys from it.
 */
#ifndef RPINGMESH_CORE_CONF_TREE_H
#define RPINGMESH_CORE_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf_file.h"

#define CONF_ERROR 512       /* room for "file:line: key: expected …, found …" */
#define CONF_ERRORS_MAX 20u  /* mistakes to keep; the rest are only counted */

struct conf_error {
	size_t file;
	unsigned int line;
	char text[CONF_ERROR];
};

/*
 * The mistakes of a configuration, in the order of their lines. All zero is an empty list. Control
 * characters in a text become '?'.
 */
struct conf_errors {
	struct conf_error errors[CONF_ERRORS_MAX];
	unsigned int n; /* all mistakes, including those that are not kept */
};

/*
 * Line `i` of the report for the operator: first the kept mistakes, then "and N more"; NULL after
 * the last. May use buf.
 */
const char *conf_errors_line(const struct conf_errors *errors, unsigned int i,
			     char buf[CONF_ERROR]);

/* Adds the error that there is no memory. */
void conf_errors_no_memory(struct conf_errors *errors);

enum conf_type {
	CONF_INTEGER,
	CONF_FLOAT,
	CONF_BOOL,
	CONF_STRING,
	CONF_LIST,
	CONF_GROUP,
};

/* A value. The tree owns it and its contents. */
struct conf_node {
	struct conf_node *parent; /* NULL: this is the root, the group of the whole file */
	struct conf_node *next;   /* in the same list or group */
	char *name;               /* of a member of a group; NULL: an element of a list */
	unsigned int index;       /* among the parent's */
	enum conf_type type;
	bool broken;              /* it has a mistake of grammar, so the value is unknown */
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

/* Frees what the tree owns; it is empty afterwards. */
void conf_tree_clear(struct conf_tree *tree);

/* Appends a value to a list or group. The name may be NULL. Returns NULL if there is no memory. */
struct conf_node *conf_tree_add(struct conf_node *parent, const char *name, size_t len);
/* Appends a file and puts its index into *out. Returns 0, or -ENOMEM. */
int conf_tree_add_file(struct conf_tree *tree, const char *path, size_t *out);

/* The member of the group with that name, or NULL. */
const struct conf_node *conf_tree_member(const struct conf_node *group, const char *name);

/* Adds the mistake "FILE:LINE: text", or "FILE: text" if line is 0. Returns -EINVAL. */
int conf_tree_fail(struct conf_tree *tree, size_t file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * Adds the mistake "FILE:LINE: KEY: expected `expected`, found `found`". If `found` is NULL, the
 * text describes the node's value. Returns -EINVAL.
 */
int conf_tree_fail_node(struct conf_tree *tree, const struct conf_node *node, const char *expected,
			const char *found);
/* Calls conf_errors_no_memory(). Returns -ENOMEM. */
int conf_tree_no_memory(struct conf_tree *tree);

#endif
