/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a local port: rpingmesh-records(5), "device". */
#ifndef RPINGMESH_AGENT_TELL_NIC_RECORD_H
#define RPINGMESH_AGENT_TELL_NIC_RECORD_H

#include <msgpack.h>

struct nic;

void nic_record(msgpack_packer *out, const struct nic *nic);

#endif
