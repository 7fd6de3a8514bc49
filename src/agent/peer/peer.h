/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: remote daemons that we probe because of the configuration, the pinglist, a ping, a flow,
 * or because central has asked for it. This module looks up the name of a peer, binds the peer to a
 * nic and a source address, resolves it over SIDR for the prober, and posts its probes.
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

struct asked_stream;
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
	struct ping *ping;       /* this and the next NULL: mesh */
	struct service *service;
	struct asked_stream *asked; /* of the mesh, and central has asked for it; else NULL */
	enum sequential_verdict verdict; /* on loss, as last logged */
	uint8_t lasting;                 /* bits by enum lasting_verdict, as last logged */
	struct last_probes *last;        /* owned; NULL: none are kept */
	uint16_t wanted_port;            /* mesh: our want of nic_want_port(); 0: none */
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
 * Adds a reference for a ping or a flow. A peer exists while one of its origins has a reference. If
 * only flows do, and it does not answer, it is asked less and less often.
 */
void peer_hold(struct peer *peer, enum peer_origin origin);
/* May free the peer. */
void peer_release(struct peer *peer, enum peer_origin origin);

/* ---- the pinglist ---- */

#define PEER_LIST_LABELS 4   /* of an entry */
#define PEER_LIST_STREAMS 64 /* of a peer, by all its entries */

/* An entry of the pinglist: whom to probe, from where, and how. Borrowed during the call. */
struct peer_listed {
	struct addr address;
	const struct nic *nic;
	struct addr source;      /* an address of the nic */
	const char *host, *device, *tor; /* as the list names them; tor: "" if it names none */
	bool fabric;             /* across the fabric, not within the ToR */
	uint8_t traffic_class;
	uint64_t interval_ns;    /* between two probes of one 5-tuple */
	uint32_t tuples;         /* 1 to PEER_LIST_LABELS */
	uint32_t n_labels;       /* 0: tuples with any source ports; else a label for each */
	uint32_t labels[PEER_LIST_LABELS];
};

/*
 * Replaces the pinglist: begin, add each entry, end. In between, the loop may run. Only what
 * differs changes: a stream that is in both lists goes on, with its counts. If the configuration
 * has a peer with the same path, the entry belongs to that peer, and its own settings win. add
 * returns 0, -ENOSPC if the peer has too many streams, or -ENOMEM. After end, the new list is in
 * force peer by peer, during the next callbacks.
 */
void peers_list_begin(struct peers *peers);
int peers_list_add(struct peers *peers, const struct peer_listed *entry);
void peers_list_end(struct peers *peers);

/*
 * All streams of the pinglist are probed `factor` (>= 1) times less often than it says. That is in
 * force peer by peer, during the next callbacks.
 */
void peers_list_slow(struct peers *peers, uint32_t factor);

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

/* The name of an origin, or NULL if it is out of range. */
const char *peer_origin_name(enum peer_origin origin);
/* Whether it has a session, so that probes to it are posted. */
bool peer_is_up(const struct peer *peer);
/* The state for users: "up", "down", …. *reason: why, or NULL. */
const char *peer_state(const struct peer *peer, const char **reason);

/* What the pinglist says of a peer, in its first entry with it. */
struct peer_list_as {
	char host[65], device[65], tor[65]; /* tor: "" if it names none */
	bool fabric;
};

/* Strings and pointers are borrowed until the next return to the loop. */
struct peer_info {
	uint64_t id;                 /* grows along the list */
	const char *address;         /* as configured or requested; the next two may be NULL */
	const char *device, *source;
	const unsigned int *origins; /* references, by enum peer_origin */
	bool configured;             /* by the configuration */
	bool meshed;                 /* by the configuration or the pinglist */
	const struct peer_list_as *listed; /* how the pinglist has it; NULL: it has not */
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
