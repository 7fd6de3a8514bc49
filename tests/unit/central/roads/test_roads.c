/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of a small fabric, drawn by hand: hosts a (leaf 1) and b (leaf 2), and two spines.
 *
 *   a 10.0.1.1 - 10.1.0.1 leaf 1 - 10.2.1.1 spine 1 - 10.3.0.1 leaf 2 - 10.0.2.1 b
 *                                - 10.2.2.1 spine 2 - 10.3.0.2
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/roads/roads_impl.h"
#include "core/clock.h"

#define NOW (1000000 * NSEC_PER_SEC)

static struct roads *roads;
static unsigned int widths; /* that have changed */

static void
width(void *arg)
{
	(void)arg;
	widths++;
}

static void
put(const char *name, const char *address, const char *tor, enum registration_tor_by by)
{
	struct registration_port port = {.device = "mlx5_0", .port = 1, .n_addrs = 1,
					 .n_tors = tor ? 1 : 0, .tor_by = by};
	struct registration r = {.ports = &port, .n_ports = 1};

	assert_int_equal(addr_parse(address, &port.addrs[0]), 0);
	snprintf(port.tors[0], sizeof(port.tors[0]), "%s", tor ? tor : "");
	snprintf(r.host, sizeof(r.host), "%s", name);
	assert_int_equal(roads_put_host(roads, &r), 0);
}

static int
setup(void **state)
{
	const struct roads_ops ops = {.width = width};

	(void)state;
	widths = 0;
	assert_int_equal(roads_new(&ops, 16, &roads), 0);
	put("a", "10.0.1.1", "leaf1", REGISTRATION_TOR_LLDP);
	put("b", "10.0.2.1", "leaf2", REGISTRATION_TOR_ROUTER);
	return 0;
}

/* When all hosts are gone, and an hour has passed, nothing remains. */
static int
teardown(void **state)
{
	struct roads_stats stats;

	(void)state;
	roads_drop_host(roads, "a");
	roads_drop_host(roads, "b");
	roads_drop_host(roads, "b");
	for (uint64_t s = 0; s < 100; s += 20)
		roads_tick(roads, NOW + (100000 + s) * NSEC_PER_SEC);
	roads_stats(roads, &stats);
	assert_int_equal(stats.paths, 0);
	assert_int_equal(stats.links, 0);
	assert_int_equal(stats.hops, 0);
	assert_int_equal(stats.switches, 0);
	assert_int_equal(stats.incomplete, 0);
	assert_int_equal(stats.unstable, 0);
	roads_free(roads);
	roads_free(NULL);
	return 0;
}

/* A path by the routers in `hops`, separated by spaces; "-": no answer. */
static struct paths_path
path(const char *from, const char *to, uint16_t port, const char *hops)
{
	struct paths_path p = {.src_port = port, .time_ns = NOW, .stable = true};
	char text[400], *save = NULL;

	assert_int_equal(addr_parse(from, &p.source), 0);
	assert_int_equal(addr_parse(to, &p.destination), 0);
	snprintf(text, sizeof(text), "%s", hops);
	for (char *hop = strtok_r(text, " ", &save); hop; hop = strtok_r(NULL, " ", &save)) {
		if (strcmp(hop, "-") != 0)
			assert_int_equal(addr_parse(hop, &p.hops[p.n_hops]), 0);
		p.n_hops++;
	}
	p.reached = !addr_is_zero(&p.hops[p.n_hops - 1]);
	return p;
}

static struct paths_path
over(int spine, uint16_t port)
{
	return path("10.0.1.1", "10.0.2.1", port,
		    spine == 1 ? "10.1.0.1 10.2.1.1 10.3.0.1" : "10.1.0.1 10.2.2.1 10.3.0.2");
}

static uint64_t sequence;

/* Sends one path, or none. */
static int
take(const char *host, struct paths_path *p)
{
	struct paths paths = {.incarnation = 7, .sequence = ++sequence, .paths = p,
			      .n_paths = p ? 1 : 0};

	snprintf(paths.host, sizeof(paths.host), "%s", host);
	return roads_take(roads, &paths, NOW);
}

static bool
find(uint16_t port, struct roads_path *out)
{
	struct roads_tuple tuple = {.src_port = port};

	addr_parse("10.0.1.1", &tuple.source);
	addr_parse("10.0.2.1", &tuple.destination);
	return roads_find(roads, &tuple, out);
}

/* The link between these addresses; its number of tuples is 0 if there is none. */
static struct roads_link
link_of(const char *from, const char *to)
{
	char a[ADDR_TEXT], b[ADDR_TEXT];
	struct roads_link link;

	for (uint32_t id = 0; (id = roads_link_after(roads, id, &link));)
		if (strcmp(addr_text(&link.from, a), from) == 0 &&
		    strcmp(addr_text(&link.to, b), to) == 0)
			return link;
	return (struct roads_link){.tuples = 0};
}

static struct roads_switch
switch_of(const char *name)
{
	struct roads_switch sw;

	for (uint32_t id = 0; (id = roads_switch_after(roads, id, &sw));)
		if (strcmp(sw.name, name) == 0)
			return sw;
	return (struct roads_switch){.tuples = 0};
}

static struct roads_stats
stats(void)
{
	struct roads_stats s;

	roads_stats(roads, &s);
	return s;
}

static void
test_path(void **state)
{
	struct paths_path p = over(1, 50000);
	struct roads_path found;
	struct roads_link link;
	char text[ADDR_TEXT];

	(void)state;
	assert_false(find(50000, &found));
	assert_int_equal(take("a", &p), 0);
	assert_true(find(50000, &found));
	assert_false(find(50001, &found));
	assert_true(find(50000, &found));
	assert_true(found.complete && found.stable && found.reached);
	assert_string_equal(found.host, "a");
	assert_int_equal(found.n_hops, 3);
	assert_string_equal(addr_text(&found.hops[1], text), "10.2.1.1");
	assert_int_equal(found.n_links, 4);
	assert_int_equal(found.n_before, 0);
	assert_true(roads_link(roads, found.links[0], &link));
	assert_string_equal(addr_text(&link.from, text), "10.0.1.1");
	assert_string_equal(addr_text(&link.to, text), "10.1.0.1");
	assert_string_equal(link.from_host, "a");
	assert_string_equal(link.from_device, "mlx5_0");
	assert_int_equal(link.from_switch, 0);
	assert_int_equal(link.to_switch, found.switches[0]);
	assert_true(roads_link(roads, found.links[3], &link));
	assert_string_equal(addr_text(&link.to, text), "10.0.2.1");
	assert_string_equal(link.to_host, "b");
	assert_null(link.from_host);
	assert_int_equal(link.from_switch, found.switches[2]);
	assert_int_equal(stats().links, 4);
	assert_int_equal(stats().switches, 3);
}

/* Tuples move from one spine to the other, and the counts follow. */
static void
test_moves(void **state)
{
	struct paths_path p;

	(void)state;
	for (uint16_t port = 1; port <= 10; port++) {
		p = over(1, port);
		assert_int_equal(take("a", &p), 0);
	}
	assert_int_equal(link_of("10.1.0.1", "10.2.1.1").tuples, 10);
	assert_int_equal(link_of("10.0.1.1", "10.1.0.1").tuples, 10);
	assert_int_equal(switch_of("10.2.1.1").tuples, 10);
	for (uint16_t port = 1; port <= 3; port++) {
		p = over(2, port);
		assert_int_equal(take("a", &p), 0);
	}
	assert_int_equal(link_of("10.1.0.1", "10.2.1.1").tuples, 7);
	assert_int_equal(link_of("10.1.0.1", "10.2.2.1").tuples, 3);
	assert_int_equal(link_of("10.0.1.1", "10.1.0.1").tuples, 10);
	assert_int_equal(link_of("10.3.0.1", "10.0.2.1").tuples, 7);
	assert_int_equal(stats().paths, 10);
	assert_int_equal(stats().links, 7);
}

static void
assert_same_links(const struct roads_way_links *short_form, uint16_t port)
{
	struct roads_path p;

	assert_true(find(port, &p));
	assert_true(short_form->known);
	assert_int_equal(short_form->complete, p.complete);
	assert_int_equal(short_form->stable, p.stable);
	assert_int_equal(short_form->n_links, p.n_links);
	assert_memory_equal(short_form->links, p.links, p.n_links * sizeof(*p.links));
}

/* The two ways of a row in short. An id of a link may only be used again once that is said. */
static void
test_both(void **state)
{
	struct roads_tuple there = {.src_port = 5};
	struct paths_path p = over(1, 5), back = path("10.0.2.1", "10.0.1.1", 6,
						      "10.3.0.9 10.2.1.9 10.1.0.9");
	struct roads_way_links ways[2] = {{.id = 0}};
	uint64_t forgotten;

	(void)state;
	addr_parse("10.0.1.1", &there.source);
	addr_parse("10.0.2.1", &there.destination);
	roads_find_both(roads, &there, 6, ways);
	assert_false(ways[0].known || ways[1].known);
	assert_int_equal(take("a", &p), 0);
	roads_find_both(roads, &there, 6, ways);
	assert_same_links(&ways[0], 5);
	assert_false(ways[1].known);
	assert_int_equal(take("b", &back), 0);
	roads_find_both(roads, &there, 6, ways);
	assert_same_links(&ways[0], 5);
	assert_true(ways[1].known);
	assert_int_equal(ways[1].n_links, 4);
	/* Whatever was taken for their ids. */
	for (uint32_t id = 0; id < 5; id++) {
		ways[0] = (struct roads_way_links){.id = id < 4 ? id : UINT32_MAX};
		ways[1] = (struct roads_way_links){.id = id == 1 ? 1 : 3 - id};
		roads_find_both(roads, &there, 6, ways);
		assert_same_links(&ways[0], 5);
		assert_int_equal(ways[1].n_links, 4);
		assert_int_not_equal(ways[0].id, ways[1].id);
	}
	roads_find_both(roads, &there, 0, ways);
	assert_false(ways[1].known);
	forgotten = roads_links_forgotten(roads);
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(roads_links_forgotten(roads), forgotten);
	for (int i = 0; i < 2; i++) { /* the last complete path keeps its links */
		p = over(2, 5);
		assert_int_equal(take("a", &p), 0);
	}
	assert_int_equal(roads_links_forgotten(roads), forgotten + 3);
}

/* The id of another path is none for this one, nor is that of one that was forgotten. */
static void
test_both_others(void **state)
{
	struct roads_tuple there = {.src_port = 5};
	struct paths_path p = over(1, 5), back = path("10.0.2.1", "10.0.1.1", 6,
						      "10.3.0.9 10.2.1.9 10.1.0.9");
	struct roads_way_links ways[2] = {{.id = 0}};

	(void)state;
	addr_parse("10.0.1.1", &there.source);
	addr_parse("10.0.2.1", &there.destination);
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(take("b", &back), 0);
	/* Of the same pair, with another port. */
	p = over(1, 7);
	assert_int_equal(take("a", &p), 0);
	roads_find_both(roads, &there, 6, ways);
	there.src_port = 7;
	roads_find_both(roads, &there, 6, ways);
	assert_same_links(&ways[0], 7);
	/* Of another class, destination or source. */
	for (int i = 0; i < 3; i++) {
		struct roads_tuple other = there;

		other.traffic_class = i == 0 ? 106 : 0;
		addr_parse(i == 1 ? "10.0.2.9" : "10.0.2.1", &other.destination);
		addr_parse(i == 2 ? "10.0.1.9" : "10.0.1.1", &other.source);
		roads_find_both(roads, &there, 6, ways);
		roads_find_both(roads, &other, 6, ways);
		assert_false(ways[0].known);
	}
	roads_find_both(roads, &there, 6, ways);
	roads_drop_host(roads, "a");
	roads_drop_host(roads, "b");
	for (uint64_t s = 0; s < 100; s += 20)
		roads_tick(roads, NOW + (100000 + s) * NSEC_PER_SEC);
	assert_int_equal(stats().paths, 0);
	roads_find_both(roads, &there, 6, ways);
	assert_false(ways[0].known || ways[1].known);
}

/* If there is no room for a link, nothing remains of a path. */
static void
test_full(void **state)
{
	struct paths_path p = over(1, 5);
	struct roads_path found;
	uint32_t links = 0;

	(void)state;
	for (roads->edges.max = 0; take("a", &p) != 0; roads->edges.max++, links++) {
		assert_int_equal(stats().links, 0);
		assert_int_equal(stats().hops, 0);
		assert_false(find(5, &found));
	}
	assert_int_equal(links, 4);
	assert_true(find(5, &found));
	assert_int_equal(stats().links, 4);
}

/* What has not answered is no link, and the last complete path stays. */
static void
test_incomplete(void **state)
{
	struct paths_path good = over(1, 1), p;
	struct roads_path found, before;

	(void)state;
	p = path("10.0.1.1", "10.0.2.1", 1, "10.1.0.1 - 10.3.0.1");
	assert_int_equal(take("a", &p), 0);
	assert_true(find(1, &found));
	assert_false(found.complete);
	assert_int_equal(found.n_links, 2);
	assert_int_equal(found.n_before, 0);
	assert_int_equal(found.switches[1], 0);
	assert_int_equal(stats().incomplete, 1);
	assert_int_equal(take("a", &good), 0);
	assert_true(find(1, &before));
	assert_int_equal(before.n_links, 4);
	assert_int_equal(stats().incomplete, 0);
	p = path("10.0.1.1", "10.0.2.1", 1, "10.1.0.1 - -");
	assert_int_equal(take("a", &p), 0);
	assert_true(find(1, &found));
	assert_false(found.reached);
	assert_int_equal(found.n_links, 1);
	assert_int_equal(found.n_before, 4);
	assert_memory_equal(found.before, before.links, 4 * sizeof(found.before[0]));
	assert_int_equal(link_of("10.1.0.1", "10.2.1.1").tuples, 0);
	assert_int_equal(stats().links, 4);
	good = over(2, 1);
	good.stable = false;
	assert_int_equal(take("a", &good), 0);
	assert_true(find(1, &found));
	assert_true(found.complete);
	assert_false(found.stable);
	assert_int_equal(found.n_before, 4);
	assert_int_equal(stats().unstable, 1);
	good.stable = true;
	assert_int_equal(take("a", &good), 0);
	assert_true(find(1, &found));
	assert_int_equal(found.n_before, 0);
	assert_int_equal(stats().links, 4); /* those over spine 1 are gone */
}

/* `over` and the rest as they are at a second. */
static void
take_at(uint64_t s, struct paths_path p)
{
	struct paths paths = {.incarnation = 7, .sequence = ++sequence, .host = "a",
			      .time_ns = NOW + s * NSEC_PER_SEC, .paths = &p, .n_paths = 1};

	p.time_ns = paths.time_ns;
	assert_int_equal(roads_take(roads, &paths, paths.time_ns), 0);
}

/* The links by which the judge goes; 0: it does not know all of them. */
static uint8_t
links_of(uint16_t port)
{
	struct roads_tuple there = {.src_port = port};
	struct roads_way_links ways[2] = {{.id = 0}};

	addr_parse("10.0.1.1", &there.source);
	addr_parse("10.0.2.1", &there.destination);
	roads_find_both(roads, &there, 0, ways);
	return ways[0].known && ways[0].complete ? ways[0].n_links : 0;
}

static struct paths_path
gap(uint16_t port)
{
	return path("10.0.1.1", "10.0.2.1", port, "10.1.0.1 - -");
}

/* What a spine loses that is on all the paths before stands for these, for half an hour. */
static void
test_gaps(void **state)
{
	struct roads_path found;

	(void)state;
	for (uint16_t port = 1; port <= 3; port++)
		take_at(0, over(1, port));
	for (uint16_t port = 1; port <= 3; port++)
		take_at(300, gap(port));
	assert_int_equal(link_of("10.1.0.1", "10.2.1.1").tuples, 0);
	assert_int_equal(links_of(1), 4);
	assert_true(find(1, &found));
	assert_true(found.agrees);
	take_at(1800, gap(1));
	assert_int_equal(links_of(1), 4);
	take_at(1801, gap(1));
	assert_int_equal(links_of(1), 0);
	assert_true(find(1, &found));
	assert_false(found.agrees);
	assert_int_equal(found.n_before, 4); /* people still see it */
}

/* A spine is taken out, and the one to which a path moves loses all: the idle one does not. */
static void
test_gap_after_move(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 3; port++)
		take_at(0, over(1, port));
	take_at(300, gap(1));
	take_at(301, over(2, 2));
	assert_int_equal(links_of(1), 4); /* one still crosses it */
	take_at(302, over(2, 3));
	assert_int_equal(links_of(1), 0);
	take_at(303, over(1, 3));
	assert_int_equal(links_of(1), 4);
	/* What had left before the path was traced there does not matter. */
	take_at(304, over(1, 1));
	take_at(305, over(2, 3));
	take_at(306, over(1, 2));
	take_at(307, over(1, 1));
	take_at(308, gap(1));
	take_at(308, gap(2));
	assert_int_equal(links_of(1), 4);
}

/* A trace that went elsewhere ends the path before; one that knows less does not bring it back. */
static void
test_gap_elsewhere(void **state)
{
	(void)state;
	take_at(0, over(1, 1));
	take_at(0, over(1, 2));
	take_at(1, path("10.0.1.1", "10.0.2.1", 1, "10.1.0.1 10.2.2.1 -"));
	assert_int_equal(links_of(1), 0);
	take_at(2, gap(1));
	assert_int_equal(links_of(1), 0);
}

static void
test_foreign(void **state)
{
	struct paths_path p = over(1, 1);

	(void)state;
	assert_int_equal(take("b", &p), -EINVAL);
	assert_string_equal(stats().refused_why,
			    "b has sent a path from 10.0.1.1, which is not its address");
	assert_int_equal(take("nobody", &p), -ENOENT);
	assert_string_equal(stats().refused_why, "nobody has sent paths, but is not registered");
	assert_int_equal(stats().refused, 2);
	assert_int_equal(stats().paths, 0);
}

/* A host that renumbers loses the paths from the old address, and only these. */
static void
test_renumbered(void **state)
{
	struct paths_path p = over(1, 1);
	struct roads_path found;

	(void)state;
	assert_int_equal(take("a", &p), 0);
	put("a", "10.0.1.1", "leaf9", REGISTRATION_TOR_LLDP);
	assert_true(find(1, &found));
	put("a", "10.0.1.77", "leaf9", REGISTRATION_TOR_LLDP);
	assert_false(find(1, &found));
	p = path("10.0.1.77", "10.0.2.1", 1, "10.1.0.1");
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(stats().paths, 1);
	put("c", "10.0.1.77", "leaf9", REGISTRATION_TOR_LLDP); /* the address moves */
	assert_int_equal(take("a", &p), -EINVAL);
	assert_int_equal(take("c", &p), 0);
	assert_int_equal(stats().paths, 1);
	roads_drop_host(roads, "a");
	assert_int_equal(stats().paths, 1);
	roads_drop_host(roads, "c");
	assert_int_equal(stats().paths, 0);
}

/* ---- sets ---- */

static int
take_part(uint32_t part, uint32_t parts, uint16_t first, uint16_t n)
{
	struct paths_path list[8];
	struct paths paths = {.host = "a", .incarnation = 7, .sequence = ++sequence, .whole = true,
			      .part = part, .parts = parts, .paths = list, .n_paths = n};

	for (uint16_t i = 0; i < n; i++)
		list[i] = over(1, (uint16_t)(first + i));
	return roads_take(roads, &paths, NOW);
}

static void
test_sets(void **state)
{
	struct paths_path p;

	(void)state;
	assert_int_equal(take_part(0, 2, 1, 3), 0);
	assert_int_equal(take_part(1, 2, 4, 3), 0);
	assert_int_equal(stats().paths, 6);
	assert_int_equal(take_part(0, 2, 1, 2), 0); /* a change between two parts stays */
	p = over(2, 100);
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(stats().paths, 7);
	assert_int_equal(take_part(1, 2, 4, 1), 0);
	assert_int_equal(stats().paths, 4); /* 1, 2, 4, 100 */
	/* If a part is lost, nothing ends. */
	assert_int_equal(take_part(0, 3, 1, 1), 0);
	sequence++;
	assert_int_equal(take_part(2, 3, 4, 1), 0);
	assert_int_equal(stats().paths, 4);
	assert_int_equal(stats().gaps, 1);
	/* Nor if the beginning is. */
	assert_int_equal(take_part(1, 2, 1, 1), 0);
	assert_int_equal(stats().paths, 4);
	assert_int_equal(take_part(0, 1, 1, 0), 0);
	assert_int_equal(stats().paths, 0);
	/* A message that comes twice is not taken twice. */
	sequence--;
	assert_int_equal(stats().old, 0);
	assert_int_equal(take_part(0, 1, 1, 4), 0);
	assert_int_equal(stats().paths, 0);
	assert_int_equal(stats().old, 1);
}

static void
test_restart(void **state)
{
	struct paths_path p = over(1, 1);
	struct paths paths = {.host = "a", .incarnation = 8, .sequence = 1, .paths = &p,
			      .n_paths = 1};

	(void)state;
	sequence = 1000;
	assert_int_equal(take("a", &p), 0);
	p.src_port = 2;
	assert_int_equal(roads_take(roads, &paths, NOW), 0);
	assert_int_equal(stats().paths, 2);
	assert_int_equal(stats().gaps, 0);
}

/* ---- bounds ---- */

static void
test_too_many(void **state)
{
	struct paths_path p = over(1, 1);
	int rc = 0;

	(void)state;
	for (uint16_t port = 1; port <= ROADS_HOST_PATHS; port++) {
		p.src_port = port;
		rc = rc ? rc : take("a", &p);
	}
	assert_int_equal(rc, 0);
	p.src_port++;
	assert_int_equal(take("a", &p), -ENOSPC);
	assert_int_equal(stats().too_many, 1);
	assert_int_equal(stats().paths, ROADS_HOST_PATHS);
	p.src_port = 5; /* one that is there can change */
	assert_int_equal(take("a", &p), 0);
}

/* ---- names ---- */

static void
test_names(void **state)
{
	struct paths_path p = over(1, 1), q = over(2, 2);
	struct addr spine1, spine2, other, list[4];
	struct roads_path found;

	(void)state;
	addr_parse("10.2.1.1", &spine1);
	addr_parse("10.2.2.1", &spine2);
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(take("a", &q), 0);
	/* Port and ToR of a are known by LLDP, those of b are not. */
	assert_int_equal(switch_of("leaf1").tuples, 2);
	assert_int_equal(switch_of("leaf1").by, ROADS_BY_LLDP);
	assert_int_equal(switch_of("leaf2").addresses, 0);
	assert_int_equal(switch_of("10.3.0.1").tuples, 1);
	assert_int_equal(switch_of("10.3.0.1").by, ROADS_BY_ADDRESS);
	/* Addresses with one name by DNS are one switch. */
	assert_int_equal(roads_name_dns(roads, &spine1, "spine.example"), 0);
	assert_int_equal(roads_name_dns(roads, &spine2, "spine.example"), 0);
	assert_int_equal(switch_of("spine.example").addresses, 2);
	assert_int_equal(switch_of("spine.example").tuples, 2);
	assert_int_equal(switch_of("10.2.1.1").addresses, 0);
	/* The file knows it better. */
	assert_int_equal(roads_name_file(roads, &spine2, "spine2", "swp7"), 0);
	assert_int_equal(switch_of("spine2").by, ROADS_BY_FILE);
	assert_int_equal(switch_of("spine2").tuples, 1);
	assert_int_equal(switch_of("spine.example").tuples, 1);
	assert_string_equal(roads_port_name(roads, &spine2), "swp7");
	assert_null(roads_port_name(roads, &spine1));
	assert_string_equal(roads_switch_name(roads, &spine2), "spine2");
	assert_string_equal(roads_switch_name(roads, &spine1), "spine.example");
	assert_int_equal(addr_parse("10.3.0.1", &other), 0);
	assert_null(roads_switch_name(roads, &other));
	assert_int_equal(addr_parse("10.99.0.1", &other), 0);
	assert_null(roads_switch_name(roads, &other));
	assert_true(find(2, &found));
	assert_int_equal(roads_switch_addresses(roads, found.switches[1], list, 4), 1);
	assert_true(addr_equal(&list[0], &spine2));
	roads_forget_file(roads);
	assert_int_equal(switch_of("spine.example").tuples, 2);
	assert_int_equal(roads_name_dns(roads, &spine1, NULL), 0);
	assert_int_equal(switch_of("10.2.1.1").tuples, 1);
	assert_int_equal(stats().switches, 5);
}

/*
 * Both ports know their ToR: one by LLDP, the other by configuration. The routers at both ends of
 * paths are these, in both directions and for both families; those between keep their addresses.
 */
static void
test_ends(void **state)
{
	struct paths_path there = over(1, 1), other = over(2, 2);
	struct paths_path back = path("10.0.2.1", "10.0.1.1", 3, "10.3.1.1 10.2.1.2 10.1.0.2");
	struct paths_path v6 = path("fd00:1::1", "fd00:2::1", 4,
				    "fd00:10::1 fd00:20::1 fd00:30::1");

	(void)state;
	put("b", "10.0.2.1", "leaf2", REGISTRATION_TOR_CONFIG);
	put("c", "fd00:1::1", "leaf1", REGISTRATION_TOR_LLDP);
	put("d", "fd00:2::1", "leaf2", REGISTRATION_TOR_LLDP);
	assert_int_equal(take("a", &there), 0);
	assert_int_equal(take("a", &other), 0);
	/* 10.1.0.1; 10.3.0.1 and 10.3.0.2 */
	assert_int_equal(switch_of("leaf1").addresses, 1);
	assert_int_equal(switch_of("leaf2").addresses, 2);
	assert_int_equal(switch_of("leaf2").by, ROADS_BY_CONFIG);
	assert_int_equal(take("b", &back), 0);
	/* and 10.1.0.2; 10.3.1.1 */
	assert_int_equal(switch_of("leaf1").addresses, 2);
	assert_int_equal(switch_of("leaf2").addresses, 3);
	assert_int_equal(switch_of("leaf2").tuples, 3);
	assert_int_equal(take("c", &v6), 0);
	assert_int_equal(switch_of("leaf1").addresses, 3);
	assert_int_equal(switch_of("leaf2").addresses, 4);
	assert_int_equal(switch_of("leaf2").by, ROADS_BY_LLDP);
	/* 10.2.1.1, 10.2.1.2, 10.2.2.1, fd00:20::1 */
	assert_int_equal(stats().switches, 2 + 4);
	roads_drop_host(roads, "c");
	roads_drop_host(roads, "d");
}

/* The leaf switch of a host names what no port names. */
static void
test_leaf(void **state)
{
	struct paths_path there = over(1, 1);
	struct paths_path back = path("10.0.2.1", "10.0.1.1", 3, "10.3.1.1 10.2.1.2 10.1.0.2");

	(void)state;
	assert_int_equal(roads_put_leaf(roads, "x", "rack1"), -ENOENT);
	assert_int_equal(roads_put_leaf(roads, "a", "rack1"), 0); /* LLDP: leaf1 */
	assert_int_equal(roads_put_leaf(roads, "b", "rack2"), 0); /* nothing but a router */
	assert_int_equal(take("a", &there), 0);
	assert_int_equal(take("b", &back), 0);
	assert_int_equal(switch_of("leaf1").addresses, 2);
	assert_int_equal(switch_of("rack1").addresses, 0);
	assert_int_equal(switch_of("rack2").addresses, 2);
	assert_int_equal(switch_of("rack2").by, ROADS_BY_TOPOLOGY);
	roads_forget_leaves(roads);
	assert_int_equal(switch_of("rack2").addresses, 0);
	assert_int_equal(switch_of("10.3.1.1").by, ROADS_BY_ADDRESS);
	assert_int_equal(roads_put_leaf(roads, "b", "rack3"), 0);
	assert_int_equal(take("b", &back), 0);
	assert_int_equal(switch_of("rack3").addresses, 1);
	/* LLDP is better, and in no conflict with it. */
	put("b", "10.0.2.1", "leaf2", REGISTRATION_TOR_LLDP);
	there.time_ns++;
	assert_int_equal(take("a", &there), 0);
	assert_int_equal(take("b", &back), 0);
	assert_int_equal(switch_of("leaf2").addresses, 2);
	assert_int_equal(switch_of("rack3").addresses, 0);
	assert_int_equal(roads_conflicts(roads, &(struct roads_conflict){.addr = {{0}}}), 0);
	/* A host that says less changes nothing where another one says more. */
	put("c", "10.0.2.2", "10.3.1.1", REGISTRATION_TOR_ROUTER);
	assert_int_equal(roads_put_leaf(roads, "c", "rack2"), 0);
	back = path("10.0.2.2", "10.0.1.1", 4, "10.3.1.1 10.2.1.2 10.1.0.2");
	assert_int_equal(take("c", &back), 0);
	assert_int_equal(switch_of("leaf2").addresses, 2);
	assert_int_equal(roads_conflicts(roads, &(struct roads_conflict){.addr = {{0}}}), 0);
	assert_int_equal(roads_put_leaf(roads, "c", NULL), 0);
	roads_drop_host(roads, "c");
}

/* Nobody knows whether the last router that has answered is the last one. */
static void
test_no_end(void **state)
{
	struct paths_path p = path("10.0.1.1", "10.0.2.1", 1, "10.1.0.1 10.2.1.1 -");
	struct paths_path q = over(1, 2);

	(void)state;
	put("b", "10.0.2.1", "leaf2", REGISTRATION_TOR_LLDP);
	q.stable = false;
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(take("a", &q), 0);
	assert_int_equal(switch_of("leaf2").addresses, 0);
	assert_int_equal(switch_of("leaf1").addresses, 0);
}

/* A gateway's address that two switches share names neither, for as long as both say so. */
static void
test_lldp_doubt(void **state)
{
	struct paths_path p = over(1, 1), q;
	struct roads_conflict conflict;
	char text[ADDR_TEXT];

	(void)state;
	put("b", "10.0.2.1", "leaf2", REGISTRATION_TOR_LLDP);
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(switch_of("leaf1").addresses, 1);
	assert_int_equal(roads_conflicts(roads, &conflict), 0);
	q = path("10.0.2.1", "10.0.1.1", 1, "10.1.0.1 10.2.1.1 10.3.0.1");
	assert_int_equal(take("b", &q), 0);
	assert_int_equal(switch_of("leaf1").addresses, 0);
	assert_int_equal(switch_of("leaf2").addresses, 0);
	assert_int_equal(switch_of("10.1.0.1").tuples, 2);
	/* 10.3.0.1 is at both ends, too. */
	assert_int_equal(roads_conflicts(roads, &conflict), 2);
	assert_string_equal(addr_text(&conflict.addr, text), "10.1.0.1");
	assert_string_equal(conflict.names[0], "leaf1");
	assert_string_equal(conflict.names[1], "leaf2");
	/* If the file names it, there is no conflict. */
	assert_int_equal(roads_name_file(roads, &conflict.addr, "gateway", NULL), 0);
	assert_int_equal(roads_conflicts(roads, &conflict), 1);
	assert_int_equal(switch_of("gateway").tuples, 2);
	roads_forget_file(roads);
	assert_int_equal(roads_conflicts(roads, &conflict), 2);
	/* An hour after b has gone, leaf 1 is believed again. */
	roads_drop_host(roads, "b");
	for (uint64_t s = 0; s <= 3700; s += 20)
		roads_tick(roads, NOW + s * NSEC_PER_SEC);
	assert_int_equal(switch_of("leaf1").addresses, 1);
	assert_int_equal(roads_conflicts(roads, &conflict), 0);
}

/* How many addresses are due at this second. */
static int
due(uint64_t s)
{
	struct addr a;
	int n = 0;

	roads_tick(roads, NOW + s * NSEC_PER_SEC);
	for (int i = 0; i < 10; i++)
		n += roads_next_unnamed(roads, &a);
	return n;
}

/* leaf1 is known by LLDP, spine and leaf2 are not. */
static void
test_unnamed(void **state)
{
	struct paths_path p = over(1, 1);
	struct addr a, spine;

	(void)state;
	addr_parse("10.2.1.1", &spine);
	assert_false(roads_next_unnamed(roads, &a));
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(due(0), 2);
	assert_int_equal(due(3599), 0);
	assert_int_equal(due(3600), 2);
	roads_dns_later(roads, &spine);
	assert_int_equal(due(3899), 0);
	assert_int_equal(due(3900), 1);
	roads_dns_again(roads);
	assert_int_equal(due(3901), 2);
	assert_int_equal(due(3901), 0);
	/* A name by DNS is asked for again, one by the file is better. */
	assert_int_equal(roads_name_dns(roads, &spine, "spine.example"), 0);
	assert_int_equal(due(7501), 2);
	assert_int_equal(roads_name_file(roads, &spine, "spine1", NULL), 0);
	assert_int_equal(due(11101), 1);
}

static void
test_dns_refused(void **state)
{
	static const char too_long[] = "0123456789012345678901234567890123456789"
				       "0123456789012345678901234";
	static const char *const wrong[] = {"", "a b", "a\nb", "a\x1b[2J", "sp\xc3\xb6ne", "a/b",
					    too_long};
	static const char longest[] = "0123456789012345678901234567890123456789"
				      "012345678901234567890123";
	struct paths_path p = over(1, 1);
	struct addr spine;

	(void)state;
	addr_parse("10.2.1.1", &spine);
	assert_int_equal(take("a", &p), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(roads_name_dns(roads, &spine, "spine.example"), 0);
		assert_int_equal(roads_name_dns(roads, &spine, wrong[i]), -EINVAL);
		assert_int_equal(switch_of("10.2.1.1").by, ROADS_BY_ADDRESS);
		assert_int_equal(switch_of("10.2.1.1").tuples, 1);
	}
	assert_int_equal(roads_name_dns(roads, &spine, longest), 0);
	assert_int_equal(switch_of(longest).by, ROADS_BY_DNS);
	/* Case does not count. */
	assert_int_equal(roads_name_dns(roads, &spine, "Spine-1_a.Example"), 0);
	assert_int_equal(switch_of("spine-1_a.example").by, ROADS_BY_DNS);
	/* An address that nobody knows has no name. */
	addr_parse("10.9.9.9", &spine);
	assert_int_equal(roads_name_dns(roads, &spine, "spine.example"), 0);
}

/* A name that all addresses have is that of no switch. */
static void
test_dns_wildcard(void **state)
{
	struct addr a;

	(void)state;
	for (unsigned int i = 0; i <= ROADS_DNS_ADDRESSES; i++) {
		char hops[64], spine[20];
		struct paths_path p;

		snprintf(spine, sizeof(spine), "10.2.%u.%u", i >> 8, i & 0xff);
		snprintf(hops, sizeof(hops), "10.1.0.1 %s 10.3.0.9", spine);
		p = path("10.0.1.1", "10.0.2.1", (uint16_t)(i + 1), hops);
		assert_int_equal(take("a", &p), 0);
		addr_parse(spine, &a);
		assert_int_equal(roads_name_dns(roads, &a, "unused.example"),
				 i < ROADS_DNS_ADDRESSES ? 0 : -ENOSPC);
	}
	assert_int_equal(switch_of("unused.example").addresses, ROADS_DNS_ADDRESSES);
	assert_int_equal(switch_of("10.2.4.0").addresses, 1);
	/* Those that have it keep it. */
	addr_parse("10.2.0.0", &a);
	assert_int_equal(roads_name_dns(roads, &a, "unused.example"), 0);
}

/* ---- widths ---- */

static void
tick_round(uint64_t s)
{
	roads_tick(roads, NOW + s * NSEC_PER_SEC);
	roads_tick(roads, NOW + (s + 11) * NSEC_PER_SEC);
}

/*
 * Two spines. If there were three, 15 tuples would show all three with a probability of 1 - 3 *
 * (2/3)^15 + 3 * (1/3)^15 = 0.9931, and 14 with 0.9897.
 */
static void
test_width(void **state)
{
	struct paths_path p;

	(void)state;
	for (uint16_t port = 1; port <= 14; port++) {
		p = over(1 + port % 2, port);
		assert_int_equal(take("a", &p), 0);
	}
	tick_round(20);
	assert_int_equal(roads_width(roads, "leaf1"), 0);
	assert_int_equal(widths, 0);
	p = over(1, 15);
	assert_int_equal(take("a", &p), 0);
	tick_round(60);
	assert_int_equal(roads_width(roads, "leaf1"), 2);
	assert_int_equal(roads_width(roads, "leaf2"), 0);
	assert_int_equal(roads_width(roads, "nowhere"), 0);
	assert_int_equal(widths, 1);
	/* A third one counts at once. */
	p = path("10.0.1.1", "10.0.2.1", 15, "10.1.0.1 10.2.9.1 10.3.0.9");
	assert_int_equal(take("a", &p), 0);
	assert_int_equal(roads_width(roads, "leaf1"), 3);
	assert_int_equal(widths, 2);
	/* It is forgotten after an hour, not before. */
	p = over(1, 15);
	assert_int_equal(take("a", &p), 0);
	tick_round(3000);
	assert_int_equal(roads_width(roads, "leaf1"), 3);
	tick_round(4000);
	assert_int_equal(roads_width(roads, "leaf1"), 2);
	assert_int_equal(widths, 3);
}

/* More paths than the configuration says are believed without many tuples. */
static void
test_wider(void **state)
{
	char hops[100];
	struct paths_path p;

	(void)state;
	for (uint16_t i = 1; i <= 20; i++) {
		snprintf(hops, sizeof(hops), "10.1.0.1 10.2.%u.1 10.3.0.%u", i, i);
		p = path("10.0.1.1", "10.0.2.1", i, hops);
		assert_int_equal(take("a", &p), 0);
		assert_int_equal(roads_width(roads, "leaf1"), i > 16 ? i : 0);
	}
	assert_int_equal(widths, 4);
}

/* ---- two centrals ---- */

/* Whatever the order is in which paths come and change, the same is known in the end. */
static void
test_agree(void **state)
{
	unsigned int seed = 1;
	uint32_t tuples[2][4];

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct paths_path p;

		for (int i = 0; i < 2000; i++) {
			uint16_t port = (uint16_t)(1 + rand_r(&seed) % 50);

			p = over(1 + rand_r(&seed) % 2, port);
			if (rand_r(&seed) % 3 == 0)
				p = path("10.0.1.1", "10.0.2.1", port, "- 10.2.1.1 -");
			p.stable = rand_r(&seed) % 4 != 0;
			assert_int_equal(take("a", &p), 0);
		}
		for (uint16_t port = 50; port >= 1; port--) {
			p = over(1 + port % 2, port);
			assert_int_equal(take("a", &p), 0);
		}
		tuples[round][0] = link_of("10.1.0.1", "10.2.1.1").tuples;
		tuples[round][1] = link_of("10.1.0.1", "10.2.2.1").tuples;
		tuples[round][2] = link_of("10.3.0.2", "10.0.2.1").tuples;
		tuples[round][3] = stats().links;
	}
	assert_memory_equal(tuples[0], tuples[1], sizeof(tuples[0]));
	assert_int_equal(tuples[0][0], 25);
	assert_int_equal(tuples[0][1], 25);
	assert_int_equal(tuples[0][2], 25);
	assert_int_equal(tuples[0][3], 7);
	assert_int_equal(stats().incomplete, 0);
	assert_int_equal(stats().unstable, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_path),     TEST(test_moves),	    TEST(test_incomplete),
		TEST(test_full),
		TEST(test_gaps),     TEST(test_gap_after_move), TEST(test_gap_elsewhere),
		TEST(test_foreign),  TEST(test_renumbered), TEST(test_sets),
		TEST(test_restart),  TEST(test_too_many),   TEST(test_names),
		TEST(test_ends),       TEST(test_no_end),	    TEST(test_leaf),
		TEST(test_lldp_doubt), TEST(test_unnamed), TEST(test_dns_refused),
		TEST(test_dns_wildcard), TEST(test_width),
		TEST(test_wider),    TEST(test_agree),  TEST(test_both),
		TEST(test_both_others),
	};

	return cmocka_run_group_tests_name("roads", tests, NULL, NULL);
}
