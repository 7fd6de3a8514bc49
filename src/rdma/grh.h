/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPINGMESH_RDMA_GRH_H
#define RPINGMESH_RDMA_GRH_H

#include <stdint.h>

#include "core/addr.h"

/*
 * Source and destination out of the 40 bytes that a UD receive buffer starts with. With RoCE v2
 * these are an IPv6 header, or 20 undefined bytes and an IPv4 header (InfiniBand Architecture,
 * Annex A17.4.5.2); an IPv4 header is recognised by its checksum. 0, or -EBADMSG when they are
 * neither.
 */
int grh_parse(const uint8_t grh[40], struct addr *src, struct addr *dst);

#endif
