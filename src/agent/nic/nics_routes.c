/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nics routes
 *
 * A netlink socket on which the kernel reports changes of addresses, routes and rules
 * (rtnetlink(7)). The contents of the messages are not used. Without it, peers keep their source
 * addresses until a nic changes.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define NICS_ROUTES_READS 32 /* in one callback */

/* ENOBUFS means that there were too many changes, so it is a change as well. */
static void
nics_routes_changed(void *arg, int events)
{
	struct nics *nics = arg;
	char message[8192];

	(void)events;
	for (int i = 0; i < NICS_ROUTES_READS; i++)
		if (recv(nics->routes_fd, message, sizeof(message), MSG_TRUNC) < 0 &&
		    errno != ENOBUFS && errno != EINTR)
			break;
	nics->env.ops->routes_changed(nics->env.arg);
}

static int
nics_routes_open(struct nics *nics)
{
	const struct sockaddr_nl to = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
			     1u << (RTNLGRP_IPV6_RULE - 1),
	};
	struct loop_fd_config watch = {
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "routes",
		.cb = nics_routes_changed,
		.arg = nics,
	};

	nics->routes_fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (nics->routes_fd < 0 ||
	    bind(nics->routes_fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	watch.fd = nics->routes_fd;
	return loop_fd_new(nics->env.loop, &watch, &nics->routes);
}

void
nics_routes_start(struct nics *nics)
{
	int rc = nics_routes_open(nics);

	if (rc < 0)
		log_warning(DEVICE, "changes of addresses and routes go unnoticed: no netlink: %s",
			    strerror(-rc));
}

void
nics_routes_stop(struct nics *nics)
{
	loop_fd_free(nics->routes);
	if (nics->routes_fd >= 0)
		close(nics->routes_fd);
}
