/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses. A RoCE v2 GID is an IPv6 address, or an IPv4 address mapped into IPv6
 * (::ffff:a.b.c.d; InfiniBand Architecture Annex A17), so one type serves for both.
 */
#ifndef RPINGMESH_CORE_ADDR_H
#define RPINGMESH_CORE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* 16 bytes in network order, the layout of union ibv_gid and struct in6_addr. */
struct addr {
	uint8_t raw[16];
};

/* A network: an address and how many of its 128 bits count (IPv4: 96 more than written). */
struct addr_net {
	struct addr base;
	uint8_t bits;
};

/* Room for any address as text with its '\0', and for any network. */
#define ADDR_TEXT 46
#define ADDR_NET_TEXT (ADDR_TEXT + 4)

/* Numeric text only, IPv4 or IPv6. 0, or -EINVAL. */
int addr_parse(const char *text, struct addr *out);

/*
 * "10.0.0.0/8", "fd00::/16", or a single address. 0, or -EINVAL (bits beyond the mask are dropped).
 */
int addr_net_parse(const char *text, struct addr_net *out);

/* IPv4 as a dotted quad, IPv6 as RFC 5952 has it. Returns buf. */
const char *addr_text(const struct addr *a, char buf[ADDR_TEXT]);

bool addr_is_v4(const struct addr *a);
bool addr_is_zero(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* How many leading bits two addresses share, 0 to 128. */
unsigned int addr_common_bits(const struct addr *a, const struct addr *b);
/* A network has addresses of its own family only: ::/0 is all of IPv6 and none of IPv4. */
bool addr_net_has(const struct addr_net *net, const struct addr *a);

/* Port in host order. Returns the length of what was written to *ss. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss);

/* AF_INET or AF_INET6; anything else: -EAFNOSUPPORT. */
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);

#endif
