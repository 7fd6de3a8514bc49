/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one libconfig tree by tables of keys. Internal to the configuration: config.c has the
 * tables, config_reader.c the ways to read a value. Statics of these files begin with conf_, as
 * libconfig owns config_.
 */
#ifndef RPINGMESH_CORE_CONFIG_READER_H
#define RPINGMESH_CORE_CONFIG_READER_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"
#include "core/config_text.h"

struct conf_key;

/* What a file is read into: the configuration, and what peers start from. */
struct conf_draft {
	struct config config;
	struct config_peer peer;
};

struct conf_reader {
	const struct conf_text *text;
	char *error; /* CONFIG_ERROR bytes */
	struct conf_draft *draft;
	bool in_peers; /* of what stands in entries of peers no origin is kept */
};

/* Reads the setting's value into the field(s) of `into` that the key names. 0 or -errno. */
typedef int conf_set(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		     void *into);

/* One key of a group. A table of them ends with a NULL name. */
struct conf_key {
	const char *name;
	conf_set *set;
	size_t offset;     /* of the field in the struct that is read into */
	size_t size;       /* of the field, for integers */
	size_t count;      /* offset of the number of elements, for lists */
	long long min, max; /* of an integer, of each in a list; of a string's length */
	bool (*check)(const char *text); /* of a string that is not empty */
	const char *expect; /* in words, for strings */
	const struct conf_key *keys; /* of a group */
	bool restart;      /* a running daemon cannot change it */
};

/* All keys of a file. peers stands last: its entries start from the keys above. */
extern const struct conf_key conf_file_keys[];
conf_set conf_set_window, conf_set_clock, conf_set_metrics_by, conf_set_peers;

/* Reads the keys of a group in the order of the table; a key that stands in no row is an error. */
int conf_read_group(struct conf_reader *r, const struct conf_key *keys, const config_setting_t *s,
		    void *into);

conf_set conf_set_integer, conf_set_bool, conf_set_string;
/* Lists of at most CONFIG_LIST_MAX; sizes are integers or "mtu". */
conf_set conf_set_strings, conf_set_integers, conf_set_sizes, conf_set_networks;
conf_set conf_set_log_target, conf_set_log_level;
conf_set conf_set_group;

/* A string whose length and look the key gives. 0, and *out borrowed from the setting. */
int conf_get_string(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		    const char **out);

/* "FILE:LINE: KEY: expected `expected`, found " and what the setting holds. Returns -EINVAL. */
int conf_fail(struct conf_reader *r, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, and what was found is said by the caller; sub, if not NULL, is a key below s. */
int conf_fail_found(struct conf_reader *r, const config_setting_t *s, const char *sub,
		    const char *expected, const char *found);
int conf_no_memory(struct conf_reader *r);

#endif
