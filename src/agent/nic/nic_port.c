/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nic port
 *
 * Converts the reports of device and endpoints to events of the state machine, and carries out its
 * actions. Some events may free the device or an endpoint (gone, fatal, a failed queue), but come
 * from their callbacks. So nic->timer, which is also the timer of the machine, passes them on. All
 * other events are passed on at once.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rdma/counters.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define NIC_PORT_DEFERRED \
	(DEVICE_CHANGED_GONE | DEVICE_CHANGED_FATAL | DEVICE_CHANGED_QP | DEVICE_CHANGED_CQ)
#define NIC_PORT_REBUILD (1 << 30) /* in nic->pending, in addition to enum device_change */

static void
nic_port_event(struct nic *nic, enum port_event event, int error)
{
	port_fsm_event(nic->fsm, event, error, clock_mono_ns());
}

static void
nic_port_arm_timer(struct nic *nic)
{
	uint64_t now = clock_mono_ns();

	if (nic->pending)
		loop_timer_set(nic->timer, 0);
	else if (nic->retry_ns == UINT64_MAX)
		loop_timer_clear(nic->timer);
	else
		loop_timer_set(nic->timer, nic->retry_ns > now ? nic->retry_ns - now : 0);
}

static void
nic_port_defer(struct nic *nic, int changes)
{
	nic->pending |= changes;
	nic_port_arm_timer(nic);
}

/* ---- actions of the machine ---- */

/* Uses the reason of the device, if there is one, because it is more precise. */
static void
nic_port_pause(void *arg, const char *reason)
{
	struct nic *nic = arg;
	enum port_state state = port_fsm_state(nic->fsm);

	if (nic->device && (state == PORT_DOWN || state == PORT_NO_ADDRESS) &&
	    device_down_reason(nic->device))
		reason = device_down_reason(nic->device);
	if (!nic->down_reason)
		nic->down_ns = clock_mono_ns();
	nic->down_reason = reason;
	prober_device_down(nic->budget, reason, clock_mono_ns());
	pump_soon(nic->nics->env.pump);
}

/*
 * A port that is ready probes, unless all its addresses are another daemon's: a second prober there
 * would take over the sessions of the first.
 */
static void
nic_port_probe(struct nic *nic)
{
	nic->hushed = nic->taken && !nic->listeners;
	if (nic->hushed)
		prober_device_down(nic->budget, "another daemon listens on the port's addresses",
				   clock_mono_ns());
	else
		prober_device_up(nic->budget, clock_mono_ns());
}

void
nic_port_listen(struct nic *nic)
{
	nic_listen_sync(nic);
	if (!nic->down_reason && nic->hushed != (nic->taken && !nic->listeners))
		nic_port_probe(nic);
}

static void
nic_port_resume(void *arg)
{
	struct nic *nic = arg;

	nic->down_reason = NULL;
	nic_port_probe(nic);
	pump_soon(nic->nics->env.pump);
}

/*
 * A link that goes down loses its addresses, too. The order of the events makes this one change of
 * state, not two.
 */
static void
nic_port_tell(struct nic *nic, int changes)
{
	bool link = device_link_is_up(nic->device), address = device_has_address(nic->device);

	if (!link && (changes & DEVICE_CHANGED_STATE))
		nic_port_event(nic, PORT_EVENT_LINK_DOWN, 0);
	if (changes & DEVICE_CHANGED_GIDS)
		nic_port_event(nic, address ? PORT_EVENT_ADDRESS : PORT_EVENT_NO_ADDRESS, 0);
	if (link && (changes & DEVICE_CHANGED_STATE))
		nic_port_event(nic, PORT_EVENT_LINK_UP, 0);
}

/* Defers changes that free the device. */
static void
nic_port_device_changed(void *arg, struct device *device, int changes)
{
	struct nic *nic = arg;

	if (changes & NIC_PORT_DEFERRED)
		nic_port_defer(nic, changes & NIC_PORT_DEFERRED);
	if (changes & (DEVICE_CHANGED_GONE | DEVICE_CHANGED_FATAL)) {
		/* Do this at once, so that no more probes are posted. */
		prober_device_down(nic->budget, device_down_reason(device), clock_mono_ns());
		pump_soon(nic->nics->env.pump);
		return;
	}
	if (changes & DEVICE_CHANGED_MTU)
		nic_port_event(nic, PORT_EVENT_MTU, 0);
	if (changes & DEVICE_CHANGED_FABRIC)
		nic_port_event(nic, PORT_EVENT_REREGISTER, 0);
	nic_port_tell(nic, changes);
}

static void
nic_port_async(void *arg, enum device_async kind)
{
	struct nic *nic = arg;

	nic->async_counts[kind]++;
}

static void
nic_port_say_opened(const struct nic *nic)
{
	const struct device_gid *gid = device_primary_gid(nic->device);
	char text[ADDR_TEXT];

	if (!gid)
		log_warning(DEVICE, "%s/%u: %s", nic->name, nic->port,
			    device_down_reason(nic->device));
	else
		log_info(DEVICE, "%s/%u: using GID %u (%s), MTU %u, driver %s%s", nic->name,
			 nic->port, gid->index, addr_text(&gid->addr, text),
			 device_get_mtu(nic->device), device_get_driver(nic->device),
			 device_is_up(nic->device) ? "" : ", port is down");
}

static void
nic_port_open(void *arg)
{
	static const struct device_ops ops = {nic_port_device_changed, nic_port_async};
	struct nic *nic = arg;
	struct device_config config = {
		.loop = nic->nics->env.loop,
		.name = nic->name,
		.port = nic->port,
		.gid_index = nic->nics->config->gid_index,
		.ops = &ops,
		.arg = nic,
	};
	/* Without rdma_cm the nic could not listen. nics_scan.c searches for it. */
	int rc = nic->nics->sidr ? device_open(&config, &nic->device) : -ENODEV;

	if (rc < 0) {
		nic_port_event(nic, PORT_EVENT_OPEN_FAILED, rc);
		return;
	}
	nic->sport_rule = sport_rule_of(device_get_driver(nic->device));
	prober_device_set_mtu(nic->budget, device_get_mtu(nic->device));
	nic_port_say_opened(nic);
	nic_counters_start(nic);
	nic_port_listen(nic);
	nic_say(nic, NIC_CHANGED);
	nic_port_tell(nic, DEVICE_CHANGED_STATE | DEVICE_CHANGED_GIDS);
	nic_port_event(nic, PORT_EVENT_OPENED, 0);
}

static void
nic_port_close(void *arg)
{
	struct nic *nic = arg;

	nic->pending = 0;
	if (!nic->device)
		return;
	if (nic->counters)
		counters_stop(nic->counters);
	nic_say(nic, NIC_CLOSING);
	nic_listen_stop(nic);
	nic_free_endpoints(nic);
	nic_clock_gone(nic);
	device_close(nic->device);
	nic->device = NULL;
}

static void
nic_port_build(void *arg)
{
	struct nic *nic = arg;
	int rc = nic_make_endpoints(nic);

	nic_port_event(nic, rc < 0 ? PORT_EVENT_BUILD_FAILED : PORT_EVENT_BUILT, rc);
}

static void
nic_port_unbuild(void *arg)
{
	nic_free_endpoints(arg);
}

static void
nic_port_renew(void *arg, enum port_event event)
{
	struct nic *nic = arg;

	if (event == PORT_EVENT_MTU) {
		prober_device_set_mtu(nic->budget, device_get_mtu(nic->device));
		return;
	}
	if (event == PORT_EVENT_REREGISTER) {
		nic_return_drop_paths(nic);
		nic_say(nic, NIC_RENEWED);
		return;
	}
	nic_counters_start(nic);
	nic_port_listen(nic);
	if (nic->deaf)
		nics_scan_soon(nic->nics);
	nic_return_drop_paths(nic);
	nic_say(nic, NIC_CHANGED);
}

static void
nic_port_arm(void *arg, uint64_t at_ns)
{
	struct nic *nic = arg;

	nic->retry_ns = at_ns;
	nic_port_arm_timer(nic);
}

static void
nic_port_moved(void *arg, const struct port_transition *t)
{
	struct nic *nic = arg;
	bool quiet =
		t->to == PORT_OPENING || t->to == PORT_BUILDING || port_event_is_wanted(t->event);
	const char *error = t->error ? strerror(-t->error) : "";

	port_history_add(&nic->history, t, clock_wall_of(t->at_ns));
	if (t->to == PORT_UP)
		log_info(DEVICE, "%s/%u: %s -> up, %s", nic->name, nic->port,
			 port_state_name(t->from), port_event_name(t->event));
	else if (quiet)
		log_debug(DEVICE, "%s/%u: %s -> %s, %s", nic->name, nic->port,
			  port_state_name(t->from), port_state_name(t->to),
			  port_event_name(t->event));
	else
		log_warning(DEVICE, "%s/%u: %s -> %s, %s: %s%s%s", nic->name, nic->port,
			    port_state_name(t->from), port_state_name(t->to),
			    port_event_name(t->event), nic->down_reason, t->error ? ": " : "",
			    error);
}

static const struct port_fsm_ops nic_port_ops = {
	.open = nic_port_open,
	.close = nic_port_close,
	.build = nic_port_build,
	.unbuild = nic_port_unbuild,
	.pause = nic_port_pause,
	.resume = nic_port_resume,
	.renew = nic_port_renew,
	.arm = nic_port_arm,
	.moved = nic_port_moved,
};

/* ---- events ---- */

/* librdmacm has opened the device, too, and must close it before the kernel can remove it. */
static void
nic_port_lost(struct nic *nic, enum port_event event)
{
	nic_port_event(nic, event, 0);
	sidr_forget_gone(false);
	nics_scan_soon(nic->nics);
}

static void
nic_port_timer(void *arg)
{
	struct nic *nic = arg;
	int pending = nic->pending;

	/*
	 * A link that goes down may put a QP into error before we know about the link. Then the QP
	 * is made again when the link comes up, not now.
	 */
	if ((pending & (DEVICE_CHANGED_QP | DEVICE_CHANGED_CQ)) && nic->device)
		device_refresh(nic->device);
	pending |= nic->pending;
	nic->pending = 0;
	if (pending & DEVICE_CHANGED_GONE)
		nic_port_lost(nic, PORT_EVENT_GONE);
	else if (pending & DEVICE_CHANGED_FATAL)
		nic_port_lost(nic, PORT_EVENT_FATAL);
	else if (pending & (DEVICE_CHANGED_QP | DEVICE_CHANGED_CQ))
		nic_port_event(nic,
			       pending & DEVICE_CHANGED_CQ ? PORT_EVENT_CQ_ERROR :
							     PORT_EVENT_QP_ERROR,
			       0);
	else if (pending & NIC_PORT_REBUILD)
		nic_port_event(nic, PORT_EVENT_RECONFIGURED, 0);
	nic_port_event(nic, PORT_EVENT_TIMER, 0);
	nic_port_arm_timer(nic);
}

void
nic_port_queues_failed(struct nic *nic)
{
	nic_port_defer(nic, DEVICE_CHANGED_QP);
}

void
nic_port_rebuild(struct nic *nic)
{
	nic_port_defer(nic, NIC_PORT_REBUILD);
}

void
nic_port_found(struct nic *nic)
{
	nic_port_event(nic, PORT_EVENT_FOUND, 0);
}

void
nic_port_gone(struct nic *nic)
{
	nic_port_lost(nic, PORT_EVENT_GONE);
}

int
nic_port_start(struct nic *nic)
{
	int rc = port_fsm_new(&nic_port_ops, nic, clock_mono_ns(), &nic->fsm);

	nic->retry_ns = UINT64_MAX;
	nic_counters_make(nic);
	return rc < 0 ? rc :
			loop_timer_new(nic->nics->env.loop, "device recovery", nic_port_timer, nic,
				       &nic->timer);
}

void
nic_port_stop(struct nic *nic)
{
	if (nic->fsm && nic->budget)
		nic_port_event(nic, PORT_EVENT_NOT_CONFIGURED, 0);
	port_fsm_free(nic->fsm);
	loop_timer_free(nic->timer);
	counters_free(nic->counters);
}

/* ---- history ---- */

int
nic_port_acknowledge(struct nic *nic)
{
	int flaps = (int)port_history_acknowledge(&nic->history, clock_mono_ns());

	nic_port_event(nic, PORT_EVENT_RETRY, 0);
	return flaps;
}

bool
nic_port_flaps_text(const struct nic *nic, char text[NIC_SENTENCE])
{
	uint32_t flaps = port_history_flaps(&nic->history, clock_mono_ns());
	time_t when = (time_t)(nic->history.last_flap_wall_ns / NSEC_PER_SEC);
	char at[32];
	struct tm tm;

	if (flaps == 0)
		return false;
	gmtime_r(&when, &tm);
	strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, NIC_SENTENCE,
		 "%s/%u flapped %u %s in the last hour, last at %s UTC; rpingmesh-ctl acknowledge "
		 "%s",
		 nic->name, nic->port, flaps, flaps == 1 ? "time" : "times", at, nic->name);
	return true;
}
