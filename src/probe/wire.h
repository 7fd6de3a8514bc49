/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodes and decodes the probe protocol (include/rpingmesh/probe_wire.h). Decoders check all
 * input, and set *out only on success. In names, all but printable ASCII becomes '?'. Pure.
 */
#ifndef RPINGMESH_PROBE_WIRE_H
#define RPINGMESH_PROBE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpingmesh/probe_wire.h"

/* A range of versions, both ends included. */
struct wire_versions {
	uint8_t lowest, highest;
};

/* The versions of this build. */
#define WIRE_VERSIONS \
	((struct wire_versions){.lowest = PROBE_WIRE_LOWEST, .highest = PROBE_WIRE_HIGHEST})

/* The highest version in both ranges; 0: there is none. */
uint8_t wire_common_version(const struct wire_versions *a, const struct wire_versions *b);

#define WIRE_VERSIONS_TEXT 24
/* Writes "version 1" or "versions 1 to 3" to text, and returns it. */
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
			uint8_t back_routers; /* of ACKs, plus 1; 0: unknown */
			uint16_t src_port; /* of the last probe; 0: unknown */
		} probe;
		struct {
			uint8_t hop_limit; /* at which the probe arrived; 0: unknown */
			uint8_t sent_hop_limit; /* with which ACKs leave; 0: unknown */
			bool solicited; /* all answers but ACK2 are sent so */
		} ack1;
		struct {
			uint8_t why; /* enum probe_wire_why, or a value that is not in it */
		} refused;
		uint64_t token; /* of CHALLENGE and ECHO */
		struct {
			uint64_t delay_ns, t3_ns;
			uint32_t error_ns;
			uint8_t clock;
			bool noise;        /* PROBE_WIRE_FLAG_NOISE */
			uint16_t stall_ms; /* 0 unless noise */
			uint16_t src_port; /* of the ACKs; 0: unknown */
		} ack2;
	};
};

/* Writes message->length bytes, which is at least PROBE_WIRE_SIZE_MIN, to buf. */
void wire_encode(const struct wire_message *message, uint8_t *buf);

/*
 * Decodes a message of len bytes. Reads at most PROBE_WIRE_SIZE_MIN of them, so buf need not
 * contain the zeros after these. Returns 0, or -EBADMSG (magic, length, or a field out of range),
 * -EPROTONOSUPPORT (version) or -EINVAL (type).
 */
int wire_decode(const uint8_t *buf, size_t len, struct wire_message *out);

struct wire_request {
	struct wire_versions versions;
	uint32_t qkey;
	uint64_t incarnation;
	char hostname[PROBE_WIRE_NAME_MAX + 1];
	uint64_t nonce;   /* 0: none */
	uint64_t session; /* that the prober has; 0: none */
};

/* Returns the number of bytes written, at most PROBE_WIRE_REQUEST_MAX. Cuts a longer name. */
size_t wire_encode_request(const struct wire_request *request, uint8_t *buf);
/*
 * Decodes a request of any version; the caller checks the version. len may be larger than needed,
 * because rdma_cm pads private data with zeros, and later versions add fields. Returns 0 or
 * -EBADMSG.
 */
int wire_decode_request(const uint8_t *buf, size_t len, struct wire_request *out);

struct wire_reply {
	enum probe_wire_status status; /* a value that is not in the enum is a refusal */
	uint8_t version;               /* of the session; in a refusal, that of the request */
	struct wire_versions versions;
	uint32_t qkey, qpn;
	uint64_t incarnation, session;
	uint16_t max_size;
	uint16_t max_per_s; /* the limit of answers/s; 0: unknown */
	char hostname[PROBE_WIRE_REPLY_HOST_MAX + 1];
	char tor[PROBE_WIRE_REPLY_TOR_MAX + 1];
	uint64_t nonce; /* of the request; 0: none */
};

/*
 * Writes a host's name for a reply. A name that is too long becomes its first 43 characters, "~",
 * and four hexadecimal digits of a hash of the whole name, so that similar names differ.
 */
void wire_fit_name(const char *hostname, char out[PROBE_WIRE_REPLY_HOST_MAX + 1]);

size_t wire_encode_reply(const struct wire_reply *reply, uint8_t *buf);
/* Like wire_decode_request(). */
int wire_decode_reply(const uint8_t *buf, size_t len, struct wire_reply *out);

#endif
