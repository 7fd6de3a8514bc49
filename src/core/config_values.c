/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: a configuration looked at from outside
 *
 * The tables of keys that read a file (config.c) tell where each value is kept, too: what shows a
 * key follows from what sets it. A key has no value but the one in its field, so what is shown is
 * what the daemon uses.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/config_reader.h"
#include "core/config_text.h"

/* The items of one value, and room for what they point to. */
struct conf_shown {
	struct config_item items[CONFIG_LIST_MAX];
	char text[CONFIG_LIST_MAX][ADDR_NET_TEXT];
	size_t n;
	bool list;
};

typedef void conf_show(struct conf_shown *shown, const struct conf_key *key, const char *into);

static void
conf_show_number(struct conf_shown *shown, long long number)
{
	shown->items[shown->n++] =
		(struct config_item){.type = CONFIG_ITEM_NUMBER, .number = number};
}

static void
conf_show_text(struct conf_shown *shown, const char *text)
{
	shown->items[shown->n++] = (struct config_item){.type = CONFIG_ITEM_TEXT, .text = text};
}

/* gid_index alone can be below 0. */
static void
conf_show_integer(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	const char *field = into + key->offset;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;

	if (key->size == sizeof(u8)) {
		memcpy(&u8, field, sizeof(u8));
		conf_show_number(shown, u8);
	} else if (key->size == sizeof(u16)) {
		memcpy(&u16, field, sizeof(u16));
		conf_show_number(shown, u16);
	} else {
		memcpy(&u32, field, sizeof(u32));
		conf_show_number(shown, key->min < 0 ? (int32_t)u32 : (long long)u32);
	}
}

static void
conf_show_bool(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	shown->items[shown->n++] =
		(struct config_item){.type = CONFIG_ITEM_BOOL,
				     .number = *(const bool *)(into + key->offset)};
}

static void
conf_show_clock(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown, *(const bool *)(into + key->offset) ? "software" : "auto");
}

static void
conf_show_metrics_by(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown, *(const bool *)(into + key->offset) ? "tor" : "peer");
}

static void
conf_show_string(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	char *text;

	memcpy(&text, into + key->offset, sizeof(text));
	conf_show_text(shown, text);
}

/* The elements of a list; *out borrowed. */
static size_t
conf_show_list(struct conf_shown *shown, const struct conf_key *key, const char *into, void *out)
{
	size_t n;

	memcpy(out, into + key->offset, sizeof(void *));
	memcpy(&n, into + key->count, sizeof(n));
	shown->list = true;
	return n < CONFIG_LIST_MAX ? n : CONFIG_LIST_MAX;
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
	uint32_t *list;
	size_t n = conf_show_list(shown, key, into, &list);

	for (size_t i = 0; i < n; i++)
		conf_show_number(shown, list[i]);
}

static void
conf_show_sizes(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	uint32_t *list;
	size_t n = conf_show_list(shown, key, into, &list);

	for (size_t i = 0; i < n; i++) {
		if (list[i] == CONFIG_SIZE_MTU)
			conf_show_text(shown, "mtu");
		else
			conf_show_number(shown, list[i]);
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

static void
conf_show_log_target(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown, *(const enum log_target *)(const void *)(into + key->offset) ==
					      LOG_TARGET_SYSLOG ?
				      "syslog" :
				      "stderr");
}

static void
conf_show_log_level(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_show_text(shown,
		       log_level_name(*(const enum log_level *)(const void *)(into + key->offset)));
}

static conf_show *
conf_show_of(const struct conf_key *key)
{
	static const struct {
		conf_set *set;
		conf_show *show;
	} ways[] = {
		{conf_set_integer, conf_show_integer},       {conf_set_window, conf_show_integer},
		{conf_set_bool, conf_show_bool},             {conf_set_clock, conf_show_clock},
		{conf_set_string, conf_show_string},         {conf_set_strings, conf_show_strings},
		{conf_set_integers, conf_show_integers},     {conf_set_sizes, conf_show_sizes},
		{conf_set_networks, conf_show_networks},     {conf_set_log_target,
		 conf_show_log_target},
		{conf_set_log_level, conf_show_log_level},   {conf_set_metrics_by,
		 conf_show_metrics_by},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i].set == key->set)
			return ways[i].show;
	return NULL;
}

/* Offsets of the file's keys count from a draft: those of the peers' part stand in `base` here. */
static void
conf_value(const struct config *config, const struct conf_key *group, const struct conf_key *key,
	   void (*fn)(void *arg, const struct config_value *value), void *arg)
{
	bool of_peers = !group && key->offset >= offsetof(struct conf_draft, peer);
	const char *into = of_peers ?
				   (const char *)&config->base - offsetof(struct conf_draft, peer) :
				   (const char *)config;
	struct conf_shown shown = {.n = 0};
	struct config_value value = {
		.group = group ? group->name : NULL,
		.name = key->name,
		.items = shown.items,
		.restart = key->restart,
	};

	conf_show_of(key)(&shown, key, into);
	value.n_items = shown.n;
	value.list = shown.list;
	for (size_t i = 0; i < config->n_origins; i++) {
		if (config->origins[i].key != key)
			continue;
		value.file = config->files[config->origins[i].file].path;
		value.line = config->origins[i].line;
	}
	fn(arg, &value);
}

void
config_values(const struct config *config, void (*fn)(void *arg, const struct config_value *value),
	      void *arg)
{
	for (const struct conf_key *key = conf_file_keys; key->name; key++) {
		if (key->set == conf_set_peers)
			continue;
		if (!key->keys)
			conf_value(config, NULL, key, fn, arg);
		for (const struct conf_key *sub = key->keys; sub && sub->name; sub++)
			conf_value(config, key, sub, fn, arg);
	}
}

static void
conf_swap(const struct conf_key *keys, char *a, char *b)
{
	char kept[sizeof(void *)];

	for (const struct conf_key *key = keys; key->name; key++) {
		if (key->keys)
			conf_swap(key->keys, a, b);
		if (!key->restart || key->size > sizeof(kept))
			continue;
		memcpy(kept, a + key->offset, key->size);
		memcpy(a + key->offset, b + key->offset, key->size);
		memcpy(b + key->offset, kept, key->size);
	}
}

void
config_keep_fixed(struct config *config, struct config *old)
{
	conf_swap(conf_file_keys, (char *)config, (char *)old);
}

static int
conf_cmp_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

int
config_peer_cmp(const struct config_peer *a, const struct config_peer *b)
{
	int cmp = conf_cmp_text(a->address, b->address);

	if (cmp == 0)
		cmp = conf_cmp_text(a->device, b->device);
	return cmp ? cmp : conf_cmp_text(a->source, b->source);
}

static bool
conf_same_list(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

bool
config_peer_equal(const struct config_peer *a, const struct config_peer *b)
{
	return config_peer_cmp(a, b) == 0 && a->interval_ms == b->interval_ms &&
	       a->traffic_class == b->traffic_class && a->service_level == b->service_level &&
	       conf_same_list(a->sizes, a->n_sizes, b->sizes, b->n_sizes) &&
	       conf_same_list(a->flow_labels, a->n_flow_labels, b->flow_labels, b->n_flow_labels);
}

const char *
config_file_changed(const struct config_file *file)
{
	struct config_file now;

	conf_text_stamp(file->path, &now);
	if (!now.ino)
		return "it cannot be found any more";
	if (now.dev != file->dev || now.ino != file->ino)
		return "it has been replaced since it was read";
	if (now.size != file->size || now.mtime_s != file->mtime_s ||
	    now.mtime_ns != file->mtime_ns)
		return "it has been changed since it was read";
	return NULL;
}
