/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink: whole dumps of QPs, answered by the input. Sockets and the loop are wrapped by the
 * linker: a receive takes the next piece of the input, and the time limit fires when there is none.
 *
 * The input is pieces: a byte of bits (enum nldev_bit), two bytes of length, bytes. The sequence
 * number of each message in a piece is set to that of the question, unless a bit says to leave it.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "core/loop.h"
#include "fuzz.h"
#include "trace/nldev.h"

enum nldev_bit {
	NLDEV_RAW_SEQ = 1,  /* as it stands in the input */
	NLDEV_STRANGER = 2, /* from another process */
	NLDEV_ERROR = 4,    /* recvfrom(2) fails */
	NLDEV_LONGER = 8,   /* the message was longer than the buffer */
};

#define NLDEV_SOCKET 1000000 /* no descriptor */
#define NLDEV_RECEIVES 4096

static struct fuzz input;
static uint32_t question_seq;
static unsigned int receives;

static struct {
	struct loop_fd_config fd;
	void (*late)(void *arg);
	void *late_arg;
	bool watching, timing;
} made;

static struct {
	unsigned int dones;
	uint32_t n_qps;
	int status;
} got;

int __wrap_access(const char *path, int mode);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_close(int fd);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
			socklen_t *from_len);
int __wrap_loop_fd_new(struct loop *loop, const struct loop_fd_config *config,
		       struct loop_fd **out);
void __wrap_loop_fd_free(struct loop_fd *fd);
int __wrap_loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
			  struct loop_timer **out);
void __wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void __wrap_loop_timer_free(struct loop_timer *timer);
int __real_close(int fd);

int
__wrap_access(const char *path, int mode)
{
	(void)path;
	(void)mode;
	return 0;
}

int
__wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return NLDEV_SOCKET;
}

int
__wrap_close(int fd)
{
	return fd == NLDEV_SOCKET ? 0 : __real_close(fd);
}

ssize_t
__wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	      socklen_t to_len)
{
	const struct nlmsghdr *header = data;

	(void)flags;
	(void)to;
	FUZZ_CHECK(fd == NLDEV_SOCKET && to_len == sizeof(struct sockaddr_nl) &&
		   header->nlmsg_len == len);
	question_seq = header->nlmsg_seq;
	return (ssize_t)len;
}

/* As far as the headers make sense. */
static void
nldev_set_seq(uint8_t *bytes, size_t len)
{
	struct nlmsghdr header;

	for (size_t at = 0; len - at >= sizeof(header); at += NLMSG_ALIGN(header.nlmsg_len)) {
		memcpy(&header, bytes + at, sizeof(header));
		header.nlmsg_seq = question_seq;
		memcpy(bytes + at, &header, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len - at ||
		    NLMSG_ALIGN(header.nlmsg_len) > len - at)
			return;
	}
}

ssize_t
__wrap_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
		socklen_t *from_len)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	uint8_t bits = fuzz_u8(&input);
	size_t n = fuzz_u16(&input);

	(void)flags;
	FUZZ_CHECK(fd == NLDEV_SOCKET);
	if (bits & NLDEV_ERROR) {
		errno = n & 1 ? EAGAIN : ENOBUFS;
		return -1;
	}
	n = n < input.left ? n : input.left;
	n = n < len ? n : len;
	fuzz_fill(&input, data, n);
	/* What lies behind the message in the buffer is none of it. */
	memset((uint8_t *)data + n, 0xa5, len - n);
	if (!(bits & NLDEV_RAW_SEQ))
		nldev_set_seq(data, n);
	address.nl_pid = bits & NLDEV_STRANGER ? 7 : 0;
	memcpy(from, &address, sizeof(address));
	*from_len = sizeof(address);
	return (ssize_t)(bits & NLDEV_LONGER ? len + 1 : n);
}

int
__wrap_loop_fd_new(struct loop *loop, const struct loop_fd_config *config, struct loop_fd **out)
{
	(void)loop;
	made.fd = *config;
	made.watching = true;
	*out = (struct loop_fd *)(void *)&made.watching;
	return 0;
}

void
__wrap_loop_fd_free(struct loop_fd *fd)
{
	if (fd)
		made.watching = false;
}

int
__wrap_loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
		      struct loop_timer **out)
{
	(void)loop;
	(void)name;
	made.late = cb;
	made.late_arg = arg;
	*out = (struct loop_timer *)(void *)&made.timing;
	return 0;
}

void
__wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	FUZZ_CHECK(timer && delay_ns > 0);
	made.timing = true;
}

void
__wrap_loop_timer_free(struct loop_timer *timer)
{
	if (timer)
		made.timing = false;
}

static void
nldev_got_qp(void *arg, const struct nldev_qp *qp)
{
	(void)arg;
	FUZZ_CHECK(memchr(qp->device, '\0', sizeof(qp->device)) &&
		   memchr(qp->kernel_name, '\0', sizeof(qp->kernel_name)));
	got.n_qps++;
}

static void
nldev_got_done(void *arg, int status, uint32_t n_qps)
{
	(void)arg;
	FUZZ_CHECK(status <= 0 && n_qps == got.n_qps);
	got.status = status;
	got.dones++;
}

static const struct nldev_ops nldev_ops = {nldev_got_qp, nldev_got_done};

static void
nldev_whole_dump(void)
{
	struct nldev_config config = {.ops = &nldev_ops};
	struct nldev *dump;

	memset(&made, 0, sizeof(made));
	memset(&got, 0, sizeof(got));
	FUZZ_CHECK(nldev_dump(&config, &dump) == 0 && made.watching && made.timing);
	for (receives = 0; input.left && got.dones == 0 && receives < NLDEV_RECEIVES; receives++)
		made.fd.cb(made.fd.arg, LOOP_READ);
	if (got.dones == 0)
		made.late(made.late_arg);
	FUZZ_CHECK(got.dones == 1 && !made.watching && !made.timing);
	nldev_free(dump);
}

/* One message alone, aligned, in memory of its size. */
static void
nldev_one_message(const uint8_t *data, size_t size)
{
	uint8_t *message = malloc(size ? size : 1);
	int rc;

	if (!message)
		abort();
	if (size)
		memcpy(message, data, size);
	rc = nldev_parse(message, size, &nldev_ops, NULL);
	FUZZ_CHECK(rc == 0 || rc == -EBADMSG);
	free(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct fuzz){data, size};
	nldev_whole_dump();
	if (size > 3)
		nldev_one_message(data + 3, size - 3);
	return 0;
}
