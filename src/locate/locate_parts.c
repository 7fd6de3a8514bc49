/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts: whatever can be to blame, as one range of numbers. A row crosses a part on the way there,
 * on the way back, or on both.
 *
 * - NIC: all it sends and receives; NIC out, NIC in: one of these. So a NIC out lies on the way
 *   there of what it probes with, and on the way back of what it is probed with.
 * - Host: all its NICs; responder: only the probes that it should answer.
 * - Link, cable (both ways), switch (all that crosses it).
 * - Above a ToR: all that its packets cross between it and other ToRs; above out, above in: what
 *   only those with an unknown path may cross, with probability LOCATE_STRAY.
 * - Tuple: one 5-tuple, one way.
 *
 * NICs, hosts, above and tuples are certain: a row crosses them whatever its path is. So is a
 * switch if it is the ToR of one of the row's NICs.
 */
#include <math.h>

#include "locate/locate_impl.h"

static uint32_t
locate_parts_fabric_links(const struct locate_evidence *e)
{
	uint32_t n = 0;

	for (size_t i = 0; i < e->n_links; i++)
		n += e->links[i].nic == LOCATE_NONE;
	return n;
}

static double
locate_parts_log(double n)
{
	return log(n > 1 ? n : 1);
}

void
locate_parts_number(struct locate_work *work)
{
	const struct locate_evidence *e = work->evidence;
	struct locate_parts *p = &work->parts;
	double links = locate_parts_fabric_links(e);

	p->nic = 0;
	p->nic_out = p->nic + (uint32_t)e->n_nics;
	p->nic_in = p->nic_out + (uint32_t)e->n_nics;
	p->host = p->nic_in + (uint32_t)e->n_nics;
	p->responder = p->host + (uint32_t)e->n_hosts;
	p->swtch = p->responder + (uint32_t)e->n_hosts;
	p->above = p->swtch + (uint32_t)e->n_switches;
	p->above_out = p->above + (uint32_t)e->n_switches;
	p->above_in = p->above_out + (uint32_t)e->n_switches;
	p->link = p->above_in + (uint32_t)e->n_switches;
	p->cable = p->link + (uint32_t)e->n_links;
	p->tuple = p->cable + (uint32_t)e->n_links;
	p->n = p->tuple + 2 * (uint32_t)e->n_rows;
	/* A path of two links there and two back, among all. */
	work->odds = fmin(LOCATE_STRAY, 4 / fmax(links, 1));
	work->price[LOCATE_NIC] = 1 + locate_parts_log((double)e->n_nics);
	work->price[LOCATE_LINK] = 1 + locate_parts_log(links);
	work->price[LOCATE_CABLE] = 1 + locate_parts_log(links);
	work->price[LOCATE_SWITCH] = 1.7 + locate_parts_log((double)e->n_switches);
	work->price[LOCATE_HOST] = 1.7 + locate_parts_log((double)e->n_hosts);
	work->price[LOCATE_TUPLES] = 2 + locate_parts_log(2 * (double)e->n_rows);
	work->price[LOCATE_ABOVE] = 2 + locate_parts_log((double)e->n_switches);
}

/* ---- the parts of a row ---- */

static void
locate_parts_add(struct locate_row_parts *out, uint32_t part, unsigned int mask)
{
	if (out->chosen && out->chosen[part] == LOCATE_NONE)
		return;
	for (size_t i = 0; i < out->n; i++)
		if (out->part[i] == part) {
			out->mask[i] |= (uint8_t)mask;
			return;
		}
	if (out->n == LOCATE_ROW_PARTS)
		return;
	out->part[out->n] = part;
	out->mask[out->n++] = (uint8_t)mask;
}

static void
locate_parts_ends(const struct locate_work *work, const struct locate_row *row,
		  struct locate_row_parts *out)
{
	const struct locate_evidence *e = work->evidence;
	const struct locate_parts *p = &work->parts;
	const struct locate_nic *from = &e->nics[row->from], *to = &e->nics[row->to];

	locate_parts_add(out, p->nic + row->from, LOCATE_THERE | LOCATE_WAY_BACK);
	locate_parts_add(out, p->nic + row->to, LOCATE_THERE | LOCATE_WAY_BACK);
	locate_parts_add(out, p->nic_out + row->from, LOCATE_THERE);
	locate_parts_add(out, p->nic_out + row->to, LOCATE_WAY_BACK);
	locate_parts_add(out, p->nic_in + row->to, LOCATE_THERE);
	locate_parts_add(out, p->nic_in + row->from, LOCATE_WAY_BACK);
	locate_parts_add(out, p->host + from->host, LOCATE_THERE | LOCATE_WAY_BACK);
	locate_parts_add(out, p->host + to->host, LOCATE_THERE | LOCATE_WAY_BACK);
	locate_parts_add(out, p->responder + to->host, LOCATE_THERE);
	for (int i = 0; i < 2; i++) {
		uint32_t tor = i ? to->tor : from->tor;

		if (tor != LOCATE_NONE)
			locate_parts_add(out, p->swtch + tor, LOCATE_THERE | LOCATE_WAY_BACK |
					 LOCATE_SURE);
	}
}

static const struct locate_path *
locate_parts_path(const struct locate_work *work, uint32_t path)
{
	const struct locate_path *p;

	if (path == LOCATE_NONE)
		return NULL;
	p = &work->evidence->paths[path];
	return p->flags & LOCATE_PATH_STABLE ? p : NULL;
}

static bool
locate_parts_known(const struct locate_work *work, uint32_t path)
{
	const struct locate_path *p = locate_parts_path(work, path);

	return p && p->flags & LOCATE_PATH_COMPLETE;
}

static void
locate_parts_way(const struct locate_work *work, uint32_t index, unsigned int mask,
		 struct locate_row_parts *out)
{
	const struct locate_path *path = locate_parts_path(work, index);
	const struct locate_parts *p = &work->parts;

	for (uint32_t i = 0; path && i < path->n_links; i++) {
		uint32_t id = path->links[i];
		const struct locate_link *link = &work->evidence->links[id];

		if (link->from != LOCATE_NONE)
			locate_parts_add(out, p->swtch + link->from, mask);
		if (link->to != LOCATE_NONE)
			locate_parts_add(out, p->swtch + link->to, mask);
		if (link->nic != LOCATE_NONE)
			continue;
		locate_parts_add(out, p->link + id, mask);
		if (link->reverse != LOCATE_NONE)
			locate_parts_add(out, p->cable +
					 (link->reverse < id ? link->reverse : id), mask);
	}
}

static bool
locate_parts_one_tor(const struct locate_work *work, const struct locate_row *row)
{
	uint32_t a = work->evidence->nics[row->from].tor, b = work->evidence->nics[row->to].tor;

	return a != LOCATE_NONE && a == b;
}

static void
locate_parts_above_way(const struct locate_work *work, const struct locate_row *row,
		       unsigned int mask, struct locate_row_parts *out)
{
	const struct locate_nic *nics = work->evidence->nics;
	uint32_t from = nics[mask == LOCATE_THERE ? row->from : row->to].tor;
	uint32_t to = nics[mask == LOCATE_THERE ? row->to : row->from].tor;

	if (locate_parts_known(work, mask == LOCATE_THERE ? row->there : row->back))
		return;
	if (from != LOCATE_NONE)
		locate_parts_add(out, work->parts.above_out + from, mask);
	if (to != LOCATE_NONE)
		locate_parts_add(out, work->parts.above_in + to, mask);
}

static void
locate_parts_above(const struct locate_work *work, const struct locate_row *row,
		   struct locate_row_parts *out)
{
	const struct locate_nic *nics = work->evidence->nics;

	if (locate_parts_one_tor(work, row))
		return;
	for (int i = 0; i < 2; i++) {
		uint32_t tor = nics[i ? row->to : row->from].tor;

		if (tor != LOCATE_NONE)
			locate_parts_add(out, work->parts.above + tor,
					 LOCATE_THERE | LOCATE_WAY_BACK);
	}
	locate_parts_above_way(work, row, LOCATE_THERE, out);
	locate_parts_above_way(work, row, LOCATE_WAY_BACK, out);
}

void
locate_parts_of(const struct locate_work *work, uint32_t index, struct locate_row_parts *out)
{
	const struct locate_row *row = &work->evidence->rows[index];

	out->n = 0;
	out->chosen = work->slot;
	locate_parts_ends(work, row, out);
	locate_parts_way(work, row->there, LOCATE_THERE, out);
	locate_parts_way(work, row->back, LOCATE_WAY_BACK, out);
	locate_parts_above(work, row, out);
	locate_parts_add(out, work->parts.tuple + 2 * row->tuple, LOCATE_THERE);
	locate_parts_add(out, work->parts.tuple + 2 * row->tuple + 1, LOCATE_WAY_BACK);
}

/* ---- what is said of them ---- */

static bool
locate_parts_crosses(const struct locate_work *work, uint32_t index)
{
	const struct locate_path *path = locate_parts_path(work, index);

	for (uint32_t i = 0; path && i < path->n_links; i++)
		if (work->evidence->links[path->links[i]].nic == LOCATE_NONE)
			return true;
	return false;
}

static double
locate_parts_way_wrong(const struct locate_work *work, uint32_t index)
{
	double wrong = work->options.wrong / 2;

	if (!locate_parts_known(work, index))
		return (1 - LOCATE_STRAY) / 2;
	if (!locate_parts_crosses(work, index))
		return 0;
	return work->evidence->paths[index].flags & LOCATE_PATH_FRESH ? wrong / 20 : wrong;
}

double
locate_row_wrong(const struct locate_work *work, const struct locate_row *row)
{
	if (locate_parts_one_tor(work, row))
		return 0;
	return locate_parts_way_wrong(work, row->there) + locate_parts_way_wrong(work, row->back);
}

static void
locate_parts_set(struct locate_part *part, enum locate_kind kind, uint32_t id,
		 enum locate_direction direction)
{
	part->kind = kind;
	part->id = id;
	part->direction = direction;
}

static void
locate_parts_end(const struct locate_parts *p, struct locate_part *part)
{
	uint32_t n = part->part;

	if (n < p->nic_out)
		locate_parts_set(part, LOCATE_NIC, n - p->nic, LOCATE_BOTH);
	else if (n < p->nic_in)
		locate_parts_set(part, LOCATE_NIC, n - p->nic_out, LOCATE_FORTH);
	else if (n < p->host)
		locate_parts_set(part, LOCATE_NIC, n - p->nic_in, LOCATE_BACK);
	else if (n < p->responder)
		locate_parts_set(part, LOCATE_HOST, n - p->host, LOCATE_BOTH);
	else
		locate_parts_set(part, LOCATE_HOST, n - p->responder, LOCATE_BACK);
}

static void
locate_parts_middle(const struct locate_parts *p, struct locate_part *part)
{
	uint32_t n = part->part;

	if (n < p->above)
		locate_parts_set(part, LOCATE_SWITCH, n - p->swtch, LOCATE_BOTH);
	else if (n < p->above_out)
		locate_parts_set(part, LOCATE_ABOVE, n - p->above, LOCATE_BOTH);
	else if (n < p->above_in)
		locate_parts_set(part, LOCATE_ABOVE, n - p->above_out, LOCATE_FORTH);
	else if (n < p->link)
		locate_parts_set(part, LOCATE_ABOVE, n - p->above_in, LOCATE_BACK);
	else if (n < p->cable)
		locate_parts_set(part, LOCATE_LINK, n - p->link, LOCATE_FORTH);
	else if (n < p->tuple)
		locate_parts_set(part, LOCATE_CABLE, n - p->cable, LOCATE_BOTH);
	else
		locate_parts_set(part, LOCATE_TUPLES, (n - p->tuple) / 2,
				 (n - p->tuple) % 2 ? LOCATE_BACK : LOCATE_FORTH);
}

/*
 * A host with one NIC looks like its NIC. If it reports, it is alive, so that it is rather the NIC;
 * if it does not, it is rather the host. One direction alone is a bit less likely than both.
 */
static double
locate_parts_extra(const struct locate_work *work, const struct locate_part *part)
{
	const struct locate_evidence *e = work->evidence;
	uint32_t host = part->kind == LOCATE_HOST ? part->id : LOCATE_NONE;
	double extra = 0;

	if (part->kind == LOCATE_NIC) {
		host = e->nics[part->id].host;
		extra = e->hosts[host].silent ? 4 : 0;
		return extra + (part->direction == LOCATE_BOTH ? 0 : 0.7);
	}
	if (host != LOCATE_NONE && work->nics_of[host] == 1 && !e->hosts[host].silent)
		extra = 3.5;
	return extra;
}

double
locate_parts_wrong(const struct locate_work *work, const struct locate_part *part)
{
	if (part->sure)
		return 0;
	return part->kind == LOCATE_ABOVE ? 1 - LOCATE_STRAY : work->options.wrong;
}

void
locate_parts_describe(const struct locate_work *work, struct locate_part *part)
{
	if (part->part < work->parts.swtch)
		locate_parts_end(&work->parts, part);
	else
		locate_parts_middle(&work->parts, part);
	part->sure = part->kind != LOCATE_LINK && part->kind != LOCATE_CABLE &&
		     part->kind != LOCATE_SWITCH &&
		     (part->kind != LOCATE_ABOVE || part->direction == LOCATE_BOTH);
	part->price = work->price[part->kind] + locate_parts_extra(work, part);
}
