/* SPDX-License-Identifier: Apache-2.0 */
/* The file that names switches: what it may contain, and its mistakes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/config/central_switches.h"

static struct central_switches *
parsed(const char *text)
{
	struct central_switches *s = NULL;
	char error[CONF_ERROR];

	if (central_switches_parse(text, "names", &s, error) < 0)
		fail_msg("%s", error);
	return s;
}

static void
refused(const char *text, const char *why)
{
	struct central_switches *s = NULL;
	char error[CONF_ERROR] = "";

	assert_int_equal(central_switches_parse(text, "names", &s, error), -EINVAL);
	assert_null(s);
	assert_string_equal(error, why);
}

static const struct central_switches_entry *
entry(const struct central_switches *s, const char *address)
{
	struct addr a;

	assert_int_equal(addr_parse(address, &a), 0);
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(&s->entries[i].addr, &a))
			return &s->entries[i];
	fail_msg("%s is missing", address);
	return NULL;
}

static void
test_lines(void **state)
{
	struct central_switches *s =
		parsed("# the fabric\n"
		       "\n"
		       "leaf1 10.1.0.1=Ethernet1/1 10.2.1.2\t10.2.1.3=swp#3 # 10.9.9.9\r\n"
		       "  leaf1 fd00::1=swp1\n"
		       "\t# leaf9 10.9.9.8\n"
		       "spine-1.example 10.3.0.1 10.3.0.2=a=b");

	(void)state;
	assert_int_equal(s->n, 6);
	assert_string_equal(entry(s, "10.1.0.1")->name, "leaf1");
	assert_string_equal(entry(s, "10.1.0.1")->port, "Ethernet1/1");
	assert_int_equal(entry(s, "10.1.0.1")->line, 3);
	assert_string_equal(entry(s, "10.2.1.2")->name, "leaf1");
	assert_null(entry(s, "10.2.1.2")->port);
	assert_string_equal(entry(s, "10.2.1.3")->port, "swp#3");
	assert_string_equal(entry(s, "fd00::1")->name, "leaf1");
	assert_int_equal(entry(s, "fd00::1")->line, 4);
	assert_string_equal(entry(s, "10.3.0.1")->name, "spine-1.example");
	assert_int_equal(entry(s, "10.3.0.1")->line, 6);
	assert_string_equal(entry(s, "10.3.0.2")->port, "a=b");
	central_switches_free(s);
}

static void
test_empty(void **state)
{
	const char *const texts[] = {"", "\n", "#", "  \t\r\n\n", "# leaf1 10.0.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct central_switches *s = parsed(texts[i]);

		assert_int_equal(s->n, 0);
		central_switches_free(s);
	}
	central_switches_free(NULL);
}

static void
test_mistakes(void **state)
{
	(void)state;
	refused("leaf1", "names:1: leaf1 has no address; a line is SWITCH ADDRESS[=PORT]...");
	refused("\nleaf1 # 10.0.0.1\n",
		"names:2: leaf1 has no address; a line is SWITCH ADDRESS[=PORT]...");
	refused("10.0.0.1 leaf1", "names:1: \"leaf1\" is no IP address; a line is SWITCH "
				  "ADDRESS[=PORT]...");
	refused("leaf1 10.0.0.1 10.0.0.256",
		"names:1: \"10.0.0.256\" is no IP address; a line is SWITCH ADDRESS[=PORT]...");
	refused("leaf1 10.0.0.1/24",
		"names:1: \"10.0.0.1/24\" is no IP address; a line is SWITCH ADDRESS[=PORT]...");
	refused("leaf1 \x1b[2J",
		"names:1: \"?[2J\" is no IP address; a line is SWITCH ADDRESS[=PORT]...");
	refused("leaf1 0.0.0.0", "names:1: 0.0.0.0 is the address of no one switch");
	refused("leaf1 ::", "names:1: :: is the address of no one switch");
	refused("leaf1 fe80::1", "names:1: fe80::1 is the address of no one switch");
	refused("leaf1 10.0.0.1=",
		"names:1: the name of the port of 10.0.0.1 is not 1 to 64 printable characters");
	refused("leaf\x01 10.0.0.1",
		"names:1: the name of the switch is not 1 to 64 printable characters");
	refused("l\xc3\xa9" "af 10.0.0.1",
		"names:1: the name of the switch is not 1 to 64 printable characters");
}

/* Each address once: the first line that has one again is named, with the line before. */
static void
test_twice(void **state)
{
	(void)state;
	refused("leaf2 10.0.0.9\nleaf1 10.0.0.1 10.0.0.2\nleaf2 10.0.0.2\nleaf3 10.0.0.9\n",
		"names:3: 10.0.0.2 is an address of leaf1 already, in line 2");
	refused("leaf1 fd00::1\n\nleaf1 fd00:0::1=swp1\n",
		"names:3: fd00::1 is an address of leaf1 already, in line 1");
	refused("leaf1 10.0.0.1 ::ffff:10.0.0.1",
		"names:1: 10.0.0.1 is an address of leaf1 already, in line 1");
}

static void
test_limits(void **state)
{
	char name[200] = "", text[400];
	struct central_switches *s;

	(void)state;
	memset(name, 'n', 64);
	snprintf(text, sizeof(text), "%s 10.0.0.1=%s", name, name);
	s = parsed(text);
	assert_string_equal(s->entries[0].name, name);
	assert_string_equal(s->entries[0].port, name);
	central_switches_free(s);
	name[64] = 'n';
	snprintf(text, sizeof(text), "%s 10.0.0.1", name);
	refused(text, "names:1: the name of the switch is not 1 to 64 printable characters");
	snprintf(text, sizeof(text), "leaf1 10.0.0.1=%s", name);
	refused(text,
		"names:1: the name of the port of 10.0.0.1 is not 1 to 64 printable characters");
}

/* 500,000 addresses are taken, and not one more. */
static void
test_many(void **state)
{
	char *text = malloc(501000 * 20), *at = text;
	struct central_switches *s;

	(void)state;
	assert_non_null(text);
	for (unsigned int i = 0; i < 500000; i++)
		at += sprintf(at, "s 10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
	s = parsed(text);
	assert_int_equal(s->n, 500000);
	central_switches_free(s);
	sprintf(at, "s 11.0.0.1\n");
	refused(text, "names:500001: more than 500000 names");
	free(text);
}

static void
test_no_file(void **state)
{
	struct central_switches *s = NULL;
	char error[CONF_ERROR];

	(void)state;
	assert_int_equal(central_switches_load("/nonexistent/names", &s, error), -ENOENT);
	assert_string_equal(error, "/nonexistent/names: cannot be read: no such file");
	assert_int_equal(central_switches_load("/", &s, error), -EISDIR);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_empty),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
