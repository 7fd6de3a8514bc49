/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of records: every map that the daemon sends or that rpingmesh-ctl makes of them,
 * with each key. The fields in the manual come from it, the checks of what comes over the control
 * socket and of --json, and the daemon that the tests of rpingmesh-ctl play.
 */
#ifndef RPINGMESH_RECORD_RECORDS_H
#define RPINGMESH_RECORD_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#define RECORDS(X) \
	X(PROBE, probe) X(PING_DONE, ping_done) X(WINDOW, window) X(NOISE, noise) \
	X(CLOCK, clock) X(SIZE, size) X(HISTOGRAM, histogram) X(FLOW, flow) X(OWNER, owner) \
	X(ORIGIN, origin) X(WHO, who) X(QP, qp) X(EVENT, event) X(TOTALS, totals) \
	X(CLASSES, classes) \
	X(RECENT, recent) X(VERDICT, verdict) X(PEER, peer) X(TARGET, target) \
	X(DEVICE, device) X(GID, gid) X(SOURCE_QPS, source_qps) X(HISTORY, history) \
	X(COUNTER, counter) X(STATUS, status) X(TRACE, trace) X(PROBES, probes) \
	X(RESPONDER, responder) X(CONTROL, control) X(LOSSY, lossy) X(ERROR, error) \
	X(METHOD, method) X(ACKNOWLEDGED, acknowledged) X(PING, ping) X(FLOWS, flows) \
	X(WINDOWS, windows) X(EXPLAIN, explain) X(PATH, path) X(STREAM, stream) \
	X(CONFIG, config) X(FILE, file) X(KEY, key) X(CONFIG_PEERS, config_peers) \
	X(CONFIG_PEER, config_peer) X(RELOAD, reload) X(CHANGE, change) X(NAMES, names) \
	X(LOG_LEVEL, log_level) X(DROPPED, dropped) X(MATRIX_CELL, matrix_cell) \
	X(PATH_HISTOGRAM, path_histogram) X(HISTOGRAM_ROW, histogram_row) \
	X(FLOW_GROUP, flow_group) X(RECORDING_TOTALS, recording_totals) X(NOTHING, nothing)

#define RECORDS_ENUM(upper, lower) RECORD_##upper,
enum record_map {
	RECORD_TABLE, /* its keys are data, such as names of counters: it stands in no table */
	RECORDS(RECORDS_ENUM)
	RECORD_MAP_N
};

/* Where the words come from that a string may be: tables of names in the code. */
enum record_words {
	RECORD_WORDS_ANY,
	RECORD_WORDS_CLASS,
	RECORD_WORDS_KIND,
	RECORD_WORDS_CLOCK,
	RECORD_WORDS_PATH,
	RECORD_WORDS_NOISE,
	RECORD_WORDS_WINDOW_BY,
	RECORD_WORDS_VERDICT,
	RECORD_WORDS_PORT_STATE,
	RECORD_WORDS_PEER_STATE,
	RECORD_WORDS_SERVICE_STATE,
	RECORD_WORDS_QP_STATE,
	RECORD_WORDS_TRACE_STATE,
	RECORD_WORDS_THROTTLE,
	RECORD_WORDS_N
};

struct record_field {
	const char *name; /* NULL: all fields of the map `include`, or `classes` */
	enum record_map include;
	bool classes;     /* one integer a class of probes, under its name */
	/*
	 * "integer", "number", "string", "boolean", "value" (what a key of a configuration may be),
	 * "map NAME", "list of TYPE", "table of TYPE" (any names as keys); several: joined by
	 * " or ", with "nil" for what is not known.
	 */
	const char *type;
	/* For people. `x` marks a word as such; page(8) and Map NAME become references. */
	const char *meaning;
	const char *unit;                 /* NULL: none */
	uint64_t min, max;                /* max 0: as its type allows */
	enum record_words words;
	const char *one_of;               /* "a, b": the words themselves; NULL: see `words` */
	const char *only;                 /* when it is there; NULL: always */
	const char *since;                /* version; NULL: 0.1.0 */
};

/* Name as in the manual; "?" for RECORD_TABLE. */
const char *record_map_name(enum record_map map);
/* Ends with a field without a type. NULL: RECORD_TABLE. */
const struct record_field *record_map_fields(enum record_map map);
/* Whether a map of this kind may have the key. */
bool record_map_has(enum record_map map, const char *key);

#endif
