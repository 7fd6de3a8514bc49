/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinglist of a host: whom each of its ports probes. Central publishes it, retained, and the
 * agent reads it (Map pinglist of rpingmesh-records(5)). The writer is not trusted: whoever may
 * publish on the broker may write anything.
 */
#ifndef RPINGMESH_RECORD_PINGLIST_H
#define RPINGMESH_RECORD_PINGLIST_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define PINGLIST_NAME_MAX 64u         /* bytes of a host, device or ToR */
#define PINGLIST_PORTS_MAX 512u       /* a port is there once for each of its addresses */
#define PINGLIST_TARGETS_MAX 65536u   /* of all ports */
#define PINGLIST_LABELS_MAX 4u        /* of a target */
#define PINGLIST_BYTES_MAX 4194304u   /* packed */
#define PINGLIST_INTERVAL_MIN_NS 1000000ULL
#define PINGLIST_INTERVAL_MAX_NS 3600000000000ULL
#define PINGLIST_ERROR 160

/* A port to probe. */
struct pinglist_target {
	struct addr address;
	const char *host, *device;
	const char *tor;             /* "": unknown */
	uint8_t port;
	bool fabric;                 /* across the fabric; false: within the ToR */
	uint8_t traffic_class;
	uint64_t interval_ns;        /* between two probes of one tuple */
	uint32_t tuples;             /* 1 to PINGLIST_LABELS_MAX */
	size_t n_labels;             /* 0: any `tuples` source ports that the port has */
	uint32_t labels[PINGLIST_LABELS_MAX]; /* else one flow label for each tuple */
};

/* One of the host's own ports, with one of its addresses. */
struct pinglist_port {
	const char *device;
	uint8_t port;
	struct addr source;          /* the address that it probes from */
	struct pinglist_target *targets;
	size_t n_targets;
};

struct pinglist {
	const char *host;
	uint64_t generation;         /* a hash of the contents */
	struct pinglist_port *ports;
	size_t n_ports;
	char *names;                 /* what pinglist_unpack() has allocated for the strings */
};

/* Packs one map. `names` is not used. */
void pinglist_pack(msgpack_packer *out, const struct pinglist *list);

/*
 * Reads a packed map. Returns 0 and sets *out, which the caller frees with pinglist_free(), or puts
 * the reason into error, in words, and returns -errno as registration_unpack() does. Nothing of a
 * list with a mistake is used. Memory is bounded by the limits above.
 */
int pinglist_unpack(const void *data, size_t len, struct pinglist **out,
		    char error[PINGLIST_ERROR]);

/* Frees what pinglist_unpack() has made. NULL is allowed. */
void pinglist_free(struct pinglist *list);

#endif
