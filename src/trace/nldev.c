/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: nldev
 *
 * One dump has its own netlink socket, which the loop watches, and asks one question after the
 * other.
 *
 *   DEVICES -> QPS of the first device -> QPS of the second -> … -> over
 *                 |  ^
 *                 v  |  the device does not exist, or the driver failed with the same error: ask
 *                       which of both
 *               CHECK
 *
 * The answer consists of many messages. The kernel makes the first one within sendto(2), and each
 * further one within the recvfrom(2) that takes the one before. While it makes a message, it
 * queries the QPs in it; therefore each callback receives only once. The kernel makes messages as
 * long as the longest buffer with which the socket ever received, but at least NLMSG_GOODSIZE (one
 * page, 8 KiB at most). With a buffer of that size, messages are short and never truncated.
 *
 * There is one timer, in case no answer comes. Only QPs and the end count as answers, because a
 * kernel that cannot fit a QP into a message sends empty messages forever.
 */
#include "trace/nldev.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define NLDEV_ANSWER_NS (10 * NSEC_PER_SEC)
#define NLDEV_MESSAGE_MAX 8192
#define NLDEV_REQUEST_MAX 64
/* This class exists while ib_core is loaded. */
#define NLDEV_CLASS "/sys/class/infiniband"

enum nldev_question {
	NLDEV_DEVICES,
	NLDEV_QPS,
	NLDEV_CHECK,
};

struct nldev {
	struct nldev_config config;
	int sock; /* -1: closed because the dump is over */
	struct loop_fd *ready;
	struct loop_timer *timer;
	enum nldev_question question;
	uint32_t seq; /* of the question */
	uint32_t *devices; /* indices */
	size_t n_devices, current;
	int device_status; /* the kernel's error for the current device, while CHECK runs */
	int status;        /* the first error */
	uint32_t n_qps;
	size_t buffer_len;
	uint32_t buffer[NLDEV_MESSAGE_MAX / sizeof(uint32_t)]; /* aligned for netlink */
};

typedef int nldev_attr_cb(const struct nlattr *attr, void *arg);

/*
 * Calls cb for each attribute of a row, until cb fails. The row must end with the end of its last
 * attribute.
 */
static int
nldev_walk(const void *row, size_t len, nldev_attr_cb *cb, void *arg)
{
	const char *at = row;

	while (len > 0) {
		const struct nlattr *attr = (const void *)at;
		size_t step;
		int rc;

		if (len < sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > len)
			return -EBADMSG;
		rc = cb(attr, arg);
		if (rc < 0)
			return rc;
		step = MNL_ALIGN(attr->nla_len);
		if (step >= len)
			break;
		at += step;
		len -= step;
	}
	return 0;
}

static int
nldev_walk_nest(const struct nlattr *nest, nldev_attr_cb *cb, void *arg)
{
	return nldev_walk(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), cb, arg);
}

static int
nldev_number(const struct nlattr *attr, void *out, size_t size)
{
	if (mnl_attr_get_payload_len(attr) != size)
		return -EBADMSG;
	memcpy(out, mnl_attr_get_payload(attr), size);
	return 0;
}

/* Truncates a text that is too long. */
static int
nldev_text(const struct nlattr *attr, char *out, size_t size)
{
	size_t len = mnl_attr_get_payload_len(attr), text_len;
	const char *text = mnl_attr_get_payload(attr);

	text_len = strnlen(text, len);
	if (text_len == len)
		return -EBADMSG;
	if (text_len >= size)
		text_len = size - 1;
	memcpy(out, text, text_len);
	out[text_len] = '\0';
	return 0;
}

struct nldev_entry {
	struct nldev_qp qp;
	bool has_qpn, has_type, has_state;
};

static int
nldev_entry_attr(const struct nlattr *attr, void *arg)
{
	struct nldev_entry *e = arg;

	switch (mnl_attr_get_type(attr)) {
	case RDMA_NLDEV_ATTR_RES_LQPN:
		e->has_qpn = true;
		return nldev_number(attr, &e->qp.qpn, sizeof(e->qp.qpn));
	case RDMA_NLDEV_ATTR_RES_RQPN:
		e->qp.has_remote = true;
		return nldev_number(attr, &e->qp.remote_qpn, sizeof(e->qp.remote_qpn));
	case RDMA_NLDEV_ATTR_RES_TYPE:
		e->has_type = true;
		return nldev_number(attr, &e->qp.qp_type, sizeof(e->qp.qp_type));
	case RDMA_NLDEV_ATTR_RES_STATE:
		e->has_state = true;
		return nldev_number(attr, &e->qp.state, sizeof(e->qp.state));
	case RDMA_NLDEV_ATTR_RES_PID:
		return nldev_number(attr, &e->qp.pid, sizeof(e->qp.pid));
	case RDMA_NLDEV_ATTR_RES_KERN_NAME:
		return nldev_text(attr, e->qp.kernel_name, sizeof(e->qp.kernel_name));
	case RDMA_NLDEV_ATTR_PORT_INDEX:
		return nldev_number(attr, &e->qp.port, sizeof(e->qp.port));
	default:
		return 0;
	}
}

/* The first part of a message of any command. */
struct nldev_head {
	uint32_t device_index;
	char device[sizeof(((struct nldev_qp *)0)->device)];
	bool has_index, has_device;
	const struct nlattr *table; /* NULL: no table */
};

static int
nldev_head_attr(const struct nlattr *attr, void *arg)
{
	struct nldev_head *head = arg;

	switch (mnl_attr_get_type(attr)) {
	case RDMA_NLDEV_ATTR_DEV_INDEX:
		head->has_index = true;
		return nldev_number(attr, &head->device_index, sizeof(head->device_index));
	case RDMA_NLDEV_ATTR_DEV_NAME:
		head->has_device = true;
		return nldev_text(attr, head->device, sizeof(head->device));
	case RDMA_NLDEV_ATTR_RES_QP:
		head->table = attr;
		return 0;
	default:
		return 0;
	}
}

static int
nldev_parse_head(const struct nlmsghdr *header, size_t len, struct nldev_head *head)
{
	int rc;

	*head = (struct nldev_head){0};
	if (len < sizeof(*header) || header->nlmsg_len < sizeof(*header) || header->nlmsg_len > len)
		return -EBADMSG;
	rc = nldev_walk(mnl_nlmsg_get_payload(header), mnl_nlmsg_get_payload_len(header),
			nldev_head_attr, head);
	if (rc < 0)
		return rc;
	return head->has_index && head->has_device ? 0 : -EBADMSG;
}

struct nldev_table {
	const struct nldev_head *head;
	const struct nldev_ops *ops;
	void *arg;
};

static int
nldev_table_attr(const struct nlattr *attr, void *arg)
{
	struct nldev_table *table = arg;
	struct nldev_entry e = {.qp.device_index = table->head->device_index};
	int rc;

	if (mnl_attr_get_type(attr) != RDMA_NLDEV_ATTR_RES_QP_ENTRY)
		return 0;
	memcpy(e.qp.device, table->head->device, sizeof(e.qp.device));
	rc = nldev_walk_nest(attr, nldev_entry_attr, &e);
	if (rc < 0)
		return rc;
	if (!e.has_qpn || !e.has_type || !e.has_state)
		return -EBADMSG;
	table->ops->qp(table->arg, &e.qp);
	return 0;
}

int
nldev_parse(const void *message, size_t len, const struct nldev_ops *ops, void *arg)
{
	struct nldev_head head;
	struct nldev_table table = {&head, ops, arg};
	int rc = nldev_parse_head(message, len, &head);

	if (rc < 0 || !head.table)
		return rc;
	return nldev_walk_nest(head.table, nldev_table_attr, &table);
}

/* Asks the kernel, which puts the answer into the socket at once. */
static int
nldev_ask(struct nldev *d, enum nldev_question question)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	uint32_t request[NLDEV_REQUEST_MAX / sizeof(uint32_t)] = {0};
	struct nlmsghdr *header = mnl_nlmsg_put_header(request);
	int command = question == NLDEV_QPS ? RDMA_NLDEV_CMD_RES_QP_GET : RDMA_NLDEV_CMD_GET;

	d->question = question;
	header->nlmsg_type = (uint16_t)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command);
	header->nlmsg_flags =
		(uint16_t)(NLM_F_REQUEST | (question == NLDEV_CHECK ? NLM_F_ACK : NLM_F_DUMP));
	header->nlmsg_seq = ++d->seq;
	if (question != NLDEV_DEVICES)
		mnl_attr_put_u32(header, RDMA_NLDEV_ATTR_DEV_INDEX, d->devices[d->current]);
	loop_timer_set(d->timer, NLDEV_ANSWER_NS);
	if (sendto(d->sock, header, header->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

static void
nldev_note_error(struct nldev *d, int status)
{
	if (!d->status)
		d->status = status;
}

/* Asks about the next device. Returns 0, 1 if there is none, or -errno. */
static int
nldev_ask_next(struct nldev *d)
{
	return d->current < d->n_devices ? nldev_ask(d, NLDEV_QPS) : 1;
}

/*
 * The answer to the question is complete. Returns 0 if it has asked another question, 1 if there is
 * none, or -errno. After an error of one device, the others are still asked, because the questions
 * make their QPs known.
 */
static int
nldev_answered(struct nldev *d, int status)
{
	switch (d->question) {
	case NLDEV_DEVICES:
		return status < 0 ? status : nldev_ask_next(d);
	case NLDEV_QPS:
		if (status == -EINVAL || status == -ENODEV) {
			d->device_status = status;
			return nldev_ask(d, NLDEV_CHECK);
		}
		nldev_note_error(d, status);
		break;
	case NLDEV_CHECK:
		if (status == 0)
			nldev_note_error(d, d->device_status);
		else if (status != -EINVAL && status != -ENODEV)
			nldev_note_error(d, status);
		break;
	}
	d->current++;
	return nldev_ask_next(d);
}

static int
nldev_add_device(struct nldev *d, const struct nlmsghdr *header)
{
	struct nldev_head head;
	uint32_t *devices;
	int rc = nldev_parse_head(header, header->nlmsg_len, &head);

	if (rc < 0)
		return rc;
	devices = realloc(d->devices, (d->n_devices + 1) * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	d->devices = devices;
	d->devices[d->n_devices++] = head.device_index;
	return 0;
}

static void
nldev_count_qp(void *arg, const struct nldev_qp *qp)
{
	struct nldev *d = arg;

	d->n_qps++;
	d->config.ops->qp(d->config.arg, qp);
}

/* Handles one message of the kernel. Returns the same as nldev_answered(). */
static int
nldev_message(struct nldev *d, const struct nlmsghdr *header)
{
	static const struct nldev_ops counting = {.qp = nldev_count_qp};
	int status;

	if (header->nlmsg_seq != d->seq)
		return 0;
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		nldev_note_error(d, -EINTR);
	switch (header->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		if (mnl_nlmsg_get_payload_len(header) < sizeof(status))
			return -EBADMSG;
		memcpy(&status, mnl_nlmsg_get_payload(header), sizeof(status));
		return nldev_answered(d, status < 0 ? status : 0);
	case RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_GET):
		return d->question == NLDEV_DEVICES ? nldev_add_device(d, header) : 0;
	case RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_RES_QP_GET):
		return nldev_parse(header, header->nlmsg_len, &counting, d);
	default:
		return 0;
	}
}

/* Handles the messages of one recvfrom(2). Returns the same as nldev_answered(). */
static int
nldev_messages(struct nldev *d, size_t len)
{
	const char *at = (const char *)d->buffer;

	while (len > 0) {
		const struct nlmsghdr *header = (const void *)at;
		size_t step;
		int rc;

		if (len < sizeof(*header) || header->nlmsg_len < sizeof(*header) ||
		    header->nlmsg_len > len)
			return -EBADMSG;
		rc = nldev_message(d, header);
		if (rc)
			return rc;
		step = MNL_ALIGN(header->nlmsg_len);
		if (step >= len)
			break;
		at += step;
		len -= step;
	}
	return 0;
}

/* Receives once. *len is 0 if there is nothing from the kernel. */
static int
nldev_receive(struct nldev *d, size_t *len)
{
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(d->sock, d->buffer, d->buffer_len, MSG_TRUNC, (struct sockaddr *)&from,
			     &from_len);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > (ssize_t)d->buffer_len)
		return -EMSGSIZE;
	/* Any process may send to a netlink socket; the kernel's address is 0. */
	*len = n < 0 || from_len != sizeof(from) || from.nl_pid ? 0 : (size_t)n;
	return 0;
}

static void
nldev_close(struct nldev *d)
{
	loop_fd_free(d->ready);
	loop_timer_free(d->timer);
	d->ready = NULL;
	d->timer = NULL;
	if (d->sock >= 0)
		close(d->sock);
	d->sock = -1;
}

static void
nldev_finish(struct nldev *d, int error)
{
	nldev_note_error(d, error);
	nldev_close(d);
	log_debug(TRACE, "dump of %u QPs on %zu devices: %s", d->n_qps, d->n_devices,
		  d->status ? strerror(-d->status) : "complete");
	d->config.ops->done(d->config.arg, d->status, d->n_qps);
}

static void
nldev_ready(void *arg, int events)
{
	struct nldev *d = arg;
	uint32_t n_qps = d->n_qps;
	size_t len = 0;
	int rc = nldev_receive(d, &len);

	(void)events;
	if (rc == 0)
		rc = nldev_messages(d, len);
	if (rc)
		nldev_finish(d, rc < 0 ? rc : 0);
	else if (d->n_qps != n_qps)
		loop_timer_set(d->timer, NLDEV_ANSWER_NS);
}

static void
nldev_late(void *arg)
{
	nldev_finish(arg, -ETIMEDOUT);
}

static int
nldev_open(struct nldev *d)
{
	/*
	 * Making the socket would load ib_core, because netlink_create() requests the module.
	 */
	if (access(NLDEV_CLASS, F_OK) < 0)
		return -EPROTONOSUPPORT;
	d->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_RDMA);
	return d->sock < 0 ? -errno : 0;
}

static int
nldev_watch(struct nldev *d)
{
	struct loop_fd_config fd = {
		.fd = d->sock,
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "dump of QPs",
		.cb = nldev_ready,
		.arg = d,
	};
	int rc =
		loop_timer_new(d->config.loop, "dump of QPs: time limit", nldev_late, d, &d->timer);

	return rc < 0 ? rc : loop_fd_new(d->config.loop, &fd, &d->ready);
}

int
nldev_dump(const struct nldev_config *config, struct nldev **out)
{
	struct nldev *d = calloc(1, sizeof(*d));
	long page = sysconf(_SC_PAGESIZE);
	int rc;

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->sock = -1;
	d->buffer_len = page > 0 && page < NLDEV_MESSAGE_MAX ? (size_t)page : NLDEV_MESSAGE_MAX;
	rc = nldev_open(d);
	if (rc == 0)
		rc = nldev_watch(d);
	if (rc == 0)
		rc = nldev_ask(d, NLDEV_DEVICES);
	if (rc < 0) {
		nldev_free(d);
		return rc;
	}
	*out = d;
	return 0;
}

void
nldev_free(struct nldev *d)
{
	if (!d)
		return;
	nldev_close(d);
	free(d->devices);
	free(d);
}
