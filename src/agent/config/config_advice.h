/* SPDX-License-Identifier: Apache-2.0 */
/* Finds values of a configuration that are valid, but probably a mistake. Pure. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_ADVICE_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_ADVICE_H

struct config;

/*
 * Calls say() with a line for each mistake: a value of traffic_class that sets ECN bits, because a
 * DSCP must be multiplied by four; peers that together need more than max_probes_per_s. The line is
 * valid during the call only.
 */
void config_advice(const struct config *config, void (*say)(void *arg, const char *line),
		   void *arg);

#endif
