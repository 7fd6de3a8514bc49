/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's agent as the broker sees it: a will on its own topic, its registration, a look at that
 * topic, a goodbye. Bus and registration are the real ones.
 */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "fleet.h"

#define HOST_AGAIN_NS SEC

static void
host_topic(const struct fleet_host *host, const char *kind, char topic[TOPIC_SIZE])
{
	if (topic_make(topic, TOPIC_SIZE, FLEET_PREFIX, kind, host->name) < 0)
		abort();
}

static void
host_port(struct registration_port *out, const struct fleet_port *port, unsigned int number)
{
	snprintf(out->device, sizeof(out->device), "mlx5_%u", number);
	out->port = 1;
	for (unsigned int i = 0; i < port->n_addrs; i++)
		out->addrs[out->n_addrs++] = port->addrs[i];
	snprintf(out->tors[out->n_tors++], REGISTRATION_NAME, "tor%u", port->tor);
	if (port->tor2 != port->tor)
		snprintf(out->tors[out->n_tors++], REGISTRATION_NAME, "tor%u", port->tor2);
	out->tor_by = REGISTRATION_TOR_LLDP;
	snprintf(out->rail, sizeof(out->rail), "rail%u", port->rail);
	out->speed_mbps = 400000;
	out->mtu = 4096;
	out->out_per_s = port->out;
	out->in_per_s = port->in;
	out->src_ports = port->source_ports;
}

void
fleet_host_pack(const struct fleet_host *host, bool leaving, void **out, size_t *size)
{
	struct registration_port ports[FLEET_PORTS];
	struct registration r = {.incarnation = host->incarnation, .leaving = leaving,
				 .time_ns = clock_wall_ns(), .version = "1.0",
				 .ports = ports, .n_ports = host->n_ports};
	msgpack_sbuffer body;
	msgpack_packer pk;

	memset(ports, 0, sizeof(ports));
	snprintf(r.host, sizeof(r.host), "%s", host->name);
	for (unsigned int i = 0; i < host->n_ports; i++)
		host_port(&ports[i], &host->ports[i], i);
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	registration_pack(&pk, &r);
	*out = body.data;
	*size = body.size;
}

static void
host_set(struct fleet_host *host)
{
	struct loop *before = fleet_time.running;
	char topic[TOPIC_SIZE];

	fleet_time.running = &host->loop;
	host_topic(host, "host", topic);
	free(host->packed);
	fleet_host_pack(host, false, &host->packed, &host->packed_size);
	bus_set(host->bus, topic, host->packed, host->packed_size);
	fleet_time.running = before;
}

static void
host_again(void *arg)
{
	host_set(arg);
}

static void
host_take_list(struct fleet_host *host, const void *payload, size_t size)
{
	free(host->list);
	host->list = size ? malloc(size) : NULL;
	if (size)
		memcpy(host->list, payload, size);
	host->list_size = size;
	host->lists++;
}

static void
host_message(void *user, const char *topic, const void *payload, size_t size, bool retained)
{
	struct fleet_host *host = user;
	char own[TOPIC_SIZE];

	(void)retained;
	host_topic(host, "pinglist", own);
	if (strcmp(topic, own) == 0) {
		host_take_list(host, payload, size);
	} else if (size != host->packed_size || memcmp(payload, host->packed, size) != 0) {
		fleet_say("somebody has written on our topic");
		fleet_event_in(&host->again, HOST_AGAIN_NS);
	}
}

static void
host_connected(void *user, bool connected)
{
	fleet_say(connected ? "connected" : "connection lost");
	if (connected)
		host_set(user);
}

void
fleet_host_start(struct fleet_host *host)
{
	static const struct bus_ops ops = {.message = host_message, .changed = host_connected};
	char will[TOPIC_SIZE], list[TOPIC_SIZE], id[REGISTRATION_HOST + 16];
	const struct bus_config config = {BUS_CONFIG_DEFAULTS, .broker = "mqtt://10.0.0.1",
					  .client_id = id, .will = will};

	fleet_time.running = &host->loop;
	host->loop.name = host->name;
	host->again = (struct fleet_event){.fn = host_again, .arg = host, .loop = &host->loop};
	host->incarnation = 1 + fleet_random(UINT32_MAX);
	host_topic(host, "host", will);
	host_topic(host, "pinglist", list);
	snprintf(id, sizeof(id), "rpingmesh-%s", host->name);
	if (bus_new(&host->loop, NULL, &config, &ops, host, &host->bus) < 0 ||
	    bus_subscribe(host->bus, will, 1) < 0 || bus_subscribe(host->bus, list, 1) < 0)
		abort();
	fleet_say("%s starts, incarnation %x", host->name, (unsigned int)host->incarnation);
	fleet_time.running = NULL;
}

void
fleet_host_publish(struct fleet_host *host)
{
	if (host->bus)
		host_set(host);
}

static void
host_end(struct fleet_host *host, bool leave)
{
	fleet_time.running = &host->loop;
	fleet_event_clear(&host->again);
	bus_free(host->bus, leave);
	free(host->packed);
	free(host->list);
	host->bus = NULL;
	host->packed = host->list = NULL;
	host->packed_size = host->list_size = 0;
	fleet_time.running = NULL;
}

void
fleet_host_leave(struct fleet_host *host)
{
	char topic[TOPIC_SIZE];
	void *body;
	size_t size;

	if (!host->bus)
		return;
	fleet_say("%s says goodbye", host->name);
	fleet_time.running = &host->loop;
	host_topic(host, "host", topic);
	fleet_host_pack(host, true, &body, &size);
	bus_publish(host->bus, topic, body, size, 0);
	free(body);
	host_end(host, true);
}

void
fleet_host_die(struct fleet_host *host, bool reset)
{
	if (!host->bus)
		return;
	fleet_say("%s dies%s", host->name, reset ? "" : ", and nobody notices");
	fleet_broker_died(&host->loop, reset);
	host_end(host, false);
}
