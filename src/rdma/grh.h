/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPINGMESH_RDMA_GRH_H
#define RPINGMESH_RDMA_GRH_H

#include <stdint.h>

#include "core/addr.h"

/*
 * Reads source, destination and hop limit (IPv4: TTL) from the first 40 bytes of a UD receive
 * buffer. With RoCE v2 these are an IPv6 header, or 20 undefined bytes and an IPv4 header
 * (InfiniBand Architecture, Annex A17.4.5.2). An IPv4 header is recognised by its checksum. Returns
 * 0, or -EBADMSG if it is neither of the two.
 */
int grh_parse(const uint8_t grh[40], struct addr *src, struct addr *dst, uint8_t *hop_limit);

#endif
