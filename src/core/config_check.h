/* SPDX-License-Identifier: Apache-2.0 */
/* What strings of the configuration may look like. Internal to the configuration; pure. */
#ifndef RPINGMESH_CORE_CONFIG_CHECK_H
#define RPINGMESH_CORE_CONFIG_CHECK_H

#include <stdbool.h>

#include "core/addr.h"

/* RFC 1123 section 2.1: letters, digits, '-', '.', at most 253; the last label is not a number. */
bool conf_check_hostname(const char *text);

/* An RDMA device name: printable, no blanks, '/' or pattern characters. */
bool conf_check_device(const char *text);

/* The same as a pattern of fnmatch(3), with its brackets closed. */
bool conf_check_pattern(const char *text);

/* An absolute path that is not a directory's ("…/"). */
bool conf_check_path(const char *text);

/* A group name as groupadd(8) takes it. */
bool conf_check_group(const char *text);

/* Printable ASCII. */
bool conf_check_printable(const char *text);

/* "a.b.c.d:port" or "[IPv6]:port", port 1 to 65535. */
bool conf_check_listen(const char *text);

/* Not the unspecified address, not 0.0.0.0/8, no multicast, no broadcast. */
bool conf_check_unicast(const struct addr *a);

#endif
