/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What central publishes besides pinglists: its signs of life (Map central of
 * rpingmesh-records(5)), and, retained, the hosts that an operator has drained (Map drain). The
 * writers are not trusted.
 */
#ifndef RPINGMESH_RECORD_DRAIN_H
#define RPINGMESH_RECORD_DRAIN_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/registration.h"

#define DRAIN_REASON 201      /* bytes of a reason with its '\0' */
#define DRAIN_BY 65
#define DRAIN_BYTES_MAX 4096u /* packed */
#define DRAIN_ERROR 160

/* A host takes no part in the mesh for a while; or no longer, if it ends at the time it is made. */
struct drain {
	char host[REGISTRATION_HOST];
	char reason[DRAIN_REASON];
	char by[DRAIN_BY];          /* the user who asked for it */
	uint64_t time_ns;           /* when, by the wall clock */
	uint64_t until_ns;          /* when it ends by itself, by the wall clock */
};

void drain_pack(msgpack_packer *out, const struct drain *drain);
/*
 * Returns 0 and sets *out, or puts the reason into error and returns -errno, as
 * registration_unpack() does.
 */
int drain_unpack(const void *data, size_t len, struct drain *out, char error[DRAIN_ERROR]);

#define CENTRAL_TRACE_INTERVAL_MAX_NS 60000000000ULL

/* A central is there, and well enough to publish. */
struct central_beat {
	char host[REGISTRATION_HOST];
	char version[REGISTRATION_VERSION];
	uint64_t incarnation;
	uint64_t time_ns;           /* by its wall clock */
	bool claims;                /* it publishes lists, and this is the number of hosts: */
	uint64_t hosts;
	uint64_t trace_interval_ns; /* each host's share of the budget of traces; 0: no budget */
};

void central_beat_pack(msgpack_packer *out, const struct central_beat *beat);
int central_beat_unpack(const void *data, size_t len, struct central_beat *out,
			char error[DRAIN_ERROR]);

#endif
