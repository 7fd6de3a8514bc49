/* SPDX-License-Identifier: Apache-2.0 */
/* check with --central: rpingmesh-central lets the hosts probe each other. */
#ifndef RPINGMESH_CTL_CMD_CHECK_CENTRAL_H
#define RPINGMESH_CTL_CMD_CHECK_CENTRAL_H

#include <stddef.h>

struct client;
struct ctl;

#define CHECK_CENTRAL_HOSTS 64u
#define CHECK_CENTRAL_COUNT 100u

struct check_central {
	const struct ctl *ctl;
	struct client *client;
	char *const *hosts;
	size_t n;
	unsigned long long count;
};

/* Waits until it is done, and prints a line for each host. Returns the exit code. */
int check_central(const struct check_central *c);

#endif
