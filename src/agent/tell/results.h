/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only way out for measurements. Each probe's result, each correction of one, each closed
 * window and each event of a QP goes to all sinks that want it, in the order in which they were
 * added. A new receiver adds a sink; nothing here and no other sink changes.
 */
#ifndef RPINGMESH_AGENT_TELL_RESULTS_H
#define RPINGMESH_AGENT_TELL_RESULTS_H

#include <msgpack.h>

#include "probe/prober.h"
#include "record/record_window.h"

struct flow_qp;
struct nic;
struct owners;
struct peer_stream;
struct qp_event;
struct results;
struct results_sink;

enum results_kind {
	RESULTS_PROBE,
	RESULTS_WINDOW,
	RESULTS_EVENT,
	RESULTS_CORRECTION, /* of a probe that was told as unreachable */
	RESULTS_KIND_N
};

/* A measurement. Everything in it is borrowed and valid during the call. */
struct results_item {
	enum results_kind kind;
	union {
		struct {
			struct peer_stream *stream;
			const struct probe_result *result;
		} probe; /* also of a correction */
		struct {
			enum record_window_by by;
			const struct nic *nic;
			const struct prober_target_info *target; /* NULL: a window of a device */
			const struct window *window;
		} window;
		struct {
			const struct qp_event *event;
			const struct flow_qp *qp;
			struct owners *owners;
		} event;
	};
	const struct results *results; /* results_tell() sets this and the next */
	msgpack_sbuffer packed;
};

/* Packs the item's record: one object. */
typedef void results_pack(const void *arg, msgpack_packer *out, const struct results_item *item);

/*
 * Returns 0 and sets *out, which the caller owns, or -ENOMEM. pack() is called with arg, at most
 * once for an item, if a sink needs its record.
 */
int results_new(results_pack *pack, const void *arg, struct results **out);
/* Frees the sinks, too. NULL is allowed. A sink must not call it. */
void results_free(struct results *results);

/*
 * Adds a sink, which receives the items of `kinds`: bits 1 << enum results_kind, which
 * results_want() changes. If a sink adds another, that one receives only later items. Returns 0 and
 * sets *out, which may be NULL, or -ENOMEM.
 */
typedef void results_hear(void *arg, struct results_item *item);
int results_add(struct results *results, unsigned int kinds, results_hear *hear, void *arg,
		struct results_sink **out);
void results_want(struct results_sink *sink, unsigned int kinds);
/* The sink receives nothing more. Any sink may remove any sink. NULL is allowed. */
void results_remove(struct results_sink *sink);

/* Passes the item to all sinks that want it. */
void results_tell(struct results *results, struct results_item *item);

/* For sinks: the record of the item, packed at the first call. Borrowed, valid like the item. */
const msgpack_sbuffer *results_packed(struct results_item *item);

#endif
