/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registration of a host: its agent publishes it, retained, and central and other hosts read it
 * (Map registration of rpingmesh-records(5)). The writer is not trusted: whoever may publish on the
 * broker may write anything.
 */
#ifndef RPINGMESH_RECORD_REGISTRATION_H
#define RPINGMESH_RECORD_REGISTRATION_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct record;

/* Buffer sizes of names with their '\0'. Linux limits host and device names to 64 characters. */
#define REGISTRATION_HOST 65
#define REGISTRATION_DEVICE 65
#define REGISTRATION_VERSION 33
#define REGISTRATION_NAME 65    /* of a ToR or a rail */
#define REGISTRATION_LABEL 65   /* name or value of a label */

#define REGISTRATION_PORTS_MAX 64u
#define REGISTRATION_ADDRS_MAX 8u
#define REGISTRATION_TORS_MAX 4u
#define REGISTRATION_LABELS_MAX 16u
#define REGISTRATION_BYTES_MAX 65536u /* packed */
#define REGISTRATION_ERROR 160

/* How the host learnt the ToR switches of a port. */
enum registration_tor_by {
	REGISTRATION_TOR_NONE,   /* not at all */
	REGISTRATION_TOR_CONFIG, /* from its configuration */
	REGISTRATION_TOR_LLDP,   /* from LLDP (IEEE 802.1AB) */
	REGISTRATION_TOR_ROUTER, /* the first router on the path */
	REGISTRATION_TOR_SUBNET, /* the subnet of the port */
	REGISTRATION_TOR_N
};
extern const char *const registration_tor_by_names[]; /* ended by NULL */

/* An RDMA port of the host that probes and answers. */
struct registration_port {
	char device[REGISTRATION_DEVICE];
	uint8_t port;               /* number of the port, from 1 */
	struct addr addrs[REGISTRATION_ADDRS_MAX]; /* that others can probe; the first is its own */
	size_t n_addrs;
	char tors[REGISTRATION_TORS_MAX][REGISTRATION_NAME]; /* several: a bond over switches */
	size_t n_tors;
	enum registration_tor_by tor_by;
	char rail[REGISTRATION_NAME]; /* "": none */
	uint64_t speed_mbps;        /* 0: unknown */
	uint32_t mtu;               /* active path MTU in bytes; 0: unknown */
	bool hw_clock;              /* the RNIC times probes */
	uint32_t out_per_s, in_per_s; /* probes that it may send, and that it answers */
	uint32_t src_ports;         /* UDP source ports that it can choose from; 0: any */
};

struct registration_label {
	char name[REGISTRATION_LABEL], value[REGISTRATION_LABEL];
};

struct registration {
	char host[REGISTRATION_HOST];
	char version[REGISTRATION_VERSION];
	uint64_t incarnation;       /* of the agent */
	uint64_t time_ns;           /* when it was written, by the host's wall clock */
	bool leaving;               /* the agent ends on purpose; the ports count no more */
	struct registration_port *ports;
	size_t n_ports;
	struct registration_label *labels;
	size_t n_labels;
};

/* Adds the keys of Map registration_port. */
void registration_record_port(struct record *r, const struct registration_port *port);

/* Packs one map. The strings must be valid; the arrays within their limits. */
void registration_pack(msgpack_packer *out, const struct registration *r);

/*
 * Reads a packed map. Returns 0 and sets *out, which the caller frees with registration_free(), or
 * puts the reason into error, in words, and returns -errno: -EMSGSIZE if it is too long, -EBADMSG
 * if it is no MessagePack, -EINVAL if a field is missing, wrong, or beyond its limit, -EPROTO if
 * its schema is newer, -ENOMEM. Unknown keys are ignored. Memory is bounded by the limits above.
 */
int registration_unpack(const void *data, size_t len, struct registration **out,
			char error[REGISTRATION_ERROR]);

/* NULL is allowed. */
void registration_free(struct registration *r);

/* Whether both are the same, whenever they were written. */
bool registration_equal(const struct registration *a, const struct registration *b);

#endif
