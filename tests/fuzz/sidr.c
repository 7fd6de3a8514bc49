/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIDR private data, both ways, and what is done with what was decoded: a request makes a session,
 * which must answer a probe and nothing else; a reply is taken for a session by a prober, which
 * then probes with it. The input is a byte of bits and the private data.
 *
 * What can be decoded can be encoded, and comes out the same.
 */
#include <errno.h>

#include "core/clock.h"
#include "fuzz.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "probe/wire.h"

#define START_NS (100 * NSEC_PER_SEC)

static struct wire_request request;
static struct wire_reply reply;
static uint64_t now_ns, session_number;
static unsigned int acks, probes, asked;

static const struct addr local = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
static const struct addr remote = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}};

static void
sidr_check_name(const char *name, size_t max)
{
	FUZZ_CHECK(strlen(name) <= max);
	for (; *name; name++)
		FUZZ_CHECK(*name >= 0x20 && *name < 0x7f);
}

/* ---- a request ---- */

static int
sidr_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	      struct responder_tx *tx)
{
	(void)arg;
	(void)want_sent;
	FUZZ_CHECK(device_user == &request && ack->qkey == request.qkey &&
		   addr_equal(&ack->remote, &remote));
	FUZZ_CHECK(ack->size <= PROBE_WIRE_SIZE_MIN);
	*tx = (struct responder_tx){.t4 = {.ns = now_ns}, .done = true};
	acks++;
	return 0;
}

static void
sidr_probe_it(struct responder *responder, uint64_t number)
{
	struct wire_message m = {.type = PROBE_WIRE_PROBE,
				 .length = PROBE_WIRE_SIZE_MIN,
				 .seq = 1,
				 .session = number};
	uint8_t payload[PROBE_WIRE_SIZE_MIN];
	struct responder_rx rx = {
		.device_user = &request, .src = remote, .dst = local, .src_qpn = 5,
		.payload = payload, .len = sizeof(payload), .t3 = {.ns = now_ns},
	};

	wire_encode(&m, payload);
	acks = 0;
	responder_received(responder, &rx, now_ns);
}

static void
sidr_open(void)
{
	static const struct responder_ops ops = {.send = sidr_send_ack};
	struct responder_config config = {.ops = &ops, .random = 1};
	struct addr_net all = {0};
	struct responder_limits limits = {.allow = &all,
					  .n_allow = 1,
					  .per_source = 1000,
					  .total = 1000};
	struct responder_open_request open = {
		.device_user = &request, .local = local, .remote = remote,
		.incarnation = request.incarnation, .qkey = request.qkey,
	};
	struct responder *responder;

	memcpy(open.hostname, request.hostname, sizeof(open.hostname));
	FUZZ_CHECK(addr_net_parse("0.0.0.0/0", &all) == 0);
	FUZZ_CHECK(responder_new(&config, &responder) == 0);
	responder_set_limits(responder, &limits, now_ns);
	FUZZ_CHECK(responder_admit(responder, &remote, 0, now_ns) == 0);
	FUZZ_CHECK(responder_open(responder, &open, now_ns, &session_number) == 0 &&
		   session_number != 0);
	sidr_probe_it(responder, session_number);
	FUZZ_CHECK(acks == 2);
	sidr_probe_it(responder, session_number + 1);
	FUZZ_CHECK(acks == 0);
	responder_free(responder);
}

static void
sidr_request(const uint8_t *data, size_t len)
{
	uint8_t buf[PROBE_WIRE_REQUEST_MAX];
	struct wire_request again;
	size_t n;

	if (wire_decode_request(data, len, &request) < 0)
		return;
	sidr_check_name(request.hostname, PROBE_WIRE_NAME_MAX);
	n = wire_encode_request(&request, buf);
	FUZZ_CHECK(n <= sizeof(buf) && wire_decode_request(buf, n, &again) == 0);
	FUZZ_CHECK(again.versions.lowest == request.versions.lowest &&
		   again.versions.highest == request.versions.highest);
	FUZZ_CHECK(again.qkey == request.qkey && again.incarnation == request.incarnation &&
		   strcmp(again.hostname, request.hostname) == 0);
	sidr_open();
}

/* ---- a reply ---- */

static int
sidr_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	  const char **reason)
{
	struct wire_message m;

	(void)arg;
	(void)peer_user;
	(void)reason;
	FUZZ_CHECK(packet->size <= reply.max_size);
	FUZZ_CHECK(wire_decode(packet->payload, packet->size, &m) == 0 &&
		   m.session == reply.session && m.length == packet->size);
	*tx = (struct prober_tx){.t1_ns = now_ns, .t2 = {.ns = now_ns}, .done = true};
	probes++;
	return 0;
}

static void
sidr_resolve(void *arg, void *peer_user)
{
	(void)arg;
	(void)peer_user;
	asked++;
}

static void
sidr_result(void *arg, void *target_user, const struct probe_result *r)
{
	(void)arg;
	(void)target_user;
	FUZZ_CHECK(r->posted || r->class == PROBE_LOCAL_ERROR);
}

static void
sidr_target_done(void *arg, void *target_user)
{
	(void)arg;
	(void)target_user;
}

static void
sidr_peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)peer_user;
	FUZZ_CHECK(from != to);
}

static void
sidr_run(struct prober *prober, uint64_t ns)
{
	uint64_t until_ns = now_ns + ns, next_ns;

	while ((next_ns = prober_next_ns(prober)) <= until_ns) {
		now_ns = next_ns > now_ns ? next_ns : now_ns;
		prober_advance(prober, now_ns);
	}
	now_ns = until_ns;
}

static void
sidr_take_session(void)
{
	static const struct prober_ops ops = {
		.send = sidr_send, .resolve = sidr_resolve, .result = sidr_result,
		.target_done = sidr_target_done, .peer_state = sidr_peer_state,
	};
	struct prober_config config = {.ops = &ops, .timeout_ns = 500 * NSEC_PER_MSEC, .random = 1};
	struct prober_target_config target = {
		.interval_ns = 100 * NSEC_PER_MSEC, .sizes = {PROBE_WIRE_SIZE_MIN, 1024, 4096},
		.n_sizes = 3, .count = 30,
	};
	struct prober_session session = {
		.addr = remote, .qpn = reply.qpn, .incarnation = reply.incarnation,
		.session = reply.session, .max_size = reply.max_size,
	};
	struct prober *prober;
	struct prober_device *device;
	struct prober_peer *peer;
	struct prober_target *made;
	struct prober_peer_info info;

	asked = probes = 0;
	FUZZ_CHECK(prober_new(&config, &prober) == 0 &&
		   prober_device_add(prober, 1000, &device) == 0);
	prober_device_up(device, now_ns);
	FUZZ_CHECK(prober_peer_add(prober, device, NULL, now_ns, &peer) == 0);
	sidr_run(prober, NSEC_PER_SEC);
	FUZZ_CHECK(asked == 1);
	prober_resolved(peer, &session, now_ns, now_ns);
	FUZZ_CHECK(prober_target_add(peer, &target, NULL, now_ns, &made) == 0);
	sidr_run(prober, NSEC_PER_SEC);
	prober_peer_info(peer, &info);
	FUZZ_CHECK(info.has_session && info.session.qpn == reply.qpn && probes > 0);
	prober_free(prober);
}

static void
sidr_reply(const uint8_t *data, size_t len)
{
	uint8_t buf[PROBE_WIRE_REPLY_MAX];
	struct wire_reply again;
	size_t n;

	if (wire_decode_reply(data, len, &reply) < 0)
		return;
	sidr_check_name(reply.hostname, PROBE_WIRE_REPLY_HOST_MAX);
	sidr_check_name(reply.tor, PROBE_WIRE_REPLY_TOR_MAX);
	n = wire_encode_reply(&reply, buf);
	FUZZ_CHECK(n <= sizeof(buf) && wire_decode_reply(buf, n, &again) == 0);
	FUZZ_CHECK(again.version == reply.version &&
		   again.versions.lowest == reply.versions.lowest &&
		   again.versions.highest == reply.versions.highest);
	FUZZ_CHECK(again.session == reply.session && again.qpn == reply.qpn &&
		   again.qkey == reply.qkey && again.status == reply.status);
	FUZZ_CHECK(strcmp(again.hostname, reply.hostname) == 0 &&
		   strcmp(again.tor, reply.tor) == 0 && again.max_size == reply.max_size);
	if (reply.status == PROBE_WIRE_ACCEPTED)
		sidr_take_session();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t bits = fuzz_u8(&f);
	size_t len;
	uint8_t *bytes = fuzz_take(&f, 256, &len);

	now_ns = START_NS;
	if (bits & 1)
		sidr_request(bytes, len);
	else
		sidr_reply(bytes, len);
	free(bytes);
	return 0;
}
