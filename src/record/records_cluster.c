/* SPDX-License-Identifier: Apache-2.0 */
/* Records that hosts and central exchange over the broker. */
#include "record/records_impl.h"

const struct record_field records_registration[] = {
	TYPE("registration"),
	SCHEMA,
	FIELD("host", "string", "The name of the host."),
	FIELD("incarnation", "integer", "A random number for each start of the daemon."),
	FIELD("version", "string", "The version of the daemon."),
	FIELD("time_ns", "integer", "When this was written, by the clock of the host.", NS),
	FIELD("leaving", "boolean",
	      "Whether the daemon ends on purpose; the ports do not count any more."),
	FIELD("ports", "list of map registration_port", "Its RDMA ports, at most 64."),
	FIELD("labels", "table of string", "Labels from its configuration, at most 16."),
	END,
};

const struct record_field records_registration_port[] = {
	FIELD("device", "string", "The RDMA device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("addresses", "list of string",
	      "The addresses that others can probe, at most 8; the first is the source of its "
	      "probes."),
	FIELD("tors", "list of string",
	      "The top-of-rack switches, at most 4: several if the port is a bond over switches."),
	FIELD("tor_by", "string", "How the host learnt them.",
	      ONE_OF("none, config, lldp, router, subnet")),
	FIELD("rail", "string or nil", "The rail of the port."),
	FIELD("speed_mbps", "integer or nil", "The speed of the port.", UNIT("Mbit/s")),
	FIELD("mtu", "integer or nil", "The active path MTU.", UNIT("bytes")),
	FIELD("clock", "string", "The clock that times probes.", WORDS(CLOCK)),
	FIELD("out_per_s", "integer", "The probes that the port may send.", UNIT("1/s")),
	FIELD("in_per_s", "integer", "The probes that the port answers.", UNIT("1/s")),
	FIELD("src_ports", "integer",
	      "The number of UDP source ports that its probes can have; 0: any."),
	END,
};

const struct record_field records_pinglist[] = {
	TYPE("pinglist"),
	SCHEMA,
	FIELD("host", "string", "The host that it is for."),
	FIELD("generation", "integer",
	      "A hash of the contents: lists with the same contents have the same number."),
	FIELD("ports", "list of map pinglist_port",
	      "The ports of the host that probe, once for each address, at most 512."),
	END,
};

const struct record_field records_pinglist_port[] = {
	FIELD("device", "string", "The RDMA device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("source", "string", "The address that it probes from."),
	FIELD("groups", "list of map pinglist_group", "Whom it probes, and how."),
	END,
};

const struct record_field records_pinglist_group[] = {
	FIELD("kind", "string", "Within a ToR, or across the fabric.", ONE_OF("tor, fabric")),
	FIELD("tor", "string or nil", "The top-of-rack switch of these targets."),
	FIELD("traffic_class", "integer", "The traffic class of the probes.", RANGE(0, 255)),
	FIELD("interval_ns", "integer", "The time between two probes of one 5-tuple.", NS,
	      RANGE(1000000, 3600000000000)),
	FIELD("targets", "list of map pinglist_target",
	      "The ports to probe, at most 65536 in the whole list."),
	END,
};

const struct record_field records_pinglist_target[] = {
	FIELD("address", "string", "The address of the port."),
	FIELD("host", "string", "The name of its host."),
	FIELD("device", "string", "Its device."),
	FIELD("port", "integer", "The port of the device.", RANGE(1, 255)),
	FIELD("labels", "list of integer",
	      "The flow labels of its 5-tuples, at most 4.", ONLY("unless it has `tuples`")),
	FIELD("tuples", "integer",
	      "The number of its 5-tuples, with any source ports that the prober has.", RANGE(1, 4),
	      ONLY("unless it has `labels`")),
	END,
};

const struct record_field records_ask[] = {
	TYPE("ask"),
	SCHEMA,
	FIELD("host", "string", "The host that it is for."),
	FIELD("about", "string or nil",
	      "The id of the incident that it is for; nil: there is only a suspicion."),
	FIELD("made_ns", "integer", "When this was written, by the clock of central.", NS),
	FIELD("until_ns", "integer", "When the probes end, at most 60 seconds later.", NS),
	FIELD("trace", "list of map ask_trace", "5-tuples to trace now, at most 64."),
	FIELD("probe", "list of map ask_probe", "5-tuples to probe meanwhile, at most 64."),
	END,
};

#define RECORDS_ASK_TUPLE \
	FIELD("source", "string", "An address of the host."), \
		FIELD("destination", "string", "The address of the other port."), \
		FIELD("src_port", "integer", "The UDP source port.", RANGE(1, 65535)), \
		FIELD("traffic_class", "integer", "The traffic class.", RANGE(0, 255)), \
		FIELD("flow_label", "integer or nil", \
		      "The flow label of IPv6, if central knows it; nil: any.", \
		      RANGE(1, 1048575))

const struct record_field records_ask_trace[] = {
	RECORDS_ASK_TUPLE,
	END,
};

const struct record_field records_ask_probe[] = {
	RECORDS_ASK_TUPLE,
	FIELD("interval_ns", "integer", "The time between two probes.", NS,
	      RANGE(10000000, 10000000000)),
	END,
};

const struct record_field records_paths[] = {
	TYPE("paths"),
	SCHEMA,
	FIELD("host", "string", "The host that has traced them."),
	FIELD("incarnation", "integer", "A random number for each start of the daemon."),
	FIELD("sequence", "integer", "One more than that of the message before."),
	FIELD("time_ns", "integer", "When this was written, by the clock of the host.", NS),
	FIELD("whole", "boolean",
	      "Whether this is part of a set of all paths of the host; otherwise, these are new or "
	      "have changed."),
	FIELD("part", "integer", "The number of this part, from 0.", RANGE(0, 1023),
	      ONLY("if `whole` is true")),
	FIELD("parts", "integer", "The number of parts of the set.", RANGE(1, 1024),
	      ONLY("if `whole` is true")),
	FIELD("paths", "list of map paths_path", "The paths, at most 512."),
	END,
};

const struct record_field records_paths_path[] = {
	FIELD("source", "string", "The address of the local port."),
	FIELD("destination", "string", "The address of the other port."),
	FIELD("src_port", "integer", "The UDP source port.", RANGE(1, 65535)),
	FIELD("traffic_class", "integer", "The traffic class.", RANGE(0, 255)),
	FIELD("flow_label", "integer", "The flow label.", RANGE(0, 1048575), ONLY("with IPv6")),
	FIELD("hops", "list of map paths_hop", "The routers, at least 1 and at most 30."),
	FIELD("reached", "boolean", "Whether the last router has answered."),
	FIELD("stable", "boolean",
	      "Whether no two answers have disagreed; otherwise, there is no one path."),
	FIELD("time_ns", "integer", "When it was traced, by the clock of the host.", NS),
	END,
};

const struct record_field records_paths_hop[] = {
	FIELD("ttl", "integer", "The number of the router, from the source.", RANGE(1, 30)),
	FIELD("address", "string or nil", "The address that it answers from; nil: it does not."),
	END,
};

const struct record_field records_drain[] = {
	TYPE("drain"),
	SCHEMA,
	FIELD("host", "string", "The host that takes no part in the mesh."),
	FIELD("reason", "string", "Why, in the words of the operator."),
	FIELD("by", "string", "The user who asked for it."),
	FIELD("time_ns", "integer", "When.", NS),
	FIELD("until_ns", "integer",
	      "When it ends by itself. If it ends at `time_ns`, somebody has ended it.", NS),
	END,
};

const struct record_field records_central[] = {
	TYPE("central"),
	SCHEMA,
	FIELD("host", "string", "The name of its host."),
	FIELD("version", "string", "The version of rpingmesh-central."),
	FIELD("incarnation", "integer", "A random number for each start."),
	FIELD("time_ns", "integer", "When this was written, by its clock.", NS),
	FIELD("hosts", "integer", "The number of hosts that it plans for.",
	      ONLY("if it publishes lists")),
	FIELD("trace_interval_ns", "integer",
	      "In the long run each host sends a datagram of traces once in this time at most, so "
	      "that all together keep to `trace_per_s` of central.",
	      UNIT("ns"), ONLY("if there is such a budget")),
	END,
};
