/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of records: every map that the daemon sends, or that rpingmesh-ctl makes from them,
 * with all keys. Three things are made from it: the lists of fields in the manual, the checks of
 * the data on the control socket and of --json, and the simulated daemon for the tests of
 * rpingmesh-ctl.
 */
#ifndef RPINGMESH_RECORD_RECORDS_H
#define RPINGMESH_RECORD_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#define RECORDS(X) \
	X(PROBE, probe) X(CORRECTION, correction) X(PING_DONE, ping_done) X(WINDOW, window) \
	X(NOISE, noise) \
	X(CLOCK, clock) X(SIZE, size) X(HISTOGRAM, histogram) X(FLOW, flow) X(OWNER, owner) \
	X(ORIGIN, origin) X(WHO, who) X(QP, qp) X(EVENT, event) X(TOTALS, totals) \
	X(CLASSES, classes) \
	X(RECENT, recent) X(VERDICT, verdict) X(PEER, peer) X(TARGET, target) \
	X(DEVICE, device) X(GID, gid) X(SOURCE_QPS, source_qps) X(HISTORY, history) \
	X(COUNTER, counter) X(STATUS, status) X(TRACE, trace) X(PROBES, probes) \
	X(CLUSTER, cluster) X(CLUSTER_PINGLIST, cluster_pinglist) \
	X(CLUSTER_ASKS, cluster_asks) X(CLUSTER_UPLINK, cluster_uplink) X(RESPONDER, responder) \
	X(CONTROL, control) X(LOSSY, lossy) X(ERROR, error) \
	X(METHOD, method) X(ACKNOWLEDGED, acknowledged) X(PING, ping) X(PEERS, peers) \
	X(TARGETS, targets) X(FLOWS, flows) \
	X(WINDOWS, windows) X(EXPLAIN, explain) X(PATH, path) X(STREAM, stream) \
	X(ROAD, road) X(HOP, hop) X(ROADS, roads) X(ROAD_COUNTS, road_counts) \
	X(CONFIG, config) X(FILE, file) X(KEY, key) X(CONFIG_PEERS, config_peers) \
	X(CONFIG_PEER, config_peer) X(RELOAD, reload) X(CHANGE, change) X(NAMES, names) \
	X(LOG_LEVEL, log_level) X(DROPPED, dropped) X(MATRIX_CELL, matrix_cell) \
	X(PATH_HISTOGRAM, path_histogram) X(HISTOGRAM_ROW, histogram_row) \
	X(FLOW_GROUP, flow_group) X(SELFCHECK, selfcheck) X(CHECK, check) \
	X(RECORDING_TOTALS, recording_totals) \
	X(REGISTRATION, registration) X(REGISTRATION_PORT, registration_port) \
	X(PINGLIST, pinglist) X(PINGLIST_PORT, pinglist_port) X(PINGLIST_GROUP, pinglist_group) \
	X(PINGLIST_TARGET, pinglist_target) \
	X(ASK, ask) X(ASK_TRACE, ask_trace) X(ASK_PROBE, ask_probe) \
	X(REPORT, report) X(REPORT_PORT, report_port) X(REPORT_STREAMS, report_streams) \
	X(REPORT_ROW, report_row) X(REPORT_HEARD, report_heard) \
	X(REPORT_DELAYS, report_delays) \
	X(DRAIN, drain) X(CENTRAL, central) \
	X(BUS, bus) X(CENTRAL_STATUS, central_status) X(HOST, host) X(HOST_PORT, host_port) \
	X(COVERAGE, coverage) X(HOSTS, hosts) X(PORTS, ports) X(COVERAGES, coverages) \
	X(TOR, tor) X(TORS, tors) \
	X(PATHS, paths) X(PATHS_PATH, paths_path) X(PATHS_HOP, paths_hop) \
	X(LINK, link) X(LINKS, links) X(SWITCH, switch) X(SWITCHES, switches) \
	X(KNOWN_PATH, known_path) X(KNOWN_PATHS, known_paths) X(PLACE, place) \
	X(INCIDENT, incident) X(CULPRIT, culprit) X(INCIDENT_WORD, incident_word) \
	X(INCIDENT_EVENT, incident_event) X(INCIDENTS, incidents) \
	X(CHECK_BEGUN, check_begun) X(CHECKED, checked) X(CHECKED_HOST, checked_host) \
	X(DRAINED, drained) X(CONFIRMED, confirmed) X(NOTHING, nothing)

#define RECORDS_ENUM(upper, lower) RECORD_##upper,
enum record_map {
	RECORD_TABLE, /* a map whose keys are data, such as names of counters; not in the table */
	RECORDS(RECORDS_ENUM)
	RECORD_MAP_N
};

/* The words that a string may contain, as a table of names in the code. */
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
	RECORD_WORDS_PEER_ORIGIN,
	RECORD_WORDS_SERVICE_STATE,
	RECORD_WORDS_QP_STATE,
	RECORD_WORDS_TRACE_STATE,
	RECORD_WORDS_BUS_STATE,
	RECORD_WORDS_THROTTLE,
	RECORD_WORDS_N
};

struct record_field {
	const char *name; /* NULL: all fields of the map `include`, or of `classes` */
	enum record_map include;
	bool classes;     /* one integer for each class of probes, with its name */
	/*
	 * "integer", "number", "string", "boolean", "value" (a value of the configuration), "map
	 * NAME", "list of TYPE", "table of TYPE" (with any names as keys), or several types joined
	 * by " or ". "nil" means unknown.
	 */
	const char *type;
	/* For the manual. `x` marks a literal word; page(8) and Map NAME become references. */
	const char *meaning;
	const char *unit;                 /* NULL: none */
	uint64_t min, max;                /* max 0: the limits of the type */
	enum record_words words;
	const char *one_of;               /* the words themselves: "a, b"; NULL: see `words` */
	const char *only;                 /* when the field is present; NULL: always */
	const char *since;                /* version; NULL: 0.1.0 */
};

/* The name in the manual; "?" for RECORD_TABLE. */
const char *record_map_name(enum record_map map);
/* The fields of the map; the last one has no type. NULL for RECORD_TABLE. */
const struct record_field *record_map_fields(enum record_map map);
/* Whether a map of this kind may have the key. */
bool record_map_has(enum record_map map, const char *key);

#endif
