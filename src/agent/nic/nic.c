/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nic
 *
 * The list of nics, which follows configuration and kernel, and the functions that read a nic.
 * nics_scan.c decides when to search for devices. The state machine of the port (nic_port.c)
 * decides what a nic does. Endpoints are in nic_queues.c, listeners in nic_listen.c, SIDR requests
 * and return paths in nic_return.c.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/work.h"
#include "rpingmesh/log_subsystems.h"

void
nic_say(struct nic *nic, enum nic_event event)
{
	nic->nics->env.ops->event(nic->nics->env.arg, nic, event);
}

static void
nic_free(struct nic *nic)
{
	nic_port_stop(nic);
	if (nic->budget) {
		nic_say(nic, NIC_REMOVED);
		prober_device_remove(nic->budget);
	}
	loop_undefer(nic->nics->env.loop, nic);
	free(nic);
}

static struct nic *
nic_add(struct nics *nics, const struct device_name *name)
{
	struct nic *nic = calloc(1, sizeof(*nic)), **at = &nics->first;

	if (!nic)
		return NULL;
	nic->nics = nics;
	TAILQ_INIT(&nic->unproven);
	snprintf(nic->name, sizeof(nic->name), "%s", name->name);
	nic->port = name->port;
	nic->down_reason = "not opened yet";
	nic->down_ns = clock_mono_ns();
	if (nic_port_start(nic) < 0 ||
	    prober_device_add(nics->env.prober, nics->config->max_probes_per_s, &nic->budget) < 0) {
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

static bool
nic_is_listed(const struct nic *nic, const struct device_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nic->port == names[i].port && strcmp(nic->name, names[i].name) == 0)
			return true;
	return false;
}

/*
 * Whether the kernel has lost the device. If it exists but is not listed, it only could not be
 * opened a second time.
 */
static bool
nic_has_gone(const struct nic *nic, const struct device_name *names, size_t n)
{
	if (nic->device && !device_exists(nic->device))
		return true;
	return !nic_is_listed(nic, names, n) && !device_name_exists(nic->name);
}

/*
 * Why the nic has to go, as static text; NULL: it stays. A device with another name is another nic,
 * whose name decides whether it is configured, and which peers it may probe.
 */
static const char *
nic_is_over(const struct nic *nic)
{
	const struct config *config = nic->nics->config;

	if (!device_name_matches(nic->name, config->devices, config->n_devices))
		return "not configured any more";
	if (nic->device && device_is_renamed(nic->device))
		return "has got another name";
	return NULL;
}

/*
 * Removes nics that the configuration excludes or that have another name, and closes those whose
 * device has gone.
 */
static void
nics_drop_unlisted(struct nics *nics, const struct device_name *names, size_t n)
{
	struct nic **at = &nics->first, *nic;

	while ((nic = *at)) {
		const char *over = nic_is_over(nic);

		if (over) {
			log_info(DEVICE, "%s/%u: %s", nic->name, nic->port, over);
			*at = nic->next;
			nic_free(nic);
			continue;
		}
		if (port_fsm_state(nic->fsm) != PORT_CLOSED && nic_has_gone(nic, names, n))
			nic_port_gone(nic);
		at = &nic->next;
	}
}

void
nics_match_devices(struct nics *nics)
{
	struct device_name *names = NULL;
	size_t n = 0;

	if (device_list(nics->config->devices, nics->config->n_devices, &names, &n) == 0)
		nics_drop_unlisted(nics, names, n);
	for (size_t i = 0; i < n; i++) {
		struct nic *nic = nics_find(nics, names[i].name, names[i].port);

		if (!nic)
			nic = nic_add(nics, &names[i]);
		if (!nic)
			continue;
		nic_port_found(nic);
		nic_port_listen(nic);
	}
	free(names);
}

void
nics_free(struct nics *nics)
{
	if (!nics)
		return;
	while (nics->first) {
		struct nic *nic = nics->first;

		nics->first = nic->next;
		nic_free(nic);
	}
	nics_routes_stop(nics);
	nics_scan_stop(nics);
	work_free(nics->counting);
	free(nics);
}

int
nics_new(const struct nics_env *env, const struct config *config, struct nics **out)
{
	struct nics *nics = calloc(1, sizeof(*nics));
	int rc;

	if (!nics)
		return -ENOMEM;
	nics->env = *env;
	nics->config = config;
	nics_routes_start(nics);
	/* One worker is enough: the kernel answers one question at a time, under its RTNL lock. */
	rc = work_new(env->loop, "counting", 1, &nics->counting);
	if (rc == 0)
		rc = nics_scan_start(nics);
	if (rc < 0) {
		nics_free(nics);
		return rc;
	}
	*out = nics;
	return 0;
}

void
nics_configure(struct nics *nics, const struct config *config)
{
	/*
	 * Probers use the limit in our SIDR reply. If it has been higher, they must ask again.
	 */
	bool slower = config->responder_per_source < nics->config->responder_per_source;

	nics->config = config;
	for (struct nic *nic = nics->first; nic; nic = nic->next) {
		if (slower)
			responder_close_device(nics->env.responder, nic);
		prober_device_set_rate(nic->budget, config->max_probes_per_s);
		if (nic->device && nic->clock.software != config->clock_software)
			nic_port_rebuild(nic);
	}
	nics_scan_anew(nics);
}

int
nics_acknowledge(struct nics *nics, const char *name)
{
	int flaps = 0, found = 0;

	for (struct nic *nic = nics->first; nic; nic = nic->next) {
		if (name && strcmp(name, nic->name) != 0)
			continue;
		found++;
		flaps += nic_port_acknowledge(nic);
	}
	return name && !found ? -ENODEV : flaps;
}

static void
nic_degraded(const struct nic *nic, degraded_hear *fn, void *arg)
{
	char text[NIC_SENTENCE];

	if (nic->down_reason) {
		snprintf(text, sizeof(text), "%s/%u is down: %s", nic->name, nic->port,
			 nic->down_reason);
		fn(arg, DEGRADED_PORT_DOWN, text);
	}
	if (nic->clock.hw.state == HWCLOCK_DISTRUSTED) {
		snprintf(text, sizeof(text), "%s/%u: the RNIC's clock is not used for now: %s",
			 nic->name, nic->port, nic->clock.hw.reason);
		fn(arg, DEGRADED_PORT_CLOCK, text);
	}
	if (nic->deaf) {
		snprintf(text, sizeof(text),
			 "%s/%u: another daemon has an address of this port, or this "
			 "daemon cannot listen there (see the log): it does not answer hosts that "
			 "ask there%s",
			 nic->name, nic->port,
			 nic->hushed ? ", and does not probe from there" : "");
		fn(arg, DEGRADED_ADDRESS_TAKEN, text);
	}
	if (nic_listen_sentence(nic, text))
		fn(arg, DEGRADED_ADDRESS_TAKEN, text);
	if (nic_port_flaps_text(nic, text))
		fn(arg, DEGRADED_PORT_FLAPS, text);
	if (nic_counters_text(nic, text))
		fn(arg, DEGRADED_PORT_DROPS, text);
}

void
nics_degraded(const struct nics *nics, degraded_hear *fn, void *arg)
{
	nics_scan_degraded(nics, fn, arg);
	for (const struct nic *nic = nics->first; nic; nic = nic->next)
		nic_degraded(nic, fn, arg);
}

/* ---- reading ---- */

struct sidr *
nics_sidr(const struct nics *nics)
{
	return nics->sidr;
}

struct nic *
nics_next(const struct nics *nics, const struct nic *nic)
{
	return nic ? nic->next : nics->first;
}

struct nic *
nics_find(const struct nics *nics, const char *name, uint8_t port)
{
	for (struct nic *nic = nics->first; nic; nic = nic->next)
		if (strcmp(nic->name, name) == 0 && (!port || nic->port == port))
			return nic;
	return NULL;
}

struct nic *
nics_find_local(const struct nics *nics, const struct addr *addr)
{
	for (struct nic *nic = nics->first; nic; nic = nic->next)
		if (nic->device && device_find_gid(nic->device, addr))
			return nic;
	return NULL;
}

const char *
nic_name(const struct nic *nic)
{
	return nic->name;
}

uint8_t
nic_port(const struct nic *nic)
{
	return nic->port;
}

struct device *
nic_device(const struct nic *nic)
{
	return nic->device;
}

const char *
nic_down_reason(const struct nic *nic)
{
	return nic->down_reason;
}

uint64_t
nic_down_ns(const struct nic *nic)
{
	return nic->down_ns;
}

struct prober_device *
nic_budget(const struct nic *nic)
{
	return nic->budget;
}

void
nic_info(const struct nic *nic, struct nic_info *out)
{
	*out = (struct nic_info){
		.clock = &nic->clock,
		.counters = nic->counters,
		.history = &nic->history,
		.async_counts = nic->async_counts,
		.stats = nic_stats(nic),
		.qpn = nic->prober_ep ? endpoint_qpn(nic->prober_ep) : 0,
		.responder_qpn = nic->responder_ep ? endpoint_qpn(nic->responder_ep) : 0,
		.has_sources = nic->sources != NULL,
	};
	port_fsm_info(nic->fsm, &out->port);
	if (nic->sources)
		sources_stats(nic->sources, &out->sources);
}
