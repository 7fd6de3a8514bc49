/* SPDX-License-Identifier: Apache-2.0 */
/* Until when an operator wants something, and who that is. */
#ifndef RPINGMESH_CTL_CMD_WHEN_H
#define RPINGMESH_CTL_CMD_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define WHEN_USER 33
/* What when_until() expects, for a complaint. */
#define WHEN_EXPECTED "90m, 2h, 3d or \"YYYY-MM-DD HH:MM\""

/* "90m", "2h", "3d" from now on, or "YYYY-MM-DD HH:MM" by the local clock. */
bool when_until(const char *text, uint64_t *out_ns);

/* Who asks: the user before sudo(8), or the user. */
void when_user(char by[WHEN_USER]);

#endif
