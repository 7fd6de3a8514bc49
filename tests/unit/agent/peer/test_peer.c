/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer was told once, and the world changes: its name's address, its source. */
#include "peer_fake.h"

#include "probe/wire.h"

static char node7[] = "node7";

/* The peer answers the question over SIDR as a daemon on this host. */
static void
answer_of(const struct sidr_question *question, const char *hostname, uint64_t incarnation)
{
	struct wire_reply reply = {.status = PROBE_WIRE_ACCEPTED,
				   .version = PROBE_WIRE_HIGHEST,
				   .versions = WIRE_VERSIONS,
				   .qpn = 17,
				   .incarnation = incarnation,
				   .session = 1,
				   .max_size = 4096};
	uint8_t buf[256];
	struct sidr_answer answer = {.step = SIDR_STEP_REPLY, .data = buf};

	snprintf(reply.hostname, sizeof(reply.hostname), "%s", hostname);
	answer.len = wire_encode_reply(&reply, buf);
	question->answered(question->arg, &answer);
}

static void
answer_as(const char *hostname)
{
	answer_of(&fake.question, hostname, 1);
}

static void
assert_remote(const struct peer *peer, const char *expected)
{
	struct peer_info info;
	char text[ADDR_TEXT];

	peer_info(peer, &info);
	assert_non_null(info.remote);
	assert_string_equal(addr_text(info.remote, text), expected);
	assert_string_equal(addr_text(&fake.question.remote, text), expected);
}

static const struct peer *
named(void)
{
	const struct peer *peer = fake_peer(node7);

	fake_name_is("10.0.1.7");
	fake_pass(1);
	assert_remote(peer, "10.0.1.7");
	return peer;
}

static const struct peer *
up(void)
{
	const struct peer *peer = named();

	answer_as("node7");
	assert_true(peer_is_up(peer));
	/* What was asked while it was not up. */
	fake_pass(50);
	fake_name_is("10.0.1.7");
	assert_true(peer_is_up(peer));
	fake.asked = 0;
	return peer;
}

static void
test_file_changes(void **state)
{
	const struct peer *peer = up();
	struct prober_peer_info prober;
	struct peer_info info;

	(void)state;
	fake_pass(100);
	assert_int_equal(fake.asked, 0);
	fake.files++;
	fake_pass(15);
	assert_int_equal(fake.asked, 1);
	fake_name_is("10.0.1.8");
	fake_pass(1);
	assert_remote(peer, "10.0.1.8");
	peer_info(peer, &info);
	assert_null(info.hostname);
	prober_peer_info(info.prober, &prober);
	assert_false(prober.has_session);
	assert_int_equal(prober.state, PROBER_PEER_RESOLVING);
}

static void
test_not_up(void **state)
{
	const struct peer *peer = named();

	(void)state;
	fake_pass(50);
	assert_int_equal(fake.asked, 2);
	fake_name_is("10.0.1.7");
	fake_pass(50);
	assert_int_equal(fake.asked, 3);
	fake_name_is("10.0.2.7");
	fake_pass(1);
	assert_remote(peer, "10.0.2.7");
}

static void
test_up(void **state)
{
	(void)state;
	up();
	fake_pass(220);
	assert_int_equal(fake.asked, 0);
	fake_pass(240);
	assert_int_equal(fake.asked, 1);
}

static void
test_not_found_later(void **state)
{
	const struct peer *peer = up();

	(void)state;
	fake.files++;
	fake_pass(15);
	fake_name_is(NULL);
	fake_pass(1);
	assert_true(peer_is_up(peer));
	assert_remote(peer, "10.0.1.7");
}

static void
test_not_found_at_first(void **state)
{
	const struct peer *peer = fake_peer(node7);
	const char *reason;

	(void)state;
	fake_name_is(NULL);
	assert_string_equal(peer_state(peer, &reason), "no_name");
	fake_pass(10);
	assert_int_equal(fake.asked, 2);
	/* It is not said that it is being named: that would be news, each time. */
	assert_string_equal(peer_state(peer, &reason), "no_name");
	fake_name_is("10.0.1.7");
	fake_pass(1);
	assert_remote(peer, "10.0.1.7");
}

static void
test_numeric(void **state)
{
	static char address[] = "10.0.1.7";

	(void)state;
	fake_peer(address);
	fake.files++;
	fake_pass(400);
	assert_int_equal(fake.asked, 0);
}

static void
test_reload(void **state)
{
	(void)state;
	up();
	assert_int_equal(peers_configure(fake.peers, &fake.config), 0);
	fake_pass(5);
	assert_int_equal(fake.asked, 1);
}

static void
test_other_host(void **state)
{
	const struct peer *peer = up();
	struct peer_info info;

	(void)state;
	fake_pass(100);
	assert_int_equal(fake.asked, 0);
	answer_as("node9");
	fake_pass(15);
	assert_int_equal(fake.asked, 1);
	peer_info(peer, &info);
	assert_string_equal(info.hostname, "node9");
}

/* ---- where from ---- */

static void
assert_source(const struct peer *peer, const char *nic, const char *local)
{
	struct peer_info info;
	char text[ADDR_TEXT];

	peer_info(peer, &info);
	assert_non_null(info.nic);
	assert_string_equal(nic_name(info.nic), nic);
	assert_string_equal(addr_text(&info.local, text), local);
}

/* The second rail appears, with this address. */
static void
rail1(const char *address)
{
	fake.nics[1].name = "rail1";
	fake.nics[1].open = true;
	fake_gid(&fake.nics[1], address);
	peers_nic_event(fake.peers, &fake.nics[1], NIC_CHANGED);
}

static void
routed_by(size_t nic)
{
	fake.routed = fake.nics[nic].gids[0].addr;
	peers_review_soon(fake.peers);
}

static void
down(size_t nic, const char *reason)
{
	fake.nics[nic].down = reason;
	fake.nics[nic].down_ns = fake.now_ns;
}

static void
test_nearer_rail_later(void **state)
{
	static char address[] = "10.0.2.7";
	const struct peer *peer = fake_peer(address);

	(void)state;
	fake.routed = (struct addr){{0}};
	assert_source(peer, "rail0", "10.0.1.1");
	rail1("10.0.2.1");
	fake_pass(10);
	assert_source(peer, "rail1", "10.0.2.1");
}

static void
test_route_later(void **state)
{
	static char address[] = "192.0.2.7";
	const struct peer *peer;

	(void)state;
	rail1("10.0.2.1");
	peer = fake_peer(address);
	assert_source(peer, "rail0", "10.0.1.1");
	fake_pass(10);
	assert_source(peer, "rail0", "10.0.1.1");
	routed_by(1);
	fake_pass(15);
	assert_source(peer, "rail1", "10.0.2.1");
}

static void
test_address_returns(void **state)
{
	static char address[] = "10.0.1.7";
	const struct peer *peer;
	struct nic *nic = &fake.nics[0];

	(void)state;
	fake.routed = (struct addr){{0}};
	fake_gid(nic, "10.0.9.1");
	peer = fake_peer(address);
	assert_source(peer, "rail0", "10.0.1.1");
	nic->n_gids = 0;
	fake_gid(nic, "10.0.9.1");
	peers_nic_event(fake.peers, nic, NIC_CHANGED);
	assert_source(peer, "rail0", "10.0.9.1");
	fake_gid(nic, "10.0.1.1");
	peers_nic_event(fake.peers, nic, NIC_CHANGED);
	fake_pass(15);
	assert_source(peer, "rail0", "10.0.1.1");
}

static uint16_t
longest(void)
{
	fake_pass(2);
	fake.longest = 0;
	fake_pass(3);
	return fake.longest;
}

/* InfiniBand Architecture, Annex A17: IP and 32 bytes are around a message. */
static void
test_route_mtu(void **state)
{
	static char six[] = "fd00::7";

	(void)state;
	fake.route_mtu = 2000;
	up();
	assert_true(addr_equal(&fake.bound, &fake.nics[0].gids[0].addr));
	assert_int_equal(longest(), 2000 - 20 - 32);
	fake.route_mtu = 1502; /* whole words */
	fake_pass(30);
	assert_int_equal(longest(), 2000 - 20 - 32);
	peers_review_soon(fake.peers);
	fake_pass(15);
	assert_int_equal(longest(), 1500 - 20 - 32);
	fake.route_mtu = 0;
	peers_review_soon(fake.peers);
	fake_pass(15);
	assert_int_equal(longest(), 4096);
	fake.nics[0].n_gids = 0;
	fake_gid(&fake.nics[0], "fd00::1");
	fake.routed = fake.nics[0].gids[0].addr;
	fake.route_mtu = 1500;
	fake_peer(six);
	fake_pass(1);
	answer_as("node7");
	assert_int_equal(longest(), 1500 - 40 - 32);
}

/* A cable that is pulled is to be seen, not to be evaded. */
static void
test_link_down_stays(void **state)
{
	static char address[] = "10.0.1.7";
	const struct peer *peer = fake_peer(address);

	(void)state;
	rail1("10.0.2.1");
	down(0, "port is down");
	routed_by(1);
	fake_pass(100);
	assert_source(peer, "rail0", "10.0.1.1");
}

/* An address that has gone to another nic for good; for a moment it may be away. */
static void
test_address_moves(void **state)
{
	static char address[] = "10.0.1.7";
	const struct peer *peer = fake_peer(address);

	(void)state;
	down(0, "no address");
	fake.nics[0].n_gids = 0;
	peers_nic_event(fake.peers, &fake.nics[0], NIC_CHANGED);
	rail1("10.0.1.1");
	routed_by(1);
	fake_pass(25);
	assert_source(peer, "rail0", "10.0.1.1");
	fake_pass(20);
	assert_source(peer, "rail1", "10.0.1.1");
}

/* A peer that was up is not shown so while its port cannot send. */
static void
test_port_down(void **state)
{
	const struct peer *peer = up();
	const char *reason;

	(void)state;
	assert_string_equal(peer_state(peer, &reason), "up");
	down(0, "port is down");
	assert_string_equal(peer_state(peer, &reason), "unprobed");
	assert_string_equal(reason, "port is down");
	fake.nics[0].down = NULL;
	assert_string_equal(peer_state(peer, &reason), "up");
}

/* Two peers that have answered as daemons on these hosts. */
static void
two_peers(const struct peer **a, const struct peer **b, const char *host, uint64_t incarnation)
{
	static char addresses[2][16] = {"10.0.1.7", "10.0.1.8"};
	static struct config_peer entries[2];
	static uint32_t sizes[] = {50}, labels[] = {0};

	for (size_t i = 0; i < 2; i++)
		entries[i] = (struct config_peer){.address = addresses[i], .interval_ms = 1000,
						  .sizes = sizes, .n_sizes = 1,
						  .flow_labels = labels, .n_flow_labels = 1};
	fake.config.peers = entries;
	fake.config.n_peers = 2;
	assert_int_equal(peers_configure(fake.peers, &fake.config), 0);
	*a = peers_next(fake.peers, NULL);
	*b = peers_next(fake.peers, *a);
	prober_advance(fake.prober, fake.now_ns);
	assert_int_equal(fake.questions, 2);
	answer_of(&fake.asked_before, "node7", 1);
	answer_of(&fake.question, host, incarnation);
}

static const char *
namesake(const struct peer *peer)
{
	struct peer_info info;

	peer_info(peer, &info);
	return info.namesake;
}

/* Two machines from one image: said of both, but only when it cannot be a restart any more. */
static void
test_namesakes(void **state)
{
	const struct peer *a, *b;

	(void)state;
	two_peers(&a, &b, "node7", 2);
	fake_pass(290);
	assert_null(namesake(a));
	fake_pass(20);
	assert_string_equal(namesake(a), "10.0.1.8");
	assert_string_equal(namesake(b), "10.0.1.7");
	/* One of them gets another name. */
	answer_of(&fake.question, "node8", 2);
	assert_null(namesake(a));
	assert_null(namesake(b));
}

/* Two addresses of one host, and two hosts. */
static void
test_no_namesakes(void **state)
{
	const struct peer *a, *b;

	two_peers(&a, &b, "node7", 1);
	fake_pass(600);
	assert_null(namesake(a));
	assert_null(namesake(b));
	fake_end(state);
	fake_begin(state);
	two_peers(&a, &b, "node8", 2);
	fake_pass(600);
	assert_null(namesake(a));
	assert_null(namesake(b));
}

/* A peer has the name of this host. */
static void
test_namesake_of_ours(void **state)
{
	const struct peer *a, *b;

	(void)state;
	snprintf(fake.self.hostname, sizeof(fake.self.hostname), "node7");
	fake.self.incarnation = 99;
	two_peers(&a, &b, "node8", 2);
	fake_pass(310);
	assert_string_equal(namesake(a), "this host");
	assert_null(namesake(b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_changes, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_not_up, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_up, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_not_found_later, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_not_found_at_first, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_numeric, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_reload, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_other_host, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_port_down, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_nearer_rail_later, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_route_later, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_address_returns, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_route_mtu, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_link_down_stays, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_address_moves, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_namesakes, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_no_namesakes, fake_begin, fake_end),
		cmocka_unit_test_setup_teardown(test_namesake_of_ours, fake_begin, fake_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
