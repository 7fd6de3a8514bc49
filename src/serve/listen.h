/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the control socket. It has the right mode from the start, replaces an old one without
 * a listener, and is removed only if it is still the one that was made.
 */
#ifndef RPINGMESH_SERVE_LISTEN_H
#define RPINGMESH_SERVE_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct listen_socket {
	int fd;     /* listening, non-blocking, close-on-exec; the caller owns it */
	bool made;  /* we have made the file; dev and ino identify it */
	dev_t dev;
	ino_t ino;
};

#define LISTEN_NO_GROUP ((gid_t)-1)

/*
 * The group with that name. If there is none, logs this for the socket at `path` and returns
 * LISTEN_NO_GROUP; so it does for NULL and "", without logging. May block in getgrnam(3).
 */
gid_t listen_group(const char *path, const char *name);

/*
 * group: its members may connect; LISTEN_NO_GROUP: nobody else. Returns 0 and sets *out, or logs
 * the error and returns -errno: see control_new(). Changes the umask for a moment.
 */
int listen_open(const char *path, gid_t group, struct listen_socket *out);

/*
 * Uses a descriptor that was passed to us (sd_listen_fds(3)). On success takes fd over, sets *out
 * and returns 0. Otherwise logs the error and returns -errno.
 */
int listen_adopt(int fd, struct listen_socket *out);

/* Whether the file of listen_open() is missing, and no other is in its place. */
bool listen_is_removed(const struct listen_socket *listen, const char *path);

/* Whether the directory of the file exists, and we may make files in it. */
bool listen_can_make(const char *path);

/* Closes the socket, and removes the file if it is the one that listen_open() made. */
void listen_close(struct listen_socket *listen, const char *path);

#endif
