/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe packets: bytes into a prober and a responder that live, with probes in flight, peers in all
 * states, sessions and held answers. The input is a program: each step is a byte, and what that
 * step takes. Packets are either the input's bytes as they stand or what a real peer would send
 * with some bytes bent, so that the checks behind the codec are reached as well.
 *
 * The steps keep to the contracts of prober.h and responder.h, as the daemon does; the packets keep
 * to nothing. After each step the books must balance; each result must be possible and fit into a
 * record; answers must go where they belong and be no longer than what was asked.
 */
#include <errno.h>
#include <msgpack.h>

#include "core/clock.h"
#include "core/hwclock.h"
#include "core/log.h"
#include "fuzz.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "probe/wire.h"
#include "record/record.h"

#define DEVICES 2
#define PEERS 4
#define TARGETS 8
#define FLIGHTS 64   /* remembered */
#define ADDRESSES 6
#define ADVANCES 256 /* of the prober in one step */
#define STEPS 512
#define ANSWER_NS (1500 * NSEC_PER_MSEC) /* after which a resolution fails, as the daemon has it */

/* A probe that was posted. */
struct flight {
	uint64_t seq, session;
	struct addr from; /* where its ACKs come from */
	uint32_t qpn, cookie;
};

struct world_peer {
	struct prober_peer *prober;
	struct prober_session session;
	bool asked; /* the prober waits for the outcome of a resolution */
	uint64_t asked_ns;
};

struct world_session {
	uint64_t number;
	struct responder_open_request open;
};

static struct world {
	uint64_t now;
	struct prober *prober;
	struct prober_device *device[DEVICES];
	struct world_peer peer[PEERS];
	struct prober_target *target[TARGETS];
	struct flight flight[FLIGHTS];
	uint32_t n_flights;
	uint64_t results, by_class[PROBE_CLASS_N];
	bool in_callback;

	struct responder *responder;
	struct addr_net allow[2];
	struct world_session session[STEPS]; /* all that were ever made */
	uint32_t n_sessions;
	uint32_t ack_cookie;
	int send_status;
	bool send_done, stamped;
	struct hwclock clock[DEVICES];
} w;

static struct addr
world_addr(uint8_t which)
{
	struct addr a = {{0}};

	a.raw[10] = a.raw[11] = 0xff;
	a.raw[12] = which % ADDRESSES == 5 ? 192 : 10;
	a.raw[15] = which % ADDRESSES;
	return a;
}

/* A moment near ns, stamped by an RNIC of 1 GHz if there is one now. */
static struct hwclock_moment
world_moment(uint64_t ns, uint64_t error_ns)
{
	return (struct hwclock_moment){.ns = ns,
				       .error_ns = error_ns,
				       .ticks = ns & w.clock[0].mask,
				       .stamped = w.stamped};
}

/* ---- what the prober wants ---- */

static int
world_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	   const char **reason)
{
	const struct world_peer *peer = peer_user;
	struct wire_message m;

	(void)arg;
	FUZZ_CHECK(wire_decode(packet->payload, packet->size, &m) == 0 &&
		   (m.type == PROBE_WIRE_PROBE || m.type == PROBE_WIRE_ECHO));
	FUZZ_CHECK(m.session == peer->session.session && (uint32_t)m.seq == packet->cookie);
	if (w.send_status < 0) {
		*reason = "as told";
		return w.send_status;
	}
	if (m.type == PROBE_WIRE_ECHO)
		return 0;
	w.flight[w.n_flights++ % FLIGHTS] = (struct flight){
		.seq = m.seq,
		.session = m.session,
		.from = peer->session.addr,
		.qpn = peer->session.qpn,
		.cookie = packet->cookie,
	};
	*tx = (struct prober_tx){
		.t1_ns = w.now,
		.t2 = w.send_done ? world_moment(w.now + 900,
		100) : (struct hwclock_moment){.ns = 0},
		.done = w.send_done,
		.source = {.raw = {w.now & 1}},
		.src_port = 50000,
		.path = PROBE_PATH_EXACT,
	};
	return 0;
}

static void
world_resolve(void *arg, void *peer_user)
{
	struct world_peer *peer = peer_user;

	(void)arg;
	FUZZ_CHECK(!peer->asked);
	peer->asked = true;
	peer->asked_ns = w.now;
}

static void
world_pack(const struct probe_result *r)
{
	const struct record_origin origin = {.host = "h", .tor = ""};
	const struct addr there = {.raw = {1}};
	struct record_probe_context context = {.origin = &origin,
					       .device = "fuzz0",
					       .peer = "10.0.0.2",
					       .source = &r->source,
					       .destination = &there,
					       .hostname = "h"};
	msgpack_sbuffer out;
	msgpack_packer pk;
	msgpack_unpacked unpacked;
	size_t off = 0;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	record_probe(&pk, &context, r);
	msgpack_unpacked_init(&unpacked);
	FUZZ_CHECK(msgpack_unpack_next(&unpacked, out.data, out.size, &off) ==
			   MSGPACK_UNPACK_SUCCESS &&
		   off == out.size);
	FUZZ_CHECK(unpacked.data.type == MSGPACK_OBJECT_MAP);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&out);
}

static void
world_result(void *arg, void *target_user, const struct probe_result *r)
{
	(void)arg;
	(void)target_user;
	FUZZ_CHECK(!w.in_callback);
	FUZZ_CHECK(r->class >= 0 && r->class < PROBE_CLASS_N && r->clock >= 0 &&
		   r->clock < PROBE_CLOCK_N);
	FUZZ_CHECK(r->path >= 0 && r->path < PROBE_PATH_N && r->kind >= 0 &&
		   r->kind < PROBE_KIND_N);
	/* Answered, but not measured: the delay that was told is impossible. */
	FUZZ_CHECK(!r->measured || r->class == PROBE_OK || r->class == PROBE_LATE);
	FUZZ_CHECK(r->posted || !r->measured);
	if (r->measured && r->clock == PROBE_CLOCK_SW && r->t_ns[4] >= r->t_ns[1])
		FUZZ_CHECK(r->rtt_ns <= r->t_ns[4] - r->t_ns[1]);
	w.in_callback = true;
	w.results++;
	w.by_class[r->class]++;
	world_pack(r);
	w.in_callback = false;
}

static void
world_target_done(void *arg, void *target_user)
{
	struct prober_target **target = target_user;

	(void)arg;
	FUZZ_CHECK(*target);
	prober_target_remove(*target);
	*target = NULL;
}

/* Each probe is in one class of its window. */
static void
world_window(void *arg, struct prober_device *device, struct prober_target *target,
	     const struct window *window)
{
	struct interval loss;
	uint64_t sum = 0;

	(void)arg;
	(void)target;
	FUZZ_CHECK(device && window->in_flight == 0 && window->n_sizes <= WINDOW_SIZES + 1);
	for (int c = 0; c < PROBE_CLASS_N; c++)
		sum += window->by_class[c];
	FUZZ_CHECK(sum == window->due && window->posted <= window->due);
	FUZZ_CHECK(window->end_mono_ns >= window->start_mono_ns);
	window_loss(window, 0.95, &loss);
	FUZZ_CHECK(loss.low >= 0 && loss.low <= loss.high && loss.high <= 1);
}

static void
world_peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)peer_user;
	FUZZ_CHECK(from != to && to < PROBER_PEER_STATE_N);
}

/* ---- what the responder wants ---- */

static int
world_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	       struct responder_tx *tx)
{
	const struct world_session *s = NULL;
	struct wire_message m;

	(void)arg;
	FUZZ_CHECK(wire_decode(ack->payload, ack->size, &m) == 0 &&
		   (m.type == PROBE_WIRE_ACK1) == want_sent && m.type != PROBE_WIRE_PROBE);
	FUZZ_CHECK(ack->size <= PROBE_WIRE_SIZE_MIN && ack->flow_label <= 0xfffff &&
		   ack->service_level <= 15);
	for (uint32_t i = 0; i < w.n_sessions && !s; i++)
		if (w.session[i].number == m.session)
			s = &w.session[i];
	FUZZ_CHECK(s && s->open.device_user == device_user);
	FUZZ_CHECK(addr_equal(&ack->remote, &s->open.remote) &&
		   addr_equal(&ack->local, &s->open.local) && ack->qkey == s->open.qkey);
	if (want_sent)
		w.ack_cookie = ack->cookie;
	if (w.send_status < 0)
		return w.send_status;
	*tx = (struct responder_tx){.t4 = world_moment(w.now, 50), .done = w.send_done};
	return 0;
}

/* ---- packets ---- */

/* One that was made; all zero if none was. */
static const struct world_session *
world_session(struct fuzz *f)
{
	uint8_t which = fuzz_u8(f);

	return &w.session[w.n_sessions ? which % w.n_sessions : 0];
}

/* Some bytes of it bent, its end cut off or grown: in memory of its size. To be freed. */
static uint8_t *
packet_bent(struct fuzz *f, const struct wire_message *m, size_t *len)
{
	uint8_t whole[PROBE_WIRE_SIZE_MIN + UINT16_MAX], *packet;
	uint32_t bends = fuzz_below(f, 8);

	memset(whole, 0, m->length);
	wire_encode(m, whole);
	*len = m->length;
	for (uint32_t i = 0; i < bends; i++) {
		uint8_t at = fuzz_u8(f), bits = fuzz_u8(f);

		if (at == 255)
			*len = bits;
		else if (at < PROBE_WIRE_SIZE_MIN)
			whole[at] ^= bits;
	}
	packet = malloc(*len ? *len : 1);
	if (!packet)
		abort();
	memcpy(packet, whole, *len);
	return packet;
}

/* Near now, before or after; rarely anything. */
static uint64_t
world_time(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	if (how == 255)
		return fuzz_u64(f);
	return how & 1 ? w.now + fuzz_u16(f) : w.now - (uint64_t)fuzz_u16(f) * 1000;
}

/* When something arrived or left; its ticks may be anything, and so may its error. */
static struct hwclock_moment
world_when(struct fuzz *f, bool odd)
{
	struct hwclock_moment m = world_moment(world_time(f), odd ? fuzz_u64(f) : 10);

	if (odd)
		m.ticks = fuzz_u64(f);
	return m;
}

static void
world_to_prober(struct fuzz *f, const struct flight *flight, const uint8_t *packet, size_t len)
{
	uint8_t how = fuzz_u8(f);
	struct prober_rx rx = {
		.src = how & 1 ? world_addr(how >> 4) : flight->from,
		.hop_limit = (uint8_t)(64 - (how >> 4)),
		.src_qpn = how & 2 ? fuzz_u8(f) : flight->qpn,
		.payload = packet,
		.len = (uint32_t)len,
		.t5 = world_when(f, how & 4),
	};

	prober_received(w.prober, &rx, w.now);
}

static void
step_ack(struct fuzz *f)
{
	const struct flight *flight = &w.flight[fuzz_u8(f) % FLIGHTS];
	struct wire_message m = {.length = PROBE_WIRE_SIZE_MIN,
				 .seq = flight->seq,
				 .session = flight->session};
	uint8_t how = fuzz_u8(f), *packet;
	size_t len;

	m.type = how & 1 ? PROBE_WIRE_ACK2 : PROBE_WIRE_ACK1;
	if (m.type == PROBE_WIRE_ACK1) {
		m.ack1.hop_limit = how;
		m.ack1.sent_hop_limit = 64;
	}
	if (how & 32)
		m.type = PROBE_WIRE_REFUSED;
	if (m.type == PROBE_WIRE_ACK2) {
		m.ack2.delay_ns = how & 2 ? fuzz_u64(f) : fuzz_u16(f);
		m.ack2.t3_ns = how & 4 ? fuzz_u64(f) : w.now;
		m.ack2.error_ns = how & 8 ? fuzz_u32(f) : 5;
		m.ack2.clock = how >> 4 & 1;
	}
	packet = packet_bent(f, &m, &len);
	world_to_prober(f, flight, packet, len);
	free(packet);
}

static void
step_raw_to_prober(struct fuzz *f)
{
	size_t len;
	uint8_t *packet = fuzz_take(f, fuzz_u8(f), &len);

	world_to_prober(f, &w.flight[0], packet, len);
	free(packet);
}

static void
world_to_responder(struct fuzz *f, const struct world_session *s, const uint8_t *packet, size_t len)
{
	uint8_t how = fuzz_u8(f);
	struct responder_rx rx = {
		.device_user = how & 1 ? (void *)w.device[how >> 7] : s->open.device_user,
		.src = how & 2 ? world_addr(how >> 4) : s->open.remote,
		.dst = how & 4 ? world_addr(how >> 5) : s->open.local,
		.hop_limit = (uint8_t)(64 - (how >> 4)),
		.src_qpn = fuzz_u16(f),
		.payload = packet,
		.len = (uint32_t)len,
		.t3 = world_when(f, how & 8),
	};
	struct responder_stats before, after;

	responder_stats(w.responder, &before);
	responder_received(w.responder, &rx, w.now);
	responder_stats(w.responder, &after);
	FUZZ_CHECK(after.ack1 - before.ack1 <= 1 && after.ack2 - before.ack2 <= 1);
}

static void
step_probe(struct fuzz *f)
{
	const struct world_session *s = world_session(f);
	uint8_t how = fuzz_u8(f), *packet;
	struct wire_message m = {
		.type = PROBE_WIRE_PROBE,
		.length = (uint16_t)(how & 1 ? PROBE_WIRE_SIZE_MIN + fuzz_u16(f) % 4047 :
					       PROBE_WIRE_SIZE_MIN),
		.seq = fuzz_u16(f),
		.session = s->number,
		.probe = {.ack_flow_label = how & 2 ? fuzz_u32(f) : 7,
			  .ack_traffic_class = how,
			  .ack_service_level = how >> 5,
			  .back_routers = how,
			  .src_port = (uint16_t)(how << 8)},
	};
	size_t len;

	packet = packet_bent(f, &m, &len);
	world_to_responder(f, s, packet, len);
	free(packet);
}

static void
step_raw_to_responder(struct fuzz *f)
{
	size_t len;
	uint8_t *packet = fuzz_take(f, fuzz_u8(f), &len);

	world_to_responder(f, &w.session[0], packet, len);
	free(packet);
}

/* ---- what else happens ---- */

static void
world_time_out(void)
{
	for (int i = 0; i < PEERS; i++) {
		struct world_peer *peer = &w.peer[i];

		if (!peer->asked || w.now - peer->asked_ns < ANSWER_NS)
			continue;
		peer->asked = false;
		prober_resolve_silent(peer->prober, "no answer", w.now);
	}
}

static void
step_advance(struct fuzz *f)
{
	uint16_t n = fuzz_u16(f);
	uint64_t until = w.now +
			 (n & 0x8000 ? (n & 0x7fffu) * 2 * NSEC_PER_MSEC : n * 100 * NSEC_PER_USEC),
		 next;

	for (int i = 0; i < ADVANCES && (next = prober_next_ns(w.prober)) <= until; i++) {
		w.now = next > w.now ? next : w.now;
		prober_advance(w.prober, w.now);
		world_time_out();
	}
	w.now = until;
	world_time_out();
	prober_advance(w.prober, w.now);
	if (responder_next_ns(w.responder) <= w.now)
		responder_advance(w.responder, w.now);
}

static void
step_sent(struct fuzz *f)
{
	const struct flight *flight = &w.flight[fuzz_u8(f) % FLIGHTS];
	uint8_t how = fuzz_u8(f);
	uint32_t cookie = how & 1 ? fuzz_u32(f) : flight->cookie;
	struct hwclock_moment t2 = world_when(f, how & 4);

	prober_sent(w.prober, cookie, how & 2 ? -EIO : 0, &t2, w.now);
}

static void
step_resolution(struct fuzz *f)
{
	struct world_peer *peer = &w.peer[fuzz_below(f, PEERS)];
	uint8_t how = fuzz_u8(f);
	struct prober_session session = {
		.addr = world_addr(how >> 5),
		.qpn = 1 + (how & 15u),
		.incarnation = 1 + (how & 3),
		.session = 500 + (how >> 2 & 3),
		.max_size = PROBE_WIRE_SIZE_MIN + fuzz_u16(f) % 4047u,
	};

	if (!peer->prober || !peer->asked)
		return;
	peer->asked = false;
	if (how & 16) {
		prober_resolve_failed(peer->prober, "as told", w.now);
		return;
	}
	peer->session = session;
	prober_resolved(peer->prober, &session, w.now - fuzz_u8(f) * NSEC_PER_MSEC, w.now);
}

static void
step_device(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	struct prober_device *device = w.device[how % DEVICES];
	struct prober_device_info info;

	if (how & 4)
		prober_device_set_rate(device, 1 + fuzz_u16(f));
	else if (how & 2)
		prober_device_up(device, w.now);
	else
		prober_device_down(device, "as told", w.now);
	if (how & 8)
		prober_set_throttle(w.prober, how >> 4, w.now);
	if (how & 16)
		prober_set_window(w.prober, (1 + fuzz_u8(f)) * NSEC_PER_SEC, w.now);
	/* Somebody sets the clock, by up to nine hours. */
	if (how & 32)
		prober_set_wall_offset(w.prober,
				       (int64_t)(1700000000 + fuzz_u16(f)) * (int64_t)NSEC_PER_SEC,
				       w.now);
	prober_device_info(device, w.now, &info);
}

static void
world_forget_targets(const struct prober_peer *peer)
{
	for (const struct prober_target *t = NULL; (t = prober_peer_next_target(peer, t));)
		for (int i = 0; i < TARGETS; i++)
			if (w.target[i] == t)
				w.target[i] = NULL;
}

static void
step_peer(struct fuzz *f)
{
	struct world_peer *peer = &w.peer[fuzz_below(f, PEERS)];
	uint8_t how = fuzz_u8(f);

	if (!peer->prober) {
		FUZZ_CHECK(prober_peer_add(w.prober, w.device[how % DEVICES], peer, w.now,
					   &peer->prober) == 0);
		return;
	}
	switch (how % 8) {
	case 0:
		world_forget_targets(peer->prober);
		prober_peer_remove(peer->prober);
		*peer = (struct world_peer){0};
		break;
	case 1:
	case 2:
		prober_peer_renew(peer->prober, w.now);
		break;
	case 3:
	case 4:
		prober_sign_of_life(peer->prober, w.now);
		break;
	case 5:
		prober_peer_set_kind(peer->prober,
				     (enum probe_kind)fuzz_below(f, PROBE_KIND_N), w.now);
		prober_peer_set_configured(peer->prober, fuzz_below(f, 2));
		break;
	default:
		prober_path_ready(peer->prober, w.now);
	}
}

static void
step_target(struct fuzz *f)
{
	struct prober_target **target = &w.target[fuzz_below(f, TARGETS)];
	const struct world_peer *peer = &w.peer[fuzz_below(f, PEERS)];
	uint8_t how = fuzz_u8(f);
	struct prober_target_config config = {
		.kind = how % PROBE_KIND_N,
		.interval_ns = (1 + (how >> 4)) * (how & 4 ? NSEC_PER_MSEC : 100 * NSEC_PER_MSEC),
		.phase_ns = how & 8 ? PROBER_PHASE_RANDOM : 0,
		.count = fuzz_u8(f) % 16,
		.sizes = {PROBE_WIRE_SIZE_MIN, 1024, 50 + fuzz_u16(f) % 4047u},
		.n_sizes = 3,
		.flow_label = 0xabcde,
		.traffic_class = how,
		.service_level = how & 15,
	};

	if (*target && how & 1)
		prober_target_stop(*target, w.now);
	else if (*target) {
		prober_target_remove(*target);
		*target = NULL;
	} else if (peer->prober &&
		   prober_target_add(peer->prober, &config, target, w.now, target) < 0)
		FUZZ_CHECK(!"a target in its ranges can be added");
}

static void
step_session(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	struct world_session made = {
		.open = {
			.device_user = w.device[how & 1],
			.clock = &w.clock[how & 1],
			.local = world_addr(1),
			.remote = world_addr(2 + (how >> 1 & 3)),
			.incarnation = how >> 3 & 3,
			.qkey = how >> 5,
			.hostname = "fuzz",
		},
	};
	uint32_t i = 0;

	if (responder_admit(w.responder, &made.open.remote, 0, w.now) < 0 ||
	    responder_open(w.responder, &made.open, w.now, &made.number) < 0)
		return;
	/* One that it had already may have another Q_Key now. */
	while (i < w.n_sessions && w.session[i].number != made.number)
		i++;
	w.n_sessions += i == w.n_sessions;
	w.session[i] = made;
}

/* Each probe once, of ways that are known; then there is nothing left. */
static void
world_take_heard(void)
{
	struct responder_way_info way;
	uint64_t n;

	while ((n = responder_take_heard(w.responder, &way)))
		FUZZ_CHECK(n <= way.received);
}

static void
step_responder(struct fuzz *f)
{
	const struct responder_open_request *open = &world_session(f)->open;
	uint8_t how = fuzz_u8(f);
	struct responder_limits limits = {.allow = w.allow,
					  .n_allow = how >> 6,
					  .per_source = 1000,
					  .total = 50000};
	struct hwclock_moment t4;

	switch (how % 8) {
	case 0:
		responder_close_device(w.responder, w.device[how >> 7]);
		break;
	case 1:
		limits.n_allow = limits.n_allow > 2 ? 2 : limits.n_allow;
		responder_set_limits(w.responder, &limits, w.now);
		break;
	case 2:
		world_take_heard();
		break;
	case 3:
		responder_path_failed(w.responder, open->device_user, &open->local, &open->remote,
				      w.now);
		break;
	case 4:
	case 5:
		responder_path_ready(w.responder, open->device_user, &open->local, &open->remote,
				     w.now);
		break;
	default:
		t4 = world_when(f, how & 32);
		responder_sent(w.responder, how & 64 ? fuzz_u32(f) : w.ack_cookie,
			       how & 128 ? -EIO : 0, &t4, w.now);
	}
}

static void
step_network(struct fuzz *f)
{
	static const int statuses[] = {0, 0, 0, -EAGAIN, -EMSGSIZE, -ENOBUFS, -EBUSY, -ENODEV};
	uint8_t how = fuzz_u8(f);

	w.send_status = statuses[how & 7];
	w.send_done = how & 8;
	w.stamped = how & 16;
}

/* ---- the world ---- */

static void
world_check_ways(void)
{
	const struct responder_way *way = NULL;
	struct responder_stats stats;
	struct responder_way_info info;
	uint64_t n = 0, last_ns = 0, received = 0;

	while ((way = responder_way_next(w.responder, way))) {
		responder_way_info(way, &info);
		FUZZ_CHECK(info.routers_back == ROUTERS_UNKNOWN); /* all are of an older build */
		FUZZ_CHECK(info.received > 0 && info.last_ns >= last_ns);
		last_ns = info.last_ns;
		received += info.received;
		n++;
	}
	responder_stats(w.responder, &stats);
	FUZZ_CHECK(n == stats.ways && received <= stats.probes);
}

static void
world_check_target(const struct prober_target *target)
{
	struct prober_target_info info;
	struct probe_summary summary;

	prober_target_summary(target, w.now, &summary);
	prober_target_info(target, &info);
	FUZZ_CHECK(info.routers_there >= ROUTERS_UNKNOWN && info.routers_there <= ROUTERS_MAX);
	FUZZ_CHECK(info.routers_back >= ROUTERS_UNKNOWN && info.routers_back <= ROUTERS_MAX);
}

static void
world_check(void)
{
	struct prober_stats stats;
	uint64_t sum = 0;

	world_check_ways();
	prober_stats(w.prober, &stats);
	for (int c = 0; c < PROBE_CLASS_N; c++) {
		FUZZ_CHECK(stats.totals.by_class[c] >= w.by_class[c]);
		sum += stats.totals.by_class[c];
	}
	FUZZ_CHECK(stats.totals.due == sum + stats.in_flight);
	for (int i = 0; i < TARGETS; i++)
		if (w.target[i])
			world_check_target(w.target[i]);
}

static void
world_new(struct fuzz *f)
{
	static const struct prober_ops prober_ops = {
		.send = world_send,
		.resolve = world_resolve,
		.result = world_result,
		.target_done = world_target_done,
		.window = world_window,
		.peer_state = world_peer_state,
	};
	static const struct responder_ops responder_ops = {.send = world_send_ack};
	struct prober_config prober = {.ops = &prober_ops,
				       .timeout_ns = 500 * NSEC_PER_MSEC,
				       .epoch = 0xfeedface,
				       .random = 1};
	struct responder_config responder = {.ops = &responder_ops, .random = 1};
	struct responder_limits limits = {.allow = w.allow,
					  .n_allow = 1,
					  .per_source = 1000,
					  .total = 50000};

	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	memset(&w, 0, sizeof(w));
	w.now = 100 * NSEC_PER_SEC;
	step_network(f);
	FUZZ_CHECK(prober_new(&prober, &w.prober) == 0 &&
		   responder_new(&responder, &w.responder) == 0);
	FUZZ_CHECK(addr_net_parse("10.0.0.0/8", &w.allow[0]) == 0 &&
		   addr_net_parse("192.168.0.0/16", &w.allow[1]) == 0);
	responder_set_limits(w.responder, &limits, w.now);
	for (int i = 0; i < DEVICES; i++) {
		/* The second one wraps every 17 ms. */
		hwclock_init(&w.clock[i], "fuzz0", NULL);
		FUZZ_CHECK(hwclock_set(&w.clock[i], NSEC_PER_MSEC, i ? 0xffffff : UINT64_MAX) == 0);
		FUZZ_CHECK(prober_device_add(w.prober, 10000, &w.device[i]) == 0);
		prober_device_set_clock(w.device[i], &w.clock[i]);
		prober_device_up(w.device[i], w.now);
	}
	for (int i = 0; i < PEERS; i++)
		FUZZ_CHECK(prober_peer_add(w.prober, w.device[i % DEVICES], &w.peer[i], w.now,
					   &w.peer[i].prober) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(struct fuzz * f) = {
		step_advance,
		step_ack,
		step_probe,
		step_raw_to_prober,
		step_raw_to_responder,
		step_sent,
		step_resolution,
		step_device,
		step_peer,
		step_target,
		step_session,
		step_responder,
		step_network,
	};
	struct fuzz f = {data, size};

	record_checked = true;
	world_new(&f);
	for (int i = 0; f.left && i < STEPS; i++) {
		steps[fuzz_u8(&f) % (sizeof(steps) / sizeof(steps[0]))](&f);
		world_check();
	}
	prober_free(w.prober);
	responder_free(w.responder);
	return 0;
}
