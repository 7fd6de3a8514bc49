/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of nldev: messages as the kernel builds them, by libmnl, and QPs as they come out.
 */
#ifndef RPINGMESH_TESTS_NLDEV_FAKE_H
#define RPINGMESH_TESTS_NLDEV_FAKE_H

#include <libmnl/libmnl.h>
#include <rdma/rdma_netlink.h>
#include <string.h>

#include "trace/nldev.h"

#define MESSAGE_MAX 8192
#define QPS_MAX 64

/* What came out. */
static struct nldev_qp found[QPS_MAX];
static unsigned int n_found;

static inline void
on_qp(void *arg, const struct nldev_qp *qp)
{
	(void)arg;
	assert_true(n_found < QPS_MAX);
	assert_non_null(memchr(qp->device, '\0', sizeof(qp->device)));
	assert_non_null(memchr(qp->kernel_name, '\0', sizeof(qp->kernel_name)));
	found[n_found++] = *qp;
}

/* A message as it is built; aligned for netlink. */
static uint32_t message[MESSAGE_MAX / sizeof(uint32_t)];

static inline struct nlmsghdr *
begin(int command, uint32_t seq, uint32_t index, const char *device)
{
	struct nlmsghdr *header;

	memset(message, 0, sizeof(message));
	header = mnl_nlmsg_put_header(message);
	header->nlmsg_type = (uint16_t)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command);
	header->nlmsg_flags = NLM_F_MULTI;
	header->nlmsg_seq = seq;
	if (index)
		mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	if (device)
		mnl_attr_put_strz(header, RDMA_NLDEV_ATTR_DEV_NAME, device);
	return header;
}

static inline struct nlattr *
begin_entry(struct nlmsghdr *header, uint32_t qpn, uint8_t type, uint8_t state)
{
	struct nlattr *entry = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP_ENTRY);

	mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_RES_LQPN, qpn);
	mnl_attr_put_u8(header, RDMA_NLDEV_ATTR_RES_TYPE, type);
	mnl_attr_put_u8(header, RDMA_NLDEV_ATTR_RES_STATE, state);
	return entry;
}

#endif
