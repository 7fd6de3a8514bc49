/* SPDX-License-Identifier: Apache-2.0 */
/* Packs what rpingmesh-central knows, as records. Does not block. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_RECORD_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_RECORD_H

#include <msgpack.h>
#include <stddef.h>

struct central_tell;
struct central_tor;
struct plan_coverage;
struct registration_port;
struct registry_host;

/* Map central_status. */
void central_record_status(msgpack_packer *out, const struct central_tell *t);

/* Map host. */
void central_record_host(msgpack_packer *out, const struct central_tell *t,
			 const struct registry_host *host);
/* Map host_port: the port i of the host's registration. */
void central_record_port(msgpack_packer *out, const struct registry_host *host, size_t i);
/* Map tor. */
void central_record_tor(msgpack_packer *out, const struct central_tor *tor);
/* Map coverage. */
void central_record_coverage(msgpack_packer *out, const struct plan_coverage *coverage);

#endif
