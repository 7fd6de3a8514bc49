/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states that records contain, and the only place that defines their names. The daemon uses
 * these enums; rpingmesh-ctl converts the names back to them.
 */
#ifndef RPINGMESH_STATES_H
#define RPINGMESH_STATES_H

/* The state of a local port for its users: `state` of a device. */
enum device_state {
	DEVICE_DOWN,
	DEVICE_UP,
	DEVICE_STATE_N
};
#define DEVICE_STATE_NAMES {[DEVICE_DOWN] = "down", [DEVICE_UP] = "up"}

/* The state of its state machine: `port_state` of a device, and its history (src/agent/nic). */
enum port_state {
	PORT_CLOSED,
	PORT_OPENING,
	PORT_DOWN,
	PORT_NO_ADDRESS,
	PORT_BUILDING,
	PORT_UP,
	PORT_BACKING_OFF,
	PORT_GIVEN_UP,
	PORT_STATE_N
};
#define PORT_STATE_NAMES { \
	[PORT_CLOSED] = "closed", \
	[PORT_OPENING] = "opening", \
	[PORT_DOWN] = "down", \
	[PORT_NO_ADDRESS] = "no_address", \
	[PORT_BUILDING] = "building", \
	[PORT_UP] = "up", \
	[PORT_BACKING_OFF] = "backing_off", \
	[PORT_GIVEN_UP] = "given_up", \
}

/*
 * The reason why a peer is not probed. If the peer is PEER_BOUND, it is probed, and its `state` is
 * an enum prober_peer_state.
 */
enum peer_binding {
	PEER_NAMING,    /* its name is being looked up */
	PEER_NO_NAME,   /* its name was not found; the look-up is repeated */
	PEER_NO_DEVICE, /* it has no local device, or has none any more */
	PEER_UNPROBED,  /* its local port is down; only shown, for a peer that is bound */
	PEER_SELF,      /* it is this host, so it is skipped */
	PEER_BOUND,
	PEER_BINDING_N
};
#define PEER_BINDING_NAMES { \
	[PEER_NAMING] = "naming", \
	[PEER_NO_NAME] = "no_name", \
	[PEER_NO_DEVICE] = "no_device", \
	[PEER_UNPROBED] = "unprobed", \
	[PEER_SELF] = "self", \
	[PEER_BOUND] = "bound", \
}

/* Who wants a peer: `origins` of a peer. */
enum peer_origin {
	PEER_ORIGIN_FILE, /* the configuration */
	PEER_ORIGIN_LIST, /* the pinglist of the cluster */
	PEER_ORIGIN_PING,
	PEER_ORIGIN_FLOW,
	PEER_ORIGIN_ASK,  /* central asks for probes, for a while */
	PEER_ORIGIN_N
};
#define PEER_ORIGIN_NAMES { \
	[PEER_ORIGIN_FILE] = "file", \
	[PEER_ORIGIN_LIST] = "pinglist", \
	[PEER_ORIGIN_PING] = "ping", \
	[PEER_ORIGIN_FLOW] = "flow", \
	[PEER_ORIGIN_ASK] = "ask", \
}

/* The `state` of a peer that is probed (src/probe). */
enum prober_peer_state {
	PROBER_PEER_RESOLVING,
	PROBER_PEER_UP,
	PROBER_PEER_CHECKING,
	PROBER_PEER_NO_DATA,
	PROBER_PEER_DOWN,
	PROBER_PEER_STATE_N
};
#define PROBER_PEER_STATE_NAMES { \
	[PROBER_PEER_RESOLVING] = "resolving", \
	[PROBER_PEER_UP] = "up", \
	[PROBER_PEER_CHECKING] = "checking", \
	[PROBER_PEER_NO_DATA] = "no_data", \
	[PROBER_PEER_DOWN] = "down", \
}

/* The state of probing for a flow: its `probing` (src/agent/peer). */
enum service_state {
	SERVICE_UNPROBED,  /* the configuration excludes it, or it cannot be probed */
	SERVICE_WAITING,   /* the remote end has not been asked yet or has not answered yet, or it
			      cannot be asked because the local port is down */
	SERVICE_NO_DAEMON, /* the remote end has no daemon, or its daemon does not answer; it is
			      asked again with back-off */
	SERVICE_PROBING,
	SERVICE_STATE_N
};
#define SERVICE_STATE_NAMES { \
	[SERVICE_UNPROBED] = "unprobed", \
	[SERVICE_WAITING] = "waiting", \
	[SERVICE_NO_DAEMON] = "no_daemon", \
	[SERVICE_PROBING] = "probing", \
}

/* Whether tracing sees all QPs of this host: `tracing` of the status. */
enum tracing_state {
	TRACING_OFF,
	TRACING_DEGRADED, /* on, but something is missing */
	TRACING_ON,
	TRACING_STATE_N
};
#define TRACING_STATE_NAMES { \
	[TRACING_OFF] = "off", \
	[TRACING_DEGRADED] = "degraded", \
	[TRACING_ON] = "on", \
}

/* The state of the BPF programs: `state` in the map `trace` of the status (src/trace). */
enum tracer_state {
	TRACER_OFF,
	TRACER_WAITING,
	TRACER_STARTING,
	TRACER_ON,
	TRACER_FAILED,
	TRACER_STATE_N
};
#define TRACER_STATE_NAMES { \
	[TRACER_OFF] = "off", \
	[TRACER_WAITING] = "waiting", \
	[TRACER_STARTING] = "starting", \
	[TRACER_ON] = "on", \
	[TRACER_FAILED] = "failed", \
}

/* Why the path of a 5-tuple is traced; of several reasons, the last one in this list. */
enum road_kind {
	ROAD_BACK, /* its packets are ACKs of this host */
	ROAD_PING,
	ROAD_MESH, /* of the configuration or of the pinglist */
	ROAD_FLOW, /* a service uses it */
	ROAD_KIND_N
};
#define ROAD_KIND_NAMES { \
	[ROAD_BACK] = "back", \
	[ROAD_PING] = "ping", \
	[ROAD_MESH] = "mesh", \
	[ROAD_FLOW] = "flow", \
}

enum road_state {
	ROAD_NOT,     /* it cannot be traced */
	ROAD_WAITING, /* for its first trace */
	ROAD_TRACED,
	ROAD_FAILED,  /* the last trace could not be made */
	ROAD_STATE_N
};
#define ROAD_STATE_NAMES { \
	[ROAD_NOT] = "not_traced", \
	[ROAD_WAITING] = "waiting", \
	[ROAD_TRACED] = "traced", \
	[ROAD_FAILED] = "failed", \
}

/* Why the daemon is degraded: `reason` of the metric rpingmesh_degraded_reason. */
enum degraded_reason {
	DEGRADED_NO_PORT,       /* no RoCE port is there, or none that the configuration wants */
	DEGRADED_UNOPENED,      /* a device cannot be opened */
	DEGRADED_NO_RDMA_CM,
	DEGRADED_PORT_DOWN,
	DEGRADED_PORT_FLAPS,
	DEGRADED_PORT_DROPS,    /* its counters rise while probes are lost */
	DEGRADED_PORT_CLOCK,    /* its hardware clock is not used */
	DEGRADED_ADDRESS_TAKEN, /* by another daemon */
	DEGRADED_NO_NAME,
	DEGRADED_SAME_NAME,     /* two hosts have one */
	DEGRADED_NO_PEER,       /* none is up */
	DEGRADED_RATE,          /* peers ask for more probes than the limit allows */
	DEGRADED_NO_KEY,
	DEGRADED_TRACING_OFF,
	DEGRADED_TRACING,       /* it misses something */
	DEGRADED_BUDGET,        /* self-protection reduces the rates */
	DEGRADED_METRICS,
	DEGRADED_LLDP,          /* it fails, so ToR switches may be wrong */
	DEGRADED_RELOAD,        /* the last one was refused */
	DEGRADED_BROKER,        /* of the cluster: no connection, or it refuses something */
	DEGRADED_PINGLIST,      /* it is refused, or cannot be kept */
	DEGRADED_CENTRAL,       /* it has been silent for too long, or refuses this host */
	DEGRADED_PATHS,         /* they cannot be traced */
	DEGRADED_REASON_N
};
#define DEGRADED_REASON_NAMES { \
	[DEGRADED_NO_PORT] = "no_port", \
	[DEGRADED_UNOPENED] = "unopened", \
	[DEGRADED_NO_RDMA_CM] = "no_rdma_cm", \
	[DEGRADED_PORT_DOWN] = "port_down", \
	[DEGRADED_PORT_FLAPS] = "port_flaps", \
	[DEGRADED_PORT_DROPS] = "port_drops", \
	[DEGRADED_PORT_CLOCK] = "port_clock", \
	[DEGRADED_ADDRESS_TAKEN] = "address_taken", \
	[DEGRADED_NO_NAME] = "no_name", \
	[DEGRADED_SAME_NAME] = "same_name", \
	[DEGRADED_NO_PEER] = "no_peer", \
	[DEGRADED_RATE] = "rate", \
	[DEGRADED_NO_KEY] = "no_key", \
	[DEGRADED_TRACING_OFF] = "tracing_off", \
	[DEGRADED_TRACING] = "tracing", \
	[DEGRADED_BUDGET] = "budget", \
	[DEGRADED_METRICS] = "metrics", \
	[DEGRADED_LLDP] = "lldp", \
	[DEGRADED_RELOAD] = "reload", \
	[DEGRADED_BROKER] = "broker", \
	[DEGRADED_PINGLIST] = "pinglist", \
	[DEGRADED_CENTRAL] = "central", \
	[DEGRADED_PATHS] = "paths", \
}
/* Hears of one problem: its reason, and a sentence for operators. */
typedef void degraded_hear(void *arg, enum degraded_reason why, const char *sentence);

/* Why rpingmesh-central is degraded: `reason` of rpingmesh_central_degraded_reason. */
enum central_reason {
	CENTRAL_NO_BROKER,    /* no connection to it */
	CENTRAL_BROKER,       /* it refuses something */
	CENTRAL_FROZEN,
	CENTRAL_MAX_HOSTS,
	CENTRAL_REFUSED,      /* registrations */
	CENTRAL_TOO_LONG,     /* pinglists */
	CENTRAL_SAME_NAME,    /* two hosts have one */
	CENTRAL_CLOCK,        /* those of hosts differ */
	CENTRAL_SILENT,       /* hosts do not report */
	CENTRAL_REPORTS,      /* they are refused */
	CENTRAL_SAME_ADDRESS, /* two ports have one */
	CENTRAL_NO_TOR,
	CENTRAL_NO_ADDRESS,   /* or one that cannot be probed */
	CENTRAL_MEMORY,
	CENTRAL_NO_DATABASE,  /* incidents are kept in memory only */
	CENTRAL_LISTEN,       /* there are no pages */
	CENTRAL_RELOAD,       /* the last one was refused */
	CENTRAL_NAMES,        /* switches lack names, or have two */
	CENTRAL_REASON_N
};
#define CENTRAL_REASON_NAMES { \
	[CENTRAL_NO_BROKER] = "no_broker", \
	[CENTRAL_BROKER] = "broker", \
	[CENTRAL_FROZEN] = "frozen", \
	[CENTRAL_MAX_HOSTS] = "max_hosts", \
	[CENTRAL_REFUSED] = "refused", \
	[CENTRAL_TOO_LONG] = "too_long", \
	[CENTRAL_SAME_NAME] = "same_name", \
	[CENTRAL_CLOCK] = "clock", \
	[CENTRAL_SILENT] = "silent", \
	[CENTRAL_REPORTS] = "reports", \
	[CENTRAL_SAME_ADDRESS] = "same_address", \
	[CENTRAL_NO_TOR] = "no_tor", \
	[CENTRAL_NO_ADDRESS] = "no_address", \
	[CENTRAL_MEMORY] = "memory", \
	[CENTRAL_NO_DATABASE] = "database", \
	[CENTRAL_LISTEN] = "listen", \
	[CENTRAL_RELOAD] = "reload", \
	[CENTRAL_NAMES] = "names", \
}

/* The connection of a program to the broker of the cluster. */
enum bus_state {
	BUS_RESOLVING,  /* the name of the broker is being looked up */
	BUS_CONNECTING,
	BUS_CONNECTED,
	BUS_WAITING,    /* the last attempt has failed, and there will be another one */
	BUS_STATE_N
};
#define BUS_STATE_NAMES { \
	[BUS_RESOLVING] = "resolving", \
	[BUS_CONNECTING] = "connecting", \
	[BUS_CONNECTED] = "connected", \
	[BUS_WAITING] = "waiting", \
}

#endif
