/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of rpingmesh-central: its defaults, the file that shows them, and mistakes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/config/central_config.h"

static struct central_config *
parsed(const char *text)
{
	struct central_config *config = NULL;
	struct conf_errors errors;

	if (central_config_parse(text, "test", &config, &errors) < 0)
		fail_msg("%s", errors.errors[0].text);
	return config;
}

static void
test_defaults(void **state)
{
	struct central_config *c = parsed("");

	(void)state;
	assert_string_equal(c->broker, "mqtt://127.0.0.1");
	assert_string_equal(c->prefix, "rpingmesh");
	assert_string_equal(c->socket, "/run/rpingmesh/central.sock");
	assert_string_equal(c->socket_group, "rpingmesh");
	assert_string_equal(c->ca, "");
	assert_string_equal(c->switches, "");
	assert_string_equal(c->topology, "");
	assert_int_equal(c->max_hosts, 20000);
	assert_int_equal(c->paths, 16);
	assert_int_equal(c->budget_percent, 80);
	assert_false(c->rails_isolated);
	assert_true(central_config_has(c, CENTRAL_CONTROLLER));
	central_config_free(c);
	central_config_free(NULL);
}

struct shown {
	char text[8192];
	size_t len;
};

static void
show(void *arg, const struct conf_value *value)
{
	struct shown *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s.%s:",
				   value->group ? value->group : "", value->name);
	for (size_t i = 0; i < value->n_items; i++)
		s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
					   " %lld %s", value->items[i].number,
					   value->items[i].text ? value->items[i].text : "");
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "\n");
	assert_true(s->len < sizeof(s->text));
}

/* The file with "#" before keys removed sets each key to its default. */
static void
test_file(void **state)
{
	char *text = strdup(central_config_default_text());
	struct shown with = {.len = 0}, without = {.len = 0};
	struct central_config *c;
	unsigned int keys = 0;

	(void)state;
	assert_non_null(text);
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] != '#' || line[1] == ' ')
			continue;
		if (line[1] && line[1] != '\n') {
			line[0] = ' ';
			keys++;
		}
	}
	/* The keys of a group stand behind "#    ". */
	for (char *at = text; (at = strstr(at, "#    ")); keys++)
		*at = ' ';
	assert_in_range(keys, 17, 40);
	c = parsed(text);
	conf_values(central_config_keys, c, &c->source, show, &with);
	assert_in_range(c->source.n_origins, 16, 40);
	central_config_free(c);
	c = parsed("");
	conf_values(central_config_keys, c, &c->source, show, &without);
	central_config_free(c);
	assert_string_equal(with.text, without.text);
	free(text);
}

static void
test_mistakes(void **state)
{
	static const struct {
		const char *text, *error;
	} mistakes[] = {
		{"broker = \"tcp://x\";",
		 "test:1: broker: expected \"mqtt://HOST[:PORT]\" or \"mqtts://HOST[:PORT]\", "
		 "found \"tcp://x\""},
		{"prefix = \"a/#\";",
		 "test:1: prefix: expected levels of a topic such as \"site/rpingmesh\", found "
		 "\"a/#\""},
		{"roles = (\"analyser\");",
		 "test:1: roles[0]: expected \"controller\", found \"analyser\""},
		{"paths = 0;", "test:1: paths: expected an integer from 1 to 1024, found 0"},
		{"classes = (1, 2, 3, 4, 5, 6, 7, 8, 9);",
		 "test:1: classes: expected at most 8 traffic classes, found a list of 9"},
		{"socket = \"x\";",
		 "test:1: socket: expected an absolute path of at most 107 bytes, found \"x\""},
		{"max_host = 5;", NULL},
	};
	struct central_config *c = NULL;
	struct conf_errors errors;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		assert_int_equal(central_config_parse(mistakes[i].text, "test", &c, &errors),
				 -EINVAL);
		if (mistakes[i].error)
			assert_string_equal(errors.errors[0].text, mistakes[i].error);
		assert_null(c);
	}
}

static void
test_values(void **state)
{
	struct central_config *c = parsed("classes = (0, 106); roles = (\"controller\"); "
					  "rails_isolated = true; log = { level = \"debug\"; };");

	(void)state;
	assert_int_equal(c->n_classes, 2);
	assert_int_equal(c->classes[1], 106);
	assert_true(c->rails_isolated);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_true(central_config_has(c, CENTRAL_CONTROLLER));
	central_config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("central_config", tests, NULL, NULL);
}
