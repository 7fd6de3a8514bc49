/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: central
 *
 * The order of the start: the control socket, which no other central may have; names; the mesh,
 * which connects to the broker; the intake, which hears reports over the mesh; the judge; the
 * pages. The end has the reverse order.
 */
#include "central/central.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "central/central_names.h"
#include "central/central_paths.h"
#include "central/check/checks.h"
#include "central/config/central_config.h"
#include "central/config/central_tables.h"
#include "central/intake/intake.h"
#include "central/judge/judge.h"
#include "central/mesh/mesh.h"
#include "central/tell/central_live.h"
#include "central/tell/central_methods.h"
#include "central/tell/central_access.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/names.h"
#include "core/notify.h"
#include "record/report.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/control.h"

/* How often the file of the control socket is looked at, and `listen` is tried again. */
#define CENTRAL_LOOK_NS (5 * NSEC_PER_SEC)

struct central {
	struct central_tell tell;
	struct central_config *config;
	struct names *names;
	struct central_paths *paths;
	struct central_names *switch_names;
	struct judge *judge;
	struct loop_timer *look;
};

static void
central_apply_log(const struct central_config *config)
{
	log_setup(config->log_target, config->log_level);
}

static void
central_look(void *arg)
{
	struct central *c = arg;

	control_look(c->tell.control);
	central_pages_retry(c->tell.pages);
	intake_tick(c->tell.intake, clock_mono_ns());
	loop_timer_set(c->look, CENTRAL_LOOK_NS);
}

/* Logs all mistakes. `error` gets the first one and the number of others. */
static void
central_refuse(const struct conf_errors *errors, char error[CONF_ERROR])
{
	char buf[CONF_ERROR];
	const char *line;

	for (unsigned int i = 0; (line = conf_errors_line(errors, i, buf)); i++)
		log_error(CONFIG, "%s", line);
	log_error(CONFIG, "the old configuration stays in force");
	if (errors->n > 1)
		snprintf(error, CONF_ERROR, "%.480s (and %u more)", errors->errors[0].text,
			 errors->n - 1);
	else
		snprintf(error, CONF_ERROR, "%s", errors->errors[0].text);
}

/* ---- names of switches ---- */

static void
central_apply_names(struct central *c, struct central_tables *tables)
{
	central_paths_names(c->paths, tables);
	c->tell.topology = central_paths_topology(c->paths);
}

/* Without the files, central runs, and says so. */
static void
central_start_names(struct central *c)
{
	struct central_tables tables;

	if (central_tables_load(c->config, &tables, c->tell.names_error) < 0)
		log_error(CONFIG, "%s; without it, switches lack names", c->tell.names_error);
	else
		central_apply_names(c, &tables);
}

static int
central_reload_names(struct central *c, const struct central_config *config, char error[CONF_ERROR])
{
	struct central_tables tables;
	int rc = central_tables_load(config, &tables, error);

	if (rc < 0) {
		log_error(CONFIG, "%s", error);
		log_error(CONFIG, "the old configuration stays in force");
		return rc;
	}
	c->tell.names_error[0] = '\0';
	central_apply_names(c, &tables);
	return 0;
}

/* ---- reload ---- */

static int
central_read(struct central *c, char error[CONF_ERROR])
{
	struct central_config *config, *old = c->config;
	struct conf_errors errors;
	int rc = central_config_load(c->tell.config_path, &config, &errors);

	if (rc < 0) {
		central_refuse(&errors, error);
		return rc;
	}
	rc = central_reload_names(c, config, error);
	if (rc < 0) {
		central_config_free(config);
		return rc;
	}
	conf_swap_fixed(central_config_keys, old, config);
	c->config = config;
	c->tell.config = config;
	central_apply_log(config);
	mesh_configure(c->tell.mesh, config);
	central_pages_sync(c->tell.pages);
	central_config_free(old);
	return 0;
}

int
central_reload(struct central *c, char error[CONF_ERROR])
{
	int rc = -ENOENT;

	snprintf(error, CONF_ERROR, "started without a configuration file: nothing to reload");
	if (!c->tell.config_path)
		return rc;
	notify_reloading();
	rc = central_read(c, error);
	snprintf(c->tell.config_error, sizeof(c->tell.config_error), "%s", rc < 0 ? error : "");
	if (rc == 0)
		log_info(CONFIG, "configuration read again");
	notify_ready();
	return rc;
}

static int
central_reload_now(void *arg, char error[CONF_ERROR])
{
	return central_reload(arg, error);
}

static int
central_new_control(struct central *c)
{
	struct control_config config = {
		.path = c->config->socket,
		.group = c->config->socket_group,
		.methods = central_methods_table,
		.n_methods = central_methods_count,
		.arg = &c->tell,
		.listen_fd = -1,
	};

	return control_new(c->tell.loop, &config, &c->tell.control);
}

/* ---- reports ---- */

static void
central_report(void *arg, const char *host, const void *payload, size_t size)
{
	const struct intake_time now = {clock_mono_ns(), clock_wall_ns()};
	char error[REPORT_ERROR], why[REPORT_ERROR + 100];
	const struct central *c = arg;
	struct report *report;

	if (report_unpack(payload, size, &report, error) == 0) {
		intake_take(c->tell.intake, host, report, &now);
		report_free(report);
		return;
	}
	snprintf(why, sizeof(why), "the report of %s is wrong: %s", host, error);
	intake_refuse(c->tell.intake, why, now.mono_ns);
	log_some(5, CLUSTER, WARNING, "%s", why);
}

static int
central_start_intake(struct central *c)
{
	int rc = intake_new(c->config->max_hosts, &c->tell.intake);

	return rc < 0 ? rc : mesh_hear(c->tell.mesh, "report", 0, central_report, c);
}

/* ---- start and stop ---- */

static int
central_new_judge(struct central *c)
{
	const struct judge_config config = {.loop = c->tell.loop, .mesh = c->tell.mesh,
					    .intake = c->tell.intake, .roads = c->tell.roads,
					    .incarnation = c->tell.incarnation,
					    .database = c->config->database,
					    .database_optional =
						    strcmp(c->config->database,
							   CENTRAL_DATABASE) == 0};
	int rc = judge_new(&config, &c->judge);

	if (rc == 0)
		c->tell.judge = c->judge;
	if (rc == 0)
		c->tell.incidents = judge_incidents(c->judge);
	return rc;
}

static int
central_start(struct central *c)
{
	int rc = central_new_control(c);

	if (rc == 0)
		rc = names_new(c->tell.loop, &c->names);
	if (rc == 0)
		rc = mesh_new(c->tell.loop, c->names, c->config, c->tell.incarnation,
			      &c->tell.mesh);
	if (rc == 0)
		rc = central_start_intake(c);
	if (rc == 0)
		rc = central_paths_new(c->tell.loop, c->tell.mesh, c->config, &c->paths);
	if (rc == 0)
		c->tell.roads = central_paths_roads(c->paths);
	if (rc == 0)
		rc = central_names_new(c->tell.loop, c->names, c->tell.roads, &c->tell.names,
				       &c->switch_names);
	if (rc == 0)
		central_start_names(c);
	if (rc == 0)
		rc = central_new_judge(c);
	if (rc == 0)
		rc = checks_new(&(struct checks_config){c->tell.loop, c->tell.mesh, c->tell.intake},
				&c->tell.checks);
	if (rc == 0)
		rc = central_live_new(&c->tell, &c->tell.live);
	if (rc == 0)
		rc = central_access_new(&c->tell.access);
	if (rc == 0)
		rc = central_pages_new(&c->tell, &c->tell.pages);
	if (rc == 0)
		rc = loop_timer_new(c->tell.loop, "look", central_look, c, &c->look);
	if (rc < 0)
		return rc;
	central_pages_sync(c->tell.pages);
	central_look(c);
	return 0;
}

int
central_new(struct loop *loop, struct central_config *config, const char *config_path,
	    struct central **out)
{
	struct central *c = calloc(1, sizeof(*c));
	int rc = c ? 0 : -ENOMEM;

	if (rc < 0) {
		central_config_free(config);
		return rc;
	}
	central_apply_log(config);
	c->config = config;
	c->tell = (struct central_tell){.loop = loop,
					.config = config,
					.config_path = config_path,
					.started_ns = clock_mono_ns(),
					.reload = central_reload_now,
					.arg = c};
	if (getrandom(&c->tell.incarnation, sizeof(c->tell.incarnation), 0) < 0)
		c->tell.incarnation = clock_wall_ns();
	rc = central_start(c);
	if (rc < 0)
		central_free(c);
	else
		*out = c;
	return rc;
}

void
central_free(struct central *c)
{
	if (!c)
		return;
	loop_timer_free(c->look);
	central_pages_free(c->tell.pages);
	central_access_free(c->tell.access);
	central_live_free(c->tell.live);
	control_free(c->tell.control);
	checks_free(c->tell.checks);
	judge_free(c->judge);
	mesh_free(c->tell.mesh);
	intake_free(c->tell.intake);
	central_names_free(c->switch_names);
	central_paths_free(c->paths);
	names_free(c->names);
	central_config_free(c->config);
	free(c);
}
