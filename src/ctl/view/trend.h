/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the last windows of each peer and of each stream of probes as they come, because the daemon
 * has only the last one.
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

/* Returns NULL if there is no memory. */
struct trends *trends_new(void);
void trends_free(struct trends *trends);

/*
 * Adds a window record. Several streams to one peer are merged exactly into the peer's window with
 * the same start. told: the window came as a notification, which the daemon sends once. Otherwise
 * it came in an answer, and is ignored if it has come before. Returns 0 or -ENOMEM.
 */
int trends_add(struct trends *trends, const msgpack_object *window, bool told);

/*
 * Draws the trends of a peer or target record: the medians of the RTT, and the loss, with a mark
 * for each window, the oldest first (spark.h). Missing windows between others, and before
 * now_wall_ns, are unknown. Returns false if there are no windows; then both texts are empty.
 */
bool trends_spark(const struct trends *trends, const msgpack_object *record, uint64_t now_wall_ns,
		  bool unicode, char rtt[TREND_TEXT], char loss[TREND_TEXT]);

#endif
