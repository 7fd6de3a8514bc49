/* SPDX-License-Identifier: Apache-2.0 */
#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* As inet_pton(3), in a third of its time: a report contains hundreds of addresses. */
static bool
addr_parse_v4(const char *text, uint8_t raw[4])
{
	for (unsigned int i = 0; i < 4; i++) {
		const char *first = text;
		unsigned int n = 0;

		while (*text >= '0' && *text <= '9' && text - first < 3)
			n = 10 * n + (unsigned int)(*text++ - '0');
		if (text == first || n > 255 || (*first == '0' && text - first > 1) ||
		    *text++ != (i < 3 ? '.' : '\0'))
			return false;
		raw[i] = (uint8_t)n;
	}
	return true;
}

int
addr_parse(const char *text, struct addr *out)
{
	struct addr a;

	memcpy(a.raw, v4_prefix, sizeof(v4_prefix));
	if (!addr_parse_v4(text, a.raw + sizeof(v4_prefix)) &&
	    inet_pton(AF_INET6, text, a.raw) != 1)
		return -EINVAL;
	*out = a;
	return 0;
}

static void
addr_mask(struct addr *a, unsigned int bits)
{
	for (unsigned int i = 0; i < sizeof(a->raw); i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			a->raw[i] &= (uint8_t)(0xff00 >> keep);
	}
}

int
addr_net_parse(const char *text, struct addr_net *out)
{
	char host[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, width;
	struct addr_net net;
	char *end;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (addr_parse(host, &net.base) < 0)
		return -EINVAL;
	width = strchr(host, ':') ? 128 : 32;
	bits = width;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > width)
			return -EINVAL;
	}
	net.bits = (uint8_t)(bits + 128 - width);
	addr_mask(&net.base, net.bits);
	*out = net;
	return 0;
}

/* Each record of a probe contains two addresses, and inet_ntop(3) takes twenty times as long. */
static void
addr_text_v4(const uint8_t *raw, char *at)
{
	for (int i = 0; i < 4; i++) {
		unsigned int n = raw[i];

		if (i > 0)
			*at++ = '.';
		if (n >= 100)
			*at++ = (char)('0' + n / 100);
		if (n >= 10)
			*at++ = (char)('0' + n / 10 % 10);
		*at++ = (char)('0' + n % 10);
	}
	*at = '\0';
}

const char *
addr_text(const struct addr *a, char buf[ADDR_TEXT])
{
	if (addr_is_v4(a))
		addr_text_v4(a->raw + sizeof(v4_prefix), buf);
	else
		inet_ntop(AF_INET6, a->raw, buf, ADDR_TEXT);
	return buf;
}

bool
addr_is_v4(const struct addr *a)
{
	return memcmp(a->raw, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool
addr_is_zero(const struct addr *a)
{
	static const struct addr zero;

	return addr_equal(a, &zero);
}

bool
addr_is_link_local(const struct addr *a)
{
	return a->raw[0] == 0xfe && (a->raw[1] & 0xc0) == 0x80;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->raw, b->raw, sizeof(a->raw)) == 0;
}

unsigned int
addr_common_bits(const struct addr *a, const struct addr *b)
{
	unsigned int bits = 0;

	while (bits < 128 && !((a->raw[bits / 8] ^ b->raw[bits / 8]) & (0x80u >> (bits % 8))))
		bits++;
	return bits;
}

bool
addr_net_has(const struct addr_net *net, const struct addr *a)
{
	struct addr masked = *a;
	bool v4 = net->bits >= 96 && addr_is_v4(&net->base);

	/* A rule that allows ::/0 must not allow IPv4, although IPv4 is mapped into IPv6. */
	if (v4 != addr_is_v4(a))
		return false;
	addr_mask(&masked, net->bits);
	return addr_equal(&masked, &net->base);
}

socklen_t
addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (addr_is_v4(a)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, a->raw + sizeof(v4_prefix), 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a->raw, sizeof(a->raw));
	return sizeof(*v6);
}

int
addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	if (sa->sa_family == AF_INET6) {
		memcpy(out->raw, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		       sizeof(out->raw));
		return 0;
	}
	if (sa->sa_family != AF_INET)
		return -EAFNOSUPPORT;
	memcpy(out->raw, v4_prefix, sizeof(v4_prefix));
	memcpy(out->raw + sizeof(v4_prefix),
	       &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	return 0;
}
