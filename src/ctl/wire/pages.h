/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that come in pages (rpingmesh-control(7): after, limit, next), all of them.
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
/* A daemon has far fewer records; one that hands out more has lost count. */
#define PAGES_RECORDS_MAX 262144u
#define PAGES_MAX 16384u

struct pages_query {
	const char *method;
	const char *key;   /* of the answer: the list */
	const char *param, *value; /* one more parameter, a string; param NULL: none */
	bool sparse;       /* pages before the last may be empty */
};

/* Owns the records. */
struct pages {
	struct pages_page *first, *last;
	size_t records, n;
};

/* CLIENT_STRANGE: the daemon's answer is no list, or never ends. pages_free() either way. */
enum client_rc pages_fetch(struct client *client, const struct pages_query *query,
			   struct pages *out);
void pages_free(struct pages *pages);

/*
 * Calls take for each page's list, in the order in which they came, until one is not 0; returns
 * that. The lists live as long as the pages do.
 */
int pages_each(const struct pages *pages, int (*take)(void *arg, const msgpack_object *list),
	       void *arg);

#endif
