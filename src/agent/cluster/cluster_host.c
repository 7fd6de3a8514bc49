/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/cluster_host.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/cluster/uplinks.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "config.h"
#include "core/clock.h"
#include "record/registration.h"

/* Its own address first. */
static void
cluster_host_addrs(struct registration_port *port, const struct nic *nic)
{
	const struct device_gid *gids, *own = uplinks_gid(nic);
	size_t n;

	gids = device_gids(nic_device(nic), &n);
	port->addrs[port->n_addrs++] = own->addr;
	for (size_t i = 0; i < n && port->n_addrs < REGISTRATION_ADDRS_MAX; i++)
		if (!addr_equal(&gids[i].addr, &own->addr) &&
		    !addr_is_link_local(&gids[i].addr))
			port->addrs[port->n_addrs++] = gids[i].addr;
}

/* What is known of the other end. */
static void
cluster_host_uplink(struct registration_port *port, const struct uplinks *uplinks,
		    const struct config *config)
{
	const struct uplink *uplink = uplinks_find(uplinks, port->device, port->port);
	struct uplinks_tor tor;

	if (!uplink)
		return;
	uplinks_tor(uplinks, uplink, config, &tor);
	memcpy(port->tors, tor.names, sizeof(port->tors));
	port->n_tors = tor.n;
	port->tor_by = tor.by;
	port->speed_mbps = tor.speed_mbps;
}

/* The first entry of `cluster.rails` that the device matches. */
static void
cluster_host_rail(struct registration_port *port, const struct config_cluster *config)
{
	const char *rail;

	for (size_t i = 0; i < config->n_rails && !port->rail[0]; i++) {
		rail = config_cluster_value(config->rails[i], port->device);
		if (rail)
			snprintf(port->rail, sizeof(port->rail), "%s", rail);
	}
}

static void
cluster_host_port(struct registration_port *port, const struct nic *nic,
		  const struct config *config)
{
	struct nic_info info;

	nic_info(nic, &info);
	snprintf(port->device, sizeof(port->device), "%s", nic_name(nic));
	port->port = nic_port(nic);
	port->mtu = device_get_mtu(nic_device(nic));
	port->hw_clock = hwclock_is_used(&info.clock->hw);
	port->out_per_s = config->max_probes_per_s;
	/* Each QP has one port, so these are the ports that it may come to have. */
	if (info.has_sources)
		port->src_ports = config_mesh_qps(config) + 1;
	cluster_host_addrs(port, nic);
	cluster_host_rail(port, &config->cluster);
}

static void
cluster_host_labels(struct registration *r, const struct config_cluster *config)
{
	for (size_t i = 0; i < config->n_labels && r->n_labels < REGISTRATION_LABELS_MAX; i++) {
		struct registration_label *label = &r->labels[r->n_labels++];
		const char *value = strchr(config->labels[i], '=') + 1;

		snprintf(label->name, sizeof(label->name), "%.*s",
			 (int)(value - 1 - config->labels[i]), config->labels[i]);
		snprintf(label->value, sizeof(label->value), "%s", value);
	}
}

static void
cluster_host_ports(struct registration *r, const struct nics *nics, const struct uplinks *uplinks,
		   const struct config *config)
{
	for (struct nic *nic = NULL; (nic = nics_next(nics, nic));) {
		if (!uplinks_gid(nic) || r->n_ports == REGISTRATION_PORTS_MAX)
			continue;
		cluster_host_port(&r->ports[r->n_ports], nic, config);
		cluster_host_uplink(&r->ports[r->n_ports++], uplinks, config);
	}
	/* The limit is that of the whole host. */
	for (size_t i = 0; i < r->n_ports; i++)
		r->ports[i].in_per_s = config->responder_total / (uint32_t)r->n_ports;
}

struct registration *
cluster_host(const struct nics *nics, const struct self *self, const struct uplinks *uplinks,
	     const struct config *config)
{
	struct registration *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ports = calloc(REGISTRATION_PORTS_MAX, sizeof(*r->ports));
	r->labels = calloc(REGISTRATION_LABELS_MAX, sizeof(*r->labels));
	if (!r->ports || !r->labels) {
		registration_free(r);
		return NULL;
	}
	snprintf(r->host, sizeof(r->host), "%s", self->hostname);
	snprintf(r->version, sizeof(r->version), "%s", PACKAGE_VERSION);
	r->incarnation = self->incarnation;
	r->time_ns = clock_wall_ns();
	cluster_host_ports(r, nics, uplinks, config);
	cluster_host_labels(r, &config->cluster);
	return r;
}
