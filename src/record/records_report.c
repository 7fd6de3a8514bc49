/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of hosts to central. */
#include "record/records_impl.h"

const struct record_field records_report[] = {
	TYPE("report"),
	SCHEMA,
	FIELD("host", "string", "The name of the host."),
	FIELD("incarnation", "integer", "A random number for each start of the daemon."),
	FIELD("sequence", "integer",
	      "The number of the report, from 1. If a number is missing, a report is lost."),
	FIELD("begin_ns", "integer", "When its time begins, by the clock of the host.", NS),
	FIELD("end_ns", "integer", "When its time ends.", NS),
	FIELD("whole", "boolean", "Whether it names all streams."),
	FIELD("streams_of", "integer",
	      "The number of the report that named the streams: this one if it is whole."),
	FIELD("throttled", "boolean", "Whether the daemon probes less, to protect its host."),
	FIELD("degraded", "integer", "The number of sentences in `degraded` of its status."),
	FIELD("dropped", "integer", "Streams that there was no room for in the report."),
	FIELD("stalled_s", "integer",
	      "The seconds in which the host stalled so long that probes may have been lost "
	      "because of it.", UNIT("s")),
	FIELD("ports", "list of map report_port", "Its RDMA ports, at most 64."),
	FIELD("streams", "list of map report_streams",
	      "All streams, at most 16384. A stream has its place, from 0, in the order of all of "
	      "them.",
	      ONLY("if `whole`")),
	FIELD("sent", "list of integer",
	      "The number of probes with a result, of each stream, by its place."),
	FIELD("rtt_ns", "list of integer",
	      "The mean network RTT of each stream, by its place; 0: no answer.", NS),
	FIELD("times", "list of list of integer",
	      "The network RTTs of each stream, by its place, since the report before that had "
	      "them: pairs of a bucket and a count, at most 24. A bucket contains eight buckets of "
	      "the map histogram: 0 contains 0 to 7, 1 contains 8 to 15.",
	      ONLY("in every fifth report")),
	FIELD("rows", "list of map report_row",
	      "The streams of which not all probes were `ok`, usual and free of host noise."),
	FIELD("heard", "list of map report_heard",
	      "The probes of others that the host has received since the report before that had "
	      "this, at most 16384 5-tuples.",
	      ONLY("in every fifth report")),
	FIELD("delays", "map report_delays",
	      "How long probes took inside the host since the report before that had this.",
	      ONLY("in every fifth report")),
	END,
};

const struct record_field records_report_delays[] = {
	FIELD("prober_p50_ns", "integer",
	      "The median time inside the host of the probes that it has sent: their RTT as its "
	      "processor sees it, less the network RTT and the time inside the peer. 0: unknown, "
	      "here and below.", NS),
	FIELD("prober_p99_ns", "integer", "Its 99th percentile.", NS),
	FIELD("responder_p50_ns", "integer",
	      "The median time between a probe of another host and the answer to it.", NS),
	FIELD("responder_p99_ns", "integer", "Its 99th percentile.", NS),
	END,
};

const struct record_field records_report_heard[] = {
	FIELD("destination", "string", "The address of the host."),
	FIELD("traffic_class", "integer", "The traffic class of the probes.", RANGE(0, 255)),
	FIELD("sources", "list of string", "The address that each 5-tuple comes from."),
	FIELD("src_ports", "list of integer", "The UDP source port of each 5-tuple."),
	FIELD("received", "list of integer",
	      "The number of probes of each 5-tuple, whether they were answered or not."),
	END,
};

const struct record_field records_report_port[] = {
	FIELD("device", "string", "The RDMA device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("up", "boolean", "Whether it can send probes."),
	FIELD("counters", "table of integer",
	      "What it has counted, at most 64 counters: those of the device, and `flaps` of "
	      "its link. A counter that has not risen is left out."),
	END,
};

const struct record_field records_report_streams[] = {
	FIELD("device", "string", "The RDMA device that sends the probes."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("source", "string", "The address that they are sent from."),
	FIELD("kind", "string",
	      "Why they are sent: the pinglist has them, within the ToR or across the fabric; the "
	      "configuration has them; a ping; a flow of a service; central has asked for them.",
	      ONE_OF("tor, fabric, file, ping, flow, ask")),
	FIELD("traffic_class", "integer", "Their traffic class.", RANGE(0, 255)),
	FIELD("size", "integer", "Their size; 0: any.", UNIT("bytes")),
	FIELD("job", "string or nil", "The job whose flow it is."),
	FIELD("destinations", "list of string", "The address that each stream goes to."),
	FIELD("src_ports", "list of integer", "The UDP source port of each stream; 0: unknown."),
	FIELD("back_ports", "list of integer",
	      "The UDP source port of the answers of each stream; 0: unknown."),
	END,
};

const struct record_field records_report_row[] = {
	FIELD("place", "integer", "The place of the stream."),
	FIELD("classes", "table of integer",
	      "The number of probes of each class but `ok`; those with 0 are left out."),
	FIELD("noise", "integer", "The probes during which a host stalled."),
	FIELD("noise_lost", "integer", "Of these, the probes that were lost."),
	FIELD("corrected", "integer",
	      "Probes that were reported as `unreachable` before, and are now known to be lost."),
	FIELD("slow", "integer",
	      "The answers whose RTT was more than three times the usual one of the stream, and "
	      "20 µs above it. If all answers have been slow for an hour, that is usual."),
	FIELD("lost_when", "integer or nil",
	      "When the lost probes were due, and those of which one of the two answers is "
	      "missing: bit i stands for i to i + 1 eighths of a second before `end_ns`, the "
	      "highest bit for what was before that, too. Agents of older versions do not say it."),
	END,
};
