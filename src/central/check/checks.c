/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: checks
 *
 * The list has the checks that run and those that ended less than CHECKS_KEEP_NS ago. The timer
 * runs while there are any. Each time, it reads hosts that have reported since it has read them
 * last, for CHECKS_READ_NS, and goes on there the next time. Once it has been through all of them,
 * and check_is_ready(), it asks hosts for the rounds that are due. When it has been through all of
 * them after the end of a check, or all has come that was wanted, the check is done.
 */
#include "central/check/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bus/bus.h"
#include "central/check/checks_impl.h"
#include "central/intake/intake.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/ask.h"

#define CHECKS_LOOK_NS (50 * NSEC_PER_MSEC)
#define CHECKS_READ_NS NSEC_PER_MSEC /* in which hosts are read at a time, of each check */
#define CHECKS_KEPT 64u       /* checks in the list */

struct checks {
	struct checks_config config;
	struct loop_timer *timer;
	struct check *first;          /* the newest */
	uint64_t next_id;
	struct checks_stats stats;
};

/* ---- rounds ---- */

static void
checks_put(const struct check *check, const struct check_tuple *t, struct ask *ask)
{
	ask->probes[ask->n_probes++] = (struct ask_probe){
		.tuple = {.source = t->source, .destination = t->destination,
			  .src_port = t->src_port, .traffic_class = check->traffic_class},
		.interval_ns = check->interval_ns};
}

static void
checks_ask(struct checks *checks, struct check *check, struct check_member *member,
	   struct ask *ask)
{
	msgpack_sbuffer body;
	msgpack_packer pk;
	int rc;

	*ask = (struct ask){.made_ns = clock_wall_ns()};
	ask->until_ns = ask->made_ns + check->round_ns;
	snprintf(ask->host, sizeof(ask->host), "%s", member->name);
	for (size_t i = member->first; i < member->first + member->n; i++)
		if (check->tuples[i].round == check->begun && ask->n_probes < ASK_PROBES_MAX)
			checks_put(check, &check->tuples[i], ask);
	if (!ask->n_probes)
		return;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	ask_pack(&pk, ask);
	rc = mesh_tell(checks->config.mesh, "ask", ask->host, body.data, body.size);
	msgpack_sbuffer_destroy(&body);
	if (rc < 0)
		snprintf(member->error, sizeof(member->error),
			 "it could not be asked for all probes: %s", strerror(-rc));
}

static void
checks_round(struct checks *checks, struct check *check)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	for (size_t i = 0; ask && i < check->n_members; i++)
		checks_ask(checks, check, &check->members[i], ask);
	free(ask);
	check->begun++;
}

/* ---- looking ---- */

/* Returns whether all members have been read since the end, or all has come. */
static bool
checks_sweep(const struct checks *checks, struct check *check, uint64_t now_ns)
{
	uint64_t begin_ns = clock_mono_ns();

	if (check->sweep_at == 0)
		check->sweep_ns = now_ns;
	while (check->sweep_at < check->n_members) {
		const char *name = check->members[check->sweep_at].name;
		const struct intake_host *host =
			name[0] ? intake_find(checks->config.intake, name) : NULL;

		if (check_read(check, check->sweep_at++, host, now_ns) &&
		    clock_mono_ns() - begin_ns >= CHECKS_READ_NS)
			break;
	}
	if (check->sweep_at < check->n_members)
		return false;
	check->sweep_at = 0;
	if (check->based)
		return check->sweep_ns >= check->end_ns ||
		       (check->begun == check->rounds && check_has_all(check, now_ns));
	if (check_is_ready(check, now_ns)) {
		check->based = true;
		check->began_ns = now_ns;
		check->end_ns = now_ns + check->lasts_ns;
	}
	return false;
}

static void
checks_do(struct checks *checks, struct check *check, uint64_t now_ns)
{
	if (check->done)
		return;
	if (check->based && check->begun < check->rounds &&
	    now_ns >= check->began_ns + check->begun * check->round_ns)
		checks_round(checks, check);
	if (!checks_sweep(checks, check, now_ns))
		return;
	check_finish(check);
	check->end_ns = now_ns;
	checks->stats.running--;
}

static void
checks_drop(struct check *check)
{
	free(check->tuples);
	free(check);
}

static void
checks_look(void *arg)
{
	struct checks *checks = arg;
	struct check **at = &checks->first;
	uint64_t now_ns = clock_mono_ns();

	while (*at) {
		struct check *check = *at;

		checks_do(checks, check, now_ns);
		if (check->done && now_ns >= check->end_ns + CHECKS_KEEP_NS) {
			*at = check->next;
			checks_drop(check);
		} else {
			at = &check->next;
		}
	}
	if (checks->first)
		loop_timer_set(checks->timer, CHECKS_LOOK_NS);
}

/* ---- members ---- */

static bool
checks_has_port(const struct registration *r)
{
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i].n_addrs)
			return true;
	return false;
}

/* The host takes part, or the member says why not. */
static void
checks_take(struct check_member *m, const struct registry_host *host)
{
	struct registry_host_info info;

	registry_host_info(host, &info);
	snprintf(m->name, sizeof(m->name), "%s", info.name);
	if (info.state != REGISTRY_PRESENT)
		snprintf(m->error, sizeof(m->error), "its rpingmeshd has left the cluster");
	else if (!checks_has_port(info.registration))
		snprintf(m->error, sizeof(m->error), "it has no RDMA port with an address");
	else
		m->ports = info.registration;
	for (size_t i = 0; m->ports && i < m->ports->n_ports; i++)
		m->any_port |= m->ports->ports[i].n_addrs && m->ports->ports[i].src_ports != 0;
}

/* "a" is "a.example", unless there are several. */
static void
checks_find_short(const struct checks *checks, struct check *check)
{
	const struct registry *registry = mesh_registry(checks->config.mesh);
	const struct registry_host *found[CHECKS_HOSTS_MAX] = {NULL};
	bool several[CHECKS_HOSTS_MAX] = {false};
	struct registry_host_info info;

	for (const struct registry_host *h = registry_next(registry, 0); h; h = registry_after(h)) {
		size_t n;

		registry_host_info(h, &info);
		n = strcspn(info.name, ".");
		for (size_t i = 0; info.name[n] && i < check->n_members; i++)
			if (!check->members[i].name[0] &&
			    strncmp(check->members[i].asked, info.name, n) == 0 &&
			    !check->members[i].asked[n]) {
				several[i] |= found[i] != NULL;
				found[i] = h;
			}
	}
	for (size_t i = 0; i < check->n_members; i++)
		if (several[i])
			snprintf(check->members[i].error, sizeof(check->members[i].error),
				 "several hosts have this name: give all of it");
		else if (found[i])
			checks_take(&check->members[i], found[i]);
}

static void
checks_find_members(const struct checks *checks, struct check *check)
{
	const struct registry *registry = mesh_registry(checks->config.mesh);
	bool all = true;

	for (size_t i = 0; i < check->n_members; i++) {
		struct check_member *m = &check->members[i];
		const struct registry_host *host = registry_find(registry, m->asked);

		if (host)
			checks_take(m, host);
		all &= host != NULL;
	}
	if (!all)
		checks_find_short(checks, check);
	for (size_t i = 0; i < check->n_members; i++) {
		struct check_member *m = &check->members[i];

		if (!m->name[0] && !m->error[0])
			snprintf(m->error, sizeof(m->error),
				 "no host of this name has registered: see rpingmesh-ctl hosts");
		/* Under its short and its whole name. */
		for (size_t k = 0; m->ports && k < i; k++)
			if (check->members[k].ports == m->ports) {
				m->ports = NULL;
				snprintf(m->error, sizeof(m->error), "it is %s, too",
					 check->members[k].asked);
			}
	}
}

/* ---- beginning ---- */

static int
checks_order(const void *a, const void *b)
{
	return strcmp(((const struct check_member *)a)->asked,
		      ((const struct check_member *)b)->asked);
}

static int
checks_make(const struct checks_want *want, struct check **out, char error[CHECKS_ERROR])
{
	struct check *check;
	size_t n = 0;

	if (want->n > CHECKS_HOSTS_MAX) {
		snprintf(error, CHECKS_ERROR, "%zu hosts are too many: at most %u", want->n,
			 CHECKS_HOSTS_MAX);
		return -EINVAL;
	}
	check = calloc(1, sizeof(*check) + want->n * sizeof(check->members[0]));
	if (!check)
		return -ENOMEM;
	for (size_t i = 0; i < want->n; i++)
		snprintf(check->members[i].asked, sizeof(check->members[i].asked), "%s",
			 want->hosts[i]);
	qsort(check->members, want->n, sizeof(check->members[0]), checks_order);
	for (size_t i = 0; i < want->n; i++)
		if (!n || strcmp(check->members[n - 1].asked, check->members[i].asked) != 0)
			check->members[n++] = check->members[i];
	check->n_members = n;
	check->count = want->count;
	*out = check;
	return 0;
}

/* One that runs, with these hosts and no fewer probes. */
static struct check *
checks_same(const struct checks *checks, const struct check *check)
{
	for (struct check *c = checks->first; c; c = c->next) {
		bool same = !c->done && c->count >= check->count &&
			    c->n_members == check->n_members;

		for (size_t i = 0; same && i < check->n_members; i++)
			same = strcmp(c->members[i].asked, check->members[i].asked) == 0;
		if (same)
			return c;
	}
	return NULL;
}

/* The name of a host that is in a check that runs; NULL: none is. */
static const char *
checks_busy(const struct checks *checks, const struct check *check, uint64_t *until_ns)
{
	for (struct check *c = checks->first; c; c = c->next)
		for (size_t i = 0; !c->done && i < c->n_members; i++)
			for (size_t k = 0; c->members[i].n && k < check->n_members; k++)
				if (check->members[k].ports &&
				    strcmp(c->members[i].name, check->members[k].name) == 0) {
					*until_ns = c->end_ns;
					return check->members[k].name;
				}
	return NULL;
}

static size_t
checks_kept(const struct checks *checks)
{
	size_t n = 0;

	for (const struct check *c = checks->first; c; c = c->next)
		n++;
	return n;
}

static int
checks_may(const struct checks *checks, const struct check *check, char error[CHECKS_ERROR])
{
	uint64_t until_ns = 0, now_ns = clock_mono_ns();
	const char *busy = checks_busy(checks, check, &until_ns);
	struct bus_status bus;

	bus_status(mesh_bus(checks->config.mesh), &bus);
	if (bus.state != BUS_CONNECTED) {
		snprintf(error, CHECKS_ERROR, "there is no connection to the broker: see "
					      "rpingmesh-ctl --central status");
		return -ENOTCONN;
	}
	if (checks->stats.running >= CHECKS_RUNNING) {
		snprintf(error, CHECKS_ERROR, "%u checks run, and no more may: try again when one "
					      "is over", checks->stats.running);
		return -EBUSY;
	}
	if (checks_kept(checks) >= CHECKS_KEPT) {
		snprintf(error, CHECKS_ERROR, "%zu checks run or ended within a minute, and no "
					      "more are kept: try again in a minute",
			 checks_kept(checks));
		return -EBUSY;
	}
	if (busy) {
		snprintf(error, CHECKS_ERROR, "%s is being checked with others: try again in "
					      "%llu s at most", busy,
			 until_ns > now_ns ?
				 (unsigned long long)((until_ns - now_ns) / NSEC_PER_SEC + 1) : 1);
		return -EBUSY;
	}
	return 0;
}

struct checks_classes {
	uint32_t rows[UINT8_MAX + 1];
};

static void
checks_class(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct checks_classes *classes = arg;

	(void)host;
	if (row->stream->kind == REPORT_TOR || row->stream->kind == REPORT_FABRIC)
		classes->rows[row->stream->traffic_class]++;
}

/*
 * The class of what hosts probe anyway: the most frequent one of the first host that has reported
 * any.
 */
static void
checks_find_class(const struct checks *checks, struct check *check)
{
	struct checks_classes classes = {.rows = {0}};

	for (size_t i = 0; i < check->n_members && !classes.rows[check->traffic_class]; i++) {
		const struct intake_host *host =
			check->members[i].ports ? intake_find(checks->config.intake,
							      check->members[i].name) : NULL;

		if (host)
			intake_rows(host, INTAKE_MIDDLE, check->made_ns, checks_class, &classes);
		for (unsigned int class = 0; class <= UINT8_MAX; class++)
			if (classes.rows[class] > classes.rows[check->traffic_class])
				check->traffic_class = (uint8_t)class;
	}
}

static int
checks_start(struct checks *checks, struct check *check, char error[CHECKS_ERROR])
{
	uint64_t random;
	int rc = checks_may(checks, check, error);

	if (rc < 0)
		return rc;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_mono_ns();
	check->made_ns = clock_mono_ns();
	checks_find_class(checks, check);
	rc = check_plan(check, random, error);
	check->end_ns = check->made_ns + CHECK_WAIT_NS + check->lasts_ns;
	/* A registration may go, once the loop goes on. */
	for (size_t i = 0; i < check->n_members; i++)
		check->members[i].ports = NULL;
	if (rc < 0)
		return rc;
	check->id = ++checks->next_id;
	check->next = checks->first;
	checks->first = check;
	checks->stats.running++;
	checks->stats.begun++;
	loop_timer_set(checks->timer, 0);
	return 0;
}

int
checks_begin(struct checks *checks, const struct checks_want *want, const struct check **out,
	     char error[CHECKS_ERROR])
{
	struct check *check = NULL, *same;
	int rc = checks_make(want, &check, error);

	if (rc == 0 && (same = checks_same(checks, check))) {
		*out = same;
		checks_drop(check);
		return 0;
	}
	if (rc == 0) {
		checks_find_members(checks, check);
		rc = checks_start(checks, check, error);
	}
	if (rc == -ENOMEM)
		snprintf(error, CHECKS_ERROR, "no memory");
	if (rc == 0) {
		*out = check;
		return 0;
	}
	checks->stats.refused++;
	if (check)
		checks_drop(check);
	return rc;
}

const struct check *
checks_find(const struct checks *checks, uint64_t id)
{
	const struct check *check = checks->first;

	while (check && check->id != id)
		check = check->next;
	return check;
}

/* ---- life ---- */

int
checks_new(const struct checks_config *config, struct checks **out)
{
	struct checks *checks = calloc(1, sizeof(*checks));
	int rc;

	if (!checks)
		return -ENOMEM;
	checks->config = *config;
	rc = loop_timer_new(config->loop, "check", checks_look, checks, &checks->timer);
	if (rc < 0)
		free(checks);
	else
		*out = checks;
	return rc;
}

void
checks_free(struct checks *checks)
{
	struct check *check;

	if (!checks)
		return;
	while ((check = checks->first)) {
		checks->first = check->next;
		checks_drop(check);
	}
	loop_timer_free(checks->timer);
	free(checks);
}

void
checks_stats(const struct checks *checks, struct checks_stats *out)
{
	*out = checks->stats;
}
