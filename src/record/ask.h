/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What central asks of a host, to tell apart who may be to blame: to trace 5-tuples now, and to
 * probe some for a while (Map ask of rpingmesh-records(5)). The writer is not trusted: whoever may
 * publish on the broker may write anything.
 */
#ifndef RPINGMESH_RECORD_ASK_H
#define RPINGMESH_RECORD_ASK_H

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "record/registration.h"

#define ASK_FOR 33u              /* bytes of `about`, with the '\0' */
#define ASK_TRACES_MAX 64u
#define ASK_PROBES_MAX 64u
#define ASK_LONGEST_NS 60000000000ULL
#define ASK_INTERVAL_MIN_NS 10000000ULL
#define ASK_INTERVAL_MAX_NS 10000000000ULL
#define ASK_BYTES_MAX 32768u     /* packed */
#define ASK_ERROR 160

/* Both addresses are of one family. */
struct ask_tuple {
	struct addr source, destination;
	uint16_t src_port;
	uint8_t traffic_class;
	uint32_t flow_label;     /* of IPv6; 0: not known, any that gives the source port */
};

struct ask_probe {
	struct ask_tuple tuple;
	uint64_t interval_ns;
};

struct ask {
	char host[REGISTRATION_HOST]; /* that it is for */
	char about[ASK_FOR];          /* the incident; "": none yet */
	uint64_t made_ns, until_ns;   /* by the wall clock of central; ASK_LONGEST_NS at most */
	size_t n_traces, n_probes;
	struct ask_tuple traces[ASK_TRACES_MAX];
	struct ask_probe probes[ASK_PROBES_MAX];
};

/* Packs one map. */
void ask_pack(msgpack_packer *out, const struct ask *ask);

/*
 * Reads a packed map. Returns 0 and sets *out, which the caller frees with free(), or puts the
 * reason into error, in words, and returns -errno as registration_unpack() does. Nothing of an ask
 * with a mistake is used.
 */
int ask_unpack(const void *data, size_t len, struct ask **out, char error[ASK_ERROR]);

#endif
