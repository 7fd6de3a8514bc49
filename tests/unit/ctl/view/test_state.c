/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of peers, ports, flows and tracing as the manual lists them (rpingmesh(7),
 * rpingmesh-records(5)), read out of records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/view/peer.h"
#include "ctl/view/state.h"

/* A record of one key; its strings are the literals themselves. */
struct one {
	msgpack_object_kv kv;
	msgpack_object map;
};

static msgpack_object
text_of(const char *text)
{
	msgpack_object o = {.type = text ? MSGPACK_OBJECT_STR : MSGPACK_OBJECT_NIL};

	o.via.str.ptr = text;
	o.via.str.size = text ? (uint32_t)strlen(text) : 0;
	return o;
}

static const msgpack_object *
one(struct one *one, const char *key, const char *text)
{
	one->kv = (msgpack_object_kv){text_of(key), text_of(text)};
	one->map.type = MSGPACK_OBJECT_MAP;
	one->map.via.map.ptr = &one->kv;
	one->map.via.map.size = 1;
	return &one->map;
}

static void
test_peers(void **state)
{
	static const struct {
		const char *name;
		enum state_peer is;
		enum table_color color;
	} peers[] = {
		{"up", STATE_PEER_UP, TABLE_GREEN},
		{"resolving", STATE_PEER_COMING, TABLE_YELLOW},
		{"checking", STATE_PEER_COMING, TABLE_YELLOW},
		{"naming", STATE_PEER_COMING, TABLE_YELLOW},
		{"self", STATE_PEER_SELF, TABLE_PLAIN},
		{"unprobed", STATE_PEER_UNPROBED, TABLE_PLAIN},
		{"down", STATE_PEER_BAD, TABLE_RED},
		{"no_data", STATE_PEER_BAD, TABLE_RED},
		{"no_name", STATE_PEER_BAD, TABLE_RED},
		{"no_device", STATE_PEER_BAD, TABLE_RED},
		{"of another version", STATE_PEER_BAD, TABLE_RED},
		{"upp", STATE_PEER_BAD, TABLE_RED},
		{NULL, STATE_PEER_BAD, TABLE_RED},
	};
	struct one record;

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		const msgpack_object *peer = one(&record, "state", peers[i].name);

		assert_int_equal(state_of_peer(peer), peers[i].is);
		assert_int_equal(peer_state_color(peer), peers[i].color);
	}
	assert_int_equal(state_of_peer(NULL), STATE_PEER_BAD);
}

static void
test_others(void **state)
{
	struct one r;

	(void)state;
	assert_int_equal(state_of_device(one(&r, "state", "up")), DEVICE_UP);
	assert_int_equal(state_of_device(one(&r, "state", "down")), DEVICE_DOWN);
	assert_int_equal(state_of_device(one(&r, "state", "opening")), DEVICE_STATE_N);
	assert_int_equal(state_of_port(one(&r, "to", "up"), "to"), PORT_UP);
	assert_int_equal(state_of_port(one(&r, "to", "given_up"), "to"), PORT_GIVEN_UP);
	assert_int_equal(state_of_port(one(&r, "to", "up"), "from"), PORT_STATE_N);
	assert_int_equal(state_of_flow(one(&r, "probing", "probing")), SERVICE_PROBING);
	assert_int_equal(state_of_flow(one(&r, "probing", "no_daemon")), SERVICE_NO_DAEMON);
	assert_int_equal(state_of_flow(one(&r, "probing", NULL)), SERVICE_STATE_N);
	assert_int_equal(state_of_tracing(one(&r, "tracing", "on")), TRACING_ON);
	assert_int_equal(state_of_tracing(one(&r, "tracing", "degraded")), TRACING_DEGRADED);
	assert_int_equal(state_of_tracing(one(&r, "tracing", "off")), TRACING_OFF);
	assert_int_equal(state_of_tracer(one(&r, "state", "on")), TRACER_ON);
	assert_int_equal(state_of_tracer(one(&r, "state", "failed")), TRACER_FAILED);
}

static void
test_lossy(void **state)
{
	char text[80];
	struct one r;

	(void)state;
	assert_true(peer_verdicts(one(&r, "loss_verdict", "lossy"), 1, text, sizeof(text)));
	assert_string_equal(text, "lossy");
	assert_false(peer_verdicts(one(&r, "loss_verdict", "clean"), 1, text, sizeof(text)));
	assert_false(peer_verdicts(one(&r, "loss_verdict", NULL), 1, text, sizeof(text)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_lossy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
