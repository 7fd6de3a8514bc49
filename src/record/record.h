/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds records key by key: MessagePack maps with string keys, which rpingmesh-records(5) lists.
 * If there is no memory, record_end() packs nil instead of the record, so that a reader never gets
 * a part of it. No function fails.
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
 * Tests set this: then a key that the table does not list for its map aborts the program. Programs
 * leave it false; tests/doc compares what they send with the table.
 */
extern bool record_checked;

/* Begins a map, with the key "type" if its table has one. record_end() must follow. */
void record_begin(struct record *r, enum record_map map);
/* Packs the map into `out` and frees the record's memory. */
void record_end(struct record *r, msgpack_packer *out);

/* Add a key with its value. If text is NULL, the value is nil. */
void record_str(struct record *r, const char *key, const char *text);
void record_u64(struct record *r, const char *key, uint64_t value);
/* The value is nil unless it is known. */
void record_u64_if(struct record *r, const char *key, uint64_t value, bool known);
void record_addr(struct record *r, const char *key, const struct addr *addr);
void record_bool(struct record *r, const char *key, bool value);
void record_double(struct record *r, const char *key, double value);
void record_double_if(struct record *r, const char *key, double value, bool known);
/* Adds a key. The caller then packs exactly one object into the returned packer. */
msgpack_packer *record_key(struct record *r, const char *key);

/* Packs a string as msgpack str. */
void record_pack_str(msgpack_packer *pk, const char *text);

/* Adds the keys sent, posted, and one for each class. */
void record_totals(struct record *r, const struct probe_totals *totals);
/* Adds the key "recent" with the map of a summary. */
void record_summary(struct record *r, const struct probe_summary *s);

/* The daemon that measured. Borrowed. */
struct record_origin {
	const char *host;
	const char *tor; /* its ToR switch; "": unknown */
	uint64_t incarnation;
};
/* Adds the keys host, tor and incarnation. */
void record_origin(struct record *r, const struct record_origin *origin);

/* The contents of a probe record that are not in the result. Borrowed. */
struct record_probe_context {
	const struct record_origin *origin;
	const char *device, *peer;
	const struct addr *source, *destination;
	const char *hostname, *peer_tor; /* may be NULL */
	uint64_t ping;                 /* id of the ping; 0: none */
	uint64_t flow;                 /* id of the flow; 0: none */
};
/* Packs one probe record. */
void record_probe(msgpack_packer *out, const struct record_probe_context *context,
		  const struct probe_result *result);
/* Packs the correction of a probe that was unreachable. */
void record_correction(msgpack_packer *out, const struct record_probe_context *context,
		       const struct probe_result *result);

#endif
