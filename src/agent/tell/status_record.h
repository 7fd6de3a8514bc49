/* SPDX-License-Identifier: Apache-2.0 */
/* The record of the daemon: rpingmesh-records(5), "status". */
#ifndef RPINGMESH_AGENT_TELL_STATUS_RECORD_H
#define RPINGMESH_AGENT_TELL_STATUS_RECORD_H

#include <msgpack.h>

struct tell;

void status_record(msgpack_packer *out, const struct tell *t);

#endif
