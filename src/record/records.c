/* SPDX-License-Identifier: Apache-2.0 */
#include "record/records_impl.h"

#include <stddef.h>
#include <string.h>

#include "stat/probe_class.h"

/* ---- probes, windows, flows, and the maps that they share ---- */

const struct record_field records_probe[] = {
	TYPE("probe"),
	SCHEMA,
	FIELD("time_ns", "integer", "When the probe was posted (T1), by the wall clock.", NS),
	INCLUDE(ORIGIN, "The daemon that sent the probe."),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("source", "string",
	      "The local address that the probe was sent from, or should have been."),
	FIELD("destination", "string",
	      "The address that the probe was sent to, or should have been."),
	FIELD("peer", "string", "The configured address or name, or that of the ping."),
	FIELD("hostname", "string or nil",
	      "The name that the peer reports; nil until it has answered SIDR."),
	FIELD("peer_tor", "string or nil",
	      "The top-of-rack switch of the peer, as the peer reports it."),
	FIELD("ping", "integer",
	      "The number of the ping that the probe belongs to.",
	      ONLY("of a ping")),
	FIELD("flow", "integer",
	      "`id` of the flow, see Map flow.", ONLY("along the flow of a service")),
	FIELD("seq", "integer", "The number of the probe in its stream, from 0."),
	FIELD("kind", "string",
	      "Why the probe was sent: to a configured peer, for a ping, or along a flow.",
	      WORDS(KIND)),
	FIELD("class", "string",
	      "The class in which the probe ended, see rpingmesh(7).", WORDS(CLASS)),
	FIELD("reason", "string or nil", "The reason for the class, in words."),
	FIELD("host_noise", "string or nil",
	      "The host that stalled meanwhile; the time or the loss may be its fault.",
	      WORDS(NOISE)),
	FIELD("stalled", "boolean",
	      "Whether a host stalled so long, when it had to handle the probe, that the probe may "
	      "have been lost because of it. Loss leaves such probes out, answered or not."),
	FIELD("rtt_ns", "integer or nil",
	      "Network round-trip time: (T5 - T2) - (T4 - T3), never negative. This and the next "
	      "three are nil unless the class is `ok` or `late`.",
	      NS),
	FIELD("prober_delay_ns", "integer or nil",
	      "Time inside this host: (T6 - T1) - (T5 - T2).",
	      NS),
	FIELD("responder_delay_ns", "integer or nil", "Time inside the peer: T4 - T3.", NS),
	FIELD("error_ns", "integer or nil",
	      "An estimate of the error of `rtt_ns`: what the clocks know of. If they are those of "
	      "the hosts, the time between the arrival of a message and the waking of the daemon "
	      "comes on top, so this is no bound.",
	      NS),
	FIELD("t1_ns", "integer or nil",
	      "When the probe was posted. The six times are moments of different clocks: T1, T2, "
	      "T5 and T6 of the prober's, T3 and T4 of the responder's. Only differences within "
	      "one clock mean anything. Nil: not known.",
	      NS),
	FIELD("t2_ns", "integer or nil", "When the probe was sent.", NS),
	FIELD("t3_ns", "integer or nil", "When the responder received it.", NS),
	FIELD("t4_ns", "integer or nil", "When the responder sent ACK1.", NS),
	FIELD("t5_ns", "integer or nil", "When ACK1 was received.", NS),
	FIELD("t6_ns", "integer or nil", "When the prober handled ACK1.", NS),
	FIELD("clock", "string",
	      "The clocks that timed the probe: those of the hosts, or completion timestamps of "
	      "both RNICs.",
	      WORDS(CLOCK)),
	FIELD("src_port", "integer or nil",
	      "The UDP source port of the probe; nil if the rule of the driver is not known.",
	      RANGE(1, 65535)),
	FIELD("return_src_port", "integer or nil",
	      "The UDP source port of the ACKs, as the peer reports it. Nil if no second ACK came, "
	      "if the rule of the peer's driver is not known, or if the peer's rpingmeshd is too "
	      "old to report it.",
	      RANGE(1, 65535)),
	FIELD("flow_label", "integer",
	      "The flow label, from which many drivers derive the UDP source port.",
	      RANGE(0, 0xfffff)),
	FIELD("traffic_class", "integer",
	      "The traffic class, for IPv4 the TOS byte: four times the DSCP.", RANGE(0, 255)),
	FIELD("service_level", "integer", "The service level.", RANGE(0, 15)),
	FIELD("size", "integer",
	      "The UDP payload that was sent, after BTH and DETH.", UNIT("bytes"), RANGE(50, 4096)),
	FIELD("path", "string", "Whether the probe took the path that was asked for.", WORDS(PATH)),
	FIELD("posted", "boolean", "Whether the probe was handed to the RNIC."),
	FIELD("late", "boolean", "Whether the class is `late`."),
	END,
};

const struct record_field records_correction[] = {
	TYPE("correction"),
	SCHEMA,
	FIELD("time_ns", "integer",
	      "When the probe was posted, as in its own record: with it, the windows are found "
	      "that contain the probe.",
	      NS),
	INCLUDE(ORIGIN, "The daemon that sent the probe."),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("source", "string", "The local address that the probe was sent from."),
	FIELD("destination", "string", "The address that the probe was sent to."),
	FIELD("peer", "string", "The configured address or name, or that of the ping."),
	FIELD("hostname", "string or nil", "The name that the peer reports."),
	FIELD("peer_tor", "string or nil",
	      "The top-of-rack switch of the peer, as the peer reports it."),
	FIELD("ping", "integer",
	      "The number of the ping that the probe belongs to.",
	      ONLY("of a ping")),
	FIELD("flow", "integer",
	      "`id` of the flow, see Map flow.", ONLY("along the flow of a service")),
	FIELD("seq", "integer", "The number of the probe in its stream."),
	FIELD("kind", "string", "The kind of the probe.", WORDS(KIND)),
	FIELD("was", "string", "The class in the record of the probe.", ONE_OF("unreachable")),
	FIELD("class", "string",
	      "The class in which it counts from now on.", ONE_OF("lost, ack2_missing")),
	FIELD("host_noise", "string or nil",
	      "The host that stalled meanwhile; the loss may be its fault.", WORDS(NOISE)),
	FIELD("stalled", "boolean",
	      "Whether a host stalled so long that the probe may have been lost because of it."),
	FIELD("src_port", "integer or nil", "The UDP source port of the probe.", RANGE(1, 65535)),
	FIELD("flow_label", "integer", "The flow label.", RANGE(0, 0xfffff)),
	FIELD("traffic_class", "integer", "The traffic class.", RANGE(0, 255)),
	FIELD("service_level", "integer", "The service level.", RANGE(0, 15)),
	FIELD("size", "integer", "The UDP payload that was sent.", UNIT("bytes"), RANGE(50, 4096)),
	END,
};

const struct record_field records_ping_done[] = {
	TYPE("ping_done"),
	FIELD("ping", "integer", "The number of the ping."),
	INCLUDE(TOTALS, "The totals of this ping."),
	FIELD("error", "string or nil", "Why the ping ended early."),
	END,
};

const struct record_field records_window[] = {
	TYPE("window"),
	SCHEMA,
	INCLUDE(ORIGIN, "The daemon that sent the probes."),
	FIELD("by", "string",
	      "What the window sums up: a stream of probes, a flow of a service, or all that a "
	      "device sent.",
	      WORDS(WINDOW_BY)),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("source", "string",
	      "The local address that the probes were sent from.", ONLY("by target and flow")),
	FIELD("destination", "string",
	      "The address that the probes were sent to.", ONLY("by target and flow")),
	FIELD("peer", "string", "The configured address or name.", ONLY("by target and flow")),
	FIELD("hostname", "string or nil",
	      "The name that the peer reports.", ONLY("by target and flow")),
	FIELD("peer_tor", "string or nil",
	      "The top-of-rack switch of the peer, as the peer reports it.",
	      ONLY("by target and flow")),
	FIELD("flow", "integer or nil",
	      "The `id` of the flow; nil if the flow has gone meanwhile.", ONLY("by flow")),
	FIELD("kind", "string",
	      "Why the probes are sent.", ONLY("by target and flow"), WORDS(KIND)),
	FIELD("interval_ns", "integer",
	      "The time between two probes.", NS, ONLY("by target and flow")),
	FIELD("flow_label", "integer",
	      "The flow label, from which many drivers derive the UDP source port.",
	      RANGE(0, 0xfffff), ONLY("by target and flow")),
	FIELD("traffic_class", "integer",
	      "The traffic class, for IPv4 the TOS byte.",
	      RANGE(0, 255), ONLY("by target and flow")),
	FIELD("service_level", "integer",
	      "The service level.", RANGE(0, 15), ONLY("by target and flow")),
	FIELD("src_port", "integer or nil",
	      "The UDP source port of the probes.", RANGE(1, 65535), ONLY("by target and flow")),
	FIELD("path", "string",
	      "Whether the probes take the path that was asked for.",
	      ONLY("by target and flow"), WORDS(PATH)),
	FIELD("start_ns", "integer",
	      "The beginning, by the wall clock; a multiple of `window_s` of rpingmeshd.conf(5) "
	      "unless the window was cut.",
	      NS),
	FIELD("end_ns", "integer", "The end, by the wall clock.", NS),
	FIELD("start_mono_ns", "integer",
	      "The beginning by CLOCK_MONOTONIC, which distinguishes windows after the wall clock "
	      "was set back.",
	      NS),
	FIELD("windows", "integer", "The number of windows that were added up.", RANGE(1, 1)),
	FIELD("clock_stepped", "boolean",
	      "Whether the window was cut at either end because somebody set the wall clock."),
	FIELD("length_changed", "boolean",
	      "Whether the window was cut because `window_s` was changed."),
	FIELD("path_changed", "boolean",
	      "Whether the window was cut at either end because the UDP source port, source "
	      "address or `path` of its probes changed there, or a trace found them on the way "
	      "across other routers. All probes of one window have the same."),
	FIELD("ended", "boolean",
	      "Whether the window was cut because its stream of probes or its device went away."),
	FIELD("due", "integer", "The number of probes that came due: the sum of the classes."),
	FIELD("posted", "integer", "The number of probes that were handed to the RNIC."),
	INCLUDE(CLASSES, "The probes that came due, by class."),
	FIELD("loss_lost", "integer",
	      "The number of probes of a class that counts as lost, without host noise."),
	FIELD("loss_of", "integer",
	      "The number of these and of `ok` and `late`, without `answered_noise`: all that "
	      "the network could have lost."),
	FIELD("loss_ratio", "number or nil",
	      "`loss_lost` divided by `loss_of`; nil if both are 0.", RANGE(0, 1)),
	FIELD("loss_low", "number",
	      "The lower end of the interval of the true share (Clopper and Pearson).",
	      RANGE(0, 1)),
	FIELD("loss_high", "number", "The upper end of that interval.", RANGE(0, 1)),
	FIELD("loss_level", "number", "The confidence of that interval: 0.95.", RANGE(0, 1)),
	FIELD("lost_noise", "integer",
	      "The number of probes of a class that counts as lost, with host noise."),
	FIELD("answered_noise", "integer",
	      "The number of probes that are `ok` or `late` and for which a host stalled so "
	      "long that it might have lost them. Like `lost_noise`, they are not part of the "
	      "loss."),
	FIELD("noise", "map noise", "The results that host noise may have affected."),
	FIELD("clock", "map clock", "The clocks that measured the results."),
	FIELD("sizes", "list of map size", "The results by size of probes."),
	FIELD("rtt", "map histogram or nil",
	      "Round-trip times, without those under noise, unless hardware timed them. Nil: no "
	      "memory for it."),
	FIELD("prober_delay", "map histogram", "Times inside this host."),
	FIELD("responder_delay", "map histogram", "Times inside the peers."),
	FIELD("unbinned", "integer",
	      "The number of results that the histograms lack because memory was short."),
	END,
};

const struct record_field records_noise[] = {
	FIELD("prober", "integer",
	      "The number of results that a stall of this host may have affected."),
	FIELD("responder", "integer", "The number that a stall of the peer may have affected."),
	FIELD("both", "integer", "The number that stalls of both may have affected."),
	FIELD("rtt_count", "integer", "The number of RTTs left out of `rtt`."),
	FIELD("rtt_mean_ns", "integer or nil", "Their mean.", NS),
	FIELD("rtt_max_ns", "integer or nil", "Their maximum.", NS),
	END,
};

const struct record_field records_clock[] = {
	FIELD("sw", "integer", "The number of results that the clocks of the hosts measured."),
	FIELD("hw", "integer", "The number of results that the clocks of the RNICs measured."),
	END,
};

const struct record_field records_size[] = {
	FIELD("size", "integer or nil",
	      "The size of the payload; nil: all further sizes together.",
	      UNIT("bytes"), RANGE(1, 4096)),
	FIELD("due", "integer", "The number of probes of this size that came due."),
	FIELD("answered", "integer",
	      "The number of probes answered, in time or late, without `answered_noise`."),
	FIELD("answered_noise", "integer",
	      "The number of probes answered while a host stalled so long that it might have "
	      "lost them."),
	FIELD("lost", "integer", "The number of probes lost, without host noise."),
	FIELD("lost_noise", "integer", "The number of probes lost under host noise."),
	FIELD("loss_ratio", "number or nil",
	      "As in the window; the same is true of the next two.", RANGE(0, 1)),
	FIELD("loss_low", "number", "The lower end of the interval.", RANGE(0, 1)),
	FIELD("loss_high", "number", "The upper end of the interval.", RANGE(0, 1)),
	FIELD("rtt_min_ns", "integer or nil", "The least RTT.", NS),
	FIELD("rtt_p50_ns", "integer or nil", "The median RTT.", NS),
	FIELD("rtt_p99_ns", "integer or nil", "The 99th percentile of the RTT.", NS),
	END,
};

const struct record_field records_histogram[] = {
	FIELD("count", "integer", "The number of values."),
	FIELD("sum_ns", "integer", "The sum of the values.", NS),
	FIELD("min_ns", "integer or nil", "The least value, exact.", NS),
	FIELD("p50_ns", "integer or nil",
	      "The median by nearest rank, within 1/128; the same is true of the next three.", NS),
	FIELD("p90_ns", "integer or nil", "90th percentile.", NS),
	FIELD("p99_ns", "integer or nil", "99th percentile.", NS),
	FIELD("p999_ns", "integer or nil", "99.9th percentile.", NS),
	FIELD("max_ns", "integer or nil", "The greatest value, exact.", NS),
	FIELD("buckets", "list of integer",
	      "Pairs of the number of a bucket and its count, ascending, for buckets that are not "
	      "empty."),
	END,
};

const struct record_field records_flow[] = {
	TYPE("flow"),
	FIELD("id", "integer", "The number of the flow; no other flow ever gets it."),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("driver", "string or nil", "The driver of the device, such as mlx5."),
	FIELD("src_gid", "string", "The local address."),
	FIELD("dst_gid", "string", "The remote address."),
	FIELD("gid_type", "string or nil", "The protocol.", ONE_OF("IB, RoCE v1, RoCE v2")),
	FIELD("src_port", "integer or nil",
	      "The UDP source port; nil if the rule of the driver is not known.", RANGE(1, 65535)),
	FIELD("traffic_class", "integer",
	      "The traffic class, for IPv4 the TOS byte.", RANGE(0, 255)),
	FIELD("service_level", "integer", "The service level.", RANGE(0, 15)),
	FIELD("path_mtu", "integer or nil", "The path MTU.", UNIT("bytes"), RANGE(256, 4096)),
	FIELD("since_ns", "integer", "When the first QP of the flow was seen.", NS),
	FIELD("owners", "list of map owner", "The owners of the QPs, at most 32."),
	FIELD("qps_of_other_owners", "integer", "The number of QPs of owners that are not listed."),
	FIELD("qps", "list of map qp", "The QPs, at most 64."),
	FIELD("qps_total", "integer", "The number of QPs."),
	FIELD("probing", "string", "Whether the flow is probed.", WORDS(SERVICE_STATE)),
	FIELD("probing_reason", "string or nil", "Why it is not probed."),
	FIELD("hostname", "string or nil", "The name that the peer reports."),
	FIELD("tor", "string or nil", "The top-of-rack switch of the peer."),
	FIELD("path", "string",
	      "Whether the probes have the UDP source port of the flow.", WORDS(PATH)),
	FIELD("probe_src_port", "integer or nil",
	      "The UDP source port of the probes.", RANGE(1, 65535)),
	FIELD("hops", "list of string",
	      "The routers on the path of the flow: their names in the DNS, else their addresses, "
	      "or a question mark for one that did not answer; empty if the path is not known."),
	FIELD("interval_ns", "integer or nil", "The time between two probes.", NS),
	INCLUDE(TOTALS, "The totals of these probes; 0 while the flow is not probed."),
	FIELD("recent", "map recent", "The last results of these probes."),
	INCLUDE(VERDICT, "The verdict on this path."),
	END,
};

const struct record_field records_owner[] = {
	INCLUDE(WHO, "The owner."),
	FIELD("qps", "integer", "The number of its QPs in the flow."),
	END,
};

const struct record_field records_origin[] = {
	FIELD("host", "string",
	      "The name of the host of the daemon: `hostname` in its Map status."),
	FIELD("tor", "string or nil", "The top-of-rack switch of that host, as configured."),
	FIELD("incarnation", "integer", "A random number for each start of the daemon."),
	END,
};

const struct record_field records_who[] = {
	FIELD("pid", "integer or nil", "The process; nil: the kernel.", RANGE(1, 4194304)),
	FIELD("comm", "string",
	      "The name of the process, or of the kernel module, such as nvme_rdma."),
	FIELD("cgroup", "string or nil", "The path of the control group."),
	FIELD("cgroup_id", "integer or nil", "The number of the control group."),
	FIELD("job", "string or nil",
	      "The job according to the control group, such as `slurm:1234`, `pod:UID` or "
	      "`unit:ssh.service`."),
	FIELD("kernel", "boolean", "Whether it is the kernel."),
	END,
};

const struct record_field records_qp[] = {
	FIELD("qpn", "integer", "The number of the local QP.", RANGE(0, 0xffffff)),
	FIELD("remote_qpn", "integer or nil", "The number of the remote QP.", RANGE(0, 0xffffff)),
	FIELD("qp_type", "string",
	      "The transport: `RC`, `UC`, `UD`, `XRC_INI`, `XRC_TGT` and others."),
	FIELD("state", "string or nil", "The state of the QP.", WORDS(QP_STATE)),
	FIELD("flow_label", "integer or nil",
	      "The flow label of its address vector.", RANGE(0, 0xfffff)),
	FIELD("pid", "integer or nil", "The process; nil: the kernel.", RANGE(1, 4194304)),
	FIELD("found", "boolean", "Whether a dump found the QP, and not an event."),
	END,
};

const struct record_field records_event[] = {
	TYPE("event"),
	SCHEMA,
	FIELD("time_ns", "integer", "When the event happened in the kernel.", NS),
	INCLUDE(ORIGIN, "The daemon that saw it."),
	FIELD("event", "string",
	      "What happened to the QP: it was created, entered this state, was modified "
	      "otherwise, was destroyed, or was found by a dump.",
	      ONE_OF("create, reset, init, rtr, rts, sqd, sqe, error, modify, destroy, found")),
	FIELD("device", "string", "The local RDMA device."),
	FIELD("port", "integer or nil", "The port of the device.", RANGE(1, 255)),
	FIELD("driver", "string or nil", "The driver of the device."),
	FIELD("qpn", "integer", "The number of the QP.", RANGE(0, 0xffffff)),
	FIELD("remote_qpn", "integer or nil", "The number of the remote QP.", RANGE(0, 0xffffff)),
	FIELD("qp_type", "string", "The transport, as in Map qp."),
	FIELD("state", "string or nil", "The current state.", WORDS(QP_STATE)),
	INCLUDE(WHO, "The owner of the QP."),
	FIELD("src_gid", "string or nil", "The local address."),
	FIELD("dst_gid", "string or nil", "The remote address."),
	FIELD("gid_type", "string or nil", "The protocol.", ONE_OF("IB, RoCE v1, RoCE v2")),
	FIELD("src_port", "integer or nil", "The UDP source port.", RANGE(1, 65535)),
	FIELD("flow_label", "integer or nil",
	      "The flow label of its address vector.", RANGE(0, 0xfffff)),
	FIELD("traffic_class", "integer or nil",
	      "The traffic class of its address vector.", RANGE(0, 255)),
	FIELD("service_level", "integer or nil",
	      "The service level of its address vector.", RANGE(0, 15)),
	FIELD("path_mtu", "integer or nil", "The path MTU.", UNIT("bytes"), RANGE(256, 4096)),
	FIELD("flow", "integer or nil", "The `id` of the flow that the QP belongs to."),
	END,
};

const struct record_field records_totals[] = {
	FIELD("sent", "integer",
	      "The number of probes that came due: the sum of the classes and of those in flight."),
	FIELD("posted", "integer", "The number of probes that were handed to the RNIC."),
	INCLUDE(CLASSES, "The probes that have ended, by class."),
	END,
};

const struct record_field records_classes[] = {
	CLASSES,
	END,
};

const struct record_field records_recent[] = {
	FIELD("span_s", "number", "The time that this covers.", UNIT("s")),
	FIELD("results", "integer", "The number of probes that ended."),
	FIELD("answered", "integer",
	      "The number that are `ok` or `late`, unless a host stalled so long meanwhile that "
	      "it might have lost them."),
	FIELD("lost", "integer", "The number of a class that counts as lost, without host noise."),
	FIELD("noise", "integer",
	      "The number with host noise; `lost` includes none of them."),
	FIELD("lost_ratio", "number or nil",
	      "`lost` divided by the sum of `lost` and `answered`.", RANGE(0, 1)),
	FIELD("rtt_min_ns", "integer or nil", "The least RTT.", NS),
	FIELD("rtt_p50_ns", "integer or nil", "The median RTT.", NS),
	FIELD("rtt_p99_ns", "integer or nil", "The 99th percentile of the RTT.", NS),
	FIELD("rtt_max_ns", "integer or nil", "The greatest RTT.", NS),
	FIELD("prober_delay_p50_ns", "integer or nil", "The median time inside this host.", NS),
	FIELD("responder_delay_p50_ns", "integer or nil", "The median time inside the peer.", NS),
	END,
};

const struct record_field records_verdict[] = {
	FIELD("loss_verdict", "string", "The verdict; none: not sure yet.", WORDS(VERDICT)),
	FIELD("loss_verdict_since_ns", "integer or nil", "Since when this verdict holds.", NS),
	FIELD("loss_verdict_lost", "integer or nil",
	      "The number of lost probes behind the verdict."),
	FIELD("loss_verdict_of", "integer or nil", "The number of probes behind the verdict."),
	FIELD("last_lost_ns", "integer or nil",
	      "When a probe was last found to be lost that counts in the verdict.", NS),
	FIELD("noisy_since_ns", "integer or nil",
	      "Since when too many probes are left out because hosts stall.", NS),
	FIELD("slow_since_ns", "integer or nil",
	      "Since when the RTT is far above the usual one.", NS),
	FIELD("host_slow_since_ns", "integer or nil",
	      "Since when the responder delay is far above the usual one.", NS),
	FIELD("usual_rtt_ns", "integer or nil",
	      "The usual RTT: the long-time mean of the medians of windows.", NS),
	END,
};

const struct record_field records_nothing[] = {
	END,
};

/* ---- all maps ---- */

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
