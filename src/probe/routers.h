/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number of routers on a way, from the hop limits at which its messages arrive
 * (PROBE_WIRE_HOP_LIMIT). It is known once ROUTERS_SURE messages in a row show the same number, and
 * unknown again after a message that shows another one: routes change, and some fabrics spread a
 * stream over ways of different lengths. Pure.
 */
#ifndef RPINGMESH_PROBE_ROUTERS_H
#define RPINGMESH_PROBE_ROUTERS_H

#include <stdint.h>

#define ROUTERS_UNKNOWN (-1)
#define ROUTERS_MAX 30 /* more make no sense: the message was not sent with our hop limit */
#define ROUTERS_SURE 3

/* All zero: no message has been seen. */
struct routers {
	uint8_t hop_limit; /* of the last message; 0: unknown */
	uint8_t same;      /* messages in a row that had it, at most ROUTERS_SURE */
};

/* hop_limit: of a message that has arrived; 0: the other side did not report it. */
void routers_saw(struct routers *routers, uint8_t hop_limit);
/* 0 to ROUTERS_MAX, or ROUTERS_UNKNOWN. */
int routers_number(const struct routers *routers);
/* The hop limit at which messages arrive, or 0 while the number is unknown. */
uint8_t routers_hop_limit(const struct routers *routers);
/* The number that such a hop limit means, or ROUTERS_UNKNOWN. */
int routers_of_hop_limit(uint8_t hop_limit);

#endif
