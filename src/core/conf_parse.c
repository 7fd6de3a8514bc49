/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the parser of configurations
 *
 * The parser looks one token ahead. After a mistake it skips the rest of the top-level setting. The
 * next setting begins after a ';' outside all brackets, or with a name in the first column of a
 * line. Thus the parser reports all mistakes of a file, and none that another one causes.
 */
#include "core/conf_parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf_lex.h"

#define CONF_PARSE_NEAR 48

/* An open bracket. */
struct conf_parse_open {
	char bracket;
	size_t file;
	unsigned int line;
};

struct conf_parser {
	struct conf_tree *tree; /* borrowed */
	struct conf_lex lex;
	struct conf_token token;
	struct conf_parse_open open[CONF_PARSE_NESTING];
	unsigned int depth;
	char near[CONF_PARSE_NEAR]; /* the last key, which may be truncated */
};

static char
conf_parse_partner(char bracket)
{
	if (bracket == '(')
		return ')';
	return bracket == '[' ? ']' : '}';
}

static int
conf_parse_unexpected(struct conf_parser *p, const char *expected)
{
	const struct conf_token *t = &p->token;
	const struct conf_parse_open *open = p->depth ? &p->open[p->depth - 1] : NULL;
	int len = t->len < CONF_PARSE_NEAR - 1 ? (int)t->len : CONF_PARSE_NEAR - 1;
	char found[CONF_PARSE_NEAR + 8];

	if (t->type == CONF_TOKEN_END && open)
		return conf_tree_fail(p->tree, open->file, open->line,
				      "'%c': expected a closing '%c', found the end of the file",
				      open->bracket, conf_parse_partner(open->bracket));
	if (t->type == CONF_TOKEN_END)
		snprintf(found, sizeof(found), "the end of the file");
	else if (*t->at < ' ' || *t->at > '~')
		snprintf(found, sizeof(found), "a byte 0x%02x", (unsigned char)*t->at);
	else
		snprintf(found, sizeof(found), *t->at == '"' ? "%.*s" : "'%.*s'", len, t->at);
	return conf_tree_fail(p->tree, t->file, t->line, "%s%s: expected %s, found %s",
			      *p->near ? "near " : "syntax", p->near, expected, found);
}

/* Explains the mistake "group.key = …", because the manual and messages name keys like that. */
static int
conf_parse_dotted(struct conf_parser *p)
{
	const struct conf_token *t = &p->token;
	const char *dot = memchr(t->at, '.', t->len);
	int group = dot ? (int)(dot - t->at) : 0, key = (int)t->len - group - 1;

	if (group < 1 || key < 1 || (int)t->len >= CONF_PARSE_NEAR)
		return conf_parse_unexpected(p, "the name of a key");
	return conf_tree_fail(p->tree, t->file, t->line,
			      "%.*s: expected a group around its key, found a dot; write "
			      "%.*s = { %.*s = …; };",
			      (int)t->len, t->at, group, t->at, key, dot + 1);
}

/* Takes the next token. A closing bracket must match the last open one. */
static int
conf_parse_advance(struct conf_parser *p)
{
	const struct conf_parse_open *open = p->depth ? &p->open[p->depth - 1] : NULL;
	int rc = conf_lex_next(&p->lex, &p->token);
	char c = *p->token.at;

	if (rc < 0 || p->token.type != CONF_TOKEN_CLOSE)
		return rc;
	if (!open)
		return conf_tree_fail(p->tree, p->token.file, p->token.line,
				      "'%c': expected an opening bracket before it, found none", c);
	if (conf_parse_partner(open->bracket) == c)
		return 0;
	return conf_tree_fail(p->tree, p->token.file, p->token.line,
			      "'%c': expected '%c' to close the '%c' of %s:%u, found '%c'", c,
			      conf_parse_partner(open->bracket), open->bracket,
			      p->tree->files[open->file].path, open->line, c);
}

static int
conf_parse_integer(struct conf_parser *p, struct conf_node *node)
{
	const char *word = p->token.at;
	int len = p->token.len < 60 ? (int)p->token.len : 60;
	bool hex = strncasecmp(word, "0x", 2) == 0;
	unsigned long long bits = 0;

	errno = 0;
	if (hex)
		bits = strtoull(word, NULL, 16);
	else
		node->integer = strtoll(word, NULL, 10);
	if (errno || bits > INT64_MAX)
		return conf_tree_fail(p->tree, p->token.file, p->token.line,
				      "near %s: expected an integer of at most 64 bits, found %.*s",
				      p->near, len, word);
	if (hex)
		node->integer = (long long)bits;
	node->type = CONF_INTEGER;
	return 0;
}

/* Reads one character of a string, or one escape. An unknown escape is taken literally. */
static char
conf_parse_char(const char **at)
{
	static const char escapes[] = "n\nr\rt\tf\f\\\\\"\"";
	const char *p = *at, *escape;
	char hex[3] = "";

	*at += 1;
	if (*p != '\\')
		return *p;
	if (p[1] == 'x' && isxdigit((unsigned char)p[2]) && isxdigit((unsigned char)p[3])) {
		memcpy(hex, p + 2, 2);
		*at += 3;
		return (char)strtoul(hex, NULL, 16);
	}
	for (escape = escapes; *escape && *escape != p[1]; escape += 2)
		;
	if (!*escape)
		return *p;
	*at += 1;
	return escape[1];
}

static int
conf_parse_string(struct conf_parser *p, struct conf_node *node)
{
	const char *at = p->token.at + 1, *end = p->token.at + p->token.len - 1;
	char *string = malloc(p->token.len);
	size_t n = 0;

	if (!string)
		return conf_tree_no_memory(p->tree);
	while (at < end)
		string[n++] = conf_parse_char(&at);
	string[n] = '\0';
	node->type = CONF_STRING;
	node->string = string;
	return 0;
}

static int conf_parse_setting(struct conf_parser *p, struct conf_node *group);
static int conf_parse_value(struct conf_parser *p, struct conf_node *node);

static int
conf_parse_element(struct conf_parser *p, struct conf_node *list)
{
	struct conf_node *node = conf_tree_add(list, NULL, 0);
	int rc = node ? conf_parse_value(p, node) : conf_tree_no_memory(p->tree);

	if (rc < 0 || p->token.type == CONF_TOKEN_CLOSE)
		return rc;
	if (p->token.type != CONF_TOKEN_COMMA)
		return conf_parse_unexpected(p, "',' or the end of the list");
	rc = conf_parse_advance(p);
	if (rc == 0 && p->token.type == CONF_TOKEN_CLOSE)
		rc = conf_parse_unexpected(p, "a value");
	return rc;
}

/* Reads the text between two brackets. */
static int
conf_parse_inside(struct conf_parser *p, struct conf_node *node)
{
	char bracket = *p->token.at;
	int rc;

	if (p->depth == CONF_PARSE_NESTING)
		return conf_tree_fail(p->tree, p->token.file, p->token.line,
				      "'%c': expected at most %u brackets in one another, found "
				      "more",
				      bracket, CONF_PARSE_NESTING);
	p->open[p->depth++] =
		(struct conf_parse_open){bracket, p->token.file, p->token.line};
	node->type = bracket == '{' ? CONF_GROUP : CONF_LIST;
	rc = conf_parse_advance(p);
	while (rc == 0 && p->token.type != CONF_TOKEN_CLOSE)
		rc = bracket == '{' ? conf_parse_setting(p, node) : conf_parse_element(p, node);
	if (rc == 0)
		p->depth--;
	return rc;
}

static int
conf_parse_value(struct conf_parser *p, struct conf_node *node)
{
	int rc = 0;

	node->file = p->token.file;
	node->line = p->token.line;
	switch (p->token.type) {
	case CONF_TOKEN_STRING:
		rc = conf_parse_string(p, node);
		break;
	case CONF_TOKEN_INTEGER:
		rc = conf_parse_integer(p, node);
		break;
	case CONF_TOKEN_FLOAT:
		node->type = CONF_FLOAT;
		node->real = strtod(p->token.at, NULL);
		break;
	case CONF_TOKEN_BOOL:
		node->type = CONF_BOOL;
		node->integer = p->token.len == strlen("true");
		break;
	case CONF_TOKEN_OPEN:
		rc = conf_parse_inside(p, node);
		break;
	case CONF_TOKEN_NAME:
	case CONF_TOKEN_EQUALS:
	case CONF_TOKEN_COMMA:
	case CONF_TOKEN_SEMICOLON:
	case CONF_TOKEN_CLOSE:
	case CONF_TOKEN_END:
	case CONF_TOKEN_UNKNOWN:
		rc = conf_parse_unexpected(p, "a value (text in \" \", a number, true, false, a "
					      "list or a group)");
	}
	return rc < 0 ? rc : conf_parse_advance(p);
}

/* Reads NAME = VALUE and its end. */
static int
conf_parse_setting(struct conf_parser *p, struct conf_node *group)
{
	struct conf_token name = p->token;
	struct conf_node *node;
	int rc;

	if (name.type != CONF_TOKEN_NAME)
		return conf_parse_dotted(p);
	node = conf_tree_add(group, name.at, name.len);
	if (!node)
		return conf_tree_no_memory(p->tree);
	snprintf(p->near, sizeof(p->near), "%s", node->name);
	node->broken = true;
	rc = conf_parse_advance(p);
	if (rc == 0 && p->token.type != CONF_TOKEN_EQUALS)
		rc = conf_parse_unexpected(p, "'='");
	if (rc == 0)
		rc = conf_parse_advance(p);
	if (rc == 0)
		rc = conf_parse_value(p, node);
	if (rc < 0)
		return rc;
	node->file = name.file;
	node->line = name.line;
	node->broken = false;
	if (p->token.type == CONF_TOKEN_COMMA || p->token.type == CONF_TOKEN_SEMICOLON)
		return conf_parse_advance(p);
	if (p->token.type != CONF_TOKEN_NAME && p->token.type != CONF_TOKEN_CLOSE &&
	    p->token.type != CONF_TOKEN_END)
		return conf_parse_unexpected(p, "';' or the next key");
	return 0;
}

/* Skips to the next setting of the top level. */
static int
conf_parse_recover(struct conf_parser *p)
{
	int rc = -EINVAL;

	for (;;) {
		const struct conf_token *t = &p->token;

		if (t->type == CONF_TOKEN_END || (t->type == CONF_TOKEN_NAME && t->first))
			break;
		if (t->type == CONF_TOKEN_SEMICOLON && p->depth == 0)
			break;
		p->depth += t->type == CONF_TOKEN_OPEN;
		p->depth -= t->type == CONF_TOKEN_CLOSE && p->depth > 0;
		rc = conf_lex_next(&p->lex, &p->token);
		if (rc < 0 && rc != -EINVAL)
			return rc;
	}
	p->depth = 0;
	return p->token.type == CONF_TOKEN_SEMICOLON ? conf_parse_advance(p) : 0;
}

static int
conf_parse_all(struct conf_parser *p)
{
	int rc = conf_parse_advance(p), first = 0;

	while (rc < 0 || p->token.type != CONF_TOKEN_END) {
		if (rc == 0)
			rc = conf_parse_setting(p, &p->tree->root);
		if (rc == 0)
			continue;
		first = first ? first : rc;
		if (rc != -EINVAL)
			break;
		rc = conf_parse_recover(p);
	}
	return first;
}

static int
conf_parse_begin(struct conf_tree *tree, const char *text, char *owned, size_t file)
{
	struct conf_parser p = {.tree = tree, .lex = {.tree = tree}};
	int rc = conf_lex_begin(&p.lex, text, owned, file);

	if (rc == 0)
		rc = conf_parse_all(&p);
	conf_lex_end(&p.lex);
	return rc;
}

static int
conf_parse_open(struct conf_tree *tree, const char *name, struct conf_errors *errors, size_t *file)
{
	*tree = (struct conf_tree){.root = {.type = CONF_GROUP}, .errors = errors};
	*errors = (struct conf_errors){.n = 0};
	return conf_tree_add_file(tree, name, file);
}

int
conf_parse_file(struct conf_tree *tree, const char *path, struct conf_errors *errors)
{
	char *text;
	size_t file;
	int rc = conf_parse_open(tree, path, errors, &file);

	if (rc < 0)
		return rc;
	/* Take the stamp first, so that a change during the reading counts as a change. */
	conf_file_stamp(path, &tree->files[file]);
	rc = conf_file_read(path, &text);
	if (rc == 0)
		return conf_parse_begin(tree, text, text, file);
	conf_tree_fail(tree, file, 0, "cannot be read: %s", conf_file_cause(rc));
	return rc == -EILSEQ ? -EINVAL : rc;
}

int
conf_parse_text(struct conf_tree *tree, const char *text, const char *name,
		struct conf_errors *errors)
{
	size_t file;
	int rc = conf_parse_open(tree, name, errors, &file);

	return rc < 0 ? rc : conf_parse_begin(tree, text, NULL, file);
}
