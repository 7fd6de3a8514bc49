/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_PATH 128
#define CONF_FOUND 80

/* "peers[2].interval_ms": the way from the root to a setting, which need not be short. */
static void
conf_path(const config_setting_t *s, char buf[CONF_PATH])
{
	const config_setting_t *parent = config_setting_parent(s);
	size_t len;

	buf[0] = '\0';
	if (!parent)
		return;
	/* as deep as CONF_TEXT_NESTING at most */
	conf_path(parent, buf);
	len = strlen(buf);
	if (config_setting_name(s))
		snprintf(buf + len, CONF_PATH - len, "%s%s", len ? "." : "",
			 config_setting_name(s));
	else
		snprintf(buf + len, CONF_PATH - len, "[%d]", config_setting_index(s));
}

static void
conf_describe(const config_setting_t *s, char buf[CONF_FOUND])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		snprintf(buf, CONF_FOUND, "a group { }");
		break;
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		snprintf(buf, CONF_FOUND, "a list of %d", config_setting_length(s));
		break;
	case CONFIG_TYPE_STRING:
		snprintf(buf, CONF_FOUND, "\"%.60s\"", config_setting_get_string(s));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(buf, CONF_FOUND, "%s", config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, CONF_FOUND, "%.17g with a fraction or exponent",
			 config_setting_get_float(s));
		break;
	default:
		snprintf(buf, CONF_FOUND, "%lld", config_setting_get_int64(s));
	}
}

int
conf_fail_found(struct conf_reader *r, const config_setting_t *s, const char *sub,
		const char *expected, const char *found)
{
	const char *file;
	unsigned int line;
	char path[CONF_PATH];

	conf_text_where(r->text, config_setting_source_line(s), &file, &line);
	conf_path(s, path);
	snprintf(r->error, CONFIG_ERROR, "%s:%u: %s%s%s: expected %s, found %s", file, line, path,
		 sub && *path ? "." : "", sub ? sub : "", expected, found);
	return -EINVAL;
}

int
conf_fail(struct conf_reader *r, const config_setting_t *s, const char *fmt, ...)
{
	char expected[256], found[CONF_FOUND];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	conf_describe(s, found);
	return conf_fail_found(r, s, NULL, expected, found);
}

int
conf_no_memory(struct conf_reader *r)
{
	snprintf(r->error, CONFIG_ERROR, "out of memory while reading the configuration");
	return -ENOMEM;
}

static bool
conf_is_list(const config_setting_t *s)
{
	return config_setting_is_list(s) || config_setting_is_array(s);
}

/* The elements of a list; a value that is none counts as a list of itself. */
static unsigned int
conf_n_elems(const config_setting_t *s)
{
	return conf_is_list(s) ? (unsigned int)config_setting_length(s) : 1;
}

static const config_setting_t *
conf_elem(const config_setting_t *s, unsigned int i)
{
	return conf_is_list(s) ? config_setting_get_elem(s, i) : s;
}

static int
conf_get_integer(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		 long long *out)
{
	int type = config_setting_type(s);
	long long v = config_setting_get_int64(s);

	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || v < key->min || v > key->max)
		return conf_fail(r, s, "an integer from %lld to %lld", key->min, key->max);
	*out = v;
	return 0;
}

int
conf_set_integer(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		 void *into)
{
	char *field = (char *)into + key->offset;
	long long v = 0;
	int rc = conf_get_integer(r, key, s, &v);

	if (rc < 0)
		return rc;
	if (key->size == sizeof(uint8_t))
		memcpy(field, &(uint8_t){(uint8_t)v}, sizeof(uint8_t));
	else if (key->size == sizeof(uint16_t))
		memcpy(field, &(uint16_t){(uint16_t)v}, sizeof(uint16_t));
	else
		memcpy(field, &(uint32_t){(uint32_t)v}, sizeof(uint32_t));
	return 0;
}

int
conf_set_bool(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	      void *into)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return conf_fail(r, s, "true or false");
	*(bool *)((char *)into + key->offset) = config_setting_get_bool(s) == CONFIG_TRUE;
	return 0;
}

int
conf_get_string(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		const char **out)
{
	const char *text = config_setting_get_string(s);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return conf_fail(r, s, "%s in \" \"", key->expect);
	if (len < (size_t)key->min || len > (size_t)key->max ||
	    (len && key->check && !key->check(text)))
		return conf_fail(r, s, "%s", key->expect);
	*out = text;
	return 0;
}

int
conf_set_string(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		void *into)
{
	char **field = (char **)(void *)((char *)into + key->offset);
	const char *text;
	char *copy;
	int rc = conf_get_string(r, key, s, &text);

	if (rc < 0)
		return rc;
	copy = strdup(text);
	if (!copy)
		return conf_no_memory(r);
	free(*field);
	*field = copy;
	return 0;
}

/* Room for the elements of a list. 0, and *out owned by the caller (never NULL). */
static int
conf_alloc_list(struct conf_reader *r, const config_setting_t *s, size_t elem_size, void **out)
{
	unsigned int n = conf_n_elems(s);

	if (n > CONFIG_LIST_MAX)
		return conf_fail(r, s, "at most %u elements", CONFIG_LIST_MAX);
	*out = calloc(n ? n : 1, elem_size);
	return *out ? 0 : conf_no_memory(r);
}

int
conf_set_strings(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		 void *into)
{
	char ***field = (char ***)(void *)((char *)into + key->offset);
	size_t *count = (size_t *)(void *)((char *)into + key->count);
	struct conf_key elem = *key;
	void *list;
	int rc;

	if (!conf_is_list(s))
		return conf_fail(r, s, "a list ( ) of strings");
	rc = conf_alloc_list(r, s, sizeof(**field), &list);
	if (rc < 0)
		return rc;
	*field = list;
	elem.offset = 0;
	for (unsigned int i = 0; i < conf_n_elems(s) && rc == 0; i++) {
		rc = conf_set_string(r, &elem, conf_elem(s, i), &(*field)[i]);
		*count += rc == 0;
	}
	return rc;
}

static int
conf_get_size(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	      long long *out)
{
	const char *text = config_setting_get_string(s);

	if (!text)
		return conf_get_integer(r, key, s, out);
	if (strcmp(text, "mtu") != 0)
		return conf_fail(r, s, "an integer from %lld to %lld or \"mtu\"", key->min,
				 key->max);
	*out = CONFIG_SIZE_MTU;
	return 0;
}

typedef int conf_get(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		     long long *out);

static int
conf_set_numbers(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		 void *into, conf_get *get)
{
	uint32_t **field = (uint32_t **)(void *)((char *)into + key->offset);
	unsigned int n = conf_n_elems(s);
	long long v = 0;
	void *list;
	int rc;

	if (n == 0 || config_setting_is_group(s))
		return conf_fail(r, s, "an integer from %lld to %lld or a list ( ) of at least one",
				 key->min, key->max);
	rc = conf_alloc_list(r, s, sizeof(**field), &list);
	if (rc < 0)
		return rc;
	free(*field);
	*field = list;
	for (unsigned int i = 0; i < n && rc == 0; i++) {
		rc = get(r, key, conf_elem(s, i), &v);
		if (rc == 0)
			(*field)[i] = (uint32_t)v;
	}
	*(size_t *)(void *)((char *)into + key->count) = n;
	return rc;
}

int
conf_set_integers(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		  void *into)
{
	return conf_set_numbers(r, key, s, into, conf_get_integer);
}

int
conf_set_sizes(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	       void *into)
{
	return conf_set_numbers(r, key, s, into, conf_get_size);
}

int
conf_set_networks(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		  void *into)
{
	struct addr_net **field = (struct addr_net **)(void *)((char *)into + key->offset);
	unsigned int n = conf_n_elems(s);
	void *list;
	int rc;

	if (!conf_is_list(s))
		return conf_fail(r, s, "a list ( ) of networks");
	rc = conf_alloc_list(r, s, sizeof(**field), &list);
	if (rc < 0)
		return rc;
	free(*field);
	*field = list;
	*(size_t *)(void *)((char *)into + key->count) = n;
	for (unsigned int i = 0; i < n && rc == 0; i++) {
		const config_setting_t *e = conf_elem(s, i);
		const char *text = config_setting_get_string(e);

		if (!text || addr_net_parse(text, &(*field)[i]) < 0)
			rc = conf_fail(r, e, "%s", key->expect);
	}
	return rc;
}

int
conf_set_log_target(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		    void *into)
{
	const char *text = config_setting_get_string(s);
	enum log_target *field = (enum log_target *)(void *)((char *)into + key->offset);

	if (text && strcmp(text, "stderr") == 0)
		*field = LOG_TARGET_STDERR;
	else if (text && strcmp(text, "syslog") == 0)
		*field = LOG_TARGET_SYSLOG;
	else
		return conf_fail(r, s, "\"stderr\" or \"syslog\"");
	return 0;
}

int
conf_set_log_level(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		   void *into)
{
	const char *text = config_setting_get_string(s);

	if (!text ||
	    log_level_parse(text, (enum log_level *)(void *)((char *)into + key->offset)) < 0)
		return conf_fail(r, s, "\"error\", \"warning\", \"info\" or \"debug\"");
	return 0;
}

int
conf_set_group(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	       void *into)
{
	if (!config_setting_is_group(s))
		return conf_fail(r, s, "a group { }");
	return conf_read_group(r, key->keys, s, (char *)into + key->offset);
}

static int
conf_fail_unknown(struct conf_reader *r, const struct conf_key *keys, const config_setting_t *s)
{
	char expected[384] = "one of";
	size_t len = strlen(expected);

	for (; keys->name && len < sizeof(expected); keys++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, " %s", keys->name);
	return conf_fail_found(r, s, NULL, expected, "an unknown key");
}

static bool
conf_is_known(const struct conf_key *keys, const char *name)
{
	while (keys->name && strcmp(keys->name, name) != 0)
		keys++;
	return keys->name != NULL;
}

/* Where the key stands. */
static int
conf_note_origin(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s)
{
	struct config *c = &r->draft->config;
	struct config_origin *origins;
	const char *file;
	unsigned int line;
	size_t i = 0;

	if (r->in_peers || key->keys)
		return 0;
	origins = realloc(c->origins, (c->n_origins + 1) * sizeof(*origins));
	if (!origins)
		return conf_no_memory(r);
	c->origins = origins;
	conf_text_where(r->text, config_setting_source_line(s), &file, &line);
	while (i + 1 < r->text->n_files && r->text->files[i] != file)
		i++;
	origins[c->n_origins++] = (struct config_origin){key, i, line};
	return 0;
}

int
conf_read_group(struct conf_reader *r, const struct conf_key *keys, const config_setting_t *s,
		void *into)
{
	const config_setting_t *member;
	int rc = 0;

	for (int i = 0; i < config_setting_length(s); i++) {
		member = config_setting_get_elem(s, (unsigned int)i);
		if (!conf_is_known(keys, config_setting_name(member)))
			return conf_fail_unknown(r, keys, member);
	}
	for (const struct conf_key *key = keys; key->name && rc == 0; key++) {
		member = config_setting_get_member(s, key->name);
		if (member)
			rc = key->set(r, key, member, into);
		if (member && rc == 0)
			rc = conf_note_origin(r, key, member);
	}
	return rc;
}
