/* SPDX-License-Identifier: Apache-2.0 */
/* Who hears what of what is measured, in which order, and how often it is packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/tell/subscriptions.h"
#include "serve/control.h"

/* One letter for each thing that happened, in its order. */
static char story[64];

static void
happened(char what)
{
	size_t len = strlen(story);

	assert_true(len + 1 < sizeof(story));
	story[len] = what;
	story[len + 1] = '\0';
}

static void
assert_story(const char *expected)
{
	assert_string_equal(story, expected);
	story[0] = '\0';
}

/* The record is the item's kind as a number. */
static void
pack(const void *arg, msgpack_packer *out, const struct results_item *item)
{
	assert_ptr_equal(arg, story);
	happened('P');
	msgpack_pack_int(out, (int)item->kind);
}

/* Clients that are never looked into: their addresses are who they are. */
static char clients[3];

static struct control_client *
client(int i)
{
	return (struct control_client *)(void *)&clients[i];
}

int __wrap_control_notify(struct control_client *to, const char *method,
			  const msgpack_sbuffer *payload);

/*
 * "a" to "c": a client has heard of a probe; "d" to "f": of a window; "g" to "i": of an event;
 * "j" to "l": of a correction.
 */
int
__wrap_control_notify(struct control_client *to, const char *method,
		      const msgpack_sbuffer *payload)
{
	int kind = payload->data[0];
	static const char *const names[] = {"probe", "window", "event", "correction"};

	assert_int_equal(payload->size, 1);
	assert_string_equal(method, names[kind]);
	happened((char)('a' + 3 * kind + ((char *)(void *)to - clients)));
	return 0;
}

struct sink {
	struct results *results;
	struct results_sink *sink;
	char letter;
	bool packs;
	struct sink *removes, *adds, *tells; /* when it hears something; then not again */
};

static void tell(struct results *results, enum results_kind kind, int detail);

static void
hear(void *arg, struct results_item *item)
{
	struct sink *s = arg, *removes = s->removes, *adds = s->adds, *tells = s->tells;

	s->removes = s->adds = s->tells = NULL;
	happened(s->letter);
	if (s->packs) {
		assert_int_equal(results_packed(item)->size, 1);
		assert_int_equal(results_packed(item)->data[0], item->kind);
	}
	if (removes)
		results_remove(removes->sink);
	if (adds)
		assert_int_equal(results_add(s->results, 15, hear, adds, &adds->sink), 0);
	if (tells)
		tell(tells->results, RESULTS_EVENT, 0);
}

static void
tell(struct results *results, enum results_kind kind, int detail)
{
	struct probe_result r = {.kind = (enum probe_kind)detail};
	struct results_item item = {.kind = kind};

	if (kind == RESULTS_PROBE || kind == RESULTS_CORRECTION)
		item.probe.result = &r;
	else if (kind == RESULTS_WINDOW)
		item.window.by = (enum record_window_by)detail;
	results_tell(results, &item);
}

struct house {
	struct results *results;
	struct subscriptions *subs;
	struct sink sink[3]; /* x, y, z: added in this order, want all */
};

static int
setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	story[0] = '\0';
	assert_int_equal(results_new(pack, story, &h->results), 0);
	for (int i = 0; i < 3; i++) {
		h->sink[i] = (struct sink){.results = h->results, .letter = (char)('x' + i)};
		assert_int_equal(
			results_add(h->results, 15, hear, &h->sink[i], &h->sink[i].sink), 0);
	}
	assert_int_equal(subscriptions_new(h->results, &h->subs), 0);
	*state = h;
	return 0;
}

static int
teardown(void **state)
{
	struct house *h = *state;

	subscriptions_free(h->subs);
	results_free(h->results);
	free(h);
	return 0;
}

static void
sinks_hear_in_their_order(void **state)
{
	struct house *h = *state;

	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyz");
	tell(h->results, RESULTS_WINDOW, 0);
	assert_story("xyz");
}

static void
only_what_is_wanted_is_heard(void **state)
{
	struct house *h = *state;

	results_want(h->sink[0].sink, 1u << RESULTS_WINDOW);
	results_want(h->sink[1].sink, 0);
	results_want(h->sink[2].sink, 1u << RESULTS_WINDOW | 1u << RESULTS_EVENT);
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("");
	tell(h->results, RESULTS_WINDOW, 0);
	assert_story("xz");
	tell(h->results, RESULTS_EVENT, 0);
	assert_story("z");
}

static void
packed_once_when_first_asked_for(void **state)
{
	struct house *h = *state;

	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyz");
	h->sink[1].packs = h->sink[2].packs = true;
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyPz");
	tell(h->results, RESULTS_EVENT, 0);
	assert_story("xyPz");
}

static void
a_sink_removes_itself(void **state)
{
	struct house *h = *state;

	h->sink[1].removes = &h->sink[1];
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyz");
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xz");
}

static void
a_sink_removes_the_next_and_the_last(void **state)
{
	struct house *h = *state;

	h->sink[0].removes = &h->sink[1];
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xz");
	h->sink[0].removes = &h->sink[2];
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("x");
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("x");
}

static void
a_sink_removes_one_before(void **state)
{
	struct house *h = *state;

	h->sink[2].removes = &h->sink[0];
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyz");
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("yz");
}

/* Removed in the inner round, while the outer one stands on it. */
static void
a_sink_goes_in_a_round_within(void **state)
{
	struct house *h = *state;

	h->sink[0].tells = &h->sink[0];
	h->sink[1].removes = &h->sink[0];
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xxyzyz");
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("yz");
}

static void
a_sink_that_is_added_hears_the_next(void **state)
{
	struct house *h = *state;
	struct sink w = {.results = h->results, .letter = 'w'};

	h->sink[2].adds = &w;
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyz");
	tell(h->results, RESULTS_PROBE, 0);
	assert_story("xyzw");
	results_remove(w.sink);
}

static void
silence(struct house *h)
{
	for (int i = 0; i < 3; i++)
		results_want(h->sink[i].sink, 0);
}

static void
clients_hear_what_they_subscribe_to(void **state)
{
	struct house *h = *state;

	silence(h);
	subscriptions_set(h->subs, client(0), RESULTS_PROBE, 1u << PROBE_KIND_MESH);
	subscriptions_set(h->subs, client(1), RESULTS_PROBE,
			  1u << PROBE_KIND_MESH | 1u << PROBE_KIND_PING);
	subscriptions_set(h->subs, client(1), RESULTS_WINDOW, 1u << RECORD_WINDOW_FLOW);
	subscriptions_set(h->subs, client(2), RESULTS_EVENT, SUBSCRIPTIONS_ALL);
	tell(h->results, RESULTS_PROBE, PROBE_KIND_MESH);
	assert_story("Pab");
	tell(h->results, RESULTS_PROBE, PROBE_KIND_PING);
	assert_story("Pb");
	tell(h->results, RESULTS_PROBE, PROBE_KIND_SERVICE);
	assert_story("");
	tell(h->results, RESULTS_CORRECTION, PROBE_KIND_MESH);
	assert_story("Pjk");
	tell(h->results, RESULTS_CORRECTION, PROBE_KIND_SERVICE);
	assert_story("");
	tell(h->results, RESULTS_WINDOW, RECORD_WINDOW_FLOW);
	assert_story("Pe");
	tell(h->results, RESULTS_WINDOW, RECORD_WINDOW_DEVICE);
	assert_story("");
	tell(h->results, RESULTS_EVENT, 0);
	assert_story("Pi");
}

static void
subscriptions_change_and_end(void **state)
{
	struct house *h = *state;

	silence(h);
	subscriptions_set(h->subs, client(0), RESULTS_PROBE, 1u << PROBE_KIND_MESH);
	subscriptions_set(h->subs, client(0), RESULTS_EVENT, SUBSCRIPTIONS_ALL);
	subscriptions_set(h->subs, client(0), RESULTS_PROBE, 1u << PROBE_KIND_PING);
	tell(h->results, RESULTS_PROBE, PROBE_KIND_MESH);
	assert_story("");
	tell(h->results, RESULTS_PROBE, PROBE_KIND_PING);
	assert_story("Pa");
	subscriptions_set(h->subs, client(0), RESULTS_PROBE, 0);
	tell(h->results, RESULTS_PROBE, PROBE_KIND_PING);
	tell(h->results, RESULTS_CORRECTION, PROBE_KIND_PING);
	tell(h->results, RESULTS_EVENT, 0);
	assert_story("Pg");
	subscriptions_client_gone(h->subs, client(0));
	subscriptions_client_gone(h->subs, client(1));
	tell(h->results, RESULTS_EVENT, 0);
	assert_story("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sinks_hear_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_wanted_is_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(packed_once_when_first_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sink_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sink_removes_the_next_and_the_last, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_sink_removes_one_before, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sink_goes_in_a_round_within, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sink_that_is_added_hears_the_next, setup,
						teardown),
		cmocka_unit_test_setup_teardown(clients_hear_what_they_subscribe_to, setup,
						teardown),
		cmocka_unit_test_setup_teardown(subscriptions_change_and_end, setup, teardown),
	};

	return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
