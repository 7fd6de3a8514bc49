/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of this room: the objects that control methods, records and metrics may read, and
 * the two functions that they may call. The agent fills it in; everything is borrowed.
 */
#ifndef RPINGMESH_AGENT_TELL_TELL_H
#define RPINGMESH_AGENT_TELL_TELL_H

#include <stdint.h>

#include "agent/config/config.h"
#include "record/record.h"

struct cluster;
struct control;
struct guard;
struct last_probes_pool;
struct loop;
struct metrics;
struct helper;
struct nics;
struct peers;
struct pings;
struct prober;
struct reload;
struct responder;
struct roads;
struct self;
struct services;
struct subscriptions;

struct tell {
	struct loop *loop;
	const struct self *self;
	struct record_origin origin; /* the same for records */
	struct prober *prober;
	struct responder *responder;
	struct guard *guard;       /* limits CPU time and memory of the daemon */
	struct nics *nics;
	struct peers *peers;
	struct services *services;
	struct roads *roads;       /* the paths of this host's 5-tuples */
	struct cluster *cluster;
	struct helper *helper;     /* of tracing; NULL: there is none */
	struct last_probes_pool *last_probes;
	struct pings *pings;
	struct control *control;
	struct metrics *metrics;
	struct subscriptions *subscriptions;

	struct config *config;     /* the present one */
	const char *config_path;   /* NULL: built-in defaults */
	uint64_t config_read_ns;   /* when it was read */
	uint64_t config_generation; /* how often it has changed */
	struct reload *reload;     /* the changes of the last reload; NULL: there was none */
	char config_error[CONF_ERROR]; /* why the last reload was refused, or "" */

	/* Reads the configuration again: reload_read(), and informs the service manager. */
	int (*reload_now)(void *arg, char error[CONF_ERROR]);
	/*
	 * Takes over a configuration and uses it from now on. The caller has kept the values that
	 * cannot change while the daemon runs.
	 */
	void (*adopt)(void *arg, struct config *config);
	void *arg;
};

#endif
