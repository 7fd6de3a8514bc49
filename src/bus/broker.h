/* SPDX-License-Identifier: Apache-2.0 */
/* Where the broker is: mqtt://HOST[:PORT], or mqtts://HOST[:PORT] for TLS. */
#ifndef RPINGMESH_BUS_BROKER_H
#define RPINGMESH_BUS_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#define BROKER_HOST 254  /* bytes of a name with its '\0' (RFC 1035, section 2.3.4) */

struct broker {
	bool tls;
	uint16_t port; /* 1883, or 8883 with TLS, if the URL has none */
	char host[BROKER_HOST]; /* a name, or a numeric address without brackets */
};

/* Returns NULL and sets *out, or returns what is wrong with the URL and leaves *out alone. */
const char *broker_parse(const char *url, struct broker *out);

#endif
