/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * DOC: what the hooks do, whoever calls them
 *
 * A call that may fail is remembered at its entry and told at its return, if it returned 0: in
 * qp_calls what it was called with, in qp_dying the finished event, because the QP is gone by then.
 * Keys are thread and hook: a driver may call ib_query_qp() or another QP's ib_destroy_qp_user()
 * inside a call. Kernel memory is read by CO-RE; a field that this kernel lacks leaves its flag
 * unset, but ib_qp.device, .qp_num, .real_qp and ib_device.index: without those nothing loads.
 */
#ifndef QP_LOGIC_BPF_H
#define QP_LOGIC_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "qp_types.h"
#include "rpingmesh/qp_event.h"

enum qp_hook { QP_HOOK_MODIFY_USER, QP_HOOK_MODIFY_KERNEL, QP_HOOK_DESTROY, QP_HOOK_QUERY };

/* enum ib_qp_attr_mask and ib_ah_flags; the numbers of ibv_modify_qp(3). */
#define QP_MASK_STATE (1 << 0)
#define QP_MASK_PORT (1 << 5)
#define QP_MASK_AV (1 << 7)
#define QP_MASK_PATH_MTU (1 << 8)
#define QP_MASK_DEST_QPN (1 << 20)
#define QP_MASK_TOLD \
	(QP_MASK_STATE | QP_MASK_PORT | QP_MASK_AV | QP_MASK_PATH_MTU | QP_MASK_DEST_QPN)
#define QP_AH_GRH 1

struct qp_call {
	__u64 qp, attr;
	__u64 mask;
};

/*
 * Sizes together with the ring stay below 4 MiB: Linux < 5.11 counts them against RLIMIT_MEMLOCK.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct qp_call);
} qp_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct qp_event);
} qp_dying SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} qp_ring SEC(".maps");

/* Wake the reader for each event, for measuring what that costs. */
const volatile bool qp_wakeup_always = false;

/* Set by the reader when it stops looking by itself: the next event wakes it, and unsets it. */
__u32 qp_reader_rests;

struct qp_event_counters qp_counters;
/* The daemon's process id in the initial pid namespace; 0: leave nobody out. */
__u32 qp_own_tgid;

#define QP_COUNT(name) __sync_fetch_and_add(&qp_counters.name, 1)

static __always_inline __u64
qp_call_key(enum qp_hook hook)
{
	return (bpf_get_current_pid_tgid() & 0xffffffff) << 8 | hook;
}

/* The process that made it, NULL for a kernel consumer's. */
static __always_inline struct task_struct *
qp_owner(const struct ib_qp *qp)
{
	if (!bpf_core_field_exists(qp->res.task))
		return NULL;
	if (bpf_core_field_exists(qp->res.user) && !BPF_CORE_READ(qp, res.user))
		return NULL;
	return BPF_CORE_READ(qp, res.task);
}

static __always_inline bool
qp_is_own(const struct ib_qp *qp)
{
	struct task_struct *task = qp_owner(qp);

	if (!task || !qp_own_tgid || (__u32)BPF_CORE_READ(task, tgid) != qp_own_tgid)
		return false;
	QP_COUNT(own);
	return true;
}

static __always_inline __u64
qp_fill_cgroup(const struct task_struct *task)
{
	if (!bpf_core_field_exists(task->cgroups) ||
	    !bpf_core_field_exists(struct css_set, dfl_cgrp) ||
	    !bpf_core_field_exists(struct cgroup, kn) ||
	    !bpf_core_field_exists(struct kernfs_node, id))
		return 0;
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline void
qp_fill_owner(struct qp_event *e, const struct ib_qp *qp)
{
	const struct task_struct *task = qp_owner(qp), *leader;

	if (!task) {
		if (bpf_core_field_exists(qp->res.kern_name))
			bpf_probe_read_kernel_str(e->owner, sizeof(e->owner),
						  BPF_CORE_READ(qp, res.kern_name));
		return;
	}
	e->flags |= QP_EVENT_USER;
	e->owner_tgid = BPF_CORE_READ(task, tgid);
	e->cgroup_id = qp_fill_cgroup(task);
	/*
	 * The tracked thread holds no reference to its leader: a whole group that has ended leaves
	 * a stale pointer.
	 */
	leader = BPF_CORE_READ(task, group_leader);
	if (!leader || (__u32)BPF_CORE_READ(leader, tgid) != e->owner_tgid)
		leader = task;
	BPF_CORE_READ_STR_INTO(&e->owner, leader, comm);
}

/* What is known of a QP without the attributes of a call. */
static __always_inline void
qp_fill(struct qp_event *e, const struct ib_qp *qp, enum qp_event_type type)
{
	const struct ib_device *device = BPF_CORE_READ(qp, device);

	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = bpf_ktime_get_ns();
	e->type = type;
	e->device_index = BPF_CORE_READ(device, index);
	e->qpn = BPF_CORE_READ(qp, qp_num);
	if (bpf_core_field_exists(qp->qp_type))
		e->qp_type = BPF_CORE_READ(qp, qp_type);
	if (bpf_core_field_exists(qp->port))
		e->port = BPF_CORE_READ_BITFIELD_PROBED(qp, port);
	if (bpf_core_field_exists(device->ops.driver_id))
		e->driver_id = BPF_CORE_READ(device, ops.driver_id);
	if (bpf_core_field_exists(device->name))
		BPF_CORE_READ_STR_INTO(&e->device, device, name);
	qp_fill_owner(e, qp);
}

static __always_inline enum qp_event_gid_type
qp_gid_type(__u64 type, bool ethernet)
{
	if (type == bpf_core_enum_value(enum ib_gid_type, IB_GID_TYPE_ROCE_UDP_ENCAP))
		return QP_EVENT_GID_ROCE_V2;
	if (type == bpf_core_enum_value(enum ib_gid_type, IB_GID_TYPE_ROCE) &&
	    (ethernet || type != bpf_core_enum_value(enum ib_gid_type, IB_GID_TYPE_IB)))
		return QP_EVENT_GID_ROCE_V1;
	if (type == bpf_core_enum_value(enum ib_gid_type, IB_GID_TYPE_IB))
		return QP_EVENT_GID_IB;
	return QP_EVENT_GID_UNKNOWN;
}

/*
 * The source GID that the address vector has resolved to: user QPs have it in ib_qp only, after the
 * call.
 */
static __always_inline void
qp_fill_sgid(struct qp_event *e, const struct ib_qp *qp, bool ethernet)
{
	const struct ib_gid_attr *gid;

	if (!bpf_core_field_exists(qp->av_sgid_attr) ||
	    !bpf_core_field_exists(struct ib_gid_attr, gid))
		return;
	gid = BPF_CORE_READ(qp, av_sgid_attr);
	if (!gid)
		return;
	e->flags |= QP_EVENT_HAS_SGID;
	bpf_core_read(e->sgid, sizeof(e->sgid), &gid->gid);
	if (bpf_core_field_exists(gid->gid_type) &&
	    bpf_core_enum_value_exists(enum ib_gid_type, IB_GID_TYPE_ROCE_UDP_ENCAP) &&
	    bpf_core_enum_value_exists(enum ib_gid_type, IB_GID_TYPE_ROCE) &&
	    bpf_core_enum_value_exists(enum ib_gid_type, IB_GID_TYPE_IB))
		e->gid_type = qp_gid_type(BPF_CORE_READ(gid, gid_type), ethernet);
}

static __always_inline void
qp_fill_grh(struct qp_event *e, const struct ib_qp_attr *attr)
{
	if (!bpf_core_field_exists(attr->ah_attr.grh.dgid) ||
	    !bpf_core_field_exists(attr->ah_attr.grh.flow_label) ||
	    !bpf_core_field_exists(attr->ah_attr.grh.traffic_class))
		return;
	e->flags |= QP_EVENT_HAS_GRH;
	bpf_core_read(e->dgid, sizeof(e->dgid), &attr->ah_attr.grh.dgid);
	e->flow_label = BPF_CORE_READ(attr, ah_attr.grh.flow_label) & 0xfffff;
	e->traffic_class = BPF_CORE_READ(attr, ah_attr.grh.traffic_class);
	if (bpf_core_field_exists(attr->ah_attr.grh.sgid_index))
		e->sgid_index = BPF_CORE_READ_BITFIELD_PROBED(attr, ah_attr.grh.sgid_index);
	if (bpf_core_field_exists(attr->ah_attr.grh.hop_limit))
		e->hop_limit = BPF_CORE_READ(attr, ah_attr.grh.hop_limit);
}

static __always_inline void
qp_fill_av(struct qp_event *e, const struct ib_qp *qp, const struct ib_qp_attr *attr)
{
	bool ethernet = false, grh = false;

	if (!bpf_core_field_exists(attr->ah_attr.sl))
		return;
	e->flags |= QP_EVENT_HAS_AV;
	e->service_level = BPF_CORE_READ(attr, ah_attr.sl);
	if (!e->port && bpf_core_field_exists(attr->ah_attr.port_num))
		e->port = BPF_CORE_READ_BITFIELD_PROBED(attr, ah_attr.port_num);
	if (bpf_core_field_exists(attr->ah_attr.type) &&
	    bpf_core_enum_value_exists(enum rdma_ah_attr_type, RDMA_AH_ATTR_TYPE_ROCE))
		ethernet = BPF_CORE_READ(attr, ah_attr.type) ==
			   bpf_core_enum_value(enum rdma_ah_attr_type, RDMA_AH_ATTR_TYPE_ROCE);
	if (bpf_core_field_exists(attr->ah_attr.ah_flags))
		grh = BPF_CORE_READ(attr, ah_attr.ah_flags) & QP_AH_GRH;
	/*
	 * RoCE cannot do without a GRH, whether or not a driver sets the flag in what it answers.
	 */
	if (!grh && !ethernet)
		return;
	qp_fill_grh(e, attr);
	qp_fill_sgid(e, qp, ethernet);
}

static __always_inline void
qp_fill_attr(struct qp_event *e, const struct ib_qp *qp, const struct ib_qp_attr *attr, __u32 mask)
{
	if (mask & QP_MASK_STATE && bpf_core_field_exists(attr->qp_state)) {
		e->flags |= QP_EVENT_HAS_STATE;
		e->state = BPF_CORE_READ(attr, qp_state);
	}
	if (mask & QP_MASK_DEST_QPN && bpf_core_field_exists(attr->dest_qp_num)) {
		e->flags |= QP_EVENT_HAS_REMOTE;
		e->remote_qpn = BPF_CORE_READ(attr, dest_qp_num) & 0xffffff;
	}
	if (mask & QP_MASK_PATH_MTU && bpf_core_field_exists(attr->path_mtu)) {
		e->flags |= QP_EVENT_HAS_MTU;
		e->path_mtu = BPF_CORE_READ(attr, path_mtu);
	}
	if (mask & QP_MASK_AV)
		qp_fill_av(e, qp, attr);
}

/*
 * The attributes that hold something in an answer to ib_query_qp(): an unconnected QP has no path,
 * one in ERR may have had none.
 */
static __always_inline __u32
qp_query_mask(const struct ib_qp *qp, const struct ib_qp_attr *attr)
{
	__u32 type = 0, state = 0;

	if (bpf_core_field_exists(qp->qp_type))
		type = BPF_CORE_READ(qp, qp_type);
	if (bpf_core_field_exists(attr->qp_state))
		state = BPF_CORE_READ(attr, qp_state);
	if (type != IB_QPT_RC && type != IB_QPT_UC && type != IB_QPT_XRC_INI &&
	    type != IB_QPT_XRC_TGT)
		return QP_MASK_STATE;
	if (state < IB_QPS_RTR || state > IB_QPS_ERR)
		return QP_MASK_STATE;
	if (state == IB_QPS_ERR &&
	    (!bpf_core_field_exists(qp->av_sgid_attr) || !BPF_CORE_READ(qp, av_sgid_attr)))
		return QP_MASK_STATE;
	return QP_MASK_STATE | QP_MASK_DEST_QPN | QP_MASK_PATH_MTU | QP_MASK_AV;
}

/*
 * Most events wake nobody: the reader looks ten times a second as long as events come. It is woken
 * when it rests, and when the ring fills faster than that: at a quarter, by a few events in case
 * that some go past the mark at once.
 *
 * Called after the event is there to be read. The reader says that it rests, then looks once more:
 * one of both sees the other. The wake-up is forced because the kernel's own choice wakes only for
 * the first unread event.
 */
static __always_inline void
qp_wake(void)
{
	__u64 unread = bpf_ringbuf_query(&qp_ring, BPF_RB_AVAIL_DATA);
	__u64 mark = bpf_ringbuf_query(&qp_ring, BPF_RB_RING_SIZE) / 4;
	void *nothing;

	if (!*(volatile __u32 *)&qp_reader_rests &&
	    (unread < mark || unread > mark + 16 * sizeof(struct qp_event)))
		return;
	qp_reader_rests = 0;
	nothing = bpf_ringbuf_reserve(&qp_ring, sizeof(__u64), 0);
	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

static __always_inline __u64
qp_submit_flags(void)
{
	return qp_wakeup_always ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline struct qp_event *
qp_reserve(void)
{
	struct qp_event *e = bpf_ringbuf_reserve(&qp_ring, sizeof(*e), 0);

	if (!e)
		QP_COUNT(lost_ring);
	return e;
}

static __always_inline void
qp_submit(struct qp_event *e)
{
	bpf_ringbuf_submit(e, qp_submit_flags());
	QP_COUNT(sent);
	qp_wake();
}

/* rdma_restrack_add(): resources of all kinds come by here. */
static __always_inline int
qp_created(struct rdma_restrack_entry *res)
{
	const struct ib_qp *qp;
	struct qp_event *e;

	if (!bpf_core_field_exists(struct ib_qp, res) || !bpf_core_field_exists(res->type) ||
	    !bpf_core_enum_value_exists(enum rdma_restrack_type, RDMA_RESTRACK_QP))
		return 0;
	if (BPF_CORE_READ(res, type) !=
	    bpf_core_enum_value(enum rdma_restrack_type, RDMA_RESTRACK_QP))
		return 0;
	qp = (const void *)res - bpf_core_field_offset(struct ib_qp, res);
	if (qp_is_own(qp))
		return 0;
	e = qp_reserve();
	if (!e)
		return 0;
	qp_fill(e, qp, QP_EVENT_CREATE);
	qp_submit(e);
	return 0;
}

/*
 * Remembers a call under way. One that is still there never returned here: its return probe was out
 * of instances.
 */
static __always_inline void
qp_remember(void *map, enum qp_hook hook, const void *value)
{
	__u64 key = qp_call_key(hook);

	if (bpf_map_lookup_elem(map, &key))
		QP_COUNT(missed_returns);
	if (bpf_map_update_elem(map, &key, value, BPF_ANY))
		QP_COUNT(lost_calls);
}

static __always_inline int
qp_call_begins(enum qp_hook hook, const struct ib_qp *qp, const struct ib_qp_attr *attr, __u32 mask)
{
	struct qp_call call = {.qp = (__u64)qp, .attr = (__u64)attr, .mask = mask};

	if (hook != QP_HOOK_QUERY && !(mask & QP_MASK_TOLD))
		return 0;
	qp_remember(&qp_calls, hook, &call);
	return 0;
}

static __always_inline void
qp_tell(enum qp_event_type type, const struct ib_qp *qp, const struct ib_qp_attr *attr, __u32 mask)
{
	struct qp_event *e;

	/* A shared XRC QP is opened under several ib_qp; the hardware knows the first. */
	qp = BPF_CORE_READ(qp, real_qp);
	if (!qp || qp_is_own(qp))
		return;
	e = qp_reserve();
	if (!e)
		return;
	qp_fill(e, qp, type);
	if (type == QP_EVENT_QUERY)
		mask = qp_query_mask(qp, attr);
	else
		e->attr_mask = mask;
	qp_fill_attr(e, qp, attr, mask);
	qp_submit(e);
}

static __always_inline int
qp_call_ends(enum qp_hook hook, int ret)
{
	__u64 key = qp_call_key(hook);
	struct qp_call *found = bpf_map_lookup_elem(&qp_calls, &key), call;

	if (hook == QP_HOOK_QUERY)
		QP_COUNT(queries);
	if (!found)
		return 0;
	call = *found;
	bpf_map_delete_elem(&qp_calls, &key);
	if (!ret)
		qp_tell(hook == QP_HOOK_QUERY ? QP_EVENT_QUERY : QP_EVENT_MODIFY,
			(const void *)call.qp, (const void *)call.attr, call.mask);
	return 0;
}

/*
 * Closing one of several openings of a shared QP ends nothing; the last one calls again, with the
 * real QP.
 */
static __always_inline int
qp_destroy_begins(const struct ib_qp *qp)
{
	struct qp_event e;

	if (BPF_CORE_READ(qp, real_qp) != qp || qp_is_own(qp))
		return 0;
	qp_fill(&e, qp, QP_EVENT_DESTROY);
	qp_remember(&qp_dying, QP_HOOK_DESTROY, &e);
	return 0;
}

static __always_inline int
qp_destroy_ends(int ret)
{
	__u64 key = qp_call_key(QP_HOOK_DESTROY);
	struct qp_event *e = bpf_map_lookup_elem(&qp_dying, &key);

	if (!e)
		return 0;
	if (!ret && bpf_ringbuf_output(&qp_ring, e, sizeof(*e), qp_submit_flags())) {
		QP_COUNT(lost_ring);
	} else if (!ret) {
		QP_COUNT(sent);
		qp_wake();
	}
	bpf_map_delete_elem(&qp_dying, &key);
	return 0;
}

#endif
