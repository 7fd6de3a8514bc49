/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "stat/result.h"

#define WIRE_FLOW_LABEL_MAX 0xfffffu
#define WIRE_SERVICE_LEVEL_MAX 15u
#define WIRE_QPN_MAX 0xffffffu

/* The offsets of the private data; see the tables in probe_wire.h. */
enum wire_private {
	WIRE_OFF_VERSION = 4,
	WIRE_OFF_NAME_LENGTH = 5,
	WIRE_OFF_REQUEST_HIGHEST = 6,
	WIRE_OFF_TOR_LENGTH = 6,
	WIRE_OFF_STATUS = 7,
	WIRE_OFF_QKEY = 8,
	WIRE_OFF_QPN = 12,
	WIRE_OFF_INCARNATION = 16,
	WIRE_OFF_REPLY_SESSION = 24,
	WIRE_OFF_MAX_SIZE = 32,
	WIRE_OFF_MAX_PER_S = 34,
	WIRE_OFF_REPLY_LOWEST = 36,
	WIRE_OFF_REPLY_HIGHEST = 37,
};

uint8_t
wire_common_version(const struct wire_versions *a, const struct wire_versions *b)
{
	uint8_t highest = a->highest < b->highest ? a->highest : b->highest;

	return highest >= a->lowest && highest >= b->lowest ? highest : 0;
}

const char *
wire_versions_text(const struct wire_versions *versions, char text[WIRE_VERSIONS_TEXT])
{
	if (versions->lowest == versions->highest)
		snprintf(text, WIRE_VERSIONS_TEXT, "version %d", versions->lowest);
	else
		snprintf(text, WIRE_VERSIONS_TEXT, "versions %d to %d", versions->lowest,
			 versions->highest);
	return text;
}

static void
wire_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
wire_put32(uint8_t *p, uint32_t v)
{
	wire_put16(p, (uint16_t)(v >> 16));
	wire_put16(p + 2, (uint16_t)v);
}

static void
wire_put64(uint8_t *p, uint64_t v)
{
	wire_put32(p, (uint32_t)(v >> 32));
	wire_put32(p + 4, (uint32_t)v);
}

static uint16_t
wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
wire_get32(const uint8_t *p)
{
	return (uint32_t)wire_get16(p) << 16 | wire_get16(p + 2);
}

static uint64_t
wire_get64(const uint8_t *p)
{
	return (uint64_t)wire_get32(p) << 32 | wire_get32(p + 4);
}

static void
wire_encode_ack2(const struct wire_message *message, uint8_t *buf)
{
	wire_put64(buf + PROBE_WIRE_OFF_DELAY, message->ack2.delay_ns);
	wire_put64(buf + PROBE_WIRE_OFF_T3, message->ack2.t3_ns);
	wire_put32(buf + PROBE_WIRE_OFF_ERROR, message->ack2.error_ns);
	buf[PROBE_WIRE_OFF_CLOCK] = message->ack2.clock;
	if (message->ack2.noise) {
		buf[PROBE_WIRE_OFF_FLAGS] = PROBE_WIRE_FLAG_NOISE;
		wire_put16(buf + PROBE_WIRE_OFF_STALL, message->ack2.stall_ms);
	}
	wire_put16(buf + PROBE_WIRE_OFF_SRC_PORT, message->ack2.src_port);
}

static void
wire_encode_probe(const struct wire_message *message, uint8_t *buf)
{
	wire_put32(buf + PROBE_WIRE_OFF_ACK_FLOW_LABEL, message->probe.ack_flow_label);
	buf[PROBE_WIRE_OFF_ACK_TRAFFIC_CLASS] = message->probe.ack_traffic_class;
	buf[PROBE_WIRE_OFF_ACK_SERVICE_LEVEL] = message->probe.ack_service_level;
	if (message->probe.takes_refused)
		buf[PROBE_WIRE_OFF_TAKES] = PROBE_WIRE_TAKES_REFUSED;
	buf[PROBE_WIRE_OFF_BACK_ROUTERS] = message->probe.back_routers;
	wire_put16(buf + PROBE_WIRE_OFF_PORT, message->probe.src_port);
}

void
wire_encode(const struct wire_message *message, uint8_t *buf)
{
	memset(buf, 0, message->length);
	wire_put32(buf + PROBE_WIRE_OFF_MAGIC, PROBE_WIRE_MAGIC);
	buf[PROBE_WIRE_OFF_VERSION] = PROBE_WIRE_VERSION;
	buf[PROBE_WIRE_OFF_TYPE] = (uint8_t)message->type;
	wire_put16(buf + PROBE_WIRE_OFF_LENGTH, message->length);
	wire_put64(buf + PROBE_WIRE_OFF_SEQ, message->seq);
	wire_put64(buf + PROBE_WIRE_OFF_SESSION, message->session);
	switch (message->type) {
	case PROBE_WIRE_PROBE:
		wire_encode_probe(message, buf);
		break;
	case PROBE_WIRE_ACK1:
		buf[PROBE_WIRE_OFF_HOP_LIMIT] = message->ack1.hop_limit;
		buf[PROBE_WIRE_OFF_SENT_HOP_LIMIT] = message->ack1.sent_hop_limit;
		if (message->ack1.solicited)
			buf[PROBE_WIRE_OFF_ACK1_FLAGS] = PROBE_WIRE_SOLICITED;
		break;
	case PROBE_WIRE_ACK2:
		wire_encode_ack2(message, buf);
		break;
	case PROBE_WIRE_REFUSED:
		buf[PROBE_WIRE_OFF_WHY] = message->refused.why;
		break;
	case PROBE_WIRE_CHALLENGE:
	case PROBE_WIRE_ECHO:
		wire_put64(buf + PROBE_WIRE_OFF_TOKEN, message->token);
		break;
	}
}

static bool
wire_has_magic(const uint8_t *buf)
{
	return wire_get32(buf + PROBE_WIRE_OFF_MAGIC) == PROBE_WIRE_MAGIC;
}

static int
wire_decode_probe(const uint8_t *buf, struct wire_message *m)
{
	m->type = PROBE_WIRE_PROBE;
	m->probe.ack_flow_label = wire_get32(buf + PROBE_WIRE_OFF_ACK_FLOW_LABEL);
	m->probe.ack_traffic_class = buf[PROBE_WIRE_OFF_ACK_TRAFFIC_CLASS];
	m->probe.ack_service_level = buf[PROBE_WIRE_OFF_ACK_SERVICE_LEVEL];
	m->probe.takes_refused = buf[PROBE_WIRE_OFF_TAKES] & PROBE_WIRE_TAKES_REFUSED;
	m->probe.back_routers = buf[PROBE_WIRE_OFF_BACK_ROUTERS];
	m->probe.src_port = wire_get16(buf + PROBE_WIRE_OFF_PORT);
	if (m->probe.ack_flow_label > WIRE_FLOW_LABEL_MAX ||
	    m->probe.ack_service_level > WIRE_SERVICE_LEVEL_MAX)
		return -EBADMSG;
	return 0;
}

static int
wire_decode_ack2(const uint8_t *buf, struct wire_message *m)
{
	m->type = PROBE_WIRE_ACK2;
	m->ack2.delay_ns = wire_get64(buf + PROBE_WIRE_OFF_DELAY);
	m->ack2.t3_ns = wire_get64(buf + PROBE_WIRE_OFF_T3);
	m->ack2.error_ns = wire_get32(buf + PROBE_WIRE_OFF_ERROR);
	m->ack2.clock = buf[PROBE_WIRE_OFF_CLOCK];
	m->ack2.noise = buf[PROBE_WIRE_OFF_FLAGS] & PROBE_WIRE_FLAG_NOISE;
	m->ack2.stall_ms = m->ack2.noise ? wire_get16(buf + PROBE_WIRE_OFF_STALL) : 0;
	m->ack2.src_port = wire_get16(buf + PROBE_WIRE_OFF_SRC_PORT);
	return m->ack2.clock < PROBE_CLOCK_N ? 0 : -EBADMSG;
}

static int
wire_decode_type(const uint8_t *buf, struct wire_message *m)
{
	switch (buf[PROBE_WIRE_OFF_TYPE]) {
	case PROBE_WIRE_PROBE:
		return wire_decode_probe(buf, m);
	case PROBE_WIRE_ACK1:
		m->type = PROBE_WIRE_ACK1;
		m->ack1.hop_limit = buf[PROBE_WIRE_OFF_HOP_LIMIT];
		m->ack1.sent_hop_limit = buf[PROBE_WIRE_OFF_SENT_HOP_LIMIT];
		m->ack1.solicited = buf[PROBE_WIRE_OFF_ACK1_FLAGS] & PROBE_WIRE_SOLICITED;
		return 0;
	case PROBE_WIRE_ACK2:
		return wire_decode_ack2(buf, m);
	case PROBE_WIRE_REFUSED:
		m->type = PROBE_WIRE_REFUSED;
		m->refused.why = buf[PROBE_WIRE_OFF_WHY];
		return 0;
	case PROBE_WIRE_CHALLENGE:
	case PROBE_WIRE_ECHO:
		m->type = (enum probe_wire_type)buf[PROBE_WIRE_OFF_TYPE];
		m->token = wire_get64(buf + PROBE_WIRE_OFF_TOKEN);
		return 0;
	default:
		return -EINVAL;
	}
}

int
wire_decode(const uint8_t *buf, size_t len, struct wire_message *out)
{
	struct wire_message m = {0};
	int err;

	if (len < PROBE_WIRE_SIZE_MIN || !wire_has_magic(buf))
		return -EBADMSG;
	if (buf[PROBE_WIRE_OFF_VERSION] != PROBE_WIRE_VERSION)
		return -EPROTONOSUPPORT;
	m.length = wire_get16(buf + PROBE_WIRE_OFF_LENGTH);
	if (m.length != len)
		return -EBADMSG;
	m.seq = wire_get64(buf + PROBE_WIRE_OFF_SEQ);
	m.session = wire_get64(buf + PROBE_WIRE_OFF_SESSION);
	err = wire_decode_type(buf, &m);
	if (err < 0)
		return err;
	*out = m;
	return 0;
}

/* Names go to terminals, records and logs, so all but printable ASCII becomes '?'. */
static void
wire_get_name(char *name, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		name[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
	name[len] = '\0';
}

/* Writes the start that request and reply share, without the version. */
static void
wire_put_private(uint8_t *buf, size_t header, size_t name_len, uint32_t qkey, uint64_t incarnation)
{
	memset(buf, 0, header);
	wire_put32(buf + PROBE_WIRE_OFF_MAGIC, PROBE_WIRE_MAGIC);
	buf[WIRE_OFF_NAME_LENGTH] = (uint8_t)name_len;
	wire_put32(buf + WIRE_OFF_QKEY, qkey);
	wire_put64(buf + WIRE_OFF_INCARNATION, incarnation);
}

size_t
wire_encode_request(const struct wire_request *request, uint8_t *buf)
{
	size_t name_len = strnlen(request->hostname, PROBE_WIRE_NAME_MAX);

	wire_put_private(buf, PROBE_WIRE_REQUEST_HEADER, name_len, request->qkey,
			 request->incarnation);
	buf[WIRE_OFF_VERSION] = request->versions.lowest;
	buf[WIRE_OFF_REQUEST_HIGHEST] = request->versions.highest;
	memcpy(buf + PROBE_WIRE_REQUEST_HEADER, request->hostname, name_len);
	wire_put64(buf + PROBE_WIRE_REQUEST_HEADER + name_len, request->nonce);
	wire_put64(buf + PROBE_WIRE_REQUEST_HEADER + name_len + 8, request->session);
	return PROBE_WIRE_REQUEST_HEADER + name_len + PROBE_WIRE_REQUEST_TAIL;
}

/* Returns 0 and sets *out, or -EBADMSG if this is no range. */
static int
wire_get_versions(uint8_t lowest, uint8_t highest, struct wire_versions *out)
{
	*out = (struct wire_versions){.lowest = lowest, .highest = highest ? highest : lowest};
	return out->lowest <= out->highest ? 0 : -EBADMSG;
}

int
wire_decode_request(const uint8_t *buf, size_t len, struct wire_request *out)
{
	struct wire_request request = {0};
	size_t name_len;

	if (len < PROBE_WIRE_REQUEST_HEADER || !wire_has_magic(buf))
		return -EBADMSG;
	name_len = buf[WIRE_OFF_NAME_LENGTH];
	if (name_len > PROBE_WIRE_NAME_MAX || name_len > len - PROBE_WIRE_REQUEST_HEADER ||
	    wire_get_versions(buf[WIRE_OFF_VERSION], buf[WIRE_OFF_REQUEST_HIGHEST],
			      &request.versions) < 0)
		return -EBADMSG;
	request.qkey = wire_get32(buf + WIRE_OFF_QKEY);
	request.incarnation = wire_get64(buf + WIRE_OFF_INCARNATION);
	wire_get_name(request.hostname, buf + PROBE_WIRE_REQUEST_HEADER, name_len);
	if (len - PROBE_WIRE_REQUEST_HEADER - name_len >= PROBE_WIRE_REQUEST_TAIL) {
		request.nonce = wire_get64(buf + PROBE_WIRE_REQUEST_HEADER + name_len);
		request.session = wire_get64(buf + PROBE_WIRE_REQUEST_HEADER + name_len + 8);
	}
	*out = request;
	return 0;
}

/* FNV-1a of 32 bits, folded to 16. */
static unsigned int
wire_name_hash(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	return (hash >> 16 ^ hash) & 0xffff;
}

void
wire_fit_name(const char *hostname, char out[PROBE_WIRE_REPLY_HOST_MAX + 1])
{
	const int mark = 5; /* "~1234" */

	if (strlen(hostname) <= PROBE_WIRE_REPLY_HOST_MAX)
		strcpy(out, hostname);
	else
		snprintf(out, PROBE_WIRE_REPLY_HOST_MAX + 1, "%.*s~%04x",
			 (int)PROBE_WIRE_REPLY_HOST_MAX - mark, hostname,
			 wire_name_hash(hostname));
}

size_t
wire_encode_reply(const struct wire_reply *reply, uint8_t *buf)
{
	size_t host_len = strnlen(reply->hostname, PROBE_WIRE_REPLY_HOST_MAX);
	size_t tor_len = strnlen(reply->tor, PROBE_WIRE_REPLY_TOR_MAX);

	wire_put_private(buf, PROBE_WIRE_REPLY_HEADER, host_len, reply->qkey, reply->incarnation);
	buf[WIRE_OFF_VERSION] = reply->version;
	buf[WIRE_OFF_REPLY_LOWEST] = reply->versions.lowest;
	buf[WIRE_OFF_REPLY_HIGHEST] = reply->versions.highest;
	buf[WIRE_OFF_TOR_LENGTH] = (uint8_t)tor_len;
	buf[WIRE_OFF_STATUS] = (uint8_t)reply->status;
	wire_put32(buf + WIRE_OFF_QPN, reply->qpn);
	wire_put64(buf + WIRE_OFF_REPLY_SESSION, reply->session);
	wire_put16(buf + WIRE_OFF_MAX_SIZE, reply->max_size);
	wire_put16(buf + WIRE_OFF_MAX_PER_S, reply->max_per_s);
	memcpy(buf + PROBE_WIRE_REPLY_HEADER, reply->hostname, host_len);
	memcpy(buf + PROBE_WIRE_REPLY_HEADER + host_len, reply->tor, tor_len);
	wire_put64(buf + PROBE_WIRE_REPLY_HEADER + host_len + tor_len, reply->nonce);
	return PROBE_WIRE_REPLY_HEADER + host_len + tor_len + PROBE_WIRE_REPLY_TAIL;
}

/* Whether the session in the reply can be used. */
static bool
wire_reply_is_usable(const struct wire_reply *reply)
{
	if (reply->status != PROBE_WIRE_ACCEPTED)
		return true;
	return reply->version >= PROBE_WIRE_LOWEST && reply->version <= PROBE_WIRE_HIGHEST &&
	       reply->qpn != 0 && reply->qpn <= WIRE_QPN_MAX && reply->session != 0 &&
	       reply->max_size >= PROBE_WIRE_SIZE_MIN;
}

int
wire_decode_reply(const uint8_t *buf, size_t len, struct wire_reply *out)
{
	struct wire_reply reply = {0};
	size_t host_len, tor_len;

	if (len < PROBE_WIRE_REPLY_HEADER || !wire_has_magic(buf))
		return -EBADMSG;
	host_len = buf[WIRE_OFF_NAME_LENGTH];
	tor_len = buf[WIRE_OFF_TOR_LENGTH];
	if (host_len > PROBE_WIRE_REPLY_HOST_MAX || tor_len > PROBE_WIRE_REPLY_TOR_MAX ||
	    host_len + tor_len > len - PROBE_WIRE_REPLY_HEADER ||
	    wire_get_versions(buf[WIRE_OFF_REPLY_HIGHEST] ? buf[WIRE_OFF_REPLY_LOWEST] :
							    buf[WIRE_OFF_VERSION],
			      buf[WIRE_OFF_REPLY_HIGHEST], &reply.versions) < 0)
		return -EBADMSG;
	reply.version = buf[WIRE_OFF_VERSION];
	reply.status = (enum probe_wire_status)buf[WIRE_OFF_STATUS];
	reply.qkey = wire_get32(buf + WIRE_OFF_QKEY);
	reply.qpn = wire_get32(buf + WIRE_OFF_QPN);
	reply.incarnation = wire_get64(buf + WIRE_OFF_INCARNATION);
	reply.session = wire_get64(buf + WIRE_OFF_REPLY_SESSION);
	reply.max_size = wire_get16(buf + WIRE_OFF_MAX_SIZE);
	reply.max_per_s = wire_get16(buf + WIRE_OFF_MAX_PER_S);
	wire_get_name(reply.hostname, buf + PROBE_WIRE_REPLY_HEADER, host_len);
	wire_get_name(reply.tor, buf + PROBE_WIRE_REPLY_HEADER + host_len, tor_len);
	if (len - PROBE_WIRE_REPLY_HEADER - host_len - tor_len >= PROBE_WIRE_REPLY_TAIL)
		reply.nonce = wire_get64(buf + PROBE_WIRE_REPLY_HEADER + host_len + tor_len);
	if (!wire_reply_is_usable(&reply))
		return -EBADMSG;
	*out = reply;
	return 0;
}
