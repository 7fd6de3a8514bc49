/* SPDX-License-Identifier: Apache-2.0 */
#include "core/udp_port.h"

#define UDP_PORT_LOW 0x03fffu /* the lower 14 of the 20 bits of a flow label */
#define UDP_PORT_HIGH 0xfc000u
#define UDP_PORT_BITS 14
#define UDP_PORT_GOLDEN_RATIO 0x61c88647u /* GOLDEN_RATIO_32 of include/linux/hash.h */

uint16_t
udp_port_of_label(uint32_t flow_label)
{
	return (uint16_t)(((flow_label & UDP_PORT_LOW) ^
			   (flow_label & UDP_PORT_HIGH) >> UDP_PORT_BITS) |
			  UDP_PORT_MIN);
}

uint16_t
udp_port_of_qpn(uint32_t qpn)
{
	return (uint16_t)(UDP_PORT_MIN + (qpn * UDP_PORT_GOLDEN_RATIO >> (32 - UDP_PORT_BITS)));
}

uint32_t
udp_port_label(uint16_t port)
{
	if (port < UDP_PORT_MIN)
		return 0;
	/*
	 * Label 0 also folds to 0xc000, but drivers take 0 for "no label". So use a label whose two
	 * halves cancel each other.
	 */
	return port == UDP_PORT_MIN ? 1u << UDP_PORT_BITS | 1u : port & UDP_PORT_LOW;
}
