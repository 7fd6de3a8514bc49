/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of control methods that are not records themselves. */
#include "record/records_impl.h"

const struct record_field records_error[] = {
	FIELD("code", "integer",
	      "A Linux errno: `ENOSYS` if this daemon does not have the method, `EPERM` if "
	      "the caller may not call it, `EINVAL` if a parameter is wrong. Each method "
	      "lists its other errors.",
	      RANGE(1, 4095)),
	FIELD("message", "string", "The error in words."),
	END,
};

const struct record_field records_method[] = {
	FIELD("name", "string", "The name of the method."),
	FIELD("doc", "string", "A line that says what the method does."),
	FIELD("change", "boolean", "Whether only root and the daemon's own user may call it."),
	END,
};

const struct record_field records_acknowledged[] = {
	FIELD("flaps", "integer",
	      "The number of flaps of the last hour that are now marked as seen."),
	END,
};

const struct record_field records_ping[] = {
	FIELD("ping", "integer", "The number of the ping; its notifications have the same number."),
	FIELD("address", "string or nil",
	      "The address of the peer; nil while the daemon looks up the name."),
	FIELD("device", "string or nil",
	      "The local device; nil while the daemon looks up the name."),
	FIELD("source", "string or nil",
	      "The local address; nil while the daemon looks up the name."),
	FIELD("hostname", "string or nil",
	      "The name that the peer reports; nil if it is not known yet."),
	FIELD("size", "integer", "The size of the payload.", UNIT("bytes"), RANGE(50, 4096)),
	FIELD("interval_ns", "integer", "The time between two probes.", NS),
	FIELD("timeout_ns", "integer", "The time after which an answer is late.", NS),
	END,
};

const struct record_field records_peers[] = {
	FIELD("peers", "list of map peer", "At most `limit` peers."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_targets[] = {
	FIELD("targets", "list of map target", "At most `limit` streams of probes."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_flows[] = {
	FIELD("flows", "list of map flow", "At most `limit` flows, ordered by `id`."),
	FIELD("next", "integer or nil",
	      "The value to pass as `after` for the next page; nil if this is the last one."),
	END,
};

const struct record_field records_windows[] = {
	FIELD("windows", "list of map window", "At most `limit` windows."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_explain[] = {
	TYPE("explain"),
	SCHEMA,
	FIELD("time_ns", "integer", "The current time, since the Unix epoch.", NS),
	FIELD("asked", "string", "The target that was asked for."),
	FIELD("matches", "integer",
	      "The number of peers with this name; the answer is about the best match.",
	      RANGE(1, UINT64_MAX)),
	FIELD("peer", "map peer or nil", "The peer; nil if this is a flow that is not probed."),
	FIELD("path", "map path or nil", "The path; nil if no local device is bound to the peer."),
	FIELD("streams_total", "integer", "The number of streams of probes."),
	FIELD("streams", "list of map stream",
	      "The first 16 streams. Streams along flows are included only if there are no "
	      "others, or if the flow was asked for."),
	FIELD("flows_total", "integer", "The number of flows of services to this peer."),
	FIELD("flows", "list of map flow", "The first 16 flows, or the flow that was asked for."),
	FIELD("device", "map device or nil", "The local device."),
	FIELD("kept_streams", "integer",
	      "The number of streams, of all peers, whose last probes the daemon keeps: at "
	      "most 2048, and 64 more that were asked for."),
	FIELD("kept_bytes", "integer", "The memory that the kept probes use.", UNIT("bytes")),
	FIELD("not_kept", "integer",
	      "The number of results of streams whose probes the daemon does not keep."),
	END,
};

const struct record_field records_path[] = {
	FIELD("device", "string", "The local device."),
	FIELD("port", "integer", "The port of the device."),
	FIELD("netdev", "string or nil", "The network interface of the port."),
	FIELD("source", "string", "The local address."),
	FIELD("source_rule", "string", "The rule that selected the local address."),
	FIELD("destination", "string", "The address of the peer."),
	FIELD("gid_index", "integer or nil",
	      "The index of the local address in the GID table; nil if it is not there any "
	      "more."),
	FIELD("hop_limit", "integer", "The hop limit with which probes leave; 0: not known.",
	      RANGE(0, 255)),
	FIELD("ahs", "integer", "The number of address handles."),
	FIELD("resolving", "boolean", "Whether the daemon is looking for the neighbour."),
	FIELD("neighbour_known", "boolean",
	      "Whether the neighbour was found less than 5 s ago, so that address handles can "
	      "be made."),
	FIELD("neighbour_seen_ns", "integer or nil",
	      "When the neighbour was found last, since the Unix epoch."),
	FIELD("service_port", "integer",
	      "The rdma_cm service number for SIDR requests to the peer.",
	      RANGE(1, 65535)),
	FIELD("asked_ns", "integer or nil",
	      "When the daemon last asked the peer over SIDR, since the Unix epoch."),
	FIELD("asking", "boolean", "Whether the peer has not answered this request yet."),
	FIELD("qpn", "integer or nil", "The QP of the peer that receives probes."),
	FIELD("max_size", "integer or nil",
	      "The longest message that the peer accepts.", UNIT("bytes")),
	FIELD("max_per_s", "integer or nil",
	      "The number of probes per second that the peer answers; nil if the peer does "
	      "not report it or has no limit."),
	END,
};

const struct record_field records_road[] = {
	TYPE("path"),
	FIELD("device", "string or nil",
	      "The local device of the source address; nil while it is gone."),
	FIELD("source", "string", "The source address."),
	FIELD("destination", "string", "The destination address."),
	FIELD("src_port", "integer", "The UDP source port.", RANGE(1, 65535)),
	FIELD("traffic_class", "integer", "The traffic class, for IPv4 the TOS byte.",
	      RANGE(0, 255)),
	FIELD("flow_label", "integer or nil", "The flow label of IPv6.", RANGE(0, 0xfffff)),
	FIELD("hostname", "string or nil", "The name of the destination, if it is a peer."),
	FIELD("kind", "string",
	      "Whose packets take this path: those of probes of the mesh or of a ping, of a flow "
	      "of services, or of answers to others' probes.",
	      ONE_OF("back, ping, mesh, flow")),
	FIELD("routers", "integer or nil",
	      "The number of routers on the way, which probes have shown.", RANGE(0, 255)),
	FIELD("state", "string", "Whether the path is traced.",
	      ONE_OF("not_traced, waiting, traced, failed")),
	FIELD("state_reason", "string or nil", "Why it is not."),
	FIELD("losing", "boolean", "Whether a probe was lost on it within the last minute."),
	FIELD("hops", "list of map hop", "The routers in their order; empty if not known."),
	FIELD("reached", "boolean", "Whether the last router has answered."),
	FIELD("stable", "boolean",
	      "Whether all answers agree. If not, the packets of this 5-tuple take several paths, "
	      "or the path changed meanwhile."),
	FIELD("time_ns", "integer or nil", "When it was traced, since the Unix epoch.", NS),
	FIELD("before", "list of map hop",
	      "The last complete path before it began to lose, or before a trace found another "
	      "one; empty if there is none, or an hour later."),
	FIELD("before_ns", "integer or nil", "When that one was traced.", NS),
	FIELD("changes", "integer", "How often a trace found another path."),
	FIELD("changed_ns", "integer or nil", "When one did last.", NS),
	END,
};

const struct record_field records_hop[] = {
	FIELD("ttl", "integer", "The number of the router, from 1.", RANGE(1, 255)),
	FIELD("address", "string or nil", "The address from which it answers; nil: it did not."),
	FIELD("name", "string or nil", "The name of this address in the DNS."),
	FIELD("rtt_ns", "integer or nil",
	      "When its answer came. Routers answer slowly: this is no delay of the path.", NS),
	END,
};

const struct record_field records_roads[] = {
	FIELD("paths_total", "integer", "The number of paths."),
	FIELD("paths", "list of map road", "The first 256 of them."),
	END,
};

const struct record_field records_road_counts[] = {
	FIELD("interval_s", "integer", "`cluster.trace_s`; 0: paths are not traced.", UNIT("s")),
	FIELD("share_ns", "integer or nil",
	      "One datagram in this time is what central leaves to this host in the long run; nil: "
	      "it has not said.", UNIT("ns")),
	FIELD("traced", "integer", "The number of paths that were traced."),
	FIELD("waiting", "integer", "The number of those that wait for their first trace."),
	FIELD("failed", "integer", "The number of those whose last trace could not be made."),
	FIELD("failed_reason", "string or nil", "Why not, for one of them."),
	FIELD("not_traced", "integer", "The number of those that cannot be traced."),
	FIELD("not_traced_reason", "string or nil", "Why not, for one of them."),
	FIELD("incomplete", "integer", "Traced paths of which a router has not answered."),
	FIELD("silent", "integer", "Traced paths of which no router has answered."),
	FIELD("unstable", "integer", "Traced paths whose answers disagree."),
	FIELD("refused", "integer", "How often there was no room for a path."),
	FIELD("traces", "integer", "The number of traces."),
	FIELD("datagrams", "integer", "The number of datagrams that were sent for them."),
	FIELD("answers", "integer", "The number of answers of routers."),
	FIELD("changes", "integer", "How often a trace found another path."),
	FIELD("oldest_ns", "integer or nil", "When the oldest path was traced.", NS),
	END,
};

const struct record_field records_stream[] = {
	FIELD("target", "map target", "The stream of probes."),
	FIELD("road", "map road or nil", "The routers on its path; nil if it is not known yet."),
	FIELD("flow", "integer or nil", "The flow along which the stream probes."),
	FIELD("qpn", "integer or nil", "The QP that currently sends the probes."),
	FIELD("port_rule", "string", "The rule for the UDP source port."),
	FIELD("kept", "boolean", "Whether the daemon keeps the last probes."),
	FIELD("responder_clock", "string or nil",
	      "The clock that measured the responder delay of the last probe.",
	      WORDS(CLOCK)),
	FIELD("last", "list of map probe", "At most the last 16 probes, the newest first."),
	FIELD("window", "map window or nil", "The last closed window."),
	END,
};

const struct record_field records_config[] = {
	TYPE("config"),
	FIELD("file", "string or nil",
	      "The configuration file; nil if the built-in defaults are in force."),
	FIELD("error", "string or nil", "Why the last reload was refused."),
	FIELD("read_ns", "integer",
	      "When the configuration was read, since the Unix epoch.",
	      NS),
	FIELD("generation", "integer",
	      "A number that differs for each configuration that came into force."),
	FIELD("files", "list of map file", "The files that were read, including included files."),
	FIELD("values", "list of map key", "Each key except `peers`."),
	FIELD("peers", "integer", "The number of configured peers."),
	END,
};

const struct record_field records_file[] = {
	FIELD("path", "string", "The name of the file."),
	FIELD("changed", "string or nil", "How the file has changed since it was read."),
	END,
};

const struct record_field records_key[] = {
	FIELD("key", "string",
	      "The name of the key with the name of its group, as in `responder.allow`."),
	FIELD("value", "value",
	      "The value in force: a number, a boolean, a string or a list of these."),
	FIELD("default", "boolean", "Whether no file sets the key."),
	FIELD("file", "string or nil", "The file that sets the key."),
	FIELD("line", "integer or nil", "The line in that file."),
	FIELD("restart", "boolean", "Whether the key changes at the next start only."),
	FIELD("pending", "value",
	      "The value in the file.",
	      ONLY("while the file wants another value at the next start")),
	END,
};

const struct record_field records_config_peers[] = {
	FIELD("generation", "integer", "As in map config."),
	FIELD("peers", "list of map config_peer",
	      "At most `limit` peers, in the order of the file."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};

const struct record_field records_config_peer[] = {
	FIELD("address", "string", "The address or host name."),
	FIELD("device", "string or nil", "The local device."),
	FIELD("source", "string or nil", "The local address."),
	FIELD("interval_ms", "integer", "The time between two probes.", RANGE(1, 3600000)),
	FIELD("sizes", "value", "The sizes in bytes, or `mtu`."),
	FIELD("flow_labels", "list of integer", "The flow labels; each is one path."),
	FIELD("traffic_class", "integer", "The traffic class of the probes.", RANGE(0, 255)),
	FIELD("service_level", "integer", "The service level of the probes.", RANGE(0, 15)),
	END,
};

const struct record_field records_reload[] = {
	TYPE("reload"),
	FIELD("file", "string or nil", "The file that was read."),
	FIELD("peers", "integer", "The number of peers that are configured now."),
	FIELD("changed", "list of map change",
	      "The keys whose values differ from the previous ones."),
	FIELD("peers_added", "map names", "Peers that are new."),
	FIELD("peers_removed", "map names", "Peers that are gone."),
	FIELD("peers_changed", "map names", "Peers with other settings."),
	END,
};

const struct record_field records_change[] = {
	FIELD("key", "string", "As in map key."),
	FIELD("from", "value", "The previous value."),
	FIELD("to", "value", "The value in the file."),
	FIELD("restart", "boolean", "Whether the new value waits for the next start."),
	END,
};

const struct record_field records_names[] = {
	FIELD("count", "integer", "The number of names."),
	FIELD("names", "list of string", "At most the first 16 names."),
	END,
};

const struct record_field records_log_level[] = {
	TYPE("log_level"),
	FIELD("levels", "table of string", "The least urgent level that each subsystem logs."),
	FIELD("configured", "table of string", "The configured levels."),
	END,
};

const struct record_field records_dropped[] = {
	FIELD("count", "integer",
	      "The number of notifications that this client missed since the last one.",
	      RANGE(1, UINT64_MAX)),
	END,
};
