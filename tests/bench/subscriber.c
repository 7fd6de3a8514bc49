/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of the control socket that does as little as possible: subscribes to probe records,
 * counts messages (frames of MessagePack-RPC) and what the daemon says to have dropped, for -t
 * seconds.
 */
#include <getopt.h>
#include <msgpack.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "record/frame.h"
#include "rpingmesh/control.h"

#define FRAME_MAX (1u << 20)
#define DROPPED "dropped"

static struct {
	uint64_t records, dropped, bytes;
} count;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
subscribe(const char *path)
{
	/* [0, 1, "subscribe", []] */
	static const char request[] = "\x94\x00\x01\xa9subscribe\x90";
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		die(path);
	if (write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		die("write");
	return fd;
}

/* [2, "dropped", [{"count": n}]] */
static void
take_dropped(const char *frame, size_t len)
{
	msgpack_unpacked u;
	size_t at = 0;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, frame, len, &at) == MSGPACK_UNPACK_SUCCESS &&
	    u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size == 3) {
		const msgpack_object *params = &u.data.via.array.ptr[2];
		const msgpack_object *map =
			params->type == MSGPACK_OBJECT_ARRAY ? params->via.array.ptr : params;

		if (map->type == MSGPACK_OBJECT_MAP && map->via.map.size)
			count.dropped += map->via.map.ptr[0].val.via.u64;
	}
	msgpack_unpacked_destroy(&u);
}

static void
take(const char *frame, size_t len)
{
	if (len < 8 || (uint8_t)frame[0] != 0x93)
		return; /* the answer to our request */
	if (memcmp(frame + 3, DROPPED, sizeof(DROPPED) - 1) == 0)
		take_dropped(frame, len);
	else
		count.records++;
}

/* All whole frames of what has come; the rest moves to the front. */
static size_t
take_all(uint8_t *buf, size_t len)
{
	size_t at = 0;

	for (;;) {
		struct frame_scan scan;
		ssize_t n;

		frame_scan_start(&scan, FRAME_MAX);
		n = frame_scan_next(&scan, buf + at, len - at);
		if (n < 0) {
			fprintf(stderr, "subscriber: %s\n", strerror((int)-n));
			exit(1);
		}
		if (n == 0)
			break;
		take((const char *)buf + at, (size_t)n);
		at += (size_t)n;
	}
	memmove(buf, buf + at, len - at);
	return len - at;
}

static void
read_until(int fd, uint64_t end_ns)
{
	static uint8_t buf[2 * FRAME_MAX];
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint64_t now;
	size_t len = 0;

	while ((now = clock_mono_ns()) < end_ns) {
		ssize_t n;

		if (poll(&pfd, 1, (int)((end_ns - now) / NSEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(fd, buf + len, sizeof(buf) - len);
		if (n <= 0)
			die("the daemon has gone");
		count.bytes += (uint64_t)n;
		len = take_all(buf, len + (size_t)n);
	}
}

int
main(int argc, char **argv)
{
	const char *path = CONTROL_SOCKET_DEFAULT;
	unsigned int seconds = 2;
	uint64_t begin;
	int option, fd;

	while ((option = getopt(argc, argv, "S:t:")) != -1) {
		switch (option) {
		case 'S': path = optarg; break;
		case 't': seconds = (unsigned int)atoi(optarg); break;
		default: seconds = 0; break;
		}
	}
	if (seconds < 1 || optind != argc) {
		fprintf(stderr, "Usage: subscriber [-S SOCKET] [-t SECONDS]\n");
		return 2;
	}
	fd = subscribe(path);
	begin = clock_mono_ns();
	read_until(fd, begin + seconds * NSEC_PER_SEC);
	printf("{\"records\": %llu, \"dropped\": %llu, \"bytes\": %llu, \"per_s\": %.1f}\n",
	       (unsigned long long)count.records, (unsigned long long)count.dropped,
	       (unsigned long long)count.bytes,
	       (double)count.records * 1e9 / (double)(clock_mono_ns() - begin));
	close(fd);
	return 0;
}
