/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of rpingmesh-central; rpingmesh-central.conf(5) describes each key. A file with
 * a mistake is rejected as a whole.
 */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_CONFIG_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/conf.h"
#include "core/log.h"

#define CENTRAL_CLASSES_MAX 8
/* The default, where the unit makes the directory. If it does not exist, there is no database. */
#define CENTRAL_DATABASE "/var/lib/rpingmesh-central/central.db"

/* What a central does for the cluster; several may run, each with its own roles. */
enum central_role {
	CENTRAL_CONTROLLER = 1, /* plans whom each port probes */
};

struct central_config {
	char *broker;               /* mqtt:// or mqtts:// */
	char *prefix;               /* of all topics */
	char *ca, *certificate, *key; /* files in PEM; "": none */
	char *user, *password_file; /* for the broker; "": none */
	char *socket;               /* path of the control socket */
	char *socket_group;         /* group that may read; "": none */
	char *database;             /* of incidents; "": none */
	char *switches;             /* the file that names switches; "": none */
	char *topology;             /* Slurm's topology.conf; "": none */
	uint32_t history_days;      /* of the mesh */
	uint32_t history_mb;        /* 10^6 bytes */
	char *listen;               /* "address:port" of the pages, or "" for none */
	uint32_t metrics_pairs;     /* pairs of ToRs that have metrics of their own */
	char *token_file;           /* with it, pages may change something; "": nobody may */
	char *view_token_file;      /* with it, one may look at the pages; "": everybody may */
	char **roles;               /* none: all */
	size_t n_roles;
	uint32_t max_hosts;
	uint32_t paths;             /* parallel paths between two ToRs, until they are seen */
	bool rails_isolated;        /* rails cannot reach each other */
	uint32_t *classes;          /* traffic classes, CENTRAL_CLASSES_MAX at most */
	size_t n_classes;
	uint32_t budget_percent;    /* the share of a port's probes that lists may use */
	uint32_t trace_per_s;       /* datagrams of traces of all hosts; 0: no bound */
	enum log_target log_target;
	enum log_level log_level;

	struct conf_source source;  /* the files, and where each key is set */
};

/* The table of keys, each for a field of struct central_config. */
extern const struct conf_key central_config_keys[];

/*
 * Reads and checks `path`. Returns 0 and sets *out, which the caller frees with
 * central_config_free(), or returns -errno with at least one mistake in *errors, as config_load()
 * of rpingmeshd does. Blocks while the files are read, so call it only at the start and for a
 * reload.
 */
int central_config_load(const char *path, struct central_config **out, struct conf_errors *errors);
/* Parses text in the same way; messages use `name` as the name of the file. */
int central_config_parse(const char *text, const char *name, struct central_config **out,
			 struct conf_errors *errors);
/* NULL is allowed. */
void central_config_free(struct central_config *config);

/* Whether this central has the role. */
bool central_config_has(const struct central_config *config, enum central_role role);

/* The default configuration with its comments, the exact text of etc/rpingmesh-central.conf. */
const char *central_config_default_text(void);

#endif
