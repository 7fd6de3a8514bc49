/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codec of the probe protocol (include/rpingmesh/probe_wire.h). Encoders never write past `size`;
 * decoders believe nothing and set *out only on success. What is not printable ASCII in a name
 * comes out as '?'.
 */
#ifndef RPINGMESH_PROBE_WIRE_H
#define RPINGMESH_PROBE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpingmesh/probe_wire.h"

/* Versions that somebody speaks, both included. */
struct wire_versions {
	uint8_t lowest, highest;
};

/* Those of this build. */
#define WIRE_VERSIONS \
	((struct wire_versions){.lowest = PROBE_WIRE_LOWEST, .highest = PROBE_WIRE_HIGHEST})

/* The highest version that both speak; 0: there is none. */
uint8_t wire_common_version(const struct wire_versions *a, const struct wire_versions *b);

#define WIRE_VERSIONS_TEXT 24
/* "version 1" or "versions 1 to 3", written to text and returned. */
const char *wire_versions_text(const struct wire_versions *versions, char text[WIRE_VERSIONS_TEXT]);

struct wire_message {
	enum probe_wire_type type;
	uint16_t length;
	uint64_t seq, session;
	union {
		struct {
			uint32_t ack_flow_label;
			uint8_t ack_traffic_class, ack_service_level;
			bool takes_refused; /* PROBE_WIRE_TAKES_REFUSED */
		} probe;
		struct {
			uint8_t why; /* enum probe_wire_why, or a value that is not in it */
		} refused;
		struct {
			uint64_t delay_ns, t3_ns;
			uint32_t error_ns;
			uint8_t clock;
			bool noise;        /* PROBE_WIRE_FLAG_NOISE */
			uint16_t stall_ms; /* 0 unless noise */
			uint16_t src_port; /* of the ACKs; 0: not known */
		} ack2;
	};
};

/* buf has room for message->length (≥ PROBE_WIRE_SIZE_MIN) bytes; all of them are written. */
void wire_encode(const struct wire_message *message, uint8_t *buf);

/*
 * A message of len bytes, of which PROBE_WIRE_SIZE_MIN are read at most: buf need not hold the
 * zeroes behind them. 0, or -EBADMSG (magic, length, field out of range), -EPROTONOSUPPORT
 * (version), -EINVAL (type).
 */
int wire_decode(const uint8_t *buf, size_t len, struct wire_message *out);

struct wire_request {
	struct wire_versions versions;
	uint32_t qkey;
	uint64_t incarnation;
	char hostname[PROBE_WIRE_NAME_MAX + 1];
};

/* Returns the length written, at most PROBE_WIRE_REQUEST_MAX; a longer name is cut. */
size_t wire_encode_request(const struct wire_request *request, uint8_t *buf);
/*
 * A request of any version, which is for the caller to judge. len may be longer than what is known
 * of it: rdma_cm pads private data with zeroes, and later versions add fields. 0 or -EBADMSG.
 */
int wire_decode_request(const uint8_t *buf, size_t len, struct wire_request *out);

struct wire_reply {
	enum probe_wire_status status; /* may be one that is not in the enum: a refusal */
	uint8_t version;               /* of the session, or what a refused request had there */
	struct wire_versions versions;
	uint32_t qkey, qpn;
	uint64_t incarnation, session;
	uint16_t max_size;
	uint16_t max_per_s; /* probes/s answered; 0: not told */
	char hostname[PROBE_WIRE_REPLY_HOST_MAX + 1];
	char tor[PROBE_WIRE_REPLY_TOR_MAX + 1];
};

size_t wire_encode_reply(const struct wire_reply *reply, uint8_t *buf);
/* As wire_decode_request(). */
int wire_decode_reply(const uint8_t *buf, size_t len, struct wire_reply *out);

#endif
