/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef RPINGMESH_CENTRAL_PICTURE_PICTURE_IMPL_H
#define RPINGMESH_CENTRAL_PICTURE_PICTURE_IMPL_H

#include <stdatomic.h>

#include "central/intake/intake.h"
#include "central/picture/picture.h"
#include "core/addr.h"
#include "stat/histogram.h"

struct registration;

/* ---- picture_ports.c: which port has an address, and under which switch it is ---- */

struct picture_port {
	uint32_t group;          /* index into names */
	char *host;              /* owned; shared by no other port */
	char device[REPORT_NAME_MAX + 1];
};

struct picture_address {
	struct addr addr;
	uint32_t port;           /* index + 1; 0: the place is free */
};

struct picture_ports {
	uint8_t key[16];
	struct picture_port *ports;
	uint32_t n_ports, room_ports;
	struct picture_address *table; /* open addressing; size is a power of two */
	uint32_t size, used;
	char **names;            /* of groups */
	uint32_t n_names, room_names;
	void *by_name;           /* of tsearch(3), until picture_ports_sort() */
};

struct picture_naming {
	picture_tor_name *name;  /* NULL: as hosts call them */
	void *arg;
};
/* Adds the ports of a host. Returns 0 or -ENOMEM. */
int picture_ports_add(struct picture_ports *p, const struct registration *host,
		      const struct picture_naming *naming);
/* All hosts are there: puts the groups into the order of their names. Returns 0 or -ENOMEM. */
int picture_ports_sort(struct picture_ports *p);
/* The port with this address, or NULL. */
const struct picture_port *picture_ports_find(const struct picture_ports *p, const struct addr *a);
/* The group of this name, or UINT32_MAX. After picture_ports_sort(). */
uint32_t picture_ports_group(const struct picture_ports *p, const char *name);
void picture_ports_clear(struct picture_ports *p);
/* Adds a name behind the others, without any order. Returns 0 or -ENOMEM. */
int picture_add_name(struct picture_ports *p, const char *name);

/* ---- picture_cells.c: sums of pairs ---- */

/* RTTs of a cell; only until its quantiles are known. */
struct picture_rtts {
	struct histogram rtt, usual;
};

struct picture_cells {
	struct picture_cell *table; /* open addressing; free places have sent == 0; then sorted */
	struct picture_rtts **rtts; /* of the same places; NULL: none */
	uint32_t size, used;
	uint32_t done, n_done;      /* places that picture_cells_close() has seen, and cells */
	uint64_t left_out;
};

/* Adds a row with sent > 0. Returns 0 or -ENOMEM. */
int picture_cells_add(struct picture_cells *c, uint32_t from, uint32_t to,
		      const struct intake_row *row, uint64_t now_ns);
/*
 * Adds the counts of a cell with sent > 0; its median and baseline are those of the last one, and
 * its 99th percentile that of the highest one. Returns 0 or -ENOMEM.
 */
int picture_cells_merge(struct picture_cells *c, const struct picture_cell *more);
/* The same, but its median and baseline are those of the pair whose median is highest for it. */
int picture_cells_merge_worst(struct picture_cells *c, const struct picture_cell *more);
/* All rows are there: takes the quantiles of the next n places. Returns whether there are more. */
bool picture_cells_close(struct picture_cells *c, uint32_t n);
/* The same of all that are left; then the cells are table[0] to table[used - 1], in order. */
void picture_cells_sort(struct picture_cells *c);
void picture_cells_clear(struct picture_cells *c);

/* ---- picture.c ---- */

/* ---- picture_changes.c: what has changed from one picture to the next ---- */

#define PICTURE_GONE_MAX 65536u             /* cells without probes that are remembered */
#define PICTURE_GONE_NS 120000000000ULL     /* for so long */

struct picture_told {
	struct picture_cell cell;
	uint64_t changed_ns;
};

struct picture_gone {
	uint32_t from, to;
	uint64_t gone_ns;
};

struct picture_changes {
	uint64_t base_ns;          /* what has changed since an earlier time is not known */
	struct picture_told *told; /* of each cell, in the order of cells; NULL: nothing is known */
	struct picture_gone *gone;
	uint32_t n_gone;
};

/* One picture and the next, both sorted. */
struct picture_step_from {
	const struct picture_cells *before, *now;
	const struct picture_changes *told;
	bool same_names;
	uint64_t time_ns;
};
/* Without memory, nothing is known, and the next picture begins anew. */
void picture_changes_make(struct picture_changes *out, const struct picture_step_from *from);
void picture_changes_clear(struct picture_changes *changes);
/* Whether indices mean the same. */
bool picture_same_names(const struct picture_ports *a, const struct picture_ports *b);

struct picture_view {
	atomic_uint holders;
	uint32_t rows;           /* names that are rows only; 0: all are rows and columns */
	struct picture_ports ports;
	struct picture_cells cells;
	struct picture_changes changes;
	struct report_delays *delays; /* by name; NULL: none are known */
	uint64_t time_ns, window_ns, unknown;
};

/* ---- picture_delays.c. All return 0 or -ENOMEM; all names are there. ---- */

int picture_delays_add(struct picture_view *view, uint32_t name, const struct report_delays *more);
/* Adds what this host has reported, unless it is silent. */
int picture_delays_of(struct picture_view *view, uint32_t name, const struct intake *intake,
		      const char *host, uint64_t now_ns);
/* name_of: of each name in `from`, that in `into`; UINT32_MAX: none. */
int picture_delays_merge(struct picture_view *into, const uint32_t *name_of,
			 const struct picture_view *from);

/* Returns a view with one holder, or NULL. */
struct picture_view *picture_view_new(const uint8_t key[16]);

#endif
