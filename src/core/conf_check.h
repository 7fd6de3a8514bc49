/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of strings in a configuration, for the tables of keys (conf.h). Pure. */
#ifndef RPINGMESH_CORE_CONF_CHECK_H
#define RPINGMESH_CORE_CONF_CHECK_H

#include <stdbool.h>

/* RFC 1123 section 2.1: letters, digits, '-', '.', at most 253; the last label is not a number. */
bool conf_check_hostname(const char *text);

/* An absolute path that does not end in '/'. */
bool conf_check_path(const char *text);

/* A group name that groupadd(8) accepts. */
bool conf_check_group(const char *text);

/* Printable ASCII. */
bool conf_check_printable(const char *text);

/* "a.b.c.d:port" or "[IPv6]:port", port 1 to 65535. */
bool conf_check_listen(const char *text);

#endif
