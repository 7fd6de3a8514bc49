/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: msgpack maps with string keys, as rpingmesh-records(5) lists them, built key by key. A
 * record that ran out of memory is noticed at the end and packed as nil: a reader sees that
 * something is missing, not something wrong.
 */
#ifndef RPINGMESH_RECORD_RECORD_H
#define RPINGMESH_RECORD_RECORD_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#include "record/records.h"
#include "stat/result.h"
#include "stat/stats.h"

struct record {
	msgpack_sbuffer body;
	msgpack_packer pk;
	uint32_t n;
	enum record_map map;
};

/*
 * Set by tests: a key that the table does not have for its map aborts the program. Daemons leave
 * it false; tests/doc compares what they send with the table.
 */
extern bool record_checked;

/* Begins a map, with its type if it has one. record_end() must follow. */
void record_begin(struct record *r, enum record_map map);
/* Packs the map into `out` and releases the record. */
void record_end(struct record *r, msgpack_packer *out);

/* text NULL: nil. */
void record_str(struct record *r, const char *key, const char *text);
void record_u64(struct record *r, const char *key, uint64_t value);
/* nil unless known. */
void record_u64_if(struct record *r, const char *key, uint64_t value, bool known);
void record_addr(struct record *r, const char *key, const struct addr *addr);
void record_bool(struct record *r, const char *key, bool value);
void record_double(struct record *r, const char *key, double value);
void record_double_if(struct record *r, const char *key, double value, bool known);
/* The caller packs exactly one object into the returned packer next. */
msgpack_packer *record_key(struct record *r, const char *key);

/* Packs a string as msgpack str. */
void record_pack_str(msgpack_packer *pk, const char *text);

/* sent, posted, and one key per class. */
void record_totals(struct record *r, const struct probe_totals *totals);
/* Key "recent": the map of a summary. */
void record_summary(struct record *r, const struct probe_summary *s);

/* The daemon that measured. Borrowed. */
struct record_origin {
	const char *host;
	const char *tor; /* its ToR switch; "" if it is not known */
	uint64_t incarnation;
};
/* host, tor, incarnation. */
void record_origin(struct record *r, const struct record_origin *origin);

/* What a probe record says beside the result itself. Borrowed. */
struct record_probe_context {
	const struct record_origin *origin;
	const char *device, *peer;
	const struct addr *source, *destination;
	const char *hostname, *peer_tor; /* may be NULL */
	uint64_t ping;                 /* 0: not a ping's */
	uint64_t flow;                 /* 0: not a flow's */
};
void record_probe(msgpack_packer *out, const struct record_probe_context *context,
		  const struct probe_result *result);

#endif
