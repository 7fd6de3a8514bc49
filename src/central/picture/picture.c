/* SPDX-License-Identifier: Apache-2.0 */
/* picture.h explains the object. First the hosts of the registry, then the rows of the intake. */
#include "central/picture/picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/picture/picture_impl.h"
#include "central/registry/registry.h"

#define PICTURE_HOSTS 64  /* of the registry, in one step */
#define PICTURE_FOUND 1024 /* ports whose host is found in the intake, in one step */
#define PICTURE_ROWS 4096 /* of the intake, in one step, and what one host has more */
#define PICTURE_PLACES 16384 /* of cells, in one step */

enum picture_phase { PICTURE_PORTS, PICTURE_SORT, PICTURE_DELAYS, PICTURE_CELLS, PICTURE_CLOSE };

struct picture {
	struct picture_view *shown, *made;
	enum picture_phase phase;
	uint64_t after;          /* id of the last host of the registry; 0: none */
	char host[REPORT_NAME_MAX + 1]; /* the last one of the intake; "": none */
	uint32_t rows;           /* in this step */
	uint32_t port;           /* the next one whose host may have said its delays */
	uint64_t now_ns;
	struct picture_naming naming;
	int error;
};

struct picture_view *
picture_view_new(const uint8_t key[16])
{
	struct picture_view *view = calloc(1, sizeof(*view));

	if (view) {
		atomic_init(&view->holders, 1);
		memcpy(view->ports.key, key, 16);
	}
	return view;
}

struct picture_view *
picture_share(struct picture_view *view)
{
	atomic_fetch_add(&view->holders, 1);
	return view;
}

struct picture_view *
picture_hold(struct picture *picture)
{
	return picture_share(picture->shown);
}

void
picture_release(struct picture_view *view)
{
	if (!view || atomic_fetch_sub(&view->holders, 1) > 1)
		return;
	picture_ports_clear(&view->ports);
	picture_cells_clear(&view->cells);
	picture_changes_clear(&view->changes);
	free(view->delays);
	free(view);
}

int
picture_new(const uint8_t key[16], struct picture **out)
{
	struct picture *picture = calloc(1, sizeof(*picture));

	if (!picture)
		return -ENOMEM;
	picture->shown = picture_view_new(key);
	if (!picture->shown) {
		free(picture);
		return -ENOMEM;
	}
	*out = picture;
	return 0;
}

void
picture_name_tors(struct picture *picture, picture_tor_name *name, void *arg)
{
	picture->naming = (struct picture_naming){name, arg};
}

void
picture_free(struct picture *picture)
{
	if (!picture)
		return;
	picture_release(picture->shown);
	picture_release(picture->made);
	free(picture);
}

/* ---- the whole ---- */

/* Returns whether there are more hosts. */
static bool
picture_take_hosts(struct picture *picture, const struct registry *registry)
{
	const struct registry_host *host = registry_next(registry, picture->after);
	struct registry_host_info info;

	for (int i = 0; host && i < PICTURE_HOSTS && picture->error == 0; i++) {
		registry_host_info(host, &info);
		picture->after = info.id;
		if (info.state != REGISTRY_GONE)
			picture->error = picture_ports_add(&picture->made->ports,
							   info.registration, &picture->naming);
		host = registry_after(host);
	}
	return host;
}

/* Returns whether there are more ports. */
static bool
picture_take_delays(struct picture *picture, const struct intake *intake, uint64_t now_ns)
{
	struct picture_view *made = picture->made;
	uint32_t end = made->ports.n_ports - picture->port > PICTURE_FOUND ?
			       picture->port + PICTURE_FOUND : made->ports.n_ports;

	for (; picture->port < end && picture->error == 0; picture->port++) {
		const struct picture_port *port = &made->ports.ports[picture->port];

		picture->error = picture_delays_of(made, port->group, intake, port->host, now_ns);
	}
	return picture->port < made->ports.n_ports;
}

static void
picture_take_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct picture *picture = arg;
	struct picture_view *made = picture->made;
	const struct picture_port *from, *to;

	(void)host;
	picture->rows++;
	if (row->counts.sent == 0 || picture->error < 0)
		return;
	from = picture_ports_find(&made->ports, &row->stream->source);
	to = picture_ports_find(&made->ports, &row->stream->destination);
	if (from && to)
		picture->error = picture_cells_add(&made->cells, from->group, to->group, row,
						   picture->now_ns);
	else
		made->unknown += row->counts.sent;
}

/* Returns whether there are more hosts. If the last one is gone, the rest comes next time. */
static bool
picture_take_rows(struct picture *picture, const struct intake *intake, uint64_t now_ns)
{
	const struct intake_host *host =
		picture->host[0] ? intake_find(intake, picture->host) : NULL;
	struct intake_host_info info;

	if (picture->host[0] && !host)
		return false;
	picture->rows = 0;
	picture->now_ns = now_ns;
	while ((host = intake_next(intake, host)) && picture->error == 0) {
		intake_rows(host, INTAKE_SHORT, now_ns, picture_take_row, picture);
		intake_host_info(host, now_ns, &info);
		snprintf(picture->host, sizeof(picture->host), "%s", info.name);
		if (picture->rows >= PICTURE_ROWS)
			return true;
	}
	return false;
}

static void
picture_tell_changes(const struct picture_view *before, struct picture_view *now)
{
	const struct picture_step_from from = {
		&before->cells, &now->cells, &before->changes,
		picture_same_names(&before->ports, &now->ports), now->time_ns};

	picture_changes_make(&now->changes, &from);
}

/* The picture is complete, or there is no memory for it. */
static int
picture_end(struct picture *picture)
{
	int rc = picture->error;

	if (rc == 0) {
		picture_cells_sort(&picture->made->cells);
		picture_tell_changes(picture->shown, picture->made);
		picture_release(picture->shown);
		picture->shown = picture->made;
	} else {
		picture_release(picture->made);
	}
	picture->made = NULL;
	return rc;
}

static int
picture_begin(struct picture *picture, uint64_t wall_ns)
{
	picture->made = picture_view_new(picture->shown->ports.key);
	if (!picture->made)
		return -ENOMEM;
	picture->made->time_ns = wall_ns;
	picture->made->window_ns = intake_window_ns(INTAKE_SHORT);
	picture->phase = PICTURE_PORTS;
	picture->after = 0;
	picture->host[0] = '\0';
	picture->port = 0;
	picture->error = 0;
	return 0;
}

int
picture_step(struct picture *picture, const struct registry *registry, const struct intake *intake,
	     const struct picture_time *now)
{
	if (!picture->made && picture_begin(picture, now->wall_ns) < 0)
		return -ENOMEM;
	switch (picture->phase) {
	case PICTURE_PORTS:
		if (!picture_take_hosts(picture, registry))
			picture->phase = PICTURE_SORT;
		break;
	case PICTURE_SORT:
		picture->error = picture_ports_sort(&picture->made->ports);
		picture->phase = PICTURE_DELAYS;
		break;
	case PICTURE_DELAYS:
		if (!picture_take_delays(picture, intake, now->mono_ns))
			picture->phase = PICTURE_CELLS;
		break;
	case PICTURE_CELLS:
		if (!picture_take_rows(picture, intake, now->mono_ns))
			picture->phase = PICTURE_CLOSE;
		break;
	case PICTURE_CLOSE:
		if (!picture_cells_close(&picture->made->cells, PICTURE_PLACES))
			return picture_end(picture);
		break;
	}
	return picture->error < 0 ? picture_end(picture) : 1;
}

void
picture_info(const struct picture_view *view, struct picture_info *out)
{
	*out = (struct picture_info){.time_ns = view->time_ns,
				     .window_ns = view->window_ns,
				     .names = view->ports.n_names,
				     .rows = view->rows ? view->rows : view->ports.n_names,
				     .columns = view->rows,
				     .cells = view->cells.used,
				     .left_out = view->cells.left_out,
				     .unknown = view->unknown};
}

const char *
picture_name(const struct picture_view *view, uint32_t i)
{
	return view->ports.names[i];
}

const struct picture_cell *
picture_cell(const struct picture_view *view, uint32_t i)
{
	return &view->cells.table[i];
}

/* ---- into two switches ---- */

/* A port of one of them. */
struct picture_named {
	char *name;
	bool row;
	uint32_t port;
};

struct picture_look {
	const struct picture_ports *ports;
	struct picture_view *into;
	struct picture_named named[PICTURE_INTO];
	uint32_t n;
	uint32_t *index;         /* by port of `ports`: its name in `into` */
	uint32_t from, to;
	uint64_t now_ns;
	int error;
};

static int
picture_named_compare(const void *a, const void *b)
{
	const struct picture_named *x = a, *y = b;
	int order = strverscmp(x->name, y->name);

	if (x->row != y->row)
		return x->row ? -1 : 1;
	return order ? order : x->port < y->port ? -1 : 1;
}

/* Finds the ports of the two groups. Returns 0, -E2BIG or -ENOMEM. */
static int
picture_find_ports(struct picture_look *look)
{
	for (uint32_t i = 0; i < look->ports->n_ports; i++) {
		const struct picture_port *port = &look->ports->ports[i];
		struct picture_named *named = &look->named[look->n];

		if (port->group != look->from && port->group != look->to)
			continue;
		if (look->n == PICTURE_INTO)
			return -E2BIG;
		if (asprintf(&named->name, "%s/%s", port->host, port->device) < 0)
			return -ENOMEM;
		named->port = i;
		named->row = port->group == look->from;
		look->n++;
	}
	qsort(look->named, look->n, sizeof(look->named[0]), picture_named_compare);
	return 0;
}

/* Gives the view their names, in order. */
static int
picture_name_ports(struct picture_look *look)
{
	struct picture_ports *to = &look->into->ports;
	int rc = picture_find_ports(look);

	to->names = rc == 0 ? calloc(look->n + 1, sizeof(*to->names)) : NULL;
	if (!to->names) {
		for (uint32_t i = 0; i < look->n; i++)
			free(look->named[i].name);
		return rc < 0 ? rc : -ENOMEM;
	}
	for (uint32_t i = 0; i < look->n; i++) {
		to->names[i] = look->named[i].name;
		look->index[look->named[i].port] = i;
		look->into->rows += look->from != look->to && look->named[i].row;
	}
	to->n_names = look->n;
	return 0;
}

static void
picture_look_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct picture_look *look = arg;
	const struct picture_port *from, *to;

	(void)host;
	if (row->counts.sent == 0 || look->error < 0)
		return;
	from = picture_ports_find(look->ports, &row->stream->source);
	to = picture_ports_find(look->ports, &row->stream->destination);
	if (!from || !to || from->group != look->from || to->group != look->to)
		return;
	look->error = picture_cells_add(&look->into->cells, look->index[from - look->ports->ports],
					look->index[to - look->ports->ports], row, look->now_ns);
}

/* The rows of all hosts with a port under the first switch. A host's ports follow each other. */
static void
picture_look_at_hosts(struct picture_look *look, const struct intake *intake)
{
	const char *last = "";

	for (uint32_t i = 0; i < look->ports->n_ports && look->error == 0; i++) {
		const struct picture_port *port = &look->ports->ports[i];
		const struct intake_host *host;

		if (port->group != look->from || strcmp(port->host, last) == 0)
			continue;
		last = port->host;
		host = intake_find(intake, port->host);
		if (host)
			intake_rows(host, INTAKE_SHORT, look->now_ns, picture_look_row, look);
	}
}

static void
picture_look_delays(struct picture_look *look, const struct intake *intake)
{
	for (uint32_t i = 0; i < look->ports->n_ports && look->error == 0; i++) {
		const struct picture_port *port = &look->ports->ports[i];

		if (port->group == look->from || port->group == look->to)
			look->error = picture_delays_of(look->into, look->index[i], intake,
							port->host, look->now_ns);
	}
}

static int
picture_look(struct picture_look *look, const struct intake *intake,
	     const struct picture_time *now)
{
	look->into = picture_view_new(look->ports->key);
	look->index = calloc(look->ports->n_ports + 1, sizeof(*look->index));
	if (!look->into || !look->index)
		return -ENOMEM;
	look->now_ns = now->mono_ns;
	look->error = picture_name_ports(look);
	if (look->error == 0)
		picture_look_at_hosts(look, intake);
	picture_look_delays(look, intake);
	picture_cells_sort(&look->into->cells);
	look->into->time_ns = now->wall_ns;
	look->into->window_ns = intake_window_ns(INTAKE_SHORT);
	return look->error;
}

int
picture_into(const struct picture_view *view, const struct intake *intake, const char *from,
	     const char *to, const struct picture_time *now, struct picture_view **out)
{
	uint32_t group = picture_ports_group(&view->ports, from);
	uint32_t other = picture_ports_group(&view->ports, to);
	struct picture_look *look;
	int rc = -ENOMEM;

	if (group == UINT32_MAX || other == UINT32_MAX)
		return -ENOENT;
	look = calloc(1, sizeof(*look));
	if (look) {
		look->ports = &view->ports;
		look->from = group;
		look->to = other;
		rc = picture_look(look, intake, now);
		free(look->index);
		if (rc == 0)
			*out = look->into;
		else
			picture_release(look->into);
	}
	free(look);
	return rc;
}
