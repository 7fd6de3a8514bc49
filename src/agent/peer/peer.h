/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: remote daemons that we probe, from the configuration, for a ping or for a flow. Binds each
 * to a name's address, a nic and a source address, resolves it over SIDR for the prober, and posts
 * its probes.
 */
#ifndef RPINGMESH_AGENT_PEER_PEER_H
#define RPINGMESH_AGENT_PEER_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/nic/nic.h"
#include "agent/peer/last_probes.h"
#include "core/addr.h"
#include "probe/prober.h"
#include "rpingmesh/states.h"

struct config;
struct loop;
struct names;
struct path;
struct peer;
struct peers;
struct ping;
struct pump;
struct self;
struct service;

/* What a probe's target_user points to. */
struct peer_stream {
	struct peer *peer;
	struct ping *ping;       /* both NULL: mesh */
	struct service *service;
	enum sequential_verdict verdict; /* on loss, that the log has been told */
	struct last_probes *last;        /* owned; NULL: none are kept */
};

/* What has become of a peer. */
enum peer_event {
	PEER_REBOUND, /* its binding is another */
	PEER_STATE,   /* its state as the prober sees it is another */
	PEER_UNBOUND, /* its prober_peer is about to go, and targets on it must go before */
};

struct peers_ops {
	void (*event)(void *arg, struct peer *peer, enum peer_event event);
};

/* All borrowed. */
struct peers_env {
	struct loop *loop;
	struct pump *pump;
	struct prober *prober;
	struct names *names;
	struct nics *nics;
	const struct self *self;
	struct last_probes_pool *last_probes;
	const struct peers_ops *ops;
	void *arg;
};

/* 0 and *out, without peers; or -ENOMEM. config is borrowed until peers_configure(). */
int peers_new(const struct peers_env *env, const struct config *config, struct peers **out);
/* Nobody may hold one any more. NULL is allowed. */
void peers_free(struct peers *peers);

/*
 * Makes the configured peers match the configuration; those that stay keep their resolution. 0 or
 * -ENOMEM.
 */
int peers_configure(struct peers *peers, const struct config *config);

/* In the order of their ids; NULL begins and ends. */
struct peer *peers_next(const struct peers *peers, const struct peer *peer);

/*
 * A peer for a ping: one that exists and fits, or a new one. NULL: no memory. device, source may be
 * NULL. It is to be held at once.
 */
struct peer *peers_for_ping(struct peers *peers, const char *address, const char *device,
			    const char *source);
/*
 * A peer for a flow: one that is bound to this nic and these addresses, or a new one. NULL: no
 * memory. It is to be held at once.
 */
struct peer *peers_for_flow(struct peers *peers, const struct nic *nic, const struct addr *local,
			    const struct addr *remote);

/*
 * A peer that is not configured exists while somebody holds it. One that is held patiently alone is
 * asked less and less often while it does not answer.
 */
enum peer_hold {
	PEER_EAGERLY,
	PEER_PATIENTLY,
	PEER_HOLD_N
};
void peer_hold(struct peer *peer, enum peer_hold how);
/* May free it. */
void peer_release(struct peer *peer, enum peer_hold how);

/*
 * Names that were not found, peers without a device, resolutions that could not begin: tried again.
 * Sources are reviewed if something has changed. From a timer. Whether some peer's name is still to
 * be found.
 */
bool peers_retry(struct peers *peers, uint64_t now_ns);

/* What the nics say: of themselves, of this host, that somebody at this address asked over SIDR. */
void peers_nic_event(struct peers *peers, struct nic *nic, enum nic_event event);
/* Addresses or routes of this host have changed: peers may be probed from elsewhere. */
void peers_review_soon(struct peers *peers);
void peers_sign_of_life(struct peers *peers, const struct addr *remote);

/* Whether it has a session: probes to it are posted. */
bool peer_is_up(const struct peer *peer);
/* "up", "down", … as shown to people, and why, or NULL. */
const char *peer_state(const struct peer *peer, const char **reason);

/* Strings and pointers are borrowed until the loop runs. */
struct peer_info {
	uint64_t id;                 /* grows along the list */
	const char *address;         /* as configured or asked for; so are the next two, or NULL */
	const char *device, *source;
	bool configured;             /* from the file, not just for a ping or flow */
	enum peer_binding binding;
	const char *binding_reason;  /* static, or NULL */
	const struct addr *remote;   /* NULL: not named yet */
	const char *hostname, *tor;  /* as the peer says; NULL: not known */
	/* The rest when it is bound: NULL, 0 and false else. */
	struct nic *nic;
	struct addr local;
	struct prober_peer *prober;
	const struct path *path;     /* NULL while the nic's device is gone */
	bool asking;                 /* over SIDR, now */
	uint64_t asked_ns;           /* CLOCK_MONOTONIC; 0: never */
	uint64_t max_per_s;          /* probes that its responder answers; 0: it does not say */
};
void peer_info(const struct peer *peer, struct peer_info *out);

/* For prober_ops; arg is not used. */
int peer_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	      const char **reason);
void peer_resolve(void *arg, void *peer_user);
void peer_state_changed(void *arg, void *peer_user, enum prober_peer_state from,
			enum prober_peer_state to);

#endif
