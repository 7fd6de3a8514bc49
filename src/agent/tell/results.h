/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way out of what is measured: each probe's result, each closed window and each event of a
 * QP goes to all sinks that want it, in the order in which the sinks were added. Whoever wants to
 * hear of results adds a sink; nothing here or in another sink changes.
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
	RESULTS_KIND_N
};

/* What is passed round. Everything is borrowed and valid during the call. */
struct results_item {
	enum results_kind kind;
	union {
		struct {
			struct peer_stream *stream;
			const struct probe_result *result;
		} probe;
		struct {
			enum record_window_by by;
			const struct nic *nic;
			const struct prober_target_info *target; /* NULL: by device */
			const struct window *window;
		} window;
		struct {
			const struct qp_event *event;
			const struct flow_qp *qp;
			struct owners *owners;
		} event;
	};
	const struct results *results; /* this and below: set by results_tell() */
	msgpack_sbuffer packed;
};

/* Packs the item's record: one object. */
typedef void results_pack(const void *arg, msgpack_packer *out, const struct results_item *item);

/* 0 and *out, or -ENOMEM. pack is called with arg, once for an item, if a sink asks for it. */
int results_new(results_pack *pack, const void *arg, struct results **out);
/* The sinks go too. NULL is allowed. Not from within a sink. */
void results_free(struct results *results);

/*
 * A sink hears the kinds that it wants: bits 1 << enum results_kind, which results_want() changes.
 * One that is added from within a sink hears the next item first. 0 and *out (which may be NULL),
 * or -ENOMEM.
 */
typedef void results_hear(void *arg, struct results_item *item);
int results_add(struct results *results, unsigned int kinds, results_hear *hear, void *arg,
		struct results_sink **out);
void results_want(struct results_sink *sink, unsigned int kinds);
/* It hears nothing more. Any sink may be removed from within any sink. NULL is allowed. */
void results_remove(struct results_sink *sink);

/* All sinks that want it hear the item. */
void results_tell(struct results *results, struct results_item *item);

/* For a sink: the item's record, packed when the first sink asks. Borrowed, valid as the item. */
const msgpack_sbuffer *results_packed(struct results_item *item);

#endif
