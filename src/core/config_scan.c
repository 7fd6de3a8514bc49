/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner and the grammar for config_text.c. The grammar is libconfig's:
 * settings are NAME = VALUE, ended by ';' or ',' or nothing; values are scalars, strings in
 * one or several pieces, ( ) and [ ] with values between commas, { } with settings.
 */
#include "core/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One file while it is scanned. */
struct conf_scan {
	struct conf_text *text;
	const char *file; /* name, borrowed from text->files */
	const char *p;    /* terminated; no '\0' before the end */
	unsigned int line;
	bool blank;       /* nothing but blanks on this line so far */
};

enum conf_token {
	CONF_TOKEN_NAME,
	CONF_TOKEN_EQUALS,
	CONF_TOKEN_COMMA,
	CONF_TOKEN_SEMICOLON,
	CONF_TOKEN_STRING,
	CONF_TOKEN_SCALAR,
	CONF_TOKEN_OPEN_LIST,
	CONF_TOKEN_OPEN_GROUP,
	CONF_TOKEN_CLOSE,
	CONF_TOKEN_UNKNOWN
};

static bool
conf_in_list(const struct conf_text *text)
{
	return text->depth > 0 && text->open[text->depth - 1].bracket != '{';
}

static enum conf_state
conf_state_value(enum conf_token token)
{
	if (token == CONF_TOKEN_STRING)
		return CONF_STATE_STRING;
	if (token == CONF_TOKEN_SCALAR)
		return CONF_STATE_AFTER;
	if (token == CONF_TOKEN_OPEN_LIST)
		return CONF_STATE_FIRST;
	return token == CONF_TOKEN_OPEN_GROUP ? CONF_STATE_KEY : CONF_STATE_N;
}

static enum conf_state
conf_state_after(enum conf_token token, bool in_list)
{
	if (token == CONF_TOKEN_CLOSE)
		return CONF_STATE_AFTER;
	if (in_list)
		return token == CONF_TOKEN_COMMA ? CONF_STATE_VALUE : CONF_STATE_N;
	if (token == CONF_TOKEN_COMMA || token == CONF_TOKEN_SEMICOLON)
		return CONF_STATE_KEY;
	return token == CONF_TOKEN_NAME ? CONF_STATE_EQUALS : CONF_STATE_N;
}

/* CONF_STATE_N: the token must not stand here. */
static enum conf_state
conf_state_next(enum conf_state state, enum conf_token token, bool in_list)
{
	switch (state) {
	case CONF_STATE_KEY:
		if (token == CONF_TOKEN_CLOSE)
			return CONF_STATE_AFTER;
		return token == CONF_TOKEN_NAME ? CONF_STATE_EQUALS : CONF_STATE_N;
	case CONF_STATE_EQUALS:
		return token == CONF_TOKEN_EQUALS ? CONF_STATE_VALUE : CONF_STATE_N;
	case CONF_STATE_VALUE:
		return conf_state_value(token);
	case CONF_STATE_FIRST:
		return token == CONF_TOKEN_CLOSE ? CONF_STATE_AFTER : conf_state_value(token);
	case CONF_STATE_STRING:
		return token == CONF_TOKEN_STRING ? CONF_STATE_STRING :
						    conf_state_after(token, in_list);
	case CONF_STATE_AFTER:
		return conf_state_after(token, in_list);
	case CONF_STATE_N:
		break;
	}
	return CONF_STATE_N;
}

static const char *
conf_state_expects(const struct conf_text *text)
{
	switch (text->state) {
	case CONF_STATE_KEY:
		return "the name of a key";
	case CONF_STATE_EQUALS:
		return "'='";
	case CONF_STATE_VALUE:
	case CONF_STATE_FIRST:
		return "a value (text in \" \", a number, true, false, a list or a group)";
	case CONF_STATE_STRING:
	case CONF_STATE_AFTER:
	case CONF_STATE_N:
		break;
	}
	return conf_in_list(text) ? "',' or the end of the list" : "';' or the next key";
}

static int
conf_scan_unexpected(struct conf_text *text, const char *file, unsigned int line, const char *found)
{
	return conf_text_fail(text, file, line, "%s%s: expected %s, found %s",
			      *text->near ? "near " : "syntax", text->near,
			      conf_state_expects(text), found);
}

/* Takes a token into account that stands at p and ends before `end`. */
static int
conf_scan_token(struct conf_scan *scan, const char *p, const char *end, enum conf_token token)
{
	struct conf_text *text = scan->text;
	enum conf_state next = conf_state_next(text->state, token, conf_in_list(text));
	int len = end - p < CONF_NEAR - 1 ? (int)(end - p) : CONF_NEAR - 1;
	char found[CONF_NEAR + 8];

	if (next == CONF_STATE_N) {
		if (*p < ' ' || *p > '~')
			snprintf(found, sizeof(found), "a byte 0x%02x", (unsigned char)*p);
		else
			snprintf(found, sizeof(found), *p == '"' ? "%.*s" : "'%.*s'", len, p);
		return conf_scan_unexpected(text, scan->file, scan->line, found);
	}
	text->state = next;
	if (token == CONF_TOKEN_NAME)
		snprintf(text->near, sizeof(text->near), "%.*s", len, p);
	return 0;
}

static int
conf_scan_newline(struct conf_scan *scan)
{
	scan->p++;
	scan->line++;
	scan->blank = true;
	return conf_text_newline(scan->text);
}

/* Copies the string at p as it is written. */
static int
conf_scan_string(struct conf_scan *scan)
{
	const char *start = scan->p++;
	int rc;

	while (*scan->p != '"') {
		if (*scan->p == '\\' && scan->p[1] && scan->p[1] != '\n') {
			if (strncasecmp(scan->p + 1, "x00", 3) == 0)
				return conf_text_fail(
					scan->text, scan->file, scan->line,
					"string: expected text, found a NUL character");
			scan->p++;
		}
		if (*scan->p == '\0' || *scan->p == '\n')
			return conf_text_fail(
				scan->text, scan->file, scan->line,
				"string: expected a closing '\"' on the same line, found none");
		scan->p++;
	}
	scan->p++;
	rc = conf_scan_token(scan, start, scan->p, CONF_TOKEN_STRING);
	return rc < 0 ? rc : conf_text_emit(scan->text, start, (size_t)(scan->p - start));
}

static int
conf_scan_comment(struct conf_scan *scan)
{
	unsigned int line = scan->line;
	int rc;

	for (scan->p += 2; strncmp(scan->p, "*/", 2) != 0;) {
		if (*scan->p == '\0')
			return conf_text_fail(
				scan->text, scan->file, line,
				"comment: expected a closing '*/', found the end of the file");
		if (*scan->p != '\n') {
			scan->p++;
			continue;
		}
		rc = conf_scan_newline(scan);
		if (rc < 0)
			return rc;
	}
	scan->p += 2;
	return conf_text_emit(scan->text, " ", 1);
}

static char
conf_bracket_partner(char bracket)
{
	switch (bracket) {
	case '(':
		return ')';
	case '[':
		return ']';
	default:
		return '}';
	}
}

static int
conf_scan_open(struct conf_scan *scan, char c)
{
	struct conf_text *text = scan->text;
	int rc = conf_scan_token(scan, scan->p, scan->p + 1,
				 c == '{' ? CONF_TOKEN_OPEN_GROUP : CONF_TOKEN_OPEN_LIST);

	if (rc < 0)
		return rc;
	if (text->depth == CONF_TEXT_NESTING)
		return conf_text_fail(
			text, scan->file, scan->line,
			"'%c': expected at most %d brackets in one another, found more", c,
			CONF_TEXT_NESTING);
	text->open[text->depth++] = (struct conf_text_open){c, scan->file, scan->line};
	scan->p++;
	/*
	 * an array goes out as a list: its elements may then differ in type, and the reader names
	 * the wrong one
	 */
	return conf_text_emit(text, c == '[' ? "(" : &c, 1);
}

static int
conf_scan_close(struct conf_scan *scan, char c)
{
	struct conf_text *text = scan->text;
	const struct conf_text_open *open;
	int rc;

	if (text->depth == 0)
		return conf_text_fail(text, scan->file, scan->line,
				      "'%c': expected an opening bracket before it, found none", c);
	open = &text->open[text->depth - 1];
	if (conf_bracket_partner(open->bracket) != c)
		return conf_text_fail(text, scan->file, scan->line,
				      "'%c': expected '%c' to close the '%c' of %s:%u, found '%c'",
				      c, conf_bracket_partner(open->bracket), open->bracket,
				      open->file, open->line, c);
	rc = conf_scan_token(scan, scan->p, scan->p + 1, CONF_TOKEN_CLOSE);
	if (rc < 0)
		return rc;
	text->depth--;
	scan->p++;
	return conf_text_emit(text, c == ']' ? ")" : &c, 1);
}

static bool
conf_is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.*+-", c));
}

/* The digits of an integer literal without its suffix: their number, or 0 if the word is none. */
static size_t
conf_integer_length(const char *word, size_t len, bool *hex)
{
	size_t i = 0;

	*hex = len > 2 && word[0] == '0' && tolower((unsigned char)word[1]) == 'x';
	while (len > 1 && word[len - 1] == 'L')
		len--;
	if (*hex)
		i = 2;
	else if (*word == '+' || *word == '-')
		i = 1;
	if (i >= len)
		return 0;
	for (; i < len; i++)
		if (!(*hex ? isxdigit((unsigned char)word[i]) : isdigit((unsigned char)word[i])))
			return 0;
	return len;
}

static bool
conf_integer_fits(const char *word, bool hex)
{
	errno = 0;
	if (hex)
		return strtoull(word, NULL, 16) <= INT64_MAX && !errno;
	strtoll(word, NULL, 10);
	return !errno;
}

static bool
conf_is_name(const char *word, size_t len)
{
	if (!isalpha((unsigned char)*word) && *word != '*')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && !strchr("-_*", word[i]))
			return false;
	return true;
}

static bool
conf_is_float(const char *word, size_t len)
{
	char *end;

	if (strspn(word, "0123456789.eE+-") < len)
		return false;
	strtod(word, &end);
	return end == word + len;
}

static enum conf_token
conf_word_token(const char *word, size_t len)
{
	if ((len == 4 && strncasecmp(word, "true", 4) == 0) ||
	    (len == 5 && strncasecmp(word, "false", 5) == 0))
		return CONF_TOKEN_SCALAR;
	if (conf_is_name(word, len))
		return CONF_TOKEN_NAME;
	return conf_is_float(word, len) ? CONF_TOKEN_SCALAR : CONF_TOKEN_UNKNOWN;
}

static int
conf_scan_word(struct conf_scan *scan)
{
	const char *word = scan->p;
	size_t len = 0, n;
	bool hex;
	int rc;

	while (conf_is_word(word[len]))
		len++;
	scan->p += len;
	n = conf_integer_length(word, len, &hex);
	rc = conf_scan_token(scan, word, word + len,
			     n ? CONF_TOKEN_SCALAR : conf_word_token(word, len));
	if (rc < 0)
		return rc;
	if (!n)
		return conf_text_emit(scan->text, word, len);
	if (!conf_integer_fits(word, hex))
		return conf_text_fail(scan->text, scan->file, scan->line,
				      "near %s: expected an integer of at most 64 bits, found %.*s",
				      scan->text->near, (int)(len < 60 ? len : 60), word);
	rc = conf_text_emit(scan->text, word, n);
	return rc < 0 ? rc : conf_text_emit(scan->text, "L", 1);
}

static int
conf_scan_punctuation(struct conf_scan *scan)
{
	const char *p = scan->p++;
	enum conf_token token = CONF_TOKEN_UNKNOWN;
	int rc;

	if (*p == '=' || *p == ':')
		token = CONF_TOKEN_EQUALS;
	else if (*p == ',')
		token = CONF_TOKEN_COMMA;
	else if (*p == ';')
		token = CONF_TOKEN_SEMICOLON;
	rc = conf_scan_token(scan, p, p + 1, token);
	return rc < 0 ? rc : conf_text_emit(scan->text, p, 1);
}

/* The path of an included file: beside the including one unless absolute. Caller frees. */
static char *
conf_include_path(const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');
	char *path;

	if (*name == '/' || !slash)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - from), from, name) < 0)
		return NULL;
	return path;
}

static int
conf_scan_include_file(struct conf_scan *scan, const char *path)
{
	struct conf_text *text = scan->text;
	struct config_file stamp;
	const char *name;
	char *string;
	int rc;

	if (text->includes++ == CONF_TEXT_INCLUDES)
		return conf_text_fail(text, scan->file, scan->line,
				      "@include: expected at most %u files in all, found more "
				      "(does a file include itself?)",
				      CONF_TEXT_INCLUDES);
	conf_text_stamp(path, &stamp);
	rc = conf_text_read(path, &string);
	if (rc < 0) {
		conf_text_fail(text, scan->file, scan->line,
			       "@include: expected a readable file, found \"%s\": %s", path,
			       conf_text_cause(rc));
		return rc == -EILSEQ ? -EINVAL : rc;
	}
	name = conf_text_name(text, path, &stamp);
	rc = name ? conf_scan_file(text, name, string) : conf_text_no_memory(text);
	free(string);
	if (rc == 0)
		rc = conf_text_newline(text);
	return rc < 0 ? rc : conf_text_span(text, scan->file, scan->line);
}

static int
conf_scan_include(struct conf_scan *scan)
{
	const char *p = scan->p + strlen("@include"), *start;
	char *name, *path;
	int rc;

	p += strspn(p, " \t");
	start = p + 1;
	if (*p == '"')
		for (p++; *p && *p != '"' && *p != '\n'; p++)
			;
	if (*p != '"' || p == start)
		return conf_text_fail(scan->text, scan->file, scan->line,
				      "@include: expected a file name in '\"', found none");
	name = strndup(start, (size_t)(p - start));
	path = name ? conf_include_path(scan->file, name) : NULL;
	scan->p = p + 1;
	rc = path ? conf_scan_include_file(scan, path) : conf_text_no_memory(scan->text);
	free(path);
	free(name);
	return rc;
}

static int
conf_scan_step(struct conf_scan *scan)
{
	const char *p = scan->p;
	bool blank = scan->blank;

	if (*p == '\n')
		return conf_scan_newline(scan);
	if (*p == '#' || strncmp(p, "//", 2) == 0) {
		scan->p += strcspn(p, "\n");
		return 0;
	}
	if (strncmp(p, "/*", 2) == 0)
		return conf_scan_comment(scan);
	if (strchr(" \t\r\f", *p)) {
		scan->p++;
		return conf_text_emit(scan->text, p, 1);
	}
	scan->blank = false;
	if (*p == '"')
		return conf_scan_string(scan);
	if (strchr("([{", *p))
		return conf_scan_open(scan, *p);
	if (strchr(")]}", *p))
		return conf_scan_close(scan, *p);
	if (conf_is_word(*p))
		return conf_scan_word(scan);
	if (blank && strncmp(p, "@include", 8) == 0 && !conf_is_word(p[8]))
		return conf_scan_include(scan);
	return conf_scan_punctuation(scan);
}

int
conf_scan_file(struct conf_text *text, const char *file, const char *string)
{
	struct conf_scan scan = {.text = text, .file = file, .p = string, .line = 1, .blank = true};
	int rc = conf_text_span(text, file, 1);

	while (rc == 0 && *scan.p)
		rc = conf_scan_step(&scan);
	return rc;
}

int
conf_scan_end(struct conf_text *text)
{
	const struct conf_text_span *last = &text->spans[text->n_spans - 1];
	const struct conf_text_open *open;

	if (text->depth > 0) {
		open = &text->open[text->depth - 1];
		return conf_text_fail(text, open->file, open->line,
				      "'%c': expected a closing '%c', found the end of the file",
				      open->bracket, conf_bracket_partner(open->bracket));
	}
	if (text->state == CONF_STATE_EQUALS || text->state == CONF_STATE_VALUE)
		return conf_scan_unexpected(text, last->file,
					    last->line + text->lines + 1 - last->flat_line,
					    "the end of the file");
	return 0;
}
