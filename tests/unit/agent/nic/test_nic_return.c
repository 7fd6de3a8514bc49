/* SPDX-License-Identifier: Apache-2.0 */
/* Paths back to addresses that requests claim: how many there are, and which ones go. */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loop.h"
#include "probe/responder.h"
#include "probe/wire.h"
#include "rdma/endpoint.h"
#include "rdma/path.h"
#include "rdma/sidr.h"

#define ROOM 8192

/* What the nic has around it. Requests and paths are counted, and known by their number. */
struct path {
	struct path_config config;
	bool fresh, resolving, freed;
};
struct sidr_request {
	enum { OPEN, ANSWERED, DROPPED } state;
	enum probe_wire_status status;
};

static struct {
	struct path path[ROOM];
	struct sidr_request request[ROOM];
	size_t n_paths, n_requests, alive;
	struct nics nics;
	struct nic *nic;
	struct config config;
	struct self self;
} world;

int
path_new(const struct path_config *config, struct path **out)
{
	assert_true(world.n_paths < ROOM);
	*out = &world.path[world.n_paths++];
	**out = (struct path){.config = *config};
	world.alive++;
	return 0;
}

void
path_free(struct path *path)
{
	assert_false(path->freed);
	path->freed = true;
	world.alive--;
}

int
path_verify(struct path *path)
{
	path->resolving = true;
	return 0;
}

bool
path_is_fresh(const struct path *path, uint64_t now_ns)
{
	(void)now_ns;
	return path->fresh;
}

int
path_get_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class, uint8_t service_level,
	    uint64_t now_ns, struct path_ah **out)
{
	(void)flow_label;
	(void)traffic_class;
	(void)service_level;
	(void)now_ns;
	*out = NULL;
	return path->fresh ? 0 : -EAGAIN;
}

uint8_t
path_ah_hop_limit(const struct path_ah *ah)
{
	(void)ah;
	return 64;
}

int
sidr_answer(struct sidr_request *request, uint32_t qpn, const uint8_t *data, size_t len)
{
	struct wire_reply reply;

	(void)qpn;
	assert_int_equal(request->state, OPEN);
	assert_int_equal(wire_decode_reply(data, len, &reply), 0);
	request->state = ANSWERED;
	request->status = reply.status;
	return 0;
}

void
sidr_drop(struct sidr_request *request)
{
	assert_int_equal(request->state, OPEN);
	request->state = DROPPED;
}

uint32_t
endpoint_qpn(const struct endpoint *ep)
{
	(void)ep;
	return 17;
}

int
endpoint_send(struct endpoint *ep, const struct endpoint_send *send, struct endpoint_tx *tx)
{
	(void)ep;
	(void)send;
	*tx = (struct endpoint_tx){.done = true};
	return 0;
}

uint32_t
device_get_mtu(const struct device *device)
{
	(void)device;
	return 4096;
}

void
pump_soon(struct pump *pump)
{
	(void)pump;
}

static void
world_sign(void *arg, struct nic *nic, const struct addr *remote)
{
	(void)arg;
	(void)nic;
	(void)remote;
}

static int
world_send(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	   struct responder_tx *tx)
{
	(void)arg;
	(void)device_user;
	(void)ack;
	(void)want_sent;
	(void)tx;
	return -ENODEV;
}

static struct addr
nth(uint32_t i)
{
	struct addr a;

	assert_int_equal(addr_parse("10.0.0.0", &a), 0);
	a.raw[13] = (uint8_t)(i >> 16);
	a.raw[14] = (uint8_t)(i >> 8);
	a.raw[15] = (uint8_t)i;
	return a;
}

static int
world_begin(void **state)
{
	static const struct nics_ops ops = {.sign_of_life = world_sign};
	static const struct responder_ops responder_ops = {.send = world_send};
	static struct addr_net allow;
	const struct responder_config config = {.ops = &responder_ops, .random = 1};
	const struct responder_limits limits = {.allow = &allow, .n_allow = 1, .per_source = 100,
						.total = 1000};

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(addr_net_parse("10.0.0.0/8", &allow), 0);
	assert_int_equal(loop_new(&world.nics.env.loop), 0);
	assert_int_equal(responder_new(&config, &world.nics.env.responder), 0);
	responder_set_limits(world.nics.env.responder, &limits, 0);
	world.nics.env.ops = &ops;
	world.nics.env.self = &world.self;
	world.nics.config = &world.config;
	world.nic = calloc(1, sizeof(*world.nic));
	assert_non_null(world.nic);
	world.nic->nics = &world.nics;
	world.nic->device = (struct device *)(void *)&world;
	world.nic->responder_ep = (struct endpoint *)(void *)&world;
	TAILQ_INIT(&world.nic->unproven);
	return 0;
}

static int
world_end(void **state)
{
	(void)state;
	nic_return_drop_paths(world.nic);
	assert_int_equal(world.alive, 0);
	for (size_t i = 0; i < world.n_requests; i++)
		assert_int_not_equal(world.request[i].state, OPEN);
	responder_free(world.nics.env.responder);
	loop_free(world.nics.env.loop);
	free(world.nic);
	return 0;
}

/* A request comes that claims this address. */
static struct sidr_request *
ask(uint32_t i)
{
	const struct wire_request wire = {.versions = WIRE_VERSIONS,
					  .incarnation = 1,
					  .nonce = 1,
					  .hostname = "n"};
	uint8_t data[PROBE_WIRE_REQUEST_FULL];
	struct sidr_request *request = &world.request[world.n_requests++];
	struct sidr_request_info info = {.local = nth(1), .remote = nth(i), .data = data};

	assert_true(world.n_requests < ROOM);
	info.len = wire_encode_request(&wire, data);
	nic_return_requested(world.nic, request, &info);
	return request;
}

/* The newest path is resolved, or cannot be. */
static void
resolve(struct path *path, int status)
{
	assert_true(path->resolving);
	path->resolving = false;
	path->fresh = status == 0;
	path->config.ops->resolved(path->config.arg, path, status);
}

/* The host at this address has a session that is proven, and an ACK is sent to it. */
static struct path *
proven(uint32_t i)
{
	struct responder_ack ack = {.local = nth(1), .remote = nth(i), .size = 50, .proven = true};
	struct sidr_request *request = ask(i);
	struct path *path = &world.path[world.n_paths - 1];
	struct responder_tx tx;

	resolve(path, 0);
	assert_int_equal(request->state, ANSWERED);
	assert_int_equal(nics_send_ack(NULL, world.nic, &ack, true, &tx), 0);
	return path;
}

/* Of those that only claimed an address, a thousand are kept; those that have proven it, all. */
static void
test_unproven(void **state)
{
	struct path *honest[10];

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		honest[i] = proven(2 + i);
	for (uint32_t i = 0; i < 4000; i++) {
		struct sidr_request *request = ask(1000 + i);

		assert_int_equal(request->state, OPEN);
		resolve(&world.path[world.n_paths - 1], 0);
		assert_int_equal(request->state, ANSWERED);
		assert_int_equal(request->status, PROBE_WIRE_ACCEPTED);
		assert_true(world.alive <= 10 + 1024);
	}
	assert_int_equal(world.alive, 10 + 1024);
	for (uint32_t i = 0; i < 10; i++)
		assert_false(honest[i]->freed);
	/* Nobody claims any more. */
	nic_return_prune(world.nic, clock_mono_ns() + 61 * NSEC_PER_SEC);
	assert_int_equal(world.alive, 10);
}

/*
 * Claims that do not resolve: 64 are in progress. More are refused, end none of those, and take no
 * path from others. When one is over, the next one is tried.
 */
static void
test_claims(void **state)
{
	struct sidr_request *first[64];
	struct path *kept;

	(void)state;
	kept = proven(2);
	for (uint32_t i = 0; i < 900; i++) {
		ask(1000 + i);
		resolve(&world.path[world.n_paths - 1], 0);
	}
	for (uint32_t i = 0; i < 64; i++)
		first[i] = ask(5000 + i);
	for (uint32_t i = 0; i < 3000; i++) {
		struct sidr_request *request = ask(10000 + i);

		assert_int_equal(request->state, ANSWERED);
		assert_int_equal(request->status, PROBE_WIRE_BUSY);
		assert_int_equal(world.alive, 1 + 900 + 64);
	}
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(first[i]->state, OPEN);
	assert_false(kept->freed);
	resolve(&world.path[1 + 900], -EHOSTUNREACH);
	assert_int_equal(first[0]->status, PROBE_WIRE_NO_ROUTE);
	assert_int_equal(ask(20000)->state, OPEN);
	/* A host that is known waits behind no claim. */
	kept->fresh = false;
	assert_int_equal(ask(2)->state, OPEN);
	assert_true(kept->resolving);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unproven, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_claims, world_begin, world_end),
	};

	return cmocka_run_group_tests_name("nic_return", tests, NULL, NULL);
}
