/* SPDX-License-Identifier: Apache-2.0 */
/* The registration of a host without ports at mosquitto(8), as a second client sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bus/broker_fixture.h"
#include "agent/base/self.h"
#include "agent/cluster/cluster.h"
#include "agent/config/config.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"
#include "record/drain.h"
#include "record/registration.h"

#define GIVE_UP_S 30
#define TOPIC "rpingmesh/1/host/host%2Ea"

static struct loop *loop;
static struct names *names;
static struct loop_timer *timer;
static struct cluster *cluster;
static struct config *config;
static struct bus *watcher;
static struct self self = {.hostname = "host.a", .incarnation = 7};
static uint16_t port;

static char topic[64];
static struct registration *seen;
static unsigned int n_seen, n_cleared, n_leaving;

struct nic *__wrap_nics_next(const struct nics *nics, const struct nic *nic);

struct nic *
__wrap_nics_next(const struct nics *nics, const struct nic *nic)
{
	(void)nics;
	(void)nic;
	return NULL;
}

static void
on_message(void *user, const char *where, const void *payload, size_t size, bool retained)
{
	char error[REGISTRATION_ERROR];

	(void)user;
	(void)retained;
	n_cleared += size == 0;
	if (size == 0)
		return;
	snprintf(topic, sizeof(topic), "%s", where);
	registration_free(seen);
	seen = NULL;
	n_seen += registration_unpack(payload, size, &seen, error) == 0;
	n_leaving += seen && seen->leaving;
}

/* ---- waiting ---- */

static bool (*wanted)(void);
static uint64_t until_ns;

static void
look(void *arg)
{
	(void)arg;
	if (wanted() || clock_mono_ns() > until_ns)
		loop_stop(loop);
	else
		loop_timer_set(timer, 5 * NSEC_PER_MSEC);
}

static bool
wait_until(bool (*fn)(void))
{
	wanted = fn;
	until_ns = clock_mono_ns() + GIVE_UP_S * NSEC_PER_SEC;
	loop_timer_set(timer, 0);
	loop_run(loop);
	return fn();
}

static bool
watches(void)
{
	struct bus_status status;

	bus_status(watcher, &status);
	return status.state == BUS_CONNECTED;
}

static bool
is_registered(void)
{
	return n_seen > 0;
}

static bool
has_heard_central(void)
{
	struct cluster_status status;

	return cluster_status(cluster, &status) && status.list.heard;
}

static bool
is_cleared(void)
{
	return n_cleared > 0;
}

static bool
is_renamed(void)
{
	return n_seen > 0 && n_cleared > 0;
}

/* A sign of life of a central. */
static void
beat(void)
{
	const struct central_beat b = {.host = "c", .version = "1", .incarnation = 1,
				       .time_ns = 1};
	msgpack_sbuffer out;
	msgpack_packer pk;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	central_beat_pack(&pk, &b);
	assert_int_equal(bus_publish(watcher, "rpingmesh/1/central/c", out.data, out.size, 1), 0);
	msgpack_sbuffer_destroy(&out);
}

static bool
is_at_fault(void)
{
	struct cluster_status status;

	return cluster_status(cluster, &status) && status.fault;
}

static struct config *
parsed(const char *more)
{
	struct conf_errors errors;
	struct config *out = NULL;
	char text[256];

	snprintf(text, sizeof(text),
		 "cluster = { broker = \"mqtt://127.0.0.1:%u\"; directory = \"\"; %s };", port,
		 more);
	assert_int_equal(config_parse(text, "test", &out, &errors), 0);
	return out;
}

static int
setup(void **state)
{
	static const struct bus_ops ops = {.message = on_message};
	struct cluster_env env = {.self = &self};
	struct bus_config bus = {BUS_CONFIG_DEFAULTS, .client_id = "watcher"};
	char url[64];

	(void)state;
	if (!broker_program())
		return 0;
	port = broker_port();
	broker_start(port, "allow_anonymous true");
	if (loop_new(&loop) < 0 || names_new(loop, &names) < 0 ||
	    loop_timer_new(loop, "look", look, NULL, &timer) < 0)
		return -1;
	snprintf(url, sizeof(url), "mqtt://127.0.0.1:%u", port);
	bus.broker = url;
	n_seen = n_cleared = n_leaving = 0;
	env.loop = loop;
	env.names = names;
	if (bus_new(loop, names, &bus, &ops, NULL, &watcher) < 0 ||
	    bus_subscribe(watcher, "rpingmesh/1/host/+", 1) < 0)
		return -1;
	return wait_until(watches) ? cluster_new(&env, &cluster) : -1;
}

static int
teardown(void **state)
{
	(void)state;
	if (!broker_program())
		return 0;
	cluster_free(cluster);
	config_free(config);
	bus_free(watcher, false);
	registration_free(seen);
	seen = NULL;
	loop_timer_free(timer);
	names_free(names);
	loop_free(loop);
	broker_kill();
	return 0;
}

static void
begin(const char *more)
{
	if (!broker_program()) {
		print_message("mosquitto is missing: contrib/setup installs it\n");
		skip();
	}
	config = parsed(more);
	assert_int_equal(cluster_configure(cluster, config), 0);
	assert_true(wait_until(is_registered));
}

static void
test_registered(void **state)
{
	struct cluster_status status;

	(void)state;
	begin("labels = (\"rack=12\", \"row=b=c\");");
	assert_string_equal(topic, TOPIC);
	assert_string_equal(seen->host, "host.a");
	assert_int_equal(seen->incarnation, 7);
	assert_false(seen->leaving);
	assert_int_equal(seen->n_ports, 0);
	assert_int_equal(seen->n_labels, 2);
	assert_string_equal(seen->labels[0].name, "rack");
	assert_string_equal(seen->labels[0].value, "12");
	assert_string_equal(seen->labels[1].name, "row");
	assert_string_equal(seen->labels[1].value, "b=c");
	assert_true(cluster_status(cluster, &status));
	assert_string_equal(status.topic, TOPIC);
	assert_int_equal(status.changes, 1);
}

/* Whoever clears or replaces the registration, with however much: it comes back. */
static void
test_foreign(void **state)
{
	static const size_t sizes[] = {4, 0, 1 << 20};
	static char junk[1 << 20];
	struct cluster_status status;

	(void)state;
	begin("");
	for (int i = 0; i < 3; i++) {
		n_seen = 0;
		assert_int_equal(bus_set(watcher, TOPIC, junk, sizes[i]), 0);
		assert_true(wait_until(is_registered));
		assert_string_equal(seen->host, "host.a");
	}
	cluster_status(cluster, &status);
	assert_int_equal(status.foreign, 3);
	assert_int_equal(status.changes, 1);
}

/* A host of another name has another topic, and the old one is cleared. */
static void
test_renamed(void **state)
{
	(void)state;
	begin("");
	n_seen = 0;
	strcpy(self.hostname, "b");
	cluster_look(cluster);
	assert_true(wait_until(is_renamed));
	strcpy(self.hostname, "host.a");
	assert_string_equal(topic, "rpingmesh/1/host/b");
	assert_string_equal(seen->host, "b");
	assert_int_equal(n_leaving, 0);
}

static char said[400];

static void
hear(void *arg, enum degraded_reason reason, const char *text)
{
	(void)arg;
	(void)reason;
	snprintf(said, sizeof(said), "%s", text);
}

/* What central refuses, the host itself says, and no longer than it lasts. */
static void
test_fault(void **state)
{
	(void)state;
	begin("");
	said[0] = '\0';
	cluster_degraded(cluster, hear, NULL);
	assert_null(strstr(said, "central refuses"));
	strcpy(self.hostname, "a\tb");
	cluster_look(cluster);
	assert_true(wait_until(is_cleared)); /* the one of the name before */
	assert_true(wait_until(is_at_fault));
	cluster_degraded(cluster, hear, NULL);
	assert_non_null(strstr(said, "central refuses this host's registration: host is"));
	strcpy(self.hostname, "host.a");
	n_seen = 0;
	cluster_look(cluster);
	assert_true(wait_until(is_registered));
	said[0] = '\0';
	cluster_degraded(cluster, hear, NULL);
	assert_null(strstr(said, "central refuses"));
}

static void
test_reconfigured(void **state)
{
	struct config *old;
	struct cluster_status status;

	(void)state;
	begin("");
	n_seen = 0;
	old = config;
	config = parsed("labels = (\"a=b\");");
	assert_int_equal(cluster_configure(cluster, config), 0);
	config_free(old);
	assert_true(wait_until(is_registered));
	assert_int_equal(seen->n_labels, 1);
	cluster_status(cluster, &status);
	assert_int_equal(status.bus.connects, 1);
	old = config;
	assert_int_equal(config_parse("", "test", &config, &(struct conf_errors){0}), 0);
	assert_int_equal(cluster_configure(cluster, config), 0);
	config_free(old);
	assert_false(cluster_status(cluster, &status));
	assert_true(wait_until(is_cleared));
}

/* What is known of one cluster is forgotten in another; the registration there ends. */
static void
test_other_prefix(void **state)
{
	struct config *old;

	(void)state;
	begin("");
	beat();
	assert_true(wait_until(has_heard_central));
	old = config;
	config = parsed("prefix = \"other/1\";");
	assert_int_equal(cluster_configure(cluster, config), 0);
	config_free(old);
	assert_false(has_heard_central());
	assert_true(wait_until(is_cleared));
	assert_int_equal(n_leaving, 0);
}

static void
test_leaves(void **state)
{
	(void)state;
	begin("");
	cluster_free(cluster);
	cluster = NULL;
	assert_true(wait_until(is_cleared));
	assert_int_equal(n_leaving, 1);
}

#define cluster_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cluster_test(test_registered), cluster_test(test_foreign),
		cluster_test(test_renamed),    cluster_test(test_reconfigured),
		cluster_test(test_leaves),     cluster_test(test_other_prefix),
		cluster_test(test_fault),
	};
	int rc;

	broker_directory();
	rc = cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
	broker_directory_end();
	return rc;
}
