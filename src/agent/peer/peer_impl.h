/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only for peer.c, peer_*.c and service.c.
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

#define PEERS_BUCKETS 1024 /* of 10,000 peers, ten have the same */
#define PEER_LINES 100 /* lines of a kind in the log; more are only counted */

/* A stream of the pinglist. */
struct peer_list_stream {
	uint64_t interval_ns;
	uint32_t flow_label;
	uint8_t traffic_class;
};

/* What the pinglist wants of one peer. */
struct peer_list {
	struct peer_list_as as;
	uint32_t n, unlabelled;    /* streams; those of them that have any source port */
	struct peer_list_stream streams[];
};

struct peers_list {
	struct loop_timer *timer;  /* puts the new list into force, some peers at a time */
	uint64_t round;            /* grows with each new list */
	uint64_t done_id;          /* the last peer that has the new list */
	bool adding;               /* between begin and end */
	struct loop_timer *follow; /* makes streams follow what else has changed, the same way */
	uint64_t followed_id;      /* the last peer whose streams do; UINT64_MAX: all do */
	bool ports_short;          /* there was no place for the source port of a stream */
	bool ports_free;           /* since then, a place may have become free */
	bool anew;                 /* they are to be replaced: timeouts and sizes cannot change */
	uint32_t slow;             /* the factor; 0 is 1 */
};

struct peers {
	struct peers_env env;
	const struct config *config; /* the present one, borrowed */
	struct peer *first, **end;   /* end is valid if there are peers */
	LIST_HEAD(peer_bucket, peer)
	at[PEERS_BUCKETS];           /* peers with an address, by address */
	LIST_HEAD(peer_names, peer)
	called[PEERS_BUCKETS];       /* all peers, by the address or name of the configuration */
	LIST_HEAD(peer_hosts, peer)
	hosts[PEERS_BUCKETS];        /* peers that have reported a host name, by that name */
	uint64_t next_id;
	struct loop_timer *bind;     /* binds the peers whose bind_due is set */
	uint32_t binds_left;         /* so many now; the rest wait for the timer */
	uint64_t files;              /* names_files() at the last check */
	uint64_t review_ns;          /* the time of the next review; UINT64_MAX: none */
	uint64_t review_again_ns;    /* the time of one more review after the present one */
	uint64_t reviewed_id;        /* the last peer of the present review; 0: there is none */
	uint64_t reviewed_ns;        /* the end of the last review */
	struct peers_list list;
};

struct peer {
	struct peer *next, **link; /* in the list; the pointer to it there */
	uint64_t id;               /* grows along the list */
	LIST_ENTRY(peer) in_bucket; /* of peers->at, if named */
	LIST_ENTRY(peer) in_called; /* of peers->called */
	struct peers *peers;
	struct config_peer config; /* owned copy; for a ping's peer only address, device, source */
	unsigned int refs[PEER_ORIGIN_N]; /* file and pinglist: 0 or 1; pings and flows: each */
	bool wanted;               /* peers_configure() has found it in the configuration */
	struct peer_list *list;    /* what the pinglist wants; NULL: nothing */
	struct peer_list *pending; /* the same of the next list, in the making */
	uint64_t pending_round;    /* of peers->list for which `pending` is */
	uint32_t timeout_ms;       /* of its mesh targets */
	bool bind_due;             /* peer_bind() is called again by peers->bind */
	enum peer_binding binding;
	const char *binding_reason; /* static, or NULL */
	const char *told_reason;    /* the last reason in the log; NULL once the peer is bound */
	struct names_lookup *lookup;
	uint64_t name_ask_ns;       /* the next look-up; UINT64_MAX: never, it is numeric */
	bool named;
	struct addr remote;         /* valid if named */

	struct nic *nic;            /* borrowed; NULL unless bound */
	struct addr local;
	uint32_t gid_index;         /* of local when it was bound */
	struct prober_peer *prober; /* NULL unless bound */
	struct path *path;          /* NULL while the nic's device is gone */
	struct sidr_call *call;     /* a resolution in progress */
	bool ask_failed; /* the resolution could not begin; peers_retry() reports this */
	uint64_t asked_ns;
	uint64_t no_key_ns;
	uint64_t nonce;          /* of the last request */
	bool repeats_nonce;      /* it has repeated one */
	uint32_t without_nonce;  /* answers in a row that did not, since then */
	uint32_t qkey;
	struct bucket_rate rate; /* its responder's limit; used only if rated */
	struct bucket bucket;
	bool rated;
	char hostname[PROBE_WIRE_REPLY_HOST_MAX + 1]; /* set by peer_set_hostname() */
	LIST_ENTRY(peer) in_hosts; /* if it has one */
	uint64_t namesake_ns;      /* since when another host reports it; 0: none does */
	bool namesake_told;        /* in the log */
	char tor[PROBE_WIRE_REPLY_TOR_MAX + 1];

	LIST_HEAD(peer_services, service)
	services;		    /* service.c: flows that need this peer */
	bool services_dirty;        /* service.c: their update is deferred */
};

/*
 * peer.c: sets the binding and reports it; binds a peer with an address to a nic, and unbinds it;
 * the peers of an address.
 */
void peer_set_binding(struct peer *peer, enum peer_binding binding, const char *reason);
void peer_bind(struct peer *peer);
void peer_unbind(struct peer *peer);
void peer_rebind(struct peer *peer);
size_t peer_hash(const void *bytes, size_t n);
struct peer_bucket *peer_bucket(struct peers *peers, const struct addr *remote);
void peer_resolve_failed(struct peer *peer, const char *reason);
/* Makes a peer, from the configuration or not; NULL: no memory. The caller must hold it. */
struct peer *peer_new(struct peers *peers, const struct config_peer *config, bool from_file);
struct peer *peer_make(struct peers *peers, const char *address, const char *device,
		       const char *source);
struct peer *peer_find(struct peers *peers, const char *address, const char *device,
		       const char *source);
void peer_free(struct peer *peer);
/* Frees a peer without references, and returns true. */
bool peer_drop_unheld(struct peer *peer);

/*
 * peer_mesh.c: makes the streams of the mesh of a peer, if it is bound, as the configuration wants
 * them, or else the pinglist; removes them all; makes them follow a changed pinglist, or its rates.
 */
void peer_mesh_begin(struct peer *peer);
void peer_mesh_end(struct peer *peer);
void peer_mesh_follow_list(struct peer *peer);
/* The sizes of its probes, as the configuration has them. */
void peer_mesh_sizes(const struct config_peer *from, struct prober_target_config *to);
/* The QPs of a nic go, with all wants of source ports. */
void peers_mesh_queues_go(struct peers *peers, const struct nic *nic);

/* asked.c: its timer. */
void asked_look(void *arg);

/*
 * peer_list.c: makes the timers, frees them, their callbacks; the streams are to follow what has
 * changed, after a while; a place for a source port may have become free; a new configuration is
 * about to replace the present one; frees what a peer has of the list.
 */
int peers_list_init(struct peers *peers);
void peers_list_free(struct peers *peers);
void peers_list_work(void *arg);
void peers_list_follow(void *arg);
void peers_list_follow_soon(struct peers *peers, uint64_t delay_ns);
void peers_list_port_free(struct peers *peers);
void peers_list_configure(struct peers *peers, const struct config *config);
void peer_list_forget(struct peer *peer);

/*
 * peer_name.c: looks up the address of a peer's name now, or earlier than planned. Hosts move, so
 * each look-up is repeated. After a change of the files that names come from, all look-ups are
 * repeated within spread_ns.
 */
void peer_name_ask(struct peer *peer);
void peer_name_ask_soon(struct peer *peer);
void peers_name_again(struct peers *peers, uint64_t spread_ns);
void peers_look_at_files(struct peers *peers);

/*
 * peer_namesake.c: sets the host name that the peer reports. Looks whether another host reports it,
 * and logs this once; then peer_namesake() returns the address of a peer at that other host, or
 * "this host". NULL: there is none.
 */
void peer_set_hostname(struct peer *peer, const char *hostname);
void peer_look_for_namesake(struct peer *peer, uint64_t now_ns);
const char *peer_namesake(const struct peer *peer);

/* peer_nic.c: replaces the path of the peer by one from peer->local. */
void peer_make_path(struct peer *peer);
/* Sets another source on the same nic. */
void peer_take_source(struct peer *peer, const struct device_gid *gid);

/*
 * peer_source.c: chooses the source of probes to a peer. It is the one in the configuration; or the
 * nic of the kernel's route to the peer; or the nic whose address is most similar to the peer's
 * (rails). It sends nothing and does not block.
 */

struct peer_source {
	struct nic *nic;
	const struct device_gid *gid; /* borrowed from the device, until its next change */
	bool routed;                  /* the kernel's route uses this nic */
};
/* Chooses a source for a peer with an address. Returns false if none fits. */
bool peer_source_choose(const struct peer *peer, struct peer_source *out);

/*
 * The source on this nic for the peer, or NULL if none fits. Borrowed from the device, until its
 * next change.
 */
const struct device_gid *peer_source_on(const struct peer *peer, const struct nic *nic);

/* Asks the kernel for the MTU of the route to a bound peer, and tells the prober. */
void peer_follow_mtu(const struct peer *peer);

/* Why peer_source_choose() has found none, as static text. */
const char *peer_source_missing(const struct peer *peer);

/*
 * peer_review.c: checks that each peer has the source that it would get if it were made now. Works
 * after peers_review_soon(), when it is time, on some of the peers at each call.
 */
void peers_review(struct peers *peers, uint64_t now_ns);

#endif
