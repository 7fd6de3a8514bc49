/* SPDX-License-Identifier: Apache-2.0 */
#include "lldp/lldp_impl.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/jdoc.h"

#define LLDP_REPLY_MAX (1u << 20)
#define LLDP_FRAME_MAX 65536u

/* ---- systemd before 256: a file of frames ---- */

int
lldp_networkd_frames(const uint8_t *data, size_t len, uint64_t age_s, struct lldp_switches *out)
{
	struct lldp_neighbour neighbour;
	uint64_t size;

	for (size_t at = 0; at < len; at += (size_t)size) {
		if (len - at < sizeof(size))
			return -EBADMSG;
		memcpy(&size, data + at, sizeof(size));
		size = le64toh(size);
		at += sizeof(size);
		if (size > LLDP_FRAME_MAX || size > len - at)
			return -EBADMSG;
		/* A neighbour that sends nonsense does not hide the others. */
		if (lldp_frame(data + at, (size_t)size, &neighbour) < 0 || !neighbour.is_switch ||
		    !neighbour.ttl_s)
			continue;
		if (age_s > neighbour.ttl_s)
			lldp_fail(out, "systemd-networkd has not renewed what it heard of %s",
				  neighbour.name);
		else
			lldp_add(out, neighbour.name);
	}
	return 0;
}

/* ---- systemd 256 and later: Varlink ---- */

/* A neighbour says what it is in EnabledCapabilities, the bits of the TLV. */
static bool
lldp_networkd_is_switch(const struct jdoc *json, const struct jdoc_value *neighbour)
{
	uint32_t bits;

	return !jdoc_u32(jdoc_find(json, neighbour, "EnabledCapabilities"), &bits) ||
	       lldp_is_switch(bits);
}

static void
lldp_networkd_neighbour(const struct jdoc *json, const struct jdoc_value *neighbour,
			struct lldp_switches *out)
{
	const char *name = jdoc_string(jdoc_find(json, neighbour, "SystemName"));

	if (!name || !name[0])
		name = jdoc_string(jdoc_find(json, neighbour, "ChassisID"));
	if (name && lldp_networkd_is_switch(json, neighbour))
		lldp_add(out, name);
}

/* {"parameters": {"Neighbors": [{"InterfaceIndex": 2, "Neighbors": [{"SystemName": …}]}]}} */
void
lldp_networkd_read(const struct jdoc *reply, uint32_t index, struct lldp_switches *out)
{
	const struct jdoc_value *link, *neighbour,
		*all = jdoc_find(reply, jdoc_root(reply), "parameters");
	uint32_t of;

	link = jdoc_first(reply, jdoc_find(reply, all, "Neighbors"));
	for (; link; link = jdoc_next(reply, link)) {
		if (!jdoc_u32(jdoc_find(reply, link, "InterfaceIndex"), &of) || of != index)
			continue;
		neighbour = jdoc_first(reply, jdoc_find(reply, link, "Neighbors"));
		for (; neighbour; neighbour = jdoc_next(reply, neighbour))
			lldp_networkd_neighbour(reply, neighbour, out);
	}
}

static int
lldp_networkd_connect(const char *path)
{
	const struct timeval limit = {.tv_sec = LLDP_WAIT_S};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The former is also that of connect(2). */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Receives the reply, which ends with a '\0'. Returns its length, or -errno. */
static ssize_t
lldp_networkd_receive(int fd, char *reply)
{
	size_t have = 0;
	ssize_t n;

	while (have < LLDP_REPLY_MAX) {
		n = recv(fd, reply + have, LLDP_REPLY_MAX - have, 0);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -ECONNRESET;
		if (memchr(reply + have, '\0', (size_t)n))
			return (ssize_t)strlen(reply);
		have += (size_t)n;
	}
	return -EMSGSIZE;
}

static int
lldp_networkd_call(int fd, struct jdoc **out)
{
	static const char call[] =
		"{\"method\":\"io.systemd.Network.GetLLDPNeighbors\",\"parameters\":{}}";
	char *reply;
	ssize_t n;
	int rc;

	if (send(fd, call, sizeof(call), MSG_NOSIGNAL) != (ssize_t)sizeof(call))
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	reply = malloc(LLDP_REPLY_MAX);
	if (!reply)
		return -ENOMEM;
	n = lldp_networkd_receive(fd, reply);
	rc = n < 0 ? (int)n : jdoc_parse(reply, (size_t)n, out);
	free(reply);
	return rc;
}

int
lldp_networkd_ask(const char *path, struct jdoc **out)
{
	int fd = lldp_networkd_connect(path), rc;

	if (fd < 0)
		return fd;
	rc = lldp_networkd_call(fd, out);
	close(fd);
	if (rc == 0 && jdoc_find(*out, jdoc_root(*out), "error")) {
		jdoc_free(*out);
		*out = NULL;
		rc = -EPROTO;
	}
	return rc;
}
