/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pays for what arrives. A message of another host that wakes the loop is charged to others.
 * What busy polling finds while we wait for our own ACKs is our work.
 */
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
#include "rdma/endpoint.h"
#include "rdma/sources.h"

struct endpoint {
	struct endpoint_config config;
};

static struct {
	struct nics nics;
	struct nic *nic;
	struct config config;
	struct self self;
	struct endpoint endpoint[2]; /* prober, responder */
	int n_endpoints;
	unsigned int charged, polled;
} world;

void __wrap_loop_for_others(struct loop *loop);
void
__wrap_loop_for_others(struct loop *loop)
{
	(void)loop;
	world.charged++;
}

int
endpoint_new(const struct endpoint_config *config, struct endpoint **out)
{
	assert_true(world.n_endpoints < 2);
	*out = &world.endpoint[world.n_endpoints++];
	(*out)->config = *config;
	return 0;
}

void
endpoint_free(struct endpoint *ep)
{
	(void)ep;
}

/* A probe of another host comes to this endpoint, and its ACK1 leaves. */
static void
probe_arrives(struct endpoint *ep)
{
	static const uint8_t payload[50];
	const struct endpoint_rx rx = {.payload = payload, .len = sizeof(payload)};
	const struct hwclock_moment at = {.ns = 1};

	ep->config.ops->received(ep->config.arg, &rx);
	ep->config.ops->sent(ep->config.arg, 1, 0, &at);
}

uint32_t
endpoint_poll(struct endpoint *ep, uint64_t now_ns)
{
	(void)now_ns;
	world.polled++;
	if (ep == world.nic->responder_ep)
		probe_arrives(ep);
	return ep == world.nic->prober_ep;
}

void
endpoint_stats(const struct endpoint *ep, struct endpoint_stats *out)
{
	(void)ep;
	memset(out, 0, sizeof(*out));
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
	memset(tx, 0, sizeof(*tx));
	return 0;
}

/* Nothing else of the nic is here. */

int
sources_new(const struct endpoint_config *endpoint, uint32_t max, uint32_t max_mesh,
	    struct sources **out)
{
	(void)endpoint;
	(void)max;
	(void)max_mesh;
	(void)out;
	return -ENOTSUP;
}

void
sources_free(struct sources *sources)
{
	(void)sources;
}

int
sources_want(struct sources *sources, uint16_t port, enum source_user user)
{
	(void)user;
	(void)sources;
	(void)port;
	return -ENOTSUP;
}

void
sources_unwant(struct sources *sources, uint16_t port, enum source_user user)
{
	(void)user;
	(void)sources;
	(void)port;
}

struct endpoint *
sources_get(const struct sources *sources, uint16_t port)
{
	(void)sources;
	(void)port;
	return NULL;
}

void
pump_soon(struct pump *pump)
{
	(void)pump;
}

void
pump_look(struct pump *pump, uint64_t now_ns)
{
	(void)pump;
	(void)now_ns;
}

void
nic_clock_choose(struct nic *nic)
{
	(void)nic;
}

void
nic_say(struct nic *nic, enum nic_event event)
{
	(void)nic;
	(void)event;
}

void
nic_port_queues_failed(struct nic *nic)
{
	(void)nic;
}

void
nic_return_drop_paths(struct nic *nic)
{
	(void)nic;
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

static int
world_begin(void **state)
{
	static const struct responder_ops responder_ops = {.send = world_send};
	const struct responder_config config = {.ops = &responder_ops, .random = 1};

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(responder_new(&config, &world.nics.env.responder), 0);
	world.config.busy_poll_us = 1000;
	world.nics.env.self = &world.self;
	world.nics.config = &world.config;
	world.nic = calloc(1, sizeof(*world.nic));
	assert_non_null(world.nic);
	world.nic->nics = &world.nics;
	world.nics.first = world.nic;
	assert_int_equal(nic_make_endpoints(world.nic), 0);
	return 0;
}

static int
world_end(void **state)
{
	(void)state;
	nic_free_endpoints(world.nic);
	responder_free(world.nics.env.responder);
	free(world.nic);
	return 0;
}

static void
test_woken_by_others(void **state)
{
	(void)state;
	probe_arrives(world.nic->responder_ep);
	assert_int_equal(world.charged, 2);
}

/* While we wait for the ACK of our probe. Afterwards others pay again. */
static void
test_found_by_polling(void **state)
{
	const struct endpoint_send send = {.size = 50};
	struct nic_source source;
	struct endpoint_tx tx;

	(void)state;
	nic_source(world.nic, 0, &source);
	assert_int_equal(nic_send(world.nic, &source, &send, &tx), 0);
	nics_poll(&world.nics);
	assert_int_equal(world.polled, 2 * 2); /* both queues, until both ACKs are there */
	assert_int_equal(world.charged, 0);
	probe_arrives(world.nic->responder_ep);
	assert_int_equal(world.charged, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_woken_by_others, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_found_by_polling, world_begin, world_end),
	};

	return cmocka_run_group_tests_name("nics_poll", tests, NULL, NULL);
}
