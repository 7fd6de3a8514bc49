/* SPDX-License-Identifier: Apache-2.0 */
/* From candidates with numbers to culprits with names, and back. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/judge/judge_case_impl.h"
#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

/* The greatest finding is enough by itself from this net gain on. */
#define JUDGE_SURE 16.0
/* A probe times out after up to a second, the agent waits a little, the report arrives. */
#define JUDGE_EARLY_NS (2 * NSEC_PER_SEC)

static void
judge_put_addrs(struct incident_culprit *out, const struct addr *addrs, size_t n)
{
	for (size_t i = 0; i < n && i < INCIDENT_ADDRS_MAX; i++)
		addr_text(&addrs[i], out->addresses[out->n_addresses++]);
}

static const char *
judge_host_name(const struct judge_case *c, uint32_t nic)
{
	return c->hosts[c->lnics[nic].host].name;
}

static void
judge_name_as_nic(const struct judge_case *c, uint32_t id, struct incident_culprit *out)
{
	const struct judge_nic *nic = &c->nics[id];

	out->kind = INCIDENT_NIC;
	snprintf(out->name, sizeof(out->name), "%s/%s/%u", judge_host_name(c, id), nic->device,
		 nic->port);
	snprintf(out->host, sizeof(out->host), "%s", judge_host_name(c, id));
	snprintf(out->device, sizeof(out->device), "%s", nic->device);
	judge_put_addrs(out, nic->addrs, nic->n_addrs);
}

/* The name of an end: of the switch, or of the host. */
static const char *
judge_end(const struct judge_case *c, uint32_t at, uint32_t nic, const struct addr *addr,
	  char text[ADDR_TEXT])
{
	if (at != LOCATE_NONE)
		return c->switches[at].name;
	return nic != LOCATE_NONE ? judge_host_name(c, nic) : addr_text(addr, text);
}

static void
judge_name_as_link(const struct judge_case *c, uint32_t id, const char *arrow,
		   struct incident_culprit *out)
{
	const struct locate_link *l = &c->llinks[id];
	char from[ADDR_TEXT], to[ADDR_TEXT];

	out->kind = INCIDENT_LINK;
	snprintf(out->name, sizeof(out->name), "%s %s %s",
		 judge_end(c, l->from, l->nic, &c->links[id].from, from), arrow,
		 judge_end(c, l->to, l->nic, &c->links[id].to, to));
	addr_text(&c->links[id].from, out->from);
	addr_text(&c->links[id].to, out->to);
	judge_put_addrs(out, &c->links[id].from, 1);
	judge_put_addrs(out, &c->links[id].to, 1);
}

static void
judge_name_as_tuple(const struct judge_case *c, uint32_t id, struct incident_culprit *out)
{
	const struct judge_row *row = &c->rows[id];

	out->kind = INCIDENT_TUPLES;
	addr_text(&row->source, out->from);
	addr_text(&row->destination, out->to);
	snprintf(out->name, sizeof(out->name), "%s -> %s port %u class %u", out->from, out->to,
		 row->src_port, row->traffic_class);
	snprintf(out->host, sizeof(out->host), "%s", judge_host_name(c, c->lrows[id].from));
}

static void
judge_name(const struct judge_case *c, const struct locate_candidate *candidate,
	   struct incident_culprit *out)
{
	*out = (struct incident_culprit){.kind = INCIDENT_UNKNOWN};
	switch (candidate->kind) {
	case LOCATE_NIC:
		judge_name_as_nic(c, candidate->id, out);
		break;
	case LOCATE_LINK:
		judge_name_as_link(c, candidate->id, "->", out);
		break;
	case LOCATE_CABLE:
		judge_name_as_link(c, candidate->id, "<->", out);
		break;
	case LOCATE_SWITCH:
		out->kind = INCIDENT_SWITCH;
		snprintf(out->name, sizeof(out->name), "%s", c->switches[candidate->id].name);
		judge_put_addrs(out, c->switches[candidate->id].addrs,
				c->switches[candidate->id].n_addrs);
		break;
	case LOCATE_HOST:
		out->kind = INCIDENT_HOST;
		snprintf(out->name, sizeof(out->name), "%s", c->hosts[candidate->id].name);
		snprintf(out->host, sizeof(out->host), "%s", c->hosts[candidate->id].name);
		break;
	case LOCATE_TUPLES:
		judge_name_as_tuple(c, candidate->id, out);
		break;
	case LOCATE_ABOVE:
		snprintf(out->name, sizeof(out->name), "above %s", c->switches[candidate->id].name);
		break;
	case LOCATE_UNKNOWN:
		snprintf(out->name, sizeof(out->name), "unknown");
		break;
	}
}

/* ---- back ---- */

static bool
judge_find_text(const struct judge_index *index, const char *text, uint32_t *id)
{
	*id = judge_index_get(index, text, strlen(text));
	return *id != JUDGE_NONE;
}

static bool
judge_find_link(const struct judge_case *c, const struct incident_culprit *culprit, uint32_t *id)
{
	struct judge_link key;

	if (addr_parse(culprit->from, &key.from) < 0 || addr_parse(culprit->to, &key.to) < 0)
		return false;
	*id = judge_index_get(&c->links_by_addrs, &key, sizeof(key));
	return *id != JUDGE_NONE;
}

static bool
judge_find_tuple(const struct judge_case *c, const struct incident_culprit *culprit, uint32_t *id)
{
	const char *at = strstr(culprit->name, " port ");
	struct judge_tuple key = {.ports = 0};
	unsigned int port, class;

	if (!at || sscanf(at, " port %u class %u", &port, &class) != 2 ||
	    addr_parse(culprit->from, &key.source) < 0 ||
	    addr_parse(culprit->to, &key.destination) < 0)
		return false;
	key.ports = port << 8 | class;
	*id = judge_find_row(c, &key);
	return *id != JUDGE_NONE;
}

bool
judge_find_back(const struct judge_case *c, const struct incident_culprit *culprit,
		enum locate_kind *kind, uint32_t *id)
{
	static const char above[] = "above ";

	switch (culprit->kind) {
	case INCIDENT_NIC:
		*kind = LOCATE_NIC;
		return judge_find_text(&c->nics_by_name, culprit->name, id);
	case INCIDENT_LINK:
		*kind = strstr(culprit->name, " <-> ") ? LOCATE_CABLE : LOCATE_LINK;
		return judge_find_link(c, culprit, id);
	case INCIDENT_SWITCH:
		*kind = LOCATE_SWITCH;
		return judge_find_text(&c->switches_by_name, culprit->name, id);
	case INCIDENT_HOST:
		*kind = LOCATE_HOST;
		return judge_find_text(&c->hosts_by_name, culprit->name, id);
	case INCIDENT_TUPLES:
		*kind = LOCATE_TUPLES;
		return judge_find_tuple(c, culprit, id);
	case INCIDENT_UNKNOWN:
	case INCIDENT_KIND_N:
		break;
	}
	*kind = LOCATE_ABOVE;
	return strncmp(culprit->name, above, strlen(above)) == 0 &&
	       judge_find_text(&c->switches_by_name, culprit->name + strlen(above), id);
}

/* ---- findings ---- */

/* Whether a service's own row has met it. */
static bool
judge_is_hurt(const struct locate_row *row, enum incident_effect effect)
{
	return effect == INCIDENT_DELAY ? row->slow > 0 : row->lost + row->half > 0;
}

/* The jobs whose flows cross the likeliest candidate. */
static void
judge_find_jobs(const struct judge_case *c, const struct locate_finding *from,
		struct incidents_finding *out, struct incident_job *hurts,
		struct incident_job *crosses)
{
	const struct locate_candidate *first = &from->candidates[0];
	unsigned char *seen = c->n_jobs ? calloc(c->n_jobs, 1) : NULL;

	for (size_t i = 0; seen && i < c->n_rows; i++)
		if (c->rows[i].job != JUDGE_NONE && judge_has_probes(c, i) &&
		    judge_case_leads(c, i, first->kind, first->id))
			seen[c->rows[i].job] |= judge_is_hurt(&c->lrows[i], out->effect) ? 3 : 1;
	for (size_t i = 0; seen && i < c->n_jobs; i++) {
		if (seen[i] & 2 && out->n_hurts < INCIDENT_JOBS_MAX)
			hurts[out->n_hurts++] = c->jobs[i];
		if (seen[i] & 1 && out->n_crosses < INCIDENT_JOBS_MAX)
			crosses[out->n_crosses++] = c->jobs[i];
	}
	out->hurts = hurts;
	out->crosses = crosses;
	free(seen);
}

/* In which parts of the window losses (or slow probes) lie that the finding may explain. */
static uint64_t
judge_parts(const struct judge_case *c, const struct locate_finding *from)
{
	const struct locate_candidate *first = &from->candidates[0];
	uint64_t when = 0;

	for (size_t i = 0; i < c->n_rows; i++)
		if ((c->lrows[i].lost_when || c->lrows[i].slow_when) &&
		    judge_case_crosses(c, i, first->kind, first->id))
			when |= from->effect == LOCATE_DELAY ? c->lrows[i].slow_when :
							       c->lrows[i].lost_when;
	return when;
}

/*
 * Whether the losses go on: some lie in the last two slots of the window, within which all hosts
 * have reported. Those of earlier ones end at another time in the reports of each host. That may
 * look like culprits which are none.
 */
static bool
judge_is_live(const struct judge_case *c, const struct locate_finding *from)
{
	uint64_t slots = intake_window_ns(c->window) / intake_slot_ns(c->window);

	return judge_parts(c, from) >> (slots - 2) != 0;
}

/*
 * What it loses while it does: in the parts of a longer window that have losses. A short trouble
 * would else look like a small one, and few probes could never say that it is over.
 */
static double
judge_loss_ratio(const struct judge_case *c, const struct locate_finding *from)
{
	double slots = (double)(intake_window_ns(c->window) / intake_slot_ns(c->window));
	int parts = __builtin_popcountll(judge_parts(c, from));

	if (from->effect == LOCATE_DELAY)
		return 0;
	return fmin(fmax(c->window != INTAKE_SHORT && parts ? from->rate * slots / parts :
							      from->rate, 0), 1);
}

/* Whether the row crosses the candidate or, if that is a link, one of its switches. */
static bool
judge_is_near(const struct judge_case *c, size_t row, const struct locate_candidate *candidate)
{
	const struct locate_link *l;

	if (candidate->kind != LOCATE_LINK && candidate->kind != LOCATE_CABLE)
		return judge_case_crosses(c, row, candidate->kind, candidate->id);
	l = &c->llinks[candidate->id];
	return judge_case_crosses(c, row, LOCATE_SWITCH, l->from) ||
	       judge_case_crosses(c, row, LOCATE_SWITCH, l->to);
}

/* How many seconds before the end of its host's last report the newest loss of a row was due. */
static uint32_t
judge_row_lag(const struct judge_case *c, size_t row)
{
	uint32_t said = c->lhosts[c->lnics[c->lrows[row].from].host].said;
	uint32_t newest = (uint32_t)__builtin_ctz(c->lrows[row].lost_due);

	return said == LOCATE_NONE ? LOCATE_NONE : newest > said ? newest - said : 0;
}

/*
 * The seconds in which losses lie that the finding may explain; 0: not known of all of them. *lag:
 * after how many a loss is reported at the soonest.
 */
static uint32_t
judge_seconds(const struct judge_case *c, const struct locate_finding *from, uint32_t *lag)
{
	const struct locate_candidate *first = &from->candidates[0];
	uint32_t due = 0;

	for (size_t i = 0; from->effect != LOCATE_DELAY && i < c->n_rows; i++) {
		if (!(c->lrows[i].lost || c->lrows[i].half) ||
		    !judge_case_crosses(c, i, first->kind, first->id))
			continue;
		if (!c->lrows[i].lost_due)
			return 0;
		due |= c->lrows[i].lost_due;
		*lag = judge_row_lag(c, i) < *lag ? judge_row_lag(c, i) : *lag;
	}
	return due;
}

/*
 * Whether all hosts that know something of it have reported after its first losses, or after their
 * slot. If not, what the others have met before looks as if it were well, and a switch like one of
 * its links. Those that say when something was lost also say so early: after JUDGE_EARLY_NS, what
 * they have not said has not been lost. If their probes take longer to time out (timeout_ms), their
 * reports show it.
 */
static bool
judge_is_told(const struct judge_case *c, const struct locate_finding *from)
{
	uint64_t slot_ns = intake_slot_ns(c->window), when = judge_parts(c, from);
	uint64_t slots = intake_window_ns(c->window) / slot_ns, after_ns;
	uint32_t lag = LOCATE_NONE, due = judge_seconds(c, from, &lag);
	const struct judge_host *host;

	if (!when)
		return true;
	after_ns = c->now_ns - c->now_ns % slot_ns + slot_ns -
		   (slots - 1 - (uint64_t)__builtin_ctzll(when)) * slot_ns;
	if (due) {
		after_ns = (c->now_ns / NSEC_PER_SEC + 1 - (31 - (uint64_t)__builtin_clz(due)) +
			    (lag > 1 ? lag - 1 : 0)) * NSEC_PER_SEC;
		if (c->now_ns >= after_ns + JUDGE_EARLY_NS)
			return true;
	}
	for (size_t i = 0; i < c->n_rows; i++) {
		host = &c->hosts[c->lnics[c->lrows[i].from].host];
		if (host->reported_ns && host->reported_ns < after_ns && judge_has_probes(c, i) &&
		    judge_is_near(c, i, &from->candidates[0]))
			return false;
	}
	return true;
}

static int
judge_compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How much longer what is slow takes: the median of the rows that cross it. 0: unknown. */
static uint64_t
judge_delay(const struct judge_case *c, const struct locate_finding *from)
{
	const struct locate_candidate *first = &from->candidates[0];
	uint64_t *all = from->effect == LOCATE_DELAY ? calloc(c->n_rows + 1, sizeof(*all)) : NULL;
	uint64_t median;
	size_t n = 0;

	if (!all)
		return 0;
	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].extra_ns && judge_case_crosses(c, i, first->kind, first->id))
			all[n++] = c->rows[i].extra_ns;
	qsort(all, n, sizeof(*all), judge_compare_ns);
	median = n ? all[n / 2] : 0;
	free(all);
	return median;
}

/* ---- a second culprit ---- */

/* Losses (or slow probes) that a culprit beside another one needs for itself. */
#define JUDGE_OWN 3u

static bool
judge_same_effect(enum locate_effect a, bool delay)
{
	return (a == LOCATE_DELAY) == delay;
}

/* Whether one of the candidates is the culprit of an incident. */
static bool
judge_is_known(const struct judge_case *c, const struct locate_finding *finding)
{
	for (size_t k = 0; k < finding->n_candidates; k++)
		for (size_t i = 0; i < c->n_asks; i++)
			if (c->asks[i].explains &&
			    c->asks[i].what == finding->candidates[k].id &&
			    c->asks[i].kind == finding->candidates[k].kind)
				return true;
	return false;
}

static bool
judge_knows_path(const struct judge_case *c, uint32_t path)
{
	const unsigned int good = LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE;

	return path != LOCATE_NONE && (c->paths[path].flags & good) == good;
}

static bool
judge_is_switching(enum locate_kind kind)
{
	return kind == LOCATE_LINK || kind == LOCATE_CABLE || kind == LOCATE_SWITCH;
}

/* Whether the path of the row is not known, so that it may cross any switch above its ToRs. */
static bool
judge_may_stray(const struct judge_case *c, size_t row)
{
	const struct locate_row *r = &c->lrows[row];

	return c->lnics[r->from].tor != c->lnics[r->to].tor &&
	       !(judge_knows_path(c, r->there) && judge_knows_path(c, r->back));
}

/* Whether the row crosses it: certainly, or, if it may stray, possibly. */
static bool
judge_may_cross(const struct judge_case *c, size_t row, bool stray,
		const struct locate_candidate *what)
{
	const struct locate_row *r = &c->lrows[row];

	return judge_case_crosses(c, row, what->kind, what->id) ||
	       (stray && judge_is_switching(what->kind)) ||
	       (what->kind == LOCATE_SWITCH && (c->lnics[r->from].tor == what->id ||
						c->lnics[r->to].tor == what->id));
}

/*
 * Whether a greater finding, or the culprit of an incident, is on the way of the row; or may be, if
 * its path is not known and the finding is something in the network, too. At which NICs and hosts a
 * row ends is certain: if these explain its losses better, no switch that it may cross does.
 */
static bool
judge_is_explained(const struct judge_case *c, size_t row, const struct locate_finding *finding)
{
	enum locate_kind kind = finding->candidates[0].kind;
	bool stray = (judge_is_switching(kind) || kind == LOCATE_ABOVE) && judge_may_stray(c, row);
	bool delay = finding->effect == LOCATE_DELAY;

	for (const struct locate_finding *f = c->result->findings; f != finding; f++)
		if (!f->suspect && judge_same_effect(f->effect, delay) &&
		    judge_may_cross(c, row, stray, &f->candidates[0]))
			return true;
	for (size_t i = 0; i < c->n_asks; i++)
		if (c->asks[i].explains && c->asks[i].what != JUDGE_NONE &&
		    (c->asks[i].effect == INCIDENT_DELAY) == delay &&
		    judge_may_cross(c, row, stray, &(struct locate_candidate){
			    .kind = c->asks[i].kind, .id = c->asks[i].what}))
			return true;
	return false;
}

/* Whether there are a greater finding, or an incident. */
static bool
judge_is_beside(const struct judge_case *c, const struct locate_finding *finding)
{
	bool beside = finding != c->result->findings;

	for (size_t i = 0; i < c->n_asks; i++)
		beside |= c->asks[i].explains;
	return beside;
}

/*
 * Whether a finding beside others has evidence of its own. The rows that cross a fault do not all
 * lose the same share of their probes if the fault begins or ends within the window, because each
 * host reports at another time. What a second culprit would explain there is no evidence. So it
 * needs losses in rows that cross no other.
 */
static bool
judge_has_own(const struct judge_case *c, const struct locate_finding *finding)
{
	const struct locate_candidate *first = &finding->candidates[0];
	uint64_t own = 0;

	if (!judge_is_beside(c, finding) || judge_is_known(c, finding))
		return true;
	for (size_t i = 0; i < c->n_rows && own < JUDGE_OWN; i++) {
		const struct locate_row *row = &c->lrows[i];
		uint32_t n = finding->effect == LOCATE_DELAY ? row->slow : row->lost + row->half;

		if (n && judge_case_crosses(c, i, first->kind, first->id) &&
		    !judge_is_explained(c, i, finding))
			own += n;
	}
	return own >= JUDGE_OWN;
}

/* What a finding points to: one block of memory. */
struct judge_found {
	struct incident_culprit culprits[LOCATE_CANDIDATES];
	struct incident_job hurts[INCIDENT_JOBS_MAX], crosses[INCIDENT_JOBS_MAX];
};

static int
judge_find_one(const struct judge_case *c, const struct locate_finding *from,
	       struct incidents_finding *out)
{
	static const enum incident_effect effects[] = {
		[LOCATE_LOSS] = INCIDENT_LOSS, [LOCATE_SIZE] = INCIDENT_SIZE,
		[LOCATE_DELAY] = INCIDENT_DELAY};
	struct judge_found *found = calloc(1, sizeof(*found));
	enum locate_direction direction = from->candidates[0].direction;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_candidates; i++)
		judge_name(c, &from->candidates[i], &found->culprits[i]);
	*out = (struct incidents_finding){
		.kind = found->culprits[0].kind, .culprits = found->culprits,
		.n_culprits = from->n_candidates, .effect = effects[from->effect],
		.direction = direction == LOCATE_FORTH || direction == LOCATE_BACK ?
				     INCIDENT_ONE_WAY : INCIDENT_BOTH,
		.loss_ratio = judge_loss_ratio(c, from), .delay_ns = judge_delay(c, from),
		.confidence = from->net > 0 ? -expm1(-from->net) : 0,
		.sure = from->net >= JUDGE_SURE && !from->brief &&
			from == c->result->findings && judge_is_told(c, from)};
	judge_find_jobs(c, from, out, found->hurts, found->crosses);
	return 0;
}

int
judge_find(struct judge_case *c)
{
	const struct locate_result *r = c->result;
	int rc = 0;

	if (!r->n_findings)
		return 0;
	c->findings = calloc(r->n_findings, sizeof(*c->findings));
	c->found_in = calloc(r->n_findings, sizeof(*c->found_in));
	if (!c->findings || !c->found_in)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < r->n_findings; i++) {
		if (r->findings[i].suspect || !r->findings[i].n_candidates ||
		    !judge_has_own(c, &r->findings[i]) ||
		    (c->window == INTAKE_SHORT && !judge_is_live(c, &r->findings[i]))) {
			c->stats.suspects++;
			continue;
		}
		c->found_in[c->n_findings] = i;
		rc = judge_find_one(c, &r->findings[i], &c->findings[c->n_findings]);
		c->n_findings += rc == 0;
	}
	return rc;
}

/* ---- for people who look for a fault in this ---- */

static bool
judge_is_finding(const struct judge_case *c, size_t i)
{
	for (size_t k = 0; k < c->n_findings; k++)
		if (c->found_in[k] == i)
			return true;
	return false;
}

static void
judge_log_one(const struct judge_case *c, size_t i)
{
	const struct locate_finding *f = &c->result->findings[i];
	struct incident_culprit culprit;

	for (size_t k = 0; k < f->n_candidates; k++) {
		const struct locate_candidate *candidate = &f->candidates[k];

		judge_name(c, candidate, &culprit);
		log_debug(CLUSTER, "%s%s %s: net %.1f, %" PRIu64 " of %" PRIu64
			  " probes, rate %.4f, behind %.1f%s%s: %s %s",
			  k ? "  or " : "",
			  judge_is_finding(c, i) ? "finding" : "suspicion",
			  locate_effect_name(f->effect), f->net, f->losses, f->probes,
			  candidate->rate, candidate->behind, f->brief ? ", brief" : "",
			  f->suspect ? ", suspect" : "", locate_kind_name(candidate->kind),
			  culprit.name);
	}
}

void
judge_case_log(const struct judge_case *c)
{
	if (!log_enabled(LOG_SUB_CLUSTER, LOG_LEVEL_DEBUG) || !c->result->n_findings)
		return;
	log_debug(CLUSTER, "judged %" PRIu64 " s: %zu rows, %" PRIu64 " probes, %" PRIu64
		  " losses, %" PRIu64 " of them unexplained, background %.6f",
		  intake_window_ns(c->window) / (uint64_t)NSEC_PER_SEC, c->n_rows,
		  c->result->probes, c->result->losses, c->result->unexplained,
		  c->result->background);
	for (size_t i = 0; i < c->result->n_findings; i++)
		judge_log_one(c, i);
}

void
judge_find_free(struct judge_case *c)
{
	/* The culprits are the first member of their block. */
	for (size_t i = 0; i < c->n_findings; i++)
		free((void *)(uintptr_t)c->findings[i].culprits);
	free(c->findings);
	free(c->found_in);
}

size_t
judge_case_findings(const struct judge_case *c, const struct incidents_finding **out)
{
	*out = c->findings;
	return c->n_findings;
}
