/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/routers.h"

void
routers_saw(struct routers *routers, uint8_t sent, uint8_t arrived)
{
	uint8_t code = 0;

	if (sent && arrived && arrived <= sent)
		code = routers_encode(sent - arrived);
	if (code != routers->code)
		*routers = (struct routers){.code = code};
	if (routers->same < ROUTERS_SURE)
		routers->same++;
}

int
routers_number(const struct routers *routers)
{
	return routers->same < ROUTERS_SURE ? ROUTERS_UNKNOWN : routers_decode(routers->code);
}

uint8_t
routers_encode(int number)
{
	return number >= 0 && number <= ROUTERS_MAX ? (uint8_t)(number + 1) : 0;
}

int
routers_decode(uint8_t code)
{
	return code <= ROUTERS_MAX + 1 ? code - 1 : ROUTERS_UNKNOWN;
}
