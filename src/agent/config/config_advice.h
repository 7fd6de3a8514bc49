/* SPDX-License-Identifier: Apache-2.0 */
/* What is valid in a configuration and probably a mistake. Pure. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_ADVICE_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_ADVICE_H

struct config;

/*
 * Calls say with a line for each mistake: a value of traffic_class that sets ECN bits, as a DSCP
 * does that was not multiplied by four; peers that together ask for more than max_probes_per_s. The
 * line is valid during the call only.
 */
void config_advice(const struct config *config, void (*say)(void *arg, const char *line),
		   void *arg);

#endif
