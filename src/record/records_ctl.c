/* SPDX-License-Identifier: Apache-2.0 */
/* What rpingmesh-ctl makes of records and prints with --json. */
#include "record/records_impl.h"

const struct record_field records_matrix_cell[] = {
	TYPE("matrix_cell"),
	FIELD("address", "string", "The peer, as configured."),
	FIELD("device", "string or nil", "The local device."),
	FIELD("hostname", "string or nil", "Its own name."),
	FIELD("state", "string", "As in Map peer."),
	FIELD("span_s", "number or nil",
	      "This and the following are those of Map recent.", UNIT("s")),
	FIELD("answered", "integer or nil", ""),
	FIELD("lost", "integer or nil", ""),
	FIELD("lost_ratio", "number or nil", "", RANGE(0, 1)),
	FIELD("rtt_p50_ns", "integer or nil", "", NS),
	FIELD("prober_delay_p50_ns", "integer or nil", "", NS),
	FIELD("responder_delay_p50_ns", "integer or nil", "", NS),
	END,
};

const struct record_field records_path_histogram[] = {
	TYPE("histogram"),
	FIELD("metric", "string", "Of what.", ONE_OF("rtt, prober, responder")),
	FIELD("by", "string", "What the windows are of.", WORDS(WINDOW_BY)),
	FIELD("device", "string or nil",
	      "This and the following, to `src_port`, are those of Map window."),
	FIELD("source", "string or nil", ""),
	FIELD("peer", "string or nil", ""),
	FIELD("hostname", "string or nil", ""),
	FIELD("kind", "string or nil", ""),
	FIELD("flow", "integer or nil", ""),
	FIELD("flow_label", "integer or nil", ""),
	FIELD("traffic_class", "integer or nil", ""),
	FIELD("service_level", "integer or nil", ""),
	FIELD("src_port", "integer or nil", ""),
	FIELD("start_ns", "integer", "Of the first window.", NS),
	FIELD("end_ns", "integer", "Of the last.", NS),
	FIELD("windows", "integer", "How many."),
	FIELD("lost", "integer", "Probes without host noise that were lost."),
	FIELD("of", "integer", "Of so many that were answered or lost."),
	FIELD("noise", "integer", "Results with host noise; not among the times."),
	FIELD("unbinned", "integer", "Results that are in no bucket for want of memory."),
	FIELD("count", "integer", "Times below."),
	FIELD("min_ns", "integer", "Least.", NS, ONLY("if count is not 0")),
	FIELD("p50_ns", "integer", "Median.", NS, ONLY("if count is not 0")),
	FIELD("p90_ns", "integer", "90th percentile.", NS, ONLY("if count is not 0")),
	FIELD("p99_ns", "integer", "99th percentile.", NS, ONLY("if count is not 0")),
	FIELD("p999_ns", "integer", "99.9th percentile.", NS, ONLY("if count is not 0")),
	FIELD("max_ns", "integer", "Greatest.", NS, ONLY("if count is not 0")),
	FIELD("rows", "list of map histogram_row", "As in the picture, ascending."),
	END,
};

const struct record_field records_histogram_row[] = {
	FIELD("low_ns", "integer", "The least that belongs to the row.", NS),
	FIELD("high_ns", "integer", "The greatest.", NS),
	FIELD("count", "integer", "How many."),
	END,
};

const struct record_field records_flow_group[] = {
	TYPE("flow_group"),
	FIELD("by", "string", "What.", ONE_OF("process, job, device, remote")),
	FIELD("name", "string or nil",
	      "Of the process, job, device or remote address; nil: owners without a job."),
	FIELD("hostname", "string or nil", "Its own name.", ONLY("by remote")),
	FIELD("flows", "integer", "In the group."),
	FIELD("qps", "integer", "QPs of these."),
	FIELD("flows_probing", "integer", "Flows whose path is probed."),
	FIELD("answered", "integer", "As in Map recent, of all flows; so are the next two."),
	FIELD("lost", "integer", ""),
	FIELD("lost_ratio", "number or nil", "", RANGE(0, 1)),
	FIELD("rtt_p50_worst_ns", "integer or nil", "The highest median of a flow.", NS),
	FIELD("rtt_p99_worst_ns", "integer or nil",
	      "The highest 99th percentile of a flow.",
	      NS),
	END,
};

const struct record_field records_recording_totals[] = {
	TYPE("recording_totals"),
	FIELD("probes", "integer", "Records of probes."),
	FIELD("windows", "integer", "Of windows."),
	FIELD("events", "integer", "Of events."),
	FIELD("missing", "integer", "Records that the recorder read too slowly to get."),
	FIELD("others", "integer", "Records of kinds that this version does not know."),
	FIELD("duration_ns", "integer", "From its begin to the last record.", NS),
	FIELD("reason", "string or nil",
	      "Why it ended; nil: it has no end.",
	      ONE_OF("stopped, count, duration, size, daemon, disk")),
	END,
};
