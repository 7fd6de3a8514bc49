/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/grh.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define GRH_IPV4 20 /* offset of an IPv4 header */

/* RFC 791: the one's complement sum over a header with its checksum is all ones. */
static bool
grh_checksum_holds(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static void
grh_map_v4(const uint8_t v4[4], struct addr *out)
{
	memset(out->raw, 0, 10);
	memset(out->raw + 10, 0xff, 2);
	memcpy(out->raw + 12, v4, 4);
}

int
grh_parse(const uint8_t grh[40], struct addr *src, struct addr *dst, uint8_t *hop_limit)
{
	const uint8_t *v4 = grh + GRH_IPV4;

	if (v4[0] == 0x45 && grh_checksum_holds(v4)) {
		grh_map_v4(v4 + 12, src);
		grh_map_v4(v4 + 16, dst);
		*hop_limit = v4[8];
		return 0;
	}
	if (grh[0] >> 4 != 6)
		return -EBADMSG;
	memcpy(src->raw, grh + 8, sizeof(src->raw));
	memcpy(dst->raw, grh + 24, sizeof(dst->raw));
	*hop_limit = grh[7];
	return 0;
}
