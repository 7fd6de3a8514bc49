/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: peers and the pinglist
 *
 * A list is added entry by entry. Each entry is kept at its peer, in `pending`, which is made if
 * necessary. At the end of the list the timer visits the peers in the order of their ids: `pending`
 * becomes `list`, and the streams follow. A peer that the new list does not have loses what it had
 * of the old one, and goes if nobody else wants it. A list that is begun before the last one is in
 * force everywhere replaces it.
 *
 * What else changes the streams of the list (its rates, the sizes, the timeout) reaches them in the
 * same way, with another timer.
 */
#include "agent/peer/peer_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/loop.h"

#define PEERS_LIST_AT_ONCE 128 /* peers that change in one callback */
#define PEERS_LIST_PORT_NS NSEC_PER_SEC /* until streams want their ports again */

/* ---- a list in the making ---- */

void
peer_list_forget(struct peer *peer)
{
	free(peer->list);
	free(peer->pending);
	peer->list = peer->pending = NULL;
}

void
peers_list_begin(struct peers *peers)
{
	peers->list.round++;
	peers->list.adding = true;
	loop_timer_clear(peers->list.timer);
}

/* A peer of the configuration that is probed on the same path, or NULL. */
static struct peer *
peers_list_configured(struct peers *peers, const struct peer_listed *entry)
{
	struct peer *p;

	LIST_FOREACH(p, peer_bucket(peers, &entry->address), in_bucket)
		if (p->refs[PEER_ORIGIN_FILE] && p->binding == PEER_BOUND && p->nic == entry->nic &&
		    addr_equal(&p->remote, &entry->address) &&
		    addr_equal(&p->local, &entry->source))
			return p;
	return NULL;
}

/* NULL: no memory. */
static struct peer *
peers_list_peer(struct peers *peers, const struct peer_listed *entry)
{
	struct peer *peer = peers_list_configured(peers, entry);
	char address[ADDR_TEXT], source[ADDR_TEXT];
	const char *device = nic_name(entry->nic);

	if (peer)
		return peer;
	addr_text(&entry->address, address);
	addr_text(&entry->source, source);
	peer = peer_find(peers, address, device, source);
	return peer ? peer : peer_make(peers, address, device, source);
}

/* Makes room for the streams of an entry in peer->pending. */
static int
peer_list_grow(struct peer *peer, const struct peer_listed *entry)
{
	struct peer_list *list;
	uint32_t n;

	if (peer->pending_round != peer->peers->list.round) {
		free(peer->pending);
		peer->pending = NULL;
	}
	n = peer->pending ? peer->pending->n : 0;
	if (entry->tuples > PEER_LIST_STREAMS - n)
		return -ENOSPC;
	list = realloc(peer->pending,
		       sizeof(*list) + (n + entry->tuples) * sizeof(list->streams[0]));
	if (!list)
		return -ENOMEM;
	if (n == 0) {
		*list = (struct peer_list){.as = {.fabric = entry->fabric}};
		snprintf(list->as.host, sizeof(list->as.host), "%s", entry->host);
		snprintf(list->as.device, sizeof(list->as.device), "%s", entry->device);
		snprintf(list->as.tor, sizeof(list->as.tor), "%s", entry->tor);
	}
	peer->pending = list;
	peer->pending_round = peer->peers->list.round;
	return 0;
}

/*
 * A flow label for the next 5-tuple that may have any source port: none for the first one, then
 * others, as many as the mesh may have source ports.
 */
static uint32_t
peer_list_any_label(const struct peers *peers, const struct nic *nic, struct peer_list *list)
{
	uint32_t ports = PEER_LIST_STREAMS;
	struct nic_info info;

	nic_info(nic, &info);
	if (info.has_sources)
		ports = config_mesh_qps(peers->config) + 1;
	return list->unlabelled++ % ports;
}

int
peers_list_add(struct peers *peers, const struct peer_listed *entry)
{
	struct peer *peer = peers_list_peer(peers, entry);
	int rc = peer ? peer_list_grow(peer, entry) : -ENOMEM;
	struct peer_list *list;

	if (rc < 0)
		return rc;
	list = peer->pending;
	for (uint32_t i = 0; i < entry->tuples; i++)
		list->streams[list->n++] = (struct peer_list_stream){
			.interval_ns = entry->interval_ns,
			.traffic_class = entry->traffic_class,
			.flow_label = entry->n_labels ?
					      entry->labels[i] :
					      peer_list_any_label(peers, entry->nic, list),
		};
	return 0;
}

void
peers_list_end(struct peers *peers)
{
	peers->list.adding = false;
	peers->list.done_id = 0;
	loop_timer_set(peers->list.timer, 0);
}

/* ---- a list comes into force ---- */

/* Returns whether the peer had or has something of the list. May free the peer. */
static bool
peer_list_commit(struct peer *peer)
{
	bool had = peer->list || peer->pending;

	if (peer->pending_round != peer->peers->list.round) {
		free(peer->pending);
		peer->pending = NULL;
	}
	free(peer->list);
	peer->list = peer->pending;
	peer->pending = NULL;
	peer->refs[PEER_ORIGIN_LIST] = peer->list != NULL;
	if (had)
		peer_mesh_follow_list(peer);
	peer_drop_unheld(peer);
	return had;
}

/*
 * Visits peers behind *done_id until PEERS_LIST_AT_ONCE have changed. Returns whether it has
 * visited the last one; else it sets the timer.
 */
static bool
peers_list_walk(struct peers *peers, uint64_t *done_id, struct loop_timer *timer,
		bool (*visit)(struct peer *))
{
	unsigned int n = 0;
	struct peer *next;

	for (struct peer *peer = peers->first; peer; peer = next) {
		next = peer->next;
		if (peer->id <= *done_id)
			continue;
		if (n == PEERS_LIST_AT_ONCE) {
			loop_timer_set(timer, 0);
			return false;
		}
		*done_id = peer->id;
		n += visit(peer);
	}
	return true;
}

void
peers_list_work(void *arg)
{
	struct peers *peers = arg;

	peers_list_walk(peers, &peers->list.done_id, peers->list.timer, peer_list_commit);
}

/* ---- what else changes its streams ---- */

/* Returns whether the peer has streams of the list. */
static bool
peer_list_follow(struct peer *peer)
{
	if (!peer->list || peer->refs[PEER_ORIGIN_FILE])
		return false;
	if (peer->peers->list.anew)
		peer_mesh_end(peer);
	peer_mesh_begin(peer);
	return true;
}

void
peers_list_follow_soon(struct peers *peers, uint64_t delay_ns)
{
	peers->list.followed_id = 0;
	peers->list.ports_short = peers->list.ports_free = false;
	loop_timer_set(peers->list.follow, delay_ns);
}

/* If ports come and go all the time, the streams are visited after a pause each time. */
void
peers_list_port_free(struct peers *peers)
{
	peers->list.ports_free |= peers->list.ports_short;
	if (peers->list.ports_free && peers->list.followed_id == UINT64_MAX)
		peers_list_follow_soon(peers, PEERS_LIST_PORT_NS);
}

void
peers_list_follow(void *arg)
{
	struct peers *peers = arg;
	struct peers_list *list = &peers->list;

	if (!peers_list_walk(peers, &list->followed_id, list->follow, peer_list_follow))
		return;
	list->followed_id = UINT64_MAX;
	list->anew = false;
	if (list->ports_free)
		peers_list_follow_soon(peers, PEERS_LIST_PORT_NS);
}

void
peers_list_slow(struct peers *peers, uint32_t factor)
{
	if (peers->list.slow == factor)
		return;
	peers->list.slow = factor;
	peers_list_follow_soon(peers, 0);
}

/* Sizes, service level and timeout are those of the configuration. */
void
peers_list_configure(struct peers *peers, const struct config *config)
{
	const struct config *old = peers->config;
	struct config_peer was = old->base, is = config->base;

	was.interval_ms = is.interval_ms;
	was.traffic_class = is.traffic_class;
	was.flow_labels = is.flow_labels;
	was.n_flow_labels = is.n_flow_labels;
	if (old->timeout_ms == config->timeout_ms && config_peer_streams_equal(&was, &is))
		return;
	peers->list.anew = true;
	peers_list_follow_soon(peers, 0);
}

/* ---- the timers ---- */

int
peers_list_init(struct peers *peers)
{
	struct loop *loop = peers->env.loop;
	int rc = loop_timer_new(loop, "pinglist", peers_list_work, peers, &peers->list.timer);

	peers->list.followed_id = UINT64_MAX;
	if (rc < 0)
		return rc;
	rc = loop_timer_new(loop, "list streams", peers_list_follow, peers, &peers->list.follow);
	if (rc < 0)
		peers_list_free(peers);
	return rc;
}

void
peers_list_free(struct peers *peers)
{
	loop_timer_free(peers->list.timer);
	loop_timer_free(peers->list.follow);
}
