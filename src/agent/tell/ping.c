/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: ping
 *
 *   waiting (the host's name is being looked up) -> running -> over
 *
 * A ping owns its target and holds its peer. It is over when the prober reports that the target is
 * done, when its peer cannot be probed, or when its client goes. A ping that is over has notified
 * the client and is in no list. The loop frees it and releases its peer, because the prober or the
 * peers may still use them further up the stack.
 */
#include "agent/tell/ping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "agent/base/pump.h"
#include "agent/nic/nic.h"
#include "agent/tell/named.h"
#include "record/record.h"

struct pings {
	struct pings_env env;
	struct ping *first;
	uint64_t next_id;
};

struct ping {
	struct ping *next;
	struct pings *pings;
	struct control_client *client; /* borrowed; NULL: it has gone */
	uint64_t id;
	struct peer_stream stream;     /* its peer is held */
	struct prober_target *target;  /* NULL: waiting or over */
	struct prober_target_config config;
	bool over;
};

uint64_t
ping_id(const struct ping *ping)
{
	return ping->id;
}

struct control_client *
ping_client(const struct ping *ping)
{
	return ping->over ? NULL : ping->client;
}

const struct peer *
ping_peer(const struct ping *ping)
{
	return ping->stream.peer;
}

static void
pings_reap(void *arg)
{
	struct pings *pings = arg;
	struct ping **at = &pings->first, *ping;

	while ((ping = *at)) {
		struct peer *peer = ping->stream.peer;

		if (!ping->over) {
			at = &ping->next;
			continue;
		}
		*at = ping->next;
		if (ping->target)
			prober_target_remove(ping->target);
		last_probes_free(pings->env.last_probes, &ping->stream.last);
		free(ping);
		peer_release(peer, PEER_ORIGIN_PING);
		at = &pings->first;
	}
}

static void
ping_tell_done(const struct ping *ping, const char *error)
{
	struct probe_totals none = {0};
	struct prober_target_info info = {.totals = none};
	msgpack_sbuffer out;
	msgpack_packer pk;
	struct record r;

	if (!ping->client)
		return;
	if (ping->target)
		prober_target_info(ping->target, &info);
	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	record_begin(&r, RECORD_PING_DONE);
	record_u64(&r, "ping", ping->id);
	record_totals(&r, &info.totals);
	record_str(&r, "error", error);
	record_end(&r, &pk);
	control_notify(ping->client, "ping_done", &out);
	msgpack_sbuffer_destroy(&out);
}

static void
ping_end(struct ping *ping, const char *error)
{
	if (ping->over)
		return;
	ping_tell_done(ping, error);
	ping->over = true;
	loop_defer(ping->pings->env.loop, pings_reap, ping->pings);
}

/* Makes the target on a bound peer. */
static int
ping_run(struct ping *ping)
{
	struct peer_info peer;

	peer_info(ping->stream.peer, &peer);
	return prober_target_add(peer.prober, &ping->config, &ping->stream, clock_mono_ns(),
				 &ping->target);
}

static void
ping_peer_rebound(struct ping *ping, const struct peer_info *peer)
{
	if (ping->over || ping->target)
		return;
	if (peer->binding == PEER_NAMING)
		return;
	if (peer->binding != PEER_BOUND)
		ping_end(ping, peer->binding_reason);
	else if (ping_run(ping) < 0)
		ping_end(ping, "out of memory");
}

static void
ping_peer_unbound(struct ping *ping)
{
	ping_end(ping, "its local device has changed");
	if (ping->target)
		prober_target_remove(ping->target);
	ping->target = NULL;
}

void
pings_peer_event(struct pings *pings, const struct peer *peer, enum peer_event event)
{
	struct peer_info info;

	peer_info(peer, &info);
	for (struct ping *p = pings->first; p; p = p->next) {
		if (p->stream.peer != peer)
			continue;
		if (event == PEER_REBOUND)
			ping_peer_rebound(p, &info);
		else if (event == PEER_UNBOUND)
			ping_peer_unbound(p);
	}
	pump_soon(pings->env.pump);
}

static unsigned int
pings_count_of(const struct pings *pings, const struct control_client *client)
{
	unsigned int n = 0;

	for (const struct ping *p = pings->first; p; p = p->next)
		n += p->client == client && !p->over;
	return n;
}

static int
ping_refuse(struct control_error *error, int code, const char *message)
{
	error->code = code;
	snprintf(error->message, sizeof(error->message), "%s", message);
	return -code;
}

static int
pings_check(const struct pings *pings, const struct control_client *client,
	    const struct ping_request *request, struct control_error *error)
{
	bool root = control_client_may_change(client);

	if (request->target.interval_ns < PING_INTERVAL_MIN_NS)
		return ping_refuse(error, EINVAL, "interval must be at least 1 ms");
	if (!root && request->target.interval_ns < PING_INTERVAL_READER_MIN_NS)
		return ping_refuse(error, EPERM, "only root may ping more often than every 100 ms");
	if (pings_count_of(pings, client) >= PING_PER_CLIENT_MAX)
		return ping_refuse(error, EBUSY, "too many pings from this client");
	return 0;
}

/*
 * The peer of that name or address, or a new one: its name may be one of /etc/hosts or DNS. Returns
 * 0 and sets *out, or fills *error and returns -errno.
 */
static int
pings_peer(const struct pings *pings, const struct ping_request *request, struct peer **out,
	   struct control_error *error)
{
	const char *host = request->host;
	struct named named = {.matches = 0};
	struct peer_info info;
	char text[ADDR_TEXT];
	int rc = named_find(pings->env.peers, host, request->device, &named, error);

	if (rc < 0 && (rc == -ENOTUNIQ || strchr(host, '/')))
		return rc;
	*out = NULL;
	if (rc == 0) {
		peer_info(named.peer, &info);
		if (info.nic && !request->source && strcmp(info.address, host) != 0)
			*out = named.peer;
		else if (info.remote && strcmp(info.address, host) != 0)
			host = addr_text(info.remote, text);
	}
	if (!*out)
		*out = peers_for_ping(pings->env.peers, host, request->device, request->source);
	return *out ? 0 : ping_refuse(error, ENOMEM, "out of memory");
}

int
pings_start(struct pings *pings, struct control_client *client,
	    const struct ping_request *request, struct ping **out, struct control_error *error)
{
	struct peer_info info;
	struct ping *ping;
	struct peer *peer;
	int rc = pings_check(pings, client, request, error);

	if (rc < 0)
		return rc;
	ping = calloc(1, sizeof(*ping));
	rc = ping ? pings_peer(pings, request, &peer, error) :
		    ping_refuse(error, ENOMEM, "out of memory");
	if (rc < 0) {
		free(ping);
		return rc;
	}
	*ping = (struct ping){.pings = pings,
			      .client = client,
			      .id = ++pings->next_id,
			      .config = request->target};
	ping->stream = (struct peer_stream){.peer = peer, .ping = ping};
	ping->next = pings->first;
	pings->first = ping;
	peer_hold(peer, PEER_ORIGIN_PING);
	peer_info(peer, &info);
	if (info.binding == PEER_BOUND)
		rc = ping_run(ping) < 0 ? ping_refuse(error, ENOMEM, "out of memory") : 0;
	else if (info.binding != PEER_NAMING)
		rc = ping_refuse(error, EHOSTUNREACH, info.binding_reason);
	if (rc < 0) {
		ping->client = NULL;
		ping_end(ping, NULL);
		return rc;
	}
	pump_soon(pings->env.pump);
	*out = ping;
	return 0;
}

int
pings_stop(struct pings *pings, const struct control_client *client, uint64_t id)
{
	for (struct ping *p = pings->first; p; p = p->next) {
		if (p->client != client || p->id != id || p->over)
			continue;
		if (p->target)
			prober_target_stop(p->target, clock_mono_ns());
		else
			ping_end(p, NULL);
		pump_soon(pings->env.pump);
		return 0;
	}
	return -ENOENT;
}

void
ping_target_done(void *arg, void *target_user)
{
	const struct peer_stream *stream = target_user;

	(void)arg;
	if (stream->ping)
		ping_end(stream->ping, NULL);
}

void
pings_client_gone(struct pings *pings, const struct control_client *client)
{
	for (struct ping *p = pings->first; p; p = p->next) {
		if (p->client != client)
			continue;
		p->client = NULL;
		ping_end(p, NULL);
	}
}

int
pings_new(const struct pings_env *env, struct pings **out)
{
	struct pings *pings = calloc(1, sizeof(*pings));

	if (!pings)
		return -ENOMEM;
	pings->env = *env;
	*out = pings;
	return 0;
}

void
pings_free(struct pings *pings)
{
	if (!pings)
		return;
	for (struct ping *p = pings->first; p; p = p->next) {
		p->client = NULL;
		p->over = true;
	}
	pings_reap(pings);
	loop_undefer(pings->env.loop, pings);
	free(pings);
}

bool
pings_any(const struct pings *pings)
{
	return pings->first != NULL;
}
