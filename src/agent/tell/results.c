/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: results
 *
 * struct results owns its sinks, a list in the order in which they were added. If a sink is removed
 * while an item is passed round, it is only marked dead, and freed when the outermost round is
 * over.
 */
#include "agent/tell/results.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

struct results_sink {
	TAILQ_ENTRY(results_sink) in_results;
	struct results *results;
	unsigned int kinds;
	results_hear *hear;
	void *arg;
	bool dead;
};
TAILQ_HEAD(results_sinks, results_sink);

struct results {
	results_pack *pack;
	const void *arg;
	struct results_sinks sinks;
	unsigned int rounds; /* nested rounds at present */
	bool dead;           /* a sink is dead */
};

int
results_new(results_pack *pack, const void *arg, struct results **out)
{
	struct results *results = calloc(1, sizeof(*results));

	if (!results)
		return -ENOMEM;
	results->pack = pack;
	results->arg = arg;
	TAILQ_INIT(&results->sinks);
	*out = results;
	return 0;
}

static void
results_reap(struct results *results, bool all)
{
	struct results_sink *sink, *next;

	results->dead = false;
	for (sink = TAILQ_FIRST(&results->sinks); sink; sink = next) {
		next = TAILQ_NEXT(sink, in_results);
		if (!all && !sink->dead)
			continue;
		TAILQ_REMOVE(&results->sinks, sink, in_results);
		free(sink);
	}
}

void
results_free(struct results *results)
{
	if (!results)
		return;
	results_reap(results, true);
	free(results);
}

int
results_add(struct results *results, unsigned int kinds, results_hear *hear, void *arg,
	    struct results_sink **out)
{
	struct results_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return -ENOMEM;
	*sink = (struct results_sink){
		.results = results, .kinds = kinds, .hear = hear, .arg = arg};
	TAILQ_INSERT_TAIL(&results->sinks, sink, in_results);
	if (out)
		*out = sink;
	return 0;
}

void
results_want(struct results_sink *sink, unsigned int kinds)
{
	sink->kinds = sink->dead ? 0 : kinds;
}

void
results_remove(struct results_sink *sink)
{
	if (!sink)
		return;
	sink->kinds = 0;
	sink->dead = sink->results->dead = true;
	if (sink->results->rounds == 0)
		results_reap(sink->results, false);
}

void
results_tell(struct results *results, struct results_item *item)
{
	struct results_sink *sink, *last = TAILQ_LAST(&results->sinks, results_sinks);

	item->results = results;
	item->packed = (msgpack_sbuffer){0};
	results->rounds++;
	for (sink = TAILQ_FIRST(&results->sinks); sink; sink = TAILQ_NEXT(sink, in_results)) {
		if (sink->kinds & 1u << item->kind)
			sink->hear(sink->arg, item);
		if (sink == last)
			break;
	}
	msgpack_sbuffer_destroy(&item->packed);
	if (--results->rounds == 0 && results->dead)
		results_reap(results, false);
}

const msgpack_sbuffer *
results_packed(struct results_item *item)
{
	msgpack_packer pk;

	if (!item->packed.data) {
		msgpack_packer_init(&pk, &item->packed, msgpack_sbuffer_write);
		item->results->pack(item->results->arg, &pk, item);
	}
	return &item->packed;
}
