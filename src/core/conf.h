/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration engine: a program says in tables which keys it has, of which kind, and in which
 * field of its own struct each value is kept. What reads a key also shows it.
 */
#ifndef RPINGMESH_CORE_CONF_H
#define RPINGMESH_CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf_tree.h"

#define CONF_LIST_MAX 64u

struct conf_key;

/* Where a key stands that was set. */
struct conf_origin {
	const struct conf_key *key;
	size_t file; /* of files */
	unsigned int line;
};

/* What a configuration was read from. Part of the program's struct; zero is an empty one. */
struct conf_source {
	struct conf_file *files; /* the first is the configuration itself */
	size_t n_files;
	struct conf_origin *origins;
	size_t n_origins;
};
void conf_source_clear(struct conf_source *source);

struct conf_reader {
	struct conf_tree *tree;
	struct conf_source *source; /* where origins are noted; NULL: nowhere */
};

/* A value that is shown. */
enum conf_item_type {
	CONF_ITEM_NUMBER,
	CONF_ITEM_BOOL, /* number is 0 or 1 */
	CONF_ITEM_TEXT,
};
struct conf_item {
	enum conf_item_type type;
	long long number;
	const char *text;
};

/* One key with its value. */
struct conf_value {
	const char *group; /* that the key stands in; NULL: in none */
	const char *name;
	bool list;         /* items are the elements of a list; else there is one */
	const struct conf_item *items;
	size_t n_items;
	const char *file;  /* that sets it; NULL: none does, it is the default */
	unsigned int line;
	bool restart;      /* a running daemon cannot change it */
};

/* The items of one value, and room for what they point to. */
struct conf_shown;

/*
 * A kind of value. set reads the node into the field(s) of `into` that the key names: 0, or -errno
 * with the mistakes noted. show gives the items of what is there; keys of a kind without are not
 * shown.
 */
struct conf_kind {
	int (*set)(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		   void *into);
	void (*show)(struct conf_shown *shown, const struct conf_key *key, const char *into);
};

/* Numbers: integers of 8, 16 or 32 bits; lists of uint32_t, in which an element may be `word`. */
extern const struct conf_kind conf_integer, conf_integers;
extern const struct conf_kind conf_bool;
/* One of `words`, kept as its index in a bool or an enum. */
extern const struct conf_kind conf_word;
/* A string, and a list of them, allocated. */
extern const struct conf_kind conf_string, conf_strings;
/* A list of struct addr_net. */
extern const struct conf_kind conf_networks;
/* A group with `keys` of its own. */
extern const struct conf_kind conf_group;

/* One key of a group. A table of them ends with a NULL name. */
struct conf_key {
	const char *name;
	const struct conf_kind *kind;
	size_t offset;     /* of the field in the struct that is read into */
	size_t size;       /* of the field */
	size_t count;      /* offset of the number of elements, for lists */
	long long min, max; /* of an integer, of each in a list; of a string's length */
	unsigned int divides; /* the integer must divide this; 0: need not */
	const char *word;  /* stands for 0 among integers; NULL: none does */
	const char *const *words; /* ended by NULL */
	bool (*check)(const char *text); /* of a string that is not empty */
	const char *expect; /* in words, for strings */
	const struct conf_key *keys; /* of a group */
	bool restart;      /* a running daemon cannot change it */
};

#define CONF_FIELD(type, f) .offset = offsetof(type, f), .size = sizeof(((type *)0)->f)
#define CONF_LIST_FIELD(type, f, n) .offset = offsetof(type, f), .count = offsetof(type, n)
#define CONF_RANGE(lo, hi) .min = (lo), .max = (hi)
#define CONF_END {.name = NULL}

/*
 * Reads the keys of a group in the order of the table. A key that is in no row is a mistake, and so
 * is one that stands twice. 0, or -errno with all mistakes noted.
 */
int conf_read_group(struct conf_reader *r, const struct conf_key *keys,
		    const struct conf_node *node, void *into);

/* Notes "FILE:LINE: KEY: expected …, found " and what the node holds. Returns -EINVAL. */
int conf_fail(struct conf_reader *r, const struct conf_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Calls fn for each key that is shown, in the order of the tables. All is valid during the call.
 * `config` is the struct that the tables' offsets count from.
 */
void conf_values(const struct conf_key *keys, const void *config, const struct conf_source *source,
		 void (*fn)(void *arg, const struct conf_value *value), void *arg);

/* The values of keys that a running daemon cannot change: those of `a` go into `b`, and back. */
void conf_swap_fixed(const struct conf_key *keys, void *a, void *b);

#endif
