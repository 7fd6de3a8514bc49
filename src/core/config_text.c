/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: what is done to a configuration before libconfig sees it
 *
 * libconfig 1.5 and later have habits that a daemon cannot live with: `@include` of a directory
 * ends the process (exit(3) in the scanner); integers that need more than 32 bits wrap; a syntax
 * error behind a string leaks it, and is told without saying what is wrong; elements of different
 * types in an array fail without the key; nesting is bounded only by the parser's stack. So the
 * text is scanned here (config_scan.c): comments go, included files are put in place (with a map of
 * lines), each integer gets the suffix L, arrays become lists, the grammar is checked. What is left
 * for libconfig is the tree, and keys that stand twice.
 *
 * Objects: struct conf_text, owned by the reader in config.c, lives as long as one reading.
 */
#include "core/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
conf_text_fail(struct conf_text *text, const char *file, unsigned int line, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(text->error, CONFIG_ERROR, "%s:%u: ", file, line);

	if (n >= 0 && n < CONFIG_ERROR) {
		va_start(ap, fmt);
		vsnprintf(text->error + n, CONFIG_ERROR - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

int
conf_text_no_memory(struct conf_text *text)
{
	snprintf(text->error, CONFIG_ERROR, "out of memory while reading the configuration");
	return -ENOMEM;
}

int
conf_text_emit(struct conf_text *text, const char *bytes, size_t n)
{
	if (text->len + n > CONF_TEXT_MAX) {
		snprintf(text->error, CONFIG_ERROR,
			 "configuration: expected at most %u bytes with all included files",
			 CONF_TEXT_MAX);
		return -EFBIG;
	}
	if (text->len + n >= text->size) {
		size_t size = 2 * (text->len + n) + 256;
		char *flat = realloc(text->flat, size);

		if (!flat)
			return conf_text_no_memory(text);
		text->flat = flat;
		text->size = size;
	}
	memcpy(text->flat + text->len, bytes, n);
	text->len += n;
	text->flat[text->len] = '\0';
	return 0;
}

int
conf_text_newline(struct conf_text *text)
{
	text->lines++;
	return conf_text_emit(text, "\n", 1);
}

int
conf_text_span(struct conf_text *text, const char *file, unsigned int line)
{
	struct conf_text_span *spans = realloc(text->spans, (text->n_spans + 1) * sizeof(*spans));

	if (!spans)
		return conf_text_no_memory(text);
	text->spans = spans;
	spans[text->n_spans++] = (struct conf_text_span){text->lines + 1, file, line};
	return 0;
}

const char *
conf_text_name(struct conf_text *text, const char *name, const struct config_file *stamp)
{
	char **files = realloc(text->files, (text->n_files + 1) * sizeof(*files));
	struct config_file *stamps;

	if (!files)
		return NULL;
	text->files = files;
	stamps = realloc(text->stamps, (text->n_files + 1) * sizeof(*stamps));
	if (!stamps)
		return NULL;
	text->stamps = stamps;
	stamps[text->n_files] = *stamp;
	files[text->n_files] = strdup(name);
	return files[text->n_files] ? files[text->n_files++] : NULL;
}

void
conf_text_stamp(const char *path, struct config_file *out)
{
	struct stat st;

	*out = (struct config_file){0};
	if (stat(path, &st) < 0)
		return;
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	out->size = (uint64_t)st.st_size;
	out->mtime_s = st.st_mtim.tv_sec;
	out->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
}

static int
conf_text_read_fd(int fd, char **out)
{
	size_t len = 0, size = 4096;
	char *buf = malloc(size);
	ssize_t n;

	while (buf && (n = read(fd, buf + len, size - len - 1)) != 0) {
		char *more;

		if (n < 0) {
			n = -errno;
			free(buf);
			return (int)n;
		}
		len += (size_t)n;
		if (len > CONF_TEXT_MAX) {
			free(buf);
			return -EFBIG;
		}
		if (len + 1 < size)
			continue;
		more = realloc(buf, size *= 2);
		if (!more)
			free(buf);
		buf = more;
	}
	if (!buf)
		return -ENOMEM;
	/* libconfig takes a string: whatever is behind a NUL would silently not count */
	if (memchr(buf, '\0', len)) {
		free(buf);
		return -EILSEQ;
	}
	buf[len] = '\0';
	*out = buf;
	return 0;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
int
conf_text_read(const char *path, char **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		rc = -ENODEV;
	else
		rc = conf_text_read_fd(fd, out);
	close(fd);
	return rc;
}

const char *
conf_text_cause(int rc)
{
	switch (-rc) {
	case ENOENT:
		return "no such file; create it (rpingmeshd --print-default-config writes a "
		       "commented one) or name another";
	case EACCES:
		return "permission denied; let the user that rpingmeshd runs as read it and search "
		       "its directories";
	case EISDIR:
		return "it is a directory; name a file";
	case ENODEV:
		return "it is not a regular file; name one";
	case EFBIG:
		return "it is too large; a configuration has at most 8 MiB";
	case EILSEQ:
		return "it holds NUL bytes; a configuration is text";
	default:
		return strerror(-rc);
	}
}

static int
conf_text_scan(struct conf_text *text, const char *string, const char *name,
	       const struct config_file *stamp)
{
	const char *file = conf_text_name(text, name, stamp);
	int rc;

	if (!file)
		return conf_text_no_memory(text);
	rc = conf_scan_file(text, file, string);
	if (rc == 0)
		rc = conf_scan_end(text);
	return rc < 0 ? rc : conf_text_emit(text, "\n", 1);
}

int
conf_text_load(struct conf_text *text, const char *path)
{
	struct config_file stamp;
	char *string;
	int rc;

	/* Before it is read: a change in between is told as one. */
	conf_text_stamp(path, &stamp);
	rc = conf_text_read(path, &string);
	if (rc < 0) {
		snprintf(text->error, CONFIG_ERROR, "%s: cannot be read: %s", path,
			 conf_text_cause(rc));
		return rc == -EILSEQ ? -EINVAL : rc;
	}
	rc = conf_text_scan(text, string, path, &stamp);
	free(string);
	return rc;
}

int
conf_text_take(struct conf_text *text, const char *string, const char *name)
{
	return conf_text_scan(text, string, name, &(struct config_file){0});
}

void
conf_text_clear(struct conf_text *text)
{
	for (size_t i = 0; i < text->n_files; i++)
		free(text->files[i]);
	free(text->files);
	free(text->stamps);
	free(text->spans);
	free(text->flat);
	*text = (struct conf_text){.error = text->error};
}

void
conf_text_where(const struct conf_text *text, unsigned int flat_line, const char **file,
		unsigned int *line)
{
	const struct conf_text_span *span = &text->spans[0];

	for (size_t i = 1; i < text->n_spans && text->spans[i].flat_line <= flat_line; i++)
		span = &text->spans[i];
	*file = span->file;
	*line = flat_line > span->flat_line ? span->line + flat_line - span->flat_line : span->line;
}
