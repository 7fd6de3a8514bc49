/* SPDX-License-Identifier: (Apache-2.0 OR BSD-2-Clause OR GPL-2.0-only) */
/*
 * One event in the life of a queue pair (QP), as the BPF programs hand it to rpingmeshd through the
 * ring buffer. Host byte order (both sides run on the same machine) except for GIDs, which are 16
 * bytes as on the wire. QPNs have 24 bits. Sizes are those of the types; there is no padding (the
 * static_assert below). InfiniBand Architecture 10.3.1, 11.2.5.
 *
 * This header is included by BPF programs and by user space: it uses <linux/types.h> alone.
 */
#ifndef RPINGMESH_INCLUDE_QP_EVENT_H
#define RPINGMESH_INCLUDE_QP_EVENT_H

#include <linux/types.h>

enum qp_event_type {
	QP_EVENT_CREATE = 1, /* rdma_restrack_add(): qpn, type, owner */
	QP_EVENT_MODIFY,     /* a successful ib_modify_qp(): what attr_mask names has changed */
	QP_EVENT_DESTROY,    /* a successful ib_destroy_qp() */
	QP_EVENT_QUERY,      /* ib_query_qp(), which a netlink dump calls: everything as it is */
};

/* Bits of qp_event.flags: which members hold something. */
enum qp_event_flags {
	QP_EVENT_USER = 1,	 /* belongs to a process: owner_tgid, owner, cgroup_id; else to the
				    kernel: owner alone */
	QP_EVENT_HAS_STATE = 2,	 /* state */
	QP_EVENT_HAS_REMOTE = 4, /* remote_qpn */
	QP_EVENT_HAS_AV = 8,	/* address vector: service_level, port, and with HAS_GRH the rest */
	QP_EVENT_HAS_GRH = 16,	/* dgid, flow_label, traffic_class, hop_limit, sgid_index */
	QP_EVENT_HAS_SGID = 32, /* sgid, gid_type */
	QP_EVENT_HAS_MTU = 64,	/* path_mtu */
};

enum qp_event_gid_type {
	QP_EVENT_GID_UNKNOWN,
	QP_EVENT_GID_IB,
	QP_EVENT_GID_ROCE_V1,
	QP_EVENT_GID_ROCE_V2,
};

#define QP_EVENT_DEVICE_NAME 64 /* IB_DEVICE_NAME_MAX */
#define QP_EVENT_OWNER_NAME 32

struct qp_event {
	__u64 time_ns;      /* CLOCK_MONOTONIC */
	__u64 cgroup_id;    /* cgroup v2 of the owner (inode of its directory); 0: unknown */
	__u32 device_index; /* as in RDMA netlink (RDMA_NLDEV_ATTR_DEV_INDEX) */
	__u32 driver_id;    /* enum rdma_driver_id of <rdma/ib_user_ioctl_verbs.h> */
	__u32 qpn;
	__u32 remote_qpn;
	__u32 owner_tgid;   /* process id in the initial pid namespace; 0: the kernel */
	__u32 attr_mask;    /* enum ib_qp_attr_mask of the modify call; 0 otherwise */
	__u32 flow_label;   /* 20 bits */
	__u32 flags;        /* enum qp_event_flags */
	__u32 port;         /* from 1; 0: not known yet */
	__u8 type;          /* enum qp_event_type */
	__u8 qp_type; /* enum ib_qp_type: 2 RC, 3 UC, 4 UD, 8 raw packet, 9 XRC_INI, 10 XRC_TGT, …
		       */
	__u8 state;   /* enum ib_qp_state: 0 RESET, 1 INIT, 2 RTR, 3 RTS, 4 SQD, 5 SQE, 6 ERR */
	__u8 path_mtu;      /* enum ib_mtu: 1 is 256 bytes, 5 is 4096 */
	__u8 service_level;
	__u8 traffic_class;
	__u8 hop_limit;
	__u8 gid_type;      /* enum qp_event_gid_type */
	__u32 sgid_index;
	__u8 sgid[16], dgid[16];
	char device[QP_EVENT_DEVICE_NAME];
	char owner[QP_EVENT_OWNER_NAME]; /* comm of the process (its thread-group leader), or the
					    kernel module's name; NUL-terminated */
};

/*
 * Counters in the BPF object's .bss, read by user space without a system call, each 8 bytes, only
 * ever growing. Every event that a hook decided to tell is in exactly one of sent and lost_ring.
 */
struct qp_event_counters {
	__u64 sent;          /* handed to the ring buffer */
	__u64 lost_ring;     /* the ring buffer was full */
	__u64 lost_calls; /* a call under way could not be remembered: its event was never told */
	__u64 missed_returns; /* a call under way was still remembered when its thread made the next
				 one */
	__u64 queries;       /* returns of ib_query_qp(), whoever owns the QP: the heartbeat */
	__u64 own;           /* events of the daemon's own QPs, left out */
};

#ifndef __bpf__
_Static_assert(sizeof(struct qp_event) == 16 + 9 * 4 + 8 + 4 + 32 + 64 + 32, "no padding");
#endif

#endif
