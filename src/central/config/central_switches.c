/* SPDX-License-Identifier: Apache-2.0 */
#include "central/config/central_switches.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_text.h"

#define CENTRAL_SWITCHES_BLANKS " \t\r"

struct central_switches_reader {
	struct central_switches *switches;
	size_t room;              /* of its entries */
	struct central_text text;
};

/* Whether a router may answer from it, and no other. */
static bool
central_switches_is_address(const struct addr *a)
{
	return addr_is_v4(a) ? a->raw[12] != 0 : !addr_is_zero(a) && !addr_is_link_local(a);
}

static int
central_switches_add(struct central_switches_reader *r, const struct central_switches_entry *entry)
{
	struct central_switches *s = r->switches;
	int rc = central_text_room(&r->text, (void **)&s->entries, sizeof(*s->entries), s->n,
				   &r->room);

	if (rc == 0)
		s->entries[s->n++] = *entry;
	return rc;
}

/* Reads ADDRESS[=PORT]. */
static int
central_switches_address(struct central_switches_reader *r, const char *name, char *text)
{
	struct central_switches_entry entry = {.name = name, .line = r->text.line};
	char *equals = strchr(text, '=');

	if (equals) {
		*equals = '\0';
		entry.port = equals + 1;
	}
	if (addr_parse(text, &entry.addr) < 0)
		return central_text_fail(&r->text, -EINVAL, "\"%.64s\" is no IP address; a line is "
					     "SWITCH ADDRESS[=PORT]...", text);
	if (!central_switches_is_address(&entry.addr))
		return central_text_fail(&r->text, -EINVAL, "%.64s is the address of no one switch",
					     text);
	if (entry.port && !central_text_is_name(entry.port))
		return central_text_fail(&r->text, -EINVAL, "the name of the port of %s is not 1 "
					 "to %d printable characters", text, CENTRAL_NAME);
	return central_switches_add(r, &entry);
}

static int
central_switches_line(struct central_switches_reader *r, char *line)
{
	char *save = NULL, *name = strtok_r(line, CENTRAL_SWITCHES_BLANKS, &save), *word;
	unsigned int n = 0;
	int rc = 0;

	if (!name || name[0] == '#')
		return 0;
	if (!central_text_is_name(name))
		return central_text_fail(&r->text, -EINVAL, "the name of the switch is not 1 to %d "
					     "printable characters", CENTRAL_NAME);
	while (rc == 0 && (word = strtok_r(NULL, CENTRAL_SWITCHES_BLANKS, &save)) &&
	       word[0] != '#') {
		rc = central_switches_address(r, name, word);
		n++;
	}
	if (rc == 0 && n == 0)
		rc = central_text_fail(&r->text, -EINVAL, "%s has no address; a line is "
					   "SWITCH ADDRESS[=PORT]...", name);
	return rc;
}

static int
central_switches_compare(const void *a, const void *b)
{
	const struct central_switches_entry *x = a, *y = b;
	int rc = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return rc ? rc : (x->line > y->line) - (x->line < y->line);
}

/* Finds the first line that has an address again. */
static int
central_switches_check(struct central_switches_reader *r)
{
	const struct central_switches *s = r->switches;
	const struct central_switches_entry *again = NULL;
	char text[ADDR_TEXT];

	for (size_t i = 1; i < s->n; i++)
		if (addr_equal(&s->entries[i - 1].addr, &s->entries[i].addr) &&
		    (!again || s->entries[i].line < again->line))
			again = &s->entries[i];
	if (!again)
		return 0;
	r->text.line = again->line;
	return central_text_fail(&r->text, -EINVAL, "%s is an address of %s already, in line %u",
				     addr_text(&again->addr, text), again[-1].name, again[-1].line);
}

static int
central_switches_read(struct central_switches_reader *r)
{
	char *next = r->switches->text, *line;
	int rc = 0;

	while (rc == 0 && (line = strsep(&next, "\n"))) {
		r->text.line++;
		rc = central_switches_line(r, line);
	}
	if (rc < 0)
		return rc;
	if (r->switches->n)
		qsort(r->switches->entries, r->switches->n, sizeof(*r->switches->entries),
		      central_switches_compare);
	return central_switches_check(r);
}

int
central_switches_parse(const char *text, const char *file, struct central_switches **out,
		       char error[CONF_ERROR])
{
	struct central_switches_reader r = {.text = {.file = file, .error = error}};
	int rc = -ENOMEM;

	snprintf(error, CONF_ERROR, "%.300s: no memory", file);
	r.switches = calloc(1, sizeof(*r.switches));
	if (r.switches)
		r.switches->text = strdup(text);
	if (r.switches && r.switches->text)
		rc = central_switches_read(&r);
	if (rc < 0)
		central_switches_free(r.switches);
	else
		*out = r.switches;
	return rc;
}

int
central_switches_load(const char *path, struct central_switches **out, char error[CONF_ERROR])
{
	char *text;
	int rc = central_text_load(path, &text, error);

	if (rc < 0)
		return rc;
	rc = central_switches_parse(text, path, out, error);
	free(text);
	return rc;
}

void
central_switches_free(struct central_switches *switches)
{
	if (!switches)
		return;
	free(switches->entries);
	free(switches->text);
	free(switches);
}
