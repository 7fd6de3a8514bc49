/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/routers.h"

#include "rpingmesh/probe_wire.h"

void
routers_saw(struct routers *routers, uint8_t hop_limit)
{
	if (hop_limit != routers->hop_limit)
		*routers = (struct routers){.hop_limit = hop_limit};
	if (routers->same < ROUTERS_SURE)
		routers->same++;
}

int
routers_of_hop_limit(uint8_t hop_limit)
{
	if (hop_limit > PROBE_WIRE_HOP_LIMIT || hop_limit < PROBE_WIRE_HOP_LIMIT - ROUTERS_MAX)
		return ROUTERS_UNKNOWN;
	return (int)PROBE_WIRE_HOP_LIMIT - hop_limit;
}

int
routers_number(const struct routers *routers)
{
	return routers->same < ROUTERS_SURE ? ROUTERS_UNKNOWN :
					      routers_of_hop_limit(routers->hop_limit);
}

uint8_t
routers_hop_limit(const struct routers *routers)
{
	return routers_number(routers) == ROUTERS_UNKNOWN ? 0 : routers->hop_limit;
}
