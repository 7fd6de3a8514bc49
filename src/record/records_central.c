/* SPDX-License-Identifier: Apache-2.0 */
/* Records of rpingmesh-central: its own state, hosts, ports, switches and coverage. */
#include "record/records_impl.h"

const struct record_field records_bus[] = {
	FIELD("broker", "string", "The URL of the broker."),
	FIELD("state", "string", "The state of the connection.",
	      ONE_OF("resolving, connecting, connected, waiting")),
	FIELD("reason", "string or nil",
	      "Why the last attempt to connect failed, or what the broker refuses."),
	FIELD("address", "string or nil", "The address of the broker that is used."),
	FIELD("connects", "integer", "The number of connections that were made."),
	FIELD("lost", "integer", "The number of connections that have ended."),
	FIELD("published", "integer", "The number of messages that the broker has taken."),
	FIELD("received", "integer", "The number of messages that were received."),
	FIELD("dropped", "integer",
	      "The number of messages that were dropped because too many waited."),
	FIELD("refused", "integer", "The number of messages that were too long."),
	FIELD("queued", "integer", "The number of messages that wait."),
	END,
};

const struct record_field records_central_status[] = {
	TYPE("central_status"),
	SCHEMA,
	FIELD("version", "string", "The version of rpingmesh-central."),
	FIELD("pid", "integer", "The process.", RANGE(1, 4194304)),
	FIELD("hostname", "string", "The name of its host."),
	FIELD("incarnation", "integer", "A random number for each start."),
	FIELD("uptime_s", "integer", "The time since its start.", UNIT("s")),
	FIELD("time_ns", "integer", "The time, by the wall clock.", NS),
	FIELD("config_file", "string or nil", "The configuration file; nil: none."),
	FIELD("config_error", "string or nil", "Why the last reload was refused."),
	FIELD("degraded", "list of string", "What is wrong, with the cure; empty: nothing."),
	FIELD("hosts_present", "integer", "The number of hosts that are there."),
	FIELD("hosts_leaving", "integer",
	      "The number of hosts that have left, but are still in the plan."),
	FIELD("hosts_gone", "integer", "The number of hosts that have left the plan."),
	FIELD("frozen", "boolean",
	      "Whether so many hosts have left at once that they stay in the plan, or so many of "
	      "those that another central knew are missing that this one publishes no lists."),
	FIELD("frozen_since_ns", "integer or nil", "Since when so many have left.", NS),
	FIELD("incomplete_since_ns", "integer or nil",
	      "Since when there has not been enough memory for the plan.", NS),
	FIELD("drains", "integer", "The number of drained hosts."),
	FIELD("registrations", "integer", "The number of registrations that were taken."),
	FIELD("refused", "integer",
	      "The number of registrations and other messages that were wrong."),
	FIELD("refused_why", "string or nil", "What was wrong with the last of them."),
	FIELD("plans", "integer", "How often the plan was made."),
	FIELD("plan_duration_ns", "integer", "How long that took the last time.", NS),
	FIELD("planned_ns", "integer or nil", "When that was.", NS),
	FIELD("plan_digest", "integer",
	      "A hash of all pinglists. Two centrals that know the same have the same."),
	FIELD("reporting", "integer", "The number of hosts whose reports are kept."),
	FIELD("silent", "integer", "Of these, the hosts that have not reported for 16 s."),
	FIELD("reports", "integer", "The number of reports that were taken."),
	FIELD("reports_lost", "integer", "The number of reports that are missing between these."),
	FIELD("reports_late", "integer",
	      "Of these, the reports that came too late for the shortest window."),
	FIELD("reports_refused", "integer",
	      "The number of reports that were wrong, too many, or for which there was no room."),
	FIELD("reports_refused_why", "string or nil", "What was wrong with the last of them."),
	FIELD("report_rows", "integer", "The number of streams of probes in the reports."),
	FIELD("lists_published", "integer", "The number of pinglists that were published."),
	FIELD("asks", "integer", "The number of messages that asked hosts for more evidence."),
	FIELD("asked_probes", "integer", "The number of 5-tuples that these asked to probe."),
	FIELD("asked_traces", "integer", "The number of 5-tuples that these asked to trace."),
	FIELD("asks_live", "integer",
	      "The number of 5-tuples that were asked for within the last 20 seconds.",
	      RANGE(0, 512)),
	FIELD("asks_limited", "integer",
	      "How often a 5-tuple was not asked for, because there were too many of the host, for "
	      "the incident, or in a second."),
	FIELD("metrics_pairs", "integer",
	      "The number of pairs of switches that have metrics of their own."),
	FIELD("metrics_pairs_left_out", "integer",
	      "The number of those that have none, because there are more than `metrics_pairs` of "
	      "the configuration."),
	FIELD("checks", "integer", "How often hosts were asked to probe each other (check)."),
	FIELD("checks_running", "integer", "How many of these checks run now.", RANGE(0, 8)),
	FIELD("paths", "integer", "The number of 5-tuples whose path is known."),
	FIELD("paths_max", "integer",
	      "The most that it keeps; a host can have 10000 of them."),
	FIELD("paths_incomplete", "integer",
	      "The number of these of which not all routers have answered."),
	FIELD("paths_unstable", "integer",
	      "The number of these of which answers have disagreed: there is no one path."),
	FIELD("paths_refused", "integer",
	      "The number of messages with paths of which something was refused."),
	FIELD("paths_refused_why", "string or nil", "What was wrong with the last of them."),
	FIELD("paths_too_many", "integer", "The number of paths that there was no room for."),
	FIELD("path_messages", "integer", "The number of messages with paths that have come."),
	FIELD("path_messages_lost", "integer",
	      "The number of those that have not come, by their sequence numbers."),
	FIELD("path_messages_old", "integer",
	      "The number of those that were ignored, because their sequence number was not above "
	      "that of the one before: the broker has delivered them again, or two programs "
	      "publish as one host."),
	FIELD("links", "integer", "The number of links that are known."),
	FIELD("switches", "integer", "The number of switches that are known."),
	FIELD("paths_bytes", "integer", "The memory that all this takes.", UNIT("bytes")),
	FIELD("names_asked", "integer",
	      "How often the resolver was asked for the name of a router's address."),
	FIELD("names_failed", "integer", "How often no name server has answered."),
	FIELD("names_failed_why", "string or nil", "What the resolver said the last time."),
	FIELD("names_refused", "integer",
	      "How often a name was not used: it was longer than 64 bytes or no host name, or 1024 "
	      "addresses had it."),
	FIELD("names_refused_why", "string or nil", "The last of these."),
	FIELD("bus", "map bus", "The connection to the broker."),
	FIELD("loop_stall_max_ns", "integer",
	      "The longest time that one callback kept the others waiting.", NS),
	FIELD("loop_stall_max_who", "string", "The name of that callback."),
	END,
};

const struct record_field records_host[] = {
	TYPE("host"),
	FIELD("host", "string", "The name of the host."),
	FIELD("state", "string", "Whether it is there.", ONE_OF("present, leaving, gone")),
	FIELD("left", "string or nil",
	      "How it has left: its daemon said goodbye, the broker lost it, or the broker has not "
	      "seen it since a restart.",
	      ONE_OF("goodbye, will, unseen")),
	FIELD("confirmed", "boolean", "Whether somebody has confirmed that it is gone."),
	FIELD("first_seen_ns", "integer", "When it was first seen.", NS),
	FIELD("last_seen_ns", "integer", "When its last registration came.", NS),
	FIELD("left_ns", "integer or nil", "When it has left.", NS),
	FIELD("joins", "integer", "How often it has come."),
	FIELD("twin", "boolean", "Whether two hosts seem to have this name."),
	FIELD("clock_off_s", "number or nil",
	      "How far its wall clock is ahead of that of central, including the time of the "
	      "message; nil: not known.",
	      UNIT("s")),
	FIELD("version", "string", "The version of its rpingmeshd."),
	FIELD("incarnation", "integer", "A random number for each start of its rpingmeshd."),
	FIELD("ports", "integer", "The number of its RDMA ports."),
	FIELD("labels", "table of string", "Its labels."),
	FIELD("reports", "integer", "The number of its reports that were taken."),
	FIELD("reports_lost", "integer", "The number of reports that are missing between these."),
	FIELD("report_age_ns", "integer or nil", "The time since the last one; nil: none has come.",
	      NS),
	FIELD("report_rows", "integer", "The number of streams of probes in its reports."),
	FIELD("delays", "map report_delays or nil",
	      "How long probes took inside it, in the last report that said so; nil: none has."),
	FIELD("drain", "map drain or nil", "Why it takes no part in the mesh for a while."),
	END,
};

const struct record_field records_host_port[] = {
	TYPE("port"),
	FIELD("host", "string", "The name of the host."),
	FIELD("state", "string", "Whether the host is there.", ONE_OF("present, leaving, gone")),
	INCLUDE(REGISTRATION_PORT, "The port, as the host has registered it."),
	END,
};

const struct record_field records_coverage[] = {
	TYPE("coverage"),
	FIELD("tor", "string", "The top-of-rack switch."),
	FIELD("rail", "string or nil", "The rail, if rails are isolated."),
	FIELD("family", "string", "The address family.", ONE_OF("ipv4, ipv6")),
	FIELD("ports", "integer", "The number of addresses under it that take part."),
	FIELD("paths", "integer", "The number of its parallel paths upwards."),
	FIELD("wanted", "integer",
	      "The number of 5-tuples that cover all paths with a probability of 0.99."),
	FIELD("partners", "integer", "The number of ToR switches that it is paired with now."),
	FIELD("others", "integer", "The number of ToR switches that it could be paired with."),
	FIELD("hours", "integer",
	      "The time within which it is paired with each; 0: it is with all of them now.",
	      UNIT("h")),
	FIELD("out", "integer", "The number of 5-tuples from it."),
	FIELD("in", "integer", "The number of 5-tuples to it."),
	FIELD("all_out", "number", "The probability that these cover all paths.", RANGE(0, 1)),
	FIELD("all_in", "number", "The same of those to it.", RANGE(0, 1)),
	FIELD("share_out", "number", "The share of paths that they cover on average.",
	      RANGE(0, 1)),
	FIELD("share_in", "number", "The same of those to it.", RANGE(0, 1)),
	FIELD("rate_out", "number", "The probes of each path from it.", UNIT("1/s")),
	FIELD("rate_in", "number", "The probes of each path to it.", UNIT("1/s")),
	FIELD("mesh_interval_ns", "integer or nil",
	      "The time between two probes of two ports under it, the longest; nil: no two "
	      "ports probe each other.",
	      NS),
	FIELD("capped", "list of string",
	      "Why it is covered less than wanted: `rate` (budgets: probes are rarer), "
	      "`budget_out`, `budget_in`, `source_ports`, `no_port` (5-tuples were left out), "
	      "`mesh` (the ports of the ToR are divided into groups)."),
	END,
};

const struct record_field records_tor[] = {
	TYPE("tor"),
	FIELD("tor", "string or nil", "The top-of-rack switch; nil: the ports that have none."),
	FIELD("by", "list of string",
	      "How hosts have learnt its name: `none`, `config`, `lldp`, `router`, `subnet`."),
	FIELD("ports", "integer", "The number of ports under it."),
	FIELD("hosts", "integer", "The number of hosts with such a port."),
	FIELD("drained", "integer", "How many of these are drained."),
	FIELD("paths", "integer", "The number of its parallel paths upwards."),
	FIELD("wanted", "integer",
	      "The number of 5-tuples that cover all paths with a probability of 0.99, in all its "
	      "address families and rails."),
	FIELD("out", "integer", "The number of 5-tuples from it."),
	FIELD("in", "integer", "The number of 5-tuples to it."),
	FIELD("share_out", "number", "The share of paths that these cover on average.",
	      RANGE(0, 1)),
	FIELD("share_in", "number", "The same of those to it.", RANGE(0, 1)),
	FIELD("probes_out", "number", "The probes from it to other switches.", UNIT("1/s")),
	FIELD("probes_in", "number", "The probes to it from other switches.", UNIT("1/s")),
	FIELD("partners", "integer", "The number of switches that it is paired with now."),
	FIELD("others", "integer", "The number of switches that it could be paired with."),
	FIELD("problems", "list of string",
	      "Why it is covered less than wanted: as `capped` of coverage, `no_tor`, or `drained` "
	      "(all its hosts are)."),
	END,
};

const struct record_field records_link[] = {
	TYPE("link"),
	FIELD("from", "string", "The address where it begins."),
	FIELD("to", "string", "The address where it ends."),
	FIELD("from_name", "string or nil", "The switch or the host of that address."),
	FIELD("from_port", "string or nil", "The port of the switch, or the device of the host."),
	FIELD("from_by", "string or nil",
	      "How the name of the switch is known, see Map switch; nil: it is a host."),
	FIELD("to_name", "string or nil", "The switch or the host where it ends."),
	FIELD("to_port", "string or nil", "The port or device there."),
	FIELD("to_by", "string or nil", "As `from_by`."),
	FIELD("tuples", "integer", "The number of 5-tuples that cross it."),
	FIELD("seen_ns", "integer", "When a path over it was reported last.", NS),
	END,
};

const struct record_field records_links[] = {
	FIELD("links", "list of map link", "At most `limit` links."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_switch[] = {
	TYPE("switch"),
	FIELD("name", "string", "The name; that of a switch without one is its address."),
	FIELD("by", "string", "How its name is known.",
	      ONE_OF("address, dns, topology, config, lldp, file")),
	FIELD("addresses", "list of string",
	      "The addresses from which it answers, at most 64 of them."),
	FIELD("above", "list of string", "The switches above it, by the file `topology`."),
	FIELD("tuples", "integer", "The number of 5-tuples that cross it."),
	END,
};

const struct record_field records_switches[] = {
	FIELD("switches", "list of map switch", "At most `limit` switches."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_known_path[] = {
	TYPE("path"),
	FIELD("host", "string", "The host that has traced it."),
	FIELD("device", "string or nil",
	      "Its device with the source address, if it is registered."),
	FIELD("hostname", "string or nil",
	      "The host with the destination address, if it is registered."),
	FIELD("source", "string", "The source address."),
	FIELD("destination", "string", "The destination address."),
	FIELD("src_port", "integer", "The UDP source port.", RANGE(1, 65535)),
	FIELD("traffic_class", "integer", "The traffic class.", RANGE(0, 255)),
	FIELD("flow_label", "integer or nil", "The flow label of IPv6.", RANGE(0, 1048575)),
	FIELD("hops", "list of map place", "The routers in their order."),
	FIELD("reached", "boolean", "Whether the last router has answered."),
	FIELD("stable", "boolean", "Whether no two answers have disagreed."),
	FIELD("time_ns", "integer", "When it was traced, by the clock of the host.", NS),
	FIELD("before", "list of map place",
	      "If it is not complete or not stable, the last path that was; else empty."),
	END,
};

const struct record_field records_place[] = {
	FIELD("ttl", "integer", "The number of the router, from the source.", RANGE(1, 30)),
	FIELD("address", "string or nil", "The address that it answers from; nil: it does not."),
	FIELD("name", "string or nil", "The switch."),
	END,
};

const struct record_field records_known_paths[] = {
	FIELD("paths_total", "integer", "The number of all."),
	FIELD("paths", "list of map known_path", "At most `limit` of them."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_tors[] = {
	FIELD("tors", "list of map tor", "At most `limit` switches, by name."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_check_begun[] = {
	FIELD("id", "integer", "The number of the check."),
	FIELD("hosts", "integer", "The number of hosts.", RANGE(2, 64)),
	FIELD("tuples", "integer", "The number of 5-tuples that they are to probe."),
	FIELD("left_ns", "integer", "When it is done at the latest, from now on.", NS),
	END,
};

const struct record_field records_checked[] = {
	FIELD("done", "boolean", "Whether all has come, or no more is waited for."),
	FIELD("left_ns", "integer", "When it is done at the latest, from now on.", NS),
	FIELD("hosts", "list of map checked_host", "The hosts, by name; empty until it is done."),
	END,
};

const struct record_field records_checked_host[] = {
	TYPE("check_host"),
	FIELD("host", "string", "The host, as it was given."),
	FIELD("well", "boolean",
	      "Whether it took part and probed all that it was asked for, and between it and each "
	      "other host all probes were answered, but for those during which a host stalled."),
	FIELD("wanted", "integer",
	      "How many probes of this host to the others were asked for: each 5-tuple is probed "
	      "at least as often as `-c` says."),
	FIELD("sent", "integer", "The probes of this host to the others that have a result."),
	FIELD("answered", "integer", "How many of them were answered."),
	FIELD("noise", "integer", "How many of them do not count, because a host stalled."),
	FIELD("in_wanted", "integer", "The same of the others to this host."),
	FIELD("in_sent", "integer", "The probes of the others to this host that have a result."),
	FIELD("in_answered", "integer", "How many of them were answered."),
	FIELD("in_noise", "integer", "How many of them do not count, because a host stalled."),
	FIELD("rtt_mean_ns", "integer or nil", "The mean network RTT of its own probes.", NS),
	FIELD("others", "integer",
	      "The number of hosts that it was to probe: those that have an address of a family "
	      "of its own.", RANGE(0, 63)),
	FIELD("bad", "list of string",
	      "Those of them to which, or from which, not all probes were answered, or to which "
	      "too few were sent, though it sent some to others."),
	FIELD("error", "string or nil",
	      "Why it took no part, has reported nothing, or has probed too little."),
	END,
};

const struct record_field records_hosts[] = {
	FIELD("hosts", "list of map host", "At most `limit` hosts."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_ports[] = {
	FIELD("ports", "list of map host_port", "The ports of at most `limit` hosts."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_coverages[] = {
	FIELD("coverage", "list of map coverage", "At most `limit` ToR switches."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_drained[] = {
	FIELD("drains", "list of map drain", "The drained hosts."),
	END,
};

const struct record_field records_confirmed[] = {
	FIELD("hosts", "integer", "The number of hosts that have left the plan by this."),
	END,
};
