/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"

#define CONF_EXPECTED 384

struct conf_shown {
	struct conf_item items[CONF_LIST_LONG];
	char text[CONF_LIST_MAX][ADDR_NET_TEXT];
	size_t n;
	bool list;
};

/* ---- fields ---- */

static void *
conf_field(const struct conf_key *key, void *into)
{
	return (char *)into + key->offset;
}

static void
conf_store(const struct conf_key *key, void *into, long long v)
{
	if (key->size == sizeof(uint8_t))
		*(uint8_t *)conf_field(key, into) = (uint8_t)v;
	else if (key->size == sizeof(uint16_t))
		*(uint16_t *)conf_field(key, into) = (uint16_t)v;
	else
		memcpy(conf_field(key, into), &(uint32_t){(uint32_t)v}, sizeof(uint32_t));
}

/* The value is read as signed only if the key's range goes below 0. */
static long long
conf_load(const struct conf_key *key, const char *into)
{
	const void *field = into + key->offset;
	uint32_t u32;

	if (key->size == sizeof(uint8_t))
		return *(const uint8_t *)field;
	if (key->size == sizeof(uint16_t))
		return *(const uint16_t *)field;
	memcpy(&u32, field, sizeof(u32));
	return key->min < 0 ? (int32_t)u32 : (long long)u32;
}

/* ---- reading ---- */

int
conf_fail(struct conf_reader *r, const struct conf_node *node, const char *fmt, ...)
{
	char expected[CONF_EXPECTED];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	return conf_tree_fail_node(r->tree, node, expected, NULL);
}

/* The first element of a list. A value that is no list counts as a list of itself. */
static const struct conf_node *
conf_first(const struct conf_node *node)
{
	return node->type == CONF_LIST ? node->in.first : node;
}

static const struct conf_node *
conf_next(const struct conf_node *list, const struct conf_node *node)
{
	return node == list ? NULL : node->next;
}

/* Replaces the list in `into` by an empty one with room for the node's elements. 0 or -errno. */
static int
conf_new_list(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
	      void *into, size_t elem_size)
{
	void **field = conf_field(key, into), *list;
	size_t n = node->type == CONF_LIST ? node->in.n : 1;
	size_t max = key->list_max ? key->list_max : CONF_LIST_MAX;

	if (n > max)
		return conf_fail(r, node, "at most %zu elements", max);
	list = calloc(n ? n : 1, elem_size);
	if (!list)
		return conf_tree_no_memory(r->tree);
	free(*field);
	*field = list;
	*(size_t *)(void *)((char *)into + key->count) = n;
	return 0;
}

static int
conf_get_integer(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		 long long *out)
{
	bool word = key->word && node->type == CONF_STRING;

	if (word && strcmp(node->string, key->word) == 0) {
		*out = 0;
		return 0;
	}
	if (node->type != CONF_INTEGER || node->integer < key->min || node->integer > key->max)
		return conf_fail(r, node, "an integer from %lld to %lld%s%s%s", key->min, key->max,
				 word ? " or \"" : "", word ? key->word : "", word ? "\"" : "");
	if (key->divides && key->divides % node->integer != 0)
		return conf_fail(r, node, "a divisor of %u", key->divides);
	*out = node->integer;
	return 0;
}

static int
conf_set_integer(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		 void *into)
{
	long long v = 0;
	int rc = conf_get_integer(r, key, node, &v);

	if (rc == 0)
		conf_store(key, into, v);
	return rc;
}

static int
conf_set_integers(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		  void *into)
{
	uint32_t *to;
	long long v = 0;
	int rc, one;

	if (node->type == CONF_GROUP || (node->type == CONF_LIST && node->in.n == 0))
		return conf_fail(r, node,
				 "an integer from %lld to %lld or a list ( ) of at least one",
				 key->min, key->max);
	rc = conf_new_list(r, key, node, into, sizeof(*to));
	if (rc < 0)
		return rc;
	to = *(uint32_t **)conf_field(key, into);
	for (const struct conf_node *in = conf_first(node); in; in = conf_next(node, in)) {
		one = conf_get_integer(r, key, in, &v);
		*to++ = (uint32_t)v;
		rc = rc ? rc : one;
	}
	return rc;
}

static int
conf_set_bool(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
	      void *into)
{
	if (node->type != CONF_BOOL)
		return conf_fail(r, node, "true or false");
	*(bool *)conf_field(key, into) = node->integer;
	return 0;
}

static int
conf_set_word(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
	      void *into)
{
	char expected[CONF_EXPECTED] = "";
	size_t len = 0;

	for (unsigned int i = 0; key->words[i]; i++) {
		if (node->type == CONF_STRING && strcmp(node->string, key->words[i]) == 0) {
			conf_store(key, into, i);
			return 0;
		}
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s\"%s\"",
					i == 0 ? "" : key->words[i + 1] ? ", " : " or ",
					key->words[i]);
		if (len >= sizeof(expected))
			len = sizeof(expected) - 1;
	}
	return conf_fail(r, node, "%s", expected);
}

static int
conf_get_string(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		char **out)
{
	size_t len = node->type == CONF_STRING ? strlen(node->string) : 0;

	if (node->type != CONF_STRING)
		return conf_fail(r, node, "%s in \" \"", key->expect);
	if (len < (size_t)key->min || len > (size_t)key->max ||
	    (len && key->check && !key->check(node->string)))
		return conf_fail(r, node, "%s", key->expect);
	free(*out);
	*out = strdup(node->string);
	return *out ? 0 : conf_tree_no_memory(r->tree);
}

static int
conf_set_string(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		void *into)
{
	return conf_get_string(r, key, node, conf_field(key, into));
}

static int
conf_set_strings(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		 void *into)
{
	char **to;
	int rc, one;

	if (node->type != CONF_LIST)
		return conf_fail(r, node, "a list ( ) of strings");
	rc = conf_new_list(r, key, node, into, sizeof(*to));
	if (rc < 0)
		return rc;
	to = *(char ***)conf_field(key, into);
	for (const struct conf_node *in = node->in.first; in; in = in->next) {
		one = conf_get_string(r, key, in, to++);
		rc = rc ? rc : one;
	}
	return rc;
}

static int
conf_set_networks(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		  void *into)
{
	struct addr_net *to;
	int rc;

	if (node->type != CONF_LIST)
		return conf_fail(r, node, "a list ( ) of networks");
	rc = conf_new_list(r, key, node, into, sizeof(*to));
	if (rc < 0)
		return rc;
	to = *(struct addr_net **)conf_field(key, into);
	for (const struct conf_node *in = node->in.first; in; in = in->next)
		if (in->type != CONF_STRING || addr_net_parse(in->string, to++) < 0)
			rc = conf_fail(r, in, "%s", key->expect);
	return rc;
}

static int
conf_set_group(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
	       void *into)
{
	if (node->type != CONF_GROUP)
		return conf_fail(r, node, "a group { }");
	return conf_read_group(r, key->keys, node, conf_field(key, into));
}

/* Keeps the file and line of the key. */
static int
conf_note_origin(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node)
{
	struct conf_source *source = r->source;
	struct conf_origin *origins;

	if (!source || key->keys)
		return 0;
	origins = realloc(source->origins, (source->n_origins + 1) * sizeof(*origins));
	if (!origins)
		return conf_tree_no_memory(r->tree);
	source->origins = origins;
	origins[source->n_origins++] = (struct conf_origin){key, node->file, node->line};
	return 0;
}

static int
conf_read_key(struct conf_reader *r, const struct conf_key *key, const struct conf_node *group,
	      void *into)
{
	const struct conf_node *node = conf_tree_member(group, key->name);
	char found[64];
	int rc;

	if (!node)
		return 0;
	rc = node->broken ? -EINVAL : key->kind->set(r, key, node, into);
	if (rc == 0)
		rc = conf_note_origin(r, key, node);
	snprintf(found, sizeof(found), "it again after line %u", node->line);
	for (const struct conf_node *other = node->next; other; other = other->next)
		if (strcmp(other->name, key->name) == 0)
			rc = conf_tree_fail_node(r->tree, other, "each key once", found);
	return rc;
}

static int
conf_check_known(struct conf_reader *r, const struct conf_key *keys, const struct conf_node *node)
{
	char expected[CONF_EXPECTED] = "one of";
	size_t len = strlen(expected);

	for (const struct conf_key *key = keys; key->name; key++) {
		if (strcmp(key->name, node->name) == 0)
			return 0;
		if (len < sizeof(expected))
			len += (size_t)snprintf(expected + len, sizeof(expected) - len, " %s",
						key->name);
	}
	return conf_tree_fail_node(r->tree, node, expected, "an unknown key");
}

int
conf_read_group(struct conf_reader *r, const struct conf_key *keys, const struct conf_node *node,
		void *into)
{
	int rc = 0, one;

	for (const struct conf_node *in = node->in.first; in; in = in->next) {
		one = in->broken ? 0 : conf_check_known(r, keys, in);
		rc = rc ? rc : one;
	}
	for (const struct conf_key *key = keys; key->name; key++) {
		one = conf_read_key(r, key, node, into);
		rc = rc ? rc : one;
	}
	return rc;
}

void
conf_source_clear(struct conf_source *source)
{
	for (size_t i = 0; i < source->n_files; i++)
		free(source->files[i].path);
	free(source->files);
	free(source->origins);
	*source = (struct conf_source){.files = NULL};
}

/* ---- showing ---- */

static void
conf_show_number(struct conf_shown *shown, enum conf_item_type type, long long number)
{
	shown->items[shown->n++] = (struct conf_item){.type = type, .number = number};
}

static void
conf_show_text(struct conf_shown *shown, const char *text)
{
	shown->items[shown->n++] = (struct conf_item){.type = CONF_ITEM_TEXT, .text = text};
}

static void
conf_show_integer(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_number(shown, CONF_ITEM_NUMBER, conf_load(key, into));
}

static void
conf_show_bool(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_number(shown, CONF_ITEM_BOOL, *(const bool *)(into + key->offset));
}

static void
conf_show_word(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown, key->words[conf_load(key, into)]);
}

static void
conf_show_string(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown, *(char *const *)(const void *)(into + key->offset));
}

/* Puts the elements of a list into *out, borrowed, and returns their number. */
static size_t
conf_show_list(struct conf_shown *shown, const struct conf_key *key, const char *into, void *out)
{
	memcpy(out, into + key->offset, sizeof(void *));
	shown->list = true;
	return *(const size_t *)(const void *)(into + key->count);
}

static void
conf_show_strings(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	char **list;
	size_t n = conf_show_list(shown, key, into, &list);

	for (size_t i = 0; i < n; i++)
		conf_show_text(shown, list[i]);
}

static void
conf_show_integers(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	const uint32_t *list;
	size_t n = conf_show_list(shown, key, into, &list);

	for (size_t i = 0; i < n; i++) {
		if (key->word && list[i] == 0)
			conf_show_text(shown, key->word);
		else
			conf_show_number(shown, CONF_ITEM_NUMBER, list[i]);
	}
}

static void
conf_show_networks(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	const struct addr_net *list;
	size_t n = conf_show_list(shown, key, into, &list);
	char text[ADDR_TEXT];

	for (size_t i = 0; i < n; i++) {
		snprintf(shown->text[i], sizeof(shown->text[i]), "%s/%u",
			 addr_text(&list[i].base, text),
			 addr_is_v4(&list[i].base) ? list[i].bits - 96u : list[i].bits);
		conf_show_text(shown, shown->text[i]);
	}
}

/* The receiver of the values. */
struct conf_viewer {
	const struct conf_source *source;
	void (*fn)(void *arg, const struct conf_value *value);
	void *arg;
};

static void
conf_show(const struct conf_viewer *viewer, const struct conf_key *group,
	  const struct conf_key *key, const char *into)
{
	const struct conf_source *source = viewer->source;
	struct conf_shown shown = {.n = 0};
	struct conf_value value = {
		.group = group ? group->name : NULL,
		.name = key->name,
		.items = shown.items,
		.restart = key->restart,
	};

	if (!key->kind->show)
		return;
	key->kind->show(&shown, key, into);
	value.n_items = shown.n;
	value.list = shown.list;
	for (size_t i = 0; i < source->n_origins; i++) {
		if (source->origins[i].key != key)
			continue;
		value.file = source->files[source->origins[i].file].path;
		value.line = source->origins[i].line;
	}
	viewer->fn(viewer->arg, &value);
}

void
conf_values(const struct conf_key *keys, const void *config, const struct conf_source *source,
	    void (*fn)(void *arg, const struct conf_value *value), void *arg)
{
	const struct conf_viewer viewer = {source, fn, arg};
	const char *into = config;

	for (const struct conf_key *key = keys; key->name; key++) {
		conf_show(&viewer, NULL, key, into);
		for (const struct conf_key *sub = key->kind == &conf_group ? key->keys : NULL;
		     sub && sub->name; sub++)
			conf_show(&viewer, key, sub, into + key->offset);
	}
}

void
conf_swap_fixed(const struct conf_key *keys, void *a, void *b)
{
	char kept[sizeof(void *)];

	for (const struct conf_key *key = keys; key->name; key++) {
		if (key->keys)
			conf_swap_fixed(key->keys, conf_field(key, a), conf_field(key, b));
		if (!key->restart || key->size > sizeof(kept))
			continue;
		memcpy(kept, conf_field(key, a), key->size);
		memcpy(conf_field(key, a), conf_field(key, b), key->size);
		memcpy(conf_field(key, b), kept, key->size);
	}
}

const struct conf_kind conf_integer = {conf_set_integer, conf_show_integer};
const struct conf_kind conf_integers = {conf_set_integers, conf_show_integers};
const struct conf_kind conf_bool = {conf_set_bool, conf_show_bool};
const struct conf_kind conf_word = {conf_set_word, conf_show_word};
const struct conf_kind conf_string = {conf_set_string, conf_show_string};
const struct conf_kind conf_strings = {conf_set_strings, conf_show_strings};
const struct conf_kind conf_networks = {conf_set_networks, conf_show_networks};
const struct conf_kind conf_group = {conf_set_group, NULL};
