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

/*
 * A network: an address and the length of its prefix, 0 to 128 bits. An IPv4 network counts the 96
 * bits of the mapping, too: 10.0.0.0/8 has 104.
 */
struct addr_net {
	struct addr base;
	uint8_t bits;
};

/* Buffer sizes for any address or network as text, with its '\0'. */
#define ADDR_TEXT 46
#define ADDR_NET_TEXT (ADDR_TEXT + 4)

/* Parses a numeric address, IPv4 or IPv6; no names. Returns 0, or -EINVAL. */
int addr_parse(const char *text, struct addr *out);

/*
 * Parses "10.0.0.0/8", "fd00::/16", or a single address. Bits beyond the prefix are cleared.
 * Returns 0, or -EINVAL.
 */
int addr_net_parse(const char *text, struct addr_net *out);

/* Writes IPv4 as a dotted quad, IPv6 in the form of RFC 5952. Returns buf. */
const char *addr_text(const struct addr *a, char buf[ADDR_TEXT]);

bool addr_is_v4(const struct addr *a);
bool addr_is_zero(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* The number of leading bits that two addresses share, 0 to 128. */
unsigned int addr_common_bits(const struct addr *a, const struct addr *b);
/*
 * Whether the address is in the network. A network contains only addresses of its own family: ::/0
 * contains all of IPv6 and none of IPv4.
 */
bool addr_net_has(const struct addr_net *net, const struct addr *a);

/* The port is in host byte order. Returns the length of the address in *ss. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss);

/* Returns 0, or -EAFNOSUPPORT if the family is neither AF_INET nor AF_INET6. */
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);

#endif
