/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_advice.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/config/config.h"

/* RFC 3168: the two lower bits of the byte. */
static void
config_advice_class(uint32_t class, void (*say)(void *arg, const char *line), void *arg)
{
	uint32_t ecn = class & 3, dscp = class < 64 ? class : class >> 2;
	char line[160];

	if (!ecn)
		return;
	snprintf(line, sizeof(line),
		 "traffic_class = %" PRIu32 " is DSCP %" PRIu32 " with the ECN bits set to %" PRIu32
		 "; DSCP %" PRIu32 " without ECN is traffic_class = %" PRIu32,
		 class, class >> 2, ecn, dscp, dscp << 2);
	say(arg, line);
}

void
config_advice(const struct config *config, void (*say)(void *arg, const char *line), void *arg)
{
	bool said[256] = {false};

	said[config->base.traffic_class & 255] = true;
	config_advice_class(config->base.traffic_class, say, arg);
	for (size_t i = 0; i < config->n_peers; i++) {
		uint32_t class = config->peers[i].traffic_class & 255;

		if (!said[class])
			config_advice_class(class, say, arg);
		said[class] = true;
	}
}
