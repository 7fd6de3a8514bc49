/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_advice.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/config.h"

#define CONFIG_ADVICE_PORTS 64 /* that are told apart */

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

/* The peers of one port, as far as the configuration determines the port. */
struct config_advice_port {
	const char *device; /* NULL: the peers without a device */
	uint64_t wanted;    /* probes in 1000 s */
};

static void
config_advice_rate(const struct config *config, const struct config_advice_port *port,
		   void (*say)(void *arg, const char *line), void *arg)
{
	uint64_t max = config->max_probes_per_s;
	char line[320];

	if (port->wanted <= max * 1000)
		return;
	snprintf(line, sizeof(line),
		 "the peers %s%s ask for %" PRIu64
		 " probes a second, and max_probes_per_s = %" PRIu64 " is what a port sends: "
		 "%sthey are probed less often than interval_ms says; raise max_probes_per_s, or "
		 "make interval_ms %" PRIu64 " times as long",
		 port->device ? "of device " : "without a device", port->device ? port->device : "",
		 (port->wanted + 999) / 1000, max,
		 port->device ? "" : "unless several ports share them, ",
		 (port->wanted + max * 1000 - 1) / (max * 1000));
	say(arg, line);
}

static bool
config_advice_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void
config_advice_rates(const struct config *config, void (*say)(void *arg, const char *line),
		    void *arg)
{
	struct config_advice_port ports[CONFIG_ADVICE_PORTS] = {{0}};
	size_t n = 1, at;

	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];

		for (at = 0; at < n && !config_advice_same(ports[at].device, peer->device); at++)
			;
		if (at == CONFIG_ADVICE_PORTS)
			continue;
		if (at == n)
			ports[n++].device = peer->device;
		ports[at].wanted += 1000000 / peer->interval_ms;
	}
	for (at = 0; at < n; at++)
		config_advice_rate(config, &ports[at], say, arg);
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
	config_advice_rates(config, say, arg);
}
