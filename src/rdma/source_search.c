/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/source_search.h"

#include <errno.h>
#include <stddef.h>

#include "core/udp_port.h"
#include "rdma/sport.h"

void
source_search_init(struct source_search *search, uint32_t max, uint32_t max_mesh)
{
	*search = (struct source_search){
		.max = max < SOURCES_MAX ? max : SOURCES_MAX,
		.max_mesh = max_mesh,
	};
}

static uint16_t
search_port_of(uint32_t qpn)
{
	return sport_of(SPORT_RULE_QP, qpn, 0);
}

static uint32_t
search_index(const struct source_search *search, uint16_t port)
{
	uint32_t i = 0;

	while (i < search->n && search->port[i].port != port)
		i++;
	return i;
}

static bool
search_is_unmet(const struct source_port *port)
{
	return !port->endpoint && port->tries < SOURCES_TRIES;
}

/* The mesh does not want the port at this index yet, and has all the ports that it may. */
static bool
search_mesh_is_full(const struct source_search *search, uint32_t index)
{
	uint32_t n = 0;

	if (index < search->n && search->port[index].wants[SOURCE_MESH])
		return false;
	for (uint32_t i = 0; i < search->n; i++)
		n += search->port[i].wants[SOURCE_MESH] > 0;
	return n >= search->max_mesh;
}

int
source_search_want(struct source_search *search, uint16_t port, enum source_user user)
{
	uint32_t i = search_index(search, port);

	if (port < UDP_PORT_MIN)
		return -ERANGE;
	if (user == SOURCE_MESH && search_mesh_is_full(search, i))
		return -ENOSPC;
	if (i == search->n) {
		if (search->n == search->max)
			return -ENOSPC;
		search->port[search->n++] = (struct source_port){.port = port};
	}
	search->port[i].wants[user]++;
	if (!search_is_unmet(&search->port[i]))
		search->port[i].tries = 0;
	return 0;
}

struct endpoint *
source_search_unwant(struct source_search *search, uint16_t port, enum source_user user)
{
	uint32_t i = search_index(search, port);
	struct source_port *wanted = &search->port[i];
	struct endpoint *endpoint;

	if (i == search->n)
		return NULL;
	wanted->wants[user]--;
	if (wanted->wants[SOURCE_SERVICE] || wanted->wants[SOURCE_MESH])
		return NULL;
	endpoint = wanted->endpoint;
	*wanted = search->port[--search->n];
	return endpoint;
}

struct endpoint *
source_search_get(const struct source_search *search, uint16_t port)
{
	uint32_t i = search_index(search, port);

	return i < search->n ? search->port[i].endpoint : NULL;
}

static bool
search_wants(const struct source_search *search, uint16_t port)
{
	uint32_t i = search_index(search, port);

	return i < search->n && search_is_unmet(&search->port[i]);
}

enum source_step
source_search_next(const struct source_search *search)
{
	uint32_t i = 0;

	while (i < search->n && !search_is_unmet(&search->port[i]))
		i++;
	if (i == search->n)
		return SOURCE_STEP_NONE;
	if (search->numbered && search_wants(search, search_port_of(search->last_qpn + 1)))
		return SOURCE_STEP_ENDPOINT;
	return SOURCE_STEP_BARE;
}

/* Counts one more try for each port that is searched for. */
static void
search_count(struct source_search *search)
{
	search->tries++;
	for (uint32_t i = 0; i < search->n; i++) {
		if (!search_is_unmet(&search->port[i]))
			continue;
		if (++search->port[i].tries == SOURCES_TRIES)
			search->given_up++;
	}
}

bool
source_search_made(struct source_search *search, uint32_t qpn, struct endpoint *endpoint)
{
	uint16_t port = search_port_of(qpn);
	bool taken = endpoint && search_wants(search, port);

	search->numbered = true;
	search->last_qpn = qpn;
	if (taken)
		search->port[search_index(search, port)].endpoint = endpoint;
	search_count(search);
	return taken;
}

void
source_search_pause(struct source_search *search)
{
	search->numbered = false;
}

uint64_t
source_search_pause_ns(struct source_search *search, uint64_t took_ns)
{
	uint64_t cost_ns = search->took_ns && search->took_ns < took_ns ? search->took_ns : took_ns;

	search->took_ns = took_ns;
	return (uint64_t)((double)cost_ns / SOURCES_SHARE);
}

void
source_search_stats(const struct source_search *search, struct sources_stats *out)
{
	*out = (struct sources_stats){
		.wanted = search->n,
		.tries = search->tries,
		.given_up = search->given_up,
	};
	for (uint32_t i = 0; i < search->n; i++)
		out->found += search->port[i].endpoint != NULL;
}
