/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "record_fixture.h"

#include "record/report.h"

#define MUTATIONS 20000

static struct report_counter counters[] = {{"flaps", 1}, {"rx_pause", 1ULL << 40}};
static struct report_port ports[] = {
	{.device = "mlx5_0", .port = 1, .up = true, .counters = counters, .n_counters = 2},
	{.device = "mlx5_1", .port = 2},
};
static struct report_stream streams[] = {
	{.device = "mlx5_0", .port = 1, .traffic_class = 106, .kind = REPORT_TOR, .size = 50,
	 .src_port = 50000, .back_port = 0, .job = ""},
	{.device = "mlx5_0", .port = 1, .traffic_class = 106, .kind = REPORT_TOR, .size = 50,
	 .src_port = 0, .back_port = 65535, .job = ""},
	{.device = "mlx5_1", .port = 2, .kind = REPORT_FLOW, .job = "slurm:17"},
};
static uint32_t sent[] = {50, 4000000000u, 0}, rtt_ns[] = {5000, 4000000000u, 0};
static struct report_bucket buckets[] = {{100, 7}, {471, 4000000000u}, {0, 1}};
static struct report_times times[] = {{buckets, 2}, {NULL, 0}, {buckets + 2, 1}};
static struct report_row rows[] = {
	{.place = 0, .classes = {[PROBE_LOST] = 1}, .slow = 2},
	{.place = 1, .classes = {[PROBE_ACK2_MISSING] = 3, [PROBE_UNREACHABLE] = 4}, .noise = 2,
	 .noise_lost = 1, .corrected = 9, .lost_when = 1ULL << 63 | 5},
};
static struct report_heard heard[] = {
	{.src_port = 50000, .traffic_class = 106, .received = 50},
	{.src_port = 50001, .traffic_class = 106, .received = 4000000000u},
	{.src_port = 1, .received = 0},
};
static const struct report example = {
	.host = "gpu-17", .incarnation = 0xfedcba9876543210, .sequence = 8, .begin_ns = 5000000000,
	.end_ns = 10000000000, .streams_of = 8, .whole = true, .throttled = true, .degraded = 2,
	.dropped = 3, .stalled_s = 1, .ports = ports, .n_ports = 2, .streams = streams,
	.n_streams = 3, .sent = sent, .rtt_ns = rtt_ns, .times = times, .rows = rows, .n_rows = 2,
	.heard = heard, .n_heard = 3, .has_delays = true,
	.delays = {8000, 4000000000u, 1, 0},
};

static int
setup(void **state)
{
	(void)state;
	addr_parse("10.0.0.1", &streams[0].source);
	streams[1].source = streams[0].source;
	addr_parse("fd00::1", &streams[2].source);
	addr_parse("10.0.1.1", &streams[0].destination);
	addr_parse("10.0.1.2", &streams[1].destination);
	addr_parse("fd00::2", &streams[2].destination);
	for (int i = 0; i < 3; i++) {
		addr_parse(i < 2 ? "10.0.1.1" : "10.0.1.2", &heard[i].source);
		addr_parse("10.0.0.1", &heard[i].destination);
	}
	return 0;
}

static const msgpack_object *
element(const msgpack_object_map *map, const char *key, uint32_t i, uint32_t n)
{
	const msgpack_object *list = find(map, key);

	assert_int_equal(list->type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(list->via.array.size, n);
	return &list->via.array.ptr[i];
}

/* msgpack-c alone reads what was packed: streams that have much in common are one group. */
static void
test_packed(void **state)
{
	const msgpack_object_map *map, *group, *row;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	report_pack(&f.pk, &example);
	map = fixture_map(&f);
	expect_str(map, "type", "report");
	expect_u64(map, "sequence", 8);
	expect_u64(map, "streams_of", 8);
	expect_u64(map, "stalled_s", 1);
	group = &element(map, "streams", 0, 2)->via.map;
	expect_str(group, "kind", "tor");
	expect_str(group, "source", "10.0.0.1");
	expect_nil(group, "job");
	assert_true(strncmp(element(group, "destinations", 1, 2)->via.str.ptr, "10.0.1.2", 8) ==
		    0);
	assert_int_equal(element(group, "src_ports", 0, 2)->via.u64, 50000);
	assert_int_equal(element(group, "back_ports", 1, 2)->via.u64, 65535);
	expect_str(&element(map, "streams", 1, 2)->via.map, "job", "slurm:17");
	assert_int_equal(element(map, "sent", 1, 3)->via.u64, 4000000000);
	row = &element(map, "rows", 0, 2)->via.map;
	assert_int_equal(find(row, "classes")->via.map.size, 1);
	expect_u64(&find(row, "classes")->via.map, "lost", 1);
	assert_int_equal(element(map, "times", 0, 3)->via.array.ptr[3].via.u64, 4000000000);
	row = &element(map, "rows", 1, 2)->via.map;
	expect_u64(&find(row, "classes")->via.map, "ack2_missing", 3);
	expect_u64(row, "corrected", 9);
	expect_u64(row, "lost_when", 9223372036854775813ULL);
	expect_u64(&find(&element(map, "ports", 0, 2)->via.map, "counters")->via.map, "rx_pause",
		   1ULL << 40);
	group = &element(map, "heard", 0, 2)->via.map;
	expect_str(group, "destination", "10.0.0.1");
	expect_u64(group, "traffic_class", 106);
	assert_int_equal(element(group, "src_ports", 1, 2)->via.u64, 50001);
	assert_int_equal(element(group, "received", 1, 2)->via.u64, 4000000000);
	assert_true(strncmp(element(group, "sources", 0, 2)->via.str.ptr, "10.0.1.1", 8) == 0);
	fixture_end(&f);
}

static void
check_times(const struct report_times *a, const struct report_times *b)
{
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		assert_int_equal(a->buckets[i].bucket, b->buckets[i].bucket);
		assert_int_equal(a->buckets[i].n, b->buckets[i].n);
	}
}

static void
check_stream(const struct report_stream *a, const struct report_stream *b)
{
	assert_string_equal(a->device, b->device);
	assert_string_equal(a->job, b->job);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->traffic_class, b->traffic_class);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->size, b->size);
	assert_true(addr_equal(&a->source, &b->source));
	assert_true(addr_equal(&a->destination, &b->destination));
	assert_int_equal(a->src_port, b->src_port);
	assert_int_equal(a->back_port, b->back_port);
}

static void
check_port(const struct report_port *a, const struct report_port *b)
{
	assert_string_equal(a->device, b->device);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->up, b->up);
	assert_int_equal(a->n_counters, b->n_counters);
	for (size_t i = 0; i < a->n_counters; i++) {
		assert_string_equal(a->counters[i].name, b->counters[i].name);
		assert_int_equal(a->counters[i].n, b->counters[i].n);
	}
}

static void
check_row(const struct report_row *a, const struct report_row *b)
{
	assert_int_equal(a->place, b->place);
	assert_memory_equal(a->classes, b->classes, sizeof(a->classes));
	assert_int_equal(a->noise, b->noise);
	assert_int_equal(a->noise_lost, b->noise_lost);
	assert_int_equal(a->corrected, b->corrected);
	assert_int_equal(a->slow, b->slow);
	assert_true(a->lost_when == b->lost_when);
}

static void
check_heard(const struct report_heard *a, const struct report_heard *b)
{
	assert_true(addr_equal(&a->source, &b->source));
	assert_true(addr_equal(&a->destination, &b->destination));
	assert_int_equal(a->src_port, b->src_port);
	assert_int_equal(a->traffic_class, b->traffic_class);
	assert_int_equal(a->received, b->received);
}

static void
check_equal(const struct report *a, const struct report *b)
{
	assert_string_equal(a->host, b->host);
	assert_int_equal(a->incarnation, b->incarnation);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->begin_ns, b->begin_ns);
	assert_int_equal(a->end_ns, b->end_ns);
	assert_int_equal(a->streams_of, b->streams_of);
	assert_int_equal(a->whole, b->whole);
	assert_int_equal(a->throttled, b->throttled);
	assert_int_equal(a->degraded, b->degraded);
	assert_int_equal(a->dropped, b->dropped);
	assert_int_equal(a->stalled_s, b->stalled_s);
	assert_int_equal(a->n_ports, b->n_ports);
	assert_int_equal(a->n_streams, b->n_streams);
	assert_int_equal(a->n_rows, b->n_rows);
	for (size_t i = 0; i < a->n_ports; i++)
		check_port(&a->ports[i], &b->ports[i]);
	for (size_t i = 0; i < a->n_streams; i++) {
		if (a->whole)
			check_stream(&a->streams[i], &b->streams[i]);
		assert_int_equal(a->sent[i], b->sent[i]);
		assert_int_equal(a->rtt_ns[i], b->rtt_ns[i]);
		if (a->times)
			check_times(&a->times[i], &b->times[i]);
	}
	assert_int_equal(a->times != NULL, b->whole && b->times);
	for (size_t i = 0; i < a->n_rows; i++)
		check_row(&a->rows[i], &b->rows[i]);
	assert_int_equal(a->heard != NULL, b->whole && b->heard);
	assert_int_equal(a->n_heard, b->whole ? b->n_heard : 0);
	for (size_t i = 0; i < a->n_heard; i++)
		check_heard(&a->heard[i], &b->heard[i]);
	assert_int_equal(a->has_delays, b->whole && b->has_delays);
	if (a->has_delays)
		assert_memory_equal(&a->delays, &b->delays, sizeof(a->delays));
}

static int
read_again(const struct report *report, struct report **out, char error[REPORT_ERROR])
{
	struct fixture f;
	int rc;

	fixture_begin(&f);
	report_pack(&f.pk, report);
	rc = report_unpack(f.out.data, f.out.size, out, error);
	fixture_end(&f);
	return rc;
}

static void
test_round(void **state)
{
	struct report part = example, empty = {.host = "h", .sequence = 1, .end_ns = 1,
					       .streams_of = 1, .whole = true};
	struct report *report = NULL;
	char error[REPORT_ERROR];

	(void)state;
	part.whole = false;
	part.sequence = 9;
	part.streams = NULL;
	assert_int_equal(read_again(&example, &report, error), 0);
	check_equal(report, &example);
	report_free(report);
	assert_int_equal(read_again(&part, &report, error), 0);
	assert_null(report->streams);
	check_equal(report, &part);
	report_free(report);
	assert_int_equal(read_again(&empty, &report, error), 0);
	check_equal(report, &empty);
	report_free(report);
	report_free(NULL);
}

/* ---- mistakes ---- */

static void
expect_mistake(const struct report *report, const char *words)
{
	struct report *read = NULL;
	char error[REPORT_ERROR];

	assert_int_equal(read_again(report, &read, error), -EINVAL);
	assert_string_equal(error, words);
	assert_null(read);
}

static void
test_head_mistakes(void **state)
{
	struct report wrong = example;

	(void)state;
	wrong.host = "";
	expect_mistake(&wrong, "host is no string of 1 to 64 printable bytes");
	wrong = example;
	wrong.sequence = 0;
	expect_mistake(&wrong, "sequence is no number from 1 to 9223372036854775807");
	wrong = example;
	wrong.streams_of = 7;
	expect_mistake(&wrong, "streams_of is not this whole report");
	wrong = example;
	wrong.end_ns = wrong.begin_ns - 1;
	expect_mistake(&wrong, "end_ns is no number from 5000000000 to 9223372036854775807");
}

static void
expect_row_mistake(struct report_row row, const char *words)
{
	struct report_row two[] = {rows[0], row};
	struct report wrong = example;

	wrong.rows = two;
	expect_mistake(&wrong, words);
}

static void
test_row_mistakes(void **state)
{
	(void)state;
	expect_row_mistake((struct report_row){.place = 3},
			   "rows[1]: place is no place, or out of order");
	expect_row_mistake((struct report_row){.place = 0},
			   "rows[1]: place is no place, or out of order");
	expect_row_mistake((struct report_row){.place = 2, .classes = {[PROBE_LOST] = 1}},
			   "rows[1]: classes are more than what was sent");
	expect_row_mistake((struct report_row){.place = 2, .noise = 1},
			   "rows[1]: noise or slow is more than what was sent");
	expect_row_mistake((struct report_row){.place = 2, .slow = 1},
			   "rows[1]: noise or slow is more than what was sent");
}

/* The times of the second stream are these. */
static void
expect_times_mistake(struct report_bucket *of, uint32_t n, const char *words)
{
	struct report_times wrong[] = {times[0], {of, n}, times[2]};
	struct report report = example;

	report.times = wrong;
	expect_mistake(&report, words);
}

static void
test_time_mistakes(void **state)
{
	struct report_bucket twice[] = {{7, 1}, {7, 1}}, far = {472, 1}, none = {1, 0};
	struct report_bucket many[REPORT_TIMES_MAX + 1];
	const char *words = "times[1] is no list of ascending buckets";
	struct report *report = NULL;
	char error[REPORT_ERROR];
	struct report old = example;

	(void)state;
	expect_times_mistake(twice, 2, words);
	expect_times_mistake(&far, 1, words);
	expect_times_mistake(&none, 1, words);
	for (uint16_t i = 0; i < REPORT_TIMES_MAX + 1; i++)
		many[i] = (struct report_bucket){i, 1};
	expect_times_mistake(many, REPORT_TIMES_MAX + 1,
			     "times[1] is no list of up to 24 pairs");
	/* Agents of the build before have none. */
	old.times = NULL;
	assert_int_equal(read_again(&old, &report, error), 0);
	assert_null(report->times);
	report_free(report);
}

static void
test_heard_mistakes(void **state)
{
	struct report_heard wrong = heard[0], *many;
	struct report report = example;

	(void)state;
	report.heard = &wrong;
	report.n_heard = 1;
	memset(&wrong.source, 0, sizeof(wrong.source));
	expect_mistake(&report, "heard[0]: sources[0] is no address");
	wrong = heard[0];
	memset(&wrong.destination, 0, sizeof(wrong.destination));
	expect_mistake(&report, "heard[0]: destination is no address");
	report.n_heard = REPORT_STREAMS_MAX + 1;
	report.heard = many = calloc(report.n_heard, sizeof(*many));
	assert_non_null(many);
	for (size_t i = 0; i < report.n_heard; i++) {
		many[i] = heard[0];
		many[i].traffic_class = (uint8_t)(i / 10000);
	}
	expect_mistake(&report, "heard are more than 16384");
	free(many);
}

/* Agents of the build before have none. */
static void
test_delays(void **state)
{
	struct report old = example, *report;
	char error[REPORT_ERROR];

	(void)state;
	old.has_delays = false;
	assert_int_equal(read_again(&old, &report, error), 0);
	assert_false(report->has_delays);
	assert_int_equal(report->delays.prober_p50_ns, 0);
	report_free(report);
}

/* From 64 ns on, an octave has eight buckets; the middle is within 1/16. */
static void
test_time_buckets(void **state)
{
	(void)state;
	assert_int_equal(report_time_bucket(0), 0);
	assert_int_equal(report_time_bucket(7), 0);
	assert_int_equal(report_time_bucket(8), 1);
	assert_int_equal(report_time_bucket(UINT64_MAX), REPORT_TIME_BUCKETS - 1);
	for (uint64_t ns = 64; ns < UINT64_MAX / 3; ns += ns / 7) {
		assert_int_equal(report_time_bucket(2 * ns), report_time_bucket(ns) + 8);
		assert_in_range(report_time_ns(report_time_bucket(ns)), ns - ns / 16, ns + ns / 16);
	}
}

/* The sum of two classes is more than what was sent, though each is not. */
static void
test_classes_add_up(void **state)
{
	struct report_row row = {.classes = {[PROBE_LOST] = 30, [PROBE_LATE] = 21}};
	struct report wrong = example;
	struct report *read = NULL;
	char error[REPORT_ERROR];

	(void)state;
	wrong.rows = &row;
	wrong.n_rows = 1;
	expect_mistake(&wrong, "rows[0]: classes are more than what was sent");
	row.classes[PROBE_LATE] = 20;
	assert_int_equal(read_again(&wrong, &read, error), 0);
	report_free(read);
}

static void
test_many(void **state)
{
	struct report many = example, *read = NULL;
	char error[REPORT_ERROR];

	(void)state;
	many.n_rows = 0;
	many.n_streams = REPORT_STREAMS_MAX + 1;
	many.streams = calloc(many.n_streams, sizeof(*many.streams));
	many.sent = calloc(many.n_streams, sizeof(*many.sent));
	many.rtt_ns = many.sent;
	many.times = NULL;
	assert_non_null(many.streams);
	assert_non_null(many.sent);
	for (size_t i = 0; i < many.n_streams; i++)
		many.streams[i] = streams[i % 3];
	assert_int_equal(read_again(&many, &read, error), -EINVAL);
	assert_null(read);
	many.n_streams--;
	assert_int_equal(read_again(&many, &read, error), 0);
	check_equal(read, &many);
	report_free(read);
	free(many.streams);
	free(many.sent);
}

/* Bytes bent at random: refused, or read and equal to itself when written again. */
static void
test_bent(void **state)
{
	unsigned int seed = 1, read = 0;
	char error[REPORT_ERROR];
	struct fixture f;
	char *bent;

	(void)state;
	fixture_begin(&f);
	report_pack(&f.pk, &example);
	bent = malloc(f.out.size);
	assert_non_null(bent);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		size_t len = rand_r(&seed) % 4 ? f.out.size : (size_t)rand_r(&seed) % f.out.size;
		struct report *report = NULL, *again = NULL;

		memcpy(bent, f.out.data, f.out.size);
		for (int n = rand_r(&seed) % 3; n >= 0; n--)
			bent[(size_t)rand_r(&seed) % f.out.size] = (char)rand_r(&seed);
		if (report_unpack(bent, len, &report, error) < 0) {
			assert_true(error[0] != '\0');
			continue;
		}
		read++;
		assert_int_equal(read_again(report, &again, error), 0);
		check_equal(report, again);
		report_free(report);
		report_free(again);
	}
	assert_in_range(read, MUTATIONS / 100, MUTATIONS - 1);
	free(bent);
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed), cmocka_unit_test(test_round),
		cmocka_unit_test(test_head_mistakes), cmocka_unit_test(test_row_mistakes),
		cmocka_unit_test(test_time_mistakes), cmocka_unit_test(test_time_buckets),
		cmocka_unit_test(test_heard_mistakes),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_classes_add_up), cmocka_unit_test(test_many),
		cmocka_unit_test(test_bent),
	};

	return cmocka_run_group_tests_name("report", tests, setup, NULL);
}
