/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pings: streams of probes for a control client.
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
#define PING_INTERVAL_MIN_NS 1000000ULL         /* for root */
#define PING_INTERVAL_READER_MIN_NS 100000000ULL /* for clients that may only read */

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

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int pings_new(const struct pings_env *env, struct pings **out);
/* Ends all pings without notifications. NULL is allowed. */
void pings_free(struct pings *pings);
bool pings_any(const struct pings *pings);

/*
 * Starts a ping; its results follow as notifications to the client. Returns 0 and sets *out, which
 * is for ping_id() and ping_peer() only, or -errno with *error.
 */
int pings_start(struct pings *pings, struct control_client *client,
		const struct ping_request *request, struct ping **out,
		struct control_error *error);
uint64_t ping_id(const struct ping *ping);
/* The receiver of its results; NULL: it has gone. */
struct control_client *ping_client(const struct ping *ping);
const struct peer *ping_peer(const struct ping *ping);

/* Stops probing; "ping_done" follows. Returns 0, or -ENOENT if this client has no such ping. */
int pings_stop(struct pings *pings, const struct control_client *client, uint64_t id);

/* The client has gone. Ends its pings. */
void pings_client_gone(struct pings *pings, const struct control_client *client);

/* For peers_ops.event. */
void pings_peer_event(struct pings *pings, const struct peer *peer, enum peer_event event);

/* For prober_ops. */
void ping_target_done(void *arg, void *target_user);

#endif
