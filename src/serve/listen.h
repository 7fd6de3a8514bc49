/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that the control socket is: made with the right mode from the start, an old one that
 * nobody listens on replaced, and removed only if it is still the one that was made.
 */
#ifndef RPINGMESH_SERVE_LISTEN_H
#define RPINGMESH_SERVE_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct listen_socket {
	int fd;     /* listening, non-blocking, close-on-exec; the caller's */
	bool made;  /* the file is ours; dev and ino tell which one */
	dev_t dev;
	ino_t ino;
};

/* 0 and *out, or -errno, logged, as control_new() has it. Changes the umask meanwhile. */
int listen_open(const char *path, const char *group, struct listen_socket *out);

/*
 * 0 and *out for a descriptor that was passed to us (sd_listen_fds(3)), or -errno, logged. Takes fd
 * over on success.
 */
int listen_adopt(int fd, struct listen_socket *out);

/* Closes, and removes the file if it is the one that listen_open() made. */
void listen_close(struct listen_socket *listen, const char *path);

#endif
