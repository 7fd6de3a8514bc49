/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/subscriptions.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "serve/control.h"

struct subscription {
	struct subscription *next;
	struct control_client *client; /* borrowed */
	unsigned int which[RESULTS_KIND_N];
};

struct subscriptions {
	struct results_sink *sink;
	struct subscription *first;
};

static const char *const subscriptions_names[] = {"probe", "window", "event",
							"correction"};
static_assert(sizeof(subscriptions_names) / sizeof(subscriptions_names[0]) == RESULTS_KIND_N,
	      "a notification for each kind");

static unsigned int
subscriptions_bit(const struct results_item *item)
{
	switch (item->kind) {
	case RESULTS_PROBE:
	case RESULTS_CORRECTION:
		return 1u << item->probe.result->kind;
	case RESULTS_WINDOW:
		return 1u << item->window.by;
	case RESULTS_EVENT:
		return SUBSCRIPTIONS_ALL;
	case RESULTS_KIND_N:
		break;
	}
	return 0;
}

static void
subscriptions_hear(void *arg, struct results_item *item)
{
	const struct subscriptions *subs = arg;
	unsigned int bit = subscriptions_bit(item);

	for (const struct subscription *s = subs->first; s; s = s->next)
		if (s->which[item->kind] & bit)
			control_notify(s->client, subscriptions_names[item->kind],
				       results_packed(item));
}

int
subscriptions_new(struct results *results, struct subscriptions **out)
{
	struct subscriptions *subs = calloc(1, sizeof(*subs));
	int rc = subs ? results_add(results, 0, subscriptions_hear, subs, &subs->sink) : -ENOMEM;

	if (rc < 0)
		free(subs);
	else
		*out = subs;
	return rc;
}

/* Tells results which kinds at least one client wants. */
static void
subscriptions_want(struct subscriptions *subs)
{
	unsigned int kinds = 0;

	for (const struct subscription *s = subs->first; s; s = s->next)
		for (int kind = 0; kind < RESULTS_KIND_N; kind++)
			kinds |= s->which[kind] ? 1u << kind : 0;
	results_want(subs->sink, kinds);
}

static struct subscription **
subscriptions_find(struct subscriptions *subs, const struct control_client *client)
{
	struct subscription **at = &subs->first;

	while (*at && (*at)->client != client)
		at = &(*at)->next;
	return at;
}

int
subscriptions_set(struct subscriptions *subs, struct control_client *client,
		  enum results_kind kind, unsigned int which)
{
	struct subscription **at = subscriptions_find(subs, client);

	if (!*at && which) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
		(*at)->client = client;
	}
	if (*at)
		(*at)->which[kind] = which;
	if (*at && kind == RESULTS_PROBE)
		(*at)->which[RESULTS_CORRECTION] = which;
	subscriptions_want(subs);
	return 0;
}

bool
subscriptions_any(const struct subscriptions *subs)
{
	return subs->first != NULL;
}

void
subscriptions_client_gone(struct subscriptions *subs, const struct control_client *client)
{
	struct subscription **at = subscriptions_find(subs, client), *gone = *at;

	if (!gone)
		return;
	*at = gone->next;
	free(gone);
	subscriptions_want(subs);
}

void
subscriptions_free(struct subscriptions *subs)
{
	if (!subs)
		return;
	while (subs->first)
		subscriptions_client_gone(subs, subs->first->client);
	results_remove(subs->sink);
	free(subs);
}
