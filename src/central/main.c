/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"
#include "central/config/central_config.h"
#include "central/config/central_tables.h"
#include "config.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/notify.h"
#include "core/stdfd.h"
#include "rpingmesh/log_subsystems.h"

/* rpingmesh-central(8) documents these. */
enum main_exit {
	MAIN_OK = 0,
	MAIN_FAILED = 1,     /* the system refuses something: no memory, socket in use, … */
	MAIN_USAGE = 2,
	MAIN_BAD_CONFIG = 3,
};

struct main_options {
	const char *config_path; /* NULL: that in SYSCONFDIR if it exists, otherwise the defaults */
	bool test;
};

struct main_state {
	struct loop *loop;
	struct central *central;
	struct loop_timer *log_tick; /* says how many lines were not logged */
};

#define MAIN_LOG_TICK_NS (10 * NSEC_PER_SEC)

static const char main_help[] =
	"Usage: rpingmesh-central [-c FILE] [-t]\n"
	"\n"
	"Plan whom the RoCE ports of a cluster probe. The rpingmeshd of each host registers\n"
	"with an MQTT broker; rpingmesh-central publishes a list of targets for each of\n"
	"them. It runs in the foreground and logs to stderr; `rpingmesh-ctl --central`\n"
	"shows what it knows.\n"
	"\n"
	"  -c, --config FILE    read FILE; without this option\n"
	"                       " CONFIG_FILE "\n"
	"                       or, if that does not exist, use the defaults:\n"
	"                       a broker on this host\n"
	"  -t, --test           check the configuration and exit: 0 valid, 3 not\n"
	"      --print-default-config\n"
	"                       print the commented default configuration and exit\n"
	"  -V, --version        print the version and exit\n"
	"  -h, --help           print this and exit\n"
	"\n"
	"Signals: SIGHUP reads the configuration again; SIGTERM and SIGINT stop. The lists\n"
	"remain at the broker, so hosts go on probing.\n"
	"Exit status: 0 stopped, or valid; 1 cannot run; 2 wrong usage; 3 wrong\n"
	"configuration.\n"
	"\n"
	"Example, with a broker on this host (Debian's package mosquitto):\n"
	"  rpingmesh-central &\n"
	"  rpingmesh-ctl --central hosts\n"
	"\n"
	"Manual: rpingmesh-central(8), rpingmesh-central.conf(5).\n";

static int
main_print(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout) < 0)
		return MAIN_FAILED;
	return MAIN_OK;
}

/* Returns an exit status, or -1 to continue. */
static int
main_parse(int argc, char **argv, struct main_options *o)
{
	enum { PRINT_DEFAULT = 256 };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"print-default-config", no_argument, NULL, PRINT_DEFAULT},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config_path = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case PRINT_DEFAULT:
			return main_print(central_config_default_text());
		case 'V':
			return main_print("rpingmesh-central " PACKAGE_VERSION "\n");
		case 'h':
			return main_print(main_help);
		default:
			fputs("rpingmesh-central: try rpingmesh-central --help\n", stderr);
			return MAIN_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr,
		"rpingmesh-central: unexpected argument '%s'; try rpingmesh-central --help\n",
		argv[optind]);
	return MAIN_USAGE;
}

/* Loads the given file, or the installed one or, if there is none, the defaults. */
static int
main_load(struct main_options *o, struct central_config **out)
{
	char buf[CONF_ERROR];
	struct conf_errors errors;
	const char *line;
	int rc;

	if (o->config_path) {
		rc = central_config_load(o->config_path, out, &errors);
	} else {
		rc = central_config_load(CONFIG_FILE, out, &errors);
		if (rc == 0)
			o->config_path = CONFIG_FILE;
		else if (rc == -ENOENT)
			rc = central_config_parse("", "built-in defaults", out, &errors);
	}
	for (unsigned int i = 0; rc < 0 && (line = conf_errors_line(&errors, i, buf)); i++)
		fprintf(stderr, "rpingmesh-central: %s\n", line);
	return rc;
}

static int
main_test(const struct main_options *o, const struct central_config *config)
{
	struct central_tables tables;
	char error[CONF_ERROR];

	if (central_tables_load(config, &tables, error) < 0) {
		fprintf(stderr, "rpingmesh-central: %s\n", error);
		return MAIN_BAD_CONFIG;
	}
	central_tables_clear(&tables);
	printf("rpingmesh-central: %s is valid: broker %s\n",
	       o->config_path ? o->config_path : "the default configuration", config->broker);
	return MAIN_OK;
}

static void
main_stop(void *arg)
{
	struct main_state *state = arg;

	log_info(MAIN, "stopping");
	notify_stopping();
	loop_stop(state->loop);
}

static void
main_reload(void *arg)
{
	struct main_state *state = arg;
	char error[CONF_ERROR];

	central_reload(state->central, error);
}

static void
main_log_tick(void *arg)
{
	struct main_state *state = arg;

	log_limit_tick(clock_mono_ns());
	loop_timer_set(state->log_tick, MAIN_LOG_TICK_NS);
}

static int
main_run(struct main_state *state, struct central_config *config, const char *config_path)
{
	static const int stop_signals[] = {SIGTERM, SIGINT};
	struct loop_signal *stop[2] = {NULL}, *reload = NULL;
	struct loop_timer *watchdog = NULL;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++)
		rc = loop_signal_new(state->loop, stop_signals[i], main_stop, state, &stop[i]);
	if (rc == 0)
		rc = loop_signal_new(state->loop, SIGHUP, main_reload, state, &reload);
	if (rc == 0)
		rc = loop_timer_new(state->loop, "log", main_log_tick, state, &state->log_tick);
	if (rc == 0)
		rc = central_new(state->loop, config, config_path, &state->central);
	else
		central_config_free(config);
	if (rc == 0)
		rc = notify_watchdog(state->loop, &watchdog);
	if (rc == 0) {
		log_info(MAIN,
			 "rpingmesh-central " PACKAGE_VERSION " is running, configuration: %s",
			 config_path ? config_path : "built-in defaults");
		notify_ready();
		main_log_tick(state);
		rc = loop_run(state->loop);
	}
	loop_flush(state->loop);
	loop_timer_free(state->log_tick);
	loop_timer_free(watchdog);
	loop_signal_free(reload);
	loop_signal_free(stop[0]);
	loop_signal_free(stop[1]);
	central_free(state->central);
	return rc;
}

static const char *const main_subsystems[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;

int
main(int argc, char **argv)
{
	struct main_options options = {0};
	struct main_state state = {0};
	struct central_config *config;
	int rc;

	log_init(main_subsystems, LOG_SUB_N);
	rc = stdfd_open() < 0 ? MAIN_FAILED : main_parse(argc, argv, &options);
	if (rc >= 0)
		return rc;
	if (main_load(&options, &config) < 0)
		return MAIN_BAD_CONFIG;
	if (options.test) {
		rc = main_test(&options, config);
		central_config_free(config);
		return rc;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = loop_new(&state.loop);
	if (rc < 0) {
		central_config_free(config);
	} else {
		rc = main_run(&state, config, options.config_path);
		loop_free(state.loop);
	}
	if (rc < 0)
		log_error(MAIN, "cannot run: %s", strerror(-rc));
	else
		log_info(MAIN, "stopped");
	log_limit_tick(UINT64_MAX);
	return rc < 0 ? MAIN_FAILED : MAIN_OK;
}
