/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a configuration, checked and made fit for libconfig: read, included files put in
 * place, and everything refused or rewritten that libconfig gets wrong. Internal to the
 * configuration.
 */
#ifndef RPINGMESH_CORE_CONFIG_TEXT_H
#define RPINGMESH_CORE_CONFIG_TEXT_H

#include <stddef.h>

#include "core/config.h"

#define CONF_TEXT_MAX (8u << 20)  /* bytes, included files and all */
#define CONF_TEXT_INCLUDES 256u /* each may be within another: bounds the recursion, too */
#define CONF_TEXT_NESTING 16

/* From this line of the flat text on: which line of which file. */
struct conf_text_span {
	unsigned int flat_line;
	const char *file; /* borrowed from files */
	unsigned int line;
};

/* An open bracket. */
struct conf_text_open {
	char bracket;
	const char *file; /* borrowed from files */
	unsigned int line;
};

/* What the grammar wants next. */
enum conf_state {
	CONF_STATE_KEY,    /* the name of a key, or the end of its group */
	CONF_STATE_EQUALS,
	CONF_STATE_VALUE,
	CONF_STATE_FIRST,  /* a value, or the end of a list without any */
	CONF_STATE_STRING, /* what may follow a string: more of it, too */
	CONF_STATE_AFTER,  /* what may follow any other value */
	CONF_STATE_N
};

#define CONF_NEAR 48

/* Zero is a valid empty one. Everything is owned by it. */
struct conf_text {
	char *flat; /* terminated */
	size_t len, size;
	unsigned int lines; /* newlines in flat */
	struct conf_text_span *spans;
	size_t n_spans;
	char **files;
	struct config_file *stamps; /* of files, without their paths */
	size_t n_files;
	struct conf_text_open open[CONF_TEXT_NESTING];
	unsigned int depth;
	enum conf_state state;
	char near[CONF_NEAR]; /* the last key, cut */
	unsigned int includes;
	char *error; /* borrowed from the caller, CONFIG_ERROR bytes */
};

/*
 * Fills *text from a file, or from a string whose name is `name`. 0, or -errno and one line in
 * text->error. To be cleared with conf_text_clear() either way. Included files are looked up
 * beside the file that includes them.
 */
int conf_text_load(struct conf_text *text, const char *path);
int conf_text_take(struct conf_text *text, const char *string, const char *name);
void conf_text_clear(struct conf_text *text);

/* Scans a string that ends in '\0' to the end of the flat text. `file` is from conf_text_name(). */
int conf_scan_file(struct conf_text *text, const char *file, const char *string);
/* Whether everything that was begun has been ended. */
int conf_scan_end(struct conf_text *text);

/* For the scanner. All return 0 or -errno with text->error set, unless said otherwise. */
int conf_text_fail(struct conf_text *text, const char *file, unsigned int line, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));
int conf_text_no_memory(struct conf_text *text);
int conf_text_emit(struct conf_text *text, const char *bytes, size_t n);
int conf_text_newline(struct conf_text *text);
/* From the current end of the flat text on, lines are those of `file` from `line` on. */
int conf_text_span(struct conf_text *text, const char *file, unsigned int line);
/*
 * Keeps a copy of a file's name, and what it looked like, for as long as the text lives. NULL: no
 * memory.
 */
const char *conf_text_name(struct conf_text *text, const char *name,
			   const struct config_file *stamp);
/* What a file looks like now; all zero: it cannot be told. Without its path. */
void conf_text_stamp(const char *path, struct config_file *out);
/* A file as a string, owned by the caller. Says nothing in text->error: conf_text_cause() does. */
int conf_text_read(const char *path, char **out);
/* The cause of what conf_text_read() returned and, for the commonest, the cure. */
const char *conf_text_cause(int rc);

/* Where a line of the flat text (from 1) came from. */
void conf_text_where(const struct conf_text *text, unsigned int flat_line, const char **file,
		     unsigned int *line);

#endif
