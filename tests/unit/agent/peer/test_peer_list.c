/* SPDX-License-Identifier: Apache-2.0 */
/* The pinglist and the configuration both want peers: what is probed, how often, and what stays. */
#include "peer_fake.h"

#include "core/udp_port.h"
#include "probe/wire.h"

static char theirs[] = "10.0.1.7", others[] = "10.0.1.8";

static struct peer_listed
entry(const char *address, uint64_t interval_ms)
{
	struct peer_listed e = {.nic = &fake.nics[0],
				.source = fake.nics[0].gids[0].addr,
				.host = "node7",
				.device = "mlx5_3",
				.tor = "leaf3",
				.fabric = true,
				.traffic_class = 106,
				.interval_ns = interval_ms * NSEC_PER_MSEC,
				.tuples = 1};

	assert_int_equal(addr_parse(address, &e.address), 0);
	return e;
}

static void
set_list(const struct peer_listed *entries, size_t n)
{
	peers_list_begin(fake.peers);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(peers_list_add(fake.peers, &entries[i]), 0);
	peers_list_end(fake.peers);
	peers_list_work(fake.peers);
}

static int
begin(void **state)
{
	static uint32_t sizes[] = {50, CONFIG_SIZE_MTU};
	int rc = fake_begin(state);

	fake.config.base.sizes = sizes;
	fake.config.base.n_sizes = 2;
	return rc;
}

static struct peer *
find(const char *address)
{
	struct peer_info info;

	for (struct peer *p = NULL; (p = peers_next(fake.peers, p));) {
		peer_info(p, &info);
		if (strcmp(info.address, address) == 0)
			return p;
	}
	return NULL;
}

static size_t
count(void)
{
	size_t n = 0;

	for (struct peer *p = NULL; (p = peers_next(fake.peers, p));)
		n++;
	return n;
}

static uint32_t
origins(const struct peer *peer)
{
	struct peer_info info;
	uint32_t bits = 0;

	peer_info(peer, &info);
	for (int i = 0; i < PEER_ORIGIN_N; i++)
		bits |= (uint32_t)(info.origins[i] > 0) << i;
	return bits;
}
#define FILE_ (1u << PEER_ORIGIN_FILE)
#define LIST (1u << PEER_ORIGIN_LIST)
#define PING (1u << PEER_ORIGIN_PING)

/* The streams of a peer, in the order in which they were made. */
static size_t
streams(const struct peer *peer, struct prober_target_info out[8])
{
	struct prober_target *target = NULL;
	struct peer_info info;
	size_t n = 0;

	peer_info(peer, &info);
	while (info.prober && (target = prober_peer_next_target(info.prober, target))) {
		assert_true(n < 8);
		prober_target_info(target, &out[n++]);
	}
	return n;
}

static void
test_as_listed(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info s[8];
	struct peer_info info;

	(void)state;
	e.tuples = e.n_labels = 2;
	e.labels[0] = 7;
	e.labels[1] = 0xfffff;
	set_list(&e, 1);
	assert_int_equal(count(), 1);
	assert_int_equal(origins(find(theirs)), LIST);
	peer_info(find(theirs), &info);
	assert_false(info.configured);
	assert_true(info.meshed);
	assert_string_equal(info.listed->tor, "leaf3");
	assert_string_equal(info.listed->host, "node7");
	assert_string_equal(info.listed->device, "mlx5_3");
	assert_true(info.listed->fabric);
	assert_int_equal(streams(find(theirs), s), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s[i].config.kind, PROBE_KIND_MESH);
		assert_int_equal(s[i].config.flow_label, i ? 0xfffff : 7);
		assert_int_equal(s[i].config.traffic_class, 106);
		assert_int_equal(s[i].config.interval_ns, 400000000);
		assert_int_equal(s[i].config.n_sizes, 2);
		assert_int_equal(s[i].config.sizes[1], PROBER_SIZE_MTU);
		assert_true(s[i].config.fit);
	}
	set_list(NULL, 0);
	assert_int_equal(count(), 0);
}

/* A stream that stays goes on: it is the same one. Its interval may change meanwhile. */
static void
test_only_what_differs(void **state)
{
	struct peer_listed e[2] = {entry(theirs, 400), entry(others, 400)};
	struct prober_target_info was[8], is[8];

	(void)state;
	set_list(e, 2);
	streams(find(theirs), was);
	e[0].interval_ns = 2 * e[0].interval_ns;
	e[1] = e[0];
	e[1].traffic_class = 0;
	set_list(e, 2);
	assert_int_equal(count(), 1);
	assert_int_equal(streams(find(theirs), is), 2);
	assert_ptr_equal(is[0].user, was[0].user);
	assert_int_equal(is[0].config.interval_ns, 800000000);
	assert_int_equal(is[1].config.traffic_class, 0);
	set_list(&e[1], 1);
	assert_int_equal(streams(find(theirs), is), 1);
	assert_int_equal(is[0].config.traffic_class, 0);
}

static void
test_slow(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info was[8], is[8];

	(void)state;
	set_list(&e, 1);
	streams(find(theirs), was);
	peers_list_slow(fake.peers, 10);
	peers_list_follow(fake.peers);
	streams(find(theirs), is);
	assert_ptr_equal(is[0].user, was[0].user);
	assert_int_equal(is[0].config.interval_ns, 4000000000);
	/* A list that comes meanwhile is slow as well. */
	e.interval_ns = NSEC_PER_SEC;
	set_list(&e, 1);
	streams(find(theirs), is);
	assert_int_equal(is[0].config.interval_ns, 10 * NSEC_PER_SEC);
	peers_list_slow(fake.peers, 1);
	peers_list_follow(fake.peers);
	streams(find(theirs), is);
	assert_int_equal(is[0].config.interval_ns, NSEC_PER_SEC);
}

/* The file has a peer on the same path: one peer, probed as the file says; each may go first. */
static void
test_file_wins(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info s[8];
	const struct peer *peer = fake_peer(theirs);

	(void)state;
	set_list(&e, 1);
	assert_int_equal(count(), 1);
	assert_int_equal(origins(peer), FILE_ | LIST);
	assert_int_equal(streams(peer, s), 1);
	assert_int_equal(s[0].config.interval_ns, NSEC_PER_SEC);
	assert_int_equal(s[0].config.traffic_class, 0);
	/* A list and a reload that change nothing for it. */
	set_list(&e, 1);
	fake_peer(theirs);
	assert_int_equal(origins(peer), FILE_ | LIST);
	assert_int_equal(streams(peer, s), 1);
	/* The list leaves it: the file goes on. */
	set_list(NULL, 0);
	assert_int_equal(origins(peer), FILE_);
	assert_int_equal(streams(peer, s), 1);
	/* The file leaves it: the list goes on. */
	set_list(&e, 1);
	fake_peer(others);
	assert_int_equal(origins(find(theirs)), LIST);
	assert_int_equal(streams(find(theirs), s), 1);
	assert_int_equal(s[0].config.interval_ns, 400000000);
	set_list(NULL, 0);
	assert_null(find(theirs));
}

/* The list was first. The next application of it, which follows the file, sees the file's peer. */
static void
test_list_was_first(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info s[8];

	(void)state;
	set_list(&e, 1);
	fake_peer(theirs);
	set_list(&e, 1);
	assert_int_equal(count(), 1);
	assert_int_equal(origins(find(theirs)), FILE_ | LIST);
	assert_int_equal(streams(find(theirs), s), 1);
	assert_int_equal(s[0].config.interval_ns, NSEC_PER_SEC);
}

/* The file calls the peer by its name, which is found after the list has come. */
static void
test_file_has_a_name(void **state)
{
	static char node7[] = "node7";
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info s[8];

	(void)state;
	fake_peer(node7);
	set_list(&e, 1);
	assert_int_equal(origins(find(theirs)), LIST);
	fake_name_is(theirs);
	fake_pass(1);
	set_list(&e, 1);
	assert_int_equal(count(), 1);
	assert_int_equal(origins(find(node7)), FILE_ | LIST);
	assert_int_equal(streams(find(node7), s), 1);
	assert_int_equal(s[0].config.interval_ns, NSEC_PER_SEC);
}

/* A ping holds the peer that the list leaves; the streams of the list end all the same. */
static void
test_ping_holds(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct prober_target_info s[8];
	struct peer *peer;

	(void)state;
	set_list(&e, 1);
	peer = peers_for_ping(fake.peers, theirs, "rail0", "10.0.1.1");
	assert_ptr_equal(peer, find(theirs));
	peer_hold(peer, PEER_ORIGIN_PING);
	set_list(NULL, 0);
	assert_int_equal(origins(peer), PING);
	assert_int_equal(streams(peer, s), 0);
	/* It is in a list again, which is not in force yet, when the ping ends. */
	peers_list_begin(fake.peers);
	assert_int_equal(peers_list_add(fake.peers, &e), 0);
	peer_release(peer, PEER_ORIGIN_PING);
	peers_list_end(fake.peers);
	peers_list_work(fake.peers);
	assert_int_equal(origins(find(theirs)), LIST);
	assert_int_equal(streams(find(theirs), s), 1);
}

/* A list that is begun replaces one that has not come into force. */
static void
test_begun_again(void **state)
{
	struct peer_listed e = entry(theirs, 400), f = entry(others, 400);
	struct prober_target_info s[8];

	(void)state;
	peers_list_begin(fake.peers);
	assert_int_equal(peers_list_add(fake.peers, &e), 0);
	assert_int_equal(peers_list_add(fake.peers, &f), 0);
	set_list(&f, 1);
	assert_int_equal(count(), 1);
	assert_int_equal(streams(find(others), s), 1);
}

/* Tuples with any port: different flow labels, each with a want if QPs have one port each. */
static void
test_any_ports(void **state)
{
	struct peer_listed e[2] = {entry(theirs, 400), entry(theirs, 400)};
	struct prober_target_info s[8];

	(void)state;
	fake.nics[0].has_sources = true;
	fake.config.trace_source_qps = 16;
	e[0].tuples = 3;
	e[1].tuples = 2;
	set_list(e, 2);
	assert_int_equal(streams(find(theirs), s), 5);
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(udp_port_of_label(s[i].config.flow_label),
					     udp_port_of_label(s[j].config.flow_label));
	assert_int_equal(s[0].config.flow_label, 0);
	assert_int_equal(fake.nics[0].wants, 4);
	/* The QPs go, with all wants, and are made again. */
	peers_nic_event(fake.peers, &fake.nics[0], NIC_QUEUES_CLOSING);
	fake.nics[0].wants = 0;
	peers_nic_event(fake.peers, &fake.nics[0], NIC_QUEUES_MADE);
	peers_list_follow(fake.peers);
	assert_int_equal(fake.nics[0].wants, 4);
	set_list(e, 1);
	assert_int_equal(fake.nics[0].wants, 2);
	set_list(NULL, 0);
	assert_int_equal(fake.nics[0].wants, 0);
}

/* A stream that found no place for its port gets one when a place becomes free. */
static void
test_no_place(void **state)
{
	struct peer_listed e = entry(theirs, 400);
	struct nic *nic = &fake.nics[0];

	(void)state;
	nic->has_sources = true;
	nic->room = 1;
	e.tuples = e.n_labels = 3;
	for (uint32_t i = 0; i < 3; i++)
		e.labels[i] = 1 + i;
	set_list(&e, 1);
	assert_int_equal(nic->wants, 1);
	nic->room = 2;
	peers_nic_event(fake.peers, nic, NIC_PORT_FREE);
	peers_list_follow(fake.peers);
	assert_int_equal(nic->wants, 2);
	/* One still has none. */
	nic->room = 3;
	peers_nic_event(fake.peers, nic, NIC_PORT_FREE);
	peers_list_follow(fake.peers);
	assert_int_equal(nic->wants, 3);
	set_list(NULL, 0);
	assert_int_equal(nic->wants, 0);
}

/* Streams with any source port take turns on those that the mesh may have. */
static void
test_half_of_the_ports(void **state)
{
	struct peer_listed e[2] = {entry(theirs, 400), entry(theirs, 400)};
	struct prober_target_info s[8];

	(void)state;
	fake.nics[0].has_sources = true;
	fake.config.trace_source_qps = 4;
	e[0].tuples = e[1].tuples = 4;
	set_list(e, 2);
	assert_int_equal(streams(find(theirs), s), 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(s[i].config.flow_label, i % 3);
}

/* One target that a list repeats without end. */
static void
test_too_many(void **state)
{
	struct peer_listed e = entry(theirs, 400);

	(void)state;
	e.tuples = 4;
	peers_list_begin(fake.peers);
	for (int i = 0; i < PEER_LIST_STREAMS / 4; i++)
		assert_int_equal(peers_list_add(fake.peers, &e), 0);
	assert_int_equal(peers_list_add(fake.peers, &e), -ENOSPC);
	peers_list_end(fake.peers);
}

/* Sizes come from the configuration, so a reload that changes them changes the list's streams. */
static void
test_sizes_change(void **state)
{
	static uint32_t sizes[] = {1024};
	struct peer_listed e = entry(theirs, 400);
	struct config config = fake.config;
	struct prober_target_info s[8];

	(void)state;
	set_list(&e, 1);
	config.base.sizes = sizes;
	config.base.n_sizes = 1;
	assert_int_equal(peers_configure(fake.peers, &config), 0);
	peers_list_follow(fake.peers);
	assert_int_equal(streams(find(theirs), s), 1);
	assert_int_equal(s[0].config.n_sizes, 1);
	assert_int_equal(s[0].config.sizes[0], 1024);
	assert_int_equal(s[0].config.interval_ns, 400000000);
}

#define MANY 700

/* How many peers have a stream of this interval, and of this size. */
static size_t
count_as(uint64_t interval_ns, uint16_t size)
{
	struct prober_target_info s[8];
	size_t n = 0;

	for (struct peer *p = NULL; (p = peers_next(fake.peers, p));) {
		if (streams(p, s) == 0)
			continue;
		n += s[0].config.interval_ns == interval_ns && s[0].config.sizes[0] == size;
	}
	return n;
}

/* Ends the loop when all are bound and have their streams; *arg is its timer. */
static void
stop_if_probed(void *arg)
{
	struct loop_timer **timer = arg;

	if (count_as(400000000, 50) == MANY)
		loop_stop(fake.loop);
	else
		loop_timer_set(*timer, NSEC_PER_MSEC);
}

/* At most 256 peers change in one callback, and all within six. */
static void
follow_in_steps(uint64_t interval_ns, uint16_t size)
{
	size_t before = count_as(interval_ns, size);

	assert_int_equal(before, 0);
	for (int i = 0; i < 6; i++) {
		peers_list_follow(fake.peers);
		assert_in_range(count_as(interval_ns, size) - before, 0, 256);
		before = count_as(interval_ns, size);
	}
	assert_int_equal(before, MANY);
}

static void
test_many(void **state)
{
	static struct peer_listed e[MANY];
	static uint32_t sizes[] = {1024};
	struct config config = fake.config;
	char address[ADDR_TEXT];
	struct loop_timer *timer;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", 2 + i / 250, 1 + i % 250);
		e[i] = entry(address, 400);
	}
	set_list(e, MANY);
	assert_int_equal(loop_timer_new(fake.loop, "test", stop_if_probed, &timer, &timer), 0);
	loop_timer_set(timer, 0);
	assert_int_equal(loop_run(fake.loop), 0);
	loop_timer_free(timer);
	peers_list_slow(fake.peers, 10);
	follow_in_steps(4000000000, 50);
	config.base.sizes = sizes;
	config.base.n_sizes = 1;
	assert_int_equal(peers_configure(fake.peers, &config), 0);
	follow_in_steps(4000000000, 1024);
}

#define list_test(fn) cmocka_unit_test_setup_teardown(fn, begin, fake_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		list_test(test_as_listed),  list_test(test_only_what_differs),
		list_test(test_slow),       list_test(test_file_wins),
		list_test(test_list_was_first), list_test(test_file_has_a_name),
		list_test(test_ping_holds),
		list_test(test_begun_again), list_test(test_any_ports),
		list_test(test_no_place),   list_test(test_half_of_the_ports),
		list_test(test_too_many),   list_test(test_sizes_change),
		list_test(test_many),
	};

	return cmocka_run_group_tests_name("peer_list", tests, NULL, NULL);
}
