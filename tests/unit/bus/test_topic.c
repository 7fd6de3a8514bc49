/* SPDX-License-Identifier: Apache-2.0 */
/* Expected topics are written out by hand, by RFC 3986, section 2.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/topic.h"

static char topic[TOPIC_SIZE], name[TOPIC_SIZE];

static void
test_make(void **state)
{
	static const struct {
		const char *name, *topic;
	} cases[] = {
		{"node1", "p/1/host/node1"},
		{"node1.example.com", "p/1/host/node1%2Eexample%2Ecom"},
		{"a/b+c#d", "p/1/host/a%2Fb%2Bc%23d"},
		{"100% $SYS", "p/1/host/100%25%20%24SYS"},
		{"*>", "p/1/host/%2A%3E"},
		{"fd00::1", "p/1/host/fd00::1"},
		{"\x01\n\x7f", "p/1/host/%01%0A%7F"},
		{"\xc3\xa9\xff", "p/1/host/%C3%A9%FF"},
		{"A-_~:z9", "p/1/host/A-_~:z9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(topic_make(topic, sizeof(topic), "p", "host", cases[i].name), 0);
		assert_string_equal(topic, cases[i].topic);
		assert_int_equal(topic_name(topic, "p", "host", name, sizeof(name)), 0);
		assert_string_equal(name, cases[i].name);
	}
	assert_int_equal(topic_make(topic, sizeof(topic), "a/b", "report/7", NULL), 0);
	assert_string_equal(topic, "a/b/1/report/7/+");
}

static void
test_make_refused(void **state)
{
	char small[16], longest[TOPIC_SIZE];

	(void)state;
	assert_int_equal(topic_make(topic, sizeof(topic), "p", "host", ""), -EINVAL);
	assert_string_equal(topic, "");
	/* "p/1/host/abcdef" and its '\0' are 16 bytes; the encoder keeps room for a whole "%XX". */
	assert_int_equal(topic_make(small, sizeof(small), "p", "host", "abcdefg"), -ENAMETOOLONG);
	assert_string_equal(small, "");
	assert_int_equal(topic_make(small, sizeof(small), "p", "pinglists", "a"), -ENAMETOOLONG);
	memset(longest, '.', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(topic_make(topic, sizeof(topic), "p", "host", longest), -ENAMETOOLONG);
}

static void
test_every_byte(void **state)
{
	char all[256];

	(void)state;
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	assert_int_equal(topic_make(topic, sizeof(topic), "p", "host", all), 0);
	for (const char *p = topic; *p; p++)
		assert_false(*p <= ' ' || *p > '~' || strchr("+#.*>$", *p));
	assert_int_equal(topic_name(topic, "p", "host", name, sizeof(name)), 0);
	assert_string_equal(name, all);
}

static void
test_name_refused(void **state)
{
	static const struct {
		const char *topic;
		int rc;
	} cases[] = {
		{"p/1/host/", -EINVAL},
		{"p/1/host/a/b", -EINVAL},
		{"p/1/host/a.b", -EINVAL},
		{"p/1/host/%", -EINVAL},
		{"p/1/host/%2", -EINVAL},
		{"p/1/host/%2e", -EINVAL}, /* one name, one topic */
		{"p/1/host/%41", -EINVAL},
		{"p/1/host/a%00b", -EINVAL},
		{"p/1/host/%GG", -EINVAL},
		{"p/1/host/\xc3\xa9", -EINVAL},
		{"p/1/host", -ENOENT},
		{"p/1/hosts/a", -ENOENT},
		{"p/2/host/a", -ENOENT},
		{"q/1/host/a", -ENOENT},
		{"", -ENOENT},
		{"p/1/host/0123456789", -ENAMETOOLONG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(name, "before");
		assert_int_equal(topic_name(cases[i].topic, "p", "host", name, 10), cases[i].rc);
		assert_string_equal(name, "");
	}
}

static void
test_prefix(void **state)
{
	char longest[202];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[201] = '\0';
	assert_null(topic_prefix_fault("rpingmesh"));
	assert_null(topic_prefix_fault("site-1/rpingmesh"));
	assert_null(topic_prefix_fault(longest + 1));
	assert_non_null(topic_prefix_fault(longest));
	assert_non_null(topic_prefix_fault(""));
	assert_non_null(topic_prefix_fault("/a"));
	assert_non_null(topic_prefix_fault("a/"));
	assert_non_null(topic_prefix_fault("a//b"));
	assert_non_null(topic_prefix_fault("a.b"));
	assert_non_null(topic_prefix_fault("$SYS"));
	assert_non_null(topic_prefix_fault("a/#"));
	assert_non_null(topic_prefix_fault("a b"));
}

/* The shards are those of `openssl mac -macopt size:8 SIPHASH` with a key of zeros, modulo 64. */
static void
test_shard(void **state)
{
	static const struct {
		const char *tor, *topic;
	} cases[] = {
		{"leaf-1", "p/1/path/16/n%2E1"},
		{"leaf-2", "p/1/path/2/n%2E1"},
		{"", "p/1/path/23/n%2E1"},
	};
	static const char *const wrong[] = {
		"p/1/path/64/a", "p/1/path/016/a", "p/1/path//a", "p/1/path/1", "p/1/path/1/",
		"p/1/path/-1/a", "p/1/path/4294967297/a", "p/1/path/1/a/b", "p/1/path/1x/a",
	};
	struct topic_shard of = {.prefix = "p", .kind = "path"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(topic_make_shard(topic, sizeof(topic), "p", "path", cases[i].tor,
						  "n.1"), 0);
		assert_string_equal(topic, cases[i].topic);
		assert_int_equal(topic_shard_name(topic, &of, name, sizeof(name)), 0);
		assert_string_equal(name, "n.1");
	}
	assert_int_equal(of.shard, 23);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(topic_shard_name(wrong[i], &of, name, sizeof(name)), -EINVAL);
	assert_int_equal(topic_shard_name("p/1/host/a", &of, name, sizeof(name)), -ENOENT);
	assert_int_equal(topic_make_shard(topic, sizeof(topic), "p", "path", "", NULL), 0);
	assert_string_equal(topic, "p/1/path/+/+");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),	     cmocka_unit_test(test_make_refused),
		cmocka_unit_test(test_every_byte),   cmocka_unit_test(test_name_refused),
		cmocka_unit_test(test_prefix),	     cmocka_unit_test(test_shard),
	};

	return cmocka_run_group_tests_name("topic", tests, NULL, NULL);
}
