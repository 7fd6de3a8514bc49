/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: remote daemons that we probe, from the configuration or for a ping. Binds each to a name's
 * address, a nic and a source address, resolves it over SIDR for the prober, and posts its probes.
 */
#ifndef RPINGMESH_AGENT_PEER_PEER_H
#define RPINGMESH_AGENT_PEER_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/nic/nic.h"
#include "core/addr.h"
#include "agent/config/config.h"
#include "core/bucket.h"
#include "probe/prober.h"
#include "rpingmesh/probe_wire.h"

struct daemon;
struct last_probes;
struct names_lookup;
struct nic;
struct path;
struct ping;
struct service;
struct sidr_call;

/* Why a peer is not probed at all; PEER_BOUND when it is. */
enum peer_binding {
	PEER_NAMING,    /* its name is being looked up */
	PEER_NO_NAME,   /* … and was not found; asked again */
	PEER_NO_DEVICE, /* no local device for it (any more) */
	PEER_SELF,      /* it is ourselves: skipped */
	PEER_BOUND,
	PEER_BINDING_N
};

struct peer {
	struct peer *next, **link; /* in the daemon's list; what points to it there */
	uint64_t id;               /* grows along the list */
	LIST_ENTRY(peer) in_bucket; /* of the daemon's peers_at, once named */
	struct daemon *d;
	struct config_peer config; /* owned copy; for a ping's peer only address, device, source */
	bool configured;           /* from the file, not just for a ping */
	bool wanted;               /* peer_sync() has found it in the file */
	uint32_t timeout_ms;       /* that its mesh targets were made with */
	enum peer_binding binding;
	const char *binding_reason; /* static, or NULL */
	struct names_lookup *lookup;
	uint64_t name_retry_ns;     /* PEER_NO_NAME: when to ask again */
	bool named;
	struct addr remote;         /* valid if named */

	struct nic *nic;            /* borrowed; NULL unless bound */
	struct addr local;
	uint32_t gid_index;         /* of local when it was bound */
	struct prober_peer *prober; /* NULL unless bound */
	struct path *path;          /* NULL while the nic's device is gone */
	struct sidr_call *call;     /* a resolution in progress */
	bool ask_failed; /* it could not even begin: the prober is told by peer_retry() */
	uint64_t asked_ns;
	uint32_t qkey;
	struct bucket_rate rate; /* what its responder answers; of no effect if it does not say */
	struct bucket bucket;
	bool rated;
	LIST_HEAD(peer_services, service)
	services;		    /* flows that want to be probed along; they hold the peer */
	bool services_dirty;        /* service_peer_changed() has deferred a look at them */
	char hostname[PROBE_WIRE_REPLY_HOST_MAX + 1];
	char tor[PROBE_WIRE_REPLY_TOR_MAX + 1];
};

/* What a probe's target_user points to. */
struct peer_stream {
	struct peer *peer;
	struct ping *ping;       /* both NULL: mesh */
	struct service *service;
	enum sequential_verdict verdict; /* on loss, that the log has been told */
	struct last_probes *last;        /* owned; NULL: none are kept */
};

/*
 * Makes the configured peers match the configuration; those that stay keep their resolution. 0 or
 * -ENOMEM.
 */
int peer_sync(struct daemon *d);
void peer_free_all(struct daemon *d);

/*
 * A peer for a ping: one that exists and fits, or a new one. NULL: no memory. device, source may be
 * NULL.
 */
struct peer *peer_for_ping(struct daemon *d, const char *address, const char *device,
			   const char *source);
/*
 * A peer for a flow: one that is bound to this nic and these addresses, or a new one. NULL: no
 * memory.
 */
struct peer *peer_for_flow(struct daemon *d, const struct nic *nic, const struct addr *local,
			   const struct addr *remote);
/* Whether it has a session: probes to it are posted. */
bool peer_is_up(const struct peer *peer);
/*
 * Who wants the peer has changed: one that flows alone want is asked less and less often while it
 * does not answer.
 */
void peer_update_patience(struct peer *peer);
/* The ping or flow is over: its peer goes if nobody else wants it. */
void peer_release(struct peer *peer);

/*
 * Names that were not found, peers without a device, resolutions that could not begin: tried again.
 * From a timer.
 */
void peer_retry(struct daemon *d, uint64_t now_ns);

/* Whether some peer's name is still to be found. */
bool peer_any_unnamed(const struct daemon *d);

/* What the nics say: of themselves, and that somebody at this address asked us over SIDR. */
void peer_nic_event(struct daemon *d, struct nic *nic, enum nic_event event);
void peer_sign_of_life(struct daemon *d, const struct addr *remote);

/* "up", "down", … as shown to people, and why, or NULL. */
const char *peer_state(const struct peer *peer, const char **reason);

/* For prober_ops. */
int peer_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	      const char **reason);
void peer_resolve(void *arg, void *peer_user);
void peer_state_changed(void *arg, void *peer_user, enum prober_peer_state from,
			enum prober_peer_state to);

#endif
