/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number of routers on a way, from the hop limits with which its messages leave and arrive:
 * each router subtracts one. It is known once ROUTERS_SURE messages in a row show the same number,
 * and unknown again after a message that shows another one: routes change, and some fabrics spread
 * a stream over ways of different lengths. Pure.
 */
#ifndef RPINGMESH_PROBE_ROUTERS_H
#define RPINGMESH_PROBE_ROUTERS_H

#include <stdint.h>

#define ROUTERS_UNKNOWN (-1)
#define ROUTERS_MAX 30 /* more make no sense: the message was not sent with that hop limit */
#define ROUTERS_SURE 3

/* All zero: no message has been seen. */
struct routers {
	uint8_t code; /* of the last message: the number plus 1; 0: unknown */
	uint8_t same; /* messages in a row that had it, at most ROUTERS_SURE */
};

/* The hop limits with which a message has left and arrived; 0: unknown. */
void routers_saw(struct routers *routers, uint8_t sent, uint8_t arrived);
/* 0 to ROUTERS_MAX, or ROUTERS_UNKNOWN. */
int routers_number(const struct routers *routers);

/* A number as PROBE_WIRE_OFF_BACK_ROUTERS has it, and back. */
uint8_t routers_encode(int number);
int routers_decode(uint8_t code);

#endif
