/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that central asks for: beside those of configuration and pinglist, and bounded. */
#include "peer_fake.h"

#include "core/udp_port.h"

static char theirs[] = "10.0.1.7";

static int
begin(void **state)
{
	static uint32_t sizes[] = {50};
	int rc = fake_begin(state);

	fake.config.base.sizes = sizes;
	fake.config.base.n_sizes = 1;
	return rc ? rc : asked_new(fake.loop, fake.peers, &fake.by_ask);
}

static int
end(void **state)
{
	asked_free(fake.by_ask);
	fake.by_ask = NULL;
	assert_null(peers_next(fake.peers, NULL));
	return fake_end(state);
}

static struct asked_want
want(const char *address, uint32_t label, uint64_t interval_ms)
{
	struct asked_want w = {.nic = &fake.nics[0],
			       .source = fake.nics[0].gids[0].addr,
			       .flow_label = label,
			       .traffic_class = 106,
			       .interval_ns = interval_ms * NSEC_PER_MSEC,
			       .until_ns = fake.now_ns + 10 * NSEC_PER_SEC};

	assert_int_equal(addr_parse(address, &w.destination), 0);
	return w;
}

static void
count(const struct prober_target *target, size_t *n, size_t *asked, struct prober_target_info *last)
{
	const struct peer_stream *stream;
	struct prober_target_info info;

	prober_target_info(target, &info);
	stream = info.user;
	(*n)++;
	if (!stream->asked)
		return;
	(*asked)++;
	*last = info;
}

/* The streams of all peers; *asked: how many central has asked for. */
static size_t
streams(size_t *asked, struct prober_target_info *last)
{
	struct peer_info peer;
	size_t n = 0;

	*asked = 0;
	for (struct peer *p = NULL; (p = peers_next(fake.peers, p));) {
		const struct prober_target *target = NULL;

		peer_info(p, &peer);
		while ((target = prober_peer_next_target(peer.prober, target)))
			count(target, &n, asked, last);
	}
	return n;
}

/* It is probed as asked, until its time is over; then nothing of it remains. */
static void
test_for_a_while(void **state)
{
	struct asked_want w = want(theirs, 7, 200);
	struct prober_target_info info;
	struct peer_info peer;
	size_t asked;

	(void)state;
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	peer_info(peers_next(fake.peers, NULL), &peer);
	assert_int_equal(peer.origins[PEER_ORIGIN_ASK], 1);
	assert_false(peer.meshed);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(asked, 1);
	assert_int_equal(info.config.kind, PROBE_KIND_MESH);
	assert_int_equal(info.config.flow_label, 7);
	assert_int_equal(info.config.traffic_class, 106);
	assert_int_equal(info.config.interval_ns, 200000000);
	/* Asked again, it goes on, and ends later. */
	fake.now_ns += 9 * NSEC_PER_SEC;
	w = want(theirs, 7, 100);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	assert_int_equal(asked_count(fake.by_ask), 1);
	streams(&asked, &info);
	assert_int_equal(info.config.interval_ns, 100000000);
	fake.now_ns += 9 * NSEC_PER_SEC;
	asked_look(fake.by_ask);
	assert_int_equal(asked_count(fake.by_ask), 1);
	fake.now_ns += NSEC_PER_SEC;
	asked_look(fake.by_ask);
	assert_int_equal(asked_count(fake.by_ask), 0);
	assert_null(peers_next(fake.peers, NULL));
}

/* Two centrals ask for one 5-tuple, and only one of them knows its label. */
static void
test_label(void **state)
{
	const uint16_t port = udp_port_of_label(0x12345);
	struct asked_want known = want(theirs, 0x12345, 200);
	struct asked_want unknown = want(theirs, udp_port_label(port), 100);
	struct prober_target_info info;
	size_t asked;

	(void)state;
	assert_int_not_equal(unknown.flow_label, 0x12345);
	fake.nics[0].has_sources = true;
	assert_int_equal(asked_add(fake.by_ask, &unknown, 50), 0);
	assert_int_equal(asked_add(fake.by_ask, &known, 50), 0);
	assert_int_equal(asked_count(fake.by_ask), 1);
	assert_int_equal(fake.nics[0].wants, 1);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(info.config.flow_label, 0x12345);
	assert_int_equal(info.config.interval_ns, 200000000);
	assert_int_equal(asked_add(fake.by_ask, &unknown, 50), 0);
	assert_int_equal(asked_count(fake.by_ask), 1);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(info.config.flow_label, 0x12345);
	assert_int_equal(info.config.interval_ns, 100000000);
}

/* 10, 20 and 20 probes a second are 50; so are 40 instead of 20. */
static void
test_share(void **state)
{
	struct asked_want w = want(theirs, 1, 100);

	(void)state;
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	w = want(theirs, 2, 50);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	w = want("10.0.1.8", 2, 50);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	w = want("10.0.1.9", 2, 10000);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), -EDQUOT);
	w = want("10.0.1.8", 2, 25);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), -EDQUOT);
	assert_int_equal(asked_add(fake.by_ask, &w, 70), 0);
	assert_int_equal(asked_count(fake.by_ask), 3);
}

static void
test_room(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 65; i++) {
		struct asked_want w = want(theirs, i, 10000);

		assert_int_equal(asked_add(fake.by_ask, &w, 50), i <= 64 ? 0 : -ENOSPC);
	}
	asked_clear(fake.by_ask);
	assert_int_equal(asked_count(fake.by_ask), 0);
}

/* A reload and a pinglist change only their own streams. */
static void
test_beside_others(void **state)
{
	struct peer_listed entry = {.nic = &fake.nics[0], .source = fake.nics[0].gids[0].addr,
				    .host = "b", .device = "d", .tor = "", .tuples = 1,
				    .interval_ns = NSEC_PER_SEC};
	struct asked_want w = want(theirs, 0, 200);
	struct prober_target_info info;
	size_t asked;

	(void)state;
	w.traffic_class = 0; /* the same tuple as the others have */
	fake_peer(theirs);
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	assert_int_equal(streams(&asked, &info), 2);
	fake.config.n_peers = 0;
	assert_int_equal(peers_configure(fake.peers, &fake.config), 0);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(asked, 1);
	entry.address = w.destination;
	peers_list_begin(fake.peers);
	assert_int_equal(peers_list_add(fake.peers, &entry), 0);
	peers_list_end(fake.peers);
	peers_list_work(fake.peers);
	assert_int_equal(streams(&asked, &info), 2);
	assert_int_equal(asked, 1);
	asked_clear(fake.by_ask);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(asked, 0);
	peers_list_begin(fake.peers);
	peers_list_end(fake.peers);
	peers_list_work(fake.peers);
}

/* The device goes and comes back: so does the stream. */
static void
test_device(void **state)
{
	struct asked_want w = want(theirs, 7, 200);
	struct prober_target_info info;
	size_t asked;

	(void)state;
	fake.nics[0].has_sources = true;
	assert_int_equal(asked_add(fake.by_ask, &w, 50), 0);
	assert_int_equal(fake.nics[0].wants, 1);
	peer_unbind(peers_next(fake.peers, NULL));
	assert_int_equal(fake.nics[0].wants, 0);
	peer_bind(peers_next(fake.peers, NULL));
	asked_look(fake.by_ask);
	assert_int_equal(streams(&asked, &info), 1);
	assert_int_equal(fake.nics[0].wants, 1);
	/* All wants of ports end with the QPs. */
	asked_nic_event(fake.by_ask, &fake.nics[0], NIC_QUEUES_CLOSING);
	fake.nics[0].wants = 0;
	asked_look(fake.by_ask);
	assert_int_equal(fake.nics[0].wants, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_for_a_while, begin, end),
		cmocka_unit_test_setup_teardown(test_label, begin, end),
		cmocka_unit_test_setup_teardown(test_share, begin, end),
		cmocka_unit_test_setup_teardown(test_room, begin, end),
		cmocka_unit_test_setup_teardown(test_beside_others, begin, end),
		cmocka_unit_test_setup_teardown(test_device, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
