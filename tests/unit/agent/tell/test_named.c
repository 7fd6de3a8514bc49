/* SPDX-License-Identifier: Apache-2.0 */
/* Names of peers, with a table of peers in place of the daemon's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/named.h"
#include "core/addr.h"
#include "serve/rpc.h"

struct nic {
	const char *name;
};
static struct nic rxe0 = {"rxe0"}, rxe1 = {"rxe1"};

struct peer {
	const char *address, *remote, *hostname;
	struct nic *nic;
	struct peer_list_as as;
	bool up, configured;
	struct addr addr;
};
static struct peer table[] = {
	{"10.0.0.1", "10.0.0.1", "gpu-7", &rxe0,
	 .as = {"gpu-7", "mlx5_0", "leaf", false}, .up = true},
	{"10.0.0.2", "10.0.0.2", "gpu-7", &rxe0,
	 .as = {"gpu-7", "mlx5_1", "leaf", false}, .up = true},
	{"10.0.0.8", "10.0.0.8", NULL, &rxe0,
	 .as = {"gpu-8", "mlx5_0", "leaf", false}},
	{"node9", "10.0.0.9", "Node9.example", &rxe0,
	 .as = {"", "", "", false}, .configured = true},
	{"node9", "10.0.0.9", "Node9.example", &rxe1,
	 .as = {"", "", "", false}, .up = true, .configured = true},
	{"gpu-7.example", "10.0.0.1", "gpu-7", &rxe1,
	 .as = {"", "", "", false}, .up = true, .configured = true},
	{"lost", NULL, NULL, NULL,
	 .as = {"", "", "", false}, .configured = true},
};
#define TABLE_N (sizeof(table) / sizeof(table[0]))

struct peer *__wrap_peers_next(const struct peers *peers, const struct peer *peer);
void __wrap_peer_info(const struct peer *peer, struct peer_info *out);
bool __wrap_peer_is_up(const struct peer *peer);
const char *__wrap_nic_name(const struct nic *nic);

struct peer *
__wrap_peers_next(const struct peers *peers, const struct peer *peer)
{
	size_t next = peer ? (size_t)(peer - table) + 1 : 0;

	(void)peers;
	return next < TABLE_N ? &table[next] : NULL;
}

void
__wrap_peer_info(const struct peer *peer, struct peer_info *out)
{
	struct peer *p = &table[peer - table];

	if (p->remote)
		assert_int_equal(addr_parse(p->remote, &p->addr), 0);
	*out = (struct peer_info){.address = p->address,
				  .hostname = p->hostname,
				  .nic = p->nic,
				  .configured = p->configured,
				  .remote = p->remote ? &p->addr : NULL,
				  .listed = p->as.host[0] ? &p->as : NULL};
}

bool
__wrap_peer_is_up(const struct peer *peer)
{
	return peer->up;
}

const char *
__wrap_nic_name(const struct nic *nic)
{
	return nic->name;
}

static const char *said;

/* The row of the table that the name means, or -errno. */
static int
find(const char *name, const char *device)
{
	static struct control_error error;
	struct named named;
	int rc;

	error = (struct control_error){.code = 0};
	rc = named_find(NULL, name, device, &named, &error);
	said = error.message;
	assert_int_equal(error.code, rc < 0 ? -rc : 0);
	return rc < 0 ? rc : (int)(named.peer - table);
}

static void
test_names(void **state)
{
	static const struct {
		const char *name, *device;
		int row;
	} cases[] = {
		{"10.0.0.2", NULL, 1},
		{"::ffff:10.0.0.2", NULL, 1},
		{"gpu-7/mlx5_0", NULL, 0},
		{"GPU-7/mlx5_1", NULL, 1},
		{"gpu-8", NULL, 2},         /* it has never answered */
		{"gpu-8/mlx5_0", NULL, 2},
		{"node9", NULL, 4},         /* the one that is up */
		{"node9", "rxe0", 3},
		{"node9.EXAMPLE", NULL, 4},
		{"gpu-7.example", NULL, 5}, /* as it is configured */
		{"10.0.0.1", NULL, 0},
		{"lost", NULL, 6},
		{"gpu-7/mlx5_0", "rxe1", -ENOENT},
		{"gpu-8", "rxe1", -ENOENT},
		{"gpu-7/mlx5_9", NULL, -ENOENT},
		{"nobody", NULL, -ENOENT},
		{"/", NULL, -ENOENT},
		{"/mlx5_0", NULL, -ENOENT},
		{"gpu-7/", NULL, -ENOENT},
		{"", NULL, -ENOENT},
		{"gpu-7", NULL, -ENOTUNIQ},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int row = find(cases[i].name, cases[i].device);

		if (row != cases[i].row)
			fail_msg("%s: %d, not %d: %s", cases[i].name, row, cases[i].row, said);
	}
}

static void
test_errors(void **state)
{
	(void)state;
	find("gpu-7", NULL);
	assert_string_equal(said, "\"gpu-7\" has several addresses; name one of them: "
				  "10.0.0.1 (gpu-7/mlx5_0), 10.0.0.2 (gpu-7/mlx5_1)");
	find("gpu-7/mlx5_9", NULL);
	assert_string_equal(said, "no peer is known as \"gpu-7/mlx5_9\"; peers of that host are "
				  "10.0.0.1 (gpu-7/mlx5_0), 10.0.0.2 (gpu-7/mlx5_1)");
	find("nobody", NULL);
	assert_string_equal(said, "there is no peer \"nobody\"");
	find("gpu-8", "rxe7");
	assert_string_equal(said, "no peer \"gpu-8\" is probed from a device \"rxe7\"");
}

static void
test_long(void **state)
{
	static char name[2000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(find(name, NULL), -ENOENT);
	name[1000] = '/';
	assert_int_equal(find(name, NULL), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
