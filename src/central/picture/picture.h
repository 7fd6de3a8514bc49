/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: picture
 *
 * The mesh as a matrix: who probes in rows, who is probed in columns, and what the probes of the
 * last 20 s have met. Pure: registry and intake in. A new picture is made in steps, and the old one
 * remains until it is complete.
 *
 * Rows and columns of the whole matrix are ToR switches. The switches of a port that has several
 * are one, whose name contains all of theirs. Two switches can be looked into: their ports by each
 * other. A port whose host has no ToR is under "?".
 */
#ifndef RPINGMESH_CENTRAL_PICTURE_PICTURE_H
#define RPINGMESH_CENTRAL_PICTURE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_CELLS_MAX 1048576u /* pairs of switches; more are left out */
#define PICTURE_NAME 260           /* of a switch, or of a port: HOST/DEVICE; with its '\0' */

struct intake;
struct picture;
struct picture_view;
struct registry;
struct report_delays;

/* Probes from one row to one column. */
struct picture_cell {
	uint32_t from, to;       /* indices of names */
	uint64_t sent;
	uint64_t answered, lost; /* without noise */
	uint64_t noise;          /* not judged, because a host stalled */
	uint64_t rtt_us;         /* the sum of the RTTs of those that were answered */
	/*
	 * Quantiles of the RTTs that were reported last, and what is usual: the median of
	 * intake_stored_usual_ns() of the rows. 0: unknown.
	 */
	uint32_t rtt_p50_ns, rtt_p99_ns, baseline_ns;
};

struct picture_info {
	uint64_t time_ns;        /* wall clock, when it was begun; 0: there is no picture yet */
	uint64_t window_ns;      /* how much time the counts are of */
	/*
	 * Names are those of rows: 0 to rows - 1, and of columns: columns to names - 1. In the
	 * whole mesh, and within one switch, these are the same.
	 */
	uint32_t names, rows, columns, cells;
	uint64_t left_out;       /* pairs, beyond PICTURE_CELLS_MAX */
	uint64_t unknown;        /* probes to addresses that nobody has registered */
};

/* key: random, so that nobody can choose addresses that collide. Returns 0 or -ENOMEM. */
int picture_new(const uint8_t key[16], struct picture **out);
/* NULL is allowed. */
void picture_free(struct picture *picture);
/*
 * What the switches of hosts are called in later pictures; not called: as hosts call them. Switches
 * of one name are one. The name is borrowed until the next call.
 */
typedef const char *picture_tor_name(void *arg, const char *tor);
void picture_name_tors(struct picture *picture, picture_tor_name *name, void *arg);

/*
 * Begins a new picture, or goes on with it. One step looks at a few hosts. Returns 1 if there is
 * more to do, 0 if the picture is complete, or -ENOMEM; then the old one remains. Between the steps
 * of one picture, hosts may come and go.
 */
struct picture_time {
	uint64_t mono_ns, wall_ns;
};
int picture_step(struct picture *picture, const struct registry *registry,
		 const struct intake *intake, const struct picture_time *now);

/*
 * The last complete picture, which is empty at first; it never changes. The caller holds it until
 * picture_release(), and may read and release it in another thread.
 */
struct picture_view *picture_hold(struct picture *picture);
/* One more holder. Returns the view. */
struct picture_view *picture_share(struct picture_view *view);
/* NULL is allowed. */
void picture_release(struct picture_view *view);

void picture_info(const struct picture_view *view, struct picture_info *out);
/* In the order of names. Borrowed from the view. */
const char *picture_name(const struct picture_view *view, uint32_t i);
/*
 * How long probes take inside the host under this name for which it is longest; NULL: no host of
 * the picture has said so, or it is one that is kept. Borrowed from the view.
 */
const struct report_delays *picture_delays(const struct picture_view *view, uint32_t i);
/* In the order of rows, then columns. */
const struct picture_cell *picture_cell(const struct picture_view *view, uint32_t i);

/*
 * Whether all is known that has changed since the picture of that time. If so,
 * picture_cell_since() says which cells, and picture_gone() which pairs have no probes any more: it
 * begins with *i = 0, and returns false at the end.
 *
 * A cell has changed if its losses or noise have, or its probes by more than a quarter, or its RTT
 * by more than a tenth: against what it was when it was last said to have changed, so that slow
 * changes are not lost.
 */
bool picture_knows_since(const struct picture_view *view, uint64_t since_ns);
bool picture_cell_since(const struct picture_view *view, uint32_t i, uint64_t since_ns);
bool picture_gone(const struct picture_view *view, uint64_t since_ns, uint32_t *i,
		  struct picture_cell *out);

/*
 * Looks into two switches: a picture of the ports under them, complete at once. Returns 0 and sets
 * *out, which the caller releases; -ENOENT if a switch is not known; -E2BIG if there are more than
 * PICTURE_INTO ports; -ENOMEM.
 */
#define PICTURE_INTO 1024u
int picture_into(const struct picture_view *view, const struct intake *intake, const char *from,
		 const char *to, const struct picture_time *now, struct picture_view **out);

#endif
