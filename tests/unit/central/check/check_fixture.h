/* SPDX-License-Identifier: Apache-2.0 */
/* A check of hosts that register with a port each, by its own address. */
#ifndef RPINGMESH_TESTS_CHECK_FIXTURE_H
#define RPINGMESH_TESTS_CHECK_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "central/check/checks_impl.h"

#define FIXTURE_HOSTS 4

struct fixture {
	struct registration_port ports[FIXTURE_HOSTS][2];
	struct registration hosts[FIXTURE_HOSTS];
	struct check *check;
	char error[CHECKS_ERROR];
};

/* n hosts "a", "b" and so on; the addresses 10.0.0.1, 10.0.0.2 and so on. */
static inline void
fixture_begin(struct fixture *f, size_t n, uint32_t count)
{
	*f = (struct fixture){.check = calloc(1, sizeof(struct check) +
						 n * sizeof(struct check_member))};
	assert_non_null(f->check);
	f->check->n_members = n;
	f->check->count = count;
	for (size_t i = 0; i < n; i++) {
		struct registration_port *port = &f->ports[i][0];
		char text[16];

		snprintf(text, sizeof(text), "10.0.0.%zu", i + 1);
		*port = (struct registration_port){.device = "mlx5_0", .port = 1, .n_addrs = 1,
						   .out_per_s = 1000, .in_per_s = 1000};
		addr_parse(text, &port->addrs[0]);
		f->hosts[i] = (struct registration){.ports = f->ports[i], .n_ports = 1};
		snprintf(f->check->members[i].asked, sizeof(f->check->members[i].asked), "%c",
			 (char)('a' + i));
		snprintf(f->check->members[i].name, sizeof(f->check->members[i].name), "%c",
			 (char)('a' + i));
		f->check->members[i].ports = &f->hosts[i];
	}
}

static inline int
fixture_plan(struct fixture *f, uint64_t now_ns)
{
	f->check->made_ns = now_ns;
	for (size_t i = 0; i < f->check->n_members; i++)
		f->check->members[i].any_port = f->ports[i][0].src_ports != 0;
	return check_plan(f->check, 1, f->error);
}

static inline void
fixture_end(struct fixture *f)
{
	free(f->check->tuples);
	free(f->check);
}

#endif
