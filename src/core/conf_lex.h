/* SPDX-License-Identifier: Apache-2.0 */
/* Splits the text of a configuration into tokens and follows @include. Used by conf_parse.c. */
#ifndef RPINGMESH_CORE_CONF_LEX_H
#define RPINGMESH_CORE_CONF_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf_tree.h"

#define CONF_LEX_INCLUDES 256u /* files in all */

enum conf_token_type {
	CONF_TOKEN_NAME,
	CONF_TOKEN_EQUALS,
	CONF_TOKEN_COMMA,
	CONF_TOKEN_SEMICOLON,
	CONF_TOKEN_STRING, /* with its quotes and escapes */
	CONF_TOKEN_INTEGER,
	CONF_TOKEN_FLOAT,
	CONF_TOKEN_BOOL,
	CONF_TOKEN_OPEN,
	CONF_TOKEN_CLOSE,
	CONF_TOKEN_END,
	CONF_TOKEN_UNKNOWN,
};

struct conf_token {
	enum conf_token_type type;
	const char *at; /* borrowed from the text, until the next token */
	size_t len;
	size_t file; /* of the tree's files */
	unsigned int line;
	bool first; /* it begins in the first column of its line */
};

/* A file that is being read. */
struct conf_lex_file {
	char *text;       /* owned; NULL: borrowed from the caller of conf_lex_begin() */
	const char *p;    /* next character; the text ends with '\0' */
	const char *start; /* of the line */
	size_t file;
	unsigned int line;
};

struct conf_lex {
	struct conf_tree *tree; /* borrowed */
	struct conf_lex_file *files; /* the last is the innermost */
	size_t n_files;
	size_t bytes; /* of all files so far */
};

/*
 * Begins with a text, which is borrowed unless it is `owned`; conf_lex_end() frees `owned` if it is
 * not NULL. Returns 0, or -errno after adding the error to the tree's.
 */
int conf_lex_begin(struct conf_lex *lex, const char *text, char *owned, size_t file);
/*
 * Reads the next token. Returns 0, or -errno after adding the mistake to the tree's errors. After
 * -EINVAL the caller may go on reading.
 */
int conf_lex_next(struct conf_lex *lex, struct conf_token *out);
/* Frees what the lexer owns. */
void conf_lex_end(struct conf_lex *lex);

#endif
