/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole dumps. socket(2), sendto(2), recvfrom(2) and access(2) are wrapped by the linker: a small
 * kernel of our own answers through a socket pair.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/loop.h"
#include "nldev_fake.h"
#include "trace/nldev.h"

/* The kernel of ours. */
struct fake_device {
	uint32_t index;
	unsigned int n_qps;
	int status;    /* at the end of the list of its QPs */
	bool gone;     /* it is listed, and asked about alone it does not exist */
};

static struct {
	struct fake_device devices[4];
	unsigned int n_devices;
	int ends[2];            /* of the socket pair; the first is the dump's */
	bool no_ib_core, silent, endless, interrupted, too_long, garbage;
	uint32_t from;          /* the address that answers come from */
	uint32_t seq;           /* of the last question */
	uint32_t other_seq;     /* added to the sequence number of answers */
	int send_fails_at;      /* the question whose sendto(2) fails, from 1 */
	int questions, receives;
	bool short_times;       /* timers run 1000 times as fast */
} fake;

static struct loop *loop;
static struct nldev *dump;
static int done_status;
static uint32_t done_qps;
static unsigned int n_done;
static bool free_within;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __real_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
			socklen_t *from_len);
void __real_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void __wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);

int
__wrap_access(const char *path, int mode)
{
	if (fake.n_devices == 0)
		return __real_access(path, mode);
	assert_string_equal(path, "/sys/class/infiniband");
	return 0;
}

int
__wrap_socket(int domain, int type, int protocol)
{
	if (fake.n_devices == 0)
		return __real_socket(domain, type, protocol);
	assert_int_equal(domain, AF_NETLINK);
	assert_int_equal(protocol, NETLINK_RDMA);
	assert_true(type & SOCK_NONBLOCK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fake.ends), 0);
	return fake.ends[0];
}

static void
fake_send(struct nlmsghdr *header)
{
	size_t len = fake.too_long ? MESSAGE_MAX + 4 : header->nlmsg_len;
	uint8_t packet[MESSAGE_MAX + 4] = {0};

	memcpy(packet, header, header->nlmsg_len);
	assert_int_equal(send(fake.ends[1], packet, len, 0), len);
}

static void
fake_end(uint32_t seq, uint16_t type, int status)
{
	struct nlmsghdr *header = begin(0, seq, 0, NULL);

	header->nlmsg_type = type;
	memcpy(mnl_nlmsg_get_payload(header), &status, sizeof(status));
	header->nlmsg_len += (uint32_t)sizeof(status);
	fake_send(header);
}

static void
fake_list_devices(uint32_t seq)
{
	char name[16];

	for (unsigned int i = 0; i < fake.n_devices; i++) {
		snprintf(name, sizeof(name), "rxe%u", fake.devices[i].index);
		fake_send(begin(RDMA_NLDEV_CMD_GET, seq, fake.devices[i].index, name));
	}
	fake_end(seq, NLMSG_DONE, 0);
}

/* Messages of up to three QPs, numbered from index * 100. */
static void
fake_list_qps(uint32_t seq, const struct fake_device *device)
{
	for (unsigned int i = 0; i < device->n_qps; i += 3) {
		struct nlmsghdr *header =
			begin(RDMA_NLDEV_CMD_RES_QP_GET, seq, device->index, "rxe");
		struct nlattr *table = mnl_attr_nest_start(header, RDMA_NLDEV_ATTR_RES_QP);

		if (fake.interrupted)
			header->nlmsg_flags |= NLM_F_DUMP_INTR;
		for (unsigned int j = i; j < i + 3 && j < device->n_qps; j++)
			mnl_attr_nest_end(header,
					  begin_entry(header, device->index * 100 + j, 2, 3));
		mnl_attr_nest_end(header, table);
		if (fake.garbage)
			table->nla_len += 40;
		fake_send(header);
	}
	if (!fake.endless)
		fake_end(seq, NLMSG_DONE, device->status);
}

static const struct fake_device *
fake_asked_device(const struct nlmsghdr *request)
{
	const struct nlattr *attr = mnl_nlmsg_get_payload(request);

	assert_true(mnl_nlmsg_get_payload_len(request) >= 8);
	assert_int_equal(mnl_attr_get_type(attr), RDMA_NLDEV_ATTR_DEV_INDEX);
	for (unsigned int i = 0; i < fake.n_devices; i++)
		if (fake.devices[i].index == mnl_attr_get_u32(attr))
			return &fake.devices[i];
	fail_msg("device %u was never told of", mnl_attr_get_u32(attr));
	return NULL;
}

ssize_t
__wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	      socklen_t to_len)
{
	const struct nlmsghdr *request = data;
	uint32_t seq = request->nlmsg_seq + fake.other_seq;

	(void)flags;
	(void)to_len;
	assert_int_equal(fd, fake.ends[0]);
	assert_int_equal(((const struct sockaddr_nl *)(const void *)to)->nl_pid, 0);
	assert_int_equal(request->nlmsg_len, len);
	assert_true(request->nlmsg_flags & NLM_F_REQUEST);
	fake.seq = seq;
	if (++fake.questions == fake.send_fails_at) {
		errno = ENOBUFS;
		return -1;
	}
	if (fake.silent)
		return (ssize_t)len;
	if (request->nlmsg_type == RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_RES_QP_GET)) {
		assert_int_equal(request->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
		fake_list_qps(seq, fake_asked_device(request));
	} else if ((request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
		fake_list_devices(seq);
	} else {
		const struct fake_device *device = fake_asked_device(request);

		if (!device->gone)
			fake_send(begin(RDMA_NLDEV_CMD_GET, seq, device->index, "rxe"));
		fake_end(seq, NLMSG_ERROR, device->gone ? -EINVAL : 0);
	}
	return (ssize_t)len;
}

ssize_t
__wrap_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
		socklen_t *from_len)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_pid = fake.from};
	ssize_t n = __real_recvfrom(fd, data, len, flags, NULL, NULL);

	fake.receives++;
	if (fake.endless && fake.questions > 1) {
		/* what a kernel does that cannot fit the next QP into a message */
		fake_send(begin(RDMA_NLDEV_CMD_RES_QP_GET, fake.seq, 1, "rxe"));
		assert_true(fake.receives < 1000000);
	}
	assert_true(*from_len >= sizeof(address));
	memcpy(from, &address, sizeof(address));
	*from_len = sizeof(address);
	return n;
}

void
__wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	__real_loop_timer_set(timer, fake.short_times ? delay_ns / 1000 : delay_ns);
}

static void
on_done(void *arg, int status, uint32_t n_qps)
{
	(void)arg;
	n_done++;
	done_status = status;
	done_qps = n_qps;
	if (free_within) {
		nldev_free(dump);
		dump = NULL;
	}
	loop_stop(loop);
}

static int
setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.ends[0] = fake.ends[1] = -1;
	dump = NULL;
	n_done = n_found = 0;
	free_within = false;
	return loop_new(&loop);
}

static int
teardown(void **state)
{
	(void)state;
	nldev_free(dump);
	if (fake.ends[1] >= 0)
		close(fake.ends[1]);
	loop_free(loop);
	return 0;
}

static int
start(void)
{
	static const struct nldev_ops ops = {.qp = on_qp, .done = on_done};
	struct nldev_config config = {.loop = loop, .ops = &ops};

	return nldev_dump(&config, &dump);
}

/* A dump from begin to end: its status. */
static int
run(void)
{
	assert_int_equal(start(), 0);
	assert_int_equal(n_done, 0);
	loop_run(loop);
	assert_int_equal(n_done, 1);
	assert_int_equal(done_qps, n_found);
	return done_status;
}

static void
three_devices(void)
{
	fake.devices[0] = (struct fake_device){.index = 1, .n_qps = 2};
	fake.devices[1] = (struct fake_device){.index = 2, .n_qps = 7};
	fake.devices[2] = (struct fake_device){.index = 5, .n_qps = 4};
	fake.n_devices = 3;
}

static void
test_dump(void **state)
{
	struct loop_stats stats;

	(void)state;
	three_devices();
	fake.devices[3] = (struct fake_device){.index = 6, .n_qps = 0};
	fake.n_devices = 4;
	assert_int_equal(run(), 0);
	assert_int_equal(n_found, 13);
	assert_int_equal(found[1].qpn, 101);
	assert_int_equal(found[8].qpn, 206);
	assert_int_equal(found[9].device_index, 5);
	assert_int_equal(found[12].qpn, 503);
	loop_stats(loop, &stats);
	assert_int_equal(stats.callbacks, fake.receives);
}

static void
test_dump_device_gone(void **state)
{
	(void)state;
	three_devices();
	fake.devices[1].n_qps = 0;
	fake.devices[1].status = -EINVAL;
	fake.devices[1].gone = true;
	assert_int_equal(run(), 0);
	assert_int_equal(n_found, 6);
}

/* The driver fails with the number that also means that there is no such device. */
static void
test_dump_device_fails(void **state)
{
	(void)state;
	three_devices();
	fake.devices[1].status = -EINVAL;
	assert_int_equal(run(), -EINVAL);
	assert_int_equal(n_found, 13);
	nldev_free(dump);
	close(fake.ends[1]);
	fake.devices[1].status = -EIO;
	n_done = n_found = 0;
	assert_int_equal(run(), -EIO);
	assert_int_equal(n_found, 13);
}

static void
test_dump_interrupted(void **state)
{
	(void)state;
	three_devices();
	fake.interrupted = true;
	assert_int_equal(run(), -EINTR);
	assert_int_equal(n_found, 13);
}

static void
test_dump_garbage(void **state)
{
	(void)state;
	three_devices();
	fake.garbage = true;
	assert_int_equal(run(), -EBADMSG);
}

static void
test_dump_too_long(void **state)
{
	(void)state;
	three_devices();
	fake.too_long = true;
	assert_int_equal(run(), -EMSGSIZE);
}

static void
test_dump_no_answer(void **state)
{
	(void)state;
	three_devices();
	fake.silent = fake.short_times = true;
	assert_int_equal(run(), -ETIMEDOUT);
}

static void
test_dump_endless(void **state)
{
	(void)state;
	three_devices();
	fake.endless = fake.short_times = true;
	assert_int_equal(run(), -ETIMEDOUT);
	assert_int_equal(n_found, 2);
}

/* Another process's messages, and answers to another question, count for nothing. */
static void
test_dump_not_ours(void **state)
{
	(void)state;
	three_devices();
	fake.short_times = true;
	fake.from = 4711;
	assert_int_equal(run(), -ETIMEDOUT);
	assert_int_equal(n_found, 0);
	nldev_free(dump);
	close(fake.ends[1]);
	fake.from = 0;
	fake.other_seq = 1;
	n_done = 0;
	assert_int_equal(run(), -ETIMEDOUT);
	assert_int_equal(n_found, 0);
}

static void
test_dump_send_fails(void **state)
{
	(void)state;
	three_devices();
	fake.send_fails_at = 1;
	assert_int_equal(start(), -ENOBUFS);
	close(fake.ends[1]);
	fake.questions = 0;
	fake.send_fails_at = 3;
	assert_int_equal(run(), -ENOBUFS);
	assert_int_equal(n_found, 2);
}

static void
test_dump_freed(void **state)
{
	(void)state;
	three_devices();
	free_within = true;
	assert_int_equal(run(), 0);
	assert_null(dump);
	close(fake.ends[1]);
	n_found = n_done = 0;
	assert_int_equal(start(), 0);
	nldev_free(dump);
	dump = NULL;
	assert_int_equal(n_done, 0);
	assert_int_equal(send(fake.ends[1], "", 1, MSG_NOSIGNAL), -1);
}

/* The real kernel; where there is RDMA, tests/vm compares the QPs. */
static void
test_dump_here(void **state)
{
	(void)state;
	if (__real_access("/sys/class/infiniband", F_OK) == 0)
		skip();
	assert_int_equal(start(), -EPROTONOSUPPORT);
	assert_null(dump);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_device_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_device_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_endless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_send_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_freed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_here, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
