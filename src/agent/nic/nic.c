/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nic
 *
 * The list of nics, which follows configuration and kernel, and the endpoints of each, whose
 * messages go to the prober and the responder. What a nic does when is the port machine's decision:
 * nic_port.c. Listeners are in nic_listen.c, SIDR requests and return paths in nic_return.c.
 */
#include "agent/nic/nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "agent/daemon.h"
#include "agent/nic/nic_listen.h"
#include "agent/nic/nic_port.h"
#include "agent/nic/nic_return.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "rdma/sources.h"

/* Buffers: an incast of probes to the responder, ACKs of many peers at once to the prober. */
#define NIC_PROBER_RECV 1024
#define NIC_PROBER_RECV_SIZE 128
#define NIC_PROBER_SEND 128
#define NIC_RESPONDER_RECV 1024
#define NIC_RESPONDER_SEND 512
#define NIC_SOURCE_RECV 256
#define NIC_SOURCE_SEND 64

static void
nic_probe_arrived(void *arg, const struct endpoint_rx *rx)
{
	struct nic *nic = arg;
	struct responder_rx probe = {
		.device_user = nic,
		.src = rx->src,
		.dst = rx->dst,
		.src_qpn = rx->src_qpn,
		.payload = rx->payload,
		.len = rx->len,
		.t3 = rx->at,
	};
	uint64_t now = clock_mono_ns();

	daemon_look(nic->d, now);
	responder_received(nic->d->responder, &probe, now);
	daemon_pump_soon(nic->d);
}

static void
nic_ack_sent(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at)
{
	struct nic *nic = arg;
	uint64_t now = clock_mono_ns();

	daemon_look(nic->d, now);
	responder_sent(nic->d->responder, cookie, status, at, now);
	daemon_pump_soon(nic->d);
}

static void
nic_ack_arrived(void *arg, const struct endpoint_rx *rx)
{
	struct nic *nic = arg;
	struct prober_rx ack = {
		.src = rx->src,
		.src_qpn = rx->src_qpn,
		.payload = rx->payload,
		.len = rx->len,
		.t5 = rx->at,
	};
	uint64_t now = clock_mono_ns();

	daemon_look(nic->d, now);
	prober_received(nic->d->prober, &ack, now);
	daemon_pump_soon(nic->d);
}

static void
nic_probe_sent(void *arg, uint32_t cookie, int status, const struct hwclock_moment *at)
{
	struct nic *nic = arg;
	uint64_t now = clock_mono_ns();

	daemon_look(nic->d, now);
	prober_sent(nic->d->prober, cookie, status, at, now);
	daemon_pump_soon(nic->d);
}

static void
nic_add_stats(struct endpoint_stats *sum, const struct endpoint *ep)
{
	struct endpoint_stats s;

	if (!ep)
		return;
	endpoint_stats(ep, &s);
	sum->sends += s.sends;
	sum->send_errors += s.send_errors;
	sum->receives += s.receives;
	sum->receive_errors += s.receive_errors;
	sum->receive_queue_full += s.receive_queue_full;
}

void
nic_stats(const struct nic *nic, struct endpoint_stats *prober, struct endpoint_stats *responder)
{
	*prober = nic->past[0];
	*responder = nic->past[1];
	nic_add_stats(prober, nic->prober_ep);
	nic_add_stats(responder, nic->responder_ep);
}

void
nic_free_endpoints(struct nic *nic)
{
	nic_stats(nic, &nic->past[0], &nic->past[1]);
	responder_close_device(nic->d->responder, nic);
	nic_return_drop_paths(nic);
	service_nic_closing(nic);
	sources_free(nic->sources);
	nic->sources = NULL;
	endpoint_free(nic->prober_ep);
	endpoint_free(nic->responder_ep);
	nic->prober_ep = nic->responder_ep = NULL;
}

static void
nic_endpoint_failed(void *arg, const char *reason)
{
	(void)reason;
	nic_port_queues_failed(arg);
}

/*
 * A pool of QPs with other ports, where the port hangs on the QP. Doing without costs exact paths,
 * nothing else.
 */
static void
nic_make_sources(struct nic *nic, const struct endpoint_config *prober)
{
	struct endpoint_config config = *prober;

	config.name = "source";
	config.recv_depth = NIC_SOURCE_RECV;
	config.send_depth = NIC_SOURCE_SEND;
	if (nic->sport_rule == SPORT_RULE_QP && nic->d->config->trace_source_qps)
		sources_new(&config, nic->d->config->trace_source_qps, &nic->sources);
}

int
nic_make_endpoints(struct nic *nic)
{
	static const struct endpoint_ops prober_ops = {nic_ack_arrived, nic_probe_sent,
						       nic_endpoint_failed};
	static const struct endpoint_ops responder_ops = {nic_probe_arrived, nic_ack_sent,
							  nic_endpoint_failed};
	struct endpoint_config config = {
		.loop = nic->d->loop,
		.device = nic->device,
		.name = "prober",
		.qkey = nic->d->qkey,
		.send_depth = NIC_PROBER_SEND,
		.recv_depth = NIC_PROBER_RECV,
		.send_size = CONFIG_SIZE_MAX,
		.recv_size = NIC_PROBER_RECV_SIZE,
		.ops = &prober_ops,
		.arg = nic,
	};
	struct endpoint_config prober;
	int rc;

	nic_clock_choose(nic);
	config.stamps = nic->clock.stamps;
	prober = config;
	rc = endpoint_new(&config, &nic->prober_ep);
	if (rc < 0)
		return rc;
	config.name = "responder";
	config.send_depth = NIC_RESPONDER_SEND;
	config.recv_depth = NIC_RESPONDER_RECV;
	config.send_size = NIC_PROBER_RECV_SIZE;
	config.recv_size = CONFIG_SIZE_MAX;
	config.ops = &responder_ops;
	rc = endpoint_new(&config, &nic->responder_ep);
	if (rc < 0) {
		endpoint_free(nic->prober_ep);
		nic->prober_ep = NULL;
		return rc;
	}
	nic->incarnation = daemon_random();
	nic_make_sources(nic, &prober);
	service_nic_changed(nic);
	return 0;
}

static struct nic *
nic_find(const struct daemon *d, const struct device_name *name)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->port == name->port && strcmp(nic->name, name->name) == 0)
			return nic;
	return NULL;
}

static void
nic_free(struct nic *nic)
{
	nic_port_stop(nic);
	if (nic->budget) {
		peer_nic_removed(nic);
		prober_device_remove(nic->budget);
	}
	loop_undefer(nic->d->loop, nic);
	free(nic);
}

static struct nic *
nic_add(struct daemon *d, const struct device_name *name)
{
	struct nic *nic = calloc(1, sizeof(*nic)), **at = &d->nics;

	if (!nic)
		return NULL;
	nic->d = d;
	snprintf(nic->name, sizeof(nic->name), "%s", name->name);
	nic->port = name->port;
	nic->down_reason = "not opened yet";
	if (nic_port_start(nic) < 0 ||
	    prober_device_add(d->prober, d->config->max_probes_per_s, &nic->budget) < 0) {
		log_error(DEVICE, "%s/%u: out of memory", nic->name, nic->port);
		nic_free(nic);
		return NULL;
	}
	nic_clock_init(nic);
	while (*at)
		at = &(*at)->next;
	*at = nic;
	return nic;
}

void
nic_free_all(struct daemon *d)
{
	while (d->nics) {
		struct nic *nic = d->nics;

		d->nics = nic->next;
		nic_free(nic);
	}
}

static bool
nic_is_listed(const struct nic *nic, const struct device_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nic->port == names[i].port && strcmp(nic->name, names[i].name) == 0)
			return true;
	return false;
}

/*
 * Whether the kernel has lost it. One that is there but not listed could not be opened once more:
 * no reason to give it up.
 */
static bool
nic_has_gone(const struct nic *nic, const struct device_name *names, size_t n)
{
	if (nic->device && !device_exists(nic->device))
		return true;
	return !nic_is_listed(nic, names, n) && !device_name_exists(nic->name);
}

/* Drops nics that the configuration does not want any more, closes those whose device has gone. */
static void
nic_drop_unlisted(struct daemon *d, const struct device_name *names, size_t n)
{
	struct nic **at = &d->nics, *nic;

	while ((nic = *at)) {
		if (!device_name_matches(nic->name, d->config->devices, d->config->n_devices)) {
			log_info(DEVICE, "%s/%u: not configured any more", nic->name, nic->port);
			*at = nic->next;
			nic_free(nic);
			continue;
		}
		if (port_fsm_state(nic->fsm) != PORT_CLOSED && nic_has_gone(nic, names, n))
			nic_port_gone(nic);
		at = &nic->next;
	}
}

bool
nic_unopened_text(const struct daemon *d, char text[static NIC_UNOPENED_SENTENCE])
{
	const struct device_unopened *u = &d->unopened;
	char others[32] = "", cure[160] = "";

	if (!u->n)
		return false;
	if (u->n > 1)
		snprintf(others, sizeof(others), " and %u more", u->n - 1);
	if (u->error == EACCES)
		snprintf(cure, sizeof(cure), "; the daemon's user needs read and write on %s",
			 u->node);
	else if (u->error == EPERM)
		snprintf(cure, sizeof(cure),
			 "; the cgroup must allow it: a container needs --device %s, a unit "
			 "DeviceAllow=",
			 u->node);
	else if (u->error == ENOENT)
		snprintf(cure, sizeof(cure),
			 "; a container must be given %s, on a host udev makes it", u->node);
	snprintf(text, NIC_UNOPENED_SENTENCE,
		 "%s%s cannot be opened, nothing is probed or answered there: %s%s", u->name,
		 others, strerror(u->error), cure);
	return true;
}

/* Its node may have been closed to us since: it goes on all the same. */
static bool
nic_has_open(const void *arg, const char *name)
{
	const struct daemon *d = arg;

	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device && strcmp(nic->name, name) == 0)
			return true;
	return false;
}

bool
nic_look_unopened(struct daemon *d)
{
	struct device_unopened now;
	char text[NIC_UNOPENED_SENTENCE];

	device_look_unopened(d->config->devices, d->config->n_devices, nic_has_open, d, &now);
	if (now.n != d->unopened.n || now.error != d->unopened.error ||
	    strcmp(now.name, d->unopened.name) != 0 || strcmp(now.node, d->unopened.node) != 0) {
		d->unopened = now;
		d->unopened_said = false;
		return true;
	}
	if (!d->unopened_said && nic_unopened_text(d, text)) {
		log_warning(DEVICE, "%s", text);
		d->unopened_said = true;
	}
	return false;
}

void
nic_scan(struct daemon *d)
{
	struct device_name *names = NULL;
	size_t n = 0;

	if (device_list(d->config->devices, d->config->n_devices, &names, &n) == 0)
		nic_drop_unlisted(d, names, n);
	for (size_t i = 0; i < n; i++) {
		struct nic *nic = nic_find(d, &names[i]);

		if (!nic)
			nic = nic_add(d, &names[i]);
		if (!nic)
			continue;
		nic_port_found(nic);
		nic_listen_sync(nic);
	}
	free(names);
}

void
nic_reconfigured(struct daemon *d)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device && nic->clock.software != d->config->clock_software)
			nic_port_rebuild(nic);
}

void
nic_drop_gone(struct daemon *d)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (!nic->device && port_fsm_state(nic->fsm) != PORT_CLOSED &&
		    !device_name_exists(nic->name))
			port_fsm_event(nic->fsm, PORT_EVENT_GONE, 0, clock_mono_ns());
}

bool
nic_any_missing(const struct daemon *d)
{
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		if (port_fsm_state(nic->fsm) == PORT_CLOSED || nic->deaf)
			return true;
	return !d->nics || d->unopened.n;
}

struct nic *
nic_find_local(const struct daemon *d, const struct addr *addr)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device && device_find_gid(nic->device, addr))
			return nic;
	return NULL;
}
