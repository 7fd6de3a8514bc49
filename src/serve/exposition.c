/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/exposition.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"

#define EXPOSITION_LINE 512
#define EXPOSITION_SUFFIX "_total"

static const char *const type_names[] = {
	[EXPOSITION_COUNTER] = "counter",
	[EXPOSITION_GAUGE] = "gauge",
	[EXPOSITION_HISTOGRAM] = "histogram",
};
static_assert(sizeof(type_names) / sizeof(type_names[0]) == EXPOSITION_TYPE_N,
	      "a name for each type");

const char *
exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS ?
		       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}

/* A weight of RFC 9110 section 12.4.2, in thousandths. An invalid weight counts as 1. */
static unsigned int
exposition_quality(const char *text)
{
	unsigned int q = 0, unit = 100;

	if (text[0] != '0')
		return 1000;
	if (text[1] == '.')
		for (text += 2; *text >= '0' && *text <= '9' && unit; text++, unit /= 10)
			q += unit * (unsigned int)(*text - '0');
	return q;
}

/* The client's weights of the formats, in thousandths; 0: not accepted. */
struct exposition_wish {
	unsigned int openmetrics, text;
	int text_by; /* how closely the range of this weight matches text/plain, 0: no range yet;
			the closest one counts (RFC 9110 section 12.5.1) */
};

static int
exposition_text_by(const char *type)
{
	static const char *const ranges[] = {"*/*", "text/*", "text/plain"};

	for (int i = 0; i < (int)(sizeof(ranges) / sizeof(ranges[0])); i++)
		if (strcasecmp(type, ranges[i]) == 0)
			return i + 1;
	return 0;
}

/* Whether we can write this version, which may be in quotes. */
static bool
exposition_is_known(const char *version)
{
	static const char *const known[] = {"1.0.0", "\"1.0.0\"", "0.0.1", "\"0.0.1\""};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(version, known[i]) == 0)
			return true;
	return false;
}

/* Reads one element of an Accept header, and destroys the text. */
static void
exposition_hear(struct exposition_wish *wish, char *range)
{
	char *rest, *type = strtok_r(range, "; \t", &rest), *param;
	int text_by = type ? exposition_text_by(type) : 0;
	bool is_known = true;
	unsigned int q = 1000;

	while (type && (param = strtok_r(NULL, "; \t", &rest))) {
		if (strncasecmp(param, "q=", 2) == 0)
			q = exposition_quality(param + 2);
		else if (strncasecmp(param, "version=", 8) == 0)
			is_known = exposition_is_known(param + 8);
	}
	if (type && strcasecmp(type, "application/openmetrics-text") == 0 && is_known &&
	    q > wish->openmetrics)
		wish->openmetrics = q;
	if (text_by > wish->text_by || (text_by && text_by == wish->text_by && q > wish->text)) {
		wish->text_by = text_by;
		wish->text = q;
	}
}

enum exposition_format
exposition_negotiate(const char *accept)
{
	char *copy = accept ? strdup(accept) : NULL, *rest = copy, *range;
	struct exposition_wish wish = {0};

	while (rest && (range = strsep(&rest, ",")))
		exposition_hear(&wish, range);
	free(copy);
	return wish.openmetrics && wish.openmetrics >= wish.text ? EXPOSITION_OPENMETRICS :
								   EXPOSITION_PROMETHEUS;
}

static void
exposition_add(struct exposition *e, const char *text, size_t len)
{
	if (e->failed || buffer_reserve(e->out, len) < 0) {
		e->failed = true;
		return;
	}
	buffer_add(e->out, text, len);
}

static void
exposition_text(struct exposition *e, const char *text)
{
	exposition_add(e, text, strlen(text));
}

static void __attribute__((format(printf, 2, 3)))
exposition_print(struct exposition *e, const char *format, ...)
{
	char line[EXPOSITION_LINE];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line))
		e->failed = true;
	else
		exposition_add(e, line, (size_t)n);
}

/* The length of the UTF-8 sequence (RFC 3629) at s; 0: it is not valid. */
static size_t
exposition_utf8(const unsigned char *s)
{
	size_t n = *s < 0x80		   ? 1 :
		   *s >= 0xc2 && *s < 0xe0 ? 2 :
		   *s >= 0xe0 && *s < 0xf0 ? 3 :
		   *s >= 0xf0 && *s < 0xf5 ? 4 :
					     0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* The number of bytes from s on that need no change in a label. */
static size_t
exposition_plain(const unsigned char *s)
{
	const unsigned char *end = s;

	while (*end && *end != '\\' && *end != '"' && *end != '\n' && exposition_utf8(end))
		end += exposition_utf8(end);
	return (size_t)(end - s);
}

static void
exposition_escaped(struct exposition *e, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	while (*s) {
		size_t plain = exposition_plain(s);

		exposition_add(e, (const char *)s, plain);
		s += plain;
		if (*s == '\\' || *s == '"')
			exposition_text(e, *s == '"' ? "\\\"" : "\\\\");
		else if (*s)
			exposition_text(e, *s == '\n' ? "\\n" : "?");
		s += *s != '\0';
	}
}

/* The length of the family's name. In OpenMetrics it lacks the suffix of its samples. */
static size_t
exposition_family_len(const struct exposition *e)
{
	size_t len = strlen(e->family->name), suffix = strlen(EXPOSITION_SUFFIX);

	if (e->format == EXPOSITION_OPENMETRICS && e->family->type == EXPOSITION_COUNTER &&
	    len > suffix && strcmp(e->family->name + len - suffix, EXPOSITION_SUFFIX) == 0)
		len -= suffix;
	return len;
}

void
exposition_family(struct exposition *e, const struct exposition_family *family)
{
	int len;

	e->family = family;
	len = (int)exposition_family_len(e);
	exposition_print(e, "# HELP %.*s %s\n", len, family->name, family->help);
	exposition_print(e, "# TYPE %.*s %s\n", len, family->name, type_names[family->type]);
	if (e->format == EXPOSITION_OPENMETRICS && family->unit)
		exposition_print(e, "# UNIT %.*s %s\n", len, family->name, family->unit);
}

/* Writes name{a="b",c="d" without the end. Returns the number of labels. */
static size_t
exposition_begin(struct exposition *e, const char *suffix, const struct exposition_label *labels)
{
	size_t n = 0;

	exposition_text(e, e->family->name);
	exposition_text(e, suffix);
	for (; labels && n < EXPOSITION_LABELS_MAX && labels[n].name; n++) {
		exposition_text(e, n ? "," : "{");
		exposition_text(e, labels[n].name);
		exposition_text(e, "=\"");
		exposition_escaped(e, labels[n].value ? labels[n].value : "");
		exposition_text(e, "\"");
	}
	return n;
}

/* Writes name{a="b"} and a blank. */
static void
exposition_sample(struct exposition *e, const char *suffix, const struct exposition_label *labels)
{
	exposition_text(e, exposition_begin(e, suffix, labels) ? "} " : " ");
}

/*
 * The ends of lines are written backwards, into a field of EXPOSITION_TAIL characters: a page has
 * tens of thousands, and printf(3) takes a thousand instructions for each.
 */
#define EXPOSITION_TAIL 80

static char *
exposition_put(char *at, const char *text)
{
	size_t len = strlen(text);

	return memcpy(at - len, text, len);
}

static char *
exposition_digits(char *at, uint64_t value)
{
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return at;
}

/* "0.0025", without zeros at the end. */
static char *
exposition_seconds(char *at, uint64_t ns)
{
	uint64_t part = ns % NSEC_PER_SEC;
	int digits = 9;

	for (; digits > 1 && part % 10 == 0; digits--)
		part /= 10;
	for (; digits > 0; digits--) {
		*--at = (char)('0' + part % 10);
		part /= 10;
	}
	*--at = '.';
	return exposition_digits(at, ns / NSEC_PER_SEC);
}

static void
exposition_end_u64(struct exposition *e, uint64_t value)
{
	char tail[EXPOSITION_TAIL], *end = tail + sizeof(tail), *at = exposition_put(end, "\n");

	at = exposition_digits(at, value);
	exposition_add(e, at, (size_t)(end - at));
}

static void
exposition_end_ns(struct exposition *e, uint64_t ns)
{
	char tail[EXPOSITION_TAIL], *end = tail + sizeof(tail), *at = exposition_put(end, "\n");

	at = exposition_seconds(at, ns);
	exposition_add(e, at, (size_t)(end - at));
}

void
exposition_u64(struct exposition *e, const struct exposition_label *labels, uint64_t value)
{
	exposition_sample(e, "", labels);
	exposition_end_u64(e, value);
}

void
exposition_double(struct exposition *e, const struct exposition_label *labels, double value)
{
	exposition_sample(e, "", labels);
	if (isnan(value) || isinf(value))
		exposition_text(e, isnan(value) ? "NaN\n" : value > 0 ? "+Inf\n" : "-Inf\n");
	else
		exposition_print(e, "%.15g\n", value);
}

void
exposition_ns(struct exposition *e, const struct exposition_label *labels, uint64_t ns)
{
	exposition_sample(e, "", labels);
	exposition_end_ns(e, ns);
}

/* head: the start of the lines of all buckets. bound_ns = NULL: +Inf. */
static void
exposition_bucket(struct exposition *e, const struct buffer *head, const uint64_t *bound_ns,
		  uint64_t count)
{
	char tail[EXPOSITION_TAIL], *end = tail + sizeof(tail), *at = exposition_put(end, "\n");

	at = exposition_put(exposition_digits(at, count), "\"} ");
	at = bound_ns ? exposition_seconds(at, *bound_ns) : exposition_put(at, "+Inf");
	exposition_add(e, head->data + head->off, head->len);
	exposition_add(e, at, (size_t)(end - at));
}

void
exposition_histogram(struct exposition *e, const struct exposition_label *labels,
		     const uint64_t *bound_ns, const uint64_t *n, size_t n_bounds, uint64_t count,
		     uint64_t sum_ns)
{
	struct buffer text = {0};
	struct exposition head = {.out = &text, .family = e->family};
	uint64_t below = 0;

	exposition_text(&head, exposition_begin(&head, "_bucket", labels) ? ",le=\"" : "{le=\"");
	e->failed |= head.failed;
	for (size_t i = 0; i < n_bounds && !e->failed; i++) {
		below += n[i];
		exposition_bucket(e, &text, &bound_ns[i], below);
	}
	if (!e->failed)
		exposition_bucket(e, &text, NULL, count);
	exposition_sample(e, "_sum", labels);
	exposition_end_ns(e, sum_ns);
	exposition_sample(e, "_count", labels);
	exposition_end_u64(e, count);
	buffer_free(&text);
}

void
exposition_end(struct exposition *e)
{
	if (e->format == EXPOSITION_OPENMETRICS)
		exposition_text(e, "# EOF\n");
}
