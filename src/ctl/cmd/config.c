/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: config
 *
 * `config show` asks for the keys, and then for the peers, in pages. If the configuration changes
 * meanwhile, it starts again. The output is a configuration file with the same meaning.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/configtext.h"
#include "ctl/view/format.h"
#include "ctl/view/view.h"
#include "ctl/wire/copy.h"
#include "record/json.h"
#include "record/read.h"

#define CONFIG_TRIES 3
#define CONFIG_RELOAD_NS (60 * NSEC_PER_SEC) /* a reload may open devices */

/* ---- show ---- */

struct config_text {
	const msgpack_object *values;
	size_t n;
};

static int
config_take_peers(void *arg, const msgpack_object *list)
{
	struct config_text *text = arg;

	configtext_peers(stdout, list, text->values, &text->n);
	return CMD_OK;
}

static int
config_take_json(void *arg, const msgpack_object *list)
{
	(void)arg;
	for (uint32_t i = 0; i < list->via.array.size; i++)
		json_line(stdout, &list->via.array.ptr[i], "config_peer");
	return CMD_OK;
}

/* Prints the comments above the keys. */
static void
config_head(const msgpack_object *config)
{
	const msgpack_object *files = read_array(config, "files");
	char text[512], why[128], age[FORMAT_TEXT];
	uint64_t read_ns, now_ns = clock_wall_ns();

	if (view_text(config, "file", text, sizeof(text)))
		printf("# %s", text);
	else
		printf("# built-in defaults: the daemon was started without a configuration file");
	if (read_u64(config, "read_ns", &read_ns))
		printf(", read %s ago", format_age(now_ns > read_ns ? now_ns - read_ns : 0, age));
	putchar('\n');
	for (uint32_t i = 0; files && i < files->via.array.size; i++) {
		const msgpack_object *file = &files->via.array.ptr[i];

		if (view_text(file, "changed", why, sizeof(why)) &&
		    view_text(file, "path", text, sizeof(text)))
			printf("# %s: %s; `rpingmesh-ctl config reload` reads it\n", text, why);
	}
	if (view_text(config, "error", text, sizeof(text)))
		printf("# the last reload was refused: %s\n", text);
}

/* Asks for "config" and copies the answer. */
static int
config_ask(struct client *client, struct copy **out)
{
	const msgpack_object *answer = NULL;
	int rc = ask_call(client, "config", NULL, &answer);

	if (rc != CMD_OK)
		return rc;
	if (!read_array(answer, "values")) {
		cmd_complain("the daemon's answer to \"config\" is no configuration: its version "
			     "does not fit this program");
		return CMD_NO_DAEMON;
	}
	*out = copy_new(answer);
	if (*out)
		return CMD_OK;
	return show_no_memory();
}

static void
config_print(struct ctl *ctl, const msgpack_object *config, const struct pages *pages)
{
	struct config_text text = {.values = read_array(config, "values")};

	if (ctl->json) {
		json_line(stdout, config, "config");
		pages_each(pages, config_take_json, NULL);
		return;
	}
	config_head(config);
	configtext_values(stdout, text.values);
	configtext_peers_begin(stdout);
	pages_each(pages, config_take_peers, &text);
	configtext_peers_end(stdout, text.n);
}

/* Asks for keys and peers of one configuration, and prints them. */
static int
config_fetch(struct ctl *ctl, struct client *client)
{
	static const struct pages_query query = {.method = "config_peers", .key = "peers"};
	const msgpack_object *again = NULL;
	uint64_t before = 0, after = 0;
	int rc = CMD_OK;

	for (int i = 0; rc == CMD_OK && i < CONFIG_TRIES; i++) {
		struct pages pages = {0};
		struct copy *config = NULL;

		rc = config_ask(client, &config);
		if (rc == CMD_OK)
			rc = ask_told(client, pages_fetch(client, &query, &pages));
		if (rc == CMD_OK)
			rc = ask_call(client, "config", NULL, &again);
		if (rc == CMD_OK) {
			read_u64(copy_object(config), "generation", &before);
			read_u64(again, "generation", &after);
			if (before == after)
				config_print(ctl, copy_object(config), &pages);
		}
		pages_free(&pages);
		copy_free(config);
		if (rc != CMD_OK || before == after)
			return rc;
	}
	cmd_complain("the daemon reads its configuration again and again; try once more");
	return CMD_BAD_NEWS;
}

static int
config_show(struct ctl *ctl)
{
	struct client *client;
	int rc = ask_open(ctl, NULL, &client);

	if (rc != CMD_OK)
		return rc;
	rc = config_fetch(ctl, client);
	client_close(client);
	return rc;
}

/* ---- reload ---- */

/* "peers: 2 added (10.0.0.2, 10.0.0.3)" */
static bool
config_peers_line(const msgpack_object *answer, const char *key, const char *what)
{
	const msgpack_object *map = read_map(answer, key), *names = read_array(map, "names");
	char text[256];
	uint64_t n = 0;

	if (!read_u64(map, "count", &n) || n == 0)
		return false;
	printf("  peers: %" PRIu64 " %s", n, what);
	for (uint32_t i = 0; names && i < names->via.array.size; i++) {
		view_clean(&names->via.array.ptr[i], text, sizeof(text));
		printf("%s%s", i ? ", " : " (", text);
	}
	if (names && names->via.array.size)
		fputs(names->via.array.size < n ? ", ...)" : ")", stdout);
	putchar('\n');
	return true;
}

static void
config_change_line(const msgpack_object *change)
{
	const msgpack_object *from = read_find(change, "from"), *to = read_find(change, "to");
	bool restart = false;
	char key[128];

	view_text(change, "key", key, sizeof(key));
	read_bool(change, "restart", &restart);
	printf("  %s: ", key);
	if (from)
		configtext_value(stdout, from);
	fputs(" -> ", stdout);
	if (to)
		configtext_value(stdout, to);
	puts(restart ? ", at the next start only: restart rpingmeshd" : "");
}

static void
config_outcome(const msgpack_object *answer)
{
	const msgpack_object *changed = read_array(answer, "changed");
	char file[512];
	bool some = false;

	view_text(answer, "file", file, sizeof(file));
	printf("%s: read again\n", file);
	for (uint32_t i = 0; changed && i < changed->via.array.size; i++) {
		config_change_line(&changed->via.array.ptr[i]);
		some = true;
	}
	some |= config_peers_line(answer, "peers_added", "added");
	some |= config_peers_line(answer, "peers_removed", "removed");
	some |= config_peers_line(answer, "peers_changed", "changed");
	if (!some)
		puts("  nothing has changed");
}

static int
config_reload(struct ctl *ctl)
{
	const msgpack_object *answer = NULL;
	struct client *client;
	int rc = ask_open(ctl, NULL, &client);

	if (rc != CMD_OK)
		return rc;
	client_set_patience(client, CONFIG_RELOAD_NS);
	rc = ask_call(client, "reload", NULL, &answer);
	if (rc == CMD_OK && ctl->json)
		json_line(stdout, answer, "reload");
	else if (rc == CMD_OK)
		config_outcome(answer);
	client_close(client);
	return rc;
}

static int
config_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	int rc = cmd_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	if (optind + 1 != argc)
		return cmd_usage(command, optind == argc ? "config show or config reload?" :
							   "config: one word, show or reload");
	if (strcmp(argv[optind], "show") == 0)
		return config_show(ctl);
	if (strcmp(argv[optind], "reload") == 0)
		return config_reload(ctl);
	return cmd_usage(command, "config: expected show or reload, not \"%s\"", argv[optind]);
}

const struct cmd_entry cmd_config = {
	.name = "config",
	.summary = "show the daemon's configuration in force, or reload the file",
	.help = "Usage: rpingmesh-ctl config show [--json]\n"
		"       rpingmesh-ctl config reload [--json]\n"
		"show prints the configuration that the running daemon uses, as a configuration\n"
		"file that can be saved and read back. If no file sets a key, the output has a\n"
		"comment with its default; the other keys are followed by the file and the line\n"
		"that set them. The lines at the top show when the file was read, whether it (or\n"
		"an included file) has changed since, and why the last reload was refused.\n"
		"\n"
		"reload makes the daemon read its file again, as SIGHUP does, and waits for the\n"
		"outcome. It prints what has changed and what waits for a restart. If there is a\n"
		"mistake, it prints it with file and line, and the old configuration stays in\n"
		"force. Only root and the daemon's own user may do this.\n"
		"\n"
		"Exit status: 0 shown, or reloaded; 1 the new configuration was refused; 2 "
		"usage;\n"
		"3 no daemon or no permission.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl config show | grep -v '^ *#'   # what differs from the defaults\n"
		"  rpingmesh-ctl config show > now.conf && rpingmeshd -t -c now.conf\n"
		"  rpingmesh-ctl config reload\n"
		"  rpingmesh-ctl --json config show | jq '.values[]? | select(.default | not)'",
	.run = config_run,
};
