/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nic
 *
 *   device up, endpoints made      -> budget up: peers probe
 *   device down                    -> budget down: due probes are local_error
 *   endpoint failed                -> budget down, both endpoints replaced from the loop
 *   device gone (fatal, removed)   -> everything on it freed from the loop; nic_scan() opens it again
 *
 * Listeners follow the GID table. SIDR requests and return paths are in nic_return.c.
 */
#include "daemon/nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "daemon/daemon.h"
#include "daemon/nic_return.h"
#include "daemon/peer.h"
#include "daemon/service.h"
#include "rdma/sidr.h"
#include "rdma/sources.h"

/* Buffers: an incast of probes to the responder, ACKs of many peers at once to the prober. */
#define NIC_PROBER_RECV 2048
#define NIC_PROBER_RECV_SIZE 128
#define NIC_PROBER_SEND 256
#define NIC_RESPONDER_RECV 1024
#define NIC_RESPONDER_SEND 512
#define NIC_SOURCE_RECV 256
#define NIC_SOURCE_SEND 64
#define NIC_REBUILD_MIN_NS NSEC_PER_SEC /* endpoints that fail at once again wait for the next scan */

struct nic_listener {
	struct nic_listener *next;
	struct nic *nic;
	struct addr local;
	struct sidr_listener *sidr;
};

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

static void
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

/* Tells the prober and the peers what the nic is fit for now. */
static void
nic_judge(struct nic *nic)
{
	const char *reason = !nic->device	    ? "device is gone"
			     : !device_is_up(nic->device) ? device_down_reason(nic->device)
			     : !nic->prober_ep	    ? "endpoint could not be made"
						    : NULL;

	nic->down_reason = reason;
	if (nic->device)
		prober_device_set_mtu(nic->budget, device_get_mtu(nic->device));
	if (reason)
		prober_device_down(nic->budget, reason, clock_mono_ns());
	else
		prober_device_up(nic->budget, clock_mono_ns());
	daemon_pump_soon(nic->d);
}

static void nic_rebuild(void *arg);

static void
nic_endpoint_failed(void *arg, const char *reason)
{
	struct nic *nic = arg;

	(void)reason;
	if (!nic->rebuilding && loop_defer(nic->d->loop, nic_rebuild, nic) == 0)
		nic->rebuilding = true;
}

/* A pool of QPs with other ports, where the port hangs on the QP. Doing without costs exact paths, nothing else. */
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

static int
nic_make_endpoints(struct nic *nic)
{
	static const struct endpoint_ops prober_ops = {nic_ack_arrived, nic_probe_sent, nic_endpoint_failed};
	static const struct endpoint_ops responder_ops = {nic_probe_arrived, nic_ack_sent, nic_endpoint_failed};
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

/* The endpoints are bad or missing: probes in flight are local errors, peers of ours learn the new QPN when they ask. */
static void
nic_replace_endpoints(struct nic *nic)
{
	uint64_t now = clock_mono_ns();

	prober_device_down(nic->budget, "endpoint failed", now);
	nic_free_endpoints(nic);
	if (now - nic->rebuilt_ns >= NIC_REBUILD_MIN_NS) {
		nic->rebuilt_ns = now;
		nic_make_endpoints(nic);
	}
	nic_judge(nic);
}

static void
nic_rebuild(void *arg)
{
	struct nic *nic = arg;

	nic->rebuilding = false;
	if (!nic->device)
		return;
	nic_replace_endpoints(nic);
	if (!nic->prober_ep)
		daemon_rescan_soon(nic->d);
}

static void
nic_listener_free(struct nic_listener *l)
{
	sidr_listener_free(l->sidr);
	free(l);
}

static void
nic_requested(void *arg, struct sidr_request *request, const struct sidr_request_info *info)
{
	const struct nic_listener *l = arg;

	nic_return_requested(l->nic, request, info);
}

static void
nic_listen(struct nic *nic, const struct addr *local)
{
	struct nic_listener *l = calloc(1, sizeof(*l));
	struct sidr_listener_config config = {
		.local = *local,
		.port = nic->d->config->port,
		.requested = nic_requested,
		.arg = l,
	};

	if (!l) {
		nic->deaf = true;
		return;
	}
	l->nic = nic;
	l->local = *local;
	if (sidr_listen(nic->d->sidr, &config, &l->sidr) < 0) {
		nic->deaf = true;
		free(l);
		return;
	}
	l->next = nic->listeners;
	nic->listeners = l;
}

static bool
nic_listens(const struct nic *nic, const struct addr *local)
{
	for (const struct nic_listener *l = nic->listeners; l; l = l->next)
		if (addr_equal(&l->local, local))
			return true;
	return false;
}

/* One listener for each address, none for addresses that have left. Link-local ones are not listened on. */
static void
nic_sync_listeners(struct nic *nic)
{
	const struct device_gid *gids = NULL;
	struct nic_listener **at = &nic->listeners, *l;
	size_t n = 0;

	nic->deaf = false;
	if (nic->device)
		gids = device_gids(nic->device, &n);
	while ((l = *at)) {
		if (nic->device && device_find_gid(nic->device, &l->local)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		nic_listener_free(l);
	}
	for (size_t i = 0; i < n; i++)
		if (!addr_is_link_local(&gids[i].addr) && !nic_listens(nic, &gids[i].addr))
			nic_listen(nic, &gids[i].addr);
}

/* The device's context is dead: give up all that lives on it. The nic stays. */
static void
nic_close_device(struct nic *nic)
{
	prober_device_down(nic->budget, "device is gone", clock_mono_ns());
	nic->down_reason = "device is gone";
	peer_nic_closing(nic);
	while (nic->listeners) {
		struct nic_listener *l = nic->listeners;

		nic->listeners = l->next;
		nic_listener_free(l);
	}
	nic_free_endpoints(nic);
	nic_clock_gone(nic);
	device_close(nic->device);
	nic->device = NULL;
}

static void
nic_device_gone(void *arg)
{
	struct nic *nic = arg;

	if (!nic->device)
		return;
	nic_close_device(nic);
	sidr_forget_gone(false);
	daemon_rescan_soon(nic->d);
}

static void
nic_device_changed(void *arg, struct device *device, int changes)
{
	struct nic *nic = arg;

	(void)device;
	if (changes & DEVICE_CHANGED_GONE) {
		prober_device_down(nic->budget, "device is gone", clock_mono_ns());
		loop_defer(nic->d->loop, nic_device_gone, nic);
		return;
	}
	if (changes & DEVICE_CHANGED_QUEUES)
		nic_endpoint_failed(nic, "the device says so");
	if (changes & DEVICE_CHANGED_GIDS) {
		nic_sync_listeners(nic);
		if (nic->deaf)
			daemon_rescan_soon(nic->d);
		nic_return_drop_paths(nic);
		peer_nic_changed(nic);
		service_look_again(nic->d);
	}
	nic_judge(nic);
}

static void
nic_say_opened(const struct nic *nic)
{
	const struct device_gid *gid = device_primary_gid(nic->device);
	char text[ADDR_TEXT];

	if (!gid)
		log_warning(DEVICE, "%s/%u: %s", nic->name, nic->port, device_down_reason(nic->device));
	else
		log_info(DEVICE, "%s/%u: using GID %u (%s), MTU %u, driver %s%s", nic->name, nic->port, gid->index,
			 addr_text(&gid->addr, text), device_get_mtu(nic->device), device_get_driver(nic->device),
			 device_is_up(nic->device) ? "" : ", port is down");
}

static int
nic_open_device(struct nic *nic)
{
	static const struct device_ops ops = {nic_device_changed};
	struct device_config config = {
		.loop = nic->d->loop,
		.name = nic->name,
		.port = nic->port,
		.gid_index = nic->d->config->gid_index,
		.ops = &ops,
		.arg = nic,
	};
	int rc = device_open(&config, &nic->device);

	if (rc < 0)
		return rc;
	nic->sport_rule = sport_rule_of(device_get_driver(nic->device));
	nic_say_opened(nic);
	rc = nic_make_endpoints(nic);
	if (rc < 0) {
		device_close(nic->device);
		nic->device = NULL;
		return rc;
	}
	nic_sync_listeners(nic);
	peer_nic_changed(nic);
	nic_judge(nic);
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
	if (prober_device_add(d->prober, d->config->max_probes_per_s, &nic->budget) < 0) {
		free(nic);
		return NULL;
	}
	nic_clock_init(nic);
	while (*at)
		at = &(*at)->next;
	*at = nic;
	return nic;
}

static void
nic_free(struct nic *nic)
{
	if (nic->device)
		nic_close_device(nic);
	peer_nic_removed(nic);
	prober_device_remove(nic->budget);
	loop_undefer(nic->d->loop, nic);
	free(nic);
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
		/* One that is there and is not listed could not be opened once more: that is no reason to give it up. */
		if (nic->device && !nic_is_listed(nic, names, n) && !device_exists(nic->device))
			nic_device_gone(nic);
		at = &nic->next;
	}
}

void
nic_scan(struct daemon *d)
{
	struct device_name *names = NULL;
	size_t n = 0;

	d->device_list_error = device_list(d->config->devices, d->config->n_devices, &names, &n);
	if (d->device_list_error == 0)
		nic_drop_unlisted(d, names, n);
	for (size_t i = 0; i < n; i++) {
		struct nic *nic = nic_find(d, &names[i]);

		if (!nic)
			nic = nic_add(d, &names[i]);
		if (nic && !nic->device)
			nic_open_device(nic);
		else if (nic && !nic->prober_ep)
			nic_replace_endpoints(nic);
		else if (nic)
			nic_sync_listeners(nic);
	}
	free(names);
}

void
nic_reconfigured(struct daemon *d)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device && nic->clock.software != d->config->clock_software)
			nic_endpoint_failed(nic, "clock has changed");
}

bool
nic_any_missing(const struct daemon *d)
{
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		if (!nic->device || !nic->prober_ep || nic->deaf)
			return true;
	return !d->nics;
}

struct nic *
nic_find_local(const struct daemon *d, const struct addr *addr)
{
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device && device_find_gid(nic->device, addr))
			return nic;
	return NULL;
}
