/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: return paths
 *
 * nic->paths is a hash table of struct nic_path by remote address. Each has the path with its AHs,
 * and the SIDR requests that wait for it. The nic owns them. A request or an ACK makes one; it is
 * freed when it has not been used for NIC_PATH_IDLE_NS.
 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/loop.h"
#include "core/log_limit.h"
#include "probe/auth.h"
#include "probe/wire.h"
#include "rdma/path.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define NIC_PATHS_MAX 65536
#define NIC_PATH_IDLE_NS (2 * RESPONDER_IDLE_NS)
/* Limits of unproven paths: a request has claimed the address, but no ACK has been sent to it. */
#define NIC_UNPROVEN_MAX 1024
#define NIC_UNPROVEN_IDLE_NS (60 * NSEC_PER_SEC)
#define NIC_WAITING_MAX 4 /* the most requests that wait for one path */

struct nic_waiting {
	struct sidr_request *request;
	struct wire_request wire;
};

struct nic_path {
	struct nic_path *next;
	TAILQ_ENTRY(nic_path) in_unproven; /* unless proven */
	bool proven;                       /* an ACK has been sent there */
	bool claimed;                      /* it is being resolved for a claim of the address */
	struct nic *nic;
	struct addr local, remote;
	struct path *path;
	uint64_t used_ns;
	int n_waiting;
	struct nic_waiting waiting[NIC_WAITING_MAX];
};

static struct nic_path **
nic_path_bucket(struct nic *nic, const struct addr *remote)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < sizeof(remote->raw); i++)
		hash = (hash ^ remote->raw[i]) * 16777619u;
	return &nic->paths[hash % NIC_PATH_BUCKETS];
}

static void
nic_path_claim_over(struct nic_path *np)
{
	if (np->claimed)
		responder_claim_over(np->nic->nics->env.responder);
	np->claimed = false;
}

static void
nic_path_prove(struct nic_path *np)
{
	if (np->proven)
		return;
	np->proven = true;
	TAILQ_REMOVE(&np->nic->unproven, np, in_unproven);
	np->nic->n_unproven--;
}

/* Frees a path that is in no bucket any more. */
static void
nic_path_free(struct nic_path *np)
{
	nic_path_prove(np);
	nic_path_claim_over(np);
	for (int i = 0; i < np->n_waiting; i++)
		sidr_drop(np->waiting[i].request);
	path_free(np->path);
	np->nic->n_paths--;
	free(np);
}

/* Returns what sidr_answer() does. */
static int
nic_reply(const struct nic *nic, const struct nic_waiting *w, const struct wire_reply *reply)
{
	uint8_t buf[PROBE_WIRE_REPLY_FULL];
	size_t len = wire_encode_reply(reply, buf);

	len = auth_sign_private(&nic->nics->config->keys, buf, len, sizeof(buf));
	return sidr_answer(w->request, reply->qpn, buf, len);
}

static void
nic_refuse(const struct nic *nic, const struct nic_waiting *w, enum probe_wire_status status)
{
	struct wire_reply reply = {
		.status = status,
		.version = w->wire.versions.lowest,
		.versions = WIRE_VERSIONS,
		.nonce = w->wire.nonce,
	};

	nic_reply(nic, w, &reply);
}

/* The port drops messages that are longer than its MTU. */
static uint16_t
nic_return_max_size(const struct nic *nic)
{
	uint32_t mtu = device_get_mtu(nic->device);

	return mtu >= PROBE_WIRE_SIZE_MIN && mtu < CONFIG_SIZE_MAX ? (uint16_t)mtu :
								     CONFIG_SIZE_MAX;
}

/* Makes a session and sends it to the prober. */
static void
nic_admit(struct nic_path *np, struct nic_waiting *w)
{
	const struct wire_versions ours = WIRE_VERSIONS;
	struct nic *nic = np->nic;
	struct nics *nics = nic->nics;
	struct responder_open_request open = {
		.device_user = nic,
		.clock = &nic->clock.hw,
		.local = np->local,
		.remote = np->remote,
		.incarnation = w->wire.incarnation,
		.qkey = w->wire.qkey,
		.challenge = w->wire.nonce != 0,
		.session = w->wire.session,
	};
	struct wire_reply reply = {
		.status = PROBE_WIRE_ACCEPTED,
		.version = wire_common_version(&ours, &w->wire.versions),
		.versions = ours,
		.qkey = nics->env.self->qkey,
		.incarnation = nic->incarnation,
		.nonce = w->wire.nonce,
		.max_size = nic_return_max_size(nic),
		.max_per_s = nics->config->responder_per_source < UINT16_MAX ?
				     (uint16_t)nics->config->responder_per_source :
				     UINT16_MAX,
	};
	char text[ADDR_TEXT];
	int rc;

	memcpy(open.hostname, w->wire.hostname, sizeof(open.hostname));
	if (!nic->responder_ep) {
		sidr_drop(w->request);
		return;
	}
	rc = responder_open(nics->env.responder, &open, clock_mono_ns(), &reply.session);
	if (rc < 0) {
		nic_refuse(nic, w, rc == -EACCES ? PROBE_WIRE_NOT_ALLOWED : PROBE_WIRE_BUSY);
		return;
	}
	reply.qpn = endpoint_qpn(nic->responder_ep);
	wire_fit_name(nics->env.self->hostname, reply.hostname);
	memcpy(reply.tor, nics->env.self->tor, sizeof(reply.tor) - 1);
	rc = nic_reply(nic, w, &reply);
	log_debug(RESPONDER, "%s: session for %s (%s): %s", nic->name, addr_text(&np->remote, text),
		  open.hostname, rc ? strerror(-rc) : "answered");
}

static void
nic_path_resolved(void *arg, struct path *path, int status)
{
	struct nic_path *np = arg;
	struct nic *nic = np->nic;
	struct nics *nics = nic->nics;
	char text[ADDR_TEXT];
	uint64_t now = clock_mono_ns();
	int n = np->n_waiting;

	(void)path;
	np->n_waiting = 0;
	nic_path_claim_over(np);
	for (int i = 0; i < n; i++) {
		if (status == 0)
			nic_admit(np, &np->waiting[i]);
		else
			nic_refuse(nic, &np->waiting[i], PROBE_WIRE_NO_ROUTE);
	}
	if (status < 0) {
		log_some(10, RESPONDER, WARNING, "%s: no way back to %s: %s", nic->name,
			 addr_text(&np->remote, text), strerror(-status));
		responder_path_failed(nics->env.responder, nic, &np->local, &np->remote, now);
	} else {
		responder_path_ready(nics->env.responder, nic, &np->local, &np->remote, now);
	}
	pump_soon(nics->env.pump);
}

static struct nic_path **
nic_path_find(struct nic *nic, const struct addr *local, const struct addr *remote)
{
	struct nic_path **at = nic_path_bucket(nic, remote);

	while (*at && !(addr_equal(&(*at)->remote, remote) && addr_equal(&(*at)->local, local)))
		at = &(*at)->next;
	return at;
}

/* Takes a path out of its bucket, and frees it. */
static void
nic_path_drop(struct nic_path *np)
{
	struct nic_path **at = nic_path_find(np->nic, &np->local, &np->remote);

	*at = np->next;
	nic_path_free(np);
}

/* Makes room for one more path: frees the oldest unproven one first. */
static int
nic_path_make_room(struct nic *nic)
{
	struct nic_path *oldest = TAILQ_FIRST(&nic->unproven);

	if (nic->n_unproven < NIC_UNPROVEN_MAX && nic->n_paths < NIC_PATHS_MAX)
		return 0;
	if (!oldest)
		return -ENOBUFS;
	nic_path_drop(oldest);
	return 0;
}

static int
nic_path_get(struct nic *nic, const struct addr *local, const struct addr *remote,
	     struct nic_path **out)
{
	static const struct path_ops ops = {nic_path_resolved};
	struct nic_path **at = nic_path_find(nic, local, remote), *np = *at;
	struct path_config config = {
		.device = nic->device,
		.sidr = nic->nics->sidr,
		.local = *local,
		.remote = *remote,
		.ops = &ops,
	};

	if (np) {
		np->used_ns = clock_mono_ns();
		*out = np;
		return 0;
	}
	if (!nic->device)
		return -ENODEV;
	if (nic_path_make_room(nic) < 0)
		return -ENOBUFS;
	np = calloc(1, sizeof(*np));
	if (!np)
		return -ENOMEM;
	config.arg = np;
	if (path_new(&config, &np->path) < 0) {
		free(np);
		return -ENOMEM;
	}
	np->nic = nic;
	np->local = *local;
	np->remote = *remote;
	np->used_ns = clock_mono_ns();
	at = nic_path_bucket(nic, remote);
	np->next = *at;
	*at = np;
	nic->n_paths++;
	TAILQ_INSERT_TAIL(&nic->unproven, np, in_unproven);
	nic->n_unproven++;
	*out = np;
	return 0;
}

/* Returns -EAGAIN if nic_path_resolved() follows, or -EBUSY if too many claims are unresolved. */
static int
nic_path_verify(struct nic_path *np)
{
	struct responder *responder = np->nic->nics->env.responder;
	int rc;

	if (!np->proven && !np->claimed) {
		if (responder_claim(responder) < 0)
			return -EBUSY;
		np->claimed = true;
	}
	rc = path_verify(np->path);
	if (rc < 0)
		nic_path_claim_over(np);
	return rc < 0 ? rc : -EAGAIN;
}

/* Answers now if the path back is known, otherwise when it is resolved. */
static void
nic_return_follow(struct nic *nic, const struct sidr_request_info *info, struct nic_waiting *w)
{
	struct nic_path *np;
	struct path_ah *ah;
	int rc = nic_path_get(nic, &info->local, &info->remote, &np);

	if (rc < 0) {
		nic_refuse(nic, w, PROBE_WIRE_BUSY);
		return;
	}
	/*
	 * The prober may have moved to another port or NIC. But answers to its earlier probes may
	 * still be in flight.
	 */
	if (path_is_fresh(np->path, clock_mono_ns()))
		rc = path_get_ah(np->path, 0, 0, 0, clock_mono_ns(), &ah);
	else
		rc = nic_path_verify(np);
	if (rc == 0) {
		nic_admit(np, w);
	} else if (rc == -EBUSY && !np->proven) {
		/* A claim that is refused must not keep a place: others are in progress. */
		nic_refuse(nic, w, PROBE_WIRE_BUSY);
		nic_path_drop(np);
	} else if (rc != -EAGAIN) {
		nic_refuse(nic, w, rc == -EBUSY ? PROBE_WIRE_BUSY : PROBE_WIRE_NO_ROUTE);
	} else if (np->n_waiting == NIC_WAITING_MAX) {
		nic_refuse(nic, w, PROBE_WIRE_BUSY);
	} else {
		np->waiting[np->n_waiting++] = *w;
	}
}

/* Whether there is a common version. */
static bool
nic_speaks_version(struct nic *nic, const struct sidr_request_info *info,
		   const struct wire_request *request)
{
	const struct wire_versions ours = WIRE_VERSIONS;
	char theirs_text[WIRE_VERSIONS_TEXT], ours_text[WIRE_VERSIONS_TEXT], text[ADDR_TEXT];

	if (wire_common_version(&ours, &request->versions))
		return true;
	log_some(10, RESPONDER, WARNING,
		 "%s: refuses %s (%s): it speaks %s of the probe protocol, this host %s; upgrade "
		 "rpingmesh %s",
		 nic->name, addr_text(&info->remote, text), request->hostname,
		 wire_versions_text(&request->versions, theirs_text),
		 wire_versions_text(&ours, ours_text),
		 request->versions.lowest > ours.highest ? "here" : "there");
	return false;
}

/* A request without a key of ours is dropped, which makes the kernel refuse it. */
static bool
nic_is_authentic(struct nic *nic, const struct sidr_request_info *info)
{
	const struct nics_env *env = &nic->nics->env;
	char text[ADDR_TEXT];

	if (auth_check_private(&nic->nics->config->keys, info->data, info->len,
			       PROBE_WIRE_REQUEST_FULL))
		return true;
	responder_unauthenticated(env->responder);
	log_some(10, RESPONDER, WARNING,
		 "%s: a request of %s is not signed with a key of key_file: refused",
		 nic->name, addr_text(&info->remote, text));
	env->ops->unauthenticated(env->arg, nic, &info->remote);
	return false;
}

void
nic_return_requested(struct nic *nic, struct sidr_request *request,
		     const struct sidr_request_info *info)
{
	struct nic_waiting w = {.request = request, .wire = {.versions = WIRE_VERSIONS}};
	bool valid = wire_decode_request(info->data, info->len, &w.wire) == 0;
	uint64_t now = clock_mono_ns();
	int rc;

	loop_for_others(nic->nics->env.loop);
	if (!nic_is_authentic(nic, info)) {
		sidr_drop(request);
		return;
	}
	rc = responder_admit(nic->nics->env.responder, &info->remote, valid ? w.wire.session : 0,
			     now);
	if (rc < 0) {
		nic_refuse(nic, &w, rc == -EACCES ? PROBE_WIRE_NOT_ALLOWED : PROBE_WIRE_BUSY);
		return;
	}
	if (!valid || !nic_speaks_version(nic, info, &w.wire)) {
		nic_refuse(nic, &w, PROBE_WIRE_BAD_REQUEST);
		return;
	}
	nic_return_follow(nic, info, &w);
	nic->nics->env.ops->sign_of_life(nic->nics->env.arg, nic, &info->remote);
}

void
nic_return_drop_paths(struct nic *nic)
{
	for (int i = 0; i < NIC_PATH_BUCKETS; i++) {
		while (nic->paths[i]) {
			struct nic_path *np = nic->paths[i];

			nic->paths[i] = np->next;
			nic_path_free(np);
		}
	}
}

void
nic_return_prune(struct nic *nic, uint64_t now_ns)
{
	for (int i = 0; i < NIC_PATH_BUCKETS; i++) {
		struct nic_path **at = &nic->paths[i], *np;

		while ((np = *at)) {
			if (now_ns - np->used_ns <
			    (np->proven ? NIC_PATH_IDLE_NS : NIC_UNPROVEN_IDLE_NS)) {
				at = &np->next;
				continue;
			}
			*at = np->next;
			nic_path_free(np);
		}
	}
}

int
nics_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	     struct responder_tx *tx)
{
	struct nic *nic = device_user;
	struct endpoint_send send = {
		.qpn = ack->qpn,
		.qkey = ack->qkey,
		.payload = ack->payload,
		.size = ack->size,
		.cookie = ack->cookie,
		.solicited = ack->solicited,
	};
	struct endpoint_tx sent;
	struct nic_path *np;
	int rc;

	(void)arg;
	(void)want_sent;
	if (!nic->responder_ep)
		return -ENODEV;
	rc = nic_path_get(nic, &ack->local, &ack->remote, &np);
	if (rc < 0)
		return rc;
	rc = path_get_ah(np->path, ack->flow_label, ack->traffic_class, ack->service_level,
			 clock_mono_ns(), &send.ah);
	if (rc < 0)
		return rc;
	if (ack->proven)
		nic_path_prove(np);
	rc = endpoint_send(nic->responder_ep, &send, &sent);
	if (rc < 0)
		return rc;
	*tx = (struct responder_tx){
		.t4 = sent.at,
		.done = sent.done,
		.src_port = sport_of(nic->sport_rule, endpoint_qpn(nic->responder_ep),
				     ack->flow_label),
		.hop_limit = path_ah_hop_limit(send.ah),
	};
	return 0;
}
