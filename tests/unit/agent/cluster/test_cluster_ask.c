/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent takes of what is asked in the name of central. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_ask.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/asked.h"
#include "agent/road/road.h"
#include "core/clock.h"
#include "core/udp_port.h"
#include "hops/hops.h"

#define WALL_NS (1000 * NSEC_PER_SEC)

static struct self self = {.hostname = "host.a"};
static struct cluster_ask *ask;
static struct cluster_ask_status status;
static struct config config;
static struct addr_net allowed;
static uint64_t now_ns;
static unsigned int n_added, n_traced, n_cleared;
static struct asked_want last;
static uint32_t last_max;
static int add_rc, trace_rc;

/* ---- the rest of the agent ---- */

uint64_t __wrap_clock_wall_ns(void);
uint64_t __wrap_clock_mono_ns(void);
struct nic *__wrap_nics_find_local(const struct nics *nics, const struct addr *addr);
struct device *__wrap_nic_device(const struct nic *nic);
const struct device_gid *__wrap_device_find_gid(const struct device *device,
						const struct addr *addr);
int __wrap_asked_new(struct loop *loop, struct peers *peers, struct asked **out);
void __wrap_asked_free(struct asked *asked);
int __wrap_asked_add(struct asked *asked, const struct asked_want *want, uint32_t max_per_s);
void __wrap_asked_clear(struct asked *asked);
uint32_t __wrap_asked_count(const struct asked *asked);
int __wrap_roads_ask(struct roads *roads, const struct hops_tuple *tuple);

uint64_t
__wrap_clock_wall_ns(void)
{
	return WALL_NS + now_ns;
}

uint64_t
__wrap_clock_mono_ns(void)
{
	return now_ns;
}

static bool
is(const struct addr *addr, const char *text)
{
	char own[ADDR_TEXT];

	return strcmp(addr_text(addr, own), text) == 0;
}

struct nic *
__wrap_nics_find_local(const struct nics *nics, const struct addr *addr)
{
	(void)nics;
	return is(addr, "10.0.0.1") || is(addr, "fd00::1") ? (struct nic *)(void *)&self : NULL;
}

struct device *
__wrap_nic_device(const struct nic *nic)
{
	return (struct device *)(uintptr_t)nic;
}

const struct device_gid *
__wrap_device_find_gid(const struct device *device, const struct addr *addr)
{
	static const struct device_gid gid;

	(void)device;
	(void)addr;
	return &gid;
}

int
__wrap_asked_new(struct loop *loop, struct peers *peers, struct asked **out)
{
	(void)loop;
	(void)peers;
	*out = NULL;
	return 0;
}

void
__wrap_asked_free(struct asked *asked)
{
	(void)asked;
}

int
__wrap_asked_add(struct asked *asked, const struct asked_want *want, uint32_t max_per_s)
{
	(void)asked;
	if (add_rc == 0)
		n_added++;
	last = *want;
	last_max = max_per_s;
	return add_rc;
}

void
__wrap_asked_clear(struct asked *asked)
{
	(void)asked;
	n_cleared++;
}

uint32_t
__wrap_asked_count(const struct asked *asked)
{
	(void)asked;
	return n_added;
}

int
__wrap_roads_ask(struct roads *roads, const struct hops_tuple *tuple)
{
	(void)roads;
	assert_int_equal(tuple->src_port, 50000);
	n_traced += trace_rc == 0;
	return trace_rc;
}

/* ---- asks ---- */

static struct ask message;

static struct ask_tuple
tuple(const char *source, const char *destination)
{
	struct ask_tuple t = {.src_port = 50000, .traffic_class = 106};

	assert_int_equal(addr_parse(source, &t.source), 0);
	assert_int_equal(addr_parse(destination, &t.destination), 0);
	return t;
}

static void
probe(const char *source, const char *destination)
{
	message.probes[message.n_probes++] = (struct ask_probe){
		tuple(source, destination), 200 * NSEC_PER_MSEC};
}

static void
trace(const char *destination)
{
	message.traces[message.n_traces++] = tuple("10.0.0.1", destination);
}

static void
hear(bool retained)
{
	msgpack_sbuffer out;
	msgpack_packer pk;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	ask_pack(&pk, &message);
	cluster_ask_heard(ask, out.data, out.size, retained);
	msgpack_sbuffer_destroy(&out);
	cluster_ask_status(ask, &status);
}

static int
begin(void **state)
{
	const struct cluster_ask_env env = {.self = &self,
					    .roads = (struct roads *)(void *)&self};

	(void)state;
	now_ns = NSEC_PER_SEC;
	n_added = n_traced = n_cleared = 0;
	add_rc = trace_rc = 0;
	message = (struct ask){.host = "host.a", .made_ns = WALL_NS,
			       .until_ns = WALL_NS + 31 * NSEC_PER_SEC};
	assert_int_equal(addr_net_parse("10.0.0.0/24", &allowed), 0);
	config.max_probes_per_s = 150;
	config.cluster.allow = &allowed;
	config.cluster.n_allow = 1;
	assert_int_equal(cluster_ask_new(&env, &ask), 0);
	cluster_ask_configure(ask, &config);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	cluster_ask_free(ask);
	return 0;
}

/* ---- tests ---- */

static void
test_taken(void **state)
{
	(void)state;
	probe("10.0.0.1", "10.0.0.2");
	trace("10.0.9.9");
	hear(false);
	assert_int_equal(n_added, 1);
	assert_int_equal(n_traced, 1);
	assert_true(is(&last.source, "10.0.0.1"));
	assert_true(is(&last.destination, "10.0.0.2"));
	assert_int_equal(udp_port_of_label(last.flow_label), 50000);
	assert_int_equal(last.traffic_class, 106);
	assert_int_equal(last.interval_ns, 200000000);
	/* 30 s are left of 31. */
	assert_int_equal(last.until_ns, 31 * NSEC_PER_SEC);
	assert_int_equal(last_max, 75);
	assert_int_equal(status.asks, 1);
	assert_int_equal(status.probes, 1);
	assert_int_equal(status.traces, 1);
	assert_int_equal(status.probing, 1);
	assert_string_equal(status.error, "");
	/* With another configuration or broker, nothing of it goes on. */
	assert_int_equal(n_cleared, 1);
	cluster_ask_configure(ask, &config);
	cluster_ask_forget(ask);
	assert_int_equal(n_cleared, 3);
}

/* 0x2aaaa folds to 0xc000 + (0x2aaa ^ 0xa): the label of a stream counts, if it gives the port. */
static void
test_label(void **state)
{
	(void)state;
	assert_int_equal(addr_net_parse("fd00::/64", &allowed), 0);
	probe("fd00::1", "fd00::2");
	message.probes[0].tuple.src_port = 0xeaa0;
	message.probes[0].tuple.flow_label = 0x2aaaa;
	hear(false);
	assert_int_equal(n_added, 1);
	assert_int_equal(last.flow_label, 0x2aaaa);
	message.probes[0].tuple.flow_label = 0x2aaab;
	hear(false);
	assert_int_equal(n_added, 2);
	assert_int_equal(udp_port_of_label(last.flow_label), 0xeaa0);
	message.probes[0].tuple.flow_label = 0;
	hear(false);
	assert_int_equal(n_added, 3);
	assert_int_equal(udp_port_of_label(last.flow_label), 0xeaa0);
}

static void
test_refused_entries(void **state)
{
	(void)state;
	probe("10.0.0.1", "10.0.1.2"); /* outside */
	probe("10.0.0.3", "10.0.0.2"); /* the port of others */
	probe("10.0.0.1", "10.0.0.1"); /* this host */
	probe("10.0.0.1", "10.0.0.2");
	message.probes[3].tuple.src_port = 1024; /* which no RoCE packet has */
	hear(false);
	assert_int_equal(n_added, 0);
	assert_int_equal(status.asks, 0);
	assert_int_equal(status.refused_allow, 1);
	assert_int_equal(status.refused_port, 2);
	assert_int_equal(status.refused_own, 1);
	message.n_probes = 0;
	probe("10.0.0.1", "10.0.0.2");
	trace("10.0.0.2");
	trace_rc = -ENOENT;
	add_rc = -EDQUOT;
	hear(false);
	add_rc = -ENOSPC;
	hear(false);
	trace_rc = -EALREADY;
	add_rc = -ENOMEM;
	hear(false);
	assert_int_equal(status.refused_budget, 1);
	assert_int_equal(status.refused_room, 2);
	assert_int_equal(status.refused_path, 2);
	assert_int_equal(status.traces, 1);
	assert_int_equal(status.probes, 0);
}

static void
test_refused_asks(void **state)
{
	static const char text[] = "probe everything";

	(void)state;
	probe("10.0.0.1", "10.0.0.2");
	trace("10.0.0.2");
	hear(true);
	assert_int_equal(status.late, 1);
	assert_string_equal(status.error, "it was retained");
	message.until_ns = WALL_NS + NSEC_PER_SEC; /* which is now */
	hear(false);
	assert_int_equal(status.late, 2);
	assert_string_equal(status.error, "its time is over, or the clocks differ");
	message.made_ns = WALL_NS + 62 * NSEC_PER_SEC;
	message.until_ns = message.made_ns + 1;
	hear(false);
	assert_int_equal(status.late, 3);
	message.until_ns = message.made_ns + 61 * NSEC_PER_SEC;
	hear(false);
	assert_int_equal(status.malformed, 1);
	assert_string_equal(status.error, "until_ns is not within 60 s after made_ns");
	message.made_ns = WALL_NS;
	message.until_ns = WALL_NS + 31 * NSEC_PER_SEC;
	strcpy(message.host, "host.b");
	hear(false);
	assert_int_equal(status.foreign, 1);
	cluster_ask_heard(ask, text, sizeof(text), false);
	cluster_ask_too_long(ask);
	cluster_ask_status(ask, &status);
	assert_int_equal(status.malformed, 3);
	assert_int_equal(status.asks, 0);
	assert_int_equal(n_added, 0);
	assert_int_equal(n_traced, 0);
}

/* A flood: 256 entries at once, and 20 in each second after that. */
static void
test_often(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++) {
		probe("10.0.0.1", "10.0.0.2");
		trace("10.0.0.2");
	}
	for (int i = 0; i < 100; i++)
		hear(false);
	assert_int_equal(n_added + n_traced, 256);
	assert_int_equal(status.often, 100 * 128 - 256);
	now_ns += NSEC_PER_SEC;
	hear(false);
	assert_int_equal(n_added + n_traced, 276);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, begin, end),
		cmocka_unit_test_setup_teardown(test_label, begin, end),
		cmocka_unit_test_setup_teardown(test_refused_entries, begin, end),
		cmocka_unit_test_setup_teardown(test_refused_asks, begin, end),
		cmocka_unit_test_setup_teardown(test_often, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
