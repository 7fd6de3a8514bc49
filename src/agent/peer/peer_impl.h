/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by peer.c, peer_*.c and service.c only.
 */
#ifndef RPINGMESH_AGENT_PEER_PEER_IMPL_H
#define RPINGMESH_AGENT_PEER_PEER_IMPL_H

#include <sys/queue.h>

#include "agent/base/pump.h"
#include "agent/base/self.h"
#include "agent/peer/peer.h"
#include "core/bucket.h"
#include "agent/config/config.h"
#include "rpingmesh/probe_wire.h"

struct device_gid;
struct names_lookup;
struct sidr_call;

#define PEERS_BUCKETS 4096
#define PEER_LINES 100 /* of the log, of a kind, before they are only counted */

struct peers {
	struct peers_env env;
	const struct config *config; /* borrowed, in force */
	struct peer *first, **end;   /* the latter valid if there are any */
	LIST_HEAD(peer_bucket, peer)
	at[PEERS_BUCKETS];           /* those with an address, by it */
	uint64_t next_id;
	uint64_t files;              /* names_files() at the last look */
	uint64_t review_ns;          /* when sources are to be reviewed; UINT64_MAX: not */
	uint64_t review_again_ns;    /* … and once more after the review that is under way */
	uint64_t reviewed_id;        /* of the last peer that it has seen; 0: none is under way */
	uint64_t reviewed_ns;        /* when the last one ended */
};

struct peer {
	struct peer *next, **link; /* in the list; what points to it there */
	uint64_t id;               /* grows along the list */
	LIST_ENTRY(peer) in_bucket; /* of peers->at, once named */
	struct peers *peers;
	struct config_peer config; /* owned copy; for a ping's peer only address, device, source */
	bool configured;           /* from the file, not just for a ping */
	bool wanted;               /* peers_configure() has found it in the file */
	unsigned int holds[PEER_HOLD_N]; /* of pings and flows */
	uint32_t timeout_ms;       /* that its mesh targets were made with */
	enum peer_binding binding;
	const char *binding_reason; /* static, or NULL */
	const char *told_reason;    /* that was logged last; NULL once the peer is bound */
	struct names_lookup *lookup;
	uint64_t name_ask_ns;       /* when to ask again; UINT64_MAX: never, it is numeric */
	bool named;
	struct addr remote;         /* valid if named */

	struct nic *nic;            /* borrowed; NULL unless bound */
	struct addr local;
	uint32_t gid_index;         /* of local when it was bound */
	struct prober_peer *prober; /* NULL unless bound */
	struct path *path;          /* NULL while the nic's device is gone */
	struct sidr_call *call;     /* a resolution in progress */
	bool ask_failed; /* it could not even begin: the prober is told by peers_retry() */
	uint64_t asked_ns;
	uint32_t qkey;
	struct bucket_rate rate; /* what its responder answers; of no effect if it does not say */
	struct bucket bucket;
	bool rated;
	char hostname[PROBE_WIRE_REPLY_HOST_MAX + 1];
	char tor[PROBE_WIRE_REPLY_TOR_MAX + 1];

	LIST_HEAD(peer_services, service)
	services;		    /* service.c: flows that want to be probed along */
	bool services_dirty;        /* service.c: a look at them is deferred */
};

/*
 * peer.c: says upward what a peer is; puts a named peer on a nic, takes it off; those of an
 * address.
 */
void peer_set_binding(struct peer *peer, enum peer_binding binding, const char *reason);
void peer_bind(struct peer *peer);
void peer_unbind(struct peer *peer);
void peer_rebind(struct peer *peer);
struct peer_bucket *peer_bucket(struct peers *peers, const struct addr *remote);
void peer_resolve_failed(struct peer *peer, const char *reason);

/*
 * peer_name.c: which address a peer's name stands for, asked now, or earlier than it would be.
 * Hosts move, so each name is asked again, and all of them within spread_ns after a change of what
 * they are looked up in.
 */
void peer_name_ask(struct peer *peer);
void peer_name_ask_soon(struct peer *peer);
void peers_name_again(struct peers *peers, uint64_t spread_ns);
void peers_look_at_files(struct peers *peers);

/* peer_nic.c: a path from peer->local, instead of the one that there was. */
void peer_make_path(struct peer *peer);
/* Another source on the same nic. */
void peer_take_source(struct peer *peer, const struct device_gid *gid);

/*
 * peer_source.c: where a peer is probed from: rails. What the configuration binds it to; else the
 * nic that the kernel's route to the peer leaves by; else the nic whose address is most like the
 * peer's. Pure look-ups; nothing is sent, nothing blocks.
 */

struct peer_source {
	struct nic *nic;
	const struct device_gid *gid; /* borrowed from the device, until its next change */
	bool routed;                  /* the kernel's route leaves there */
};
/* For a peer whose address is known. false: none fits. */
bool peer_source_choose(const struct peer *peer, struct peer_source *out);

/*
 * A source on this nic for the peer; NULL: none fits. Borrowed from the device, until its next
 * change.
 */
const struct device_gid *peer_source_on(const struct peer *peer, const struct nic *nic);

/* Why peer_source_choose() found none: static text. */
const char *peer_source_missing(const struct peer *peer);

/*
 * peer_review.c: whether peers are probed from where they would be if they were made now. After
 * peers_review_soon(), when it is time; some of them at each call.
 */
void peers_review(struct peers *peers, uint64_t now_ns);

#endif
