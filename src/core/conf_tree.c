/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_TREE_PATH 128
#define CONF_TREE_FOUND 80

const char *
conf_errors_line(const struct conf_errors *errors, unsigned int i, char buf[CONF_ERROR])
{
	if (i < errors->n && i < CONF_ERRORS_MAX)
		return errors->errors[i].text;
	if (i != CONF_ERRORS_MAX || errors->n <= CONF_ERRORS_MAX)
		return NULL;
	snprintf(buf, CONF_ERROR, "and %u more", errors->n - CONF_ERRORS_MAX);
	return buf;
}

/* Control characters of a file must not reach a terminal. */
static void
conf_errors_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

/* Keeps the errors in the order of their lines. */
static void
conf_errors_add(struct conf_errors *errors, const struct conf_error *error)
{
	unsigned int i = errors->n++;

	if (i >= CONF_ERRORS_MAX)
		return;
	for (; i > 0 && (errors->errors[i - 1].file > error->file ||
			 (errors->errors[i - 1].file == error->file &&
			  errors->errors[i - 1].line > error->line)); i--)
		errors->errors[i] = errors->errors[i - 1];
	errors->errors[i] = *error;
	conf_errors_clean(errors->errors[i].text);
}

void
conf_errors_no_memory(struct conf_errors *errors)
{
	const struct conf_error error = {.text = "out of memory while reading the configuration"};

	conf_errors_add(errors, &error);
}

int
conf_tree_fail(struct conf_tree *tree, size_t file, unsigned int line, const char *fmt, ...)
{
	struct conf_error error = {.file = file, .line = line};
	va_list ap;
	int n = snprintf(error.text, CONF_ERROR, line ? "%s:%u: " : "%s: ",
			 tree->files[file].path, line);

	if (n >= 0 && n < CONF_ERROR) {
		va_start(ap, fmt);
		vsnprintf(error.text + n, CONF_ERROR - (size_t)n, fmt, ap);
		va_end(ap);
	}
	conf_errors_add(tree->errors, &error);
	return -EINVAL;
}

int
conf_tree_no_memory(struct conf_tree *tree)
{
	conf_errors_no_memory(tree->errors);
	return -ENOMEM;
}

/* Writes the path from the root to a value, such as "peers[2].interval_ms". May truncate it. */
static void
conf_tree_path(const struct conf_node *node, char buf[CONF_TREE_PATH])
{
	size_t len;

	buf[0] = '\0';
	if (!node->parent)
		return;
	conf_tree_path(node->parent, buf);
	len = strlen(buf);
	if (node->name)
		snprintf(buf + len, CONF_TREE_PATH - len, "%s%s", len ? "." : "", node->name);
	else
		snprintf(buf + len, CONF_TREE_PATH - len, "[%u]", node->index);
}

static void
conf_tree_describe(const struct conf_node *node, char buf[CONF_TREE_FOUND])
{
	switch (node->type) {
	case CONF_GROUP:
		snprintf(buf, CONF_TREE_FOUND, "a group { }");
		break;
	case CONF_LIST:
		snprintf(buf, CONF_TREE_FOUND, "a list of %u", node->in.n);
		break;
	case CONF_STRING:
		snprintf(buf, CONF_TREE_FOUND, "\"%.60s\"", node->string);
		break;
	case CONF_BOOL:
		snprintf(buf, CONF_TREE_FOUND, "%s", node->integer ? "true" : "false");
		break;
	case CONF_FLOAT:
		snprintf(buf, CONF_TREE_FOUND, "%.17g with a fraction or exponent", node->real);
		break;
	case CONF_INTEGER:
		snprintf(buf, CONF_TREE_FOUND, "%lld", node->integer);
		break;
	}
}

int
conf_tree_fail_node(struct conf_tree *tree, const struct conf_node *node, const char *expected,
		    const char *found)
{
	char path[CONF_TREE_PATH], buf[CONF_TREE_FOUND];

	conf_tree_path(node, path);
	if (!found)
		conf_tree_describe(node, buf);
	return conf_tree_fail(tree, node->file, node->line, "%s: expected %s, found %s", path,
			      expected, found ? found : buf);
}

struct conf_node *
conf_tree_add(struct conf_node *parent, const char *name, size_t len)
{
	struct conf_node *node = calloc(1, sizeof(*node));

	if (!node || (name && !(node->name = strndup(name, len)))) {
		free(node);
		return NULL;
	}
	node->parent = parent;
	node->index = parent->in.n++;
	if (parent->in.last)
		parent->in.last->next = node;
	else
		parent->in.first = node;
	parent->in.last = node;
	return node;
}

/* Frees the contents of a value, but not the value. */
static void
conf_tree_clear_node(struct conf_node *node)
{
	struct conf_node *next;

	free(node->name);
	if (node->type == CONF_STRING)
		free(node->string);
	if (node->type != CONF_LIST && node->type != CONF_GROUP)
		return;
	for (struct conf_node *in = node->in.first; in; in = next) {
		next = in->next;
		conf_tree_clear_node(in);
		free(in);
	}
}

void
conf_tree_clear(struct conf_tree *tree)
{
	conf_tree_clear_node(&tree->root);
	for (size_t i = 0; i < tree->n_files; i++)
		free(tree->files[i].path);
	free(tree->files);
	*tree = (struct conf_tree){.root = {.type = CONF_GROUP}};
}

int
conf_tree_add_file(struct conf_tree *tree, const char *path, size_t *out)
{
	struct conf_file *files = realloc(tree->files, (tree->n_files + 1) * sizeof(*files));
	char *copy = strdup(path);

	if (files)
		tree->files = files;
	if (!files || !copy) {
		free(copy);
		return conf_tree_no_memory(tree);
	}
	files[tree->n_files] = (struct conf_file){.path = copy};
	*out = tree->n_files++;
	return 0;
}

const struct conf_node *
conf_tree_member(const struct conf_node *group, const char *name)
{
	const struct conf_node *node = group->in.first;

	while (node && strcmp(node->name, name) != 0)
		node = node->next;
	return node;
}
