/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of a host: what its probes have met since its last report. The agent publishes one
 * every few seconds, and central reads it (Map report of rpingmesh-records(5)). The writer is not
 * trusted: whoever may publish on the broker may write anything.
 *
 * A stream is a sequence of probes with one 5-tuple, traffic class and size. Whole reports name all
 * streams of the host, in order; the place of a stream in that order stands for it in the reports
 * that follow. All counts are of the time from begin_ns to end_ns, so they add up over reports.
 */
#ifndef RPINGMESH_RECORD_REPORT_H
#define RPINGMESH_RECORD_REPORT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "stat/probe_class.h"

#define REPORT_NAME_MAX 64u       /* bytes of a host, device or counter */
#define REPORT_JOB_MAX 128u       /* bytes of a job */
#define REPORT_PORTS_MAX 64u
#define REPORT_COUNTERS_MAX 64u   /* of a port */
#define REPORT_STREAMS_MAX 16384u
#define REPORT_TIMES_MAX 24u      /* buckets of the RTT of a stream */
#define REPORT_TIME_BUCKETS 472u  /* all of them: numbers 0 to 471 */
#define REPORT_BYTES_MAX 2097152u /* packed */
#define REPORT_ERROR 160

/* Why a stream is probed. */
enum report_kind {
	REPORT_TOR,    /* the pinglist has it, within the ToR */
	REPORT_FABRIC, /* the pinglist has it, across the fabric */
	REPORT_FILE,   /* the configuration of the host has it */
	REPORT_PING,
	REPORT_FLOW,   /* a flow of a service */
	REPORT_ASK,    /* central has asked for it */
	REPORT_KIND_N
};
extern const char *const report_kind_names[]; /* ended by NULL */

/* Something that a port has counted. */
struct report_counter {
	const char *name;
	uint64_t n;
};

/* Some answers with nearly the same RTT: report_time_bucket(). */
struct report_bucket {
	uint16_t bucket;
	uint32_t n;
};

/* The RTT of a stream. */
struct report_times {
	struct report_bucket *buckets; /* ascending */
	uint32_t n;
};

/* A port of the host. */
struct report_port {
	const char *device;
	uint8_t port;
	bool up;
	struct report_counter *counters; /* since the last report; those that have not risen are
					    left out */
	size_t n_counters;
};

/* What all probes of a stream have in common. */
struct report_stream {
	const char *device;          /* the port that sends them */
	uint8_t port;
	uint8_t traffic_class;
	enum report_kind kind;
	uint32_t size;               /* bytes; 0: any */
	struct addr source, destination;
	uint16_t src_port, back_port; /* UDP source ports there, and of the answers; 0: unknown */
	const char *job;             /* "": none */
};

/* What is not as it should be in a stream. */
struct report_row {
	uint32_t place;              /* of the stream */
	uint32_t classes[PROBE_CLASS_N]; /* PROBE_OK is always 0: the others leave it over */
	uint32_t noise;              /* of all, those during which a host stalled */
	uint32_t noise_lost;         /* of these, those that were lost */
	uint32_t corrected;          /* reported as unreachable before, and now known to be lost */
	uint32_t slow;               /* answers that were slow by what is usual for the stream */
	/*
	 * When those were due that were lost, or half of whose answer was: bit i: between i and
	 * i + 1 eighths of a second before end_ns; the last bit: before that, too. 0: unknown.
	 */
	uint64_t lost_when;
};

/* Probes with one 5-tuple and traffic class that the host has received. */
struct report_heard {
	struct addr source, destination;
	uint16_t src_port;
	uint8_t traffic_class;
	uint32_t received;
};

/* How long probes took inside the host. 0: unknown. */
struct report_delays {
	uint32_t prober_p50_ns, prober_p99_ns;       /* of those that it has sent */
	uint32_t responder_p50_ns, responder_p99_ns; /* of those that it has answered */
};

struct report {
	const char *host;
	uint64_t incarnation;        /* of the agent */
	uint64_t sequence;           /* of the reports of this incarnation, from 1, without gaps */
	uint64_t begin_ns, end_ns;   /* wall clock of the host */
	uint64_t streams_of;         /* sequence of the report that names the streams */
	bool whole;                  /* it is this one; then n_streams streams are here */
	bool throttled;              /* the agent probes less, to protect its host */
	uint32_t degraded;           /* sentences about what is wrong in its status */
	uint32_t dropped;            /* streams that there was no room for in the report */
	uint32_t stalled_s;          /* seconds in which the host stalled */

	struct report_port *ports;
	size_t n_ports;
	struct report_stream *streams; /* NULL unless it is whole */
	size_t n_streams;            /* also if it is not whole */
	uint32_t *sent;              /* by place: probes with a result */
	uint32_t *rtt_ns;            /* by place: mean RTT of the answers; 0: there was none */
	struct report_times *times;  /* by place: the RTTs since the report before that had them;
					NULL: it has none. Only if it is whole. */
	struct report_row *rows;     /* ascending by place */
	size_t n_rows;
	struct report_heard *heard;  /* since the report before that had it; NULL: it does not say.
					At most REPORT_STREAMS_MAX; only if it is whole. */
	size_t n_heard;
	bool has_delays;             /* only if it is whole */
	struct report_delays delays; /* since the report before that had them */
	msgpack_zone *memory;        /* report_unpack(): of all this */
};

/*
 * The bucket of an RTT, and the middle of a bucket: eight buckets of stat/histogram.h are one, so
 * the middle is within 1/16 of the RTT.
 */
uint16_t report_time_bucket(uint64_t rtt_ns);
uint64_t report_time_ns(uint16_t bucket);

/* Packs one map. `memory` is not used. */
void report_pack(msgpack_packer *out, const struct report *report);

/* Packs the map report_delays. */
void report_delays_pack(msgpack_packer *out, const struct report_delays *delays);

/*
 * Reads a packed map. Returns 0 and sets *out, which the caller frees with report_free(), or puts
 * the reason into error, in words, and returns -errno as registration_unpack() does. Nothing of a
 * report with a mistake is used. Places are below n_streams, and the classes of a row are no more
 * than what was sent. Memory is bounded by the limits above.
 */
int report_unpack(const void *data, size_t len, struct report **out, char error[REPORT_ERROR]);

/* Frees what report_unpack() has made. NULL is allowed. */
void report_free(struct report *report);

#endif
