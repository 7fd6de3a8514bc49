/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of the rules (kernel source, drivers/infiniband/):
 *
 *   mlx5   2b880b2e5e03 "RDMA/mlx5: Define RoCEv2 udp source port when set path"; found in 5.10
 *   rxe    104f062fd1b9 "RDMA/rxe: Use the standard method to produce udp source port", in the pull
 *          request of 5.17; before that, rxe_qp_init_req() hashes the QPN. Confirmed on the wire:
 *          5.10 hashes the QPN, 6.1 is standard
 *   hns    93f8df548187 "RDMA/hns: Replace get_udp_sport with rdma_get_udp_sport", 5.17
 *   irdma  69e609ba9662 "RDMA/irdma: Make the source udp port vary", 5.17
 *   mana   mana_ib_gd_modify_qp(), found in 6.12;  ionic, erdma: found in 7.2
 *
 * No rule has changed since. A distribution's kernel that adopts newer code therefore has the
 * standard rule at least where its base version has it. Below that version its rule is unknown.
 */
#include "trace/flow_port.h"

#include <rdma/ib_user_ioctl_verbs.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FLOW_PORT_LABEL 0xfffffu /* the 20 bits of IB_GRH's flow label */

/* Members of enum rdma_driver_id that the header of Debian 12 lacks. */
#define FLOW_PORT_DRIVER_MANA 20
#define FLOW_PORT_DRIVER_IONIC 21

static const struct {
	uint32_t driver_id;
	unsigned int major, minor; /* the first kernel that certainly has the standard rule */
} flow_port_standard[] = {
	{RDMA_DRIVER_MLX5, 5, 10},
	{RDMA_DRIVER_RXE, 5, 17},
	{RDMA_DRIVER_HNS, 5, 17},
	{RDMA_DRIVER_IRDMA, 5, 17},
	{FLOW_PORT_DRIVER_MANA, 6, 12},
	{FLOW_PORT_DRIVER_IONIC, 7, 2},
	{RDMA_DRIVER_ERDMA, 7, 2},
};

/*
 * Marks of distributions whose kernels contain drivers of newer kernels. A digit follows each, as
 * in ".el9_4".
 */
static const char *const flow_port_backporters[] = {".el", ".oe", ".an", ".al", ".ky", ".tl"};

static bool
flow_port_is_mainline(const char *release)
{
	for (size_t i = 0; i < sizeof(flow_port_backporters) / sizeof(flow_port_backporters[0]);
	     i++) {
		const char *mark = flow_port_backporters[i];
		const char *at = strstr(release, mark);

		for (; at; at = strstr(at + 1, mark))
			if (at[strlen(mark)] >= '0' && at[strlen(mark)] <= '9')
				return false;
	}
	return strstr(release, "-default") == NULL; /* SUSE */
}

/* Reads a number of at most four digits. Returns the text after it, or NULL. */
static const char *
flow_port_number(const char *text, unsigned int *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	unsigned long number = strtoul(text, &end, 10);

	if (end - text > 4)
		return NULL;
	*out = (unsigned int)number;
	return end;
}

void
flow_port_kernel_parse(const char *release, struct flow_port_kernel *out)
{
	unsigned int major, minor;
	const char *rest = flow_port_number(release, &major);

	*out = (struct flow_port_kernel){0};
	if (!rest || *rest != '.' || !flow_port_number(rest + 1, &minor))
		return;
	*out = (struct flow_port_kernel){.major = major,
					 .minor = minor,
					 .mainline = flow_port_is_mainline(release)};
}

static bool
flow_port_at_least(const struct flow_port_kernel *kernel, unsigned int major, unsigned int minor)
{
	return kernel->major > major || (kernel->major == major && kernel->minor >= minor);
}

enum flow_port_rule
flow_port_rule_of(uint32_t driver_id, const struct flow_port_kernel *kernel)
{
	for (size_t i = 0; i < sizeof(flow_port_standard) / sizeof(flow_port_standard[0]); i++)
		if (flow_port_standard[i].driver_id == driver_id &&
		    flow_port_at_least(kernel, flow_port_standard[i].major,
				       flow_port_standard[i].minor))
			return FLOW_PORT_RULE_STANDARD;
	if (driver_id == RDMA_DRIVER_RXE && kernel->mainline)
		return FLOW_PORT_RULE_RXE_QPN;
	return FLOW_PORT_RULE_UNKNOWN;
}

/* rdma_calc_flow_label(), include/rdma/ib_verbs.h */
static uint32_t
flow_port_label_of_qpns(uint32_t qpn, uint32_t remote_qpn)
{
	uint64_t v = (uint64_t)qpn * remote_qpn;

	v ^= v >> 20;
	v ^= v >> 40;
	return (uint32_t)(v & FLOW_PORT_LABEL);
}

uint16_t
flow_port_of(enum flow_port_rule rule, uint32_t flow_label, uint32_t qpn, uint32_t remote_qpn)
{
	switch (rule) {
	case FLOW_PORT_RULE_STANDARD:
		return udp_port_of_label(flow_label ? flow_label :
						   flow_port_label_of_qpns(qpn, remote_qpn));
	case FLOW_PORT_RULE_RXE_QPN:
		return udp_port_of_qpn(qpn);
	case FLOW_PORT_RULE_UNKNOWN:
		break;
	}
	return UDP_PORT_UNKNOWN;
}
