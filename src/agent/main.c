/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "agent/base/privileges.h"
#include "agent/config/config.h"
#include "agent/config/config_advice.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/stdfd.h"
#include "agent/agent.h"
#include "core/notify.h"
#include "rpingmesh/log_subsystems.h"

/* LeakSanitizer traces its own process at its end, so there is no seccomp filter with it. */
#if defined(__SANITIZE_ADDRESS__)
#define MAIN_SANITIZED true
#elif defined(__has_feature)
#define MAIN_SANITIZED __has_feature(address_sanitizer)
#else
#define MAIN_SANITIZED false
#endif

/* rpingmeshd(8) documents these. */
enum main_exit {
	MAIN_OK = 0,
	MAIN_FAILED = 1,     /* the system refuses something: no memory, socket in use, … */
	MAIN_USAGE = 2,
	MAIN_BAD_CONFIG = 3,
};

struct main_options {
	const char *config_path; /* NULL: that in SYSCONFDIR if it exists, otherwise the defaults */
	bool test;
	bool no_filter;
};

struct main_state {
	struct loop *loop;
	struct agent *agent;
	struct loop_timer *log_tick; /* says how many lines were not logged */
};

#define MAIN_LOG_TICK_NS (10 * NSEC_PER_SEC)

static const char main_help[] =
	"Usage: rpingmeshd [-c FILE] [-F] [-t]\n"
	"\n"
	"Measure round-trip time, delay and loss between the RoCE ports of this host and\n"
	"those of other hosts that run rpingmeshd, and answer their probes. rpingmeshd\n"
	"runs in the foreground and logs to stderr; rpingmesh-ctl(1) shows the results.\n"
	"\n"
	"  -c, --config FILE    read FILE; without this option\n"
	"                       " CONFIG_FILE "\n"
	"                       or, if that does not exist, use the defaults:\n"
	"                       answer probes, and send none\n"
	"  -t, --test           check the configuration and exit: 0 valid, 3 not\n"
	"  -F, --no-seccomp     do not let the kernel filter the daemon's system calls\n"
	"      --print-default-config\n"
	"                       print the commented default configuration and exit\n"
	"  -V, --version        print the version and exit\n"
	"  -h, --help           print this and exit\n"
	"\n"
	"Signals: SIGHUP reads the configuration again; SIGTERM and SIGINT stop.\n"
	"Exit status: 0 stopped, or valid; 1 cannot run; 2 wrong usage; 3 wrong\n"
	"configuration.\n"
	"\n"
	"Example, as root on each host (with the addresses of the others):\n"
	"  echo 'peers = ( \"10.0.0.2\", \"10.0.0.3\" );' > mesh.conf\n"
	"  rpingmeshd -c mesh.conf &\n"
	"  rpingmesh-ctl top\n"
	"\n"
	"Manual: rpingmeshd(8), rpingmeshd.conf(5); rpingmesh(7) explains what is\n"
	"measured.\n";

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
		{"no-seccomp", no_argument, NULL, 'F'},
		{"print-default-config", no_argument, NULL, PRINT_DEFAULT},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tFVh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config_path = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'F':
			o->no_filter = true;
			break;
		case PRINT_DEFAULT:
			return main_print(config_default_text());
		case 'V':
			return main_print("rpingmeshd " PACKAGE_VERSION "\n");
		case 'h':
			return main_print(main_help);
		default:
			fputs("rpingmeshd: try rpingmeshd --help\n", stderr);
			return MAIN_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "rpingmeshd: unexpected argument '%s'; try rpingmeshd --help\n",
			argv[optind]);
		return MAIN_USAGE;
	}
	return -1;
}

/* Loads the given file, or the installed one or, if there is none, the defaults. */
static int
main_load(struct main_options *o, struct config **out)
{
	char buf[CONF_ERROR];
	struct conf_errors errors;
	const char *line;
	int rc;

	if (o->config_path) {
		rc = config_load(o->config_path, out, &errors);
	} else {
		rc = config_load(CONFIG_FILE, out, &errors);
		if (rc == 0)
			o->config_path = CONFIG_FILE;
		else if (rc == -ENOENT)
			rc = config_parse("", "built-in defaults", out, &errors);
	}
	for (unsigned int i = 0; rc < 0 && (line = conf_errors_line(&errors, i, buf)); i++)
		fprintf(stderr, "rpingmeshd: %s\n", line);
	return rc;
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

	agent_reload(state->agent, error);
}

static void
main_log_tick(void *arg)
{
	struct main_state *state = arg;

	log_limit_tick(clock_mono_ns());
	loop_timer_set(state->log_tick, MAIN_LOG_TICK_NS);
}

static int
main_run(struct main_state *state, struct config *config, const struct main_options *o)
{
	static const int stop_signals[] = {SIGTERM, SIGINT};
	const struct agent_start start = {
		.config = config,
		.config_path = o->config_path,
		.give_up = true,
		.filter = !o->no_filter && !MAIN_SANITIZED,
	};
	struct loop_signal *stop[2] = {NULL}, *reload = NULL;
	struct loop_timer *watchdog = NULL;
	int rc = 0;

	/*
	 * Do this first, so that a signal during the start does not kill the daemon. The loop will
	 * handle it.
	 */
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = loop_signal_new(state->loop, stop_signals[i], main_stop, state, &stop[i]);
	if (rc == 0)
		rc = loop_signal_new(state->loop, SIGHUP, main_reload, state, &reload);
	if (rc == 0)
		rc = loop_timer_new(state->loop, "log", main_log_tick, state, &state->log_tick);
	if (rc == 0)
		rc = loop_timer_be_coarse(state->log_tick);
	if (rc == 0)
		rc = agent_new(state->loop, &start, &state->agent);
	else
		config_free(config);
	if (rc == 0)
		rc = notify_watchdog(state->loop, &watchdog);
	if (rc == 0) {
		log_info(MAIN, "rpingmeshd " PACKAGE_VERSION " is running, configuration: %s",
			 o->config_path ? o->config_path : "built-in defaults");
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
	agent_free(state->agent);
	return rc;
}

static void
main_advice(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "rpingmeshd: warning: %s\n", line);
}

static const char *const main_subsystems[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;

int
main(int argc, char **argv)
{
	struct main_options options = {0};
	struct main_state state = {0};
	struct config *config;
	int rc;

	log_init(main_subsystems, LOG_SUB_N);
	rc = stdfd_open() < 0 ? MAIN_FAILED : main_parse(argc, argv, &options);
	if (rc >= 0)
		return rc;
	if (main_load(&options, &config) < 0)
		return MAIN_BAD_CONFIG;
	if (options.test) {
		printf("rpingmeshd: %s is valid: %zu peers\n",
		       options.config_path ? options.config_path : "the default configuration",
		       config->n_peers);
		config_advice(config, main_advice, NULL);
		privileges_drop(PRIVILEGES_DAEMON, config); /* for what it logs */
		config_free(config);
		return MAIN_OK;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = loop_new(&state.loop);
	if (rc < 0) {
		config_free(config);
	} else {
		rc = main_run(&state, config, &options);
		loop_free(state.loop);
	}
	if (rc < 0)
		log_error(MAIN, "cannot run: %s", strerror(-rc));
	else
		log_info(MAIN, "stopped");
	log_limit_tick(UINT64_MAX);
	return rc < 0 ? MAIN_FAILED : MAIN_OK;
}
