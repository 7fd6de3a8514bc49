/* SPDX-License-Identifier: Apache-2.0 */
/* The maps that rpingmesh-ctl makes from records and prints with --json. */
#include "record/records_impl.h"

const struct record_field records_matrix_cell[] = {
	TYPE("matrix_cell"),
	FIELD("address", "string", "The configured address or name of the peer."),
	FIELD("device", "string or nil", "The local device."),
	FIELD("hostname", "string or nil", "The name that the peer reports."),
	FIELD("state", "string", "The state, as in Map peer."),
	FIELD("span_s", "number or nil",
	      "This and the following are the values of Map recent.", UNIT("s")),
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
	FIELD("metric", "string", "What was measured.", ONE_OF("rtt, prober, responder")),
	FIELD("by", "string", "What the windows sum up.", WORDS(WINDOW_BY)),
	FIELD("device", "string or nil",
	      "This and the following, up to `src_port`, are the values of Map window."),
	FIELD("source", "string or nil", ""),
	FIELD("peer", "string or nil", ""),
	FIELD("hostname", "string or nil", ""),
	FIELD("kind", "string or nil", ""),
	FIELD("flow", "integer or nil", ""),
	FIELD("flow_label", "integer or nil", ""),
	FIELD("traffic_class", "integer or nil", ""),
	FIELD("service_level", "integer or nil", ""),
	FIELD("src_port", "integer or nil", ""),
	FIELD("start_ns", "integer", "The beginning of the first window.", NS),
	FIELD("end_ns", "integer", "The end of the last window.", NS),
	FIELD("windows", "integer", "The number of windows."),
	FIELD("lost", "integer", "The number of lost probes, without host noise."),
	FIELD("of", "integer", "The number of probes that were answered or lost."),
	FIELD("noise", "integer",
	      "The number of results with host noise, which the times leave out."),
	FIELD("unbinned", "integer",
	      "The number of results that are in no bucket because memory was short."),
	FIELD("count", "integer", "The number of times."),
	FIELD("min_ns", "integer", "The least time.", NS, ONLY("if count is not 0")),
	FIELD("p50_ns", "integer", "The median.", NS, ONLY("if count is not 0")),
	FIELD("p90_ns", "integer", "90th percentile.", NS, ONLY("if count is not 0")),
	FIELD("p99_ns", "integer", "99th percentile.", NS, ONLY("if count is not 0")),
	FIELD("p999_ns", "integer", "99.9th percentile.", NS, ONLY("if count is not 0")),
	FIELD("max_ns", "integer", "The greatest time.", NS, ONLY("if count is not 0")),
	FIELD("rows", "list of map histogram_row", "The rows that the command draws, ascending."),
	END,
};

const struct record_field records_histogram_row[] = {
	FIELD("low_ns", "integer", "The least time that belongs to the row.", NS),
	FIELD("high_ns", "integer", "The greatest time that belongs to the row.", NS),
	FIELD("count", "integer", "The number of times in the row."),
	END,
};

const struct record_field records_flow_group[] = {
	TYPE("flow_group"),
	FIELD("by", "string",
	      "What the flows have in common.", ONE_OF("process, job, device, remote")),
	FIELD("name", "string or nil",
	      "The name of the process, job, device or remote address; nil: owners without a job."),
	FIELD("hostname", "string or nil", "The name that the peer reports.", ONLY("by remote")),
	FIELD("flows", "integer", "The number of flows in the group."),
	FIELD("qps", "integer", "The number of their QPs."),
	FIELD("flows_probing", "integer", "The number of flows whose path is probed."),
	FIELD("answered", "integer",
	      "As in Map recent, for all flows; the same is true of the next two."),
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
	FIELD("probes", "integer", "The number of records of probes."),
	FIELD("windows", "integer", "The number of records of windows."),
	FIELD("events", "integer", "The number of records of events."),
	FIELD("missing", "integer",
	      "The number of records that are missing because they were read too slowly."),
	FIELD("others", "integer",
	      "The number of records of kinds that this version does not know."),
	FIELD("duration_ns", "integer", "The time from the beginning to the last record.", NS),
	FIELD("reason", "string or nil",
	      "Why the recording ended; nil: it has no end.",
	      ONE_OF("stopped, count, duration, size, daemon, disk")),
	END,
};

const struct record_field records_selfcheck[] = {
	TYPE("selfcheck"),
	FIELD("device", "string", "The RDMA device."),
	FIELD("driver", "string", "Its driver; `-`: not known."),
	FIELD("check", "string", "What was compared, see rpingmesh-ctl(1).",
	      ONE_OF("gid, mtu, counters, clock, port")),
	FIELD("result", "string", "What came of it.", ONE_OF("holds, differs, cannot tell")),
	FIELD("detail", "string", "The figures, or why one cannot tell."),
	END,
};

const struct record_field records_check[] = {
	TYPE("check"),
	FIELD("target", "string", "The host, as it was given."),
	FIELD("well", "boolean",
	      "Whether all probes were answered, but for those that a stall of a host may have "
	      "affected."),
	FIELD("sent", "integer", "The number of probes."),
	FIELD("answered", "integer", "How many of them were answered."),
	FIELD("rtt_p50_ns", "integer or nil", "The median of the network RTT.", NS),
	FIELD("rtt_max_ns", "integer or nil", "The longest network RTT.", NS),
	FIELD("error", "string or nil", "Why they could not be sent."),
	END,
};
