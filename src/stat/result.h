/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of one probe. The rooms after src/probe work with results.
 */
#ifndef RPINGMESH_STAT_RESULT_H
#define RPINGMESH_STAT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "stat/probe_class.h"

enum probe_kind {
	PROBE_KIND_MESH,
	PROBE_KIND_PING,
	PROBE_KIND_SERVICE,
	PROBE_KIND_N
};

enum probe_clock {
	PROBE_CLOCK_SW, /* system clock around the verbs calls */
	PROBE_CLOCK_HW, /* completion timestamps of the RNIC */
	PROBE_CLOCK_N
};

/* Whether the probe took the path that its flow label asks for. */
enum probe_path {
	PROBE_PATH_UNKNOWN,     /* the driver's source port rule is not known */
	PROBE_PATH_APPROXIMATE, /* same addresses, but not the requested source port */
	PROBE_PATH_EXACT,       /* the requested source port, or none was requested */
	PROBE_PATH_N
};

/*
 * The host that stalled while the probe was in flight. The stall may have changed the result.
 */
enum probe_noise {
	PROBE_NOISE_NONE,
	PROBE_NOISE_PROBER,
	PROBE_NOISE_RESPONDER,
	PROBE_NOISE_BOTH, /* PROBER | RESPONDER */
	PROBE_NOISE_N
};

/* Names in records. Never NULL: "?" for a value out of range. */
const char *probe_kind_name(enum probe_kind k);
const char *probe_clock_name(enum probe_clock c);
const char *probe_path_name(enum probe_path p);
/* "none", "prober", "responder", "both". */
const char *probe_noise_name(enum probe_noise n);

/* The source port if the driver's rule is unknown. */
#define PROBE_PORT_UNKNOWN 0

/*
 * Thousands of streams keep some results. Therefore the order of the members leaves no holes, and
 * small enums take a byte.
 */
struct probe_result {
	uint64_t seq;              /* counts per target from 0 */
	enum probe_kind kind;
	enum probe_class class;
	uint64_t due_ns; /* CLOCK_MONOTONIC when the probe was posted, or was due if it was not */
	/*
	 * T1 to T6 of R-Pingmesh (SIGCOMM 2024, section 4), ns: T1, T2, T5 and T6 by the prober's
	 * clock, T3 and T4 by the responder's. 0: unknown.
	 */
	uint64_t t_ns[6];
	uint64_t rtt_ns;           /* network RTT (T5-T2)-(T4-T3), never negative */
	uint64_t prober_delay_ns;  /* (T6-T1)-(T5-T2) */
	uint64_t responder_delay_ns; /* T4-T3 */
	uint64_t error_ns; /* the error of rtt_ns that the clocks know of: an estimate, no bound */
	const char *reason;        /* static text or NULL: the reason for the class */
	struct addr source;        /* from which it was posted; all zero if it was not posted */
	enum probe_clock clock : 8;
	/* The clock of responder_delay_ns. `clock` is HW only if both clocks are. */
	enum probe_clock responder_clock : 8;
	enum probe_path path : 8;
	/*
	 * If a result is marked, its loss may be the fault of the host. Its RTT may contain the
	 * stall, unless all timestamps come from hardware.
	 */
	enum probe_noise host_noise : 8;
	uint32_t flow_label;
	uint32_t size;             /* UDP payload above BTH and DETH, bytes */
	uint16_t src_port;         /* UDP source port of the probe; PROBE_PORT_UNKNOWN */
	uint16_t return_src_port;  /* that of its ACKs, as the peer reports; PROBE_PORT_UNKNOWN */
	uint8_t traffic_class;
	uint8_t service_level;
	bool posted;               /* it was handed to the RNIC */
	bool measured;             /* the times are valid: the class is ok or late */
	bool stalled; /* a host stalled meanwhile, so it counts in no loss ratio */
};

#endif
