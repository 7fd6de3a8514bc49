/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: peer
 *
 *   naming -> (no_name, asked again) -> no_device | self | bound
 *
 * Its name is looked up again as long as it exists (peer_name.c). If the address changes, the peer
 * starts again from the beginning.
 *
 * A bound peer has a prober_peer, which contains its state in the prober, and a path. Address,
 * device and source, as in the configuration, identify a peer. It exists as long as one of its
 * origins has a reference. Its prober_peer owns the streams (targets) of the mesh, with a
 * peer_stream as user (peer_mesh.c); a ping owns its stream, and a service owns its own.
 * peer_source.c chooses the source of a peer; peer_probe.c resolves and probes it; peer_list.c
 * follows the pinglist.
 */
#include "agent/peer/peer_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/names.h"
#include "agent/base/pump.h"
#include "agent/base/self.h"
#include "rdma/path.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define PEERS_BINDS 128      /* in one callback */
#define PEERS_BIND_TARGETS 16 /* so many take as long as a bind */

static const char *const peer_binding_names[] = PEER_BINDING_NAMES;
static_assert(sizeof(peer_binding_names) / sizeof(peer_binding_names[0]) == PEER_BINDING_N,
	      "a name for each binding");

const char *
peer_origin_name(enum peer_origin origin)
{
	static const char *const names[] = PEER_ORIGIN_NAMES;

	return (unsigned int)origin < PEER_ORIGIN_N ? names[origin] : NULL;
}

/* Logs each reason once, because a name that is not found is looked up again and again. */
static void
peer_tell_binding(struct peer *peer)
{
	peer->told_reason = peer->binding_reason;
	if (peer->binding == PEER_SELF)
		log_info(PEER, "%s: is this host itself: skipped", peer->config.address);
	else
		log_some(PEER_LINES, PEER, WARNING, "%s: not probed: %s", peer->config.address,
			 peer->binding_reason);
}

void
peer_set_binding(struct peer *peer, enum peer_binding binding, const char *reason)
{
	if (peer->binding == binding && peer->binding_reason == reason)
		return;
	peer->binding = binding;
	peer->binding_reason = reason;
	if (reason && reason != peer->told_reason)
		peer_tell_binding(peer);
	peer->peers->env.ops->event(peer->peers->env.arg, peer, PEER_REBOUND);
}

const char *
peer_state(const struct peer *peer, const char **reason)
{
	struct prober_peer_info info;

	*reason = peer->binding_reason;
	if (peer->binding != PEER_BOUND)
		return peer_binding_names[peer->binding];
	*reason = nic_down_reason(peer->nic);
	if (*reason)
		return peer_binding_names[PEER_UNPROBED];
	prober_peer_info(peer->prober, &info);
	*reason = info.reason;
	return prober_peer_state_name(info.state);
}

/* ---- binding ---- */

static void
peer_update_patience(struct peer *peer);

void
peer_unbind(struct peer *peer)
{
	if (!peer->prober)
		return;
	peer->peers->env.ops->event(peer->peers->env.arg, peer, PEER_UNBOUND);
	sidr_cancel(peer->call);
	peer->call = NULL;
	peer->ask_failed = false;
	peer_mesh_end(peer);
	prober_peer_remove(peer->prober);
	peer->prober = NULL;
	path_free(peer->path);
	peer->path = NULL;
	peer->nic = NULL;
}

static void
peer_bind_now(struct peer *peer)
{
	struct peer_source source;

	if (nics_find_local(peer->peers->env.nics, &peer->remote)) {
		peer_set_binding(peer, PEER_SELF, "it is an address of this host");
		return;
	}
	if (!peer_source_choose(peer, &source)) {
		peer_set_binding(peer, PEER_NO_DEVICE, peer_source_missing(peer));
		return;
	}
	if (prober_peer_add(peer->peers->env.prober, nic_budget(source.nic), peer, clock_mono_ns(),
			    &peer->prober) < 0) {
		peer_set_binding(peer, PEER_NO_DEVICE, "out of memory");
		return;
	}
	peer->nic = source.nic;
	peer->local = source.gid->addr;
	peer->gid_index = source.gid->index;
	peer_make_path(peer);
	peer_update_patience(peer);
	log_debug(PEER, "%s: probed from %s", peer->config.address, nic_name(peer->nic));
	peer->told_reason = NULL;
	peer_set_binding(peer, PEER_BOUND, NULL);
	peer_mesh_begin(peer);
}

/* What the bind of the peer takes from binds_left. */
static uint32_t
peer_bind_cost(const struct peer *peer)
{
	size_t cost = 1 + peer->config.n_flow_labels / PEERS_BIND_TARGETS;

	return cost < peer->peers->binds_left ? (uint32_t)cost : peer->peers->binds_left;
}

/*
 * Binds the peer now or later: each needs a few system calls, and tens of thousands of them, or of
 * their targets, must not be made in one callback.
 */
void
peer_bind(struct peer *peer)
{
	struct peers *peers = peer->peers;

	peer->bind_due = peers->binds_left == 0;
	if (peer->bind_due) {
		if (peer->binding == PEER_BOUND)
			peer_set_binding(peer, PEER_NAMING, NULL);
		loop_timer_set(peers->bind, 0);
		return;
	}
	peers->binds_left -= peer_bind_cost(peer);
	peer_bind_now(peer);
}

static void
peers_bind_some(void *arg)
{
	struct peers *peers = arg;

	peers->binds_left = PEERS_BINDS;
	for (struct peer *peer = peers->first; peer && peers->binds_left; peer = peer->next)
		if (peer->bind_due && peer->named)
			peer_bind(peer);
	if (peers->binds_left == 0)
		loop_timer_set(peers->bind, 0);
}

void
peer_rebind(struct peer *peer)
{
	peer_unbind(peer);
	peer_bind(peer);
}

size_t
peer_hash(const void *bytes, size_t n)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619u;
	return hash % PEERS_BUCKETS;
}

struct peer_bucket *
peer_bucket(struct peers *peers, const struct addr *remote)
{
	return &peers->at[peer_hash(remote->raw, sizeof(remote->raw))];
}

static struct peer_names *
peer_called(struct peers *peers, const char *address)
{
	return &peers->called[peer_hash(address, strlen(address))];
}

/* ---- making, finding, freeing ---- */

static bool
peer_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
peer_is(const struct peer *peer, const char *address, const char *device, const char *source)
{
	return strcmp(peer->config.address, address) == 0 &&
	       peer_same_text(peer->config.device, device) &&
	       peer_same_text(peer->config.source, source);
}

struct peer *
peer_find(struct peers *peers, const char *address, const char *device, const char *source)
{
	struct peer *p;

	LIST_FOREACH(p, peer_called(peers, address), in_called)
		if (peer_is(p, address, device, source))
			return p;
	return NULL;
}

struct peer *
peer_new(struct peers *peers, const struct config_peer *config, bool from_file)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer || config_peer_copy(config, &peer->config) < 0) {
		free(peer);
		return NULL;
	}
	peer->peers = peers;
	peer->refs[PEER_ORIGIN_FILE] = from_file;
	peer->id = ++peers->next_id;
	peer->link = peers->first ? peers->end : &peers->first;
	*peer->link = peer;
	peers->end = &peer->next;
	LIST_INSERT_HEAD(peer_called(peers, peer->config.address), peer, in_called);
	peer_name_ask(peer);
	return peer;
}

void
peer_free(struct peer *peer)
{
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	else
		peer->peers->end = peer->link;
	LIST_REMOVE(peer, in_called);
	if (peer->named)
		LIST_REMOVE(peer, in_bucket);
	peer_set_hostname(peer, "");
	names_cancel(peer->lookup);
	peer_unbind(peer);
	loop_undefer(peer->peers->env.loop, peer);
	peer_list_forget(peer);
	config_peer_clear(&peer->config);
	free(peer);
}

void
peers_free(struct peers *peers)
{
	if (!peers)
		return;
	while (peers->first)
		peer_free(peers->first);
	loop_timer_free(peers->bind);
	peers_list_free(peers);
	free(peers);
}

int
peers_new(const struct peers_env *env, const struct config *config, struct peers **out)
{
	struct peers *peers = calloc(1, sizeof(*peers));
	int rc;

	if (!peers)
		return -ENOMEM;
	peers->env = *env;
	rc = loop_timer_new(env->loop, "peers", peers_bind_some, peers, &peers->bind);
	if (rc == 0)
		rc = peers_list_init(peers);
	if (rc < 0) {
		loop_timer_free(peers->bind);
		free(peers);
		return rc;
	}
	peers->binds_left = PEERS_BINDS;
	peers->config = config;
	peers->files = names_files();
	peers->review_ns = peers->review_again_ns = UINT64_MAX;
	*out = peers;
	return 0;
}

struct peer *
peer_make(struct peers *peers, const char *address, const char *device, const char *source)
{
	struct config_peer config = {
		.address = strdup(address), .device = device ? strdup(device) : NULL,
		.source = source ? strdup(source) : NULL,
	};
	struct peer *peer = NULL;

	if (config.address && !config.device == !device && !config.source == !source)
		peer = peer_new(peers, &config, false);
	config_peer_clear(&config);
	return peer;
}

struct peer *
peers_for_ping(struct peers *peers, const char *address, const char *device, const char *source)
{
	struct peer *peer = peer_find(peers, address, device, source);

	/* Without a device, any peer with that address fits. */
	for (struct peer *p = peers->first; !peer && !device && !source && p; p = p->next)
		if (strcmp(p->config.address, address) == 0)
			peer = p;
	return peer ? peer : peer_make(peers, address, device, source);
}

/*
 * There may be as many peers as flows, so check only those with this address. A bound peer is
 * better than one that is not bound yet.
 */
static struct peer *
peer_find_at(struct peers *peers, const struct nic *nic, const struct addr *local,
	     const struct addr *remote, const char *address, const char *source)
{
	struct peer *p, *found = NULL;

	LIST_FOREACH(p, peer_bucket(peers, remote), in_bucket) {
		if (p->binding == PEER_BOUND && p->nic == nic && addr_equal(&p->remote, remote) &&
		    addr_equal(&p->local, local))
			return p;
		if (peer_is(p, address, nic_name(nic), source))
			found = p;
	}
	return found;
}

struct peer *
peers_for_flow(struct peers *peers, const struct nic *nic, const struct addr *local,
	       const struct addr *remote)
{
	char address[ADDR_TEXT], source[ADDR_TEXT];
	const char *a = addr_text(remote, address), *s = addr_text(local, source);
	struct peer *peer = peer_find_at(peers, nic, local, remote, a, s);

	return peer ? peer : peer_make(peers, a, nic_name(nic), s);
}

bool
peer_is_up(const struct peer *peer)
{
	struct prober_peer_info info;

	if (peer->binding != PEER_BOUND)
		return false;
	prober_peer_info(peer->prober, &info);
	return info.state == PROBER_PEER_UP || info.state == PROBER_PEER_CHECKING ||
	       info.state == PROBER_PEER_NO_DATA;
}

/* The references of the peer have changed. */
static void
peer_update_patience(struct peer *peer)
{
	enum probe_kind kind = PROBE_KIND_SERVICE;

	if (!peer->prober)
		return;
	if (peer->refs[PEER_ORIGIN_FILE] || peer->refs[PEER_ORIGIN_LIST])
		kind = PROBE_KIND_MESH;
	else if (peer->refs[PEER_ORIGIN_PING] || peer->refs[PEER_ORIGIN_ASK])
		kind = PROBE_KIND_PING;
	prober_peer_set_kind(peer->prober, kind, clock_mono_ns());
	prober_peer_set_configured(peer->prober, peer->refs[PEER_ORIGIN_FILE]);
}

void
peer_hold(struct peer *peer, enum peer_origin origin)
{
	peer->refs[origin]++;
	peer_update_patience(peer);
}

static bool
peer_is_held(const struct peer *peer)
{
	for (int i = 0; i < PEER_ORIGIN_N; i++)
		if (peer->refs[i])
			return true;
	return peer->pending != NULL;
}

bool
peer_drop_unheld(struct peer *peer)
{
	if (peer_is_held(peer)) {
		peer_update_patience(peer);
		return false;
	}
	peer_free(peer);
	return true;
}

void
peer_release(struct peer *peer, enum peer_origin origin)
{
	peer->refs[origin]--;
	peer_drop_unheld(peer);
}

/* An existing peer is configured. Replaces its streams if they differ, but does not resolve it. */
static int
peer_adopt(struct peer *peer, const struct config_peer *config)
{
	struct config_peer copy;

	/* The timeout of a target cannot change. */
	if (peer->refs[PEER_ORIGIN_FILE] && config_peer_streams_equal(&peer->config, config) &&
	    peer->timeout_ms == peer->peers->config->timeout_ms)
		return 0;
	if (config_peer_copy(config, &copy) < 0)
		return -ENOMEM;
	peer_mesh_end(peer);
	config_peer_clear(&peer->config);
	peer->config = copy;
	peer->refs[PEER_ORIGIN_FILE] = 1;
	peer_update_patience(peer);
	peer_mesh_begin(peer);
	return 0;
}

/* Drops peers that the configuration has no more, but keeps those that others want. */
static void
peers_drop_unwanted(struct peers *peers)
{
	struct peer *peer, *next;

	for (peer = peers->first; peer; peer = next) {
		next = peer->next;
		if (!peer->refs[PEER_ORIGIN_FILE] || peer->wanted)
			continue;
		log_info(PEER, "%s: not configured any more", peer->config.address);
		peer->refs[PEER_ORIGIN_FILE] = 0;
		peer_mesh_end(peer);
		if (!peer_drop_unheld(peer))
			peer_mesh_begin(peer);
	}
}

/*
 * The peer of an entry, made if necessary. NULL: no memory. `likely` is the peer at this position
 * of the list, or NULL; it is the right one if little has changed.
 */
static struct peer *
peers_sync_one(struct peers *peers, const struct config_peer *c, struct peer *likely)
{
	struct peer *peer = likely && peer_is(likely, c->address, c->device, c->source)
				    ? likely
				    : peer_find(peers, c->address, c->device, c->source);

	if (!peer)
		peer = peer_new(peers, c, true);
	else if (peer_adopt(peer, c) < 0)
		log_error(PEER, "%s: out of memory, its old streams stay", c->address);
	return peer;
}

int
peers_configure(struct peers *peers, const struct config *config)
{
	struct peer *likely = peers->first;
	int rc = 0;

	peers_list_configure(peers, config);
	peers->config = config;
	for (struct peer *peer = peers->first; peer; peer = peer->next)
		peer->wanted = false;
	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *c = &config->peers[i];
		struct peer *peer = peers_sync_one(peers, c, likely);

		if (peer) {
			peer->wanted = true;
			likely = peer->next;
		} else {
			log_error(PEER, "%s: out of memory", c->address);
			rc = -ENOMEM;
		}
	}
	peers_drop_unwanted(peers);
	peers_name_again(peers, 0);
	return rc;
}

void
peer_resolve_failed(struct peer *peer, const char *reason)
{
	peer->ask_failed = false;
	prober_resolve_silent(peer->prober, reason, clock_mono_ns());
}

bool
peers_retry(struct peers *peers, uint64_t now_ns)
{
	bool unnamed = false;

	peers_look_at_files(peers);
	for (struct peer *peer = peers->first; peer; peer = peer->next) {
		if (peer->ask_failed)
			peer_resolve_failed(peer, "out of memory");
		else if (!peer->lookup && now_ns >= peer->name_ask_ns)
			peer_name_ask(peer);
		else if (peer->binding == PEER_NO_DEVICE || peer->binding == PEER_SELF)
			peer_bind(peer);
		peer_look_for_namesake(peer, now_ns);
		unnamed |= peer->binding == PEER_NO_NAME;
	}
	peers_review(peers, now_ns);
	/* The caller sets its timer after this; a review that goes on must not wait long. */
	return unnamed || peers->reviewed_id != 0;
}

/* ---- reading ---- */

struct peer *
peers_next(const struct peers *peers, const struct peer *peer)
{
	return peer ? peer->next : peers->first;
}

void
peer_info(const struct peer *peer, struct peer_info *out)
{
	*out = (struct peer_info){
		.id = peer->id,
		.address = peer->config.address,
		.device = peer->config.device,
		.source = peer->config.source,
		.origins = peer->refs,
		.configured = peer->refs[PEER_ORIGIN_FILE] > 0,
		.meshed = peer->refs[PEER_ORIGIN_FILE] || peer->refs[PEER_ORIGIN_LIST],
		.listed = peer->list ? &peer->list->as : NULL,
		.binding = peer->binding,
		.binding_reason = peer->binding_reason,
		.remote = peer->named ? &peer->remote : NULL,
		.hostname = peer->hostname[0] ? peer->hostname : NULL,
		.namesake = peer_namesake(peer),
		.tor = peer->tor[0] ? peer->tor : NULL,
		.nic = peer->nic,
		.local = peer->local,
		.prober = peer->prober,
		.path = peer->path,
		.asking = peer->call != NULL,
		.asked_ns = peer->asked_ns,
		.no_key_ns = peer->no_key_ns,
		.max_per_s = peer->rated && peer->rate.interval_ns ?
				     NSEC_PER_SEC / peer->rate.interval_ns :
				     0,
	};
}
