/* SPDX-License-Identifier: Apache-2.0 */
#include "central/config/central_topology.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CENTRAL_TOPOLOGY_BRACKETS 3u /* in a name, as Slurm allows */
#define CENTRAL_TOPOLOGY_DIGITS 9u

struct central_topology_reader {
	struct central_text text;
	struct central_topology *topology;
	size_t room;
	/* of the line */
	const char *parent;
	bool is_switch;
};

/* ---- lists of names ---- */

static int
central_topology_add(struct central_topology_reader *r, const char *name)
{
	struct central_topology *t = r->topology;
	int rc;

	if (!central_text_is_name(name))
		return central_text_fail(&r->text, -EINVAL, "\"%.64s\" is not 1 to %d printable "
					 "characters", name, CENTRAL_NAME);
	rc = central_text_room(&r->text, (void **)&t->children, sizeof(*t->children), t->n,
			       &r->room);
	if (rc < 0)
		return rc;
	t->children[t->n] = (struct central_topology_child){.is_switch = r->is_switch,
							    .parent = r->parent};
	memcpy(t->children[t->n++].name, name, strlen(name));
	return 0;
}

/* Reads a number; *digits: how it is written. Returns the text behind it, or NULL. */
static const char *
central_topology_number(const char *at, uint32_t *out, unsigned int *digits)
{
	*out = 0;
	*digits = 0;
	while (*at >= '0' && *at <= '9' && *digits < CENTRAL_TOPOLOGY_DIGITS) {
		*out = *out * 10 + (uint32_t)(*at++ - '0');
		++*digits;
	}
	return *digits && (*at < '0' || *at > '9') ? at : NULL;
}

/* The part of a name that is complete, and what is to come. */
struct central_topology_part {
	char done[CENTRAL_NAME + 1];
	const char *rest;
	unsigned int brackets;    /* that were opened */
};

static int central_topology_expand(struct central_topology_reader *r,
				   const struct central_topology_part *part);

/* Appends text. Returns false if the name becomes too long. */
static bool
central_topology_append(struct central_topology_part *part, const char *text, size_t len)
{
	size_t have = strlen(part->done);

	if (have + len > CENTRAL_NAME)
		return false;
	memcpy(part->done + have, text, len);
	part->done[have + len] = '\0';
	return true;
}

/* Expands one range: LOW or LOW-HIGH. LOW has as many digits as numbers have at least. */
static int
central_topology_range(struct central_topology_reader *r, const struct central_topology_part *part,
		       const char **at)
{
	unsigned int digits, ignored;
	uint32_t low, high;
	int rc = 0;

	*at = central_topology_number(*at, &low, &digits);
	high = low;
	if (*at && **at == '-')
		*at = central_topology_number(*at + 1, &high, &ignored);
	if (!*at || high < low)
		return central_text_fail(&r->text, -EINVAL, "a range in brackets is not LOW-HIGH");
	for (uint32_t i = low; rc == 0 && i <= high; i++) {
		struct central_topology_part next = *part;
		char number[16];
		int n = snprintf(number, sizeof(number), "%0*u", (int)digits, i);

		if (!central_topology_append(&next, number, (size_t)n))
			return central_text_fail(&r->text, -EINVAL, "a name is longer than %d "
						 "characters", CENTRAL_NAME);
		rc = central_topology_expand(r, &next);
	}
	return rc;
}

/* Expands the brackets that `part->rest` begins with, each range with all that follows. */
static int
central_topology_brackets(struct central_topology_reader *r,
			  const struct central_topology_part *part)
{
	struct central_topology_part next = *part;
	const char *end = strchr(part->rest, ']'), *at = part->rest;
	int rc = 0;

	if (!end)
		return central_text_fail(&r->text, -EINVAL, "a bracket is not closed");
	if (next.brackets++ == CENTRAL_TOPOLOGY_BRACKETS)
		return central_text_fail(&r->text, -EINVAL, "more than %u brackets in a name",
					 CENTRAL_TOPOLOGY_BRACKETS);
	next.rest = end + 1;
	do {
		at++;
		rc = central_topology_range(r, &next, &at);
	} while (rc == 0 && *at == ',');
	if (rc == 0 && at != end)
		rc = central_text_fail(&r->text, -EINVAL, "a range in brackets is not LOW-HIGH");
	return rc;
}

static int
central_topology_expand(struct central_topology_reader *r, const struct central_topology_part *part)
{
	struct central_topology_part next = *part;
	size_t plain = strcspn(part->rest, "[");

	if (!central_topology_append(&next, part->rest, plain))
		return central_text_fail(&r->text, -EINVAL, "a name is longer than %d characters",
					 CENTRAL_NAME);
	next.rest += plain;
	return *next.rest ? central_topology_brackets(r, &next) :
			    central_topology_add(r, next.done);
}

/* The comma, or the end, behind a name; those in brackets do not count. */
static char *
central_topology_name_end(char *at)
{
	bool inside = false;

	for (; *at && (inside || *at != ','); at++)
		inside = *at == '[' || (inside && *at != ']');
	return at;
}

static int
central_topology_list(struct central_topology_reader *r, char *list)
{
	int rc = 0;

	for (char *at = list, *end; rc == 0 && at; at = end) {
		struct central_topology_part part = {.rest = at};

		end = central_topology_name_end(at);
		if (*end)
			*end++ = '\0';
		else
			end = NULL;
		rc = central_topology_expand(r, &part);
	}
	return rc;
}

/* ---- lines ---- */

/* The value of a key, whose name is case-insensitive; NULL: it is another one. */
static char *
central_topology_value(char *word, const char *key)
{
	size_t len = strlen(key);

	return strncasecmp(word, key, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static int
central_topology_line(struct central_topology_reader *r, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t\r", &save), *value;
	int rc = 0;

	if (!word)
		return 0;
	r->parent = central_topology_value(word, "SwitchName");
	if (!r->parent)
		return central_text_fail(&r->text, -EINVAL, "a line is SwitchName=NAME Nodes=LIST "
					 "or SwitchName=NAME Switches=LIST (topology/tree)");
	if (!central_text_is_name(r->parent))
		return central_text_fail(&r->text, -EINVAL, "the name of the switch is not 1 to %d "
					 "printable characters", CENTRAL_NAME);
	while (rc == 0 && (word = strtok_r(NULL, " \t\r", &save))) {
		value = central_topology_value(word, "Nodes");
		r->is_switch = !value;
		if (!value)
			value = central_topology_value(word, "Switches");
		if (value)
			rc = central_topology_list(r, value);
		else if (!central_topology_value(word, "LinkSpeed"))
			rc = central_text_fail(&r->text, -EINVAL, "\"%.64s\" is not Nodes=, "
					       "Switches= or LinkSpeed=", word);
	}
	return rc;
}

/* Ends the line at `at`, which goes on behind a backslash. Returns where the next one begins. */
static char *
central_topology_next(char *at, unsigned int *lines)
{
	*lines = 0;
	for (; *at; at++) {
		if (*at != '\n')
			continue;
		++*lines;
		if (at[-1] != '\\') {
			*at = '\0';
			return at + 1;
		}
		at[-1] = *at = ' ';
	}
	return NULL;
}

/* ---- the tree ---- */

static int
central_topology_compare(const void *a, const void *b)
{
	const struct central_topology_child *x = a, *y = b;
	int rc = x->is_switch - y->is_switch;

	if (rc == 0)
		rc = strcmp(x->name, y->name);
	return rc ? rc : strcmp(x->parent, y->parent);
}

/* Sorts the children; what is there twice is there once. */
static void
central_topology_sort(struct central_topology *t)
{
	size_t n = 0;

	if (t->n)
		qsort(t->children, t->n, sizeof(*t->children), central_topology_compare);
	for (size_t i = 0; i < t->n; i++)
		if (n == 0 || central_topology_compare(&t->children[n - 1], &t->children[i]) != 0)
			t->children[n++] = t->children[i];
	t->n = n;
}

static int
central_topology_read(struct central_topology_reader *r)
{
	unsigned int lines;
	char *line = r->topology->text, *next;
	int rc = 0;

	for (r->text.line = 1; rc == 0 && line; line = next, r->text.line += lines) {
		/* The first byte of the text is a blank, so there is one before each newline. */
		next = central_topology_next(line, &lines);
		line[strcspn(line, "#")] = '\0';
		rc = central_topology_line(r, line);
	}
	if (rc == 0)
		central_topology_sort(r->topology);
	return rc;
}

int
central_topology_parse(const char *text, const char *file, struct central_topology **out,
		       char error[CONF_ERROR])
{
	struct central_topology_reader r = {.text = {.file = file, .error = error}};
	int rc = -ENOMEM;

	snprintf(error, CONF_ERROR, "%.300s: no memory", file);
	r.topology = calloc(1, sizeof(*r.topology));
	if (r.topology && asprintf(&r.topology->text, " %s", text) < 0)
		r.topology->text = NULL;
	if (r.topology && r.topology->text)
		rc = central_topology_read(&r);
	if (rc < 0)
		central_topology_free(r.topology);
	else
		*out = r.topology;
	return rc;
}

int
central_topology_load(const char *path, struct central_topology **out, char error[CONF_ERROR])
{
	char *text;
	int rc = central_text_load(path, &text, error);

	if (rc < 0)
		return rc;
	rc = central_topology_parse(text, path, out, error);
	free(text);
	return rc;
}

void
central_topology_free(struct central_topology *topology)
{
	if (!topology)
		return;
	free(topology->children);
	free(topology->text);
	free(topology);
}

/* The children of this kind with this name: the first one, and how many there are. */
static const struct central_topology_child *
central_topology_find(const struct central_topology *t, bool is_switch, const char *name, size_t *n)
{
	struct central_topology_child key = {.is_switch = is_switch, .parent = ""};
	size_t low = 0, high = t ? t->n : 0;

	*n = 0;
	snprintf(key.name, sizeof(key.name), "%s", name);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (central_topology_compare(&t->children[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (t && low + *n < t->n && t->children[low + *n].is_switch == is_switch &&
	       strcmp(t->children[low + *n].name, key.name) == 0)
		++*n;
	return *n ? &t->children[low] : NULL;
}

const char *
central_topology_leaf(const struct central_topology *t, const char *host)
{
	const struct central_topology_child *child;
	char name[CENTRAL_NAME + 1];
	size_t n;

	child = central_topology_find(t, false, host, &n);
	if (!child) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "."), host);
		child = central_topology_find(t, false, name, &n);
	}
	return n == 1 ? child->parent : NULL;
}

const struct central_topology_child *
central_topology_above(const struct central_topology *t, const char *name, size_t *n)
{
	return central_topology_find(t, true, name, n);
}
