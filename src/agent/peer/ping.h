/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pings: streams of probes on behalf of a control client.
 */
#ifndef RPINGMESH_AGENT_PEER_PING_H
#define RPINGMESH_AGENT_PEER_PING_H

#include <stdbool.h>
#include <stdint.h>

#include "stat/result.h"
#include "probe/prober.h"
#include "serve/control.h"

struct daemon;
struct peer;
struct ping;

#define PING_PER_CLIENT_MAX 32
#define PING_INTERVAL_MIN_NS 1000000ULL         /* root */
#define PING_INTERVAL_READER_MIN_NS 100000000ULL /* who may only read */

struct ping_request {
	const char *host;
	const char *device, *source; /* NULL: any */
	struct prober_target_config target; /* count, interval, size, … */
};

/*
 * Starts; results follow as notifications to the client. 0 and *out (for its id and peer only), or
 * -errno with *error.
 */
int ping_start(struct daemon *d, struct control_client *client, const struct ping_request *request,
	       struct ping **out, struct control_error *error);
uint64_t ping_id(const struct ping *ping);
/* Who hears its results; NULL: nobody any more. */
struct control_client *ping_client(const struct ping *ping);
const struct peer *ping_peer(const struct ping *ping);

/* No more probes; "ping_done" follows. -ENOENT: this client has no such ping. */
int ping_stop(struct daemon *d, const struct control_client *client, uint64_t id);

/* The client is gone: its pings end. */
void ping_client_gone(struct daemon *d, struct control_client *client);
void ping_free_all(struct daemon *d);

/* From the peers: binding has changed; the prober's peer is about to go. */
void ping_peer_binding_changed(struct peer *peer);
void ping_peer_unbound(struct peer *peer);
bool ping_uses_peer(const struct peer *peer);

/* For prober_ops. */
void ping_target_done(void *arg, void *target_user);

#endif
