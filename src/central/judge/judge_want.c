/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a case that says what hosts are to be asked, so that its findings become sure. */
#include <errno.h>

#include "central/judge/judge_case_impl.h"
#include "core/udp_port.h"

#define JUDGE_NEW_PORTS 3u  /* new tuples between two NICs */
#define JUDGE_PICKS 64u     /* that are looked at for another NIC */

static uint64_t
judge_random(struct judge_case *c)
{
	/* splitmix64: any tuple does, but each time others. */
	uint64_t z = (c->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* `nic` is that of the tuple's source. */
static int
judge_want_add(struct judge_case *c, size_t finding, bool trace, uint32_t nic,
	       const struct ask_tuple *tuple)
{
	if (!tuple->src_port)
		return 0;
	if (judge_room((void **)&c->wants, &c->room_wants, c->n_wants, sizeof(*c->wants)) < 0)
		return -ENOMEM;
	c->wants[c->n_wants++] = (struct judge_want){
		.host = c->hosts[c->lnics[nic].host].name, .trace = trace, .tuple = *tuple,
		.finding = finding};
	return 0;
}

/* The tuples of a row, both ways. */
static int
judge_want_traces(struct judge_case *c, size_t finding, uint32_t index)
{
	const struct judge_row *row = &c->rows[index];
	const struct ask_tuple there = {row->source, row->destination, row->src_port,
					row->traffic_class, 0};
	const struct ask_tuple back = {row->destination, row->source, row->back_port,
				       row->traffic_class, 0};
	int rc = judge_want_add(c, finding, true, c->lrows[index].from, &there);

	return rc < 0 ? rc : judge_want_add(c, finding, true, c->lrows[index].to, &back);
}

/* ---- new tuples ---- */

/* A source port that the NIC can have; 0: none is known. */
static uint16_t
judge_pick_port(struct judge_case *c, uint32_t nic)
{
	size_t first;

	if (!c->nics[nic].src_ports)
		return (uint16_t)(UDP_PORT_MIN + judge_random(c) % (65536 - UDP_PORT_MIN));
	first = c->n_rows ? judge_random(c) % c->n_rows : 0;
	for (size_t i = 0; i < c->n_rows; i++) {
		size_t at = (first + i) % c->n_rows;

		if (c->lrows[at].from == nic && c->rows[at].src_port && judge_has_probes(c, at))
			return c->rows[at].src_port;
	}
	return 0;
}

/* Addresses of one family. Returns false if there are none. */
static bool
judge_pick_addrs(const struct judge_case *c, uint32_t from, uint32_t to, struct ask_tuple *out)
{
	const struct judge_nic *a = &c->nics[from], *b = &c->nics[to];

	for (uint8_t i = 0; i < a->n_addrs; i++)
		for (uint8_t k = 0; k < b->n_addrs; k++)
			if (addr_is_v4(&a->addrs[i]) == addr_is_v4(&b->addrs[k])) {
				out->source = a->addrs[i];
				out->destination = b->addrs[k];
				return true;
			}
	return false;
}

static int
judge_want_between(struct judge_case *c, size_t finding, uint32_t from, uint32_t to, uint8_t class)
{
	struct ask_tuple tuple = {.traffic_class = class};
	int rc = 0;

	if (from == to || !judge_pick_addrs(c, from, to, &tuple))
		return 0;
	for (unsigned int i = 0; rc == 0 && i < JUDGE_NEW_PORTS; i++) {
		tuple.src_port = judge_pick_port(c, from);
		rc = judge_want_add(c, finding, false, from, &tuple);
	}
	return rc;
}

/* A NIC under a third switch, or JUDGE_NONE. */
static uint32_t
judge_pick_third(struct judge_case *c, uint32_t from, uint32_t to)
{
	const struct locate_nic *nics = c->lnics;

	for (unsigned int i = 0; i < JUDGE_PICKS; i++) {
		uint32_t nic = (uint32_t)(judge_random(c) % c->n_nics);

		if (nics[nic].tor != nics[from].tor && nics[nic].tor != nics[to].tor &&
		    nics[nic].host != nics[from].host && nics[nic].host != nics[to].host &&
		    !nics[nic].excuses && !c->lhosts[nics[nic].host].excuses)
			return nic;
	}
	return JUDGE_NONE;
}

/*
 * Tuples from the one NIC to a third one, and from there to the other: these cross only the first,
 * or the second half of the way, of which the candidates are a part. So do other tuples between the
 * two NICs, if the candidates are links beside each other.
 */
static int
judge_want_new(struct judge_case *c, size_t finding, uint32_t from, uint32_t to)
{
	uint32_t third = judge_pick_third(c, from, to);
	uint8_t class = 0;
	int rc;

	for (size_t i = 0; i < c->n_rows; i++)
		if (c->lrows[i].from == from && c->lrows[i].to == to && judge_has_probes(c, i)) {
			class = c->rows[i].traffic_class;
			break;
		}
	rc = judge_want_between(c, finding, from, to, class);
	if (rc == 0 && third != JUDGE_NONE)
		rc = judge_want_between(c, finding, from, third, class);
	if (rc == 0 && third != JUDGE_NONE)
		rc = judge_want_between(c, finding, third, to, class);
	return rc;
}

/* ---- all ---- */

static int
judge_want_ask(struct judge_case *c, size_t finding, const struct locate_ask *ask)
{
	const struct judge_row *row;
	struct ask_tuple tuple;

	if (ask->row == LOCATE_NONE)
		return judge_want_new(c, finding, ask->from, ask->to);
	if (ask->retrace)
		return judge_want_traces(c, finding, ask->row);
	row = &c->rows[ask->row];
	tuple = (struct ask_tuple){row->source, row->destination, row->src_port,
				   row->traffic_class, 0};
	return judge_want_add(c, finding, false, ask->from, &tuple);
}

int
judge_want(struct judge_case *c)
{
	const struct locate_result *r = c->result;
	size_t next = 0;
	int rc = 0;

	for (size_t i = 0; i < r->n_findings; i++) {
		bool found = next < c->n_findings && c->found_in[next] == i;

		for (size_t k = 0; rc == 0 && k < r->findings[i].n_asks; k++)
			rc = judge_want_ask(c, found ? next : JUDGE_SUSPECT,
					    &r->findings[i].asks[k]);
		next += found;
	}
	return rc;
}

size_t
judge_case_wants(const struct judge_case *c, const struct judge_want **out)
{
	*out = c->wants;
	return c->n_wants;
}

bool
judge_case_tuple(const struct judge_case *c, const struct ask_tuple *tuple, uint64_t *sent,
		 uint64_t *lost)
{
	const struct judge_tuple key = {tuple->source, tuple->destination,
					(uint32_t)tuple->src_port << 8 | tuple->traffic_class};
	uint32_t first = judge_find_row(c, &key);

	*sent = *lost = 0;
	/* The rows of one tuple are of one host, so they stand close together. */
	for (size_t i = first; first != JUDGE_NONE && i < c->n_rows; i++) {
		if (c->lrows[i].from != c->lrows[first].from)
			break;
		if (c->rows[i].tuple != first)
			continue;
		*sent += c->lrows[i].sent;
		*lost += c->lrows[i].lost + c->lrows[i].half;
	}
	return *sent > 0;
}
