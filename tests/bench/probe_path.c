/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure part of a probe's way, without kernel and RNIC, for counting its instructions under
 * valgrind: the prober decides, encodes and posts, the responder answers twice, the prober judges,
 * and with -r a record of the result is packed. Time is made up. One peer, -t targets of 10 ms
 * each, -n probes in all.
 */
#include <getopt.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "record/record.h"
#include "rpingmesh/probe_wire.h"

#define QPN_PROBER 17
#define QPN_RESPONDER 18
#define WIRE_NS 5000
#define QUEUE 64

static struct {
	struct prober *prober;
	struct responder *responder;
	struct prober_peer *peer;
	struct addr here, there;
	uint64_t now, session, results, ok;
	bool resolving, records;
	uint8_t probes[QUEUE][PROBE_WIRE_SIZE_MIN], acks[QUEUE][PROBE_WIRE_SIZE_MIN];
	unsigned int n_probes, n_acks;
	msgpack_sbuffer record;
} w;

static void
check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "probe_path: %s\n", what);
	exit(1);
}

static int
send_probe(void *arg, void *user, const struct prober_packet *packet, struct prober_tx *tx,
	   const char **reason)
{
	(void)arg;
	(void)user;
	(void)reason;
	check(w.n_probes < QUEUE, "too many probes at once");
	memcpy(w.probes[w.n_probes++], packet->payload, PROBE_WIRE_SIZE_MIN);
	*tx = (struct prober_tx){.t1_ns = w.now,
				 .t2 = {.ns = w.now},
				 .done = true,
				 .src_port = 50000,
				 .path = PROBE_PATH_EXACT};
	return 0;
}

static int
send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	 struct responder_tx *tx)
{
	(void)arg;
	(void)device_user;
	(void)want_sent;
	check(w.n_acks < QUEUE, "too many ACKs at once");
	memcpy(w.acks[w.n_acks++], ack->payload, ack->size);
	*tx = (struct responder_tx){.t4 = {.ns = w.now}, .done = true};
	return 0;
}

static void
resolve(void *arg, void *user)
{
	(void)arg;
	(void)user;
	w.resolving = true;
}

static void
result(void *arg, void *user, const struct probe_result *r)
{
	const struct record_origin origin = {.host = "here", .tor = "tor", .incarnation = 1};
	const struct record_probe_context context = {.origin = &origin,
						     .device = "mlx5_0",
						     .peer = "10.0.0.2",
						     .source = &w.here,
						     .destination = &w.there,
						     .hostname = "host"};
	msgpack_packer pk;

	(void)arg;
	(void)user;
	w.results++;
	w.ok += r->class == PROBE_OK;
	if (!w.records)
		return;
	msgpack_sbuffer_clear(&w.record);
	msgpack_packer_init(&pk, &w.record, msgpack_sbuffer_write);
	record_probe(&pk, &context, r);
}

static void
ignore_target(void *arg, void *user)
{
	(void)arg;
	(void)user;
}

static void
ignore_state(void *arg, void *user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)user;
	(void)from;
	(void)to;
}

/* All that is on the wire arrives. */
static void
deliver(void)
{
	w.now += WIRE_NS;
	for (unsigned int i = 0; i < w.n_probes; i++) {
		const struct responder_rx rx = {.src = w.here,
						.dst = w.there,
						.src_qpn = QPN_PROBER,
						.payload = w.probes[i],
						.len = PROBE_WIRE_SIZE_MIN,
						.t3 = {.ns = w.now}};

		responder_received(w.responder, &rx, w.now);
	}
	w.n_probes = 0;
	w.now += WIRE_NS;
	for (unsigned int i = 0; i < w.n_acks; i++) {
		const struct prober_rx rx = {.src = w.there,
					     .src_qpn = QPN_RESPONDER,
					     .payload = w.acks[i],
					     .len = PROBE_WIRE_SIZE_MIN,
					     .t5 = {.ns = w.now}};

		prober_received(w.prober, &rx, w.now);
	}
	w.n_acks = 0;
}

static void
set_up_responder(void)
{
	static const struct responder_ops ops = {.send = send_ack};
	static struct addr_net allow;
	const struct responder_config config = {.ops = &ops, .random = 1};
	const struct responder_limits limits = {.allow = &allow,
						.n_allow = 1,
						.per_source = 1000000,
						.total = 1000000};
	struct responder_open_request request = {.incarnation = 1, .qkey = 1, .hostname = "prober"};

	check(addr_parse("10.0.0.1", &w.here) == 0 && addr_parse("10.0.0.2", &w.there) == 0,
	      "addresses");
	check(addr_net_parse("10.0.0.0/8", &allow) == 0, "network");
	request.local = w.there;
	request.remote = w.here;
	check(responder_new(&config, &w.responder) == 0, "responder_new");
	responder_set_limits(w.responder, &limits, w.now);
	check(responder_open(w.responder, &request, w.now, &w.session) == 0, "responder_open");
}

static void
set_up_prober(unsigned int targets)
{
	static const struct prober_ops ops = {.send = send_probe,
					      .resolve = resolve,
					      .result = result,
					      .target_done = ignore_target,
					      .peer_state = ignore_state};
	const struct prober_config config = {.ops = &ops,
					     .timeout_ns = 500 * NSEC_PER_MSEC,
					     .epoch = 1,
					     .random = 1};
	const struct prober_target_config target_config = {.kind = PROBE_KIND_MESH,
							   .interval_ns = 10 * NSEC_PER_MSEC,
							   .phase_ns = PROBER_PHASE_RANDOM,
							   .sizes = {PROBE_WIRE_SIZE_MIN},
							   .n_sizes = 1};
	struct prober_device *device = NULL;
	struct prober_target *target;

	check(prober_new(&config, &w.prober) == 0 &&
		      prober_device_add(w.prober, 1000000, &device) == 0,
	      "prober");
	prober_device_up(device, w.now);
	check(prober_peer_add(w.prober, device, NULL, w.now, &w.peer) == 0, "peer");
	for (unsigned int i = 0; i < targets; i++)
		check(prober_target_add(w.peer, &target_config, NULL, w.now, &target) == 0,
		      "target");
}

static void
run(uint64_t probes)
{
	const struct prober_session session = {.addr = w.there,
					       .qpn = QPN_RESPONDER,
					       .incarnation = 7,
					       .session = w.session,
					       .max_size = 4096};

	while (w.results < probes) {
		uint64_t next = prober_next_ns(w.prober);

		check(next != UINT64_MAX, "nothing is due");
		w.now = next > w.now ? next : w.now;
		prober_advance(w.prober, w.now);
		if (w.resolving) {
			w.resolving = false;
			prober_resolved(w.peer, &session, w.now, w.now);
		}
		deliver();
	}
}

int
main(int argc, char **argv)
{
	unsigned int targets = 100, probes = 10000;
	int option;

	while ((option = getopt(argc, argv, "t:n:r")) != -1) {
		switch (option) {
		case 't': targets = (unsigned int)atoi(optarg); break;
		case 'n': probes = (unsigned int)atoi(optarg); break;
		case 'r': w.records = true; break;
		default: targets = 0; break;
		}
	}
	if (targets < 1 || optind != argc) {
		fprintf(stderr, "Usage: probe_path [-t TARGETS] [-n PROBES] [-r]\n");
		return 2;
	}
	w.now = NSEC_PER_SEC;
	msgpack_sbuffer_init(&w.record);
	set_up_responder();
	set_up_prober(targets);
	run(probes);
	check(w.ok > w.results * 99 / 100, "not all probes were answered");
	prober_free(w.prober);
	responder_free(w.responder);
	msgpack_sbuffer_destroy(&w.record);
	return 0;
}
