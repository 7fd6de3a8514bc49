/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of strings in the configuration. Only for this folder. Pure. */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_CHECK_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_CHECK_H

#include <stdbool.h>

/*
 * An RDMA device name: printable, no blanks, '/' or pattern characters, and not in the notation of
 * NCCL ("mlx5_0:1", "^mlx5_0").
 */
bool config_check_device(const char *text);

/* The same as a pattern of fnmatch(3), with its brackets closed. */
bool config_check_pattern(const char *text);

/*
 * A numeric unicast address: not the unspecified one, not 0.0.0.0/8, no multicast, no broadcast, no
 * loopback, and not link-local of IPv6, because daemons do not listen on that. For
 * config_check_address(), also a host name.
 */
bool config_check_source(const char *text);
bool config_check_address(const char *text);

#endif
