/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows peer records as the table of `peers`, with functions that other commands share.
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

/* One row for each record, in the order of the answer. Returns NULL if there is no memory. */
struct table *peer_table(const msgpack_object *list);

void peer_count(const msgpack_object *list, struct peer_count *out);

/*
 * Writes the time span of the figures in "recent" of all records: "10 s", or "1.28 to 10 s" if they
 * differ much. Returns false if no record has figures.
 */
bool peer_span(const msgpack_object *list, char *buf, size_t size);

/* Writes one line of "key=value" for logs, without a newline. */
void peer_line(const msgpack_object *peer, FILE *out);

/* Green: up; yellow: coming up; red: neither; plain: this host itself. */
enum table_color peer_state_color(const msgpack_object *peer);

/*
 * Writes the verdicts against the path of a peer, target or flow: "lossy, noisy, slow, host_slow";
 * now_wall_ns ≠ 0: with the age of the last loss, "lossy 3 min 5 s ago". Returns false if there is
 * none.
 */
bool peer_verdicts(const msgpack_object *record, uint64_t now_wall_ns, char *buf, size_t size);
/* Whether so many of its results are noise that its figures say little. */
bool peer_is_noisy(const msgpack_object *record);

/* How bad a peer or target is: red states are worst, then yellow ones, then it depends on loss. */
double peer_badness(const msgpack_object *record);

/* The colour of a loss ratio: green for none, red from 5 % on, yellow in between. */
enum table_color peer_loss_color(double ratio);

/*
 * The cells that peers, targets and flows share: loss and times of the last seconds, from the map
 * "recent" of the record.
 */
struct peer_recent_columns {
	size_t loss, p50, p99, prober, responder;
	size_t noise;   /* results that a stall of a host may have affected; 0: no column */
	size_t verdict; /* 0: no column */
};
void peer_recent_cells(struct table *table, const msgpack_object *record,
		       const struct peer_recent_columns *at);

#endif
