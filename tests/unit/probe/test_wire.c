/* SPDX-License-Identifier: Apache-2.0 */
/* The codec against bytes written out by hand from include/rpingmesh/probe_wire.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/wire.h"

static const uint8_t golden_probe[52] = {
	'R', 'P', 'M', 'H', 1, 1, 0, 52,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	0x00, 0x0a, 0xbc, 0xde, 0x6a, 0x05, 0x01, 4,
	0xc3, 0x51,
};

static const uint8_t golden_ack1[50] = {
	'R', 'P', 'M', 'H', 1, 2, 0, 50,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	62, 63, 1,
};

static const uint8_t golden_ack2[50] = {
	'R', 'P', 'M', 'H', 1, 3, 0, 50,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
	0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80,
	0xff, 0xfe, 0xfd, 0xfc, 1, 1, 0x12, 0x34,
	0xc2, 0x01,
};

static const uint8_t golden_refused[50] = {
	'R', 'P', 'M', 'H', 1, 4, 0, 50,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	2,
};

static const uint8_t golden_challenge[50] = {
	'R', 'P', 'M', 'H', 1, 5, 0, 50,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,
};

static const uint8_t golden_request[24 + 5 + 16] = {
	'R', 'P', 'M', 'H', 1, 5, 1, 0,
	0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0,
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	'n', 'o', 'd', 'e', '1',
	0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
};

static const uint8_t golden_reply[40 + 5 + 4 + 8] = {
	'R', 'P', 'M', 'H', 1, 5, 4, 0,
	0xde, 0xad, 0xbe, 0xef, 0x00, 0x12, 0x34, 0x56,
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18,
	0x10, 0x00, 0x03, 0xe8, 1, 1, 0, 0,
	'n', 'o', 'd', 'e', '2', 't', 'o', 'r', '7',
	0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
};

#define SEQ 0x1122334455667788ULL
#define SESSION 0xa1b2c3d4e5f60718ULL

static const struct wire_message message_probe = {
	.type = PROBE_WIRE_PROBE, .length = 52, .seq = SEQ, .session = SESSION,
	.probe = {.ack_flow_label = 0xabcde, .ack_traffic_class = 0x6a, .ack_service_level = 5,
		  .takes_refused = true, .back_routers = 4, .src_port = 0xc351},
};
static const struct wire_message message_challenge = {
	.type = PROBE_WIRE_CHALLENGE, .length = 50, .seq = SEQ, .session = SESSION,
	.token = 0x3132333435363738ULL,
};
static const struct wire_message message_refused = {
	.type = PROBE_WIRE_REFUSED, .length = 50, .seq = SEQ, .session = SESSION,
	.refused = {.why = PROBE_WIRE_WHY_TOTAL},
};
static const struct wire_message message_ack1 = {
	.type = PROBE_WIRE_ACK1, .length = 50, .seq = SEQ, .session = SESSION,
	.ack1 = {.hop_limit = 62, .sent_hop_limit = 63, .solicited = true},
};
static const struct wire_message message_ack2 = {
	.type = PROBE_WIRE_ACK2, .length = 50, .seq = SEQ, .session = SESSION,
	.ack2 = {.delay_ns = 0x102030405ULL, .t3_ns = 0x1020304050607080ULL, .error_ns = 0xfffefdfc,
	.clock = 1,
		 .noise = true, .stall_ms = 0x1234, .src_port = 0xc201},
};

/* A copy that ends where the heap block ends, so that the sanitizer sees any byte read too far. */
static uint8_t *
exact_copy(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return copy;
}

static int
decode_exact(const uint8_t *bytes, size_t len, struct wire_message *out)
{
	uint8_t *copy = exact_copy(bytes, len);
	int err = wire_decode(copy, len, out);

	free(copy);
	return err;
}

static int
decode_request_exact(const uint8_t *bytes, size_t len, struct wire_request *out)
{
	uint8_t *copy = exact_copy(bytes, len);
	int err = wire_decode_request(copy, len, out);

	free(copy);
	return err;
}

static int
decode_reply_exact(const uint8_t *bytes, size_t len, struct wire_reply *out)
{
	uint8_t *copy = exact_copy(bytes, len);
	int err = wire_decode_reply(copy, len, out);

	free(copy);
	return err;
}

static void
check_encode(const struct wire_message *message, const uint8_t *golden)
{
	uint8_t buf[64];

	memset(buf, 0x5a, sizeof(buf));
	wire_encode(message, buf);
	assert_memory_equal(buf, golden, message->length);
	for (size_t i = message->length; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0x5a);
}

static void
test_encode(void **state)
{
	(void)state;
	check_encode(&message_probe, golden_probe);
	check_encode(&message_ack1, golden_ack1);
	check_encode(&message_ack2, golden_ack2);
	check_encode(&message_refused, golden_refused);
	check_encode(&message_challenge, golden_challenge);
}

static void
test_decode(void **state)
{
	struct wire_message m;

	(void)state;
	assert_int_equal(decode_exact(golden_probe, sizeof(golden_probe), &m), 0);
	assert_int_equal(m.type, PROBE_WIRE_PROBE);
	assert_int_equal(m.length, 52);
	assert_true(m.seq == SEQ && m.session == SESSION);
	assert_int_equal(m.probe.ack_flow_label, 0xabcde);
	assert_int_equal(m.probe.ack_traffic_class, 0x6a);
	assert_int_equal(m.probe.ack_service_level, 5);
	assert_true(m.probe.takes_refused);
	assert_int_equal(m.probe.back_routers, 4);
	assert_int_equal(m.probe.src_port, 0xc351);
	assert_int_equal(decode_exact(golden_refused, sizeof(golden_refused), &m), 0);
	assert_int_equal(m.type, PROBE_WIRE_REFUSED);
	assert_true(m.seq == SEQ && m.session == SESSION);
	assert_int_equal(m.refused.why, PROBE_WIRE_WHY_TOTAL);
	assert_int_equal(decode_exact(golden_ack1, sizeof(golden_ack1), &m), 0);
	assert_int_equal(m.type, PROBE_WIRE_ACK1);
	assert_true(m.seq == SEQ && m.session == SESSION);
	assert_int_equal(m.ack1.hop_limit, 62);
	assert_int_equal(m.ack1.sent_hop_limit, 63);
	assert_true(m.ack1.solicited);
	assert_int_equal(decode_exact(golden_ack2, sizeof(golden_ack2), &m), 0);
	assert_int_equal(m.type, PROBE_WIRE_ACK2);
	assert_true(m.seq == SEQ && m.session == SESSION);
	assert_true(m.ack2.delay_ns == 0x102030405ULL);
	assert_true(m.ack2.t3_ns == 0x1020304050607080ULL);
	assert_int_equal(m.ack2.error_ns, 0xfffefdfc);
	assert_int_equal(m.ack2.clock, 1);
	assert_true(m.ack2.noise);
	assert_int_equal(m.ack2.stall_ms, 0x1234);
	assert_int_equal(m.ack2.src_port, 0xc201);
}

/*
 * What another version might put into reserved bits is not looked at, nor a stall without the flag
 * that makes it one.
 */
static void
test_flags(void **state)
{
	uint8_t bytes[sizeof(golden_ack2)], old[sizeof(golden_probe)];
	struct wire_message m;

	(void)state;
	memcpy(bytes, golden_ack2, sizeof(bytes));
	bytes[PROBE_WIRE_OFF_FLAGS] = 0xfe;
	assert_int_equal(decode_exact(bytes, sizeof(bytes), &m), 0);
	assert_false(m.ack2.noise);
	assert_int_equal(m.ack2.stall_ms, 0);
	/* A probe of an older build. */
	memcpy(old, golden_probe, sizeof(old));
	old[PROBE_WIRE_OFF_TAKES] = 0;
	assert_int_equal(decode_exact(old, sizeof(old), &m), 0);
	assert_false(m.probe.takes_refused);
	old[PROBE_WIRE_OFF_TAKES] = 0xfe;
	assert_int_equal(decode_exact(old, sizeof(old), &m), 0);
	assert_false(m.probe.takes_refused);
}

/* Each length but the right one is refused, and *out stays as it was. */
static void
test_truncated(void **state)
{
	struct wire_message m, before;
	struct wire_request request;
	struct wire_reply reply;

	(void)state;
	memset(&m, 0x77, sizeof(m));
	before = m;
	for (size_t len = 0; len < sizeof(golden_probe); len++) {
		assert_int_equal(decode_exact(golden_probe, len, &m), -EBADMSG);
		if (len < sizeof(golden_ack2))
			assert_int_equal(decode_exact(golden_ack2, len, &m), -EBADMSG);
	}
	assert_memory_equal(&m, &before, sizeof(m));
	for (size_t len = 0; len < 24 + 5; len++)
		assert_int_equal(decode_request_exact(golden_request, len, &request), -EBADMSG);
	for (size_t len = 0; len < 40 + 5 + 4; len++)
		assert_int_equal(decode_reply_exact(golden_reply, len, &reply), -EBADMSG);
}

/* The length field has the last word on how long a message is. */
static void
test_too_long(void **state)
{
	uint8_t bytes[60] = {0};
	struct wire_message m;

	(void)state;
	memcpy(bytes, golden_probe, sizeof(golden_probe));
	assert_int_equal(decode_exact(bytes, 53, &m), -EBADMSG);
	memcpy(bytes, golden_ack1, sizeof(golden_ack1));
	assert_int_equal(decode_exact(bytes, 51, &m), -EBADMSG);
	memcpy(bytes, golden_ack2, sizeof(golden_ack2));
	assert_int_equal(decode_exact(bytes, 51, &m), -EBADMSG);
}

/* What a later version adds to the end of a message is passed over. */
static void
test_longer_than_known(void **state)
{
	uint8_t bytes[PROBE_WIRE_ACK_MAX];
	struct wire_message m;

	(void)state;
	memset(bytes, 0xee, sizeof(bytes));
	memcpy(bytes, golden_ack1, sizeof(golden_ack1));
	bytes[7] = sizeof(bytes);
	assert_int_equal(decode_exact(bytes, sizeof(bytes), &m), 0);
	assert_true(m.type == PROBE_WIRE_ACK1 && m.seq == SEQ && m.session == SESSION);
	memcpy(bytes, golden_ack2, sizeof(golden_ack2));
	bytes[7] = sizeof(bytes);
	assert_int_equal(decode_exact(bytes, sizeof(bytes), &m), 0);
	assert_true(m.type == PROBE_WIRE_ACK2 && m.ack2.delay_ns == 0x102030405ULL);
	assert_int_equal(m.ack2.src_port, 0xc201);
}

/* What a flipped bit at each place must give: 0 in data, an error in what is checked. */
static int
expect_flip(const uint8_t *golden, size_t bit)
{
	size_t byte = bit / 8;
	uint8_t flipped = (uint8_t)(golden[byte] ^ 1 << bit % 8);

	if (byte < 4)
		return -EBADMSG;
	if (byte == 4)
		return -EPROTONOSUPPORT;
	if (byte == 6 || byte == 7)
		return -EBADMSG;
	if (golden[5] == 1 &&
	    (byte == 24 || (byte == 25 && flipped > 0xf) || (byte == 29 && flipped > 15)))
		return -EBADMSG;
	if (golden[5] == 3 && byte == 44 && flipped > 1)
		return -EBADMSG;
	return 0;
}

static void
check_flips(const uint8_t *golden, size_t len)
{
	uint8_t bytes[64];
	struct wire_message m;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		if (bit / 8 == 5)
			continue; /* below */
		memcpy(bytes, golden, len);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(decode_exact(bytes, len, &m), expect_flip(golden, bit));
	}
	memcpy(bytes, golden, len);
	bytes[PROBE_WIRE_OFF_CLOCK] = 2;
	assert_int_equal(decode_exact(bytes, len, &m), golden[5] == 3 ? -EBADMSG : 0);
	memcpy(bytes, golden, len);
	for (unsigned int type = 0; type < 256; type++) {
		bytes[5] = (uint8_t)type;
		if (type < 1 || type > 6)
			assert_int_equal(decode_exact(bytes, len, &m), -EINVAL);
	}
}

static void
test_flips(void **state)
{
	(void)state;
	check_flips(golden_probe, sizeof(golden_probe));
	check_flips(golden_ack1, sizeof(golden_ack1));
	check_flips(golden_ack2, sizeof(golden_ack2));
	check_flips(golden_refused, sizeof(golden_refused));
	check_flips(golden_challenge, sizeof(golden_challenge));
}

static void
test_request(void **state)
{
	struct wire_request request = {.versions = {1, 1},
				       .qkey = 0xdeadbeef,
				       .incarnation = 0x0102030405060708ULL,
				       .hostname = "node1",
				       .nonce = 0x2122232425262728ULL,
				       .session = SESSION};
	uint8_t buf[PROBE_WIRE_REQUEST_MAX + 60] = {0};
	struct wire_request got;

	(void)state;
	assert_int_equal(wire_encode_request(&request, buf), sizeof(golden_request));
	assert_memory_equal(buf, golden_request, sizeof(golden_request));
	/* rdma_cm pads with zeroes. */
	assert_int_equal(wire_decode_request(buf, sizeof(buf), &got), 0);
	assert_int_equal(got.qkey, 0xdeadbeef);
	assert_true(got.incarnation == 0x0102030405060708ULL);
	assert_string_equal(got.hostname, "node1");
	assert_true(got.nonce == 0x2122232425262728ULL && got.session == SESSION);
	/* Of a build from before there were nonces. */
	assert_int_equal(decode_request_exact(golden_request, 24 + 5, &got), 0);
	assert_true(got.nonce == 0 && got.session == 0);
	buf[0] = 'r';
	assert_int_equal(wire_decode_request(buf, sizeof(buf), &got), -EBADMSG);
}

static void
test_request_names(void **state)
{
	struct wire_request request = {.qkey = 1}, got;
	uint8_t buf[256] = {0};

	(void)state;
	memset(request.hostname, 'h',
	       sizeof(request.hostname)); /* not terminated: cut, not run over */
	assert_int_equal(wire_encode_request(&request, buf), PROBE_WIRE_REQUEST_MAX);
	assert_int_equal(buf[PROBE_WIRE_REQUEST_MAX], 0);
	assert_int_equal(wire_decode_request(buf, sizeof(buf), &got), 0);
	assert_int_equal(strlen(got.hostname), PROBE_WIRE_NAME_MAX);
	for (unsigned int len = PROBE_WIRE_NAME_MAX + 1; len < 256; len++) {
		buf[5] = (uint8_t)len;
		assert_int_equal(wire_decode_request(buf, sizeof(buf), &got), -EBADMSG);
	}
	buf[5] = 4;
	memcpy(buf + 24, "a\x1b\0\xc3", 4);
	assert_int_equal(wire_decode_request(buf, sizeof(buf), &got), 0);
	assert_string_equal(got.hostname, "a???");
	buf[5] = 0;
	assert_int_equal(wire_decode_request(buf, 24, &got), 0);
	assert_string_equal(got.hostname, "");
}

static struct wire_reply
reply_sample(void)
{
	return (struct wire_reply){
		.status = PROBE_WIRE_ACCEPTED,
		.version = 1,
		.versions = {1, 1},
		.qkey = 0xdeadbeef,
		.qpn = 0x123456,
		.incarnation = 0x0102030405060708ULL,
		.session = SESSION,
		.max_size = 4096,
		.max_per_s = 1000,
		.nonce = 0x2122232425262728ULL,
		.hostname = "node2",
		.tor = "tor7",
	};
}

static void
test_reply(void **state)
{
	struct wire_reply reply = reply_sample(), got;
	uint8_t buf[136] = {0};

	(void)state;
	assert_int_equal(wire_encode_reply(&reply, buf), sizeof(golden_reply));
	assert_memory_equal(buf, golden_reply, sizeof(golden_reply));
	assert_int_equal(wire_decode_reply(buf, sizeof(buf), &got), 0);
	assert_int_equal(got.status, PROBE_WIRE_ACCEPTED);
	assert_int_equal(got.qkey, 0xdeadbeef);
	assert_int_equal(got.qpn, 0x123456);
	assert_true(got.incarnation == 0x0102030405060708ULL && got.session == SESSION);
	assert_int_equal(got.max_size, 4096);
	assert_int_equal(got.max_per_s, 1000);
	assert_string_equal(got.hostname, "node2");
	assert_string_equal(got.tor, "tor7");
	assert_true(got.nonce == 0x2122232425262728ULL);
	assert_int_equal(decode_reply_exact(golden_reply, 40 + 5 + 4, &got), 0);
	assert_true(got.nonce == 0);
	buf[4] = 9; /* a session of a version that nobody asked for */
	assert_int_equal(wire_decode_reply(buf, sizeof(buf), &got), -EBADMSG);
}

static int
recode_reply(const struct wire_reply *reply)
{
	uint8_t buf[PROBE_WIRE_REPLY_MAX];
	struct wire_reply got;
	size_t len = wire_encode_reply(reply, buf);

	return decode_reply_exact(buf, len, &got);
}

/* A session that cannot be used is none; a refusal needs no session. */
static void
test_reply_usable(void **state)
{
	struct wire_reply reply = reply_sample();
	uint8_t buf[PROBE_WIRE_REPLY_MAX];

	(void)state;
	reply.qpn = 0;
	assert_int_equal(recode_reply(&reply), -EBADMSG);
	reply.qpn = 0x1000000;
	assert_int_equal(recode_reply(&reply), -EBADMSG);
	reply = reply_sample();
	reply.session = 0;
	assert_int_equal(recode_reply(&reply), -EBADMSG);
	reply = reply_sample();
	reply.max_size = 49;
	assert_int_equal(recode_reply(&reply), -EBADMSG);
	reply.max_size = 50;
	assert_int_equal(recode_reply(&reply), 0);
	reply = (struct wire_reply){.status = PROBE_WIRE_BUSY};
	assert_int_equal(recode_reply(&reply), 0);
	wire_encode_reply(&reply, buf);
	buf[7] = PROBE_WIRE_BAD_REQUEST + 1; /* of a later version: no session, for some reason */
	assert_int_equal(wire_decode_reply(buf, 40, &reply), 0);
	assert_int_not_equal(reply.status, PROBE_WIRE_ACCEPTED);
}

/* ---- versions that meet ---- */

/*
 * One side of a meeting. A build from before there were ranges looks at one version number, refuses
 * all but 1, and leaves zero what is reserved. What is longer than this build knows ends
 * in bytes that it must pass over.
 */
struct side {
	const char *name;
	struct wire_versions speaks;
	bool rangeless, longer;
};
static const struct side side_old = {"a build without ranges", {1, 1}, true, false};
static const struct side side_new = {"this build", {1, 1}, false, false};
static const struct side side_newer = {"a later one", {1, 3}, false, true};
static const struct side side_newest = {"one without version 1", {2, 3}, false, true};

static size_t
side_ends(const struct side *side, uint8_t *buf, size_t len)
{
	if (side->longer)
		memset(buf + len, 0xee, 20);
	return side->longer ? len + 20 : len;
}

static size_t
side_asks(const struct side *side, uint8_t buf[180])
{
	struct wire_request request = {.versions = side->speaks, .qkey = 7, .hostname = "prober"};
	size_t len = wire_encode_request(&request, buf);

	if (side->rangeless)
		buf[6] = 0;
	return side_ends(side, buf, len);
}

/* As src/agent/nic/nic_return.c does, or did when there were no ranges. */
static size_t
side_answers(const struct side *side, const uint8_t *asked, size_t len, uint8_t buf[136])
{
	struct wire_reply reply = reply_sample();
	struct wire_request request;

	memset(&request, 0, sizeof(request));
	assert_int_equal(decode_request_exact(asked, len, &request), 0);
	assert_string_equal(request.hostname, "prober");
	reply.versions = side->speaks;
	if (side->rangeless)
		reply.version = request.versions.lowest == 1;
	else
		reply.version = wire_common_version(&side->speaks, &request.versions);
	if (!reply.version) {
		reply.status = PROBE_WIRE_BAD_REQUEST;
		reply.version = side->rangeless ? 1 : request.versions.lowest;
	}
	len = wire_encode_reply(&reply, buf);
	if (side->rangeless)
		buf[36] = buf[37] = 0;
	return side_ends(side, buf, len);
}

/* The version of the session; 0: refused, and then *theirs is what the responder speaks. */
static uint8_t
side_meets(const struct side *prober, const struct side *responder, struct wire_versions *theirs)
{
	uint8_t request[180] = {0}, answer[136] = {0};
	struct wire_reply reply;
	size_t len = side_asks(prober, request);

	len = side_answers(responder, request, len, answer);
	if (prober->rangeless)
		assert_int_equal(answer[4], 1); /* or it takes it for no answer */
	/* This build has no session of a version that it does not speak. */
	if (answer[7] == PROBE_WIRE_ACCEPTED && answer[4] > PROBE_WIRE_HIGHEST) {
		assert_int_equal(decode_reply_exact(answer, len, &reply), -EBADMSG);
		return answer[4];
	}
	assert_int_equal(decode_reply_exact(answer, len, &reply), 0);
	*theirs = reply.versions;
	return reply.status == PROBE_WIRE_ACCEPTED ? reply.version : 0;
}

/* All pairs, both ways: what probe_wire.h says of them. */
static void
test_versions_meet(void **state)
{
	const struct {
		const struct side *prober, *responder;
		uint8_t version;
		struct wire_versions theirs;
	} pairs[] = {
		{&side_old, &side_old, 1, {1, 1}},
		{&side_old, &side_new, 1, {1, 1}},
		{&side_old, &side_newer, 1, {1, 3}},
		{&side_old, &side_newest, 0, {2, 3}},
		{&side_new, &side_old, 1, {1, 1}},
		{&side_new, &side_new, 1, {1, 1}},
		{&side_new, &side_newer, 1, {1, 3}},
		{&side_new, &side_newest, 0, {2, 3}},
		{&side_newer, &side_old, 1, {1, 1}},
		{&side_newer, &side_new, 1, {1, 1}},
		{&side_newer, &side_newer, 3, {1, 3}},
		{&side_newer, &side_newest, 3, {2, 3}},
		{&side_newest, &side_old, 0, {1, 1}},
		{&side_newest, &side_new, 0, {1, 1}},
		{&side_newest, &side_newer, 3, {1, 3}},
		{&side_newest, &side_newest, 3, {2, 3}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct wire_versions theirs = pairs[i].theirs;
		uint8_t version = side_meets(pairs[i].prober, pairs[i].responder, &theirs);

		print_message("%s asks %s: %d\n", pairs[i].prober->name,
			      pairs[i].responder->name, version);
		assert_int_equal(version, pairs[i].version);
		assert_int_equal(theirs.lowest, pairs[i].theirs.lowest);
		assert_int_equal(theirs.highest, pairs[i].theirs.highest);
	}
}

static void
test_versions_bad(void **state)
{
	uint8_t bytes[sizeof(golden_reply)];
	struct wire_request request;
	struct wire_reply reply;

	(void)state;
	memcpy(bytes, golden_request, sizeof(golden_request));
	bytes[4] = 2; /* to 1 */
	assert_int_equal(decode_request_exact(bytes, sizeof(golden_request), &request), -EBADMSG);
	memcpy(bytes, golden_reply, sizeof(golden_reply));
	bytes[36] = 2;
	assert_int_equal(decode_reply_exact(bytes, sizeof(golden_reply), &reply), -EBADMSG);
}

static void
test_versions_text(void **state)
{
	char text[WIRE_VERSIONS_TEXT];

	(void)state;
	assert_string_equal(wire_versions_text(&(struct wire_versions){1, 1}, text), "version 1");
	assert_string_equal(wire_versions_text(&(struct wire_versions){2, 3}, text),
			    "versions 2 to 3");
	assert_string_equal(wire_versions_text(&(struct wire_versions){254, 255}, text),
			    "versions 254 to 255");
}

static void
test_reply_names(void **state)
{
	struct wire_reply reply = reply_sample(), got;
	uint8_t buf[256] = {0};

	(void)state;
	memset(reply.hostname, 'h', sizeof(reply.hostname));
	memset(reply.tor, 't', sizeof(reply.tor));
	assert_int_equal(wire_encode_reply(&reply, buf), PROBE_WIRE_REPLY_MAX);
	assert_true(PROBE_WIRE_REPLY_MAX <= 136);
	assert_int_equal(buf[PROBE_WIRE_REPLY_MAX], 0);
	assert_int_equal(wire_decode_reply(buf, sizeof(buf), &got), 0);
	assert_int_equal(strlen(got.hostname), PROBE_WIRE_REPLY_HOST_MAX);
	assert_int_equal(strlen(got.tor), PROBE_WIRE_REPLY_TOR_MAX);
	for (unsigned int len = 0; len < 256; len++) {
		buf[5] = (uint8_t)len;
		assert_int_equal(wire_decode_reply(buf, sizeof(buf), &got),
				 len <= PROBE_WIRE_REPLY_HOST_MAX ? 0 : -EBADMSG);
	}
	buf[5] = 0;
	for (unsigned int len = 0; len < 256; len++) {
		buf[6] = (uint8_t)len;
		assert_int_equal(wire_decode_reply(buf, sizeof(buf), &got),
				 len <= PROBE_WIRE_REPLY_TOR_MAX ? 0 : -EBADMSG);
	}
}

static void
assert_fits(const char *name, const char *wanted)
{
	char out[PROBE_WIRE_REPLY_HOST_MAX + 1];

	memset(out, 'x', sizeof(out));
	wire_fit_name(name, out);
	assert_string_equal(out, wanted);
}

#define NAME_43 "abcdefghijklmnopqrstuvwxyz0123456789abcdefg"

/* The hashes are those of another implementation of FNV-1a. */
static void
test_fit_name(void **state)
{
	(void)state;
	assert_fits("", "");
	assert_fits("node1", "node1");
	assert_fits(NAME_43 "hijkl", NAME_43 "hijkl");
	assert_fits(NAME_43 "hijklm", NAME_43 "~1aac");
	assert_fits(NAME_43 "hijkln", NAME_43 "~1cd5");
	assert_fits(NAME_43 "hijklmnopqrstuvwxyz01", NAME_43 "~4813");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fit_name),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_longer_than_known),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_names),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reply_usable),
		cmocka_unit_test(test_reply_names),
		cmocka_unit_test(test_versions_meet),
		cmocka_unit_test(test_versions_bad),
		cmocka_unit_test(test_versions_text),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
