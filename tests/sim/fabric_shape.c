/* SPDX-License-Identifier: Apache-2.0 */
/* Fabrics of several shapes, and their equal-cost paths. */
#include <string.h>

#include "fabric.h"

const char *const fabric_shape_names[FABRIC_SHAPES] = {
	"2 tiers", "3 tiers", "rails", "unequal", "one ToR", "2 NICs",
};

uint64_t
fabric_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

double
fabric_uniform(uint64_t *state)
{
	return (double)(fabric_random(state) >> 11) * 0x1p-53;
}

uint32_t
fabric_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(fabric_random(state) % n);
}

static void
fabric_cable(struct fabric *f, uint32_t a, uint32_t b)
{
	uint32_t up = f->n_links++, down = f->n_links++;

	f->links[up] = (struct locate_link){a, b, LOCATE_NONE, down};
	f->links[down] = (struct locate_link){b, a, LOCATE_NONE, up};
	f->between[a][b] = up;
	f->between[b][a] = down;
}

static void
fabric_nic(struct fabric *f, uint32_t host, uint32_t tor, uint32_t rail)
{
	uint32_t nic = f->n_nics++, up = f->n_links++, down = f->n_links++;

	f->nics[nic] = (struct locate_nic){host, tor, 0};
	f->rail[nic] = rail;
	f->links[up] = (struct locate_link){LOCATE_NONE, tor, nic, down};
	f->links[down] = (struct locate_link){tor, LOCATE_NONE, nic, up};
	f->up[nic] = up;
	f->down[nic] = down;
	if (host >= f->n_hosts)
		f->n_hosts = host + 1;
}

/* Leaves 0 to leaves - 1, then spines; hosts of `nics` NICs each. */
static void
fabric_two_tiers(struct fabric *f, uint32_t leaves, uint32_t spines, uint32_t hosts, uint32_t nics)
{
	f->n_tors = leaves;
	f->n_switches = leaves + spines;
	f->width = spines;
	for (uint32_t l = 0; l < leaves; l++) {
		/* Unequal: some leaves have few hosts, and one has few uplinks. */
		uint32_t n = f->shape == FABRIC_UNEQUAL ? 2 + 2 * (l % 4) : hosts;
		uint32_t uplinks = f->shape == FABRIC_UNEQUAL && l == 0 ? spines / 2 : spines;

		for (uint32_t s = 0; s < uplinks; s++)
			fabric_cable(f, l, leaves + s);
		for (uint32_t h = 0, first = f->n_hosts; h < n * nics; h++)
			fabric_nic(f, first + h / nics, l, 0);
	}
}

/* Pods of leaves and aggregations; aggregation i of all pods meets the cores of plane i. */
static void
fabric_three_tiers(struct fabric *f, uint32_t pods, uint32_t leaves, uint32_t aggs, uint32_t cores)
{
	uint32_t agg0 = pods * leaves, core0 = agg0 + pods * aggs;

	f->n_tors = agg0;
	f->n_switches = core0 + aggs * cores;
	f->width = aggs * cores;
	for (uint32_t p = 0; p < pods; p++) {
		for (uint32_t l = 0; l < leaves; l++) {
			for (uint32_t a = 0; a < aggs; a++)
				fabric_cable(f, p * leaves + l, agg0 + p * aggs + a);
			for (uint32_t h = 0; h < 4; h++)
				fabric_nic(f, f->n_hosts, p * leaves + l, 0);
		}
		for (uint32_t a = 0; a < aggs; a++)
			for (uint32_t c = 0; c < cores; c++)
				fabric_cable(f, agg0 + p * aggs + a, core0 + a * cores + c);
	}
}

/* Each of a host's NICs is on a rail of its own: a leaf in each pod, spines that no other has. */
static void
fabric_rails(struct fabric *f, uint32_t pods, uint32_t rails, uint32_t spines, uint32_t hosts)
{
	f->n_tors = pods * rails;
	f->n_switches = f->n_tors + rails * spines;
	f->width = spines;
	for (uint32_t p = 0; p < pods; p++) {
		uint32_t first = f->n_hosts;

		for (uint32_t r = 0; r < rails; r++) {
			for (uint32_t s = 0; s < spines; s++)
				fabric_cable(f, p * rails + r, f->n_tors + r * spines + s);
			for (uint32_t h = 0; h < hosts; h++)
				fabric_nic(f, first + h, p * rails + r, r);
		}
	}
}

void
fabric_build(struct fabric *f, enum fabric_shape shape)
{
	memset(f, 0, sizeof(*f));
	memset(f->between, 0xff, sizeof(f->between));
	f->shape = shape;
	switch (shape) {
	case FABRIC_TWO_TIERS: fabric_two_tiers(f, 8, 8, 8, 1); break;
	case FABRIC_THREE_TIERS: fabric_three_tiers(f, 3, 3, 4, 2); break;
	case FABRIC_RAILS: fabric_rails(f, 3, 4, 4, 6); break;
	case FABRIC_UNEQUAL: fabric_two_tiers(f, 7, 6, 0, 1); break;
	case FABRIC_ONE_TOR: fabric_two_tiers(f, 1, 0, 24, 1); break;
	case FABRIC_TWO_NICS: case FABRIC_SHAPES: fabric_two_tiers(f, 6, 4, 5, 2); break;
	}
}

bool
fabric_is_fabric(const struct fabric *f, uint32_t link)
{
	return f->links[link].nic == LOCATE_NONE;
}

/* ---- paths ---- */

/* A switch next to both, by chance. */
static uint32_t
fabric_common(const struct fabric *f, uint32_t a, uint32_t b, uint64_t *random)
{
	uint32_t found[FABRIC_SWITCHES], n = 0;

	for (uint32_t s = f->n_tors; s < f->n_switches; s++)
		if (f->between[a][s] != LOCATE_NONE && f->between[s][b] != LOCATE_NONE)
			found[n++] = s;
	return n ? found[fabric_below(random, n)] : LOCATE_NONE;
}

/* Up, over a core, and down. */
static bool
fabric_far(const struct fabric *f, uint32_t a, uint32_t b, uint64_t *random,
	   struct fabric_path *path)
{
	uint32_t ways[FABRIC_SWITCHES][3], n = 0, w;

	for (uint32_t x = f->n_tors; x < f->n_switches; x++)
		for (uint32_t y = f->n_tors; y < f->n_switches && n < FABRIC_SWITCHES; y++) {
			uint32_t c = x != y && f->between[a][x] != LOCATE_NONE &&
				     f->between[y][b] != LOCATE_NONE ?
				     fabric_common(f, x, y, random) : LOCATE_NONE;

			if (c == LOCATE_NONE)
				continue;
			ways[n][0] = x;
			ways[n][1] = c;
			ways[n++][2] = y;
		}
	if (!n)
		return false;
	w = fabric_below(random, n);
	path->link[path->n++] = f->between[a][ways[w][0]];
	path->link[path->n++] = f->between[ways[w][0]][ways[w][1]];
	path->link[path->n++] = f->between[ways[w][1]][ways[w][2]];
	path->link[path->n++] = f->between[ways[w][2]][b];
	return true;
}

bool
fabric_route(const struct fabric *f, uint32_t from, uint32_t to, uint64_t *random,
	     struct fabric_path *path)
{
	uint32_t a = f->nics[from].tor, b = f->nics[to].tor, s;

	path->n = 0;
	path->link[path->n++] = f->up[from];
	if (a != b) {
		s = fabric_common(f, a, b, random);
		if (s != LOCATE_NONE) {
			path->link[path->n++] = f->between[a][s];
			path->link[path->n++] = f->between[s][b];
		} else if (!fabric_far(f, a, b, random, path)) {
			return false;
		}
	}
	path->link[path->n++] = f->down[to];
	return true;
}
