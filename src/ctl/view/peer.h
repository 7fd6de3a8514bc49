/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer records as a table: what `peers` shows, and what other commands share with it.
 */
#ifndef RPINGMESH_CTL_VIEW_PEER_H
#define RPINGMESH_CTL_VIEW_PEER_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/view/table.h"

struct peer_count {
	size_t peers, up, down; /* down: neither up nor this host itself */
};

/* One row per record, in the order of the answer. NULL: no memory. */
struct table *peer_table(const msgpack_object *list);

void peer_count(const msgpack_object *list, struct peer_count *out);

/*
 * Of which time the figures in "recent" of all records are: "10 s", or "1.28 to 10 s" where they
 * differ much. False: no record has any.
 */
bool peer_span(const msgpack_object *list, char *buf, size_t size);

/* One line of "key=value" for logs, without a newline. */
void peer_line(const msgpack_object *peer, FILE *out);

/* Green: up; yellow: on its way to that; red: neither; plain: this host itself. */
enum table_color peer_state_color(const msgpack_object *peer);

/* Whether the sequential test of loss says so. */
bool peer_is_lossy(const msgpack_object *record);

/* How bad a peer or target is: red states before yellow ones, then by loss. */
double peer_badness(const msgpack_object *record);

/* Of a share of lost probes: green for none, red from 5 % on, yellow in between. */
enum table_color peer_loss_color(double ratio);

/*
 * Cells that peers, targets and flows share: loss and times of the last seconds, from the record's
 * map "recent".
 */
struct peer_recent_columns {
	size_t loss, p50, p99, prober, responder;
	size_t noise;   /* results that a stall of a host has touched; 0: no such column */
	size_t verdict; /* of the sequential test of loss; 0: no such column */
};
void peer_recent_cells(struct table *table, const msgpack_object *record,
		       const struct peer_recent_columns *at);

#endif
