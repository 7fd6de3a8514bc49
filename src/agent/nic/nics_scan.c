/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nics scan
 *
 * A timer searches for devices that come, go or are missing, and for rdma_cm. While something is
 * missing, it runs every second at first, later every 16 seconds; otherwise every 10 seconds. It
 * never stops, because devices may come later. If the kernel lacks something, the daemon continues:
 * this is logged once, and the daemon is degraded.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define NICS_SCAN_MIN_NS NSEC_PER_SEC
#define NICS_SCAN_MAX_NS (16 * NSEC_PER_SEC)
#define NICS_SCAN_IDLE_NS \
	(10 * NSEC_PER_SEC) /* nothing is missing: read only the names in sysfs */

/* ---- devices that cannot be opened ---- */

/* Lists the devices that cannot be opened, with the cure. Returns false if there are none. */
static bool
nics_unopened_text(const struct nics *nics, char text[static NIC_SENTENCE])
{
	const struct device_unopened *u = &nics->unopened;
	char others[32] = "", cure[160] = "";

	if (!u->n)
		return false;
	if (u->n > 1)
		snprintf(others, sizeof(others), " and %u more", u->n - 1);
	if (u->error == EACCES)
		snprintf(cure, sizeof(cure),
			 "; the daemon's user needs read and write access to %s",
			 u->node);
	else if (u->error == EPERM)
		snprintf(cure, sizeof(cure),
			 "; the cgroup must allow it: a container needs --device %s, a unit "
			 "DeviceAllow=",
			 u->node);
	else if (u->error == ENOENT)
		snprintf(cure, sizeof(cure),
			 "; a container must be given %s; on a host, udev makes it", u->node);
	snprintf(text, NIC_SENTENCE,
		 "%s%s cannot be opened, nothing is probed or answered there: %s%s", u->name,
		 others, strerror(u->error), cure);
	return true;
}

/* A device that is open keeps working, even if we may not open its node any more. */
static bool
nics_has_open(const void *arg, const char *name)
{
	const struct nics *nics = arg;

	for (const struct nic *nic = nics->first; nic; nic = nic->next)
		if (nic->device && strcmp(nic->name, name) == 0)
			return true;
	return false;
}

/*
 * Logs devices that cannot be opened at the second scan, because udev changes the mode of a new
 * node only after a moment. Returns true if something has changed.
 */
static bool
nics_look_unopened(struct nics *nics)
{
	const struct device_unopened *was = &nics->unopened;
	struct device_unopened now;
	char text[NIC_SENTENCE];

	device_look_unopened(nics->config->devices, nics->config->n_devices, nics_has_open, nics,
			     &now);
	if (now.n != was->n || now.error != was->error || strcmp(now.name, was->name) != 0 ||
	    strcmp(now.node, was->node) != 0) {
		nics->unopened = now;
		nics->unopened_said = false;
		return true;
	}
	if (!nics->unopened_said && nics_unopened_text(nics, text)) {
		log_warning(DEVICE, "%s", text);
		nics->unopened_said = true;
	}
	return false;
}

/* ---- rdma_cm ---- */

static void
nics_say_nothing_found(struct nics *nics)
{
	if (nics->scan_said)
		return;
	nics->scan_said = true;
	log_warning(DEVICE, "no RoCE port found%s; looking again every few seconds",
		    nics->config->n_devices && device_set() ? " that `devices` matches" : "");
}

static bool
nics_have_device(const struct nics *nics)
{
	for (const struct nic *nic = nics->first; nic; nic = nic->next)
		if (nic->device)
			return true;
	return device_set() != 0;
}

/*
 * If no device has a node, librdmacm reports that there is no device. The missing nodes have
 * already been reported.
 */
static bool
nics_sidr_knows_none(const struct nics *nics)
{
	return nics->sidr_error == -ENODEV && nics->unopened.n;
}

/* The kernel has no device left, so nics stop waiting to open theirs again. */
static void
nics_drop_gone(struct nics *nics)
{
	for (struct nic *nic = nics->first; nic; nic = nic->next)
		if (!nic->device && port_fsm_state(nic->fsm) != PORT_CLOSED &&
		    !device_name_exists(nic->name))
			port_fsm_event(nic->fsm, PORT_EVENT_GONE, 0, clock_mono_ns());
}

/*
 * The module of rdma_cm, or the right to use it, may come later. Without devices, its channel is
 * closed, because it would keep the modules of the RDMA stack from being unloaded.
 */
static bool
nics_have_sidr(struct nics *nics)
{
	int rc;

	if (!nics_have_device(nics)) {
		if (nics->sidr)
			sidr_forget_gone(true);
		sidr_free(nics->sidr);
		nics->sidr = NULL;
		nics_drop_gone(nics);
		nics_say_nothing_found(nics);
		return false;
	}
	if (nics->sidr)
		return true;
	rc = sidr_new(nics->env.loop, &nics->sidr);
	nics->sidr_error = rc;
	if (rc < 0 && !nics->scan_said && !nics_sidr_knows_none(nics)) {
		log_error(CM, "no rdma_cm: %s%s", strerror(-rc), sidr_cure(rc));
		nics->scan_said = true;
	}
	return rc == 0;
}

/* ---- the scan ---- */

/* Whether there is no nic, or a nic lacks its device or a listener, which only a scan finds. */
static bool
nics_any_missing(const struct nics *nics)
{
	for (const struct nic *nic = nics->first; nic; nic = nic->next)
		if (port_fsm_state(nic->fsm) == PORT_CLOSED || nic->deaf)
			return true;
	return !nics->first || nics->unopened.n;
}

/* Opens each device, so it does nothing unless it is necessary. */
static void
nics_scan_devices(struct nics *nics)
{
	struct device_unopened others;
	uint64_t set = device_set();

	if (set == nics->device_set && !nics_any_missing(nics))
		return;
	/*
	 * librdmacm opens all devices, also those that we do not use, and an open device cannot be
	 * removed.
	 */
	device_look_unopened(NULL, 0, NULL, NULL, &others);
	if (set != nics->device_set && !others.n)
		sidr_forget_gone(false);
	nics->device_set = set;
	nics_match_devices(nics);
	if (!nics->first && !nics->unopened.n)
		nics_say_nothing_found(nics);
}

static void
nics_scan(void *arg)
{
	struct nics *nics = arg;
	uint64_t now = clock_mono_ns();
	bool more;

	if (nics_look_unopened(nics))
		nics->device_set = 0;
	if (nics_have_sidr(nics))
		nics_scan_devices(nics);
	more = nics->env.ops->scanned(nics->env.arg);
	for (struct nic *nic = nics->first; nic; nic = nic->next) {
		nic_return_prune(nic, now);
		nic_listen_rivals(nic, now);
	}
	if (nics_any_missing(nics) || more) {
		loop_timer_set(nics->scan, nics->scan_ns);
		nics->scan_ns = nics->scan_ns < NICS_SCAN_MAX_NS ? 2 * nics->scan_ns :
								   NICS_SCAN_MAX_NS;
	} else {
		loop_timer_set(nics->scan, NICS_SCAN_IDLE_NS);
		nics->scan_ns = NICS_SCAN_MIN_NS;
	}
	pump_soon(nics->env.pump);
}

void
nics_scan_soon(struct nics *nics)
{
	nics->scan_ns = NICS_SCAN_MIN_NS;
	loop_timer_set(nics->scan, nics->scan_ns);
}

void
nics_scan_anew(struct nics *nics)
{
	nics->scan_said = false;
	nics->device_set = 0;
	nics_scan(nics);
}

int
nics_scan_start(struct nics *nics)
{
	int rc = loop_timer_new(nics->env.loop, "rescan", nics_scan, nics, &nics->scan);

	nics->scan_ns = NICS_SCAN_MIN_NS;
	return rc < 0 ? rc : loop_timer_be_coarse(nics->scan);
}

void
nics_scan_stop(struct nics *nics)
{
	loop_timer_free(nics->scan);
	sidr_free(nics->sidr);
}

void
nics_scan_degraded(const struct nics *nics, degraded_hear *fn, void *arg)
{
	char text[NIC_SENTENCE];

	if (nics_unopened_text(nics, text))
		fn(arg, DEGRADED_UNOPENED, text);
	if (!nics->sidr && nics_have_device(nics) && !nics_sidr_knows_none(nics))
		fn(arg, DEGRADED_NO_RDMA_CM,
		   "the kernel offers no rdma_cm (modprobe rdma_ucm), or this user may not open "
		   "/dev/infiniband/rdma_cm: nothing is probed or answered");
	else if (!nics->first && !nics->unopened.n)
		fn(arg, DEGRADED_NO_PORT,
		   nics->config->n_devices && device_set() ?
			   "no RoCE port matches `devices`: nothing is probed or answered; "
			   "compare it with `rdma link`" :
			   "no RoCE port found: nothing is probed or answered; `rdma link` "
			   "must show one: load the NIC's driver");
}
