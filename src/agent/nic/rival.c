/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct ucred */
#endif
#include "agent/nic/rival.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RIVAL_MESSAGES 16 /* more than a socket queues, net.unix.max_dgram_qlen */

static socklen_t
rival_name(const struct addr *local, uint16_t port, struct sockaddr_un *sun)
{
	char text[ADDR_TEXT];
	int len;

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	len = snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1, "rpingmeshd/%s/%u",
		       addr_text(local, text), port);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int
rival_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
rival_open(const struct addr *local, uint16_t port)
{
	struct sockaddr_un sun;
	socklen_t len = rival_name(local, port, &sun);
	int fd = rival_socket(), on = 1, rc;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sun, len) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static bool
rival_receive(int fd, pid_t *pid)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	struct ucred who = {0};

	if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) < 0)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(c), sizeof(who));
	*pid = who.pid;
	return true;
}

bool
rival_heard(int fd, pid_t *pid)
{
	bool heard = false;

	for (int i = 0; fd >= 0 && i < RIVAL_MESSAGES && rival_receive(fd, pid); i++)
		heard = true;
	return heard;
}

void
rival_tell(const struct addr *local, uint16_t port)
{
	struct sockaddr_un sun;
	socklen_t len = rival_name(local, port, &sun);
	int fd = rival_socket();

	if (fd < 0)
		return;
	/* Without a socket there, it is an older daemon, or another program. */
	sendto(fd, "", 1, MSG_NOSIGNAL, (struct sockaddr *)&sun, len);
	close(fd);
}
