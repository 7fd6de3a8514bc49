/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case that goes on from window to window says what a new one says: while hosts lose probes and
 * cease to, paths change, streams, hosts and NICs come and go, and routers get other names.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "core/clock.h"

#define S 1000000000ULL
#define HOSTS 20u
#define LEAF 5u      /* hosts under a leaf switch */
#define STREAMS 128u /* at most, of a host */
#define TUPLES 4u    /* to each other host */
#define SENT 50u

static struct registry *registry;
static struct intake *intake;
static struct roads *roads;
static struct judge_case *kept; /* what goes on; NULL: none yet */
static uint64_t now_ns, wall; /* the wall clock less now_ns, as the case has it */
static unsigned int n_hosts, turn;
static unsigned int tuples[HOSTS];      /* to each other host */
static uint64_t sequence[HOSTS], sent_paths[HOSTS];
static uint32_t lost_at;                /* spine that loses; UINT32_MAX: none */
static uint32_t moved;                  /* host of which a path goes by another spine */
static uint32_t silent;                 /* host of which a path has a gap */
static uint64_t rows_max;               /* of a case; 0: the default */
static uint32_t plugged;                /* port of the fifth spine for the leaf of `moved` */

/* In the place of that of central/mesh. */
const struct registry *
mesh_registry(const struct mesh *mesh)
{
	(void)mesh;
	return registry;
}

static void
width(void *arg)
{
	(void)arg;
}

static void
changed(void *arg, const struct registry_host *host)
{
	(void)arg, (void)host;
}

static void
host_name(uint32_t host, char name[16])
{
	snprintf(name, 16, "h%u", host);
}

static struct addr
addr(uint32_t a, uint32_t b, uint32_t c)
{
	char text[32];
	struct addr out;

	snprintf(text, sizeof(text), "10.%u.%u.%u", a, b, c);
	assert_int_equal(addr_parse(text, &out), 0);
	return out;
}

static uint32_t
spine_of(uint32_t from, uint32_t to, uint32_t k)
{
	bool other = (from == moved && to == (from + LEAF) % HOSTS) ||
		     (to == moved && from == (to + LEAF) % HOSTS);

	return other ? 4 : (from * 7 + to * 3 + k) % 4; /* the fifth is a new one */
}

/* A host is registered, its NIC with this name. */
static void
put(uint32_t host, const char *device)
{
	const struct registry_time now = {now_ns, wall + now_ns};
	struct registration *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	host_name(host, r->host);
	r->incarnation = host + 1;
	r->ports = calloc(1, sizeof(*r->ports));
	assert_non_null(r->ports);
	r->n_ports = 1;
	snprintf(r->ports[0].device, sizeof(r->ports[0].device), "%s", device);
	r->ports[0].port = 1;
	r->ports[0].addrs[0] = addr(1, 0, host + 1);
	r->ports[0].n_addrs = 1;
	snprintf(r->ports[0].tors[0], sizeof(r->ports[0].tors[0]), "leaf%u", host / LEAF);
	r->ports[0].n_tors = 1;
	r->ports[0].tor_by = REGISTRATION_TOR_LLDP;
	assert_int_equal(roads_put_host(roads, r), 0);
	assert_int_equal(registry_seen(registry, r, false, &now), 0);
}

static void
path(struct paths_path *p, uint32_t from, uint32_t to, uint16_t src_port, uint32_t k)
{
	uint32_t spine = spine_of(from, to, k);

	*p = (struct paths_path){.source = addr(1, 0, from + 1), .destination = addr(1, 0, to + 1),
				 .src_port = src_port, .time_ns = wall + now_ns, .reached = true,
				 .stable = true, .n_hops = 3};
	p->hops[0] = addr(2, 0, from / LEAF + 1);
	p->hops[1] = addr(3, from / LEAF, spine + 1 + (from == moved && spine == 4 ? plugged : 0));
	p->hops[2] = addr(4, spine, to / LEAF + 1);
	if (from / LEAF == to / LEAF)
		p->n_hops = 1;
	else if (from == silent && to == (from + LEAF) % HOSTS)
		p->hops[1] = (struct addr){.raw = {0}};
}

/* All paths from the host: its probes, and its answers. */
static void
trace(uint32_t host)
{
	struct paths_path all[HOSTS * TUPLES * 2];
	struct paths p = {.incarnation = host + 1, .sequence = ++sent_paths[host],
			  .time_ns = wall + now_ns, .paths = all};

	host_name(host, p.host);
	for (uint32_t to = 0; to < n_hosts; to++)
		for (uint32_t k = 0; to != host && k < TUPLES; k++) {
			path(&all[p.n_paths++], host, to, (uint16_t)(50000 + k), k);
			path(&all[p.n_paths++], host, to, (uint16_t)(60000 + k), k);
		}
	assert_int_equal(roads_take(roads, &p, wall + now_ns), 0);
}

static bool
loses(uint32_t from, uint32_t to, uint32_t k)
{
	return from / LEAF != to / LEAF && spine_of(from, to, k) == lost_at;
}

static void
report(uint32_t host)
{
	const struct intake_time now = {now_ns, wall + now_ns};
	struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	struct report_stream streams[STREAMS];
	struct report_row rows[STREAMS];
	uint32_t sent[STREAMS], rtt_ns[STREAMS];
	struct report r = {.incarnation = host + 1, .sequence = ++sequence[host],
			   .streams_of = sequence[host], .begin_ns = wall + now_ns - 5 * S,
			   .end_ns = wall + now_ns, .whole = true, .ports = &port, .n_ports = 1,
			   .streams = streams, .sent = sent, .rtt_ns = rtt_ns, .rows = rows};
	char name[16];

	host_name(host, name);
	r.host = name;
	for (uint32_t to = 0; to < HOSTS; to++)
		for (uint32_t k = 0; to != host && k < tuples[host]; k++, r.n_streams++) {
			streams[r.n_streams] = (struct report_stream){
				.device = "mlx5_0", .port = 1, .size = k ? 64 : 4096,
				.kind = k ? REPORT_FABRIC : REPORT_FLOW, .job = k ? "" : name,
				.source = addr(1, 0, host + 1), .destination = addr(1, 0, to + 1),
				.src_port = (uint16_t)(50000 + k),
				.back_port = (uint16_t)(60000 + k)};
			sent[r.n_streams] = SENT;
			rtt_ns[r.n_streams] = 5000;
			if (loses(host, to, k))
				rows[r.n_rows++] = (struct report_row){
					.place = (uint32_t)r.n_streams, .lost_when = 0xf0,
					.classes = {[PROBE_LOST] = 10}, .slow = k == 1};
			else if ((host * 31 + to * 5 + k + turn) % 40 == 0)
				rows[r.n_rows++] = (struct report_row){
					.place = (uint32_t)r.n_streams,
					.classes = {[PROBE_LOST] = 1}, .noise = k, .noise_lost = 1};
		}
	assert_int_equal(intake_take(intake, name, &r, &now), 0);
}

/* All hosts report, so many times. */
static void
pass(unsigned int times)
{
	for (; times; times--) {
		turn++;
		now_ns += 5 * S;
		roads_tick(roads, wall + now_ns);
		for (uint32_t i = 0; i < n_hosts; i++)
			report(i);
	}
}

/* ---- the two cases ---- */

static const struct judge_row *
row_at(const struct judge_case *c, uint32_t host, uint32_t place, const struct locate_row **out)
{
	const struct judge_host *h = &c->hosts[host];

	for (size_t i = h->first_row; i < h->first_row + h->n_rows; i++)
		if (c->rows[i].place == place && judge_has_probes(c, i)) {
			*out = &c->lrows[i];
			return &c->rows[i];
		}
	return NULL;
}

static void
compare_paths(const struct judge_case *a, uint32_t pa, const struct judge_case *b, uint32_t pb)
{
	assert_int_equal(pa == LOCATE_NONE, pb == LOCATE_NONE);
	if (pa == LOCATE_NONE)
		return;
	assert_int_equal(a->paths[pa].flags, b->paths[pb].flags);
	assert_int_equal(a->paths[pa].n_links, b->paths[pb].n_links);
	for (uint32_t i = 0; i < a->paths[pa].n_links; i++) {
		uint32_t la = a->paths[pa].links[i], lb = b->paths[pb].links[i];
		const struct locate_link *x = &a->llinks[la], *y = &b->llinks[lb];

		assert_memory_equal(&a->links[la].to, &b->links[lb].to, sizeof(struct addr));
		assert_int_equal(x->nic, y->nic);
		assert_int_equal(x->reverse == LOCATE_NONE, y->reverse == LOCATE_NONE);
		assert_int_equal(x->from == LOCATE_NONE, y->from == LOCATE_NONE);
		if (x->from != LOCATE_NONE)
			assert_string_equal(a->switches[x->from].name, b->switches[y->from].name);
		if (x->to != LOCATE_NONE)
			assert_string_equal(a->switches[x->to].name, b->switches[y->to].name);
	}
}

static void
compare_rows(const struct judge_case *a, const struct judge_case *b)
{
	const struct locate_row *x, *y;

	for (uint32_t host = 0; host < a->n_hosts; host++)
		for (uint32_t place = 0; place < STREAMS; place++) {
			const struct judge_row *r = row_at(a, host, place, &x);
			const struct judge_row *s = row_at(b, host, place, &y);

			assert_int_equal(!r, !s);
			if (!r)
				continue;
			assert_int_equal(x->from, y->from);
			assert_int_equal(x->to, y->to);
			assert_int_equal(x->sent, y->sent);
			assert_int_equal(x->lost, y->lost);
			assert_int_equal(x->half, y->half);
			assert_int_equal(x->slow, y->slow);
			assert_int_equal(x->arrived, y->arrived);
			assert_int_equal(x->large, y->large);
			assert_int_equal(x->lost_when, y->lost_when);
			assert_int_equal(x->slow_when, y->slow_when);
			assert_int_equal(x->lost_due, y->lost_due);
			assert_int_equal(r->other, s->other);
			assert_int_equal(r->losing_ns, s->losing_ns);
			assert_int_equal(r->src_port, s->src_port);
			compare_paths(a, x->there, b, y->there);
			compare_paths(a, x->back, b, y->back);
		}
}

static size_t
compare_findings(const struct judge_case *a, const struct judge_case *b)
{
	const struct incidents_finding *f, *g;
	size_t n = judge_case_findings(a, &f);

	assert_int_equal(n, judge_case_findings(b, &g));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(f[i].n_culprits, g[i].n_culprits);
		for (size_t k = 0; k < f[i].n_culprits; k++)
			assert_string_equal(f[i].culprits[k].name, g[i].culprits[k].name);
		assert_int_equal(f[i].effect, g[i].effect);
		assert_int_equal(f[i].sure, g[i].sure);
		assert_int_equal(f[i].n_hurts, g[i].n_hurts);
		assert_int_equal(f[i].n_crosses, g[i].n_crosses);
		assert_true(fabs(f[i].loss_ratio - g[i].loss_ratio) <=
			    1e-3 * g[i].loss_ratio);
	}
	return n;
}

static void
judge(struct judge_case *c)
{
	const struct incident_culprit spine = {.kind = INCIDENT_SWITCH, .name = "spine1"};
	const struct judge_question q = {"incident", &spine, INCIDENT_LOSS, 0.2, true};
	int rc = 1;

	while (rc == 1)
		rc = judge_case_more(c);
	assert_int_equal(rc, 0);
	assert_int_equal(judge_case_ask(c, &q), 0);
	assert_int_equal(judge_case_run(c), 0);
}

/* Judges both ways. Returns how many findings there are. */
static size_t
compare(enum intake_window window)
{
	const struct judge_sources sources = {NULL, intake, roads, rows_max};
	struct judge_case_stats a, b;
	struct judge_case *fresh, *next;
	size_t n;

	assert_int_equal(judge_case_new(&sources, window, now_ns, &fresh), 0);
	if (kept)
		judge_case_begin(kept, window, now_ns);
	else
		assert_int_equal(judge_case_new(&sources, window, now_ns, &kept), 0);
	judge(fresh);
	judge(kept);
	judge_case_stats(fresh, &a);
	judge_case_stats(kept, &b);
	assert_true(a.rows > 0);
	assert_int_equal(a.rows, b.rows);
	assert_int_equal(a.left_out, b.left_out);
	assert_int_equal(a.hosts, b.hosts);
	assert_int_equal(a.nics, b.nics);
	assert_int_equal(a.probes, b.probes);
	assert_int_equal(a.losses, b.losses);
	assert_int_equal(judge_case_health(fresh, "incident"), judge_case_health(kept, "incident"));
	for (uint32_t i = 0; i < fresh->n_nics; i++) {
		assert_int_equal(fresh->lnics[i].excuses, kept->lnics[i].excuses);
		assert_string_equal(fresh->nics[i].device, kept->nics[i].device);
		assert_string_equal(fresh->switches[fresh->lnics[i].tor].name,
				    kept->switches[kept->lnics[i].tor].name);
	}
	compare_rows(fresh, kept);
	n = compare_findings(fresh, kept);
	judge_case_free(fresh);
	next = judge_case_strip(kept);
	assert_non_null(next);
	judge_case_free(kept);
	kept = next;
	return n;
}

static int
begin(void **state)
{
	static const struct roads_ops roads_ops = {.width = width};
	static const struct registry_ops registry_ops = {.changed = changed};

	(void)state;
	now_ns = 100000 * S;
	wall = clock_wall_ns() - clock_mono_ns();
	n_hosts = HOSTS - 1;
	turn = 0;
	lost_at = moved = silent = UINT32_MAX;
	plugged = 0;
	rows_max = 0;
	memset(sequence, 0, sizeof(sequence));
	memset(sent_paths, 0, sizeof(sent_paths));
	assert_int_equal(judge_index_seed(), 0);
	assert_int_equal(registry_new(HOSTS, &registry_ops, &registry), 0);
	assert_int_equal(intake_new(HOSTS, &intake), 0);
	assert_int_equal(roads_new(&roads_ops, 4, &roads), 0);
	roads_tick(roads, wall + now_ns);
	for (uint32_t i = 0; i < HOSTS; i++)
		tuples[i] = TUPLES;
	for (uint32_t i = 0; i < n_hosts; i++)
		put(i, "mlx5_0");
	for (uint32_t i = 0; i < n_hosts; i++)
		trace(i);
	for (uint32_t i = 0; i < 4; i++) {
		const struct addr a = addr(3, 0, i + 1), b = addr(3, 1, i + 1);
		char name[16];

		snprintf(name, sizeof(name), "spine%u", i);
		assert_int_equal(roads_name_file(roads, &a, name, NULL), 0);
		assert_int_equal(roads_name_file(roads, &b, name, NULL), 0);
	}
	pass(5);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	judge_case_free(kept);
	kept = NULL;
	roads_free(roads);
	intake_free(intake);
	registry_free(registry);
	return 0;
}

static void
test_losses(void **state)
{
	const struct judge_host *h;
	size_t first;

	(void)state;
	assert_int_equal(compare(INTAKE_SHORT), 0);
	h = &kept->hosts[0];
	first = h->first_row;
	lost_at = 1;
	for (unsigned int i = 0; i < 4; i++) {
		pass(1);
		for (uint32_t host = 0; i == 2 && host < n_hosts; host++)
			trace(host);          /* so the paths are fresh */
		compare(INTAKE_SHORT);
		compare(INTAKE_MIDDLE);
	}
	assert_true(kept->n_fresh > 0);
	assert_true(compare(INTAKE_SHORT) > 0);
	/* Nothing was made anew. */
	assert_int_equal(kept->hosts[0].first_row, first);
	assert_int_equal(kept->buried, 0);
	lost_at = UINT32_MAX;
	for (unsigned int i = 0; i < 6; i++) {
		pass(1);
		compare(INTAKE_SHORT);
		compare(INTAKE_LONG);
	}
	assert_int_equal(compare(INTAKE_SHORT), 0);
	assert_int_equal(kept->hosts[0].first_row, first);
}

static void
test_changes(void **state)
{
	const struct addr renamed = addr(3, 0, 3);
	size_t first;

	(void)state;
	lost_at = 1;
	pass(2);
	compare(INTAKE_SHORT);
	moved = 2;                    /* a path goes elsewhere */
	trace(2);
	compare(INTAKE_SHORT);
	assert_true(kept->buried > 0);
	compare(INTAKE_MIDDLE);
	silent = 5;                   /* paths have gaps */
	now_ns += S;
	roads_tick(roads, wall + now_ns);
	trace(5);
	compare(INTAKE_SHORT);
	pass(1);
	compare(INTAKE_SHORT);
	assert_true(kept->hosts[5].vague);
	now_ns += 1900 * S;           /* the path before is too old to stand in */
	pass(1);
	compare(INTAKE_SHORT);
	assert_false(kept->hosts[5].vague);
	first = kept->hosts[5].first_row;
	pass(1);
	compare(INTAKE_SHORT);
	assert_int_equal(kept->hosts[5].first_row, first);
	assert_true(kept->n_chosen > 0);
	tuples[3] = 2;                /* a host has fewer streams */
	pass(1);
	compare(INTAKE_SHORT);
	compare(INTAKE_MIDDLE);
	n_hosts++;                    /* a host comes that others have probed */
	put(HOSTS - 1, "mlx5_0");
	compare(INTAKE_SHORT);
	for (uint32_t i = 0; i < n_hosts; i++)
		trace(i);
	pass(1);
	compare(INTAKE_SHORT);
	put(4, "mlx5_7");             /* a NIC has another name */
	compare(INTAKE_SHORT);
	assert_int_equal(roads_name_file(roads, &renamed, "other", NULL), 0);
	compare(INTAKE_SHORT);
	for (unsigned int i = 0; i < 12; i++) {
		moved = i % HOSTS;
		trace(moved);
		pass(1);
		compare(i % 3 ? INTAKE_SHORT : INTAKE_MIDDLE);
	}
}

/* A cable is plugged in elsewhere: the link of before is none of two. */
static void
test_plugged(void **state)
{
	struct addr a;

	(void)state;
	moved = 2;
	for (uint32_t leaf = 0; leaf < 2; leaf++)
		for (uint32_t port = 5; port < 7; port++) {
			a = addr(3, leaf, port);
			assert_int_equal(roads_name_file(roads, &a, "spine4", NULL), 0);
		}
	trace(2);
	trace(7);
	compare(INTAKE_SHORT);
	plugged = 1;
	trace(2);
	compare(INTAKE_SHORT);
	assert_true(kept->buried > 0);
	plugged = 0;
	trace(2);
	compare(INTAKE_SHORT);
}

/* Rows that are there no more take no room from others. */
static void
test_room(void **state)
{
	struct intake_stats stats;

	(void)state;
	intake_stats(intake, now_ns, &stats);
	rows_max = stats.rows;
	compare(INTAKE_SHORT);
	moved = 2;
	silent = 5;
	trace(2);
	trace(5);
	compare(INTAKE_SHORT);
	assert_true(kept->n_rows > rows_max + rows_max / 8);
}

/* A host ceases to report, and is forgotten. */
static void
test_gone(void **state)
{
	(void)state;
	compare(INTAKE_SHORT);
	n_hosts--;
	pass(1);
	compare(INTAKE_SHORT);
	registry_left(registry, "h18", REGISTRY_LEFT_GOODBYE,
		      &(struct registry_time){now_ns, wall + now_ns});
	compare(INTAKE_SHORT);
	n_hosts--;
	compare(INTAKE_MIDDLE);
	now_ns += 3700 * S;
	pass(1);
	intake_tick(intake, now_ns);
	compare(INTAKE_SHORT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_losses, begin, end),
		cmocka_unit_test_setup_teardown(test_changes, begin, end),
		cmocka_unit_test_setup_teardown(test_plugged, begin, end),
		cmocka_unit_test_setup_teardown(test_room, begin, end),
		cmocka_unit_test_setup_teardown(test_gone, begin, end),
	};

	return cmocka_run_group_tests_name("judge_again", tests, NULL, NULL);
}
