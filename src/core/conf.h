/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration engine. A program describes its keys in tables: the kind of each, and the field
 * of the program's own struct that keeps the value. The same tables serve to read the configuration
 * and to show it (rpingmeshd.conf(5) describes the syntax).
 */
#ifndef RPINGMESH_CORE_CONF_H
#define RPINGMESH_CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf_tree.h"

#define CONF_LIST_MAX 64u    /* elements of a list, unless the key has a limit of its own */
#define CONF_LIST_LONG 1024u /* the highest such limit */

struct conf_key;

/* The place in the files where a key is set. */
struct conf_origin {
	const struct conf_key *key;
	size_t file; /* index into conf_source.files */
	unsigned int line;
};

/*
 * The files and lines that a configuration was read from. The program's struct contains it; all
 * zero is an empty one. It owns its files and origins.
 */
struct conf_source {
	struct conf_file *files; /* the first is the configuration itself */
	size_t n_files;
	struct conf_origin *origins;
	size_t n_origins;
};
/* Frees what the source owns; it is empty afterwards. */
void conf_source_clear(struct conf_source *source);

struct conf_reader {
	struct conf_tree *tree;
	struct conf_source *source; /* receives the origins; NULL: none are kept */
};

/* A value to show. */
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
	const char *group; /* the group of the key; NULL: none */
	const char *name;
	bool list;         /* the items are the elements of a list; otherwise there is one item */
	const struct conf_item *items;
	size_t n_items;
	const char *file;  /* the file that sets the key; NULL: the value is the default */
	unsigned int line;
	bool restart;      /* a running daemon cannot change it */
};

/* The items of one value, and the memory that they point to. */
struct conf_shown;

/*
 * A kind of value. set() reads the node into the field or fields of `into` that the key names. It
 * returns 0, or -errno after adding the mistakes to the tree's errors. show() appends the items of
 * the value. If show is NULL, keys of this kind are not shown.
 */
struct conf_kind {
	int (*set)(struct conf_reader *r, const struct conf_key *key, const struct conf_node *node,
		   void *into);
	void (*show)(struct conf_shown *shown, const struct conf_key *key, const char *into);
};

/*
 * Numbers: an integer of 8, 16 or 32 bits, and a list of uint32_t. In place of a number there may
 * be the key's `word`.
 */
extern const struct conf_kind conf_integer, conf_integers;
extern const struct conf_kind conf_bool;
/* One of `words`; a bool or an enum keeps its index. */
extern const struct conf_kind conf_word;
/* A string, and a list of strings, allocated. */
extern const struct conf_kind conf_string, conf_strings;
/* A list of struct addr_net. */
extern const struct conf_kind conf_networks;
/* A group with `keys` of its own. */
extern const struct conf_kind conf_group;

/* One key of a group. A table of keys ends with a NULL name. */
struct conf_key {
	const char *name;
	const struct conf_kind *kind;
	size_t offset;     /* of the field in the program's struct */
	size_t size;       /* of the field */
	size_t count;      /* offset of the number of elements, for lists */
	long long min, max; /* of an integer, of each in a list; of a string's length */
	size_t list_max;   /* of integers: the most in a list; 0: CONF_LIST_MAX */
	unsigned int divides; /* the integer must divide this number; 0: any integer */
	const char *word;  /* integers: the word that means 0; NULL: none */
	const char *const *words; /* ended by NULL */
	bool (*check)(const char *text); /* whether a string that is not empty is valid */
	const char *expect; /* strings: what messages say was expected */
	const struct conf_key *keys; /* of a group */
	bool restart;      /* a running daemon cannot change it */
};

#define CONF_FIELD(type, f) .offset = offsetof(type, f), .size = sizeof(((type *)0)->f)
#define CONF_LIST_FIELD(type, f, n) .offset = offsetof(type, f), .count = offsetof(type, n)
#define CONF_RANGE(lo, hi) .min = (lo), .max = (hi)
#define CONF_END {.name = NULL}

/*
 * Reads the keys of a group in the order of the table. A key without a row in the table is a
 * mistake, and so is a key that is set twice. Returns 0, or -errno after adding all mistakes to the
 * tree's errors.
 */
int conf_read_group(struct conf_reader *r, const struct conf_key *keys,
		    const struct conf_node *node, void *into);

/*
 * Adds the mistake "FILE:LINE: KEY: expected …, found …" to the tree's errors; `fmt` is what was
 * expected, and the node is what was found. Returns -EINVAL.
 */
int conf_fail(struct conf_reader *r, const struct conf_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Calls fn for each key to show, in the order of the tables. The value is valid during the call
 * only. `config` is the struct that the offsets in the tables refer to.
 */
void conf_values(const struct conf_key *keys, const void *config, const struct conf_source *source,
		 void (*fn)(void *arg, const struct conf_value *value), void *arg);

/* Swaps the values of `a` and `b` of all keys that a running daemon cannot change. */
void conf_swap_fixed(const struct conf_key *keys, void *a, void *b);

#endif
