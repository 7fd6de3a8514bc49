/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last windows of each peer and of each stream of probes, kept by ourselves as they come: the
 * daemon has only the last one.
 */
#ifndef RPINGMESH_CTL_VIEW_TREND_H
#define RPINGMESH_CTL_VIEW_TREND_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREND_WINDOWS 24u /* marks of a sparkline */
#define TREND_TEXT (3 * TREND_WINDOWS + 1)

struct trends;

/* NULL: no memory. */
struct trends *trends_new(void);
void trends_free(struct trends *trends);

/*
 * A window record. Several streams to one peer are merged, exactly, into the peer's window of the
 * same start. told: it came as a notification, which the daemon does not send twice; one that was
 * asked for and has come before is left out. 0 or -ENOMEM.
 */
int trends_add(struct trends *trends, const msgpack_object *window, bool told);

/*
 * Of a peer or target record: the medians of the RTT and the loss, a mark a window, the oldest
 * first (spark.h). Windows that are missing between others, or at the end by now_wall_ns, are
 * unknown. False, and both empty: there is none.
 */
bool trends_spark(const struct trends *trends, const msgpack_object *record, uint64_t now_wall_ns,
		  bool unicode, char rtt[TREND_TEXT], char loss[TREND_TEXT]);

#endif
