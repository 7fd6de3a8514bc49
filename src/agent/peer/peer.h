/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: remote daemons that we probe because of the configuration, a ping or a flow. This module
 * looks up the name of a peer, binds the peer to a nic and a source address, resolves it over SIDR
 * for the prober, and posts its probes.
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

/* The user pointer of a target points to this. */
struct peer_stream {
	struct peer *peer;
	struct ping *ping;       /* both NULL: mesh */
	struct service *service;
	enum sequential_verdict verdict; /* on loss, as last logged */
	uint8_t lasting;                 /* bits by enum lasting_verdict, as last logged */
	struct last_probes *last;        /* owned; NULL: none are kept */
};

/* Events of a peer. */
enum peer_event {
	PEER_REBOUND, /* its binding has changed */
	PEER_STATE,   /* its state in the prober has changed */
	PEER_UNBOUND, /* its prober_peer is about to go; remove all targets on it now */
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

/*
 * Makes an empty list. config is borrowed until peers_configure(). Returns 0 and sets *out, which
 * the caller owns, or -ENOMEM.
 */
int peers_new(const struct peers_env *env, const struct config *config, struct peers **out);
/* All holds must have been released. NULL is allowed. */
void peers_free(struct peers *peers);

/*
 * Makes the configured peers match the configuration. Peers that remain stay resolved. Returns 0 or
 * -ENOMEM.
 */
int peers_configure(struct peers *peers, const struct config *config);

/* Walks the peers in the order of their ids: begins with NULL, ends with NULL. */
struct peer *peers_next(const struct peers *peers, const struct peer *peer);

/*
 * Returns a peer for a ping: an existing one that fits, or a new one. NULL: no memory. device and
 * source may be NULL. The caller must hold it at once.
 */
struct peer *peers_for_ping(struct peers *peers, const char *address, const char *device,
			    const char *source);
/*
 * Returns a peer for a flow: one that is bound to this nic and these addresses, or a new one. NULL:
 * no memory. The caller must hold it at once.
 */
struct peer *peers_for_flow(struct peers *peers, const struct nic *nic, const struct addr *local,
			    const struct addr *remote);

/*
 * A peer that is not configured exists only while there are holds. If all holds are patient, a peer
 * that does not answer is asked less and less often.
 */
enum peer_hold {
	PEER_EAGERLY,
	PEER_PATIENTLY,
	PEER_HOLD_N
};
void peer_hold(struct peer *peer, enum peer_hold how);
/* May free the peer. */
void peer_release(struct peer *peer, enum peer_hold how);

/*
 * Called by a timer. Tries again names that were not found, peers without a device, and resolutions
 * that could not begin. Reviews sources if something has changed. Returns whether there is still a
 * peer without an address, or a review that goes on.
 */
bool peers_retry(struct peers *peers, uint64_t now_ns);

/* For nics_ops: events of nics, changes of routes, and SIDR requests from an address. */
void peers_nic_event(struct peers *peers, struct nic *nic, enum nic_event event);
/* Addresses or routes of this host have changed, so peers may need another source. */
void peers_review_soon(struct peers *peers);
void peers_sign_of_life(struct peers *peers, const struct addr *remote);
/* A daemon at this address has asked for a session, but has none of our keys. */
void peers_unauthenticated(struct peers *peers, const struct addr *remote);

/* Whether it has a session, so that probes to it are posted. */
bool peer_is_up(const struct peer *peer);
/* The state for users: "up", "down", …. *reason: why, or NULL. */
const char *peer_state(const struct peer *peer, const char **reason);

/* Strings and pointers are borrowed until the next return to the loop. */
struct peer_info {
	uint64_t id;                 /* grows along the list */
	const char *address;         /* as configured or requested; the next two may be NULL */
	const char *device, *source;
	bool configured;             /* from the configuration, not only for a ping or flow */
	enum peer_binding binding;
	const char *binding_reason;  /* static, or NULL */
	const struct addr *remote;   /* NULL: unknown yet */
	const char *hostname, *tor;  /* as the peer reports them; NULL: unknown */
	const char *namesake;        /* another host reports this hostname for so long that it is no
					restart: the address of a peer there, or "this host" */
	/* The rest is valid if it is bound, otherwise NULL, 0 and false. */
	struct nic *nic;
	struct addr local;
	struct prober_peer *prober;
	const struct path *path;     /* NULL while the nic's device is gone */
	bool asking;                 /* it is being asked over SIDR now */
	uint64_t asked_ns;           /* CLOCK_MONOTONIC of the last question; 0: never */
	uint64_t no_key_ns;          /* when it last showed that it has none of our keys; 0: it
					has one, or has not answered */
	uint64_t max_per_s;          /* its responder's limit of answers/s; 0: unknown */
};
void peer_info(const struct peer *peer, struct peer_info *out);

/* For prober_ops; arg is not used. */
int peer_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	      const char **reason);
void peer_resolve(void *arg, void *peer_user);
void peer_state_changed(void *arg, void *peer_user, enum prober_peer_state from,
			enum prober_peer_state to);

#endif
