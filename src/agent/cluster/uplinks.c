/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: uplinks
 *
 * The answers of the last job, one for each port that it asked about, and `kept`: for each network
 * interface at which LLDP has ever named switches, the switches that it named last. They replace
 * an answer that failed, and for a while one without a switch: a switch that restarts is silent for
 * a minute or two, and the mesh should not be planned anew twice for that.
 *
 * At most one job runs. It owns a copy of the ports, which the loop takes over when it is done.
 */
#include "agent/cluster/uplinks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/work.h"
#include "rpingmesh/log_subsystems.h"

#define UPLINKS_AGAIN_NS (30 * NSEC_PER_SEC)
#define UPLINKS_KEPT_MAX (2 * REGISTRATION_PORTS_MAX)

_Static_assert(LLDP_NAME == REGISTRATION_NAME && LLDP_NAMES_MAX == REGISTRATION_TORS_MAX,
	       "what LLDP names can be registered");

struct uplinks_kept {
	uint32_t ifindex; /* 0: free */
	struct lldp_switches lldp;
	uint64_t heard_ns;
};

struct uplinks_job {
	struct uplinks *owner; /* only the loop uses it */
	struct uplink uplinks[REGISTRATION_PORTS_MAX];
	size_t n;
	char lldpd_file[PATH_MAX];
};

struct uplinks {
	struct uplinks_env env;
	struct work *work;
	struct work_job *job;  /* NULL: none runs */
	struct uplink *answers;
	size_t n;
	uint64_t answered_ns;
	bool changed;          /* the answers may be wrong */
	struct uplinks_kept kept[UPLINKS_KEPT_MAX];
};

/* ---- what LLDP named last ---- */

static const struct uplinks_kept *
uplinks_find_kept(const struct uplinks *u, uint32_t ifindex)
{
	for (size_t i = 0; i < UPLINKS_KEPT_MAX; i++)
		if (u->kept[i].ifindex == ifindex)
			return &u->kept[i];
	return NULL;
}

/* Its place in `kept`: its own, or else the one that is free or the oldest. */
static struct uplinks_kept *
uplinks_place(struct uplinks *u, uint32_t ifindex)
{
	struct uplinks_kept *place = &u->kept[0];

	for (size_t i = 0; i < UPLINKS_KEPT_MAX; i++) {
		if (u->kept[i].ifindex == ifindex)
			return &u->kept[i];
		if (u->kept[i].heard_ns < place->heard_ns)
			place = &u->kept[i];
	}
	*place = (struct uplinks_kept){.ifindex = ifindex};
	return place;
}

static void
uplinks_keep(struct uplinks *u, const struct uplink_link *link, uint64_t now_ns)
{
	struct uplinks_kept *kept;

	if (link->lldp.state != LLDP_HEARD)
		return;
	kept = uplinks_place(u, link->ifindex);
	kept->lldp = link->lldp;
	kept->heard_ns = now_ns;
}

void
uplinks_take(struct uplinks *u, const struct uplink *answers, size_t n, uint64_t now_ns)
{
	struct uplink *copy = reallocarray(u->answers, n ? n : 1, sizeof(*copy));

	u->answered_ns = now_ns;
	if (!copy)
		return;
	if (n)
		memcpy(copy, answers, n * sizeof(*copy));
	u->answers = copy;
	u->n = n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < answers[i].n_links; k++)
			uplinks_keep(u, &answers[i].links[k], now_ns);
}

/* ---- the job ---- */

static void
uplinks_run(void *arg)
{
	struct uplinks_job *job = arg;
	const struct uplink_places places = {
		.sys = "/sys",
		.lldp = {.networkd_dir = LLDP_NETWORKD_DIR,
			 .lldpd_file = job->lldpd_file,
			 .lldpd_socket = LLDP_LLDPD_SOCKET},
	};

	uplink_ask(&places, job->uplinks, job->n);
}

static void
uplinks_done(void *arg)
{
	const struct uplinks_job *job = arg;
	struct uplinks *u = job->owner;

	u->job = NULL;
	uplinks_take(u, job->uplinks, job->n, clock_mono_ns());
	u->env.answered(u->env.arg);
}

const struct device_gid *
uplinks_gid(const struct nic *nic)
{
	const struct device *device = nic_device(nic);

	return device && device_has_address(device) ? device_primary_gid(device) : NULL;
}

static void
uplinks_wanted(struct uplinks_job *job, const struct nics *nics)
{
	const struct device_gid *gid;
	struct uplink *uplink;

	for (struct nic *nic = NULL; (nic = nics_next(nics, nic));) {
		gid = uplinks_gid(nic);
		if (!gid || job->n == REGISTRATION_PORTS_MAX)
			continue;
		uplink = &job->uplinks[job->n++];
		snprintf(uplink->device, sizeof(uplink->device), "%s", nic_name(nic));
		uplink->port = nic_port(nic);
		uplink->own = gid->addr;
		uplink->ifindex = gid->ifindex;
	}
}

/* Whether the answers are about the same ports with the same addresses. */
static bool
uplinks_same(const struct uplinks *u, const struct uplinks_job *wanted)
{
	const struct uplink *a, *b;

	for (size_t i = 0; i < wanted->n && i < u->n; i++) {
		a = &u->answers[i];
		b = &wanted->uplinks[i];
		if (strcmp(a->device, b->device) != 0 || a->port != b->port ||
		    a->ifindex != b->ifindex || !addr_equal(&a->own, &b->own))
			return false;
	}
	return wanted->n == u->n;
}

static void
uplinks_start(struct uplinks *u, struct uplinks_job *job)
{
	static const struct work_ops ops = {.run = uplinks_run, .done = uplinks_done, .free = free};
	int rc = work_start(u->work, &ops, job, &u->job);

	if (rc == 0) {
		u->changed = false;
		return;
	}
	log_some(1, CLUSTER, WARNING, "cannot ask for ToR switches: %s", strerror(-rc));
	free(job);
}

bool
uplinks_look(struct uplinks *u, const struct nics *nics, const char *lldpd_file)
{
	struct uplinks_job *job = calloc(1, sizeof(*job));
	uint64_t now = clock_mono_ns();
	bool same;

	if (!job)
		return false;
	job->owner = u;
	snprintf(job->lldpd_file, sizeof(job->lldpd_file), "%s", lldpd_file);
	uplinks_wanted(job, nics);
	if (!job->n)
		uplinks_take(u, NULL, 0, now);
	same = uplinks_same(u, job);
	if (job->n && !u->job && (!same || u->changed || now - u->answered_ns >= UPLINKS_AGAIN_NS))
		uplinks_start(u, job);
	else
		free(job);
	return same;
}

void
uplinks_changed(struct uplinks *u)
{
	u->changed = true;
}

int
uplinks_new(const struct uplinks_env *env, struct uplinks **out)
{
	struct uplinks *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->env = *env;
	rc = work_new(env->loop, "uplinks", 1, &u->work);
	if (rc < 0)
		free(u);
	else
		*out = u;
	return rc;
}

void
uplinks_free(struct uplinks *u)
{
	if (!u)
		return;
	work_cancel(u->job);
	work_free(u->work);
	free(u->answers);
	free(u);
}

/* ---- the answers ---- */

size_t
uplinks_count(const struct uplinks *u)
{
	return u->n;
}

const struct uplink *
uplinks_at(const struct uplinks *u, size_t i)
{
	return &u->answers[i];
}

const struct uplink *
uplinks_find(const struct uplinks *u, const char *device, uint8_t port)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->answers[i].port == port && strcmp(u->answers[i].device, device) == 0)
			return &u->answers[i];
	return NULL;
}

/* Adds the switches at an interface: those that LLDP names, or named last. */
static void
uplinks_link(const struct uplinks *u, const struct uplink_link *link, struct lldp_switches *to)
{
	const struct uplinks_kept *kept = uplinks_find_kept(u, link->ifindex);
	enum lldp_state state = link->lldp.state;
	struct lldp_switches names = {0};

	if (state == LLDP_HEARD || state == LLDP_FAILED ||
	    (kept && u->answered_ns - kept->heard_ns < UPLINKS_KEEP_NS))
		names = kept ? kept->lldp : names;
	for (size_t i = 0; i < names.n; i++)
		lldp_add(to, names.names[i]);
}

/* Sets the state and the names of all interfaces of a port. */
static void
uplinks_lldp(const struct uplinks *u, const struct uplink *uplink, struct uplinks_tor *out)
{
	struct lldp_switches all = {0};

	for (size_t i = 0; i < uplink->n_links; i++) {
		const struct lldp_switches *lldp = &uplink->links[i].lldp;

		uplinks_link(u, &uplink->links[i], &all);
		if (lldp->state > out->lldp)
			out->lldp = lldp->state;
		if (lldp->state == LLDP_FAILED)
			out->lldp_reason = lldp->reason;
	}
	if (out->lldp != LLDP_FAILED)
		out->lldp_reason = NULL;
	out->n = all.n;
	memcpy(out->names, all.names, sizeof(out->names));
}

/* The names that cluster.tors has for the port; without any, that of the host. */
static bool
uplinks_configured(const struct uplink *uplink, const struct config *config,
		   struct uplinks_tor *out)
{
	const struct config_cluster *cluster = &config->cluster;
	struct lldp_switches all = {0};

	for (size_t i = 0; i < cluster->n_tors; i++) {
		const char *name = config_cluster_value(cluster->tors[i], uplink->device);

		if (name)
			lldp_add(&all, name);
	}
	if (!all.n)
		lldp_add(&all, config->tor);
	if (!all.n)
		return false;
	out->n = all.n;
	memcpy(out->names, all.names, sizeof(out->names));
	out->by = REGISTRATION_TOR_CONFIG;
	return true;
}

void
uplinks_tor(const struct uplinks *u, const struct uplink *uplink, const struct config *config,
	    struct uplinks_tor *out)
{
	*out = (struct uplinks_tor){.speed_mbps = uplink->speed_mbps};
	uplinks_lldp(u, uplink, out);
	if (uplinks_configured(uplink, config, out))
		return;
	if (out->n) {
		out->by = REGISTRATION_TOR_LLDP;
	} else if (uplink->n_routers) {
		out->n = uplink->n_routers;
		memcpy(out->names, uplink->routers, sizeof(out->names));
		out->by = REGISTRATION_TOR_ROUTER;
	} else if (uplink->subnet[0]) {
		snprintf(out->names[0], sizeof(out->names[0]), "%s", uplink->subnet);
		out->n = 1;
		out->by = REGISTRATION_TOR_SUBNET;
	}
}

void
uplinks_degraded(const struct uplinks *u, const struct config *config, degraded_hear *fn, void *arg)
{
	char text[LLDP_REASON + 64];
	struct uplinks_tor tor;

	for (size_t i = 0; i < u->n; i++) {
		uplinks_tor(u, &u->answers[i], config, &tor);
		if (!tor.lldp_reason || tor.by == REGISTRATION_TOR_CONFIG)
			continue;
		snprintf(text, sizeof(text), "LLDP does not name the ToR switches now: %s",
			 tor.lldp_reason);
		fn(arg, DEGRADED_LLDP, text);
		return;
	}
}
