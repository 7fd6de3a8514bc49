/* SPDX-License-Identifier: Apache-2.0 */
/* Why a broker does not take a connection, in words. Only for this folder. */
#ifndef RPINGMESH_BUS_BUS_REASON_H
#define RPINGMESH_BUS_BUS_REASON_H

/* What the operator can do about an alert of the broker's TLS, beginning with "; "; or "". */
const char *bus_reason_tls(const char *alert);

/* What a return code of CONNACK says (MQTT 3.1.1, section 3.2.2.3). */
const char *bus_reason_refusal(int code);

#endif
