/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The kernel's types as far as the programs read them. Only names matter: sizes, offsets and the
 * values of enumerators come from the running kernel's BTF when the object is loaded (CO-RE).
 * libbpf wants structs flat, and the type of an enum field by its name. src/trace/btf_mini.c looks
 * up every type here but those that begin with qp_, so name nothing that no program reads.
 */
#ifndef QP_TYPES_H
#define QP_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Relocated by name: before Linux 5.10 IB_GID_TYPE_IB and IB_GID_TYPE_ROCE are both 0 and
 * ROCE_UDP_ENCAP is 1 (1c15b4f2a42f).
 */
enum ib_gid_type { IB_GID_TYPE_IB, IB_GID_TYPE_ROCE, IB_GID_TYPE_ROCE_UDP_ENCAP };
enum rdma_restrack_type { RDMA_RESTRACK_QP = 2 };
enum rdma_ah_attr_type { RDMA_AH_ATTR_TYPE_ROCE = 2 };

/* Stable: the numbers of the user-space interface. */
enum ib_qp_state {
	IB_QPS_RESET,
	IB_QPS_INIT,
	IB_QPS_RTR,
	IB_QPS_RTS,
	IB_QPS_SQD,
	IB_QPS_SQE,
	IB_QPS_ERR
};
enum ib_qp_type { IB_QPT_RC = 2, IB_QPT_UC, IB_QPT_XRC_INI = 9, IB_QPT_XRC_TGT };
enum ib_mtu { IB_MTU_4096 = 5 };
enum rdma_driver_id { RDMA_DRIVER_UNKNOWN };

#ifdef __bpf__
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

/* The two shapes of registers at a probe. A flavour (___) that this kernel lacks is normal. */
struct pt_regs___x86 {
	unsigned long long di, si, dx, ax;
};

struct pt_regs___arm64 {
	unsigned long long regs[31];
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
	struct css_set *cgroups;
};

struct rdma_restrack_entry {
	struct task_struct *task;
	const char *kern_name;
	enum rdma_restrack_type type;
	bool user;
};

union ib_gid {
	__u8 raw[16];
};

struct ib_gid_attr {
	union ib_gid gid;
	enum ib_gid_type gid_type;
};

struct ib_device_ops {
	enum rdma_driver_id driver_id;
};

struct ib_device {
	struct ib_device_ops ops;
	char name[64];
	__u32 index;
};

struct ib_qp {
	struct ib_device *device;
	struct ib_qp *real_qp;
	const struct ib_gid_attr *av_sgid_attr;
	__u32 qp_num;
	enum ib_qp_type qp_type;
	__u32 port; /* u8 before Linux 5.14 (1fb7f8973f51) */
	struct rdma_restrack_entry res;
};

struct ib_global_route {
	union ib_gid dgid;
	__u32 flow_label;
	__u8 sgid_index, hop_limit, traffic_class;
};

struct rdma_ah_attr {
	struct ib_global_route grh;
	__u8 sl;
	__u32 port_num; /* u8 before Linux 5.14 */
	__u8 ah_flags;
	enum rdma_ah_attr_type type;
};

struct ib_qp_attr {
	enum ib_qp_state qp_state;
	enum ib_mtu path_mtu;
	__u32 dest_qp_num;
	struct rdma_ah_attr ah_attr;
};

#ifdef __bpf__
#pragma clang attribute pop
#endif

#endif
