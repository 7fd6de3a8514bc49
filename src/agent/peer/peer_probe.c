/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the prober's ops for peers
 *
 * They post a probe, resolve a peer over SIDR, and report a change of state. All state is in struct
 * peer.
 */
#include "agent/peer/peer_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/udp_port.h"
#include "probe/auth.h"
#include "probe/wire.h"
#include "rdma/path.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define PEER_SIDR_TIMEOUT_MS 1500
#define PEER_WITHOUT_NONCE 4
#define PEER_VERSION_REASONS 8
#define PEER_BURST 8 /* probes; responders allow at least 32 */

static const char *
peer_send_reason(int rc)
{
	switch (rc) {
	case -EMSGSIZE:
		return "larger than the MTU of the local port";
	case -EBUSY:
		return "more than its responder answers (its responder.per_source)";
	case -ENOBUFS:
		return "send queue is full";
	case -EADDRNOTAVAIL:
		return "source address has left the device";
	case -ENOMEM:
		return "out of memory";
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
		return "neighbour does not answer";
	default:
		return "send failed in the local RNIC";
	}
}

static void
peer_tell_port(const struct nic_source *source, const struct prober_packet *packet,
	       struct prober_tx *tx)
{
	tx->src_port = source->port == UDP_PORT_UNKNOWN ? PROBE_PORT_UNKNOWN : source->port;
	/* If a flow's probe has no flow label, the port of the flow is unknown. */
	if (source->port == UDP_PORT_UNKNOWN ||
	    (packet->kind == PROBE_KIND_SERVICE && !packet->flow_label))
		tx->path = PROBE_PATH_UNKNOWN;
	else if (!packet->flow_label || source->port == udp_port_of_label(packet->flow_label))
		tx->path = PROBE_PATH_EXACT;
	else
		tx->path = PROBE_PATH_APPROXIMATE;
}

int
peer_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	  const char **reason)
{
	struct peer *peer = peer_user;
	struct prober_peer_info info;
	struct endpoint_send send = {
		.qkey = peer->qkey,
		.payload = packet->payload,
		.size = packet->size,
		.cookie = packet->cookie,
	};
	bool limited = peer->rated && !packet->echo;
	struct nic_source source;
	struct endpoint_tx sent;
	int rc = -ENODEV;

	(void)arg;
	nic_source(peer->nic, packet->flow_label, &source);
	prober_peer_info(peer->prober, &info);
	send.qpn = info.session.qpn;
	if (packet->size > device_get_mtu(nic_device(peer->nic)))
		rc = -EMSGSIZE;
	else if (limited && !bucket_is_ready(&peer->bucket, &peer->rate, clock_mono_ns()))
		rc = -EBUSY;
	else if (peer->path)
		rc = path_get_ah(peer->path, packet->flow_label, packet->traffic_class,
				 packet->service_level, clock_mono_ns(), &send.ah);
	if (rc == 0)
		rc = nic_send(peer->nic, &source, &send, &sent);
	if (rc == 0 && limited)
		bucket_take(&peer->bucket, &peer->rate, sent.posted_ns);
	if (rc < 0) {
		*reason = peer_send_reason(rc);
		return rc;
	}
	*tx = (struct prober_tx){
		.t1_ns = sent.posted_ns,
		.t2 = sent.at,
		.done = sent.done,
		.source = peer->local,
		.hop_limit = path_ah_hop_limit(send.ah),
	};
	peer_tell_port(&source, packet, tx);
	return 0;
}

/*
 * The reason for a peer of other versions, as static text because results keep it. So there is a
 * text for each range of versions that this process has met; it is logged when it is made. After a
 * few of them, the text contains no numbers.
 */
static const char *
peer_version_reason(const struct peer *peer, const struct wire_versions *theirs)
{
	static struct {
		struct wire_versions theirs;
		char text[160];
	} kept[PEER_VERSION_REASONS];
	static size_t n;
	const struct wire_versions ours = WIRE_VERSIONS;
	char theirs_text[WIRE_VERSIONS_TEXT], ours_text[WIRE_VERSIONS_TEXT];

	for (size_t i = 0; i < n; i++)
		if (memcmp(&kept[i].theirs, theirs, sizeof(*theirs)) == 0)
			return kept[i].text;
	if (n == PEER_VERSION_REASONS)
		return "refused: no version of the probe protocol in common";
	kept[n].theirs = *theirs;
	snprintf(kept[n].text, sizeof(kept[n].text),
		 "refused: it speaks %s of the probe protocol, this host %s; upgrade rpingmesh %s",
		 wire_versions_text(theirs, theirs_text), wire_versions_text(&ours, ours_text),
		 theirs->lowest > ours.highest ? "here" : "there");
	log_warning(PEER, "%s: %s", peer->config.address, kept[n].text);
	return kept[n++].text;
}

static const char *
peer_refusal(const struct peer *peer, const struct wire_reply *reply)
{
	const struct wire_versions ours = WIRE_VERSIONS;

	switch (reply->status) {
	case PROBE_WIRE_NOT_ALLOWED:
		return "refused: our address is not in its responder.allow";
	case PROBE_WIRE_BUSY:
		return "refused: its responder is busy";
	case PROBE_WIRE_NO_ROUTE:
		return "refused: it has no way back to our address";
	case PROBE_WIRE_BAD_REQUEST:
		return wire_common_version(&ours, &reply->versions) ?
			       "refused: it finds our request malformed" :
			       peer_version_reason(peer, &reply->versions);
	case PROBE_WIRE_ACCEPTED:
		break;
	}
	return "refused";
}

static const char *
peer_sidr_reason(const struct sidr_answer *answer, bool keys)
{
	switch (answer->status) {
	case -ECONNREFUSED:
		return "its host answers, but no rpingmeshd listens there";
	case -EBUSY:
		return keys ? "its rpingmeshd has other keys, does not keep up with requests, or "
			      "is ending" :
			      "its rpingmeshd does not keep up with requests, or is ending";
	case -EADDRNOTAVAIL:
		return "source address has left the device";
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		if (answer->step == SIDR_STEP_ADDRESS)
			return "no answer at its address (ARP or neighbour discovery, or no route)";
		return keys ? "no answer from rpingmeshd (SIDR), which may have other keys" :
			      "no answer from rpingmeshd (SIDR)";
	default:
		return "SIDR failed";
	}
}

/* Whether the other host has refused. Otherwise it is unknown whether the host is alive. */
static bool
peer_sidr_is_answer(const struct sidr_answer *answer)
{
	return answer->status == -ECONNREFUSED || answer->status == -EBUSY;
}

/* A peer that never answered has no change of state to log, so log its reason once. */
static void
peer_not_resolved(struct peer *peer, const char *reason, bool silent)
{
	struct prober_peer_info info;

	if (silent)
		prober_resolve_silent(peer->prober, reason, clock_mono_ns());
	else
		prober_resolve_failed(peer->prober, reason, clock_mono_ns());
	prober_peer_info(peer->prober, &info);
	if (info.has_session || info.resolves < PROBER_RESOLVE_TRIES || reason == peer->told_reason)
		return;
	peer->told_reason = reason;
	log_some(PEER_LINES, PEER, WARNING, "%s: no contact so far: %s", peer->config.address,
		 reason);
}

static void
peer_resolved(struct peer *peer, const struct wire_reply *reply)
{
	struct prober_session session = {
		.addr = peer->remote,
		.qpn = reply->qpn,
		.incarnation = reply->incarnation,
		.session = reply->session,
		.max_size = reply->max_size,
	};

	if (peer->hostname[0] && strcmp(peer->hostname, reply->hostname) != 0) {
		log_warning(PEER, "%s: host %s answers there now, which was %s",
			    peer->config.address, reply->hostname, peer->hostname);
		peer_name_ask_soon(peer);
	}
	peer_set_hostname(peer, reply->hostname);
	memcpy(peer->tor, reply->tor, sizeof(peer->tor));
	peer->qkey = reply->qkey;
	peer->no_key_ns = 0;
	peer->rated = reply->max_per_s != 0 && reply->max_per_s != UINT16_MAX;
	bucket_rate_set(&peer->rate, reply->max_per_s, PEER_BURST);
	bucket_fit(&peer->bucket, &peer->rate, clock_mono_ns());
	if (peer->path)
		path_renew(peer->path, clock_mono_ns());
	prober_resolved(peer->prober, &session, peer->asked_ns, clock_mono_ns());
}

/*
 * Whether the reply repeats the nonce of our request. Builds from before there were nonces repeat
 * none. One that has repeated one may be downgraded; so a few in a row without any are believed.
 */
static bool
peer_is_genuine(struct peer *peer, const struct wire_reply *reply)
{
	if (reply->nonce == peer->nonce) {
		peer->repeats_nonce = true;
		peer->without_nonce = 0;
		return true;
	}
	if (reply->nonce != 0)
		return false;
	if (peer->repeats_nonce && ++peer->without_nonce < PEER_WITHOUT_NONCE)
		return false;
	peer->repeats_nonce = false;
	return true;
}

static void
peer_answered(void *arg, const struct sidr_answer *answer)
{
	struct peer *peer = arg;
	const struct keys *keys = &peer->peers->config->keys;
	struct wire_reply reply;

	peer->call = NULL;
	if (answer->status < 0) {
		log_debug(PEER, "%s: %s: %s", peer->config.address, sidr_step_name(answer->step),
			  strerror(-answer->status));
		peer_not_resolved(peer, peer_sidr_reason(answer, keys->n > 0),
				  !peer_sidr_is_answer(answer));
	} else if (!auth_check_private(keys, answer->data, answer->len, PROBE_WIRE_REPLY_FULL)) {
		peer->no_key_ns = clock_mono_ns();
		peer_not_resolved(peer, "its answer is not signed with a key of our key_file",
				  true);
	} else if (wire_decode_reply(answer->data, answer->len, &reply) < 0) {
		peer_not_resolved(peer, "its answer is not from rpingmesh, or has another version",
				  false);
	} else if (!peer_is_genuine(peer, &reply)) {
		peer_not_resolved(peer, "its answer does not belong to our request: forged?",
				  true);
	} else if (reply.status != PROBE_WIRE_ACCEPTED) {
		peer_not_resolved(peer, peer_refusal(peer, &reply), false);
	} else {
		peer_resolved(peer, &reply);
	}
	pump_soon(peer->peers->env.pump);
}

static uint64_t
peer_new_nonce(struct peer *peer)
{
	do
		peer->nonce = self_random();
	while (peer->nonce == 0);
	return peer->nonce;
}

void
peer_resolve(void *arg, void *peer_user)
{
	struct peer *peer = peer_user;
	const struct peers_env *env = &peer->peers->env;
	struct sidr *sidr = nics_sidr(env->nics);
	struct wire_request request = {
		.versions = WIRE_VERSIONS,
		.qkey = env->self->qkey,
		.incarnation = self_incarnation_for(env->self, &peer->remote),
		.nonce = peer_new_nonce(peer),
	};
	struct prober_peer_info info;
	uint8_t buf[PROBE_WIRE_REQUEST_FULL];
	struct sidr_question question = {
		.local = peer->local,
		.remote = peer->remote,
		.port = peer->peers->config->port,
		.timeout_ms = PEER_SIDR_TIMEOUT_MS,
		.data = buf,
		.answered = peer_answered,
		.arg = peer,
	};

	memcpy(request.hostname, env->self->hostname, sizeof(request.hostname));
	(void)arg;
	prober_peer_info(peer->prober, &info);
	if (info.has_session)
		request.session = info.session.session;
	question.len = auth_sign_private(&peer->peers->config->keys, buf,
					 wire_encode_request(&request, buf), sizeof(buf));
	peer->asked_ns = clock_mono_ns();
	peer->call = NULL;
	peer->ask_failed = !sidr || sidr_ask(sidr, &question, &peer->call) < 0;
	/* The prober needs a result, but not from inside this call; peers_retry() sends it. */
	if (peer->ask_failed)
		nics_scan_soon(env->nics);
}

void
peer_state_changed(void *arg, void *peer_user, enum prober_peer_state from,
		   enum prober_peer_state to)
{
	struct peer *peer = peer_user;
	struct prober_peer_info info;
	const char *reason = NULL;

	(void)arg;
	if (to == PROBER_PEER_DOWN)
		peer_name_ask_soon(peer);
	peer->peers->env.ops->event(peer->peers->env.arg, peer, PEER_STATE);
	if (peer->prober) {
		prober_peer_info(peer->prober, &info);
		reason = info.reason;
	}
	if (to == PROBER_PEER_DOWN || to == PROBER_PEER_NO_DATA)
		log_some(PEER_LINES, PEER, WARNING, "%s: %s -> %s%s%s", peer->config.address,
			 prober_peer_state_name(from), prober_peer_state_name(to),
			 reason ? ": " : "", reason ? reason : "");
	else
		log_some(PEER_LINES, PEER, INFO, "%s: %s -> %s%s%s", peer->config.address,
			 prober_peer_state_name(from), prober_peer_state_name(to),
			 peer->hostname[0] ? ", host " : "", peer->hostname);
}
