/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/broker.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"

#define BROKER_PORT 1883     /* registered with IANA: mqtt */
#define BROKER_PORT_TLS 8883 /* secure-mqtt */

static const char *
broker_port(const char *text, uint16_t *out)
{
	size_t n = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	if (n == 0 || n > 5 || strspn(text, "0123456789") != n || port == 0 || port > UINT16_MAX)
		return "the port is no number from 1 to 65535";
	*out = (uint16_t)port;
	return NULL;
}

/* Takes the host out of text, which becomes what stands behind it. */
static const char *
broker_host(const char **text, struct broker *out)
{
	bool bracket = **text == '[';
	const char *host = *text + bracket, *end = host + strcspn(host, bracket ? "]" : ":");
	size_t n = (size_t)(end - host);
	struct addr addr;

	if (bracket && *end != ']')
		return "the address has no \"]\" at its end";
	if (n == 0)
		return "it names no host";
	if (n >= BROKER_HOST)
		return "the name of the host is longer than 253 bytes";
	memcpy(out->host, host, n);
	out->host[n] = '\0';
	if (bracket && (addr_parse(out->host, &addr) < 0 || !strchr(out->host, ':')))
		return "what stands in brackets is no IPv6 address";
	for (const char *p = out->host; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("/@?#%\\\"", *p))
			return "the name of the host has a character that no name has";
	*text = end + bracket;
	return NULL;
}

const char *
broker_parse(const char *url, struct broker *out)
{
	struct broker broker = {.tls = strncmp(url, "mqtts://", 8) == 0};
	const char *rest = url + (broker.tls ? 8 : 7), *fault;

	if (!broker.tls && strncmp(url, "mqtt://", 7) != 0)
		return "it does not begin with mqtt:// or mqtts://";
	fault = broker_host(&rest, &broker);
	if (fault)
		return fault;
	broker.port = broker.tls ? BROKER_PORT_TLS : BROKER_PORT;
	if (*rest == ':')
		fault = broker_port(rest + 1, &broker.port);
	else if (*rest)
		fault = "something other than a port follows the host";
	if (!fault)
		*out = broker;
	return fault;
}
