/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches all pages of an answer (rpingmesh-control(7): after, limit, next).
 */
#ifndef RPINGMESH_CTL_WIRE_PAGES_H
#define RPINGMESH_CTL_WIRE_PAGES_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/wire/client.h"

struct pages_page;

#define PAGES_LIMIT 256u
/* A daemon has far fewer records. If it sends more, its pages have no end. */
#define PAGES_RECORDS_MAX 262144u
#define PAGES_MAX 16384u

/* A parameter; value = NULL: it is left out. */
struct pages_param {
	const char *key, *value;
};

struct pages_query {
	const char *method;
	const char *key;   /* the answer's key for the list */
	const char *param, *value; /* one more parameter, a string; param = NULL: none */
	const struct pages_param *more; /* others, until one without a key; NULL: none */
	bool sparse;       /* pages before the last may be empty */
	bool plain;        /* an older daemon answers with the whole list instead of a page */
};

/* The pages own the records. */
struct pages {
	struct pages_page *first, *last;
	size_t records, n;
	msgpack_object all; /* of pages_list() */
};

/*
 * Asks for all pages. CLIENT_STRANGE: the answer is no list, or has no end. The caller calls
 * pages_free() in any case.
 */
enum client_rc pages_fetch(struct client *client, const struct pages_query *query,
			   struct pages *out);
void pages_free(struct pages *pages);

/*
 * Asks for all records of "devices", "peers" or "targets". CLIENT_OK and *list: an array that is
 * valid as long as the pages. Otherwise like pages_fetch().
 */
enum client_rc pages_list(struct client *client, const char *method, struct pages *out,
			  const msgpack_object **list);

/* Joins the lists of all pages. Otherwise like pages_list(). */
enum client_rc pages_join(struct client *client, struct pages *pages,
			  const msgpack_object **list);

/*
 * Calls take() for the list of each page, in their order, until it returns a value other than 0,
 * and returns this value. The lists are valid as long as the pages.
 */
int pages_each(const struct pages *pages, int (*take)(void *arg, const msgpack_object *list),
	       void *arg);

#endif
