/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pings: streams of probes on behalf of a control client.
 */
#ifndef RPINGMESH_AGENT_TELL_PING_H
#define RPINGMESH_AGENT_TELL_PING_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/peer/peer.h"
#include "probe/prober.h"
#include "serve/control.h"

struct ping;
struct pings;

#define PING_PER_CLIENT_MAX 32
#define PING_INTERVAL_MIN_NS 1000000ULL         /* root */
#define PING_INTERVAL_READER_MIN_NS 100000000ULL /* who may only read */

struct ping_request {
	const char *host;
	const char *device, *source; /* NULL: any */
	struct prober_target_config target; /* count, interval, size, … */
};

/* All borrowed. */
struct pings_env {
	struct loop *loop;
	struct pump *pump;
	struct peers *peers;
	struct last_probes_pool *last_probes;
};

/* 0 and *out, or -ENOMEM. */
int pings_new(const struct pings_env *env, struct pings **out);
/* Ends them all without a word. NULL is allowed. */
void pings_free(struct pings *pings);
bool pings_any(const struct pings *pings);

/*
 * Starts; results follow as notifications to the client. 0 and *out (for its id and peer only), or
 * -errno with *error.
 */
int pings_start(struct pings *pings, struct control_client *client,
		const struct ping_request *request, struct ping **out,
		struct control_error *error);
uint64_t ping_id(const struct ping *ping);
/* Who hears its results; NULL: nobody any more. */
struct control_client *ping_client(const struct ping *ping);
const struct peer *ping_peer(const struct ping *ping);

/* No more probes; "ping_done" follows. -ENOENT: this client has no such ping. */
int pings_stop(struct pings *pings, const struct control_client *client, uint64_t id);

/* The client is gone: its pings end. */
void pings_client_gone(struct pings *pings, const struct control_client *client);

/* What the peers say. */
void pings_peer_event(struct pings *pings, const struct peer *peer, enum peer_event event);

/* For prober_ops. */
void ping_target_done(void *arg, void *target_user);

#endif
