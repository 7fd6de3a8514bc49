/* SPDX-License-Identifier: Apache-2.0 */
/* What `explain` offers when nobody is called so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "ctl/view/near.h"

/* Peers as their records have them; a host name of NULL is nil. */
struct peers {
	msgpack_sbuffer bytes;
	msgpack_unpacked decoded;
};

static void
pack_text(msgpack_packer *pk, const char *text)
{
	if (!text) {
		msgpack_pack_nil(pk);
		return;
	}
	msgpack_pack_str(pk, strlen(text));
	msgpack_pack_str_body(pk, text, strlen(text));
}

static const msgpack_object *
peers_new(struct peers *peers, const char *const names[][2], size_t n)
{
	msgpack_packer pk;
	size_t off = 0;

	msgpack_sbuffer_init(&peers->bytes);
	msgpack_packer_init(&pk, &peers->bytes, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++) {
		msgpack_pack_map(&pk, 2);
		pack_text(&pk, "address");
		pack_text(&pk, names[i][0]);
		pack_text(&pk, "hostname");
		pack_text(&pk, names[i][1]);
	}
	msgpack_unpacked_init(&peers->decoded);
	assert_int_equal(msgpack_unpack_next(&peers->decoded, peers->bytes.data, peers->bytes.size,
					     &off),
			 MSGPACK_UNPACK_SUCCESS);
	return &peers->decoded.data;
}

static void
peers_free(struct peers *peers)
{
	msgpack_unpacked_destroy(&peers->decoded);
	msgpack_sbuffer_destroy(&peers->bytes);
}

/* Pairs of the literature, and the edges. */
static void
test_distance(void **state)
{
	char longest[66];

	(void)state;
	assert_int_equal(near_distance("kitten", "sitting"), 3);
	assert_int_equal(near_distance("saturday", "sunday"), 3);
	assert_int_equal(near_distance("flaw", "lawn"), 2);
	assert_int_equal(near_distance("", "abc"), 3);
	assert_int_equal(near_distance("abc", ""), 3);
	assert_int_equal(near_distance("node7", "node7"), 0);
	assert_int_equal(near_distance("ab", "ba"), 2);
	memset(longest, 'x', 65);
	longest[65] = '\0';
	assert_int_equal(near_distance(longest, longest), 64); /* too long to be compared */
	assert_int_equal(near_distance("a", longest), 64);
	assert_int_equal(near_distance(longest + 1, longest + 1), 0);
	assert_int_equal(near_distance(longest + 1, ""), 64);
}

static void
test_nearest_first(void **state)
{
	static const char *const names[][2] = {{"10.0.0.112", NULL},
					       {"10.0.0.2", "node2"},
					       {"10.0.0.12", "node1"},
					       {"10.0.0.9", "ten"}};
	char buf[NEAR_MAX * NEAR_TEXT];
	struct peers peers;
	const msgpack_object *list = peers_new(&peers, names, 4);

	(void)state;
	assert_int_equal(near_peers(list, "10.0.0.12", buf), 4);
	assert_string_equal(buf, "10.0.0.12, 10.0.0.112, 10.0.0.2, 10.0.0.9");
	assert_int_equal(near_peers(list, "nod1", buf), 2);
	assert_string_equal(buf, "node1, node2");
	assert_int_equal(near_peers(list, "nothing like it", buf), 0);
	assert_string_equal(buf, "");
	peers_free(&peers);
}

/* A host with several rails is named once; five names at most, and long ones fit. */
static void
test_once_and_five(void **state)
{
	static const char *const rails[][2] = {{"10.0.0.1", "node1"},
					       {"10.1.0.1", "node1"},
					       {"10.2.0.1", "node1"}};
	static const char *const many[][2] = {{"a1", NULL}, {"a2", NULL}, {"a3", NULL},
					      {"a4", NULL}, {"a5", NULL}, {"a6", NULL}};
	char buf[NEAR_MAX * NEAR_TEXT];
	struct peers peers;

	(void)state;
	assert_int_equal(near_peers(peers_new(&peers, rails, 3), "node2", buf), 1);
	assert_string_equal(buf, "node1");
	peers_free(&peers);
	assert_int_equal(near_peers(peers_new(&peers, many, 6), "a", buf), NEAR_MAX);
	assert_string_equal(buf, "a1, a2, a3, a4, a5");
	peers_free(&peers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_nearest_first),
		cmocka_unit_test(test_once_and_five),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
