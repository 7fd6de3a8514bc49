/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon tells: what the control methods, the records and the metrics may look at, and the
 * two things that they may ask of it. The agent fills it in; everything is borrowed.
 */
#ifndef RPINGMESH_AGENT_TELL_TELL_H
#define RPINGMESH_AGENT_TELL_TELL_H

#include <stdint.h>

#include "agent/config/config.h"
#include "record/record.h"

struct control;
struct guard;
struct last_probes_pool;
struct loop;
struct metrics;
struct nics;
struct peers;
struct pings;
struct prober;
struct reload;
struct responder;
struct self;
struct services;
struct subscriptions;

struct tell {
	struct loop *loop;
	const struct self *self;
	struct record_origin origin; /* the same, for records */
	struct prober *prober;
	struct responder *responder;
	struct guard *guard;       /* of the daemon's own use of CPU and memory */
	struct nics *nics;
	struct peers *peers;
	struct services *services;
	struct last_probes_pool *last_probes;
	struct pings *pings;
	struct control *control;
	struct metrics *metrics;
	struct subscriptions *subscriptions;

	struct config *config;     /* in force */
	const char *config_path;   /* NULL: built-in defaults */
	uint64_t config_read_ns;   /* when it was read */
	uint64_t config_generation; /* how often another one came into force */
	struct reload *reload;     /* what the last reload changed; NULL: there was none */
	char config_error[CONF_ERROR]; /* why the last reload was refused; "" */

	/* Reads the configuration again: reload_read(), with the service manager told. */
	int (*reload_now)(void *arg, char error[CONF_ERROR]);
	/*
	 * A configuration, taken, is in force from here on. What cannot change while the daemon
	 * runs is as it was in the one before.
	 */
	void (*adopt)(void *arg, struct config *config);
	void *arg;
};

#endif
