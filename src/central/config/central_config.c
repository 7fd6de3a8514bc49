/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all keys of rpingmesh-central. tests/doc/config_doc.sh compares
 * rpingmesh-central.conf(5) and etc/rpingmesh-central.conf with it.
 */
#include "central/config/central_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/broker.h"
#include "bus/topic.h"
#include "central/config/central_default.h"
#include "core/conf_check.h"
#include "core/conf_parse.h"
#include "rpingmesh/control.h"

#define CENTRAL_SOCKET_MAX 107 /* unix(7): sun_path with its '\0' has 108 */

#define FIELD(f) CONF_FIELD(struct central_config, f)
#define LIST(f) CONF_LIST_FIELD(struct central_config, f, n_##f)
#define RANGE(lo, hi) CONF_RANGE(lo, hi)
#define PATH .check = conf_check_path, .expect = "an absolute path or \"\""

static const struct {
	const char *name;
	enum central_role role;
} central_roles[] = {{"controller", CENTRAL_CONTROLLER}};
#define CENTRAL_N_ROLES (sizeof(central_roles) / sizeof(central_roles[0]))

static const char *const central_log_targets[] = {"stderr", "syslog", NULL};

static bool
central_check_broker(const char *text)
{
	struct broker broker;

	return broker_parse(text, &broker) == NULL;
}

static bool
central_check_prefix(const char *text)
{
	return topic_prefix_fault(text) == NULL;
}

static bool
central_check_role(const char *text)
{
	for (size_t i = 0; i < CENTRAL_N_ROLES; i++)
		if (strcmp(text, central_roles[i].name) == 0)
			return true;
	return false;
}

static int
central_set_classes(struct conf_reader *r, const struct conf_key *key,
		    const struct conf_node *node, void *into)
{
	const struct central_config *config = into;
	int rc = conf_integers.set(r, key, node, into);

	if (rc == 0 && config->n_classes > CENTRAL_CLASSES_MAX)
		rc = conf_fail(r, node, "at most %d traffic classes", CENTRAL_CLASSES_MAX);
	return rc;
}

static void
central_show_classes(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_integers.show(shown, key, into);
}

static const struct conf_kind central_classes = {central_set_classes, central_show_classes};

static const struct conf_key central_log_keys[] = {
	{"target", &conf_word, FIELD(log_target), .words = central_log_targets},
	{"level", &conf_word, FIELD(log_level), .words = log_level_names},
	CONF_END
};

const struct conf_key central_config_keys[] = {
	{"broker", &conf_string, FIELD(broker), RANGE(1, 300), .check = central_check_broker,
	 .expect = "\"mqtt://HOST[:PORT]\" or \"mqtts://HOST[:PORT]\"", .restart = true},
	{"prefix", &conf_string, FIELD(prefix), RANGE(1, 200), .check = central_check_prefix,
	 .expect = "levels of a topic such as \"site/rpingmesh\"", .restart = true},
	{"ca", &conf_string, FIELD(ca), RANGE(0, 4095), PATH, .restart = true},
	{"certificate", &conf_string, FIELD(certificate), RANGE(0, 4095), PATH, .restart = true},
	{"key", &conf_string, FIELD(key), RANGE(0, 4095), PATH, .restart = true},
	{"user", &conf_string, FIELD(user), RANGE(0, 255), .check = conf_check_printable,
	 .expect = "printable ASCII characters", .restart = true},
	{"password_file", &conf_string, FIELD(password_file), RANGE(0, 4095), PATH,
	 .restart = true},
	{"socket", &conf_string, FIELD(socket), RANGE(2, CENTRAL_SOCKET_MAX),
	 .check = conf_check_path, .expect = "an absolute path of at most 107 bytes",
	 .restart = true},
	{"socket_group", &conf_string, FIELD(socket_group), RANGE(0, 32),
	 .check = conf_check_group, .expect = "the name of a group or \"\"", .restart = true},
	{"database", &conf_string, FIELD(database), RANGE(0, 4095), PATH, .restart = true},
	{"switches", &conf_string, FIELD(switches), RANGE(0, 4095), PATH},
	{"topology", &conf_string, FIELD(topology), RANGE(0, 4095), PATH},
	{"history_days", &conf_integer, FIELD(history_days), RANGE(1, 3660), .restart = true},
	{"history_mb", &conf_integer, FIELD(history_mb), RANGE(1, 10000000), .restart = true},
	{"listen", &conf_string, FIELD(listen), RANGE(0, 64), .check = conf_check_listen,
	 .expect = "\"ADDRESS:PORT\", \"[IPv6 ADDRESS]:PORT\" or \"\""},
	{"metrics_pairs", &conf_integer, FIELD(metrics_pairs), RANGE(0, 10000)},
	{"token_file", &conf_string, FIELD(token_file), RANGE(0, 4095), PATH},
	{"view_token_file", &conf_string, FIELD(view_token_file), RANGE(0, 4095), PATH},
	{"roles", &conf_strings, LIST(roles), RANGE(1, 32), .check = central_check_role,
	 .expect = "\"controller\"", .restart = true},
	{"max_hosts", &conf_integer, FIELD(max_hosts), RANGE(1, 1000000), .restart = true},
	{"paths", &conf_integer, FIELD(paths), RANGE(1, 1024), .restart = true},
	{"rails_isolated", &conf_bool, FIELD(rails_isolated), .restart = true},
	{"classes", &central_classes, LIST(classes), RANGE(0, 255), .restart = true},
	{"budget_percent", &conf_integer, FIELD(budget_percent), RANGE(1, 100)},
	{"trace_per_s", &conf_integer, FIELD(trace_per_s), RANGE(0, 10000000)},
	{"log", &conf_group, .keys = central_log_keys},
	CONF_END
};

void
central_config_free(struct central_config *c)
{
	if (!c)
		return;
	free(c->broker);
	free(c->prefix);
	free(c->ca);
	free(c->certificate);
	free(c->key);
	free(c->user);
	free(c->password_file);
	free(c->socket);
	free(c->socket_group);
	free(c->database);
	free(c->switches);
	free(c->topology);
	free(c->listen);
	free(c->token_file);
	free(c->view_token_file);
	for (size_t i = 0; i < c->n_roles; i++)
		free(c->roles[i]);
	free(c->roles);
	free(c->classes);
	conf_source_clear(&c->source);
	free(c);
}

static int
central_config_defaults(struct central_config *c)
{
	char **empty[] = {&c->ca,        &c->certificate, &c->key,      &c->user,
			  &c->password_file, &c->listen,  &c->switches, &c->topology,
			  &c->token_file,    &c->view_token_file};
	bool ok = true;

	c->max_hosts = 20000;
	c->paths = 16;
	c->history_days = 30;
	c->history_mb = 1000;
	c->metrics_pairs = 256;
	c->budget_percent = 80;
	c->trace_per_s = 50000;
	c->log_target = LOG_TARGET_STDERR;
	c->log_level = LOG_LEVEL_INFO;
	c->broker = strdup("mqtt://127.0.0.1");
	c->prefix = strdup("rpingmesh");
	c->socket = strdup(CONTROL_SOCKET_CENTRAL);
	c->socket_group = strdup("rpingmesh");
	c->database = strdup(CENTRAL_DATABASE);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		*empty[i] = strdup("");
		ok = ok && *empty[i];
	}
	c->classes = calloc(1, sizeof(*c->classes)); /* class 0 */
	c->n_classes = c->classes != NULL;
	ok = ok && c->database && c->classes && c->broker && c->prefix;
	return ok && c->socket && c->socket_group ? 0 : -ENOMEM;
}

/* Reads a tree, and takes its files. `rc` is the result of parsing the text. */
static int
central_config_read(struct conf_tree *tree, int rc, struct central_config **out)
{
	struct central_config *config = calloc(1, sizeof(*config));
	struct conf_reader r = {tree, config ? &config->source : NULL};
	int keys;

	if (!config || central_config_defaults(config) < 0)
		rc = conf_tree_no_memory(tree);
	if (rc == 0 || rc == -EINVAL) {
		keys = conf_read_group(&r, central_config_keys, &tree->root, config);
		rc = rc ? rc : keys;
	}
	if (rc == 0) {
		config->source.files = tree->files;
		config->source.n_files = tree->n_files;
		tree->files = NULL;
		tree->n_files = 0;
		*out = config;
	} else {
		central_config_free(config);
	}
	conf_tree_clear(tree);
	return rc;
}

int
central_config_load(const char *path, struct central_config **out, struct conf_errors *errors)
{
	struct conf_tree tree;
	int rc = conf_parse_file(&tree, path, errors);

	return central_config_read(&tree, rc, out);
}

int
central_config_parse(const char *text, const char *name, struct central_config **out,
		     struct conf_errors *errors)
{
	struct conf_tree tree;
	int rc = conf_parse_text(&tree, text, name, errors);

	return central_config_read(&tree, rc, out);
}

bool
central_config_has(const struct central_config *config, enum central_role role)
{
	for (size_t i = 0; i < config->n_roles; i++)
		for (size_t k = 0; k < CENTRAL_N_ROLES; k++)
			if (strcmp(config->roles[i], central_roles[k].name) == 0 &&
			    central_roles[k].role == role)
				return true;
	return config->n_roles == 0;
}

const char *
central_config_default_text(void)
{
	return central_default_conf;
}
