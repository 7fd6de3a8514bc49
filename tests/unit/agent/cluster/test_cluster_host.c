/* SPDX-License-Identifier: Apache-2.0 */
/* What a host registers, as central reads it: ports whose addresses the test gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_host.h"
#include "agent/cluster/uplinks.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "core/addr.h"
#include "core/loop.h"
#include "record/registration.h"

struct device {
	const char *texts[3]; /* the first is the main address */
	struct device_gid gids[3];
	size_t n;
};

struct nic {
	const char *name;
	struct device *device;
};

static struct device devices[] = {
	{.texts = {"10.0.0.1", "fe80::1", "fd00::1"}},
	{.texts = {"fe80::2"}},
	{.texts = {NULL}},
	{.texts = {"fd00::3", "fe80::3"}},
};
static struct nic nics[] = {
	{"mlx5_0", &devices[0]},
	{"mlx5_1", &devices[1]},
	{"mlx5_2", &devices[2]},
	{"mlx5_3", &devices[3]},
};
static size_t first, end; /* of these */
static const struct self self = {.hostname = "host.a", .incarnation = 7};

struct nic *__wrap_nics_next(const struct nics *all, const struct nic *nic);
struct device *__wrap_nic_device(const struct nic *nic);
const char *__wrap_nic_name(const struct nic *nic);
uint8_t __wrap_nic_port(const struct nic *nic);
void __wrap_nic_info(const struct nic *nic, struct nic_info *out);
bool __wrap_device_has_address(const struct device *device);
const struct device_gid *__wrap_device_primary_gid(const struct device *device);
const struct device_gid *__wrap_device_gids(const struct device *device, size_t *n);
uint32_t __wrap_device_get_mtu(const struct device *device);

struct nic *
__wrap_nics_next(const struct nics *all, const struct nic *nic)
{
	size_t at = nic ? (size_t)(nic - nics) + 1 : first;

	(void)all;
	return at < end ? &nics[at] : NULL;
}

struct device *
__wrap_nic_device(const struct nic *nic)
{
	return nic->device;
}

const char *
__wrap_nic_name(const struct nic *nic)
{
	return nic->name;
}

uint8_t
__wrap_nic_port(const struct nic *nic)
{
	(void)nic;
	return 1;
}

void
__wrap_nic_info(const struct nic *nic, struct nic_info *out)
{
	static const struct nic_clock clock;

	(void)nic;
	*out = (struct nic_info){.clock = &clock};
}

bool
__wrap_device_has_address(const struct device *device)
{
	for (size_t i = 0; i < device->n; i++)
		if (strncmp(device->texts[i], "fe80:", 5) != 0)
			return true;
	return false;
}

const struct device_gid *
__wrap_device_gids(const struct device *device, size_t *n)
{
	*n = device->n;
	return device->gids;
}

const struct device_gid *
__wrap_device_primary_gid(const struct device *device)
{
	return device->n ? device->gids : NULL;
}

uint32_t
__wrap_device_get_mtu(const struct device *device)
{
	(void)device;
	return 4096;
}

static int
parse(void **state)
{
	(void)state;
	for (struct device *d = devices; d < devices + 4; d++)
		for (; d->n < 3 && d->texts[d->n]; d->n++)
			if (addr_parse(d->texts[d->n], &d->gids[d->n].addr) < 0)
				return -1;
	return 0;
}

static struct uplinks *
uplinks_of(struct loop **loop)
{
	struct uplinks_env env = {0};
	struct uplinks *uplinks;

	assert_int_equal(loop_new(loop), 0);
	env.loop = *loop;
	assert_int_equal(uplinks_new(&env, &uplinks), 0);
	return uplinks;
}

/* Central takes the host: of its ports those that others can probe. */
static void
test_link_local(void **state)
{
	struct config *config;
	struct loop *loop;
	struct uplinks *uplinks = uplinks_of(&loop);
	struct registration *r, *read = NULL;
	char error[REGISTRATION_ERROR] = "", text[ADDR_TEXT];
	msgpack_sbuffer packed;
	msgpack_packer pk;

	(void)state;
	first = 0;
	end = 4;
	assert_int_equal(config_parse("", "test", &config, &(struct conf_errors){0}), 0);
	r = cluster_host(NULL, &self, uplinks, config);
	assert_non_null(r);
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	registration_pack(&pk, r);
	registration_unpack(packed.data, packed.size, &read, error);
	assert_string_equal(error, "");
	assert_int_equal(read->n_ports, 2);
	assert_string_equal(read->ports[0].device, "mlx5_0");
	assert_int_equal(read->ports[0].n_addrs, 2);
	assert_string_equal(addr_text(&read->ports[0].addrs[1], text), "fd00::1");
	assert_string_equal(read->ports[1].device, "mlx5_3");
	assert_int_equal(read->ports[1].n_addrs, 1);
	msgpack_sbuffer_destroy(&packed);
	registration_free(r);
	registration_free(read);
	config_free(config);
	uplinks_free(uplinks);
	loop_free(loop);
}

/* Nobody needs the ToR switch of a port that others cannot probe. */
static void
test_link_local_uplink(void **state)
{
	struct loop *loop;
	struct uplinks *uplinks = uplinks_of(&loop);

	(void)state;
	first = 1;
	end = 3;
	assert_true(uplinks_look(uplinks, NULL, ""));
	uplinks_free(uplinks);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_link_local_uplink),
	};

	return cmocka_run_group_tests(tests, parse, NULL);
}
