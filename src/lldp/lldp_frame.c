/* SPDX-License-Identifier: Apache-2.0 */
#include "lldp/lldp_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LLDP_ETHER_HEADER 14u /* two addresses and a type */
#define LLDP_ETHER_TYPE 0x88cc

/* IEEE 802.1AB-2016, 8.4: the types of TLVs, and of a chassis ID. */
enum lldp_tlv {
	LLDP_TLV_END,
	LLDP_TLV_CHASSIS,
	LLDP_TLV_PORT,
	LLDP_TLV_TTL,
	LLDP_TLV_SYSTEM_NAME = 5,
	LLDP_TLV_CAPABILITIES = 7,
};
enum lldp_chassis {
	LLDP_CHASSIS_MAC = 4,
	LLDP_CHASSIS_NETWORK = 5,
};

/* 8.5.8.1: MAC bridge, router, C-VLAN and S-VLAN component. */
#define LLDP_CAPABILITIES_SWITCH (1u << 2 | 1u << 4 | 1u << 8 | 1u << 9)

#define LLDP_FAMILY_IPV4 1 /* IANA's address family numbers */
#define LLDP_FAMILY_IPV6 2

bool
lldp_is_switch(uint32_t capabilities)
{
	return capabilities & LLDP_CAPABILITIES_SWITCH;
}

static unsigned int
lldp_frame_u16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* Copies a text; bytes that are not printable ASCII become '_'. */
static void
lldp_frame_text(char out[LLDP_NAME], const uint8_t *text, size_t len)
{
	size_t n = 0;

	for (; n < len && n < LLDP_NAME - 1 && text[n]; n++)
		out[n] = text[n] < ' ' || text[n] > '~' ? '_' : (char)text[n];
	out[n] = '\0';
}

static void
lldp_frame_address(char out[LLDP_NAME], const uint8_t *id, size_t len)
{
	if (len == 5 && id[0] == LLDP_FAMILY_IPV4)
		inet_ntop(AF_INET, id + 1, out, LLDP_NAME);
	else if (len == 17 && id[0] == LLDP_FAMILY_IPV6)
		inet_ntop(AF_INET6, id + 1, out, LLDP_NAME);
}

/* The chassis ID as text: its first byte says what it is. */
static void
lldp_frame_chassis(char out[LLDP_NAME], const uint8_t *value, size_t len)
{
	const uint8_t *id = value + 1;

	if (value[0] == LLDP_CHASSIS_MAC && len == 7)
		snprintf(out, LLDP_NAME, "%02x:%02x:%02x:%02x:%02x:%02x", id[0], id[1], id[2],
			 id[3], id[4], id[5]);
	else if (value[0] == LLDP_CHASSIS_NETWORK)
		lldp_frame_address(out, id, len - 1);
	else if (value[0] != LLDP_CHASSIS_MAC)
		lldp_frame_text(out, id, len - 1);
}

/* Reads a TLV. Returns false if it is wrong. */
static bool
lldp_frame_tlv(unsigned int type, const uint8_t *value, size_t len, struct lldp_neighbour *out)
{
	char name[LLDP_NAME];

	switch (type) {
	case LLDP_TLV_CHASSIS:
		if (len < 2)
			return false;
		lldp_frame_chassis(out->name, value, len);
		break;
	case LLDP_TLV_PORT:
		return len >= 2;
	case LLDP_TLV_TTL:
		if (len < 2)
			return false;
		out->ttl_s = lldp_frame_u16(value);
		break;
	case LLDP_TLV_SYSTEM_NAME:
		lldp_frame_text(name, value, len);
		if (name[0])
			memcpy(out->name, name, sizeof(name));
		break;
	case LLDP_TLV_CAPABILITIES: /* that the system has, and that are enabled */
		if (len < 4)
			return false;
		out->is_switch = lldp_is_switch(lldp_frame_u16(value + 2));
		break;
	default:
		break;
	}
	return true;
}

int
lldp_frame(const uint8_t *frame, size_t len, struct lldp_neighbour *out)
{
	struct lldp_neighbour n = {.is_switch = true};
	size_t at = LLDP_ETHER_HEADER, size;
	unsigned int type, first = 0;

	if (len < LLDP_ETHER_HEADER || lldp_frame_u16(frame + 12) != LLDP_ETHER_TYPE)
		return -EBADMSG;
	while (at + 2 <= len) {
		type = frame[at] >> 1;
		size = lldp_frame_u16(frame + at) & 0x1ff;
		at += 2;
		/* The first three are the mandatory ones, in this order. */
		if (size > len - at || (first < 3 && type != ++first) ||
		    !lldp_frame_tlv(type, frame + at, size, &n))
			return -EBADMSG;
		if (type == LLDP_TLV_END)
			break;
		at += size;
	}
	if (first < 3 || !n.name[0])
		return -EBADMSG;
	*out = n;
	return 0;
}
