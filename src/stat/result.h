/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of one probe. The unit in which everything right of the probe room thinks.
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
	PROBE_PATH_APPROXIMATE, /* same addresses, another source port than asked for */
	PROBE_PATH_EXACT,       /* the source port that was asked for, or none was asked for */
	PROBE_PATH_N
};

/*
 * Whose host did not run while the probe was under way, so that it may have been measured or lost
 * for that reason.
 */
enum probe_noise {
	PROBE_NOISE_NONE,
	PROBE_NOISE_PROBER,
	PROBE_NOISE_RESPONDER,
	PROBE_NOISE_BOTH, /* the two before, or-ed */
	PROBE_NOISE_N
};

/* Names as they stand in records. Never NULL: "?" for a value out of range. */
const char *probe_kind_name(enum probe_kind k);
const char *probe_clock_name(enum probe_clock c);
const char *probe_path_name(enum probe_path p);
/* "none", "prober", "responder", "both". */
const char *probe_noise_name(enum probe_noise n);

/* Local source address of a path, as far as the driver's rule is known. */
#define PROBE_PORT_UNKNOWN 0

/* The order leaves no holes, and small enums take a byte: thousands of streams keep some. */
struct probe_result {
	uint64_t seq;              /* counts per target from 0 */
	enum probe_kind kind;
	enum probe_class class;
	uint64_t due_ns; /* CLOCK_MONOTONIC when the probe was posted, or was due if it was not */
	/*
	 * DESIGN's T1..T6, ns: t1, t2, t5, t6 in the prober's clock, t3, t4 in the responder's. 0:
	 * not known.
	 */
	uint64_t t_ns[6];
	uint64_t rtt_ns;           /* network RTT (T5-T2)-(T4-T3), never negative */
	uint64_t prober_delay_ns;  /* (T6-T1)-(T5-T2) */
	uint64_t responder_delay_ns; /* T4-T3 */
	uint64_t error_ns; /* how far rtt_ns may be off for reasons that the clocks know of */
	const char *reason;        /* static text or NULL: why class is what it is */
	struct addr source;        /* that it was posted from; all zero if it was not posted */
	enum probe_clock clock : 8;
	/* Behind responder_delay_ns; clock is hw if both are. */
	enum probe_clock responder_clock : 8;
	enum probe_path path : 8;
	/*
	 * With software stamps the RTT of a marked result may be the stall's, and a loss that is
	 * marked the host's own. With hardware stamps on all sides the RTT holds all the same.
	 */
	enum probe_noise host_noise : 8;
	uint32_t flow_label;
	uint32_t size;             /* UDP payload above BTH and DETH, bytes */
	uint16_t src_port;         /* UDP source port of the probe; PROBE_PORT_UNKNOWN */
	uint16_t return_src_port;  /* that of its ACKs, as the peer says; PROBE_PORT_UNKNOWN */
	uint8_t traffic_class;
	uint8_t service_level;
	bool posted;               /* it was handed to the RNIC */
	bool measured;             /* the times hold: class is ok or late */
};

#endif
