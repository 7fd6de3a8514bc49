/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix of the mesh, of registrations and reports whose sums are counted here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/intake/intake.h"
#include "central/picture/picture.h"
#include "central/picture/picture_impl.h"
#include "central/picture/picture_pods.h"
#include "central/registry/registry.h"

#define S 1000000000ULL
#define WALL (1700000000 * S)
#define HOSTS 200 /* more than one step takes */
#define TORS 20   /* host i is under tor i % TORS */
#define SENT 10

static struct registry *registry;
static struct intake *intake;
static struct picture *picture;
static uint64_t turn; /* of reports, every 5 s */
static struct picture_time later;
static enum probe_class lost_as; /* of those that a report loses */

static void
nothing_changes(void *arg, const struct registry_host *host)
{
	(void)arg;
	(void)host;
}

static void
host_name(unsigned int i, char name[16])
{
	snprintf(name, 16, "host%u", i);
}

static void
host_address(unsigned int i, struct addr *out)
{
	char text[ADDR_TEXT];

	snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250 + 1);
	assert_int_equal(addr_parse(text, out), 0);
}

/* tor: a name, or two as "A+B". */
static void
join_under(unsigned int i, const char *tor)
{
	const char *second = strchr(tor, '+');

	const struct registry_time now = {1 * S, WALL};
	struct registration *r = calloc(1, sizeof(*r));

	host_name(i, r->host);
	r->incarnation = 1;
	r->n_ports = 1;
	r->ports = calloc(1, sizeof(*r->ports));
	snprintf(r->ports->device, sizeof(r->ports->device), "mlx5_0");
	r->ports->port = 1;
	r->ports->n_addrs = 1;
	host_address(i, &r->ports->addrs[0]);
	r->ports->n_tors = second ? 2 : 1;
	snprintf(r->ports->tors[0], sizeof(r->ports->tors[0]), "%.*s",
		 (int)strcspn(tor, "+"), tor);
	snprintf(r->ports->tors[1], sizeof(r->ports->tors[1]), "%s", second ? second + 1 : "");
	assert_int_equal(registry_seen(registry, r, false, &now), 0);
}

static void
join(unsigned int i, unsigned int tor)
{
	char name[16];

	snprintf(name, sizeof(name), "tor%u", tor);
	join_under(i, name);
}

/* Host i probes the hosts i + 1 and i + TORS: another ToR, and its own. It loses `lost` of both. */
static void
report(unsigned int i, uint32_t lost)
{
	const struct intake_time now = {100 * S + turn * 5 * S, WALL + turn * 5 * S};
	char name[16];
	struct report_port port = {.device = "mlx5_0", .port = 1, .up = true};
	struct report_stream streams[2] = {0};
	uint32_t sent[2] = {SENT, SENT}, rtt_ns[2] = {20000, 20000};
	struct report_row rows[2] = {{.place = 0}, {.place = 1}};
	/* 20 us; the host under tor5 has one answer in 91 after 80 us. */
	struct report_bucket buckets[] = {{report_time_bucket(20000), 9 * SENT},
					  {report_time_bucket(80000), 1}};
	struct report_times times[2] = {{buckets, i % TORS == 5 ? 2 : 1}, {NULL, 0}};
	struct report r = {.host = name, .incarnation = 1, .sequence = 1 + turn,
			   .streams_of = 1 + turn,
			   .begin_ns = now.wall_ns - 5 * S, .end_ns = now.wall_ns, .whole = true,
			   .ports = &port, .n_ports = 1, .streams = streams, .n_streams = 2,
			   .sent = sent, .rtt_ns = rtt_ns, .times = times, .rows = rows,
			   .n_rows = lost ? 2 : 0};

	host_name(i, name);
	for (unsigned int k = 0; k < 2; k++) {
		streams[k] = (struct report_stream){.device = "mlx5_0", .port = 1, .size = 50,
						    .kind = REPORT_FABRIC, .job = "",
						    .src_port = (uint16_t)(50000 + k)};
		host_address(i, &streams[k].source);
		host_address((i + (k ? TORS : 1)) % HOSTS, &streams[k].destination);
		rows[k].classes[lost_as] = lost;
	}
	assert_int_equal(intake_take(intake, name, &r, &now), 0);
}

static int
setup(void **state)
{
	static const struct registry_ops ops = {nothing_changes, NULL};
	static const uint8_t key[16] = "a key";

	(void)state;
	turn = 0;
	lost_as = PROBE_LOST;
	later = (struct picture_time){105 * S, WALL + 5 * S};
	assert_int_equal(registry_new(1000, &ops, &registry), 0);
	assert_int_equal(intake_new(1000, &intake), 0);
	assert_int_equal(picture_new(key, &picture), 0);
	for (unsigned int i = 0; i < HOSTS; i++)
		join(i, i % TORS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	picture_free(picture);
	intake_free(intake);
	registry_free(registry);
	return 0;
}

/* Returns the number of steps. */
static int
draw(void)
{
	int steps = 1, rc;

	while ((rc = picture_step(picture, registry, intake, &later)) > 0)
		steps++;
	assert_int_equal(rc, 0);
	return steps;
}

/* The picture of five seconds later. */
static void
draw_later(void)
{
	later.mono_ns += 5 * S;
	later.wall_ns += 5 * S;
	draw();
}

/* The cell of two names, or NULL. */
static const struct picture_cell *
cell(const struct picture_view *view, const char *from, const char *to)
{
	struct picture_info info;

	picture_info(view, &info);
	for (uint32_t i = 0; i < info.cells; i++) {
		const struct picture_cell *c = picture_cell(view, i);

		if (strcmp(picture_name(view, c->from), from) == 0 &&
		    strcmp(picture_name(view, c->to), to) == 0)
			return c;
	}
	return NULL;
}

static void
test_whole(void **state)
{
	struct picture_view *view, *empty = picture_hold(picture);
	const struct picture_cell *c;
	struct picture_info info;

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		report(i, i % TORS == 3 ? 2 : 0);
	assert_true(draw() > 4);
	view = picture_hold(picture);
	picture_info(view, &info);
	assert_int_equal(info.names, TORS);
	assert_int_equal(info.rows, TORS);
	assert_int_equal(info.columns, 0);
	/* Each ToR probes itself and the next one. */
	assert_int_equal(info.cells, 2 * TORS);
	assert_int_equal(info.unknown, 0);
	assert_int_equal(info.time_ns, later.wall_ns);
	/* In the order of numbers, not of letters. */
	assert_string_equal(picture_name(view, 2), "tor2");
	assert_string_equal(picture_name(view, 10), "tor10");
	c = cell(view, "tor3", "tor4");
	assert_non_null(c);
	assert_int_equal(c->sent, HOSTS / TORS * SENT);
	assert_int_equal(c->lost, HOSTS / TORS * 2);
	assert_int_equal(c->answered, HOSTS / TORS * (SENT - 2));
	assert_int_equal(c->rtt_us / c->answered, 20);
	assert_in_range(c->rtt_p50_ns, 20000 - 20000 / 16, 20000 + 20000 / 16);
	assert_int_equal(c->rtt_p99_ns, c->rtt_p50_ns);
	assert_in_range(c->baseline_ns, 19900, 20100);
	c = cell(view, "tor4", "tor5");
	assert_non_null(c);
	assert_int_equal(c->lost, 0);
	c = cell(view, "tor5", "tor6");
	assert_non_null(c);
	assert_in_range(c->rtt_p50_ns, 20000 - 20000 / 16, 20000 + 20000 / 16);
	assert_in_range(c->rtt_p99_ns, 80000 - 80000 / 16, 80000 + 80000 / 16);
	c = cell(view, "tor5", "tor5");
	assert_non_null(c);
	assert_int_equal(c->rtt_p50_ns, 0);
	assert_in_range(c->baseline_ns, 19900, 20100);
	assert_null(cell(view, "tor4", "tor3"));
	/* Who holds an older one keeps it. */
	picture_info(empty, &info);
	assert_int_equal(info.time_ns, 0);
	assert_int_equal(info.cells, 0);
	picture_release(empty);
	picture_release(view);
}

/* Where only the way back loses, one of two answers is missing. */
static void
test_back(void **state)
{
	static const enum probe_class classes[] = {PROBE_ACK1_MISSING, PROBE_ACK2_MISSING,
						   PROBE_UNREACHABLE};
	struct picture_view *view;
	const struct picture_cell *c;

	(void)state;
	for (size_t k = 0; k < sizeof(classes) / sizeof(classes[0]); k++) {
		lost_as = classes[k];
		report((unsigned int)(3 + k), 2);
	}
	draw();
	view = picture_hold(picture);
	for (size_t k = 0; k < sizeof(classes) / sizeof(classes[0]); k++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "tor%zu", 3 + k);
		snprintf(to, sizeof(to), "tor%zu", 4 + k);
		c = cell(view, from, to);
		assert_non_null(c);
		assert_int_equal(c->lost, 2);
		assert_int_equal(c->answered, SENT - 2);
	}
	picture_release(view);
}

/* The pods of the last picture, or two of them. */
static struct picture_view *
pods_of(picture_pod_of *of, const char *from, const char *to)
{
	struct picture_view *view = picture_hold(picture), *made = NULL;
	struct picture_pods *pods;
	int rc;

	assert_int_equal(picture_pods_new(view, of, NULL, &pods), 0);
	picture_release(view);
	if (from)
		assert_int_equal(picture_pods_into(pods, from, to), 0);
	while ((rc = picture_pods_step(pods, &made)) > 0)
		;
	assert_int_equal(rc, 0);
	picture_pods_free(pods);
	return made;
}

static const char *
parity(void *arg, const char *name)
{
	(void)arg;
	return atoi(name + strlen("tor")) % 2 ? "odd" : "even";
}

/* Each ToR probes itself and the next one: 100 probes each. tor3 loses a fifth. */
static void
test_pods(void **state)
{
	struct picture_view *view;
	struct picture_pods *pods;
	struct picture_info info;

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		report(i, i % TORS == 3 ? 2 : 0);
	draw();
	view = pods_of(NULL, NULL, NULL); /* no number but the last */
	picture_info(view, &info);
	assert_int_equal(info.names, 2);
	assert_int_equal(info.time_ns, later.wall_ns);
	assert_string_equal(picture_name(view, 0), "tor0 to tor15");
	assert_string_equal(picture_name(view, 1), "tor16 to tor19");
	assert_int_equal(cell(view, "tor0 to tor15", "tor0 to tor15")->sent, (16 + 15) * 100);
	assert_int_equal(cell(view, "tor0 to tor15", "tor0 to tor15")->lost, 2 * 20);
	assert_int_equal(cell(view, "tor0 to tor15", "tor16 to tor19")->sent, 100);
	assert_int_equal(cell(view, "tor16 to tor19", "tor16 to tor19")->sent, (4 + 3) * 100);
	/* The worst pair of it. */
	assert_in_range(cell(view, "tor0 to tor15", "tor0 to tor15")->rtt_p99_ns, 75000, 85000);
	assert_in_range(cell(view, "tor0 to tor15", "tor0 to tor15")->rtt_p50_ns, 18750, 21250);
	picture_release(view);
	view = pods_of(NULL, "tor0 to tor15", "tor16 to tor19");
	picture_info(view, &info);
	assert_int_equal(info.names, TORS);
	assert_int_equal(info.rows, 16);
	assert_int_equal(info.cells, 1);
	assert_int_equal(cell(view, "tor15", "tor16")->sent, 100);
	picture_release(view);
	view = pods_of(parity, NULL, NULL); /* the caller knows better */
	assert_int_equal(cell(view, "even", "even")->sent, 10 * 100);
	assert_int_equal(cell(view, "odd", "even")->lost, 20);
	picture_release(view);
	view = pods_of(parity, "odd", "odd");
	picture_info(view, &info);
	assert_int_equal(info.names, 10);
	assert_int_equal(info.columns, 0);
	assert_int_equal(info.cells, 10);
	assert_non_null(cell(view, "tor3", "tor3"));
	picture_release(view);
	view = picture_hold(picture);
	assert_int_equal(picture_pods_new(view, NULL, NULL, &pods), 0);
	assert_int_equal(picture_pods_into(pods, "tor0 to tor15", "nowhere"), -ENOENT);
	picture_pods_free(pods);
	picture_pods_free(NULL);
	picture_release(view);
}

/* Pods that are in the names of switches. */
static void
test_pod_names(void **state)
{
	struct picture_view *view;
	struct picture_info info;
	char name[24];

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "pod%u-tor%u", i % TORS / 5, i % TORS % 5);
		join_under(i, name);
		report(i, 0);
	}
	draw();
	view = pods_of(NULL, NULL, NULL);
	picture_info(view, &info);
	assert_int_equal(info.names, 4);
	assert_string_equal(picture_name(view, 0), "pod0");
	assert_int_equal(cell(view, "pod1", "pod1")->sent, (5 + 4) * 100);
	assert_int_equal(cell(view, "pod1", "pod2")->sent, 100);
	picture_release(view);
}

/* How many rows the map by pods has, and the name of the first one. */
static uint32_t
rows_of(picture_pod_of *of, char first[PICTURE_NAME])
{
	struct picture_view *view = pods_of(of, NULL, NULL);
	struct picture_info info;

	picture_info(view, &info);
	snprintf(first, PICTURE_NAME, "%s", picture_name(view, 0));
	picture_release(view);
	return info.rows;
}

static const char *
only_low(void *arg, const char *name)
{
	(void)arg;
	return strchr(name, '+') ? NULL : atoi(name + strlen("tor")) < 10 ? "low" : NULL;
}

/* What makes no pods: one and what is left, and one that has nearly all switches. */
static void
test_no_pods(void **state)
{
	char first[PICTURE_NAME], name[24];

	(void)state;
	draw();
	assert_int_equal(rows_of(only_low, first), 2);
	assert_string_equal(first, "tor0 to tor15");
	/* 20 in no pod, 5 in one, 385 in another: the latter's map would be as large as ever. */
	for (unsigned int i = 0; i < 390; i++) {
		snprintf(name, sizeof(name), "pod%u-tor%u", i < 5 ? 1 : 2, i);
		join_under(HOSTS + i, name);
	}
	draw_later();
	assert_int_equal(rows_of(NULL, first), (20 + 390 + 15) / 16);
	assert_string_equal(first, "pod1-tor0 to pod2-tor15");
	/* With one less, it is none too many. */
	join_under(HOSTS + 389, "pod1-tor5");
	draw_later();
	assert_int_equal(rows_of(NULL, first), 3);
	assert_string_equal(first, "pod1");
}

/* Ports with two switches are in the pod of the first one. */
static void
test_two_tors(void **state)
{
	struct picture_view *view;
	char first[PICTURE_NAME];

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "tor%u+tor%u", i % TORS, i % TORS / 2 * 2 + 1);
		join_under(i, name);
	}
	draw();
	assert_int_equal(rows_of(parity, first), 2);
	view = pods_of(parity, "odd", "odd");
	assert_string_equal(picture_name(view, 0), "tor1+tor1");
	picture_release(view);
	for (unsigned int i = 0; i < HOSTS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "p%u-t%u+p%u-t%u", i % 4, i % TORS, 3 - i % 4, i % 9);
		join_under(i, name);
	}
	draw_later();
	assert_int_equal(rows_of(NULL, first), 4);
	assert_string_equal(first, "p0");
}

static const char *
router_name(void *arg, const char *tor)
{
	assert_string_equal(arg, "names");
	if (strcmp(tor, "10.1.0.254") == 0 || strcmp(tor, "fd00:1::fe") == 0)
		return "leaf0";
	return strcmp(tor, "10.1.1.254") == 0 ? "leaf1" : tor;
}

/* Hosts that know the address of their switch alone: pairs are those of switches with names. */
static void
test_tor_names(void **state)
{
	static const char *const tors[] = {"10.1.0.254", "fd00:1::fe", "10.1.0.254+fd00:1::fe",
					   "10.1.1.254", "10.1.0.254+10.1.1.254", "tor4"};
	static const char *const names[] = {"leaf0", "leaf0+leaf1", "leaf1", "tor4"};
	struct picture_view *view, *into;
	struct picture_info info;
	char arg[] = "names";

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		join_under(i, tors[i % 6]);
	picture_name_tors(picture, router_name, arg);
	draw();
	view = picture_hold(picture);
	picture_info(view, &info);
	assert_int_equal(info.names, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_string_equal(picture_name(view, i), names[i]);
	assert_int_equal(picture_into(view, intake, "leaf0", "leaf1", &later, &into), 0);
	picture_info(into, &info);
	assert_int_equal(info.rows, (HOSTS + 5) / 6 + (HOSTS + 4) / 6 + (HOSTS + 3) / 6);
	picture_release(into);
	picture_release(view);
}

/* The worst median against the usual one, among pairs of which some are not known for long. */
static void
test_worst(void **state)
{
	/* In any order: 30 us where 10 us are usual. */
	static const struct picture_cell pairs[] = {
		{.sent = 1, .rtt_p50_ns = 20000, .baseline_ns = 20000},
		{.sent = 1, .rtt_p50_ns = 25000},
		{.sent = 1, .rtt_p50_ns = 30000, .baseline_ns = 10000},
		{.sent = 1, .rtt_p50_ns = 90000},
		{.sent = 1, .baseline_ns = 5000},
	};
	const unsigned int n = sizeof(pairs) / sizeof(pairs[0]);
	struct picture_cells cells;

	(void)state;
	for (unsigned int order = 0; order < 2 * n; order++) {
		cells = (struct picture_cells){0};
		for (unsigned int i = 0; i < n; i++) {
			unsigned int at = order / 2 + i * (order % 2 ? n - 1 : 1);

			assert_int_equal(picture_cells_merge_worst(&cells, &pairs[at % n]), 0);
		}
		picture_cells_sort(&cells);
		assert_int_equal(cells.table[0].rtt_p50_ns, 30000);
		assert_int_equal(cells.table[0].baseline_ns, 10000);
		picture_cells_clear(&cells);
	}
	/* If none is known, the longest one. */
	cells = (struct picture_cells){0};
	assert_int_equal(picture_cells_merge_worst(&cells, &pairs[1]), 0);
	assert_int_equal(picture_cells_merge_worst(&cells, &pairs[3]), 0);
	assert_int_equal(picture_cells_merge_worst(&cells, &pairs[1]), 0);
	picture_cells_sort(&cells);
	assert_int_equal(cells.table[0].rtt_p50_ns, 90000);
	picture_cells_clear(&cells);
}

static void
test_into(void **state)
{
	struct picture_view *view, *into;
	const struct picture_cell *c;
	struct picture_info info;

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		report(i, i == 23 ? 4 : 0);
	draw();
	view = picture_hold(picture);
	assert_int_equal(picture_into(view, intake, "tor3", "nowhere", &later, &into), -ENOENT);
	assert_int_equal(picture_into(view, intake, "tor3", "tor4", &later, &into), 0);
	picture_info(into, &info);
	assert_int_equal(info.rows, HOSTS / TORS);
	assert_int_equal(info.columns, HOSTS / TORS);
	assert_int_equal(info.names, 2 * HOSTS / TORS);
	assert_int_equal(info.cells, HOSTS / TORS);
	assert_string_equal(picture_name(into, 1), "host23/mlx5_0");
	assert_string_equal(picture_name(into, info.columns), "host4/mlx5_0");
	c = cell(into, "host23/mlx5_0", "host24/mlx5_0");
	assert_non_null(c);
	assert_int_equal(c->lost, 4);
	assert_int_equal(cell(into, "host3/mlx5_0", "host4/mlx5_0")->lost, 0);
	picture_release(into);
	assert_int_equal(picture_into(view, intake, "tor3", "tor3", &later, &into), 0);
	picture_info(into, &info);
	assert_int_equal(info.names, HOSTS / TORS);
	assert_int_equal(info.columns, 0);
	assert_int_equal(cell(into, "host23/mlx5_0", "host43/mlx5_0")->lost, 4);
	picture_release(into);
	picture_release(view);
}

/* Host i says that probes take i ms and 10 * i ms to leave, and so many us to be answered. */
static void
say_delays(unsigned int i)
{
	const struct intake_time now = {100 * S + turn * 5 * S, WALL + turn * 5 * S};
	char name[16];
	struct report r = {.host = name, .incarnation = 2, .sequence = 1 + turn,
			   .streams_of = 1 + turn, .whole = true, .end_ns = now.wall_ns,
			   .begin_ns = now.wall_ns, .has_delays = true,
			   .delays = {i * 1000000, 10 * i * 1000000, i * 1000, 10 * i * 1000}};

	host_name(i, name);
	assert_int_equal(intake_take(intake, name, &r, &now), 0);
}

static void
check_delays(const struct picture_view *view, const char *name, unsigned int i)
{
	const struct report_delays want = {i * 1000000, 10 * i * 1000000, i * 1000,
					   10 * i * 1000};
	struct picture_info info;
	uint32_t n = 0;

	picture_info(view, &info);
	while (n < info.names && strcmp(picture_name(view, n), name) != 0)
		n++;
	assert_int_not_equal(n, info.names);
	assert_memory_equal(picture_delays(view, n), &want, sizeof(want));
}

/* A name has the delays of its worst host, also one that nobody has probed, until it is silent. */
static void
test_delays(void **state)
{
	struct picture_view *view, *other;

	(void)state;
	report(0, 0);
	draw();
	view = picture_hold(picture);
	assert_null(picture_delays(view, 0));
	picture_release(view);
	say_delays(3);
	say_delays(4);
	say_delays(24);
	draw_later();
	view = picture_hold(picture);
	check_delays(view, "tor3", 3);
	check_delays(view, "tor4", 24);
	check_delays(view, "tor5", 0);
	assert_int_equal(picture_into(view, intake, "tor3", "tor4", &later, &other), 0);
	check_delays(other, "host3/mlx5_0", 3);
	check_delays(other, "host4/mlx5_0", 4);
	check_delays(other, "host24/mlx5_0", 24);
	check_delays(other, "host44/mlx5_0", 0);
	picture_release(other);
	picture_release(view);
	other = pods_of(parity, NULL, NULL);
	check_delays(other, "odd", 3);
	check_delays(other, "even", 24);
	picture_release(other);
	other = pods_of(parity, "odd", "even");
	check_delays(other, "tor3", 3);
	check_delays(other, "tor4", 24);
	picture_release(other);
	later.mono_ns += INTAKE_SILENT_NS;
	draw_later();
	view = picture_hold(picture);
	assert_null(picture_delays(view, 0));
	picture_release(view);
}

/* How many cells have changed since a picture of before, and how many have no probes any more. */
static void
changes(uint64_t since_ns, uint32_t *changed, uint32_t *gone)
{
	struct picture_view *view = picture_hold(picture);
	struct picture_cell cell;
	struct picture_info info;
	uint32_t at = 0;

	picture_info(view, &info);
	*changed = *gone = 0;
	assert_true(picture_knows_since(view, since_ns));
	for (uint32_t i = 0; i < info.cells; i++)
		*changed += picture_cell_since(view, i, since_ns);
	while (picture_gone(view, since_ns, &at, &cell)) {
		assert_int_equal(cell.sent, 0);
		++*gone;
	}
	picture_release(view);
}

static void
test_changes(void **state)
{
	uint64_t first_ns = later.wall_ns;
	struct picture_view *view;
	uint32_t changed, gone;

	(void)state;
	for (unsigned int i = 0; i < HOSTS; i++)
		report(i, 0);
	draw();
	draw_later();
	changes(first_ns, &changed, &gone);
	assert_int_equal(changed + gone, 0);
	/* Of host 23, that of tor3 to itself and to tor4. */
	turn++;
	report(23, 4);
	draw_later();
	changes(first_ns, &changed, &gone);
	assert_int_equal(changed, 2);
	assert_int_equal(gone, 0);
	changes(later.wall_ns, &changed, &gone);
	assert_int_equal(changed, 0);
	/* Nobody reports any more; 20 s are the window. */
	later.mono_ns += 60 * S;
	later.wall_ns += 60 * S;
	draw_later();
	changes(first_ns, &changed, &gone);
	assert_int_equal(changed, 0);
	assert_int_equal(gone, 2 * TORS);
	/* With other names, before the first picture, and later than now, nothing is known. */
	view = picture_hold(picture);
	assert_false(picture_knows_since(view, first_ns - 1));
	assert_false(picture_knows_since(view, later.wall_ns + 1));
	picture_release(view);
	join(HOSTS, TORS);
	draw_later();
	view = picture_hold(picture);
	assert_false(picture_knows_since(view, first_ns));
	assert_true(picture_knows_since(view, later.wall_ns));
	picture_release(view);
}

/* Reports of hosts that nobody knows any more, or not yet. */
static void
test_unknown(void **state)
{
	const struct registry_time now = {200 * S, WALL + 100 * S};
	struct picture_view *view;
	struct picture_info info;

	(void)state;
	report(0, 0);
	report(1, 0);
	registry_left(registry, "host1", REGISTRY_LEFT_GOODBYE, &now);
	for (unsigned int s = 0; s < 10; s++) {
		const struct registry_time then = {(210 + s) * S, WALL + (110 + s) * S};

		registry_tick(registry, &then);
	}
	draw();
	view = picture_hold(picture);
	picture_info(view, &info);
	/* host0 probes host1 and host20; host1 probes two others. */
	assert_int_equal(info.cells, 1);
	assert_int_equal(info.unknown, 3 * SENT);
	picture_release(view);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pod_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_tors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tor_names, setup, teardown),
		cmocka_unit_test(test_worst),
		cmocka_unit_test_setup_teardown(test_into, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
