/* SPDX-License-Identifier: Apache-2.0 */
/* picture_pods.h explains the object. */
#include "central/picture/picture_pods.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/picture/picture_impl.h"

#define PICTURE_PODS_PAIRS 20000u /* in one step */
#define PICTURE_NO_POD UINT32_MAX
#define PICTURE_UNKNOWN "?"       /* where the switches are whose pod is not known */

struct picture_pods {
	struct picture_view *view, *made;
	uint32_t *pod_of;         /* of each switch */
	char (*names)[PICTURE_NAME];
	uint32_t n;
	uint32_t *row_of, *column_of; /* of each switch, in `made` */
	uint32_t next;            /* pair */
};

/* ---- which pods there are ---- */

/* Switches are in the order of their names, so the last pod is the likeliest. */
static uint32_t
picture_pods_find(const struct picture_pods *p, const char *name)
{
	for (uint32_t i = p->n; i-- > 0;)
		if (strcmp(p->names[i], name) == 0)
			return i;
	return PICTURE_NO_POD;
}

/* Returns false if there are too many. */
static bool
picture_pods_put(struct picture_pods *p, uint32_t sw, const char *name)
{
	uint32_t pod = picture_pods_find(p, name);

	if (pod == PICTURE_NO_POD && p->n == PICTURE_PODS_MAX)
		return false;
	if (pod == PICTURE_NO_POD) {
		pod = p->n++;
		snprintf(p->names[pod], PICTURE_NAME, "%s", name);
	}
	p->pod_of[sw] = pod;
	return true;
}

/* A port with two ToRs is under "leaf1+leaf2", of which one alone may be known. */
static const char *
picture_pods_ask(picture_pod_of *of, void *arg, const char *name)
{
	const char *pod = of(arg, name);
	size_t n = strcspn(name, "+");
	char first[PICTURE_NAME];

	if (pod || !name[n] || n >= sizeof(first))
		return pod;
	memcpy(first, name, n);
	first[n] = '\0';
	return of(arg, first);
}

/* Whether a map of the pods, and one of each pod's switches, shows something. */
static bool
picture_pods_help(const struct picture_pods *p)
{
	uint32_t sizes[PICTURE_PODS_MAX] = {0}, named = 0;

	for (uint32_t i = 0; i < p->view->ports.n_names; i++)
		if (++sizes[p->pod_of[i]] > PICTURE_MANY)
			return false;
	for (uint32_t i = 0; i < p->n; i++)
		named += strcmp(p->names[i], PICTURE_UNKNOWN) != 0;
	return named > 1;
}

static bool
picture_pods_by(struct picture_pods *p, picture_pod_of *of, void *arg)
{
	bool good = of != NULL;

	p->n = 0;
	for (uint32_t i = 0; good && i < p->view->ports.n_names; i++) {
		const char *pod = picture_pods_ask(of, arg, p->view->ports.names[i]);

		good = picture_pods_put(p, i, pod ? pod : PICTURE_UNKNOWN);
	}
	return good && picture_pods_help(p);
}

/* What is before the last number, and before what separates it. arg: room for it. */
static const char *
picture_pods_prefix(void *arg, const char *name)
{
	char *text = arg;
	size_t n = strcspn(name, "+");

	while (n > 0 && !isdigit((unsigned char)name[n - 1]))
		n--;
	while (n > 0 && isdigit((unsigned char)name[n - 1]))
		n--;
	/* "pod3-tor12": "tor" is no part of the name of the pod. */
	while (n > 0 && !isdigit((unsigned char)name[n - 1]))
		n--;
	if (n == 0)
		return NULL;
	memcpy(text, name, n);
	text[n] = '\0';
	return text;
}

static void
picture_pods_by_order(struct picture_pods *p)
{
	uint32_t n = p->view->ports.n_names, size = 16;

	while ((n + size - 1) / size > PICTURE_PODS_MAX / 4)
		size *= 2;
	p->n = 0;
	for (uint32_t first = 0; first < n; first += size) {
		uint32_t last = first + size < n ? first + size - 1 : n - 1;

		snprintf(p->names[p->n], PICTURE_NAME, "%.120s to %.120s",
			 p->view->ports.names[first], p->view->ports.names[last]);
		for (uint32_t i = first; i <= last; i++)
			p->pod_of[i] = p->n;
		p->n++;
	}
}

int
picture_pods_new(struct picture_view *view, picture_pod_of *of, void *arg,
		 struct picture_pods **out)
{
	struct picture_pods *p = calloc(1, sizeof(*p));
	uint32_t n = view->ports.n_names + 1;
	char prefix[PICTURE_NAME];

	if (!p)
		return -ENOMEM;
	p->view = picture_share(view);
	p->pod_of = calloc(n, sizeof(*p->pod_of));
	p->row_of = calloc(n, sizeof(*p->row_of));
	p->column_of = calloc(n, sizeof(*p->column_of));
	p->names = calloc(PICTURE_PODS_MAX, sizeof(*p->names));
	p->made = picture_view_new(view->ports.key);
	if (!p->pod_of || !p->row_of || !p->column_of || !p->names || !p->made) {
		picture_pods_free(p);
		return -ENOMEM;
	}
	if (!picture_pods_by(p, of, arg) && !picture_pods_by(p, picture_pods_prefix, prefix))
		picture_pods_by_order(p);
	*out = p;
	return 0;
}

void
picture_pods_free(struct picture_pods *p)
{
	if (!p)
		return;
	picture_release(p->view);
	picture_release(p->made);
	free(p->pod_of);
	free(p->row_of);
	free(p->column_of);
	free(p->names);
	free(p);
}

/* ---- what is shown ---- */

/* Gives the switches of a pod their places, from made->ports.n_names on. Returns 0 or -ENOMEM. */
static int
picture_pods_list(struct picture_pods *p, uint32_t pod, uint32_t *place_of)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < p->view->ports.n_names; i++) {
		place_of[i] = PICTURE_NO_POD;
		if (p->pod_of[i] != pod)
			continue;
		place_of[i] = p->made->ports.n_names;
		rc = picture_add_name(&p->made->ports, p->view->ports.names[i]);
	}
	return rc;
}

int
picture_pods_into(struct picture_pods *p, const char *from, const char *to)
{
	uint32_t rows = picture_pods_find(p, from), columns = picture_pods_find(p, to);
	int rc;

	if (rows == PICTURE_NO_POD || columns == PICTURE_NO_POD)
		return -ENOENT;
	rc = picture_pods_list(p, rows, p->row_of);
	if (rc < 0 || rows == columns) {
		memcpy(p->column_of, p->row_of, p->view->ports.n_names * sizeof(*p->row_of));
		return rc;
	}
	p->made->rows = p->made->ports.n_names;
	return picture_pods_list(p, columns, p->column_of);
}

static int
picture_pods_whole(struct picture_pods *p)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < p->n; i++)
		rc = picture_add_name(&p->made->ports, p->names[i]);
	memcpy(p->row_of, p->pod_of, p->view->ports.n_names * sizeof(*p->row_of));
	memcpy(p->column_of, p->pod_of, p->view->ports.n_names * sizeof(*p->column_of));
	return rc;
}

static int
picture_pods_take(struct picture_pods *p, const struct picture_cell *cell)
{
	struct picture_cell more = *cell;

	more.from = p->row_of[cell->from];
	more.to = p->column_of[cell->to];
	if (more.from == PICTURE_NO_POD || more.to == PICTURE_NO_POD)
		return 0;
	return picture_cells_merge_worst(&p->made->cells, &more);
}

int
picture_pods_step(struct picture_pods *p, struct picture_view **out)
{
	const struct picture_cells *cells = &p->view->cells;
	int rc = p->made->ports.n_names ? 0 : picture_pods_whole(p);

	for (uint32_t i = 0; rc == 0 && i < PICTURE_PODS_PAIRS && p->next < cells->used; i++)
		rc = picture_pods_take(p, &cells->table[p->next++]);
	if (rc < 0 || p->next < cells->used)
		return rc < 0 ? rc : 1;
	rc = picture_delays_merge(p->made, p->row_of, p->view);
	if (rc == 0)
		rc = picture_delays_merge(p->made, p->column_of, p->view);
	if (rc < 0)
		return rc;
	picture_cells_sort(&p->made->cells);
	p->made->time_ns = p->view->time_ns;
	p->made->window_ns = p->view->window_ns;
	p->made->unknown = p->view->unknown;
	p->made->cells.left_out = cells->left_out;
	*out = p->made;
	p->made = NULL;
	return 0;
}
