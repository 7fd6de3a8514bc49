/* SPDX-License-Identifier: Apache-2.0 */
#include "record/records_impl.h"

#include <stddef.h>
#include <string.h>

#include "stat/probe_class.h"

/* ---- probes, windows, flows and what they have in common ---- */

const struct record_field records_probe[] = {
	TYPE("probe"),
	SCHEMA,
	FIELD("time_ns", "integer", "When the probe was posted (T1), by the wall clock.", NS),
	INCLUDE(ORIGIN, "The daemon that sent the probe."),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("source", "string", "The local address that the probe was sent from, or was to be."),
	FIELD("destination", "string", "The address that it was sent to, or was to be."),
	FIELD("peer", "string", "The address or name as configured, or as the ping was asked for."),
	FIELD("hostname", "string or nil",
	      "What the peer calls itself; nil until it has answered SIDR."),
	FIELD("peer_tor", "string or nil", "The top-of-rack switch of the peer, as it says."),
	FIELD("ping", "integer", "Which ping it belongs to.", ONLY("in the notification ping")),
	FIELD("flow", "integer",
	      "`id` of the flow, see Map flow.", ONLY("along the flow of a service")),
	FIELD("seq", "integer", "Counts the probes of one stream, from 0."),
	FIELD("kind", "string",
	      "Why it was sent: a configured peer, somebody asked, or along a flow.",
	      WORDS(KIND)),
	FIELD("class", "string", "What became of it, see rpingmesh(7).", WORDS(CLASS)),
	FIELD("reason", "string or nil", "Why the class is what it is, in words."),
	FIELD("host_noise", "string or nil",
	      "Whose host did not run meanwhile: the time or the loss may be its fault.",
	      WORDS(NOISE)),
	FIELD("rtt_ns", "integer or nil",
	      "Round trip on the wire: (T5 - T2) - (T4 - T3), never negative. This and the "
	      "next three are nil unless the class is `ok` or `late`.",
	      NS),
	FIELD("prober_delay_ns", "integer or nil",
	      "Time inside this host: (T6 - T1) - (T5 - T2).",
	      NS),
	FIELD("responder_delay_ns", "integer or nil", "Time inside the peer: T4 - T3.", NS),
	FIELD("error_ns", "integer or nil",
	      "By how much `rtt_ns` may be off, as far as the clocks know.",
	      NS),
	FIELD("t1_ns", "integer or nil",
	      "Posted. The six times are moments, but of clocks of their own: T1, T2, T5 and "
	      "T6 of the prober's, T3 and T4 of the responder's. Only differences within one "
	      "clock mean anything. Nil: not known.",
	      NS),
	FIELD("t2_ns", "integer or nil", "Sent.", NS),
	FIELD("t3_ns", "integer or nil", "Received by the responder.", NS),
	FIELD("t4_ns", "integer or nil", "ACK1 sent by the responder.", NS),
	FIELD("t5_ns", "integer or nil", "ACK1 received.", NS),
	FIELD("t6_ns", "integer or nil", "ACK1 handled by the prober.", NS),
	FIELD("clock", "string",
	      "By whose clocks it was timed: the hosts', or completion timestamps of both "
	      "RNICs.",
	      WORDS(CLOCK)),
	FIELD("src_port", "integer or nil",
	      "UDP source port of the probe; nil when the driver's rule is not known.",
	      RANGE(1, 65535)),
	FIELD("return_src_port", "integer or nil",
	      "UDP source port of its ACKs, as the peer says. Nil when no second ACK came, when "
	      "the rule of the peer's driver is not known, or when the peer's rpingmeshd is too "
	      "old to say.",
	      RANGE(1, 65535)),
	FIELD("flow_label", "integer",
	      "What the port was made from, where the driver makes it from that.",
	      RANGE(0, 0xfffff)),
	FIELD("traffic_class", "integer",
	      "For IPv4 the TOS byte: four times the DSCP.", RANGE(0, 255)),
	FIELD("service_level", "integer", "Service level.", RANGE(0, 15)),
	FIELD("size", "integer",
	      "UDP payload that was sent, above BTH and DETH.",
	      UNIT("bytes"), RANGE(50, 4096)),
	FIELD("path", "string", "Whether it took the path that was asked for.", WORDS(PATH)),
	FIELD("posted", "boolean", "Whether the RNIC got it."),
	FIELD("late", "boolean", "Whether the class is `late`."),
	END,
};

const struct record_field records_ping_done[] = {
	TYPE("ping_done"),
	FIELD("ping", "integer", "Its number."),
	INCLUDE(TOTALS, "Of this ping."),
	FIELD("error", "string or nil", "Why it ended before its time."),
	END,
};

const struct record_field records_window[] = {
	TYPE("window"),
	SCHEMA,
	INCLUDE(ORIGIN, "The daemon that sent the probes."),
	FIELD("by", "string",
	      "What was summed up: a stream of probes, a flow of a service, or all that a "
	      "device sent.",
	      WORDS(WINDOW_BY)),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer", "Its port.", RANGE(1, 255)),
	FIELD("source", "string", "The local address that its probes were sent from.",
	      ONLY("by target and flow")),
	FIELD("destination", "string", "The address that they were sent to.",
	      ONLY("by target and flow")),
	FIELD("peer", "string", "As configured.", ONLY("by target and flow")),
	FIELD("hostname", "string or nil",
	      "What the peer calls itself.", ONLY("by target and flow")),
	FIELD("peer_tor", "string or nil",
	      "The top-of-rack switch of the peer, as it says.", ONLY("by target and flow")),
	FIELD("flow", "integer or nil",
	      "`id` of the flow; nil when it has gone meanwhile.",
	      ONLY("by flow")),
	FIELD("kind", "string",
	      "Why its probes are sent.", ONLY("by target and flow"), WORDS(KIND)),
	FIELD("interval_ns", "integer", "Between two of them.", NS, ONLY("by target and flow")),
	FIELD("flow_label", "integer",
	      "What the UDP source port is made from.",
	      RANGE(0, 0xfffff), ONLY("by target and flow")),
	FIELD("traffic_class", "integer",
	      "For IPv4 the TOS byte.",
	      RANGE(0, 255), ONLY("by target and flow")),
	FIELD("service_level", "integer",
	      "Service level.", RANGE(0, 15), ONLY("by target and flow")),
	FIELD("src_port", "integer or nil",
	      "UDP source port of its probes.",
	      RANGE(1, 65535), ONLY("by target and flow")),
	FIELD("path", "string",
	      "Whether the probes take the path that was asked for.",
	      ONLY("by target and flow"), WORDS(PATH)),
	FIELD("start_ns", "integer",
	      "Begin, by the wall clock; a multiple of `window_s` of rpingmeshd.conf(5) "
	      "unless cut.",
	      NS),
	FIELD("end_ns", "integer", "End, likewise.", NS),
	FIELD("start_mono_ns", "integer",
	      "Begin by CLOCK_MONOTONIC: tells windows apart after the wall clock was set "
	      "back.",
	      NS),
	FIELD("windows", "integer", "How many were added up.", RANGE(1, 1)),
	FIELD("clock_stepped", "boolean", "Cut at either end, for somebody set the wall clock."),
	FIELD("length_changed", "boolean", "Cut, for `window_s` was changed."),
	FIELD("path_changed", "boolean",
	      "Cut at either end, because its probes took another UDP source port, source address "
	      "or `path` there; of one window all probes have the same."),
	FIELD("ended", "boolean", "Cut, for its stream of probes or device went."),
	FIELD("due", "integer", "Probes that came due; the sum of the classes."),
	FIELD("posted", "integer", "Those that the RNIC got."),
	INCLUDE(CLASSES, "Of the probes that came due."),
	FIELD("loss_lost", "integer", "Probes of a class that counts as lost, without host noise."),
	FIELD("loss_of", "integer",
	      "The same, and `ok` and `late`: what could have been lost by the network."),
	FIELD("loss_ratio", "number or nil", "One by the other; nil when both are 0.", RANGE(0, 1)),
	FIELD("loss_low", "number",
	      "Where the true share begins (Clopper and Pearson).", RANGE(0, 1)),
	FIELD("loss_high", "number", "Where it ends.", RANGE(0, 1)),
	FIELD("loss_level", "number", "With which confidence: 0.95.", RANGE(0, 1)),
	FIELD("lost_noise", "integer", "Probes of a class that counts as lost, with host noise."),
	FIELD("noise", "map noise", "What host noise touched."),
	FIELD("clock", "map clock", "By which clocks was measured."),
	FIELD("sizes", "list of map size", "By size of probes."),
	FIELD("rtt", "map histogram or nil",
	      "Round trips; without those under noise, unless timed by hardware. Nil: no "
	      "memory for it."),
	FIELD("prober_delay", "map histogram", "Time inside this host."),
	FIELD("responder_delay", "map histogram", "Time inside the peers."),
	FIELD("unbinned", "integer", "Results that the histograms lack for want of memory."),
	END,
};

const struct record_field records_noise[] = {
	FIELD("prober", "integer", "Results that a stall of this host may have touched."),
	FIELD("responder", "integer", "Of the peer."),
	FIELD("both", "integer", "Of both."),
	FIELD("rtt_count", "integer", "RTTs left out of `rtt`."),
	FIELD("rtt_mean_ns", "integer or nil", "Their mean.", NS),
	FIELD("rtt_max_ns", "integer or nil", "Their maximum.", NS),
	END,
};

const struct record_field records_clock[] = {
	FIELD("sw", "integer", "Results measured by the clocks of the hosts."),
	FIELD("hw", "integer", "By those of the RNICs."),
	END,
};

const struct record_field records_size[] = {
	FIELD("size", "integer or nil",
	      "Payload; nil: all further sizes together.",
	      UNIT("bytes"), RANGE(1, 4096)),
	FIELD("due", "integer", "Probes of this size."),
	FIELD("answered", "integer", "Of them answered, in time or late, without host noise."),
	FIELD("lost", "integer", "Lost, without host noise."),
	FIELD("lost_noise", "integer", "Lost under host noise."),
	FIELD("loss_ratio", "number or nil", "As in the window, as the next two.", RANGE(0, 1)),
	FIELD("loss_low", "number", "Begin of the interval.", RANGE(0, 1)),
	FIELD("loss_high", "number", "End of the interval.", RANGE(0, 1)),
	FIELD("rtt_min_ns", "integer or nil", "Least RTT.", NS),
	FIELD("rtt_p50_ns", "integer or nil", "Median.", NS),
	FIELD("rtt_p99_ns", "integer or nil", "99th percentile.", NS),
	END,
};

const struct record_field records_histogram[] = {
	FIELD("count", "integer", "Values in it."),
	FIELD("sum_ns", "integer", "Their sum.", NS),
	FIELD("min_ns", "integer or nil", "Least; exact.", NS),
	FIELD("p50_ns", "integer or nil",
	      "Median: nearest rank, within 1/128, as the next three.",
	      NS),
	FIELD("p90_ns", "integer or nil", "90th percentile.", NS),
	FIELD("p99_ns", "integer or nil", "99th percentile.", NS),
	FIELD("p999_ns", "integer or nil", "99.9th percentile.", NS),
	FIELD("max_ns", "integer or nil", "Greatest; exact.", NS),
	FIELD("buckets", "list of integer",
	      "Number, count, number, count and so on, ascending, of buckets that are not "
	      "empty."),
	END,
};

const struct record_field records_flow[] = {
	TYPE("flow"),
	FIELD("id", "integer", "Never given to another flow."),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer", "Its port.", RANGE(1, 255)),
	FIELD("driver", "string or nil", "Its driver, as in mlx5."),
	FIELD("src_gid", "string", "Local address."),
	FIELD("dst_gid", "string", "Remote address."),
	FIELD("gid_type", "string or nil", "Which protocol.", ONE_OF("IB, RoCE v1, RoCE v2")),
	FIELD("src_port", "integer or nil",
	      "UDP source port; nil when the rule of the driver is not known.",
	      RANGE(1, 65535)),
	FIELD("traffic_class", "integer", "For IPv4 the TOS byte.", RANGE(0, 255)),
	FIELD("service_level", "integer", "Service level.", RANGE(0, 15)),
	FIELD("path_mtu", "integer or nil", "Path MTU.", UNIT("bytes"), RANGE(256, 4096)),
	FIELD("since_ns", "integer", "When its first QP was seen.", NS),
	FIELD("owners", "list of map owner", "Whose they are; 32 at most."),
	FIELD("qps_of_other_owners", "integer", "QPs of those that are not listed."),
	FIELD("qps", "list of map qp", "The QPs; 64 at most."),
	FIELD("qps_total", "integer", "How many there are."),
	FIELD("probing", "string", "Whether it is probed.", WORDS(SERVICE_STATE)),
	FIELD("probing_reason", "string or nil", "Why not."),
	FIELD("hostname", "string or nil", "What the peer calls itself."),
	FIELD("tor", "string or nil", "The peer's top-of-rack switch."),
	FIELD("path", "string", "Whether the probes have the flow's UDP source port.", WORDS(PATH)),
	FIELD("probe_src_port", "integer or nil", "Theirs.", RANGE(1, 65535)),
	FIELD("interval_ns", "integer or nil", "Between two of them.", NS),
	INCLUDE(TOTALS, "Of these probes; 0 while unprobed."),
	FIELD("recent", "map recent", "Of these probes."),
	INCLUDE(VERDICT, "Of this path."),
	END,
};

const struct record_field records_owner[] = {
	INCLUDE(WHO, "The owner."),
	FIELD("qps", "integer", "How many QPs of the flow it has."),
	END,
};

const struct record_field records_origin[] = {
	FIELD("host", "string", "The name of its host: `hostname` in its Map status."),
	FIELD("tor", "string or nil", "Its top-of-rack switch, as configured."),
	FIELD("incarnation", "integer", "A random number for each start of the daemon."),
	END,
};

const struct record_field records_who[] = {
	FIELD("pid", "integer or nil", "Process; nil: the kernel.", RANGE(1, 4194304)),
	FIELD("comm", "string", "Its name; of the kernel the module, as in nvme_rdma."),
	FIELD("cgroup", "string or nil", "Path of its control group."),
	FIELD("cgroup_id", "integer or nil", "Its number."),
	FIELD("job", "string or nil",
	      "What the control group says of it: `slurm:1234`, `pod:UID`, "
	      "`unit:ssh.service`."),
	FIELD("kernel", "boolean", "Whether it is the kernel."),
	END,
};

const struct record_field records_qp[] = {
	FIELD("qpn", "integer", "Number of the local QP.", RANGE(0, 0xffffff)),
	FIELD("remote_qpn", "integer or nil", "Of the remote one.", RANGE(0, 0xffffff)),
	FIELD("qp_type", "string", "Transport: `RC`, `UC`, `UD`, `XRC_INI`, `XRC_TGT` and others."),
	FIELD("state", "string or nil", "State of the QP.", WORDS(QP_STATE)),
	FIELD("flow_label", "integer or nil", "Of its address vector.", RANGE(0, 0xfffff)),
	FIELD("pid", "integer or nil", "Process; nil: the kernel.", RANGE(1, 4194304)),
	FIELD("found", "boolean", "Found by a dump, not by an event."),
	END,
};

const struct record_field records_event[] = {
	TYPE("event"),
	SCHEMA,
	FIELD("time_ns", "integer", "When the kernel did it.", NS),
	INCLUDE(ORIGIN, "The daemon that saw it."),
	FIELD("event", "string",
	      "What happened: made, brought into that state, changed otherwise, destroyed, or "
	      "found by a dump.",
	      ONE_OF("create, reset, init, rtr, rts, sqd, sqe, error, modify, destroy, found")),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer or nil", "Its port.", RANGE(1, 255)),
	FIELD("driver", "string or nil", "Its driver."),
	FIELD("qpn", "integer", "Number of the QP.", RANGE(0, 0xffffff)),
	FIELD("remote_qpn", "integer or nil", "Of the remote one.", RANGE(0, 0xffffff)),
	FIELD("qp_type", "string", "Transport, as in Map qp."),
	FIELD("state", "string or nil", "State now.", WORDS(QP_STATE)),
	INCLUDE(WHO, "Whose QP it is."),
	FIELD("src_gid", "string or nil", "Local address."),
	FIELD("dst_gid", "string or nil", "Remote address."),
	FIELD("gid_type", "string or nil", "Which protocol.", ONE_OF("IB, RoCE v1, RoCE v2")),
	FIELD("src_port", "integer or nil", "UDP source port.", RANGE(1, 65535)),
	FIELD("flow_label", "integer or nil", "Of its address vector.", RANGE(0, 0xfffff)),
	FIELD("traffic_class", "integer or nil", "Likewise.", RANGE(0, 255)),
	FIELD("service_level", "integer or nil", "Likewise.", RANGE(0, 15)),
	FIELD("path_mtu", "integer or nil", "Path MTU.", UNIT("bytes"), RANGE(256, 4096)),
	FIELD("flow", "integer or nil", "`id` of the flow that it belongs to."),
	END,
};

const struct record_field records_totals[] = {
	FIELD("sent", "integer",
	      "Probes that came due: the sum of the classes, and those under way."),
	FIELD("posted", "integer", "Those that the RNIC got."),
	INCLUDE(CLASSES, "Those that have ended."),
	END,
};

const struct record_field records_classes[] = {
	CLASSES,
	END,
};

const struct record_field records_recent[] = {
	FIELD("span_s", "number", "What it covers.", UNIT("s")),
	FIELD("results", "integer", "Probes that ended."),
	FIELD("answered", "integer", "Of them `ok` or `late`, without host noise."),
	FIELD("lost", "integer", "Of a class that counts as lost, without host noise."),
	FIELD("noise", "integer", "With host noise; in neither of the two."),
	FIELD("lost_ratio", "number or nil", "`lost` by `lost` and `answered`.", RANGE(0, 1)),
	FIELD("rtt_min_ns", "integer or nil", "Least RTT.", NS),
	FIELD("rtt_p50_ns", "integer or nil", "Median.", NS),
	FIELD("rtt_p99_ns", "integer or nil", "99th percentile.", NS),
	FIELD("rtt_max_ns", "integer or nil", "Greatest.", NS),
	FIELD("prober_delay_p50_ns", "integer or nil", "Median time inside this host.", NS),
	FIELD("responder_delay_p50_ns", "integer or nil", "Median time inside the peer.", NS),
	END,
};

const struct record_field records_verdict[] = {
	FIELD("loss_verdict", "string", "What it says; none: not sure yet.", WORDS(VERDICT)),
	FIELD("loss_verdict_since_ns", "integer or nil", "Since when it has said so.", NS),
	FIELD("loss_verdict_lost", "integer or nil", "Probes lost, of those that it rests on."),
	FIELD("loss_verdict_of", "integer or nil", "Probes that it rests on."),
	END,
};

const struct record_field records_nothing[] = {
	END,
};

/* ---- all of them ---- */

static const struct {
	const char *name;
	const struct record_field *fields;
} records_maps[RECORD_MAP_N] = {
#define RECORDS_ROW(upper, lower) [RECORD_##upper] = {#lower, records_##lower},
	RECORDS(RECORDS_ROW)
};

const char *
record_map_name(enum record_map map)
{
	return records_maps[map].name ? records_maps[map].name : "?";
}

const struct record_field *
record_map_fields(enum record_map map)
{
	return records_maps[map].fields;
}

static bool
records_is_class(const char *key)
{
	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++)
		if (strcmp(key, probe_class_name(c)) == 0)
			return true;
	return false;
}

bool
record_map_has(enum record_map map, const char *key)
{
	const struct record_field *f = record_map_fields(map);

	for (; f && f->type; f++) {
		if (f->name ? strcmp(f->name, key) == 0 :
			      f->classes ? records_is_class(key) : record_map_has(f->include, key))
			return true;
	}
	return false;
}
