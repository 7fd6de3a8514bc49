/* SPDX-License-Identifier: Apache-2.0 */
/* The engine with the keys of a program that does not exist. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/conf.h"
#include "core/conf_parse.h"

enum colour { RED, GREEN, BLUE };

struct kettle {
	char *name;
	uint8_t cups;
	uint16_t volume;
	int32_t celsius;
	bool lid;
	enum colour colour;
	uint32_t *stops;
	size_t n_stops;
	char **owners;
	size_t n_owners;
	struct addr_net *near;
	size_t n_near;
	struct {
		uint32_t watts;
		char *plug;
	} power;
	struct conf_source source;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static bool
is_lower(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

#define FIELD(f) CONF_FIELD(struct kettle, f)
#define LIST(f) CONF_LIST_FIELD(struct kettle, f, n_##f)
#define POWER(f) \
	.offset = offsetof(struct kettle, power.f) - offsetof(struct kettle, power), \
	.size = sizeof(((struct kettle *)0)->power.f)

static const struct conf_key power_keys[] = {
	{"watts", &conf_integer, POWER(watts), CONF_RANGE(1, 4000000000LL), .restart = true},
	{"plug", &conf_string, POWER(plug), CONF_RANGE(0, 3), .expect = "a plug"},
	CONF_END
};

static const struct conf_key keys[] = {
	{"name", &conf_string, FIELD(name), CONF_RANGE(1, 8), .check = is_lower,
	 .expect = "a name of at most 8 small letters"},
	{"cups", &conf_integer, FIELD(cups), CONF_RANGE(1, 255), .divides = 12},
	{"volume", &conf_integer, FIELD(volume), CONF_RANGE(0, 65535)},
	{"celsius", &conf_integer, FIELD(celsius), CONF_RANGE(-40, 100)},
	{"lid", &conf_bool, FIELD(lid)},
	{"colour", &conf_word, FIELD(colour), .words = colours},
	{"stops", &conf_integers, LIST(stops), CONF_RANGE(10, 20), .word = "boil"},
	{"owners", &conf_strings, LIST(owners), CONF_RANGE(1, 8), .expect = "an owner"},
	{"near", &conf_networks, LIST(near), .expect = "a network"},
	{"power", &conf_group, .offset = offsetof(struct kettle, power), .keys = power_keys},
	CONF_END
};

static int
kettle_read(const char *text, struct kettle *k, struct conf_errors *errors)
{
	struct conf_tree tree;
	struct conf_reader r = {&tree, &k->source};
	int rc, read;

	*k = (struct kettle){.celsius = 20};
	rc = conf_parse_text(&tree, text, "k", errors);
	read = conf_read_group(&r, keys, &tree.root, k);
	k->source.files = tree.files;
	k->source.n_files = tree.n_files;
	tree.files = NULL;
	tree.n_files = 0;
	conf_tree_clear(&tree);
	return rc ? rc : read;
}

static void
kettle_clear(struct kettle *k)
{
	free(k->name);
	free(k->power.plug);
	free(k->stops);
	for (size_t i = 0; i < k->n_owners; i++)
		free(k->owners[i]);
	free(k->owners);
	free(k->near);
	conf_source_clear(&k->source);
}

static const char every_key[] =
	"name = \"wendy\"; cups = 4; volume = 0x6A4; celsius = -5; lid = TRUE;\n"
	"colour = \"blue\"; stops = (10, \"boil\", 20); owners = [\"a\\x62c\", \"\\\"\\t\\q\"];\n"
	"near = (\"10.0.0.0/8\", \"fd00::7\"); power = { watts = 3000000000; plug = \"\" };\n";

static void
test_every_kind(void **state)
{
	struct conf_errors errors;
	struct kettle k;

	(void)state;
	assert_int_equal(kettle_read(every_key, &k, &errors), 0);
	assert_int_equal(errors.n, 0);
	assert_string_equal(k.name, "wendy");
	assert_int_equal(k.cups, 4);
	assert_int_equal(k.volume, 1700);
	assert_int_equal(k.celsius, -5);
	assert_true(k.lid);
	assert_int_equal(k.colour, BLUE);
	assert_int_equal(k.n_stops, 3);
	assert_int_equal(k.stops[0], 10);
	assert_int_equal(k.stops[1], 0);
	assert_int_equal(k.stops[2], 20);
	assert_int_equal(k.n_owners, 2);
	assert_string_equal(k.owners[0], "abc");
	assert_string_equal(k.owners[1], "\"\t\\q");
	assert_int_equal(k.n_near, 2);
	assert_int_equal(k.near[0].bits, 96 + 8);
	assert_int_equal(k.near[1].bits, 128);
	assert_int_equal(k.power.watts, 3000000000u);
	assert_string_equal(k.power.plug, "");
	kettle_clear(&k);
}

/* "KEY=ITEM,ITEM@LINE " of each value, in brackets for a list; '!' where a restart is needed. */
static void
note_value(void *arg, const struct conf_value *v)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s%s%s%s%s", v->group ? v->group : "", v->group ? "." : "",
		v->name, v->restart ? "!=" : "=", v->list ? "[" : "");
	for (size_t i = 0; i < v->n_items; i++) {
		if (v->items[i].type == CONF_ITEM_TEXT)
			sprintf(text + strlen(text), "%s,", v->items[i].text);
		else
			sprintf(text + strlen(text), "%lld,", v->items[i].number);
	}
	sprintf(text + strlen(text), "%s@%u ", v->list ? "]" : "", v->line);
	assert_int_equal(v->line != 0, v->file != NULL);
	if (v->file)
		assert_string_equal(v->file, "k");
}

static void
test_values(void **state)
{
	struct conf_errors errors;
	struct kettle k;
	char text[1024] = "";

	(void)state;
	assert_int_equal(kettle_read(every_key, &k, &errors), 0);
	conf_values(keys, &k, &k.source, note_value, text);
	assert_string_equal(text, "name=wendy,@1 cups=4,@1 volume=1700,@1 celsius=-5,@1 lid=1,@1 "
				  "colour=blue,@2 stops=[10,boil,20,]@2 owners=[abc,\"\t\\q,]@2 "
				  "near=[10.0.0.0/8,fd00::7/128,]@3 power.watts!=3000000000,@3 "
				  "power.plug=,@3 ");
	kettle_clear(&k);
	assert_int_equal(kettle_read("name = \"b\"; power = { plug = \"uk\" };", &k, &errors), 0);
	text[0] = '\0';
	conf_values(keys, &k, &k.source, note_value, text);
	assert_string_equal(text, "name=b,@1 cups=0,@0 volume=0,@0 celsius=20,@0 lid=0,@0 "
				  "colour=red,@0 stops=[]@0 owners=[]@0 near=[]@0 "
				  "power.watts!=0,@0 power.plug=uk,@1 ");
	kettle_clear(&k);
}

static void
test_swap_fixed(void **state)
{
	struct kettle a = {.cups = 1, .power.watts = 10}, b = {.cups = 2, .power.watts = 20};

	(void)state;
	conf_swap_fixed(keys, &a, &b);
	assert_int_equal(a.power.watts, 20);
	assert_int_equal(b.power.watts, 10);
	assert_int_equal(a.cups, 1);
	assert_int_equal(b.cups, 2);
}

/* The mistakes of a text, a line each. */
static void
assert_mistakes(const char *text, const char *expected)
{
	struct conf_errors errors;
	struct kettle k;
	char all[16384] = "", buf[CONF_ERROR];
	const char *line;

	assert_int_equal(kettle_read(text, &k, &errors), -EINVAL);
	for (unsigned int i = 0; (line = conf_errors_line(&errors, i, buf)); i++)
		sprintf(all + strlen(all), "%s\n", line);
	if (strcmp(all, expected) != 0)
		fail_msg("%s\nexpected:\n%s     got:\n%s", text, expected, all);
	kettle_clear(&k);
}

/* In the order of the file, whatever the order in which they are found. */
static void
test_all_mistakes(void **state)
{
	(void)state;
	assert_mistakes("power = { plug = \"long\";\n"
			"  volts = 5; };\n"
			"cups = 5;\n"
			"colour = \"pink\";\n"
			"stops = (9, 10, \"cold\");\n"
			"near = (1, \"x\");\n"
			"owners = (\"\", true);\n"
			"cups = 6;\n",
			"k:1: power.plug: expected a plug, found \"long\"\n"
			"k:2: power.volts: expected one of watts plug, found an unknown key\n"
			"k:3: cups: expected a divisor of 12, found 5\n"
			"k:4: colour: expected \"red\", \"green\" or \"blue\", found \"pink\"\n"
			"k:5: stops[0]: expected an integer from 10 to 20, found 9\n"
			"k:5: stops[2]: expected an integer from 10 to 20 or \"boil\", found "
			"\"cold\"\n"
			"k:6: near[0]: expected a network, found 1\n"
			"k:6: near[1]: expected a network, found \"x\"\n"
			"k:7: owners[0]: expected an owner, found \"\"\n"
			"k:7: owners[1]: expected an owner in \" \", found true\n"
			"k:8: cups: expected each key once, found it again after line 3\n");
}

/* Each mistake of grammar is reported once, and the settings around it are read. */
static void
test_grammar_goes_on(void **state)
{
	(void)state;
	assert_mistakes("name = ;\n"
			"cups = 5;\n"
			"volume = 1 2;\n"
			"lid = \"open;\n"
			"celsius =\n"
			"colour = 7\n"
			"stops = (10; 11);\n"
			"power = {\n"
			"  watts = (;\n"
			"  plug = 5; };\n"
			"owners = (\"a\" \"b\");\n"
			"near = (\"10.0.0.0/8\"];\n"
			"nobody = 1;\n",
			"k:1: near name: expected a value (text in \" \", a number, true, false, a "
			"list or a group), found ';'\n"
			"k:2: cups: expected a divisor of 12, found 5\n"
			"k:3: near volume: expected ';' or the next key, found '2'\n"
			"k:4: string: expected a closing '\"' on the same line, found none\n"
			"k:6: near celsius: expected a value (text in \" \", a number, true, "
			"false, a list or a group), found 'colour'\n"
			"k:6: colour: expected \"red\", \"green\" or \"blue\", found 7\n"
			"k:7: near stops: expected ',' or the end of the list, found ';'\n"
			"k:9: near watts: expected a value (text in \" \", a number, true, false, "
			"a list or a group), found ';'\n"
			"k:11: near owners: expected ',' or the end of the list, found \"b\"\n"
			"k:12: ']': expected ')' to close the '(' of k:12, found ']'\n"
			"k:13: nobody: expected one of name cups volume celsius lid colour stops "
			"owners near power, found an unknown key\n");
	assert_mistakes("name = (\ncups = 3;\n",
			"k:2: near name: expected a value (text in \" \", a number, true, false, a "
			"list or a group), found 'cups'\n");
	assert_mistakes("power = { watts = 5;\n", "k:1: '{': expected a closing '}', found the "
						   "end of the file\n");
}

static void
test_many_mistakes(void **state)
{
	struct conf_errors errors;
	struct kettle k;
	char text[1024] = "", buf[CONF_ERROR];

	(void)state;
	for (int i = 0; i < 20; i++)
		strcat(text, "x = 1;\n");
	assert_int_equal(kettle_read(text, &k, &errors), -EINVAL);
	assert_int_equal(errors.n, 20);
	assert_memory_equal(conf_errors_line(&errors, 19, buf), "k:20: x: ", 9);
	assert_null(conf_errors_line(&errors, 20, buf));
	kettle_clear(&k);
	strcat(text, "x = 1;\nx = 1;\nx = 1;\n");
	assert_int_equal(kettle_read(text, &k, &errors), -EINVAL);
	assert_memory_equal(conf_errors_line(&errors, 19, buf), "k:20: x: ", 9);
	assert_string_equal(conf_errors_line(&errors, 20, buf), "and 3 more");
	assert_null(conf_errors_line(&errors, 21, buf));
	kettle_clear(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_swap_fixed),
		cmocka_unit_test(test_all_mistakes),
		cmocka_unit_test(test_grammar_goes_on),
		cmocka_unit_test(test_many_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
