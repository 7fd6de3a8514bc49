/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the broker of a cluster, and was written by anybody who may publish there:
 * registrations, pinglists, drained hosts, signs of life of central, reports, paths, asks. The
 * input is a byte that says which, and the payload.
 *
 * What can be read can be written, and what was written is read as the same. rpingmesh-central
 * takes reports and paths, twice, and looks at all that it has of them.
 */
#include <msgpack.h>

#include "central/intake/intake.h"
#include "central/roads/roads.h"
#include "core/clock.h"
#include "fuzz.h"
#include "record/ask.h"
#include "record/drain.h"
#include "record/paths.h"
#include "record/pinglist.h"
#include "record/registration.h"
#include "record/report.h"

/* Longer than any error. */
#define CLUSTER_ERROR 512

/* Reads a payload and writes it again into `out`. Returns whether it could be read. */
typedef bool cluster_again_fn(const void *data, size_t len, msgpack_sbuffer *out);

static bool
cluster_registration(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct registration *r;
	msgpack_packer pk;

	if (registration_unpack(data, len, &r, error))
		return false;
	FUZZ_CHECK(registration_equal(r, r));
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	registration_pack(&pk, r);
	registration_free(r);
	return true;
}

static bool
cluster_pinglist(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct pinglist *list;
	msgpack_packer pk;

	if (pinglist_unpack(data, len, &list, error))
		return false;
	for (size_t i = 0; i < list->n_ports; i++)
		for (size_t k = 0; k < list->ports[i].n_targets; k++) {
			const struct pinglist_target *t = &list->ports[i].targets[k];

			FUZZ_CHECK(t->interval_ns >= PINGLIST_INTERVAL_MIN_NS &&
				   t->interval_ns <= PINGLIST_INTERVAL_MAX_NS);
			FUZZ_CHECK(t->tuples >= 1 && t->tuples <= PINGLIST_LABELS_MAX);
			FUZZ_CHECK(t->n_labels == 0 || t->n_labels == t->tuples);
			FUZZ_CHECK(strlen(t->host) <= PINGLIST_NAME_MAX);
		}
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	pinglist_pack(&pk, list);
	pinglist_free(list);
	return true;
}

static bool
cluster_drain(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct drain drain;
	msgpack_packer pk;

	if (drain_unpack(data, len, &drain, error))
		return false;
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	drain_pack(&pk, &drain);
	return true;
}

static bool
cluster_beat(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct central_beat beat;
	msgpack_packer pk;

	if (central_beat_unpack(data, len, &beat, error))
		return false;
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	central_beat_pack(&pk, &beat);
	return true;
}

/* ---- central ---- */

static void
cluster_look(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	const struct intake_time *now = arg;
	struct intake_host_info info;
	struct intake_counts counts;
	uint32_t seconds;
	uint64_t begin_ns;

	intake_stored_seconds(row->stored, now->mono_ns, &seconds);
	FUZZ_CHECK(seconds >> INTAKE_SECONDS == 0);
	intake_stored_usual_ns(row->stored, now->mono_ns);
	intake_stored_extra_ns(row->stored, now->mono_ns);
	for (uint32_t age = 0; age < INTAKE_SLOTS; age++)
		for (int w = 0; w < INTAKE_WINDOWS; w++)
			intake_stored_slot(row->stored, (struct intake_slot){w, age}, now->mono_ns,
					   &counts, &begin_ns);
	intake_host_info(host, now->mono_ns, &info);
	FUZZ_CHECK(info.until_ns <= now->mono_ns);
}

static void
cluster_take_report(struct report *report)
{
	struct intake_time now = {100 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC};
	struct intake *intake;

	if (intake_new(2, &intake) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		intake_take(intake, report->host, report, &now);
		for (int w = 0; w < INTAKE_WINDOWS; w++)
			intake_walk(intake, w, now.mono_ns, cluster_look, &now);
		now.mono_ns += 33 * NSEC_PER_SEC;
		now.wall_ns += 33 * NSEC_PER_SEC;
		report->incarnation++;
		report->end_ns = report->begin_ns;
	}
	intake_free(intake);
}

static void
cluster_width(void *arg)
{
	(void)arg;
}

static void
cluster_take_paths(const struct paths *paths)
{
	static const struct roads_ops ops = {.width = cluster_width};
	struct roads_path found;
	struct roads_tuple tuple;
	struct roads *roads;

	if (roads_new(&ops, 2, &roads) < 0)
		return;
	for (int i = 0; i < 2; i++)
		roads_take(roads, paths, 1000 * NSEC_PER_SEC);
	for (size_t i = 0; i < paths->n_paths; i++) {
		tuple = (struct roads_tuple){paths->paths[i].source, paths->paths[i].destination,
					     paths->paths[i].src_port,
					     paths->paths[i].traffic_class};
		roads_find(roads, &tuple, &found);
	}
	roads_free(roads);
}

static bool
cluster_report(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct report *report;
	msgpack_packer pk;

	if (report_unpack(data, len, &report, error))
		return false;
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];
		uint64_t sum = 0;

		FUZZ_CHECK(row->place < report->n_streams);
		for (int c = 0; c < PROBE_CLASS_N; c++)
			sum += row->classes[c];
		FUZZ_CHECK(sum <= report->sent[row->place]);
	}
	for (size_t i = 0; report->times && i < report->n_streams; i++)
		for (uint32_t k = 0; k < report->times[i].n; k++)
			FUZZ_CHECK(report->times[i].buckets[k].bucket < REPORT_TIME_BUCKETS);
	FUZZ_CHECK(report->n_heard <= REPORT_STREAMS_MAX);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	report_pack(&pk, report);
	cluster_take_report(report);
	report_free(report);
	return true;
}

static bool
cluster_paths(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	struct paths *paths;
	msgpack_packer pk;

	if (paths_unpack(data, len, &paths, error))
		return false;
	FUZZ_CHECK(paths->n_paths <= PATHS_MAX);
	for (size_t i = 0; i < paths->n_paths; i++)
		FUZZ_CHECK(paths->paths[i].n_hops >= 1 &&
			   paths->paths[i].n_hops <= PATHS_HOPS_MAX);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	paths_pack(&pk, paths);
	cluster_take_paths(paths);
	paths_free(paths);
	return true;
}

static bool
cluster_ask(const void *data, size_t len, msgpack_sbuffer *out)
{
	char error[CLUSTER_ERROR];
	msgpack_packer pk;
	struct ask *ask;

	if (ask_unpack(data, len, &ask, error))
		return false;
	FUZZ_CHECK(ask->n_traces <= ASK_TRACES_MAX && ask->n_probes <= ASK_PROBES_MAX &&
		   ask->until_ns - ask->made_ns <= ASK_LONGEST_NS);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	ask_pack(&pk, ask);
	free(ask);
	return true;
}

static cluster_again_fn *const cluster_kinds[] = {cluster_registration, cluster_pinglist,
						  cluster_drain, cluster_beat, cluster_report,
						  cluster_paths, cluster_ask};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	cluster_again_fn *again =
		cluster_kinds[fuzz_u8(&f) % (sizeof(cluster_kinds) / sizeof(cluster_kinds[0]))];
	msgpack_sbuffer first, second;
	size_t len;
	uint8_t *payload = fuzz_take(&f, f.left, &len);

	msgpack_sbuffer_init(&first);
	msgpack_sbuffer_init(&second);
	if (again(payload, len, &first)) {
		FUZZ_CHECK(again(first.data, first.size, &second));
		FUZZ_CHECK(first.size == second.size &&
			   memcmp(first.data, second.data, first.size) == 0);
	}
	msgpack_sbuffer_destroy(&first);
	msgpack_sbuffer_destroy(&second);
	free(payload);
	return 0;
}
