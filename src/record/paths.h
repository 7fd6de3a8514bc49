/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that a host has traced: the routers of its 5-tuples. Its agent publishes them, and
 * central reads them (Map paths of rpingmesh-records(5)). The writer is not trusted: whoever may
 * publish on the broker may write anything.
 *
 * From time to time, and on each new connection, the agent publishes all its paths. They are a
 * set of messages with increasing `part`, from 0 to parts - 1, whose `sequence` numbers follow one
 * another. What changes meanwhile it publishes in messages that are no part of a set. A reader that
 * has all parts knows that a path which is not in them has ended.
 */
#ifndef RPINGMESH_RECORD_PATHS_H
#define RPINGMESH_RECORD_PATHS_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define PATHS_HOST 65            /* of the name of a host with its '\0' */
#define PATHS_MAX 512u           /* paths of a message */
#define PATHS_HOPS_MAX 30u       /* routers of a path */
#define PATHS_PARTS_MAX 1024u
#define PATHS_BYTES_MAX 262144u  /* packed */
#define PATHS_ERROR 160

/* The path of a 5-tuple to port 4791. */
struct paths_path {
	struct addr source, destination; /* of one address family */
	uint16_t src_port;
	uint8_t traffic_class;
	uint32_t flow_label;        /* of IPv6; of IPv4 0 */
	uint64_t time_ns;           /* when it was traced, by the host's wall clock */
	bool reached;               /* the last router has answered */
	bool stable;                /* no two answers have disagreed */
	uint8_t n_hops;
	struct addr hops[PATHS_HOPS_MAX]; /* the routers; zero: not known, did not answer. Only
					     addresses of strict_addr_fits() */
};

struct paths {
	char host[PATHS_HOST];
	uint64_t incarnation;       /* of the agent */
	uint64_t sequence;          /* of its messages of this kind, one more for each */
	uint64_t time_ns;
	bool whole;                 /* part of a set of all paths */
	uint32_t part, parts;       /* of the set; 0 and 0 if it is not whole */
	struct paths_path *paths;
	size_t n_paths;
};

/* Packs one map. */
void paths_pack(msgpack_packer *out, const struct paths *paths);

/*
 * Reads a packed map. Returns 0 and sets *out, which the caller frees with paths_free(), or puts
 * the reason into error, in words, and returns -errno as registration_unpack() does. Nothing of a
 * message with a mistake is used. Memory is bounded by the limits above.
 */
int paths_unpack(const void *data, size_t len, struct paths **out, char error[PATHS_ERROR]);

/* Frees what paths_unpack() has made. NULL is allowed. */
void paths_free(struct paths *paths);

#endif
