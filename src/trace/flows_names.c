/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/flows.h"

#include <rdma/ib_user_ioctl_verbs.h>

#define FLOWS_NAME(names, i) ((i) < sizeof(names) / sizeof(*(names)) ? (names)[i] : NULL)

/* enum ib_qp_type of the kernel's include/rdma/ib_verbs.h, with the names of rdma(8) */
static const char *const flow_qp_type_names[] = {
	[0] = "SMI",
	[1] = "GSI",
	[2] = "RC",
	[3] = "UC",
	[4] = "UD",
	[5] = "RAW_IPV6",
	[6] = "RAW_ETHERTYPE",
	[8] = "RAW_PACKET",
	[9] = "XRC_INI",
	[10] = "XRC_TGT",
};
#define FLOW_QP_TYPE_DRIVER 0xff

/* enum ib_qp_state */
static const char *const flow_qp_state_names[] = {"RESET", "INIT", "RTR", "RTS",
						  "SQD",   "SQE",  "ERR"};

/* The last ones are numbers because older headers lack them. */
static const char *const flow_driver_names[] = {
	[RDMA_DRIVER_MLX5] = "mlx5",
	[RDMA_DRIVER_MLX4] = "mlx4",
	[RDMA_DRIVER_CXGB3] = "cxgb3",
	[RDMA_DRIVER_CXGB4] = "cxgb4",
	[RDMA_DRIVER_MTHCA] = "mthca",
	[RDMA_DRIVER_BNXT_RE] = "bnxt_re",
	[RDMA_DRIVER_OCRDMA] = "ocrdma",
	[RDMA_DRIVER_NES] = "nes",
	[RDMA_DRIVER_IRDMA] = "irdma",
	[RDMA_DRIVER_VMW_PVRDMA] = "vmw_pvrdma",
	[RDMA_DRIVER_QEDR] = "qedr",
	[RDMA_DRIVER_HNS] = "hns",
	[RDMA_DRIVER_USNIC] = "usnic",
	[RDMA_DRIVER_RXE] = "rxe",
	[RDMA_DRIVER_HFI1] = "hfi1",
	[RDMA_DRIVER_QIB] = "qib",
	[RDMA_DRIVER_EFA] = "efa",
	[RDMA_DRIVER_SIW] = "siw",
	[RDMA_DRIVER_ERDMA] = "erdma",
	[20] = "mana",
	[21] = "ionic",
	[22] = "bng_re",
};

const char *
flow_qp_type_name(uint8_t qp_type)
{
	return qp_type == FLOW_QP_TYPE_DRIVER ? "DRIVER" : FLOWS_NAME(flow_qp_type_names, qp_type);
}

const char *
flow_qp_state_name(uint8_t state)
{
	return FLOWS_NAME(flow_qp_state_names, state);
}

const char *
flow_driver_name(uint32_t driver_id)
{
	return FLOWS_NAME(flow_driver_names, driver_id);
}

uint32_t
flow_mtu_bytes(uint8_t mtu)
{
	return mtu >= 1 && mtu <= 5 ? 128u << mtu : 0;
}
