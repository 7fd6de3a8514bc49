/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: ping
 *
 *   waiting (the host's name is being looked up) -> running -> over
 *
 * A ping owns its target and holds its peer. It is over when the prober says that the target is
 * done, when its peer cannot be probed (any more), or when its client goes. A ping that is over has
 * told the client, is in no list, and is freed, with its hold on the peer, from the loop: the
 * prober or the peers may be in the middle of something.
 */
#include "agent/peer/ping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "agent/base/pump.h"
#include "agent/daemon.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "record/record.h"

struct ping {
	struct ping *next;
	struct daemon *d;
	struct control_client *client; /* borrowed; NULL: gone */
	uint64_t id;
	struct peer_stream stream;     /* .peer is held */
	struct prober_target *target;  /* NULL: waiting, or over */
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

bool
ping_uses_peer(const struct peer *peer)
{
	for (const struct ping *p = peer->d->pings; p; p = p->next)
		if (p->stream.peer == peer)
			return true;
	return false;
}

static void
ping_reap(void *arg)
{
	struct daemon *d = arg;
	struct ping **at = &d->pings, *ping;

	while ((ping = *at)) {
		struct peer *peer = ping->stream.peer;

		if (!ping->over) {
			at = &ping->next;
			continue;
		}
		*at = ping->next;
		if (ping->target)
			prober_target_remove(ping->target);
		last_probes_free(&d->last_probes, &ping->stream.last);
		free(ping);
		peer_release(peer);
		at = &d->pings;
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
	record_begin(&r, "ping_done");
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
	loop_defer(ping->d->loop, ping_reap, ping->d);
}

/* Puts the target on a bound peer. */
static int
ping_run(struct ping *ping)
{
	return prober_target_add(ping->stream.peer->prober, &ping->config, &ping->stream,
				 clock_mono_ns(), &ping->target);
}

void
ping_peer_binding_changed(struct peer *peer)
{
	for (struct ping *p = peer->d->pings; p; p = p->next) {
		if (p->stream.peer != peer || p->over || p->target)
			continue;
		if (peer->binding != PEER_BOUND)
			ping_end(p, peer->binding_reason);
		else if (ping_run(p) < 0)
			ping_end(p, "out of memory");
	}
	pump_soon(peer->d->pump);
}

void
ping_peer_unbound(struct peer *peer)
{
	for (struct ping *p = peer->d->pings; p; p = p->next) {
		if (p->stream.peer != peer)
			continue;
		ping_end(p, "its local device has changed");
		if (p->target)
			prober_target_remove(p->target);
		p->target = NULL;
	}
}

static unsigned int
ping_count_of(const struct daemon *d, const struct control_client *client)
{
	unsigned int n = 0;

	for (const struct ping *p = d->pings; p; p = p->next)
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
ping_check(const struct daemon *d, const struct control_client *client,
	   const struct ping_request *request, struct control_error *error)
{
	bool root = control_client_may_change(client);

	if (request->target.interval_ns < PING_INTERVAL_MIN_NS)
		return ping_refuse(error, EINVAL, "interval must be at least 1 ms");
	if (!root && request->target.interval_ns < PING_INTERVAL_READER_MIN_NS)
		return ping_refuse(error, EPERM, "only root may ping more often than every 100 ms");
	if (ping_count_of(d, client) >= PING_PER_CLIENT_MAX)
		return ping_refuse(error, EBUSY, "too many pings from this client");
	return 0;
}

int
ping_start(struct daemon *d, struct control_client *client, const struct ping_request *request,
	   struct ping **out, struct control_error *error)
{
	struct ping *ping;
	struct peer *peer;
	int rc = ping_check(d, client, request, error);

	if (rc < 0)
		return rc;
	ping = calloc(1, sizeof(*ping));
	peer = ping ? peer_for_ping(d, request->host, request->device, request->source) : NULL;
	if (!peer) {
		free(ping);
		return ping_refuse(error, ENOMEM, "out of memory");
	}
	*ping = (struct ping){.d = d,
			      .client = client,
			      .id = ++d->next_ping_id,
			      .config = request->target};
	ping->stream = (struct peer_stream){.peer = peer, .ping = ping};
	ping->next = d->pings;
	d->pings = ping;
	peer_update_patience(peer);
	if (peer->binding == PEER_BOUND)
		rc = ping_run(ping) < 0 ? ping_refuse(error, ENOMEM, "out of memory") : 0;
	else if (peer->binding != PEER_NAMING)
		rc = ping_refuse(error, EHOSTUNREACH, peer->binding_reason);
	if (rc < 0) {
		ping->client = NULL;
		ping_end(ping, NULL);
		return rc;
	}
	pump_soon(d->pump);
	*out = ping;
	return 0;
}

int
ping_stop(struct daemon *d, const struct control_client *client, uint64_t id)
{
	for (struct ping *p = d->pings; p; p = p->next) {
		if (p->client != client || p->id != id || p->over)
			continue;
		if (p->target)
			prober_target_stop(p->target, clock_mono_ns());
		else
			ping_end(p, NULL);
		pump_soon(d->pump);
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
ping_client_gone(struct daemon *d, struct control_client *client)
{
	for (struct ping *p = d->pings; p; p = p->next) {
		if (p->client != client)
			continue;
		p->client = NULL;
		ping_end(p, NULL);
	}
}

void
ping_free_all(struct daemon *d)
{
	for (struct ping *p = d->pings; p; p = p->next) {
		p->client = NULL;
		p->over = true;
	}
	ping_reap(d);
}
