/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct conf_lex_file *
conf_lex_top(struct conf_lex *lex)
{
	return &lex->files[lex->n_files - 1];
}

/* UTF-8's byte order mark, which some editors write at the start of a file. */
#define CONF_LEX_BOM "\xef\xbb\xbf"

static int
conf_lex_fail(struct conf_lex *lex, unsigned int line, const char *what)
{
	return conf_tree_fail(lex->tree, conf_lex_top(lex)->file, line, "%s", what);
}

int
conf_lex_begin(struct conf_lex *lex, const char *text, char *owned, size_t file)
{
	struct conf_lex_file *files = NULL;
	int rc = 0;

	lex->bytes += strlen(text);
	if (lex->bytes > CONF_FILE_MAX) {
		conf_tree_fail(lex->tree, file, 1,
			       "configuration: expected at most %u bytes with all included files, "
			       "found more",
			       CONF_FILE_MAX);
		rc = -EFBIG;
	} else {
		files = realloc(lex->files, (lex->n_files + 1) * sizeof(*files));
		rc = files ? 0 : conf_tree_no_memory(lex->tree);
	}
	if (rc < 0) {
		free(owned);
		return rc;
	}
	lex->files = files;
	if (strncmp(text, CONF_LEX_BOM, strlen(CONF_LEX_BOM)) == 0)
		text += strlen(CONF_LEX_BOM);
	files[lex->n_files++] = (struct conf_lex_file){owned, text, text, file, 1};
	return 0;
}

void
conf_lex_end(struct conf_lex *lex)
{
	while (lex->n_files)
		free(lex->files[--lex->n_files].text);
	free(lex->files);
	*lex = (struct conf_lex){.tree = lex->tree};
}

/* A relative path is relative to the folder of the including file. The caller frees the result. */
static char *
conf_lex_include_path(const char *from, const char *name, size_t len)
{
	const char *slash = strrchr(from, '/');
	char *path;

	if (*name == '/' || !slash)
		return strndup(name, len);
	if (asprintf(&path, "%.*s/%.*s", (int)(slash - from), from, (int)len, name) < 0)
		return NULL;
	return path;
}

static int
conf_lex_include_file(struct conf_lex *lex, const char *path)
{
	const struct conf_lex_file *from = conf_lex_top(lex);
	size_t file;
	char *text;
	int rc;

	if (lex->tree->n_files > CONF_LEX_INCLUDES) {
		conf_tree_fail(lex->tree, from->file, from->line,
			       "@include: expected at most %u files in all, found more (does a "
			       "file include itself?)",
			       CONF_LEX_INCLUDES);
		return -ELOOP;
	}
	rc = conf_tree_add_file(lex->tree, path, &file);
	if (rc < 0)
		return rc;
	conf_file_stamp(path, &lex->tree->files[file]);
	rc = conf_file_read(path, &text);
	if (rc < 0)
		return conf_tree_fail(lex->tree, from->file, from->line,
				      "@include: expected a readable file, found \"%s\": %s", path,
				      conf_file_cause(rc));
	return conf_lex_begin(lex, text, text, file);
}

static int
conf_lex_include(struct conf_lex *lex)
{
	struct conf_lex_file *from = conf_lex_top(lex);
	const char *name = from->p + strlen("@include");
	size_t len;
	char *path;
	int rc;

	name += strspn(name, " \t");
	len = *name == '"' ? strcspn(name + 1, "\"\n") : 0;
	if (!len || name[1 + len] != '"') {
		from->p = name + strcspn(name, "\n");
		return conf_lex_fail(lex, from->line,
				     "@include: expected a file name in '\"', found none");
	}
	from->p = name + len + 2;
	path = conf_lex_include_path(lex->tree->files[from->file].path, name + 1, len);
	rc = path ? conf_lex_include_file(lex, path) : conf_tree_no_memory(lex->tree);
	free(path);
	return rc;
}

static void
conf_lex_newline(struct conf_lex_file *file)
{
	file->start = ++file->p;
	file->line++;
}

static int
conf_lex_comment(struct conf_lex *lex)
{
	struct conf_lex_file *file = conf_lex_top(lex);
	unsigned int line = file->line;

	for (file->p += 2; strncmp(file->p, "*/", 2) != 0;) {
		if (*file->p == '\0')
			return conf_lex_fail(
				lex, line,
				"comment: expected a closing '*/', found the end of the file");
		if (*file->p == '\n')
			conf_lex_newline(file);
		else
			file->p++;
	}
	file->p += 2;
	return 0;
}

static bool
conf_lex_is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.*+-", c));
}

static bool
conf_lex_is_include(const struct conf_lex_file *file)
{
	return strncmp(file->p, "@include", 8) == 0 && !conf_lex_is_word(file->p[8]) &&
	       file->start + strspn(file->start, " \t\r\f") == file->p;
}

/* Skips to the next token. Enters and leaves included files. */
static int
conf_lex_skip(struct conf_lex *lex)
{
	struct conf_lex_file *file;
	int rc = 0;

	while (rc == 0) {
		file = conf_lex_top(lex);
		file->p += strspn(file->p, " \t\r\f");
		if (*file->p == '\n') {
			conf_lex_newline(file);
		} else if (*file->p == '#' || strncmp(file->p, "//", 2) == 0) {
			file->p += strcspn(file->p, "\n");
		} else if (strncmp(file->p, "/*", 2) == 0) {
			rc = conf_lex_comment(lex);
		} else if (conf_lex_is_include(file)) {
			rc = conf_lex_include(lex);
		} else if (*file->p == '\0' && lex->n_files > 1) {
			free(file->text);
			lex->n_files--;
		} else {
			break;
		}
	}
	return rc;
}

static int
conf_lex_string(struct conf_lex *lex, struct conf_token *out)
{
	struct conf_lex_file *file = conf_lex_top(lex);
	bool nul = false;

	while (*file->p != '"') {
		nul |= strncasecmp(file->p, "\\x00", 4) == 0;
		if (*file->p == '\\' && file->p[1] && file->p[1] != '\n')
			file->p++;
		if (*file->p == '\0' || *file->p == '\n')
			return conf_lex_fail(
				lex, file->line,
				"string: expected a closing '\"' on the same line, found none");
		file->p++;
	}
	file->p++;
	if (nul)
		return conf_lex_fail(lex, file->line,
				     "string: expected text, found a NUL character");
	out->type = CONF_TOKEN_STRING;
	return 0;
}

/* Whether the word is an integer, which any number of L may follow. */
static bool
conf_lex_is_integer(const char *word, size_t len)
{
	bool hex = len > 2 && strncasecmp(word, "0x", 2) == 0;
	size_t i = hex ? 2 : *word == '+' || *word == '-';

	while (len > 1 && word[len - 1] == 'L')
		len--;
	if (i >= len)
		return false;
	for (; i < len; i++)
		if (!(hex ? isxdigit((unsigned char)word[i]) : isdigit((unsigned char)word[i])))
			return false;
	return true;
}

static bool
conf_lex_is_name(const char *word, size_t len)
{
	if (!isalpha((unsigned char)*word) && *word != '*')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && !strchr("-_*", word[i]))
			return false;
	return true;
}

static bool
conf_lex_is_float(const char *word, size_t len)
{
	char *end;

	if (strspn(word, "0123456789.eE+-") < len)
		return false;
	strtod(word, &end);
	return end == word + len;
}

static enum conf_token_type
conf_lex_word(const char *word, size_t len)
{
	if (conf_lex_is_integer(word, len))
		return CONF_TOKEN_INTEGER;
	if ((len == 4 && strncasecmp(word, "true", 4) == 0) ||
	    (len == 5 && strncasecmp(word, "false", 5) == 0))
		return CONF_TOKEN_BOOL;
	if (conf_lex_is_name(word, len))
		return CONF_TOKEN_NAME;
	return conf_lex_is_float(word, len) ? CONF_TOKEN_FLOAT : CONF_TOKEN_UNKNOWN;
}

static enum conf_token_type
conf_lex_punctuation(char c)
{
	static const struct {
		char c;
		enum conf_token_type type;
	} all[] = {
		{'=', CONF_TOKEN_EQUALS}, {':', CONF_TOKEN_EQUALS}, {',', CONF_TOKEN_COMMA},
		{';', CONF_TOKEN_SEMICOLON}, {'(', CONF_TOKEN_OPEN}, {'[', CONF_TOKEN_OPEN},
		{'{', CONF_TOKEN_OPEN}, {')', CONF_TOKEN_CLOSE}, {']', CONF_TOKEN_CLOSE},
		{'}', CONF_TOKEN_CLOSE},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].c == c)
			return all[i].type;
	return CONF_TOKEN_UNKNOWN;
}

int
conf_lex_next(struct conf_lex *lex, struct conf_token *out)
{
	struct conf_lex_file *file;
	int rc = conf_lex_skip(lex);

	*out = (struct conf_token){.type = CONF_TOKEN_UNKNOWN, .at = ""};
	if (rc < 0)
		return rc;
	file = conf_lex_top(lex);
	out->at = file->p;
	out->file = file->file;
	out->line = file->line;
	out->first = file->p == file->start;
	if (*file->p == '\0') {
		out->type = CONF_TOKEN_END;
	} else if (conf_lex_is_word(*file->p)) {
		while (conf_lex_is_word(*file->p))
			file->p++;
		out->type = conf_lex_word(out->at, (size_t)(file->p - out->at));
	} else if (*file->p++ == '"') {
		rc = conf_lex_string(lex, out);
	} else {
		out->type = conf_lex_punctuation(*out->at);
	}
	out->len = (size_t)(file->p - out->at);
	return rc;
}
