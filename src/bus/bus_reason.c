/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/bus_reason.h"

#include <string.h>

const char *
bus_reason_tls(const char *alert)
{
	if (strstr(alert, "certificate required") || strstr(alert, "handshake failure"))
		return "; the broker asks for a client certificate (`certificate`)";
	if (strstr(alert, "unknown ca") || strstr(alert, "bad certificate") ||
	    strstr(alert, "certificate expired"))
		return "; the broker does not accept the client certificate";
	if (strstr(alert, "wrong version number"))
		return "; the broker's port is one without TLS";
	return "";
}

const char *
bus_reason_refusal(int code)
{
	static const char *const texts[] = {
		[1] = "the broker does not speak MQTT 3.1.1",
		[2] = "the broker refuses the name of this client",
		[3] = "the broker is not ready",
		[4] = "the broker refuses `user` and `password_file`",
		[5] = "the broker does not authorise this client (`user`, `password_file`, "
		      "`certificate`)",
	};

	return code > 0 && code < (int)(sizeof(texts) / sizeof(texts[0])) ? texts[code] :
									    "the broker refuses";
}
