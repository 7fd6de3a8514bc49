/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections on a Unix socket, a few at each wake-up. If there are no descriptors left, it
 * pauses. Does not block.
 */
#ifndef RPINGMESH_SERVE_ACCEPTOR_H
#define RPINGMESH_SERVE_ACCEPTOR_H

struct acceptor;
struct loop;

/*
 * fd is a non-blocking socket that listens; the caller owns it. take() receives each connection,
 * which is non-blocking and close-on-exec, and owns it. Returns 0 and sets *out, or -errno.
 */
int acceptor_new(struct loop *loop, int fd, void (*take)(void *arg, int fd), void *arg,
		 struct acceptor **out);
/* NULL is allowed. */
void acceptor_free(struct acceptor *acceptor);

#endif
