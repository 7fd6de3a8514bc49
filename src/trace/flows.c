/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: flows
 *
 * Each event passes the same steps. Is it possible (bad)? Does it belong to the known QP of this
 * number, or to a new QP with the same number? What is new (merge)? To which flow does the QP
 * belong now (place)? Then the event is passed on. The table owns the QPs. A flow ends with its
 * last QP.
 *
 * An RTS event contains no address vector, so the QP keeps the one of earlier events. RESET, and
 * INIT, which can only follow RESET, remove the connection.
 *
 * Order of events: a hook reports when its call returns. If the kernel excludes that two calls run
 * at the same time, their events are in order. ib_query_qp() keeps the QP from being destroyed (a
 * dump by rdma_restrack_get(), a process by the lock of its object), so no QUERY comes after the
 * DESTROY of its QP. But a new QP may get the number of the old one before the destroying call
 * returns. Then a DESTROY comes after the CREATE of another QP. If owner or type differ, this is
 * recognised. If not, the new QP is removed, and its next event adds it again.
 *
 * Dumps repair the loss of events: QPs that a complete dump does not list have ended. A QP remains
 * if the dump lists it, or if it has an event since the dump began. An older event, which waited in
 * the ring, is no proof.
 */
#include "trace/flows_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_QPN_MAX 0xffffffu
#define FLOWS_LABEL_MAX 0xfffffu

/* enum ib_qp_type and ib_qp_state of the kernel's include/rdma/ib_verbs.h */
enum { FLOWS_TYPE_RC = 2, FLOWS_TYPE_UC = 3, FLOWS_TYPE_XRC_INI = 9, FLOWS_TYPE_XRC_TGT = 10 };
enum { FLOWS_STATE_RTR = 2, FLOWS_STATE_SQE = 5, FLOWS_STATE_ERR = 6 };

static bool
flows_is_bad(const struct qp_event *e)
{
	return e->type < QP_EVENT_CREATE || e->type > QP_EVENT_QUERY || e->qpn > FLOWS_QPN_MAX ||
	       (e->flags & QP_EVENT_HAS_STATE && e->state > FLOWS_STATE_ERR) ||
	       (e->flags & QP_EVENT_HAS_REMOTE && e->remote_qpn > FLOWS_QPN_MAX) ||
	       (e->flags & QP_EVENT_HAS_GRH && e->flow_label > FLOWS_LABEL_MAX) ||
	       (e->flags & QP_EVENT_HAS_SGID && e->gid_type > QP_EVENT_GID_ROCE_V2);
}

static bool
flows_set_u32(uint32_t *to, uint32_t value)
{
	bool changed = *to != value;

	*to = value;
	return changed;
}

static bool
flows_set_u8(uint8_t *to, uint8_t value)
{
	bool changed = *to != value;

	*to = value;
	return changed;
}

static bool
flows_set_flag(bool *to)
{
	bool changed = !*to;

	*to = true;
	return changed;
}

static bool
flows_set_addr(struct addr *to, const uint8_t raw[16])
{
	bool changed = memcmp(to->raw, raw, sizeof(to->raw)) != 0;

	memcpy(to->raw, raw, sizeof(to->raw));
	return changed;
}

/* Sets a name, which may lack its '\0'. An empty name changes nothing. */
static bool
flows_set_name(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size - 1);

	if (len == 0 || (strlen(to) == len && memcmp(to, from, len) == 0))
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* Merges what a QP has from its creation on; only names and cgroup may change. */
static bool
flows_merge_identity(struct flow_qp *qp, const struct qp_event *e)
{
	bool changed = flows_set_name(qp->device, e->device, sizeof(qp->device));

	changed |= flows_set_name(qp->owner, e->owner, sizeof(qp->owner));
	if (e->flags & QP_EVENT_USER) {
		changed |= flows_set_flag(&qp->user);
		changed |= flows_set_u32(&qp->owner_tgid, e->owner_tgid);
	}
	if (e->cgroup_id && e->cgroup_id != qp->cgroup_id) {
		qp->cgroup_id = e->cgroup_id;
		changed = true;
	}
	return changed;
}

static bool
flows_forget_path(struct flow_qp *qp)
{
	bool known = qp->has_remote || qp->has_av || qp->has_sgid;

	qp->has_remote = qp->has_av = qp->has_sgid = false;
	qp->remote_qpn = qp->flow_label = 0;
	qp->path_mtu = qp->service_level = qp->traffic_class = qp->hop_limit = qp->gid_type = 0;
	qp->sgid = qp->dgid = (struct addr){{0}};
	return known;
}

static bool
flows_merge_grh(struct flow_qp *qp, const struct qp_event *e)
{
	bool changed = flows_set_addr(&qp->dgid, e->dgid);

	changed |= flows_set_u32(&qp->flow_label, e->flow_label);
	changed |= flows_set_u8(&qp->traffic_class, e->traffic_class);
	changed |= flows_set_u8(&qp->hop_limit, e->hop_limit);
	changed |= flows_set_flag(&qp->has_av);
	return changed;
}

static bool
flows_merge_remote(struct flow_qp *qp, const struct qp_event *e)
{
	/*
	 * The kernel sets remote QPN and address vector together, at RTR. So a new remote QPN
	 * means that the old address vector is that of an earlier connection.
	 */
	if (qp->has_remote && qp->remote_qpn != e->remote_qpn && !(e->flags & QP_EVENT_HAS_AV))
		flows_forget_path(qp);
	bool changed = flows_set_flag(&qp->has_remote);

	changed |= flows_set_u32(&qp->remote_qpn, e->remote_qpn);
	return changed;
}

/* Whether a query returns the known path, except perhaps for the service level. */
static bool
flows_is_known_path(const struct flow_qp *qp, const struct qp_event *e)
{
	const uint32_t all =
		QP_EVENT_HAS_REMOTE | QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID;

	return e->type == QP_EVENT_QUERY && (e->flags & all) == all && qp->has_remote &&
	       qp->has_av && qp->has_sgid && e->remote_qpn == qp->remote_qpn &&
	       e->flow_label == qp->flow_label && e->traffic_class == qp->traffic_class &&
	       memcmp(e->dgid, qp->dgid.raw, sizeof(e->dgid)) == 0 &&
	       memcmp(e->sgid, qp->sgid.raw, sizeof(e->sgid)) == 0;
}

static bool
flows_merge_path(struct flow_qp *qp, const struct qp_event *e)
{
	/*
	 * rxe answers queries always with service level 0. So keep the one that the owner has set
	 * while the path stays the same.
	 */
	bool keep_sl = flows_is_known_path(qp, e), changed = false;

	if (e->flags & QP_EVENT_HAS_REMOTE)
		changed |= flows_merge_remote(qp, e);
	if (e->flags & QP_EVENT_HAS_AV && !keep_sl)
		changed |= flows_set_u8(&qp->service_level, e->service_level);
	/* On RoCE, each address vector has a GRH. */
	if (e->flags & QP_EVENT_HAS_AV && e->flags & QP_EVENT_HAS_GRH)
		changed |= flows_merge_grh(qp, e);
	if (e->flags & QP_EVENT_HAS_SGID) {
		changed |= flows_set_addr(&qp->sgid, e->sgid);
		changed |= flows_set_u8(&qp->gid_type, e->gid_type);
		changed |= flows_set_flag(&qp->has_sgid);
	}
	if (e->flags & QP_EVENT_HAS_MTU)
		changed |= flows_set_u8(&qp->path_mtu, e->path_mtu);
	return changed;
}

static bool
flows_is_connected_type(uint8_t qp_type)
{
	return qp_type == FLOWS_TYPE_RC || qp_type == FLOWS_TYPE_UC ||
	       qp_type == FLOWS_TYPE_XRC_INI || qp_type == FLOWS_TYPE_XRC_TGT;
}

static uint16_t
flows_src_port(const struct flows *flows, const struct flow_qp *qp)
{
	enum flow_port_rule rule = flow_port_rule_of(qp->driver_id, &flows->config.kernel);

	if (!flows_is_connected_type(qp->qp_type) || !qp->has_av)
		return UDP_PORT_UNKNOWN;
	if (rule == FLOW_PORT_RULE_STANDARD && qp->flow_label == 0 && !qp->has_remote)
		return UDP_PORT_UNKNOWN;
	return flow_port_of(rule, qp->flow_label, qp->qpn, qp->remote_qpn);
}

/* Merges the event. Returns whether it contains anything new. */
static bool
flows_merge(const struct flows *flows, struct flow_qp *qp, const struct qp_event *e)
{
	bool changed = flows_merge_identity(qp, e);

	if (e->port)
		changed |= flows_set_u32(&qp->port, e->port);
	if (e->flags & QP_EVENT_HAS_STATE) {
		changed |= flows_set_flag(&qp->has_state);
		changed |= flows_set_u8(&qp->state, e->state);
	}
	/* Drivers may still show the address vector of an earlier connection. */
	if (qp->has_state && qp->state < FLOWS_STATE_RTR)
		changed |= flows_forget_path(qp);
	else
		changed |= flows_merge_path(qp, e);
	qp->src_port = flows_src_port(flows, qp);
	return changed;
}

static bool
flows_wants_flow(const struct flow_qp *qp)
{
	return flows_is_connected_type(qp->qp_type) && qp->has_av && qp->has_sgid &&
	       (qp->gid_type == QP_EVENT_GID_ROCE_V2 || qp->gid_type == QP_EVENT_GID_UNKNOWN) &&
	       qp->has_state && qp->state >= FLOWS_STATE_RTR && qp->state <= FLOWS_STATE_SQE;
}

static struct flow_key
flows_key_of(const struct flow_qp *qp)
{
	return (struct flow_key){
		.device_index = qp->device_index, .sgid = qp->sgid, .dgid = qp->dgid,
		.src_port = qp->src_port,
		.traffic_class = qp->traffic_class, .service_level = qp->service_level,
	};
}

static void
flows_leave(struct flows *flows, struct flow_qp_ref *ref)
{
	struct flow *flow = ref->flow;

	if (!flow)
		return;
	TAILQ_REMOVE(&flow->qps, ref, in_flow);
	ref->flow = NULL;
	ref->qp.flow = NULL;
	if (--flow->info.n_qps > 0)
		return;
	flows->stats.flows_ended++;
	flows->config.ops->ended(flows->config.arg, flow);
	flows_table_remove_flow(flows, flow);
}

static struct flow *
flows_new_flow(struct flows *flows, const struct flow_key *key, const struct flow_qp *qp,
	       uint64_t now_ns)
{
	struct flow *flow = flows->stats.flows < flows->config.max_flows ?
				    flows_table_add_flow(flows, key) :
				    NULL;

	if (!flow)
		return NULL;
	memcpy(flow->info.device, qp->device, sizeof(flow->info.device));
	flow->info.port = qp->port;
	flow->info.driver_id = qp->driver_id;
	flow->info.gid_type = qp->gid_type;
	flow->info.path_mtu = qp->path_mtu;
	flow->info.since_ns = now_ns;
	flows->stats.flows_began++;
	return flow;
}

static bool
flows_join(struct flows *flows, struct flow_qp_ref *ref, const struct flow_key *key,
	   uint64_t now_ns)
{
	struct flow *flow = flows_table_flow(flows, key);

	if (!flow)
		flow = flows_new_flow(flows, key, &ref->qp, now_ns);
	if (!flow) {
		flows->stats.over_flows += !ref->over; /* once for each QP, not at each dump */
		ref->over = true;
		return false;
	}
	ref->over = false;
	ref->flow = flow;
	ref->qp.flow = flow;
	TAILQ_INSERT_TAIL(&flow->qps, ref, in_flow);
	if (flow->info.n_qps++ == 0)
		flows->config.ops->began(flows->config.arg, flow);
	return true;
}

/* Puts a QP into the flow of its present path. Returns whether that is another one. */
static bool
flows_place(struct flows *flows, struct flow_qp_ref *ref, uint64_t now_ns)
{
	struct flow_key key = flows_key_of(&ref->qp);
	bool wants = flows_wants_flow(&ref->qp), was_in = ref->flow != NULL;

	if (wants && was_in && memcmp(&key, &ref->flow->info.key, sizeof(key)) == 0)
		return false;
	flows_leave(flows, ref);
	return (wants && flows_join(flows, ref, &key, now_ns)) || was_in;
}

static void
flows_remove(struct flows *flows, struct flow_qp_ref *ref)
{
	flows_leave(flows, ref);
	flows_table_remove_qp(flows, ref);
}

/* Removes a QP for whose end there was no event. */
static void
flows_vanish(struct flows *flows, struct flow_qp_ref *ref)
{
	flows->stats.vanished++;
	flows_remove(flows, ref);
}

static void
flows_seen(struct flows *flows, struct flow_qp_ref *ref)
{
	if (!flows->dumping || ref->seen == flows->dump)
		return;
	ref->seen = flows->dump;
	TAILQ_REMOVE(&flows->all, ref, in_all);
	TAILQ_INSERT_TAIL(&flows->all, ref, in_all);
}

static struct flow_qp_ref *
flows_new_qp(struct flows *flows, const struct qp_event *e, uint64_t now_ns)
{
	struct flow_qp_ref *ref = NULL;

	if (flows->stats.qps < flows->config.max_qps)
		ref = flows_table_add_qp(flows, e->device_index, e->qpn);
	if (!ref) {
		flows->stats.over_qps++;
		return NULL;
	}
	ref->qp.driver_id = e->driver_id;
	ref->qp.qp_type = e->qp_type;
	ref->qp.since_ns = e->time_ns < now_ns ? e->time_ns : now_ns;
	ref->qp.found = e->type != QP_EVENT_CREATE;
	if (ref->qp.found)
		flows->stats.found++;
	else
		flows->stats.created++;
	return ref;
}

static void
flows_tell(const struct flows *flows, const struct qp_event *e, const struct flow_qp_ref *ref)
{
	if (flows->config.ops->event)
		flows->config.ops->event(flows->config.arg, e, &ref->qp);
}

static void
flows_take_in(struct flows *flows, struct flow_qp_ref *ref, const struct qp_event *e,
	      uint64_t now_ns)
{
	bool news = !ref || e->type != QP_EVENT_QUERY;

	if (!ref)
		ref = flows_new_qp(flows, e, now_ns);
	if (!ref)
		return;
	if (e->time_ns >= flows->dump_began_ns)
		flows_seen(flows, ref);
	news |= flows_merge(flows, &ref->qp, e);
	news |= flows_place(flows, ref, now_ns);
	if (news)
		flows_tell(flows, e, ref);
}

static void
flows_destroy(struct flows *flows, struct flow_qp_ref *ref, const struct qp_event *e)
{
	if (!ref) {
		flows->stats.destroyed_unknown++;
		return;
	}
	flows->stats.destroyed++;
	flows_tell(flows, e, ref);
	flows_remove(flows, ref);
}

/* Whether the event must be of another QP than the known one of this number. */
static bool
flows_is_another(const struct flow_qp *qp, const struct qp_event *e)
{
	return e->type == QP_EVENT_CREATE || e->qp_type != qp->qp_type ||
	       (qp->user && e->flags & QP_EVENT_USER && e->owner_tgid != qp->owner_tgid);
}

void
flows_event(struct flows *flows, const struct qp_event *e, uint64_t now_ns)
{
	flows->stats.events++;
	if (flows_is_bad(e)) {
		flows->stats.bad++;
		return;
	}
	struct flow_qp_ref *ref = flows_table_qp(flows, e->device_index, e->qpn);
	bool another = ref && flows_is_another(&ref->qp, e);

	if (e->type == QP_EVENT_DESTROY) {
		flows_destroy(flows, another ? NULL : ref, e);
		return;
	}
	if (another)
		flows_vanish(flows, ref);
	flows_take_in(flows, another ? NULL : ref, e, now_ns);
}

void
flows_dump_begin(struct flows *flows, uint64_t now_ns)
{
	flows->dump++;
	flows->dumping = true;
	flows->dump_began_ns = now_ns;
}

void
flows_dump_qp(struct flows *flows, uint32_t device_index, uint32_t qpn)
{
	struct flow_qp_ref *ref = flows_table_qp(flows, device_index, qpn);

	if (ref)
		flows_seen(flows, ref);
}

bool
flows_dump_misses(const struct flows *flows)
{
	const struct flow_qp_ref *first = TAILQ_FIRST(&flows->all);

	return flows->dumping && first && first->seen != flows->dump;
}

void
flows_dump_end(struct flows *flows, bool complete, uint64_t now_ns)
{
	struct flow_qp_ref *ref;

	(void)now_ns;
	if (!flows->dumping)
		return;
	flows->dumping = false;
	while (complete && (ref = TAILQ_FIRST(&flows->all)) && ref->seen != flows->dump)
		flows_vanish(flows, ref);
}

int
flows_new(const struct flows_config *config, struct flows **out)
{
	struct flows *flows = calloc(1, sizeof(*flows));

	if (!flows)
		return -ENOMEM;
	flows->config = *config;
	TAILQ_INIT(&flows->all);
	*out = flows;
	return 0;
}

void
flows_clear(struct flows *flows)
{
	struct flow_qp_ref *ref;

	while ((ref = TAILQ_FIRST(&flows->all)))
		flows_vanish(flows, ref);
}

void
flows_free(struct flows *flows)
{
	if (!flows)
		return;
	flows_clear(flows);
	free(flows->slot);
	free(flows);
}

void
flow_info(const struct flow *flow, struct flow_info *out)
{
	*out = flow->info;
}

void
flow_set_user(struct flow *flow, void *user)
{
	flow->info.user = user;
}

const struct flow_qp_ref *
flow_next_qp(const struct flow *flow, const struct flow_qp_ref *after, struct flow_qp *out)
{
	const struct flow_qp_ref *ref =
		after ? TAILQ_NEXT(after, in_flow) : TAILQ_FIRST(&flow->qps);

	if (ref)
		*out = ref->qp;
	return ref;
}

void
flows_stats(const struct flows *flows, struct flows_stats *out)
{
	*out = flows->stats;
}
