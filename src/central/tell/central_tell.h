/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of this room: what control methods and metrics of rpingmesh-central may read, and
 * the one function that they may call. Everything is borrowed.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_TELL_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_TELL_H

#include <stdint.h>

#include "core/conf.h"

struct central_access;
struct checks;
struct central_config;
struct central_live;
struct central_pages;
struct control;
struct incidents;
struct judge;
struct intake;
struct loop;
struct mesh;
struct roads;

struct central_topology;

/* What has come of asking for the names of routers. */
struct central_name_counts {
	uint64_t asked;
	uint64_t failed;           /* no server has answered */
	const char *failed_why;    /* static, of the last; NULL: there was none */
	uint64_t refused;          /* names that are not used */
	char refused_why[160];     /* the last; "": there was none */
};

struct central_tell {
	struct loop *loop;
	struct mesh *mesh;
	struct roads *roads;
	struct central_name_counts names;
	const struct central_topology *topology; /* NULL: none */
	struct incidents *incidents;
	const struct judge *judge;
	struct intake *intake;
	struct checks *checks;
	struct control *control;
	struct central_access *access;
	struct central_live *live;
	struct central_pages *pages;
	const struct central_config *config;
	const char *config_path;       /* NULL: built-in defaults */
	char config_error[CONF_ERROR]; /* why the last reload was refused, or "" */
	char names_error[CONF_ERROR];  /* why there are no names of switches, or "" */
	uint64_t started_ns;           /* CLOCK_MONOTONIC */
	uint64_t incarnation;
	int (*reload)(void *arg, char error[CONF_ERROR]);
	void *arg;
};

#endif
